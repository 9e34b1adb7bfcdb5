/* SPDX-License-Identifier: MPL-2.0 */
/* Settings: defaults, file, environment, secrets in files and flags, which of them wins, what each kind takes
 * at its edges, every refusal, and that passwords are not shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

enum { S_ARGUMENTS = 12 };

static char s_folder[] = "/tmp/muster-config-XXXXXX";

static const struct {
    const char *key, *flag, *environment;
    srv_kind_t kind;
    const char *fallback;
    int64_t least, most;
} s_options[] = {
#define X(name, key, flag, environment, kind, fallback, least, most, argument, help)                         \
    {key, flag, environment, kind, fallback, least, most},
    SRV_OPTIONS(X)
#undef X
};

/* The tests' own surroundings must not count. */
static int s_clean(void **state)
{
    (void)state;
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        char variable[64];
        snprintf(variable, sizeof variable, "%s_FILE", s_options[i].environment);
        unsetenv(variable);
        unsetenv(s_options[i].environment);
    }
    unsetenv("MUSTER_CONFIG");
    return 0;
}

static int s_set_up(void **state)
{
    assert_non_null(mkdtemp(s_folder));
    return s_clean(state);
}

static int s_tear_down(void **state)
{
    (void)state;
    return rmdir(s_folder);
}

/* The path of a file in the folder; it is written when there is a text. */
static const char *s_file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", s_folder, name);
    if (text) {
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return path;
}

/* Reads with arguments that are separated by '|'; the rest of them is put into `left`, with blanks between.
 */
static int s_read(srv_config_t *config, uint64_t allowed, const char *arguments, proto_buf_t *why,
                  char left[256])
{
    char copy[512], *rest = copy, *argv[S_ARGUMENTS + 1] = {"muster"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", arguments);
    while (*arguments && rest && argc < S_ARGUMENTS)
        argv[argc++] = strsep(&rest, "|");
    proto_buf_reset(why);
    int rc = srv_config_read(config, allowed, &argc, argv, why);
    assert_int_equal(rc, why->size ? -1 : 0);
    left[0] = '\0';
    for (int i = 1; i < argc && rc == 0; i++) {
        size_t at = strlen(left);
        snprintf(left + at, 256 - at, "%s%s", i > 1 ? " " : "", argv[i]);
    }
    return rc;
}

static void test_defaults(void **state)
{
    (void)state;
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    char left[256];
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), 0);
    for (int i = 0; i < SRV_OPTION_COUNT; i++)
        assert_string_equal(srv_config_text(&config, (srv_option_t)i), s_options[i].fallback);
    assert_int_equal(srv_config_number(&config, SRV_OPT_actors), 8);
    assert_int_equal(srv_config_number(&config, SRV_OPT_drain), 5000);
    assert_int_equal(srv_config_number(&config, SRV_OPT_idle_timeout), 60000);
    assert_int_equal(srv_config_number(&config, SRV_OPT_max_body), 1048576);
    assert_int_equal(srv_config_number(&config, SRV_OPT_dev), 0);
    srv_config_free(&config);
    srv_config_free(&config);
    proto_buf_free(&why);
}

