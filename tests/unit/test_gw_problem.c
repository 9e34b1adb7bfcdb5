/* SPDX-License-Identifier: MPL-2.0 */
/* Error bodies: for every error of the table, from every kind of ERROR record, and always well-formed JSON
 * whatever the texts hold. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "gw_problem.h"
#include "proto_json.h"

#define S_BYTES(text) ((proto_bytes_t){(const uint8_t *)(text), sizeof(text) - 1})

static const proto_bytes_t s_none;

static const char *s_write(const gw_problem_t *problem, proto_bytes_t id)
{
    static proto_buf_t out;
    proto_buf_reset(&out);
    gw_problem_write(problem, id, &out);
    assert_false(out.failed);
    return proto_buf_text(&out);
}

/* Appends the MessagePack of a JSON text. */
static void s_value(proto_buf_t *out, const char *json)
{
    proto_json_error_t error;
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, out, &error), 0);
}

static void test_the_whole_text(void **state)
{
    (void)state;
    gw_problem_t problem =
        gw_problem_of(PROTO_ERROR_not_found, proto_bytes_of("there is nothing at this path"));
    assert_string_equal(s_write(&problem, proto_bytes_of("abc")),
                        "{\"type\":\"about:blank\",\"title\":\"Not found\",\"status\":404,"
                        "\"detail\":\"There is nothing at this path.\",\"code\":\"not_found\","
                        "\"request_id\":\"abc\"}");
    assert_string_equal(GW_PROBLEM_TYPE, "application/problem+json"); /* RFC 9457 section 3 */
}

/* A parameter is spelled as the client spells it; words that only begin as its name does are none. */
static void test_names_of_parameters(void **state)
{
    (void)state;
    proto_param_t params[] = {{.name = "id"}, {.name = "to"}};
    const proto_operation_t operation = {.params = params, .param_count = 2};
    static const char *const cases[][2] = {{"id must be an integer", "\"id must be an integer.\""},
                                           {"to.zip is odd", "\"to.zip is odd.\""},
                                           {"to[1] is odd", "\"to[1] is odd.\""},
                                           {"id", "\"id.\""},
                                           {"idle", "\"Idle.\""},
                                           {"i", "\"I.\""},
                                           {"there is nothing", "\"There is nothing.\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_problem_t problem = gw_problem_of(PROTO_ERROR_invalid, proto_bytes_of(cases[i][0]));
        problem.operation = &operation;
        assert_non_null(strstr(s_write(&problem, s_none), cases[i][1]));
    }
}

static void test_every_error(void **state)
{
    (void)state;
    for (int error = 0; error <= PROTO_ERROR_COUNT + 1; error++) {
        gw_problem_t problem = gw_problem_of((proto_error_t)error, s_none);
        assert_int_equal(problem.status, proto_error_status((proto_error_t)error));
        assert_true(proto_bytes_is(problem.code, proto_error_code((proto_error_t)error)));
        assert_true(proto_bytes_is(problem.title, proto_error_title((proto_error_t)error)));
        assert_true(proto_bytes_equal(problem.detail, problem.title));
        char expected[512];
        snprintf(
            expected, sizeof expected,
            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s.\",\"code\":\"%s\","
            "\"request_id\":\"\"}",
            proto_error_title((proto_error_t)error), problem.status, proto_error_title((proto_error_t)error),
            proto_error_code((proto_error_t)error));
        assert_string_equal(s_write(&problem, s_none), expected);
    }
}

static void test_details_become_sentences(void **state)
{
    (void)state;
    static const struct {
        proto_bytes_t detail;
        const char *json; /* the detail, quoted */
    } cases[] = {
        {S_BYTES("limit must be at most 5"), "\"Limit must be at most 5.\""},
        {S_BYTES("Already one."), "\"Already one.\""},
        {S_BYTES("really?"), "\"Really?\""},
        {S_BYTES("stop!"), "\"Stop!\""},
        {S_BYTES("a"), "\"A.\""},
        {S_BYTES("."), "\".\""},
        {S_BYTES("7 items"), "\"7 items.\""},
        {S_BYTES("_x is wrong"), "\"_x is wrong.\""},
        {S_BYTES("\xc3\xa4rger"), "\"\xc3\xa4rger.\""},
        {S_BYTES("\"a\" is \"b\""), "\"\\\"a\\\" is \\\"b\\\".\""},
        {S_BYTES("\"a.\""), "\"\\\"a.\\\".\""},
        {S_BYTES("ends in \\"), "\"Ends in \\\\.\""},
        {S_BYTES("line\nnext\n"), "\"Line\\nnext\\n.\""},
        {S_BYTES("n\0l"), "\"N\\u0000l.\""},
        {S_BYTES("not UTF-8: \xff"), "\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_problem_t problem = gw_problem_of(PROTO_ERROR_invalid, cases[i].detail);
        char expected[256];
        snprintf(expected, sizeof expected, ",\"detail\":%s,\"code\"", cases[i].json);
        const char *text = s_write(&problem, s_none);
        if (!strstr(text, expected))
            fail_msg("%s is not in %s", expected, text);
    }
}

/* What an ERROR record says is told; what it leaves out or says in a way that cannot be is the table's. */
static void test_records(void **state)
{
    (void)state;
    static const struct {
        uint16_t number;
        const char *body; /* JSON of the record's body; NULL: none */
        int status;
        const char *code, *title, *detail;
    } cases[] = {
        {PROTO_ERROR_declared,
         "{\"code\":\"sold_out\",\"status\":409,\"title\":\"Conflict\",\"detail\":\"gone\"}", 409, "sold_out",
         "Conflict", "gone"},
        {PROTO_ERROR_no_worker, NULL, 503, "no_worker", "No worker available", "No worker available"},
        {PROTO_ERROR_no_worker, "{}", 503, "no_worker", "No worker available", "No worker available"},
        {PROTO_ERROR_invalid, "{\"detail\":\"x is wrong\"}", 422, "invalid", "Invalid input", "x is wrong"},
        {PROTO_ERROR_invalid, "{\"title\":\"Odd\"}", 422, "invalid", "Odd", "Odd"},
        {PROTO_ERROR_invalid, "{\"detail\":\"\",\"code\":\"\",\"title\":\"\"}", 422, "invalid",
         "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"detail\":7,\"code\":[],\"title\":null,\"status\":\"400\"}", 422, "invalid",
         "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":400}", 400, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":599}", 599, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":399}", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":600}", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":-1}", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "{\"status\":4294967696}", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "[\"status\",400]", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_invalid, "\"status\"", 422, "invalid", "Invalid input", "Invalid input"},
        {PROTO_ERROR_COUNT, NULL, 500, "internal", "Internal server error", "Internal server error"},
        {UINT16_MAX, "{\"detail\":\"new\"}", 500, "internal", "Internal server error", "new"},
        /* an error is never a success */
        {PROTO_ERROR_none, NULL, 500, "internal", "Internal server error", "Internal server error"},
        {PROTO_ERROR_none, "{\"status\":200}", 500, "internal", "Internal server error",
         "Internal server error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t body = PROTO_BUF_INIT;
        if (cases[i].body)
            s_value(&body, cases[i].body);
        gw_problem_t problem = gw_problem_from_record(cases[i].number, proto_buf_bytes(&body));
        if (problem.status != cases[i].status || !proto_bytes_is(problem.code, cases[i].code) ||
            !proto_bytes_is(problem.title, cases[i].title) ||
            !proto_bytes_is(problem.detail, cases[i].detail))
            fail_msg("%u %s: %s", cases[i].number, cases[i].body ? cases[i].body : "",
                     s_write(&problem, s_none));
        proto_buf_free(&body);
    }
}

