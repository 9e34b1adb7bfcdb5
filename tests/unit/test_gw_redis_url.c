/* SPDX-License-Identifier: MPL-2.0 */
/* Where Redis is: addresses taken apart, and those refused, without a word of their passwords. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_redis_url.h"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gw_redis_url_t url;
    } cases[] = {
        {"", {.port = 6379}},
        {"redis://h", {.host = "h", .port = 6379}},
        {"redis://h/", {.host = "h", .port = 6379}},
        {"redis://h.example:7000/3", {.host = "h.example", .port = 7000, .database = 3}},
        {"redis://:secret@127.0.0.1", {.host = "127.0.0.1", .password = "secret", .port = 6379}},
        {"redis://me:s%40%2F%3A@[::1]:1/0", {.host = "::1", .user = "me", .password = "s@/:", .port = 1}},
        {"redis://me:a:b@c@[fd00::1]", {.host = "fd00::1", .user = "me", .password = "a:b@c", .port = 6379}},
    };
    proto_buf_t why = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_redis_url_t url;
        if (gw_redis_url_parse(&url, cases[i].text, &why) < 0)
            fail_msg("%s", cases[i].text);
        assert_string_equal(url.host, cases[i].url.host);
        assert_string_equal(url.user, cases[i].url.user);
        assert_string_equal(url.password, cases[i].url.password);
        assert_int_equal(url.port, cases[i].url.port);
        assert_int_equal(url.database, cases[i].url.database);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "h",
        "redis:",
        "redis://",
        "redis:///0",
        "rediss://h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:",
        "redis://h:1x",
        "redis://h/x",
        "redis://h/-1",
        "redis://h/1/2",
        "redis://h?password=secret",
        "redis://:secret%@h",
        "redis://:secret%00@h",
        "redis://secret@h",
        "redis://:se/cret@h",
        "redis://[::1",
        "redis://[::1]x",
        "redis://[]",
        "redis://h h",
        "redis://h\r\nsecret",
        "redis://:secret@",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_redis_url_t url;
        proto_buf_t why = PROTO_BUF_INIT;
        if (gw_redis_url_parse(&url, cases[i], &why) == 0)
            fail_msg("%s", cases[i]);
        assert_null(strstr(proto_buf_text(&why), "secret"));
        assert_string_equal(url.host, "");
        assert_string_equal(url.password, "");
        proto_buf_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