/* A flag wins over the environment, that over the file, that over the default; for every option. */
static void test_precedence(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    for (int i = 0; i < SRV_OPTION_COUNT; i++)
        for (int level = 0; level < 16; level++) { /* bits: file, environment, its _FILE, flag */
            static const char *const values[][4] = {[SRV_TEXT] = {"f", "e", "s", "a"},
                                                    [SRV_SECRET] = {"f", "e", "s", "a"},
                                                    [SRV_SWITCH] = {"on", "yes", "true", "1"}};
            srv_kind_t kind = s_options[i].kind;
            bool counts = kind == SRV_NUMBER || kind == SRV_DURATION;
            char numbers[4][32];
            const char *value[4];
            for (int n = 0; n < 4; n++) {
                snprintf(numbers[n], sizeof numbers[n], "%lld%s", (long long)s_options[i].least + n,
                         kind == SRV_DURATION ? "ms" : "");
                value[n] = counts ? numbers[n] : values[kind][n];
            }
            if ((level & 8) && !*s_options[i].flag)
                continue; /* secrets have none */
            char left[256], text[256], arguments[256] = "", secret[128], variable[64];
            const char *slash = strchr(s_options[i].key, '/');
            if (level & 1) {
                if (slash)
                    snprintf(text, sizeof text, "%.*s\n    %s = \"%s\"\n", (int)(slash - s_options[i].key),
                             s_options[i].key, slash + 1, value[0]);
                else
                    snprintf(text, sizeof text, "%s = \"%s\"\n", s_options[i].key, value[0]);
                snprintf(arguments, sizeof arguments, "--config|%s|", s_file("c.zpl", text));
            }
            if (level & 2)
                setenv(s_options[i].environment, value[1], 1);
            snprintf(variable, sizeof variable, "%s_FILE", s_options[i].environment);
            if (level & 4) {
                snprintf(text, sizeof text, "%s\n", value[2]);
                snprintf(secret, sizeof secret, "%s", s_file("secret", text));
                setenv(variable, secret, 1);
            }
            if (level & 8) {
                size_t at = strlen(arguments);
                snprintf(arguments + at, sizeof arguments - at, "%s=%s|", s_options[i].flag, value[3]);
            }
            strcat(arguments, "rest");
            srv_config_t config;
            if (s_read(&config, SRV_SET_ALL, arguments, &why, left) < 0)
                fail_msg("%s: %s", arguments, proto_buf_text(&why));
            const char *want = level & 8   ? value[3]
                               : level & 4 ? value[2]
                               : level & 2 ? value[1]
                               : level & 1 ? value[0]
                                           : s_options[i].fallback;
            if (strcmp(srv_config_text(&config, (srv_option_t)i), want) != 0)
                fail_msg("%s, sources %d: %s instead of %s", s_options[i].key, level,
                         srv_config_text(&config, (srv_option_t)i), want);
            assert_string_equal(left, "rest");
            srv_config_free(&config);
            unsetenv(s_options[i].environment);
            unsetenv(variable);
        }
    assert_int_equal(remove(s_file("c.zpl", NULL)), 0);
    assert_int_equal(remove(s_file("secret", NULL)), 0);
    proto_buf_free(&why);
}

static void test_file_from_the_environment(void **state)
{
    (void)state;
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    char left[256];
    setenv("MUSTER_CONFIG", s_file("c.zpl", "database\n    actors = 3\n    url =\nunknown = 5\n"), 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), 0);
    assert_int_equal(srv_config_number(&config, SRV_OPT_actors), 3);
    assert_string_equal(srv_config_text(&config, SRV_OPT_database), "");
    srv_config_free(&config);
    setenv("MUSTER_CONFIG", "", 1); /* as good as unset */
    setenv("MUSTER_ACTORS", "", 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), 0);
    assert_int_equal(srv_config_number(&config, SRV_OPT_actors), 8);
    srv_config_free(&config);
    assert_int_equal(remove(s_file("c.zpl", NULL)), 0);
    s_clean(state);
    proto_buf_free(&why);
}

static void test_flags(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *left, *actors, *dir;
        int64_t dev;
    } cases[] = {
        {"serve", "serve", "8", "", 0},
        {"--actors|3|serve", "serve", "3", "", 0},
        {"serve|--actors=3|a|--dir|x|b", "serve a b", "3", "x", 0},
        {"--dir=|x", "x", "8", "", 0},
        {"--dir=a=b", "", "8", "a=b", 0},
        {"--dir|--dev", "", "8", "--dev", 0}, /* a value is a value */
        {"--dev|serve", "serve", "8", "", 1},
        {"--dev=off|serve", "serve", "8", "", 0},
        {"--dev=YES", "", "8", "", 1},
        {"--actors|3|--actors|4", "", "4", "", 0},
        {"-|-x|id=1", "- -x id=1", "8", "", 0},
    };
    proto_buf_t why = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_config_t config;
        char left[256];
        if (s_read(&config, SRV_SET_ALL, cases[i].arguments, &why, left) < 0)
            fail_msg("%s: %s", cases[i].arguments, proto_buf_text(&why));
        if (strcmp(left, cases[i].left) != 0 ||
            strcmp(srv_config_text(&config, SRV_OPT_actors), cases[i].actors) != 0 ||
            strcmp(srv_config_text(&config, SRV_OPT_dir), cases[i].dir) != 0 ||
            srv_config_number(&config, SRV_OPT_dev) != cases[i].dev)
            fail_msg("%s: left \"%s\"", cases[i].arguments, left);
        srv_config_free(&config);
    }
    proto_buf_free(&why);
}

