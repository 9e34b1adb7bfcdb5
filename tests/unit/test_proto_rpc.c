/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack-RPC bodies: what is read, what is written, and what becomes of errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto_rpc.h"

#define S_BYTES(text) ((proto_bytes_t){(const uint8_t *)(text), sizeof(text) - 1})

static void s_is(proto_bytes_t bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
}

static void s_test_request(void **state)
{
    (void)state;
    proto_rpc_request_t request;
    assert_int_equal(proto_rpc_read_request(S_BYTES("\x94\x00\xce\xff\xff\xff\xff\xa2go\x92\x81\xa1n\x03\x84"
                                                    "\xab"
                                                    "deadline_ms\xcd\x01\x00\xafidempotency_key\xa1k"
                                                    "\xabtraceparent\xa1t\xa6values\xa6native"),
                                            &request),
                     0);
    assert_true(request.has_msgid && request.native_values);
    assert_int_equal(request.msgid, UINT32_MAX);
    assert_int_equal(request.deadline_ms, 256);
    s_is(request.operation, "go");
    s_is(request.arguments, "\x81\xa1n\x03");
    s_is(request.key, "k");
    s_is(request.trace, "t");
    assert_int_equal(request.subject.size + request.role.size, 0);
}

static void s_test_short_requests(void **state)
{
    (void)state;
    static const proto_bytes_t bodies[] = {
        S_BYTES("\x94\x00\x00\xa2go\x90"),         /* no arguments */
        S_BYTES("\x94\x00\x00\xa2go\x91\xc0"),     /* nil for none */
        S_BYTES("\x94\x00\x00\xa2go\x92\xc0\xc0"), /* and no context */
        S_BYTES("\x94\x00\x00\xa2go\x92\xc0\x82\xa3new\x01\xabtraceparent\xc0"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        proto_rpc_request_t request;
        assert_int_equal(proto_rpc_read_request(bodies[i], &request), 0);
        assert_int_equal(request.arguments.size + request.trace.size + request.deadline_ms, 0);
        assert_false(request.native_values);
    }
}

static void s_test_no_requests(void **state)
{
    (void)state;
    static const struct {
        proto_bytes_t body;
        bool msgid;
    } cases[] = {
        {S_BYTES(""), false},
        {S_BYTES("\xc1"), false},
        {S_BYTES("\x80"), false},
        {S_BYTES("\x93\x00\x07\xa2go"), false},
        {S_BYTES("\x95\x00\x07\xa2go\x90\x90"), false},
        {S_BYTES("\x93\x02\xa2go\x90"), false},                                     /* a notification */
        {S_BYTES("\x94\x01\x07\xa2go\x90"), false},                                 /* a response */
        {S_BYTES("\x94\x00\xff\xa2go\x90"), false},                                 /* msgid -1 */
        {S_BYTES("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa2go\x90"), false}, /* 2^32 */
        {S_BYTES("\x94\x00\xa1x\xa2go\x90"), false},
        {S_BYTES("\x94\x00\x07\xa2go\x90\x00"), false}, /* more behind it */
        {S_BYTES("\x94\x00\x07\xa2g\xff\x90"), false},  /* not UTF-8 */
        {S_BYTES("\x94\x00\x07\xa0\x90"), true},
        {S_BYTES("\x94\x00\x07\xc4\x02go\x90"), true},
        {S_BYTES("\x94\x00\x07\xa2g\n\x90"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x80"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x91\x90"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x93\x80\x80\x80"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x92\x80\x90"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x92\x80\x81\xab"
                 "deadline_ms\x00"),
         true},
        {S_BYTES("\x94\x00\x07\xa2go\x92\x80\x81\xab"
                 "deadline_ms\xff"),
         true},
        {S_BYTES("\x94\x00\x07\xa2go\x92\x80\x81\xabtraceparent\x01"), true},
        {S_BYTES("\x94\x00\x07\xa2go\x92\x80\x81\xa6values\xc3"), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        proto_rpc_request_t request;
        assert_int_equal(proto_rpc_read_request(cases[i].body, &request), -1);
        assert_int_equal(request.has_msgid, cases[i].msgid);
        assert_true(!request.has_msgid || request.msgid == 7);
    }
}

static void s_test_written_request(void **state)
{
    (void)state;
    static const char expected[] = "\x94\x00\x07\xa2go\x92\x81\xa1t\xb4"
                                   "1970-01-01T00:00:01Z"
                                   "\x83\xab"
                                   "deadline_ms\x05\xa7subject\xc4\x01\xff\xa4role\xa1r";
    proto_buf_t out = PROTO_BUF_INIT;
    proto_rpc_write_request(&out,
                            &(proto_rpc_request_t){.msgid = 7,
                                                   .operation = proto_bytes_of("go"),
                                                   .arguments = S_BYTES("\x81\xa1t\xd6\xff\x00\x00\x00\x01"),
                                                   .deadline_ms = 5,
                                                   .subject = S_BYTES("\xff"),
                                                   .role = proto_bytes_of("r")});
    assert_true(proto_bytes_equal(proto_buf_bytes(&out), S_BYTES(expected)));
    proto_buf_free(&out);
}

static void s_test_response(void **state)
{
    (void)state;
    proto_rpc_response_t response;
    assert_int_equal(proto_rpc_read_response(S_BYTES("\x94\x01\x07\xc0\xa2ok"), &response), 0);
    assert_int_equal(response.msgid, 7);
    assert_int_equal(response.error.size, 0);
    s_is(response.result, "\xa2ok");
    assert_int_equal(proto_rpc_read_response(S_BYTES("\x94\x01\x07\xa3why\xc0"), &response), 0);
    s_is(response.error, "\xa3why");
    static const proto_bytes_t none[] = {S_BYTES(""),
                                         S_BYTES("\x94\x00\x07\xc0\xc0"),
                                         S_BYTES("\x93\x01\x07\xc0"),
                                         S_BYTES("\x94\x01\xc0\xc0\xc0"),
                                         S_BYTES("\x94\x01\x07\xc0\xc0\xc0"),
                                         S_BYTES("\x94\x01\x07\xc0\xc1")};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(proto_rpc_read_response(none[i], &response), -1);
}

static void s_test_plain_values(void **state)
{
    (void)state;
    proto_buf_t in = PROTO_BUF_INIT, out = PROTO_BUF_INIT, expected = PROTO_BUF_INIT;
    proto_write_map(&in, 3);
    proto_write_text(&in, "at");
    proto_write_timestamp(&in, 1767225600, 500000000);
    proto_write_text(&in, "list");
    proto_write_array(&in, 2);
    proto_write_decimal(&in, proto_bytes_of("12.50"));
    proto_write_bin(&in, S_BYTES("\x00\xff"));
    proto_write_decimal(&in, proto_bytes_of("1")); /* as a key, too */
    proto_buf_append(&in, "\xd4\x05\x07", 3);      /* other extensions stay */
    proto_write_map(&expected, 3);
    proto_write_text(&expected, "at");
    proto_write_text(&expected, "2026-01-01T00:00:00.5Z");
    proto_write_text(&expected, "list");
    proto_write_array(&expected, 2);
    proto_write_text(&expected, "12.50");
    proto_write_bin(&expected, S_BYTES("\x00\xff"));
    proto_write_text(&expected, "1");
    proto_buf_append(&expected, "\xd4\x05\x07", 3);
    proto_rpc_write_plain(&out, proto_buf_bytes(&in));
    assert_true(proto_bytes_equal(proto_buf_bytes(&out), proto_buf_bytes(&expected)));
    proto_buf_reset(&out);
    proto_rpc_write_response(&out, true, 1, (proto_bytes_t){0}, proto_buf_bytes(&in), true);
    assert_true(proto_bytes_equal((proto_bytes_t){out.data + 4, out.size - 4}, proto_buf_bytes(&in)));
    proto_buf_free(&in);
    proto_buf_free(&out);
    proto_buf_free(&expected);
}

static void s_error(const char *code, int64_t status, proto_error_t number, int64_t becomes)
{
    proto_buf_t in = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    proto_write_map(&in, 3);
    proto_write_text(&in, "code");
    proto_write_text(&in, code);
    proto_write_text(&in, "status");
    proto_write_int(&in, status);
    proto_write_text(&in, "detail");
    proto_write_text(&in, "because");
    assert_int_equal(proto_rpc_error(proto_buf_bytes(&in), &out), number);
    proto_bytes_t body = proto_buf_bytes(&out);
    assert_int_equal(proto_value_check(body), 0);
    assert_int_equal(proto_value_get_int(body, "status", 0), becomes);
    bool bad = number == PROTO_ERROR_bad_worker_reply;
    s_is(proto_value_get_str(body, "code", ""), bad ? "bad_worker_reply" : code);
    s_is(proto_value_get_str(body, "detail", ""), bad ? proto_error_title(number) : "because");
    proto_buf_free(&in);
    proto_buf_free(&out);
}

static void s_test_errors(void **state)
{
    (void)state;
    s_error("conflict", 200, PROTO_ERROR_conflict, 409);
    s_error("too_cold", 418, PROTO_ERROR_declared, 418);
    s_error("too_cold", 399, PROTO_ERROR_declared, 500);
    s_error("too_cold", 600, PROTO_ERROR_declared, 500);
    s_error("", 404, PROTO_ERROR_bad_worker_reply, 502);
    s_error("none", 404, PROTO_ERROR_bad_worker_reply, 502);
    s_error("a\tb", 404, PROTO_ERROR_bad_worker_reply, 502);
    s_error("12345678901234567890123456789012345678901234567890123456789012345", 404,
            PROTO_ERROR_bad_worker_reply, 502);
    proto_buf_t out = PROTO_BUF_INIT;
    assert_int_equal(proto_rpc_error(S_BYTES("\xa3why"), &out), PROTO_ERROR_bad_worker_reply);
    proto_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_request),     cmocka_unit_test(s_test_short_requests),
        cmocka_unit_test(s_test_no_requests), cmocka_unit_test(s_test_written_request),
        cmocka_unit_test(s_test_response),    cmocka_unit_test(s_test_plain_values),
        cmocka_unit_test(s_test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
