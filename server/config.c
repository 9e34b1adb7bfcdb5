/* SPDX-License-Identifier: MPL-2.0 */
/* Settings. Thread: main, before other threads start. */
#include "config.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "proto_log.h"

enum { S_FILE_BYTES = 65536 };

typedef struct s_option {
    const char *key, *flag, *environment;
    srv_kind_t kind;
    const char *fallback;
    int64_t least, most;
    const char *argument, *help;
} s_option_t;

static const s_option_t s_options[SRV_OPTION_COUNT] = {
#define X(name, key, flag, environment, kind, fallback, least, most, argument, help)                         \
    {key, flag, environment, kind, fallback, least, most, argument, help},
    SRV_OPTIONS(X)
#undef X
};

_Static_assert(SRV_OPTION_COUNT < 64, "sets of options are 64-bit masks");

/* "500ms", "5s", "2m", "24h" or bare seconds. */
static int s_parse_duration(const char *text, int64_t *ms)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || errno || number < 0 || number > 10000000000)
        return -1;
    if (strcmp(end, "ms") == 0)
        *ms = number;
    else if (strcmp(end, "s") == 0 || *end == '\0')
        *ms = number * 1000;
    else if (strcmp(end, "m") == 0)
        *ms = number * 60000;
    else if (strcmp(end, "h") == 0)
        *ms = number * 3600000;
    else
        return -1;
    return 0;
}

static int s_parse_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return end == text || *end || errno ? -1 : 0;
}

static int s_parse_switch(const char *text, int64_t *on)
{
    static const char *const words[] = {"0", "1", "off", "on", "no", "yes", "false", "true"};
    for (int i = 0; i < 8; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *on = i % 2;
            return 0;
        }
    }
    return -1;
}

/* Sets one option; `source` names where the value came from. The value itself is not quoted: it may be a
 * secret. */
static int s_set(srv_config_t *self, int index, const char *value, const char *source, proto_buf_t *why)
{
    const s_option_t *option = &s_options[index];
    int64_t number = 0;
    int rc = 0;
    if (option->kind == SRV_DURATION)
        rc = s_parse_duration(value, &number);
    else if (option->kind == SRV_NUMBER)
        rc = s_parse_number(value, &number);
    else if (option->kind == SRV_SWITCH)
        rc = s_parse_switch(value, &number);
    if (rc < 0) {
        proto_buf_printf(why, "%s must be %s", source,
                         option->kind == SRV_DURATION ? "a time such as 500ms, 5s or 2m"
                         : option->kind == SRV_NUMBER ? "a whole number"
                                                      : "on or off");
        return -1;
    }
    if ((option->kind == SRV_NUMBER || option->kind == SRV_DURATION) &&
        (number < option->least || number > option->most)) {
        proto_buf_printf(why, "%s must lie between %lld and %lld%s", source, (long long)option->least,
                         (long long)option->most, option->kind == SRV_DURATION ? " ms" : "");
        return -1;
    }
    free(self->texts[index]);
    self->texts[index] = strdup(value);
    PROTO_ASSERT(self->texts[index] != NULL);
    self->numbers[index] = number;
    return 0;
}

static int s_read_file(srv_config_t *self, const char *path, proto_buf_t *why)
{
    zconfig_t *root = zconfig_load(path);
    if (!root) {
        proto_buf_printf(why, "the configuration file %s cannot be read or is not ZPL", path);
        return -1;
    }
    int rc = 0;
    for (int i = 0; i < SRV_OPTION_COUNT && rc == 0; i++) {
        const char *value = zconfig_get(root, s_options[i].key, NULL);
        if (value && *value)
            rc = s_set(self, i, value, s_options[i].key, why);
    }
    zconfig_destroy(&root);
    return rc;
}

/* The content of the file that NAME_FILE names, without its last newline, in `text`. */
static int s_read_secret(const char *variable, const char *path, char text[S_FILE_BYTES], proto_buf_t *why)
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, S_FILE_BYTES - 1, file) : 0;
    if (!file || ferror(file)) {
        proto_buf_printf(why, "%s names %s, which cannot be read: %s", variable, path, strerror(errno));
        if (file)
            fclose(file);
        return -1;
    }
    fclose(file);
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return 0;
}

/* Where NAME_FILE names a file, its content in `text`: 1; else 0. */
static int s_read_named_file(const s_option_t *option, char text[S_FILE_BYTES], proto_buf_t *why)
{
    char variable[64];
    snprintf(variable, sizeof variable, "%s_FILE", option->environment);
    const char *path = getenv(variable);
    if (!path || !*path)
        return 0;
    return s_read_secret(variable, path, text, why) < 0 ? -1 : 1;
}

static int s_read_environment(srv_config_t *self, proto_buf_t *why)
{
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        char text[S_FILE_BYTES];
        const char *value = getenv(s_options[i].environment);
        int named = s_read_named_file(&s_options[i], text, why);
        if (named < 0)
            return -1;
        if (named)
            value = text;
        if (value && *value && s_set(self, i, value, s_options[i].environment, why) < 0)
            return -1;
    }
    return 0;
}

/* The option whose flag begins `argument` ("--http" or "--http=..."); -1 when there is none. */
static int s_find_flag(const char *argument, const char **inline_value)
{
    size_t size = strcspn(argument, "=");
    *inline_value = argument[size] == '=' ? argument + size + 1 : NULL;
    for (int i = 0; i < SRV_OPTION_COUNT; i++)
        if (strlen(s_options[i].flag) == size && memcmp(s_options[i].flag, argument, size) == 0)
            return i;
    return -1;
}