static void test_refused_flags(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"--nonsense", "unknown option --nonsense; see --help"},
        {"--nonsense=5", "unknown option --nonsense=5; see --help"},
        {"--", "unknown option --; see --help"},
        {"--Actors|3", "unknown option --Actors; see --help"},
        {"--actor=3", "unknown option --actor=3; see --help"},
        {"--configure", "unknown option --configure; see --help"},
        {"--queue|5", "unknown option --queue; see --help"}, /* not among those allowed below */
        {"--actors", "--actors needs a value: N"},
        {"--dir", "--dir needs a value: DIR"},
        {"--config", "--config needs a value: FILE"},
        {"serve|--config", "--config needs a value: FILE"},
        {"--actors=", "--actors must be a whole number"},
        {"--actors=x", "--actors must be a whole number"},
        {"--actors=1.5", "--actors must be a whole number"},
        {"--actors=0x10", "--actors must be a whole number"},
        {"--actors=99999999999999999999", "--actors must be a whole number"},
        {"--actors=0", "--actors must lie between 1 and 256"},
        {"--actors=257", "--actors must lie between 1 and 256"},
        {"--actors=-1", "--actors must lie between 1 and 256"},
        {"--drain=x", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=5d", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=1.5s", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=-1s", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=99999999999999999999s", "--drain must be a time such as 500ms, 5s or 2m"},
        {"--drain=600001ms", "--drain must lie between 0 and 600000 ms"},
        {"--drain=11m", "--drain must lie between 0 and 600000 ms"},
        {"--idle-timeout=99ms", "--idle-timeout must lie between 100 and 3600000 ms"},
        {"--dev=maybe", "--dev must be on or off"},
        {"--dev=", "--dev must be on or off"},
        {"--config=/nowhere/at/all", "the configuration file /nowhere/at/all cannot be read or is not ZPL"},
    };
    proto_buf_t why = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_config_t config;
        char left[256];
        uint64_t allowed = SRV_SET_ALL & ~SRV_SET(SRV_OPT_queue);
        (void)!s_read(&config, allowed, cases[i][0], &why, left);
        if (strcmp(proto_buf_text(&why), cases[i][1]) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", cases[i][0], proto_buf_text(&why), cases[i][1]);
        srv_config_free(&config);
    }
    proto_buf_free(&why);
}

/* Numbers and durations exactly at their limits and just beyond, for every option. */
static void test_limits(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        srv_kind_t kind = s_options[i].kind;
        if (kind != SRV_NUMBER && kind != SRV_DURATION)
            continue;
        const int64_t numbers[] = {s_options[i].least, s_options[i].most, s_options[i].least - 1,
                                   s_options[i].most + 1};
        for (int n = 0; n < 4; n++) {
            srv_config_t config;
            char left[256], argument[128];
            snprintf(argument, sizeof argument, "%s=%lld%s", s_options[i].flag, (long long)numbers[n],
                     kind == SRV_DURATION ? "ms" : "");
            assert_int_equal(s_read(&config, SRV_SET_ALL, argument, &why, left), n < 2 ? 0 : -1);
            if (n < 2)
                assert_int_equal(srv_config_number(&config, (srv_option_t)i), numbers[n]);
            srv_config_free(&config);
        }
    }
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = {{"0", 0}, {"7", 7000}, {"500ms", 500}, {"5s", 5000}, {"2m", 120000}, {"600s", 600000}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        srv_config_t config;
        char left[256], argument[64];
        snprintf(argument, sizeof argument, "--drain=%s", durations[i].text);
        assert_int_equal(s_read(&config, SRV_SET_ALL, argument, &why, left), 0);
        assert_int_equal(srv_config_number(&config, SRV_OPT_drain), durations[i].ms);
        srv_config_free(&config);
    }
    proto_buf_free(&why);
}

