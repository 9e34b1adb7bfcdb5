/* SPDX-License-Identifier: MPL-2.0 */
/* Forms that are taken in pieces: bounds of files, the limit on everything else, arrays whose files are not
 * next to each other; the same however a body is cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_bind_ask.h"

#define S_MULTIPART "multipart/form-data; boundary=b"
#define S_BODY(body, status, answer)                                                                         \
    {                                                                                                        \
        "POST", "/bounded", S_MULTIPART, body "--b--\r\n", status, answer                                    \
    }
#define S_FIELD(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define S_FILE(name, filename, value)                                                                        \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" filename "\"\r\n\r\n" value "\r" \
    "\n"
#define S_100                                                                                                \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
#define S_1000 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100

static void s_check(const ask_case_t *cases, size_t count, size_t limit)
{
    static const size_t steps[] = {1, 2, 3, 5, 7, 16, 61, 1000, 1 << 20};
    ask_limit = limit;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        ask_step = steps[i];
        ask_check(cases, count);
    }
}

#define S_CHECK(cases, limit) s_check(cases, sizeof cases / sizeof *cases, limit)

static void test_bounds(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        S_BODY(S_FILE("pic", "f", "0123456789"), 200, "{\"pic\":\"MDEyMzQ1Njc4OQ==\"}"),
        S_BODY(S_FILE("pic", "f", "01234567890"), 413, "pic must have at most 10 bytes"),
        S_BODY(S_FILE("pic", "f", "0123456\r\n-"), 200, "{\"pic\":\"MDEyMzQ1Ng0KLQ==\"}"),
        S_BODY(S_FILE("pic", "f", "0123456\r\n--"), 413, "pic must have at most 10 bytes"),
        S_BODY(S_FILE("note", "f",
                      S_1000 "0123456789\xc3\xa4"
                             "0123456789ab"),
               200,
               "{\"note\":\"" S_1000 "0123456789\xc3\xa4"
               "0123456789ab\"}"),
        S_BODY(S_FILE("note", "f", S_1000 S_100), 413, "note must have at most 1 kB"),
        /* each file of an array */
        S_BODY(S_FILE("many", "f", "ab") S_FILE("many", "g", "abcde"), 200,
               "{\"many\":[\"YWI=\",\"YWJjZGU=\"],\"many_filename\":[\"f\",\"g\"]}"),
        S_BODY(S_FILE("many", "f", "ab") S_FILE("many", "g", "abcdef"), 413,
               "many must have at most 5 bytes"),
        S_BODY(S_FILE("many", "f", "ab") S_FILE("many", "g", "a"), 422, "many must have at least 2 bytes"),
        /* the first mistake is told, whatever follows */
        S_BODY(S_FILE("pic", "f", "01234567890") S_FIELD("title", "\xff"), 413,
               "pic must have at most 10 bytes"),
        S_BODY(S_FILE("title", "f", "x") S_FILE("pic", "f", "01234567890"), 422,
               "title must be a field, not a file"),
    };
    S_CHECK(cases, 100000);
}

/* All that is no content of a file with a bound of its own counts: boundaries, header fields, other files. */
static void test_limit(void **state)
{
    (void)state;
    static const ask_case_t fits[] = {
        S_BODY(S_FILE("pic", "f", "0123456789"), 200, "{\"pic\":\"MDEyMzQ1Njc4OQ==\"}"),
        S_BODY(S_FILE("pic", "f", "\r\n--\r\n--a"), 200, "{\"pic\":\"DQotLQ0KLS1h\"}"),
        S_BODY(S_FILE("any", "f", ""), 200, "{\"any\":\"\"}"),
    };
    static const ask_case_t over[] = {
        S_BODY("\r\n" S_FILE("pic", "f", "0123456789"), 413, "the body is too large"),
        S_BODY(S_FILE("any", "f", "0"), 413, "the body is too large"),
        S_BODY(S_FILE("any", "f", "\r\n--"), 413, "the body is too large"),
        S_BODY(S_1000 S_1000, 413, "the body is too large"),
        S_BODY(S_FILE("pic", "f", "01234567890"), 413, "pic must have at most 10 bytes"),
    };
    static const char body[] = S_FILE("pic", "f", "") "--b--\r\n";
    S_CHECK(fits, sizeof body - 1);
    S_CHECK(over, sizeof body - 1);
    static const ask_case_t less[] = {
        S_BODY(S_FILE("pic", "f", "0123456789"), 413, "the body is too large"),
    };
    S_CHECK(less, sizeof body - 2);
}