/* Bodies that are no MessagePack: the table's entry, whatever they begin with. */
static void test_malformed_records(void **state)
{
    (void)state;
    proto_buf_t body = PROTO_BUF_INIT;
    s_value(&body, "{\"status\":400,\"code\":\"c\",\"title\":\"t\",\"detail\":\"d\"}");
    for (size_t size = 0; size < body.size; size++) {
        gw_problem_t problem = gw_problem_from_record(PROTO_ERROR_timeout, (proto_bytes_t){body.data, size});
        assert_int_equal(problem.status, 504);
        assert_true(proto_bytes_is(problem.code, "timeout"));
    }
    body.data[body.size - 1] = 0xff; /* the detail is no UTF-8 */
    gw_problem_t problem = gw_problem_from_record(PROTO_ERROR_timeout, proto_buf_bytes(&body));
    assert_int_equal(problem.status, 504);
    proto_buf_free(&body);
}

/* Texts that cannot be shown are left out, and the rest is still JSON: a text is in every place. */
static void test_always_json(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second += first < 128 ? 51 : 1) {
            uint8_t text[] = {(uint8_t)first, (uint8_t)second, 'x'};
            for (size_t size = 1; size <= 3; size++) {
                proto_bytes_t bytes = {text, size};
                gw_problem_t problem = {.status = 499, .code = bytes, .title = bytes, .detail = bytes};
                proto_buf_t out = PROTO_BUF_INIT, value = PROTO_BUF_INIT;
                proto_json_error_t error;
                gw_problem_write(&problem, bytes, &out);
                assert_int_equal(
                    proto_json_to_value(proto_buf_bytes(&out), &(proto_json_options_t){0}, &value, &error),
                    0);
                proto_bytes_t shown = proto_value_get_str(proto_buf_bytes(&value), "request_id", "?");
                assert_true(proto_bytes_equal(shown, proto_utf8_valid(bytes) ? bytes : s_none));
                proto_buf_free(&out);
                proto_buf_free(&value);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_text), cmocka_unit_test(test_names_of_parameters),
        cmocka_unit_test(test_every_error),    cmocka_unit_test(test_details_become_sentences),
        cmocka_unit_test(test_records),        cmocka_unit_test(test_malformed_records),
        cmocka_unit_test(test_always_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