/* Where a wrong value came from is told, the value itself is not: it may be a secret. */
static void test_culprits(void **state)
{
    (void)state;
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    char left[256], want[256];
    setenv("MUSTER_ACTORS", "swordfish", 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "--actors=3", &why, left), -1);
    assert_string_equal(proto_buf_text(&why), "MUSTER_ACTORS must be a whole number");
    srv_config_free(&config);
    s_clean(state);
    snprintf(want, sizeof want, "--config=%s", s_file("c.zpl", "database\n    actors = swordfish\n"));
    assert_int_equal(s_read(&config, SRV_SET_ALL, want, &why, left), -1);
    assert_string_equal(proto_buf_text(&why), "database/actors must be a whole number");
    srv_config_free(&config);
    assert_int_equal(remove(s_file("c.zpl", NULL)), 0);
    setenv("DATABASE_URL_FILE", "/nowhere/at/all", 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), -1);
    assert_string_equal(
        proto_buf_text(&why),
        "DATABASE_URL_FILE names /nowhere/at/all, which cannot be read: No such file or directory");
    srv_config_free(&config);
    setenv("DATABASE_URL_FILE", s_folder, 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), -1);
    snprintf(want, sizeof want, "DATABASE_URL_FILE names %s, which cannot be read: Is a directory", s_folder);
    assert_string_equal(proto_buf_text(&why), want);
    srv_config_free(&config);
    s_clean(state);
    proto_buf_free(&why);
}

static void test_secrets(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a b", "a b"}, {"a\n", "a"}, {"a\r\n", "a"},
                                           {" a ", " a "}, {"", ""},     {"\n", ""}};
    proto_buf_t why = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_config_t config;
        char left[256];
        setenv("DATABASE_URL_FILE", s_file("secret", cases[i][0]), 1);
        assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), 0);
        assert_string_equal(srv_config_text(&config, SRV_OPT_database), cases[i][1]);
        srv_config_free(&config);
    }
    assert_int_equal(remove(s_file("secret", NULL)), 0);
    s_clean(state);
    proto_buf_free(&why);
}

static void test_secrets_are_hidden(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    srv_config_t config;
    char left[256];
    setenv("SECRET_KEY", "of the variable", 1);
    setenv("SECRET_KEY_OLD_FILE", s_file("secret", "of the file\n"), 1);
    assert_int_equal(s_read(&config, SRV_SET_ALL, "", &why, left), 0);
    srv_config_show(&config, &out);
    assert_null(strstr(proto_buf_text(&out), "of the"));
    assert_non_null(strstr(proto_buf_text(&out), "auth/secret_key = (hidden)\n"));
    assert_non_null(strstr(proto_buf_text(&out), "auth/secret_key_old = (hidden)\n"));
    (void)s_file("secret", "another\n"); /* as it is now */
    proto_buf_reset(&out);
    assert_int_equal(srv_config_fresh(&config, SRV_OPT_secret_key, &out, &why), 0);
    assert_int_equal(srv_config_fresh(&config, SRV_OPT_secret_key_old, &out, &why), 0);
    assert_string_equal(proto_buf_text(&out), "of the variableanother");
    assert_int_equal(remove(s_file("secret", NULL)), 0);
    assert_int_equal(srv_config_fresh(&config, SRV_OPT_secret_key_old, &out, &why), -1);
    assert_non_null(strstr(proto_buf_text(&why), "SECRET_KEY_OLD_FILE names "));
    unsetenv("SECRET_KEY");
    unsetenv("SECRET_KEY_OLD_FILE");
    srv_config_free(&config);
    proto_buf_free(&why);
    proto_buf_free(&out);
}

