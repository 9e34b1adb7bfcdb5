/* SPDX-License-Identifier: MPL-2.0 */
/* The table of errors: wire numbers that never move, statuses, reason phrases, the body of an ERROR record.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <msgpack.h>
#include <stdio.h>

#include "proto_error.h"

/* The numbers travel: this list is a copy on purpose, so that a change of the order is noticed. */
static const struct {
    const char *code;
    int status;
} s_wire[] = {
    {"none", 200},
    {"malformed", 400},
    {"unauthenticated", 401},
    {"forbidden", 403},
    {"not_found", 404},
    {"method_not_allowed", 405},
    {"request_timeout", 408},
    {"conflict", 409},
    {"too_large", 413},
    {"uri_too_long", 414},
    {"unsupported_media_type", 415},
    {"expectation_failed", 417},
    {"invalid", 422},
    {"rate_limited", 429},
    {"headers_too_large", 431},
    {"internal", 500},
    {"not_implemented", 501},
    {"version_not_supported", 505},
    {"no_worker", 503},
    {"overloaded", 503},
    {"expired", 503},
    {"worker_lost", 503},
    {"database_unavailable", 503},
    {"not_ready", 503},
    {"shutting_down", 503},
    {"timeout", 504},
    {"outcome_unknown", 504},
    {"result_too_large", 500},
    {"declared", 400},
    {"bad_worker_reply", 502},
    {"key_reused", 422},
    {"key_busy", 409},
};

enum { S_WIRE = sizeof s_wire / sizeof *s_wire };

static void test_numbers_do_not_move(void **state)
{
    (void)state;
    assert_true((int)PROTO_ERROR_COUNT >= (int)S_WIRE);
    for (int i = 0; i < S_WIRE; i++) {
        assert_string_equal(proto_error_code((proto_error_t)i), s_wire[i].code);
        assert_int_equal(proto_error_status((proto_error_t)i), s_wire[i].status);
    }
}

static void test_every_row_is_usable(void **state)
{
    (void)state;
    for (int i = 0; i < PROTO_ERROR_COUNT; i++) {
        proto_error_t error = (proto_error_t)i;
        const char *code = proto_error_code(error);
        assert_true(code[0] != '\0' && strspn(code, "abcdefghijklmnopqrstuvwxyz_") == strlen(code));
        assert_true(proto_error_title(error)[0] >= 'A' && proto_error_title(error)[0] <= 'Z');
        assert_in_range(proto_error_status(error), 100, 599);
        assert_string_not_equal(proto_error_reason(proto_error_status(error)), "Unknown");
        assert_int_equal(proto_error_find(code), i); /* which also shows that no code is there twice */
        assert_int_equal(proto_error_retryable(error), proto_error_status(error) == 503);
    }
}

static void test_find_refuses_what_is_not_there(void **state)
{
    (void)state;
    const char *const not_codes[] = {"", " ", "None", "no_worker ", "no_worke", "no_workers", "200", "OK"};
    for (size_t i = 0; i < sizeof not_codes / sizeof *not_codes; i++)
        assert_int_equal(proto_error_find(not_codes[i]), PROTO_ERROR_COUNT);
}

static void test_number_outside_the_table_is_internal(void **state)
{
    (void)state;
    const int numbers[] = {PROTO_ERROR_COUNT, PROTO_ERROR_COUNT + 1, 255, 65535, INT32_MAX, -1, INT32_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        proto_error_t error = (proto_error_t)numbers[i];
        assert_string_equal(proto_error_code(error), "internal");
        assert_int_equal(proto_error_status(error), 500);
        assert_string_equal(proto_error_title(error), "Internal server error");
        assert_false(proto_error_retryable(error));
    }
}

