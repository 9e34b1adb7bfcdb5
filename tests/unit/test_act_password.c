/* SPDX-License-Identifier: MPL-2.0 */
/* Passwords: what is one, e-mail addresses, hashes, and the threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "act_password.h"

static void test_hashes(void **state)
{
    (void)state;
#define S_REST "abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
    static const struct {
        const char *hash;
        bool good;
    } cases[] = {{"$2b$12$" S_REST, true},
                 {"$2a$04$" S_REST, true},
                 {"$2y$15$" S_REST, true},
                 {"$2x$12$" S_REST, false},
                 {"$2b$16$" S_REST, false},
                 {"$2b$31$" S_REST, false},
                 {"$2b$03$" S_REST, false},
                 {"$2b$12$" S_REST "x", false},
                 {"$2$12$x" S_REST, false},
                 {"$6$12$xx" S_REST, false},
                 {"", false},
                 {"*0", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(act_password_is_hash(cases[i].hash), cases[i].good);
}

static void test_emails(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b.c", "ann.lee+x@mail.example.com", "o'neil@x-y.org",
                                       "j\xc3\xb6rg@k\xc3\xb6ln.de"};
    static const char *const bad[] = {"",        "@",         "a",       "a@b",        "a@.b",
                                      "a@b.",    "a@b..c",    "a@@b.c",  "a b@c.d",    ".a@b.c",
                                      "a.@b.c",  "a..b@c.d",  "a@-b.c",  "a@b-.c",     "a@b_c.d",
                                      "a@b.c\n", "\"a\"@b.c", "a,b@c.d", "a@[1.2.3.4]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(act_password_is_email(proto_bytes_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(act_password_is_email(proto_bytes_of(bad[i])));
    assert_false(act_password_is_email((proto_bytes_t){(const uint8_t *)"a\0b@c.de", 8}));
}

static void test_the_same_email(void **state)
{
    (void)state;
    assert_true(act_password_same_email(proto_bytes_of("Boss@EXAMPLE.com"), "bOSS@example.COM"));
    assert_false(act_password_same_email(proto_bytes_of("boss@example.co"), "boss@example.com"));
    assert_false(
        act_password_same_email(proto_bytes_of("boss@example.comboss@example.com"), "boss@example.com"));
    assert_false(act_password_same_email(proto_bytes_of(""), "boss@example.com"));
    assert_false(act_password_same_email(proto_bytes_of(""), "")); /* nobody is the admin */
    assert_false(act_password_same_email(proto_bytes_of("x"), ""));
}

static void test_refusals(void **state)
{
    (void)state;
    static const uint8_t long_one[73] = {'x'};
    assert_null(act_password_refusal(proto_bytes_of("12345678")));
    assert_null(act_password_refusal(proto_bytes_of("a b c d ")));
    assert_non_null(act_password_refusal(proto_bytes_of("        ")));
    assert_non_null(act_password_refusal((proto_bytes_t){long_one, 73}));
    assert_non_null(act_password_refusal((proto_bytes_t){(const uint8_t *)"1234\0"
                                                                          "5678",
                                                         9}));
}

static act_password_job_t s_run(act_passwords_t *threads, const act_password_job_t *given)
{
    act_password_job_t job = {0};
    assert_true(act_passwords_put(threads, given));
    while (!act_passwords_take(threads, &job)) {
        struct pollfd wait = {.fd = act_passwords_fd(threads), .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 60000), 1);
    }
    assert_int_equal(job.id, given->id);
    assert_int_equal(job.password[0], 0); /* wiped */
    return job;
}

static void test_threads(void **state)
{
    (void)state;
    act_passwords_t *threads = act_passwords_new(2, ACT_PASSWORD_LEAST);
    assert_non_null(threads);
    act_password_job_t made =
        s_run(threads, &(act_password_job_t){.id = 1, .make = true, .password = "secret"});
    assert_true(made.good && act_password_is_hash(made.hash));
    assert_memory_equal(made.hash, "$2b$10$", 7);
    act_password_job_t job = {.id = 2, .password = "secret"};
    memcpy(job.hash, made.hash, sizeof job.hash);
    assert_true(s_run(threads, &job).good);
    strcpy(job.password, "Secret");
    assert_false(s_run(threads, &job).good);
    assert_false(s_run(threads, &(act_password_job_t){.id = 3, .password = "secret"}).good);
    assert_false(s_run(threads, &(act_password_job_t){.id = 4, .password = "x", .hash = "*0"}).good);
    act_password_job_t again =
        s_run(threads, &(act_password_job_t){.id = 5, .make = true, .password = "secret"});
    assert_string_not_equal(again.hash, made.hash); /* a salt of its own */
    act_passwords_free(&threads);
    act_passwords_free(&threads);
}

static void test_too_many_at_once(void **state)
{
    (void)state;
    act_passwords_t *threads = act_passwords_new(1, ACT_PASSWORD_LEAST);
    act_password_job_t job = {.id = 1, .password = "x"};
    for (int i = 0; i < ACT_PASSWORD_WAITING; i++)
        assert_true(act_passwords_put(threads, &job));
    assert_false(act_passwords_put(threads, &job));
    act_passwords_free(&threads); /* with work undone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),         cmocka_unit_test(test_emails),
        cmocka_unit_test(test_the_same_email), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_too_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