/* The forms of libpq's connection strings (PostgreSQL manual, 34.1.1), each with the password "swordfish". */
static void test_passwords_are_hidden(void **state)
{
    (void)state;
#define S_HIDDEN "(hidden: it holds a password)"
    static const char *const cases[][2] = {
        {"", ""},
        {"postgresql://", "postgresql://"},
        {"postgresql://h:5432/db", "postgresql://h:5432/db"},
        {"postgresql://u@h/db", "postgresql://u@h/db"},
        {"postgresql://u:swordfish@h:5432/db?sslmode=require", "postgresql://u@h:5432/db?sslmode=require"},
        {"postgres://postgres:password@h/db", "postgres://postgres@h/db"},
        {"postgresql://u:sword@swordfish@h/db", "postgresql://u@h/db"},
        {"postgresql://u:swordfish?x@h/db", "postgresql://u@h/db"},
        {"postgresql://:swordfish@/db?host=/tmp", "postgresql://@/db?host=/tmp"},
        {"postgresql:///db?user=u&password=swordfish", S_HIDDEN},
        {"postgresql://u@h/db?password=swordfish", S_HIDDEN},
        {"postgresql://h:5432/db?password=x@swordfish", S_HIDDEN},
        {"postgresql://u:x@h/db?sslpassword=swordfish", S_HIDDEN},
        {"host=h user=u password=swordfish", S_HIDDEN},
        {"host=h password = 'swordfish'", S_HIDDEN},
        {"host=h dbname=db", "host=h dbname=db"},
    };
    proto_buf_t why = PROTO_BUF_INIT, shown = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        srv_config_t config;
        char left[256], argument[256], line[256];
        snprintf(argument, sizeof argument, "--database-url=%s", cases[i][0]);
        assert_int_equal(s_read(&config, SRV_SET_ALL, argument, &why, left), 0);
        proto_buf_reset(&shown);
        srv_config_show(&config, &shown);
        snprintf(line, sizeof line, "\ndatabase/url = %s\n", cases[i][1]);
        if (!strstr(proto_buf_text(&shown), line) || strstr(proto_buf_text(&shown), "swordfish"))
            fail_msg("%s is shown as %s", cases[i][0], strstr(proto_buf_text(&shown), "database/url"));
        srv_config_free(&config);
    }
#undef S_HIDDEN
    size_t lines = 0;
    for (size_t i = 0; i < shown.size; i++)
        lines += shown.data[i] == '\n';
    assert_int_equal(lines, SRV_OPTION_COUNT);
    proto_buf_free(&why);
    proto_buf_free(&shown);
}

static void test_the_password_of_redis_is_hidden(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT, shown = PROTO_BUF_INIT;
    srv_config_t config;
    char left[256];
    assert_int_equal(s_read(&config, SRV_SET_ALL, "--redis-url=redis://u:swordfish@h:7/1", &why, left), 0);
    srv_config_show(&config, &shown);
    assert_non_null(strstr(proto_buf_text(&shown), "rate/redis_url = redis://u@h:7/1\n"));
    assert_null(strstr(proto_buf_text(&shown), "swordfish"));
    srv_config_free(&config);
    proto_buf_free(&why);
    proto_buf_free(&shown);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address; /* NULL: refused */
        uint16_t port;
        bool loopback;
    } cases[] = {
        {"127.0.0.1:8000", "127.0.0.1", 8000, true},
        {"0.0.0.0:1", "0.0.0.0", 1, false},
        {"127.255.0.9:65535", "127.255.0.9", 65535, true},
        {"[::1]:8000", "::1", 8000, true},
        {"[::]:8000", "::", 8000, false},
        {"[2001:db8::1]:0", "2001:db8::1", 0, false},
        {":8000", "127.0.0.1", 8000, true},
        {"8000", "127.0.0.1", 8000, true},
        {"localhost:8000", "127.0.0.1", 8000, true},
        {"192.168.127.1:80", "192.168.127.1", 80, false},
        {"", NULL, 0, false},
        {":", NULL, 0, false},
        {"127.0.0.1", NULL, 0, false},
        {"127.0.0.1:", NULL, 0, false},
        {"127.0.0.1:65536", NULL, 0, false},
        {"127.0.0.1:-1", NULL, 0, false},
        {"127.0.0.1:80x", NULL, 0, false},
        {"127.0.0.1:http", NULL, 0, false},
        {"127.0.0.256:80", NULL, 0, false},
        {"127.1:80", NULL, 0, false},
        {"example.org:80", NULL, 0, false},
        {"[::1]", NULL, 0, false},
        {"[::1:80", NULL, 0, false},
        {"[]:80", NULL, 0, false},
        {"http://127.0.0.1:80", NULL, 0, false},
        {"1234567890123456789012345678901234567890123456789012345678901234:80", NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char address[64] = "";
        uint16_t port = 4711;
        int rc = srv_split_address(cases[i].text, address, &port);
        if (rc != (cases[i].address ? 0 : -1))
            fail_msg("%s: %d, %s", cases[i].text, rc, address);
        if (rc < 0)
            continue;
        assert_string_equal(address, cases[i].address);
        assert_int_equal(port, cases[i].port);
        assert_int_equal(srv_is_loopback(address), cases[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_file_from_the_environment),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_refused_flags),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_culprits),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_passwords_are_hidden),
        cmocka_unit_test(test_secrets_are_hidden),
        cmocka_unit_test(test_the_password_of_redis_is_hidden),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