/* Takes the flags out of argv. */
static int s_read_flags(srv_config_t *self, uint64_t allowed, int *argc, char **argv, proto_buf_t *why)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        const char *value;
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        if (strncmp(argv[i], "--config", 8) == 0 && (argv[i][8] == '\0' || argv[i][8] == '=')) {
            if (argv[i][8] == '\0' && ++i == *argc) {
                proto_buf_string(why, "--config needs a value: FILE");
                return -1;
            }
            continue; /* read already */
        }
        int option = s_find_flag(argv[i], &value);
        if (option < 0 || !(allowed & SRV_SET(option))) {
            proto_buf_printf(why, "unknown option %s; see --help", argv[i]);
            return -1;
        }
        if (!value && s_options[option].kind == SRV_SWITCH)
            value = "1";
        else if (!value && i + 1 < *argc)
            value = argv[++i];
        if (!value) {
            proto_buf_printf(why, "%s needs a value: %s", s_options[option].flag, s_options[option].argument);
            return -1;
        }
        if (s_set(self, option, value, s_options[option].flag, why) < 0)
            return -1;
    }
    *argc = kept;
    return 0;
}

static const char *s_config_path(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            return argv[i] + 9;
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            return argv[i + 1];
    }
    return getenv("MUSTER_CONFIG");
}

int srv_config_read(srv_config_t *self, uint64_t allowed, int *argc, char **argv, proto_buf_t *why)
{
    *self = (srv_config_t){0};
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        int rc = s_set(self, i, s_options[i].fallback, "a default", why);
        PROTO_ASSERT(rc == 0);
    }
    const char *path = s_config_path(*argc, argv);
    if (path && *path && s_read_file(self, path, why) < 0)
        return -1;
    if (s_read_environment(self, why) < 0)
        return -1;
    return s_read_flags(self, allowed, argc, argv, why);
}

int srv_config_fresh(const srv_config_t *self, srv_option_t option, proto_buf_t *out, proto_buf_t *why)
{
    char text[S_FILE_BYTES];
    int named = s_read_named_file(&s_options[option], text, why);
    if (named >= 0)
        proto_buf_string(out, named ? text : self->texts[option]);
    OPENSSL_cleanse(text, sizeof text);
    return named < 0 ? -1 : 0;
}

void srv_config_free(srv_config_t *self)
{
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        free(self->texts[i]);
        self->texts[i] = NULL;
    }
}

void srv_config_help(uint64_t options)
{
    printf("  %-32s %s\n", "--config FILE", "settings in ZPL form (environment: MUSTER_CONFIG)");
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        const s_option_t *option = &s_options[i];
        if (!(options & SRV_SET(i)))
            continue;
        char flag[64];
        bool secret = option->kind == SRV_SECRET;
        snprintf(flag, sizeof flag, "%s %s", secret ? option->environment : option->flag, option->argument);
        printf("  %-32s %s\n", flag, option->help);
        printf("  %-32s   %s%s, %s%s%s\n", "", option->environment, secret ? "_FILE" : "", option->key,
               option->fallback[0] && option->kind != SRV_SWITCH ? "; default " : "",
               option->kind != SRV_SWITCH ? option->fallback : "");
    }
}

/* A connection URI or keyword string without its password. */
static void s_show_database(const char *url, proto_buf_t *out)
{
    const char *at = strrchr(url, '@'), *scheme = strstr(url, "://");
    const char *keywords = scheme ? strchr(url, '?') : url;
    if (keywords && strstr(keywords, "password")) {
        proto_buf_string(out, "(hidden: it holds a password)");
    } else if (scheme && at && at > scheme) {
        const char *user_end = memchr(scheme + 3, ':', (size_t)(at - scheme - 3));
        proto_buf_append(out, url, (size_t)((user_end ? user_end : at) - url));
        proto_buf_string(out, at);
    } else {
        proto_buf_string(out, url);
    }
}

void srv_config_show(const srv_config_t *self, proto_buf_t *out)
{
    for (int i = 0; i < SRV_OPTION_COUNT; i++) {
        proto_buf_printf(out, "%s = ", s_options[i].key);
        if (i == SRV_OPT_database || i == SRV_OPT_replica_url || i == SRV_OPT_redis_url)
            s_show_database(self->texts[i], out);
        else if (s_options[i].kind == SRV_SECRET && self->texts[i][0])
            proto_buf_string(out, "(hidden)");
        else
            proto_buf_string(out, self->texts[i]);
        proto_buf_byte(out, '\n');
    }
}

int srv_split_address(const char *text, char address[64], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : 0;
    const char *start = text;
    if (size >= 2 && start[0] == '[' && start[size - 1] == ']') {
        start++;
        size -= 2;
    }
    int64_t number;
    if ((start != text && size == 0) || size >= 64 || s_parse_number(colon ? colon + 1 : text, &number) < 0 ||
        number < 0 || number > 65535)
        return -1;
    memcpy(address, start, size);
    address[size] = '\0';
    if (size == 0)
        strcpy(address, "127.0.0.1");
    if (strcmp(address, "localhost") == 0)
        strcpy(address, "127.0.0.1");
    uint8_t bytes[16];
    if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1)
        return -1;
    *port = (uint16_t)number;
    return 0;
}

bool srv_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}