static void test_scattered_arrays(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        S_BODY(S_FILE("many", "1", "aa") S_FILE("pic", "p", "pp") S_FILE("many", "2", "bbb")
                   S_FILE("note", "n", "nn") S_FILE("many", "3", "cc"),
               200,
               "{\"many\":[\"YWE=\",\"YmJi\",\"Y2M=\"],\"pic\":\"cHA=\",\"note\":\"nn\","
               "\"many_filename\":[\"1\",\"2\",\"3\"]}"),
        S_BODY(S_FILE("pic", "p", "pp") S_FILE("many", "1", "aa") S_FIELD("title", "t")
                   S_FILE("many", "2", "bb"),
               200,
               "{\"pic\":\"cHA=\",\"many\":[\"YWE=\",\"YmI=\"],\"many_filename\":[\"1\",\"2\"],\"title\":"
               "\"t\"}"),
        /* what was not chosen leaves nothing behind, wherever it stands */
        S_BODY(S_FILE("many", "", "") S_FILE("pic", "", "") S_FILE("many", "1", "aa") S_FILE("pic", "p", "pp")
                   S_FILE("pic", "", "") S_FILE("many", "", ""),
               200, "{\"many\":[\"YWE=\"],\"pic\":\"cHA=\",\"many_filename\":[\"1\"]}"),
        S_BODY(S_FILE("pic", "p", "pp") S_FILE("pic", "p", ""), 422, "pic is given more than once"),
        S_BODY(S_FILE("pic", "p", "") S_FILE("pic", "p", "x"), 422, "pic is given more than once"),
    };
    S_CHECK(cases, 100000);
}

static void test_most(void **state)
{
    (void)state;
    gw_match_t match;
    const struct {
        const char *path;
        size_t body, upload, most;
    } cases[] = {
        {"/form", 1000, 100000, 1000},        {"/upload", 1000, 100000, 1000}, /* no file has a bound of its
                                                                                  own */
        {"/bounded", 1000, 100000, 100000}, /* an array of them has no end */
        {"/bounded", 200000, 100000, 200000}, {"/one", 1000, 100000, 1010},    {"/one", 1000, 1005, 1005},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_param_t file = {.name = "f",
                              .source = PROTO_SOURCE_FILE,
                              .data = PROTO_DATA_BYTEA,
                              .unit = PROTO_UNIT_BYTES,
                              .has_max = true,
                              .max = 10};
        proto_operation_t one = {.params = &file, .param_count = 1};
        const proto_operation_t *operation = &one;
        if (strcmp(cases[i].path, "/one") != 0) {
            assert_int_equal(
                gw_router_match(ask_router, proto_bytes_of("POST"), proto_bytes_of(cases[i].path), &match),
                GW_MATCH_FOUND);
            operation = match.route->operation;
        }
        assert_int_equal(gw_form_most(operation, cases[i].body, cases[i].upload), cases[i].most);
    }
}

/* What it keeps is the file once, and nothing of what nobody asked for. */
static void test_bytes(void **state)
{
    (void)state;
    static const char head[] = "--b\r\nContent-Disposition: form-data; name=pic\r\n\r\n0123456789",
                      other[] = "\r\n--b\r\nContent-Disposition: form-data; name=other\r\n\r\n";
    gw_match_t match;
    assert_int_equal(gw_router_match(ask_router, proto_bytes_of("POST"), proto_bytes_of("/bounded"), &match),
                     GW_MATCH_FOUND);
    gw_form_t *form = gw_form_new(match.route->operation, 100000);
    assert_int_equal(gw_form_begin(form, proto_bytes_of(S_MULTIPART)), PROTO_ERROR_none);
    assert_int_equal(gw_form_take(form, proto_bytes_of(head)), PROTO_ERROR_none);
    assert_int_equal(gw_form_bytes(form), 5 + 4 + 5 + 10); /* map, name, header, content */
    assert_int_equal(gw_form_take(form, proto_bytes_of(other)), PROTO_ERROR_none);
    for (int i = 0; i < 50; i++)
        assert_int_equal(gw_form_take(form, proto_bytes_of(S_1000)), PROTO_ERROR_none);
    assert_int_equal(gw_form_bytes(form), 5 + 4 + 5 + 10);
    gw_form_free(&form);
    assert_null(form);
    gw_form_free(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_limit), cmocka_unit_test(test_scattered_arrays),
        cmocka_unit_test(test_most),   cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