static void test_only_what_was_not_executed_is_retryable(void **state)
{
    (void)state;
    assert_true(proto_error_retryable(PROTO_ERROR_no_worker));
    assert_true(proto_error_retryable(PROTO_ERROR_expired));
    assert_false(proto_error_retryable(PROTO_ERROR_none));
    assert_false(proto_error_retryable(PROTO_ERROR_timeout));
    assert_false(proto_error_retryable(PROTO_ERROR_outcome_unknown));
    assert_false(proto_error_retryable(PROTO_ERROR_rate_limited));
}

static void test_reason_of_no_status(void **state)
{
    (void)state;
    const int unassigned[] = {0, -1, 99, 199, 299, 399, 419, 499, 512, 599, 600, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unassigned / sizeof *unassigned; i++)
        assert_string_equal(proto_error_reason(unassigned[i]), "Unknown");
}

/* RFC 9110 section 15, all of it but the unused 306 and 418. */
static const struct {
    int status;
    const char *reason;
} s_rfc9110[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static void test_reasons_of_rfc_9110(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof s_rfc9110 / sizeof *s_rfc9110; i++) {
        const char *reason = proto_error_reason(s_rfc9110[i].status);
        if (strcmp(reason, s_rfc9110[i].reason) != 0) {
            print_error("%d: \"%s\", should be \"%s\"\n", s_rfc9110[i].status, reason, s_rfc9110[i].reason);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* One pair of the body as an independent reader sees it. */
static void s_assert_pair(const msgpack_object_kv *pair, const char *key, const char *text, int number)
{
    assert_int_equal(pair->key.type, MSGPACK_OBJECT_STR);
    assert_int_equal(pair->key.via.str.size, strlen(key));
    assert_memory_equal(pair->key.via.str.ptr, key, strlen(key));
    if (text) {
        assert_int_equal(pair->val.type, MSGPACK_OBJECT_STR);
        assert_int_equal(pair->val.via.str.size, strlen(text));
        assert_memory_equal(pair->val.via.str.ptr, text, strlen(text));
    } else {
        assert_int_equal(pair->val.type, MSGPACK_OBJECT_POSITIVE_INTEGER);
        assert_int_equal(pair->val.via.u64, number);
    }
}

static void s_assert_body(proto_error_t error, const char *detail)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_error_body(&out, error, detail);
    assert_false(out.failed);
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    size_t offset = 0;
    assert_int_equal(msgpack_unpack_next(&result, (const char *)out.data, out.size, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, out.size);
    assert_int_equal(result.data.type, MSGPACK_OBJECT_MAP);
    assert_int_equal(result.data.via.map.size, 4);
    const msgpack_object_kv *pairs = result.data.via.map.ptr;
    s_assert_pair(&pairs[0], "code", proto_error_code(error), 0);
    s_assert_pair(&pairs[1], "status", NULL, proto_error_status(error));
    s_assert_pair(&pairs[2], "title", proto_error_title(error), 0);
    s_assert_pair(&pairs[3], "detail", detail ? detail : proto_error_title(error), 0);
    msgpack_unpacked_destroy(&result);
    proto_buf_free(&out);
}

static void test_body_as_msgpack_c_reads_it(void **state)
{
    (void)state;
    char longest[4000];
    memset(longest, 'd', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (int i = 0; i <= PROTO_ERROR_COUNT; i++) {
        s_assert_body((proto_error_t)i, NULL);
        s_assert_body((proto_error_t)i, "");
        s_assert_body((proto_error_t)i, "The \"id\" is unknown.");
        s_assert_body((proto_error_t)i, longest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_do_not_move),
        cmocka_unit_test(test_every_row_is_usable),
        cmocka_unit_test(test_find_refuses_what_is_not_there),
        cmocka_unit_test(test_number_outside_the_table_is_internal),
        cmocka_unit_test(test_only_what_was_not_executed_is_retryable),
        cmocka_unit_test(test_reason_of_no_status),
        cmocka_unit_test(test_reasons_of_rfc_9110),
        cmocka_unit_test(test_body_as_msgpack_c_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
