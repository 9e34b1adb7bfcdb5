/* SPDX-License-Identifier: MPL-2.0 */
/* CORS: which lists are taken, whose pages are let in, and what they are told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_cors.h"

static gw_cors_t s_cors(const char *text)
{
    gw_cors_t cors;
    proto_buf_t why = PROTO_BUF_INIT;
    assert_int_equal(gw_cors_parse(&cors, text, &why), 0);
    assert_int_equal(why.size, 0);
    return cors;
}

static bool s_allows(const char *list, const char *origin)
{
    gw_cors_t cors = s_cors(list);
    bool allows = gw_cors_allows(&cors, proto_bytes_of(origin));
    gw_cors_free(&cors);
    return allows;
}

static void s_expect_answer(const char *list, const char *origin, const char *expected)
{
    gw_cors_t cors = s_cors(list);
    proto_buf_t out = PROTO_BUF_INIT;
    gw_cors_answer(&cors, proto_bytes_of(origin), &out);
    assert_string_equal(proto_buf_text(&out), expected);
    proto_buf_free(&out);
    gw_cors_free(&cors);
}

static void s_expect_preflight(const char *list, const char *origin, const char *wanted,
                               const proto_operation_t *operation, const char *expected)
{
    gw_cors_t cors = s_cors(list);
    proto_buf_t out = PROTO_BUF_INIT;
    gw_cors_preflight(&cors, proto_bytes_of(origin), "GET, HEAD, OPTIONS", proto_bytes_of(wanted), operation,
                      &out);
    assert_string_equal(proto_buf_text(&out), expected);
    proto_buf_free(&out);
    gw_cors_free(&cors);
}

static void test_lists_that_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "app.example",       "https://",        "://a",
        "https://a/",        "https://a/b",     "https://a:",
        "https://a:x",       "https://a:99999", "https://a b",
        "https://*.example", "https://a,b",     "null",
        "https://[::1",      "https://[]",      "https://[x]",
        "https://u@a",       "https://a:80:80", "http://localhost:**",
        "https://a?b",
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        gw_cors_t cors;
        proto_buf_t why = PROTO_BUF_INIT;
        if (gw_cors_parse(&cors, lists[i], &why) == 0)
            fail_msg("%s was taken", lists[i]);
        assert_true(why.size > 0);
        proto_buf_free(&why);
        gw_cors_free(&cors);
    }
    proto_buf_t many = PROTO_BUF_INIT, why = PROTO_BUF_INIT;
    for (int i = 0; i <= GW_CORS_ORIGINS; i++)
        proto_buf_printf(&many, "http://a%d,", i);
    gw_cors_t cors;
    assert_int_equal(gw_cors_parse(&cors, proto_buf_text(&many), &why), -1);
    gw_cors_free(&cors);
    proto_buf_free(&many);
    proto_buf_free(&why);
}

static void test_who_is_allowed(void **state)
{
    (void)state;
    assert_true(s_allows("https://app.example", "https://app.example"));
    assert_true(s_allows(" HTTPS://App.Example ,, http://[::1]:3000 ", "http://[::1]:3000"));
    assert_true(s_allows("HTTPS://App.Example", "https://app.example"));
    assert_false(s_allows("https://app.example", "http://app.example"));
    assert_false(s_allows("https://app.example", "https://app.example:444"));
    assert_false(s_allows("https://app.example", "https://app.example.evil"));
    assert_false(s_allows("https://app.example", ""));
    assert_true(s_allows("*", "https://anybody"));
    assert_true(s_allows("*", "null"));
    assert_false(s_allows("*", ""));
    assert_false(s_allows("", "https://app.example"));
    assert_false(s_allows("none", "https://app.example"));
}

static void test_any_port(void **state)
{
    (void)state;
    assert_true(s_allows(GW_CORS_DEV, "http://localhost:3000"));
    assert_true(s_allows(GW_CORS_DEV, "http://127.0.0.1:5173"));
    assert_true(s_allows(GW_CORS_DEV, "http://localhost"));
    assert_false(s_allows(GW_CORS_DEV, "https://localhost:3000"));
    assert_false(s_allows(GW_CORS_DEV, "http://localhost.evil:80"));
    assert_false(s_allows(GW_CORS_DEV, "http://localhost:"));
    assert_false(s_allows(GW_CORS_DEV, "http://localhost:80.evil"));
    assert_false(s_allows(GW_CORS_DEV, "http://localhost:80x"));
    assert_false(s_allows(GW_CORS_DEV, "http://localhos"));
}

static void test_what_an_answer_says(void **state)
{
    (void)state;
#define S_EXPOSE                                                                                             \
    "Access-Control-Expose-Headers: X-Request-ID, Location, Link, ETag, Retry-After, Idempotency-Replayed, " \
    "X-RateLimit-Limit, "                                                                                    \
    "X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy\r\n"
    s_expect_answer("https://a", "https://a",
                    "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a\r\n" S_EXPOSE);
    s_expect_answer("https://a", "https://b", "Vary: Origin\r\n");
    s_expect_answer("https://a", "", "Vary: Origin\r\n");
    s_expect_answer("*", "https://b", "Access-Control-Allow-Origin: *\r\n" S_EXPOSE);
    s_expect_answer("https://a,*", "https://a", "Access-Control-Allow-Origin: *\r\n" S_EXPOSE);
    s_expect_answer("*", "", "");
    s_expect_answer("", "https://a", "");
}

static void test_what_a_preflight_says(void **state)
{
    (void)state;
#define S_VARY    "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
#define S_METHODS "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
#define S_AGE     "Access-Control-Max-Age: 600\r\n"
    s_expect_preflight("https://a", "https://a", "", NULL,
                       S_VARY "Access-Control-Allow-Origin: https://a\r\n" S_METHODS S_AGE);
    s_expect_preflight("*", "https://a", "content-type,X-Evil, AUTHORIZATION,cookie,x-tenant-id", NULL,
                       S_VARY "Access-Control-Allow-Origin: *\r\n" S_METHODS
                              "Access-Control-Allow-Headers: content-type, AUTHORIZATION\r\n" S_AGE);
    proto_param_t params[] = {{.name = "cookie", .source = PROTO_SOURCE_QUERY},
                              {.name = "x_tenant_id", .source = PROTO_SOURCE_HEADER}};
    proto_operation_t operation = {.params = params, .param_count = 2};
    s_expect_preflight("*", "https://a", "cookie, x-tenant-id ,x_tenant_id", &operation,
                       S_VARY "Access-Control-Allow-Origin: *\r\n" S_METHODS
                              "Access-Control-Allow-Headers: x-tenant-id\r\n" S_AGE);
    s_expect_preflight("https://a", "https://b", "content-type", NULL, S_VARY);
    s_expect_preflight("", "https://b", "content-type", NULL, "");
}

static void test_a_long_list_of_headers_is_bounded(void **state)
{
    (void)state;
    gw_cors_t cors = s_cors("*");
    proto_buf_t wanted = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        proto_buf_string(&wanted, "content-type,");
    gw_cors_preflight(&cors, proto_bytes_of("http://a"), "GET", proto_buf_bytes(&wanted), NULL, &out);
    assert_in_range(out.size, GW_CORS_HEADERS, GW_CORS_HEADERS + 300);
    proto_buf_free(&wanted);
    proto_buf_free(&out);
    gw_cors_free(&cors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_that_are_refused),
        cmocka_unit_test(test_who_is_allowed),
        cmocka_unit_test(test_any_port),
        cmocka_unit_test(test_what_an_answer_says),
        cmocka_unit_test(test_what_a_preflight_says),
        cmocka_unit_test(test_a_long_list_of_headers_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
