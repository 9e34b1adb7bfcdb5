/* SPDX-License-Identifier: MPL-2.0 */
/* The header field Idempotency-Key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "gw_key.h"

/* The key that a field of this value gives; NULL when it is refused. */
static const char *s_key(const char *value)
{
    static char text[600];
    static const proto_operation_t write = {.name = "write"};
    gw_http_header_t header = {proto_bytes_of("idempotency-key"), proto_bytes_of(value)};
    proto_buf_t out = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
    proto_buf_string(&out, "x"); /* what stands there already stays */
    proto_error_t error = gw_key_take(&write, &header, 1, &out, &detail);
    snprintf(text, sizeof text, "%s", proto_buf_text(&out) + 1);
    assert_true(error == PROTO_ERROR_none ||
                (error == PROTO_ERROR_malformed && out.size == 1 && detail.size));
    proto_buf_free(&out);
    proto_buf_free(&detail);
    return error ? NULL : text;
}

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(s_key("\"8e03978e-40d5\""), "8e03978e-40d5");
    assert_string_equal(s_key("8e03978e-40d5"), "8e03978e-40d5");
    assert_string_equal(s_key("\"a b, \\\"c\\\\\""), "a b, \"c\\");
    assert_string_equal(s_key("Zm9v+/=="), "Zm9v+/==");
    static const char *const bad[] = {
        "",    "\"",   "\"\"",    "\"a",     "\"a\"b\"",     "\"a\";p=1", "a b",      "a,b",
        "a;b", "a\"b", "\"a\\\"", "\"\\n\"", "\"\xc3\xa4\"", "\xc3\xa4",  "\"\x01\"", "a\\b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(s_key(bad[i]));
}

static void test_length(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'k', sizeof text);
    text[255] = '\0';
    assert_string_equal(s_key(text), text);
    text[255] = 'k';
    text[256] = '\0';
    assert_null(s_key(text));
}

static void test_who_has_one(void **state)
{
    (void)state;
    proto_param_t own = {.name = "idempotency_key", .source = PROTO_SOURCE_HEADER};
    proto_operation_t operation = {.name = "read", .flags = PROTO_OP_READS};
    gw_http_header_t headers[] = {{proto_bytes_of("idempotency-key"), proto_bytes_of("a")},
                                  {proto_bytes_of("idempotency-key"), proto_bytes_of("a")}};
    proto_buf_t out = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
    assert_int_equal(gw_key_take(&operation, headers, 2, &out, &detail), PROTO_ERROR_none);
    operation.flags = 0;
    assert_int_equal(gw_key_take(&operation, headers, 0, &out, &detail), PROTO_ERROR_none);
    assert_int_equal(gw_key_take(&operation, headers, 2, &out, &detail), PROTO_ERROR_malformed);
    operation.params = &own;
    operation.param_count = 1;
    assert_int_equal(gw_key_take(&operation, headers, 2, &out, &detail), PROTO_ERROR_none);
    assert_int_equal(out.size, 0);
    proto_buf_free(&out);
    proto_buf_free(&detail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_length),
                                       cmocka_unit_test(test_who_has_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
