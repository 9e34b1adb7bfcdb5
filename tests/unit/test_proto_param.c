/* SPDX-License-Identifier: MPL-2.0 */
/* Judging arguments: each type's limits exactly at the edge, as text and as MessagePack, bounds, lists,
 * arrays, and binding a map of arguments to an operation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "proto_json.h"
#include "proto_param.h"

/* The MessagePack of a JSON text, or of hexadecimal digits behind '#'; in memory of exactly its size. */
static proto_bytes_t s_value(const char *text)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t error;
    for (const char *hex = text + 1; *text == '#' && *hex; hex += 2)
        proto_buf_byte(&value, (uint8_t)strtoul((char[]){hex[0], hex[1], 0}, NULL, 16));
    if (*text != '#' &&
        proto_json_to_value(proto_bytes_of(text), &(proto_json_options_t){0}, &value, &error) < 0)
        fail_msg("%s: %s", text, error.reason);
    uint8_t *copy = malloc(value.size ? value.size : 1);
    assert_non_null(copy);
    memcpy(copy, value.data, value.size);
    proto_bytes_t bytes = {copy, value.size};
    proto_buf_free(&value);
    assert_int_equal(proto_value_check(bytes), 0);
    return bytes;
}

static void s_release(proto_bytes_t bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* What proto_param_check says to a value: NULL when it suits. */
static void s_check(const proto_param_t *param, const char *value, const char *detail)
{
    proto_buf_t got = PROTO_BUF_INIT;
    proto_bytes_t bytes = s_value(value);
    int rc = proto_param_check(param, bytes, &got);
    s_release(bytes);
    if (rc != (detail ? -1 : 0) || strcmp(proto_buf_text(&got), detail ? detail : "") != 0)
        fail_msg("%s%s = %s: %d \"%s\" instead of \"%s\"", proto_data_name(param->data),
                 param->array ? "[]" : "", value, rc, proto_buf_text(&got), detail ? detail : "");
    proto_buf_free(&got);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        proto_data_t data;
        const char *value, *detail; /* NULL: it suits */
    } cases[] = {
#define S_IS(type, value) {PROTO_DATA_##type, value, NULL}
#define S_NOT(type, value, why)                                                                              \
    {                                                                                                        \
        PROTO_DATA_##type, value, "p must " why                                                              \
    }
        S_IS(BOOL, "true"),
        S_IS(BOOL, "false"),
        S_NOT(BOOL, "1", "be true or false"),
        S_NOT(BOOL, "\"true\"", "be true or false"),
        S_NOT(BOOL, "null", "not be null"),
        S_IS(INT2, "-32768"),
        S_IS(INT2, "32767"),
        S_NOT(INT2, "-32769", "lie between -32768 and 32767"),
        S_NOT(INT2, "32768", "lie between -32768 and 32767"),
        S_IS(INT4, "-2147483648"),
        S_IS(INT4, "2147483647"),
        S_NOT(INT4, "-2147483649", "lie between -2147483648 and 2147483647"),
        S_NOT(INT4, "2147483648", "lie between -2147483648 and 2147483647"),
        S_IS(INT8, "-9223372036854775808"),
        S_IS(INT8, "9223372036854775807"),
        S_NOT(INT8, "9223372036854775808", "lie between -9223372036854775808 and 9223372036854775807"),
        S_NOT(INT8, "18446744073709551615", "lie between -9223372036854775808 and 9223372036854775807"),
        S_NOT(INT8, "#cfffffffffffffffff", "lie between -9223372036854775808 and 9223372036854775807"),
        S_NOT(INT8, "-9223372036854775809", "be an integer"), /* a decimal by then */
        S_NOT(INT4, "1.0", "be an integer"),
        S_NOT(INT4, "1e2", "be an integer"),
        S_NOT(INT4, "#cb3ff0000000000000", "be an integer"),
        S_NOT(INT4, "\"1\"", "be an integer"),
        S_NOT(INT4, "true", "be an integer"),
        S_NOT(INT4, "[]", "be an integer"),
        S_NOT(INT4, "null", "not be null"),
        S_IS(INT4, "#d3ffffffff80000000"), /* longer forms than needed are the same numbers */
        S_IS(INT4, "#cf000000007fffffff"),
        S_IS(FLOAT8, "1.7976931348623157e308"),
        S_IS(FLOAT8, "-1.7976931348623157e308"),
        S_NOT(FLOAT8, "1.8e308", "be a number that fits 64 bits"),
        S_NOT(FLOAT8, "-1e400", "be a number that fits 64 bits"),
        S_IS(FLOAT8, "1e-400"),
        S_IS(FLOAT8, "5"),
        S_IS(FLOAT8, "18446744073709551615"),
        S_IS(FLOAT8, "#cb7ff0000000000000"),
        S_IS(FLOAT8, "\"NaN\""),
        S_IS(FLOAT4, "\"Infinity\""),
        S_IS(NUMERIC, "\"-Infinity\""),
        S_NOT(FLOAT8, "\"nan\"", "be a number"),
        S_NOT(FLOAT8, "\"inf\"", "be a number"),
        S_NOT(FLOAT8, "\"1\"", "be a number"),
        S_NOT(NUMERIC, "\"\"", "be a number"),
        S_NOT(NUMERIC, "true", "be a number"),
        S_IS(NUMERIC, "1e400"),
        S_IS(NUMERIC, "123456789012345678901234567890.123"),
        S_IS(TEXT, "\"\""),
        S_IS(TEXT, "\"\xf0\x9f\x98\x80\""),
        S_NOT(TEXT, "\"a\\u0000b\"", "not hold the character U+0000"),
        S_NOT(TEXT, "1", "be a text"),
        S_NOT(TEXT, "#c40161", "be a text"),
        S_NOT(TEXT, "{}", "be a text"),
        S_IS(ENUM, "\"any\""),
        S_IS(OTHER, "\"1 day\""),
        S_IS(OTHER, "1"),
        S_IS(OTHER, "1.5"),
        S_IS(OTHER, "true"),
        S_IS(OTHER, "18446744073709551615"),
        S_NOT(OTHER, "\"\\u0000\"", "not hold the character U+0000"),
        S_NOT(OTHER, "[]", "be a text"),
        S_NOT(OTHER, "{}", "be a text"),
        S_NOT(OTHER, "#c400", "be a text"),
        S_IS(JSON, "{\"a\": [null, 1.5, \"x\"]}"),
        S_IS(JSON, "\"x\""),
        S_IS(JSON, "5"),
        S_NOT(JSON, "\"\\u0000\"", "not hold the character U+0000"),
        S_NOT(JSON, "[{\"a\": [\"b\\u0000\"]}]", "not hold the character U+0000"),
        S_NOT(JSON, "{\"a\\u0000\": 1}", "not hold the character U+0000"),
#define S_ZONE "be a date-time with its zone, as 2026-01-31T12:00:00Z"
        S_IS(TIMESTAMPTZ, "\"2026-01-31T12:00:00Z\""),
        S_IS(TIMESTAMPTZ, "\"2026-01-31 12:00:00.123456789+05:30\""),
        S_IS(TIMESTAMPTZ, "\"infinity\""),
        S_IS(TIMESTAMPTZ, "\"-infinity\""),
        S_IS(TIMESTAMPTZ, "#d6ff65000000"),
        S_NOT(TIMESTAMPTZ, "\"2026-01-31T12:00:00\"", S_ZONE),
        S_NOT(TIMESTAMPTZ, "\"2026-02-29T12:00:00Z\"", S_ZONE),
        S_NOT(TIMESTAMPTZ, "\"Infinity\"", S_ZONE),
        S_NOT(TIMESTAMPTZ, "1769860800", S_ZONE),
        S_NOT(TIMESTAMPTZ, "\"now\"", S_ZONE),
        S_IS(TIMESTAMP, "\"2026-01-31T12:00:00\""),
        S_NOT(TIMESTAMP, "\"2026-01-31T12:00:00Z\"", "be a date-time, as 2026-01-31T12:00:00"),
        S_NOT(TIMESTAMP, "#d6ff65000000", "be a date-time, as 2026-01-31T12:00:00"),
        S_IS(DATE, "\"2026-01-31\""),
        S_NOT(DATE, "\"2026-02-30\"", "be a date, as 2026-01-31"),
        S_NOT(DATE, "20260131", "be a date, as 2026-01-31"),
        S_IS(TIME, "\"23:59:59\""),
        S_NOT(TIME, "\"24:01\"", "be a time of day, as 23:59:59"),
        S_IS(UUID, "\"00000000-0000-0000-0000-000000000000\""),
        S_NOT(UUID, "\"00000000-0000-0000-0000-00000000000\"", "be a UUID"),
        S_NOT(UUID, "#c4020000", "be a UUID"),
        S_IS(BYTEA, "\"\""),
        S_IS(BYTEA, "\"AP9/\""),
        S_IS(BYTEA, "#c402ff00"),
        S_NOT(BYTEA, "\"AP9\"", "be bytes in base64"),
        S_NOT(BYTEA, "\"A-_/\"", "be bytes in base64"),
        S_NOT(BYTEA, "1", "be bytes in base64"),
#undef S_ZONE
#undef S_IS
#undef S_NOT
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_param_t param = {.name = "p", .data = cases[i].data, .required = true};
        s_check(&param, cases[i].value, cases[i].detail);
        param.required = false;
        if (strcmp(cases[i].value, "null") == 0)
            s_check(&param, "null", NULL);
        else
            s_check(&param, cases[i].value, cases[i].detail);
    }
}

/* Bounds are inclusive, and a value just outside is told which one it misses. */
static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        proto_data_t data;
        proto_unit_t unit;
        double min, max; /* 99: none */
        const char *value, *detail;
    } cases[] = {
        {PROTO_DATA_INT4, PROTO_UNIT_VALUE, 1, 500, "1", NULL},
        {PROTO_DATA_INT4, PROTO_UNIT_VALUE, 1, 500, "500", NULL},
        {PROTO_DATA_INT4, PROTO_UNIT_VALUE, 1, 500, "0", "p must be at least 1"},
        {PROTO_DATA_INT4, PROTO_UNIT_VALUE, 1, 500, "501", "p must be at most 500"},
        {PROTO_DATA_INT4, PROTO_UNIT_VALUE, 99, 500, "-2147483648", NULL},
        {PROTO_DATA_INT8, PROTO_UNIT_VALUE, -9007199254740991, 9007199254740991, "9007199254740991", NULL},
        {PROTO_DATA_INT8, PROTO_UNIT_VALUE, -9007199254740991, 9007199254740990, "9007199254740991",
         "p must be at most 9.00719925474099e+15"},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "0.5", NULL},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "0", NULL},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "0.51", "p must be at most 0.5"},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "-0.0001", "p must be at least 0"},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "1e400", "p must be at most 0.5"},
        {PROTO_DATA_NUMERIC, PROTO_UNIT_VALUE, 0, 0.5, "\"NaN\"", "p must be at least 0"},
        {PROTO_DATA_FLOAT8, PROTO_UNIT_VALUE, 0, 0.5, "\"Infinity\"", "p must be at most 0.5"},
        {PROTO_DATA_FLOAT8, PROTO_UNIT_VALUE, 0, 99, "\"-Infinity\"", "p must be at least 0"},
        {PROTO_DATA_FLOAT8, PROTO_UNIT_VALUE, 0, 99, "\"Infinity\"", NULL},
        {PROTO_DATA_FLOAT8, PROTO_UNIT_VALUE, 0, 0.5, "#cb7ff8000000000000", "p must be at least 0"},
        {PROTO_DATA_TEXT, PROTO_UNIT_CHARS, 1, 3, "\"a\"", NULL},
        {PROTO_DATA_TEXT, PROTO_UNIT_CHARS, 1, 3, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", NULL},
        {PROTO_DATA_TEXT, PROTO_UNIT_CHARS, 1, 3, "\"\"", "p must have at least 1 character"},
        {PROTO_DATA_TEXT, PROTO_UNIT_CHARS, 2, 3, "\"\xc3\xa9\"", "p must have at least 2 characters"},
        {PROTO_DATA_TEXT, PROTO_UNIT_CHARS, 1, 3, "\"abcd\"", "p must have at most 3 characters"},
        {PROTO_DATA_TEXT, PROTO_UNIT_BYTES, 1, 3, "\"\xe2\x82\xac\"", NULL},
        {PROTO_DATA_TEXT, PROTO_UNIT_BYTES, 1, 1, "\"\xc3\xa9\"", "p must have at most 1 byte"},
        {PROTO_DATA_BYTEA, PROTO_UNIT_BYTES, 2, 3, "\"AAAA\"", NULL},
        {PROTO_DATA_BYTEA, PROTO_UNIT_BYTES, 0, 2, "\"AAAA\"", "p must have at most 2 bytes"},
        {PROTO_DATA_BYTEA, PROTO_UNIT_BYTES, 2048, 4096, "\"AAAA\"", "p must have at least 2 kB"},
        {PROTO_DATA_BYTEA, PROTO_UNIT_BYTES, 10485760, 2e7, "\"AAAA\"", "p must have at least 10 MB"},
        {PROTO_DATA_OTHER, PROTO_UNIT_CHARS, 1, 3, "\"abcd\"", "p must have at most 3 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_param_t param = {.name = "p",
                               .data = cases[i].data,
                               .unit = cases[i].unit,
                               .has_min = cases[i].min != 99,
                               .has_max = cases[i].max != 99,
                               .min = cases[i].min,
                               .max = cases[i].max};
        s_check(&param, cases[i].value, cases[i].detail);
        if (cases[i].detail) { /* without bounds it would do */
            param.has_min = param.has_max = false;
            s_check(&param, cases[i].value, NULL);
        }
        s_check(&param, "null", NULL);
    }
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const words[] = {"open", "closed", ""}, *const numbers[] = {"1", "2.50", "true",
                                                                                   "2026-01-31"};
    proto_param_t param = {.name = "p", .data = PROTO_DATA_TEXT, .values = words, .value_count = 3};
    static const proto_data_t texts[] = {PROTO_DATA_TEXT, PROTO_DATA_ENUM, PROTO_DATA_OTHER};
    for (size_t i = 0; i < 3; i++) {
        param.data = texts[i];
        s_check(&param, "\"open\"", NULL);
        s_check(&param, "\"\"", NULL);
        s_check(&param, "\"Open\"", "p must be one of open, closed, ");
        s_check(&param, "\"ope\"", "p must be one of open, closed, ");
        s_check(&param, "\"opens\"", "p must be one of open, closed, ");
        s_check(&param, "null", NULL);
    }
    param = (proto_param_t){.name = "p", .data = PROTO_DATA_INT4, .values = numbers, .value_count = 4};
    s_check(&param, "1", NULL);
    s_check(&param, "3", "p must be one of 1, 2.50, true, 2026-01-31");
    param.data = PROTO_DATA_NUMERIC;
    s_check(&param, "2.50", NULL);
    s_check(&param, "1", NULL);
    s_check(&param, "3.5", "p must be one of 1, 2.50, true, 2026-01-31");
    param.data = PROTO_DATA_BOOL;
    s_check(&param, "true", NULL);
    s_check(&param, "false", "p must be one of 1, 2.50, true, 2026-01-31");
    param.data = PROTO_DATA_DATE;
    s_check(&param, "\"2026-01-31\"", NULL);
    s_check(&param, "\"2026-02-01\"", "p must be one of 1, 2.50, true, 2026-01-31");
    param.array = true;
    param.data = PROTO_DATA_INT4;
    s_check(&param, "[1, 1, null]", NULL);
    s_check(&param, "[1, 2]", "p must be one of 1, 2.50, true, 2026-01-31");
}

static void test_arrays(void **state)
{
    (void)state;
    proto_param_t param = {.name = "p", .data = PROTO_DATA_INT4, .array = true, .required = true};
    s_check(&param, "[]", NULL);
    s_check(&param, "[1, null, -2147483648]", NULL);
    s_check(&param, "[[1, 2], [3, 4]]", NULL);
    s_check(&param, "[[[[[[1]]]]]]", NULL);
    s_check(&param, "[[[[[[[1]]]]]]]", "p must be an array of at most six dimensions");
    s_check(&param, "1", "p must be an array");
    s_check(&param, "{}", "p must be an array");
    s_check(&param, "\"{1}\"", "p must be an array");
    s_check(&param, "null", "p must not be null");
    s_check(&param, "[1, \"2\"]", "p must be an integer");
    s_check(&param, "[[1], [2147483648]]", "p must lie between -2147483648 and 2147483647");
    s_check(&param, "[{}]", "p must be an integer");
    param.has_max = true;
    param.max = 5; /* of each item */
    s_check(&param, "[5, 5, 5, 5, 5, 5]", NULL);
    s_check(&param, "[5, 6]", "p must be at most 5");
    param.unit = PROTO_UNIT_ITEMS; /* of their number */
    param.has_min = true;
    param.min = 1;
    s_check(&param, "[7, 7, 7, 7, 7]", NULL);
    s_check(&param, "[]", "p must have at least 1 item");
    s_check(&param, "[1, 1, 1, 1, 1, 1]", "p must have at most 5 items");
    param = (proto_param_t){.name = "p", .data = PROTO_DATA_JSON, .array = true};
    s_check(&param, "[{\"a\": [1]}, [[[[[[[1]]]]]]], null, \"x\"]", NULL);
    s_check(&param, "[{\"a\": [\"\\u0000\"]}]", "p must not hold the character U+0000");
    s_check(&param, "{}", "p must be an array");
    s_check(&param, "null", NULL);
    param.data = PROTO_DATA_TEXT;
    s_check(&param, "[\"a\", \"\\u0000\"]", "p must not hold the character U+0000");
}

/* ---- binding ---- */

static void test_bind(void **state)
{
    (void)state;
    static const uint8_t seven[] = {7};
    static proto_param_t params[] = {
        {.name = "id", .data = PROTO_DATA_INT4, .required = true},
        {.name = "limit", .data = PROTO_DATA_INT4, .default_value = {seven, 1}},
        {.name = "q", .data = PROTO_DATA_TEXT},
        {.name = "auth.sub", .data = PROTO_DATA_TEXT, .source = PROTO_SOURCE_AUTH_SUB},
        {.name = "auth.role", .data = PROTO_DATA_TEXT, .source = PROTO_SOURCE_AUTH_ROLE, .required = true},
        {.name = "request.id", .data = PROTO_DATA_TEXT, .source = PROTO_SOURCE_REQUEST_ID},
    };
    static const proto_operation_t operation = {.params = params, .param_count = 6};
    static const struct {
        const char *arguments, *bound; /* as JSON with '-' for NULL, or '!' and the sentence */
    } cases[] = {
        {"{\"id\": 1}", "1 7 - - - -"},
        {"{\"q\": \"x\", \"limit\": 2, \"id\": 1}", "1 2 \"x\" - - -"},
        {"{\"id\": 1, \"limit\": null, \"q\": null}", "1 null null - - -"}, /* given: no default */
        {"{\"id\": 1, \"other\": [1, {\"id\": 2}]}", "1 7 - - - -"},
        {"{\"id\": 1, \"auth.sub\": \"me\", \"auth.role\": \"admin\", \"request.id\": 5}", "1 7 - - - -"},
        {"{}", "!id is required"},
        {"{\"Id\": 1}", "!id is required"},
        {"{\"id\": null}", "!id must not be null"},
        {"{\"id\": \"x\"}", "!id must be an integer"},
        {"{\"id\": 1, \"limit\": \"x\"}", "!limit must be an integer"},
        {"[]", "!the arguments must be a map"},
        {"1", "!the arguments must be a map"},
        {"#81a2696401", "1 7 - - - -"},
        {"#8201c3a2696401", "1 7 - - - -"}, /* a key that is no text */
        {"#81c4026964c3", "!id is required"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t arguments = s_value(cases[i].arguments), values[6];
        proto_buf_t detail = PROTO_BUF_INIT, got = PROTO_BUF_INIT;
        memset(values, 0xee, sizeof values);
        if (proto_param_bind(&operation, arguments, values, &detail) < 0)
            proto_buf_printf(&got, "!%s", proto_buf_text(&detail));
        else
            for (int v = 0; v < 6; v++) {
                proto_buf_string(&got, v ? " " : "");
                if (values[v].size == 0)
                    proto_buf_byte(&got, '-');
                else
                    assert_int_equal(proto_json_from_value(values[v], &got), 0);
            }
        if (strcmp(proto_buf_text(&got), cases[i].bound) != 0)
            fail_msg("%s: %s instead of %s", cases[i].arguments, proto_buf_text(&got), cases[i].bound);
        s_release(arguments);
        proto_buf_free(&detail);
        proto_buf_free(&got);
    }
    proto_bytes_t values[6];
    proto_buf_t detail = PROTO_BUF_INIT;
    assert_int_equal(proto_param_bind(&operation, (proto_bytes_t){0}, values, &detail), -1);
    assert_string_equal(proto_buf_text(&detail), "the arguments must be a map");
    assert_int_equal(proto_param_check(&params[0], (proto_bytes_t){0}, &detail), -1);
    proto_buf_free(&detail);
}

/* ---- text from paths and queries ---- */

static void test_from_text(void **state)
{
    (void)state;
    static const struct {
        proto_data_t data;
        const char *text, *value; /* as JSON, or '!' and the end of the sentence */
    } cases[] = {
        {PROTO_DATA_BOOL, "true", "true"},
        {PROTO_DATA_BOOL, "YES", "true"},
        {PROTO_DATA_BOOL, "On", "true"},
        {PROTO_DATA_BOOL, "1", "true"},
        {PROTO_DATA_BOOL, "False", "false"},
        {PROTO_DATA_BOOL, "no", "false"},
        {PROTO_DATA_BOOL, "off", "false"},
        {PROTO_DATA_BOOL, "0", "false"},
        {PROTO_DATA_BOOL, "", "!true or false"},
        {PROTO_DATA_BOOL, "t", "!true or false"},
        {PROTO_DATA_BOOL, "truee", "!true or false"},
        {PROTO_DATA_BOOL, " true", "!true or false"},
        {PROTO_DATA_INT8, "9223372036854775807", "9223372036854775807"},
        {PROTO_DATA_INT8, "-9223372036854775808", "-9223372036854775808"},
        {PROTO_DATA_INT8, "9223372036854775808", "!an integer of 64 bits"},
        {PROTO_DATA_INT8, "-9223372036854775809", "!an integer of 64 bits"},
        {PROTO_DATA_INT8, "99999999999999999999999", "!an integer of 64 bits"},
        {PROTO_DATA_INT4, "2147483648", "2147483648"}, /* bounds are judged later */
        {PROTO_DATA_INT2, "-0", "0"},
        {PROTO_DATA_INT4, "007", "7"},
        {PROTO_DATA_INT4, "", "!an integer"},
        {PROTO_DATA_INT4, "-", "!an integer"},
        {PROTO_DATA_INT4, "+1", "!an integer"},
        {PROTO_DATA_INT4, " 1", "!an integer"},
        {PROTO_DATA_INT4, "1 ", "!an integer"},
        {PROTO_DATA_INT4, "1.0", "!an integer"},
        {PROTO_DATA_INT4, "0x1", "!an integer"},
        {PROTO_DATA_INT4, "\xd9\xa1", "!an integer"},
        {PROTO_DATA_NUMERIC, "1.50", "1.50"},
        {PROTO_DATA_NUMERIC, "-0", "-0"},
        {PROTO_DATA_NUMERIC, "1e400", "1e400"},
        {PROTO_DATA_FLOAT8, "NaN", "\"NaN\""},
        {PROTO_DATA_FLOAT4, "-Infinity", "\"-Infinity\""},
        {PROTO_DATA_FLOAT8, "nan", "!a number"},
        {PROTO_DATA_FLOAT8, "", "!a number"},
        {PROTO_DATA_FLOAT8, "1.", "!a number"},
        {PROTO_DATA_FLOAT8, ".5", "!a number"},
        {PROTO_DATA_FLOAT8, "+1", "!a number"},
        {PROTO_DATA_FLOAT8, "01", "!a number"},
        {PROTO_DATA_JSON, "{\"a\": [1]}", "{\"a\":[1]}"},
        {PROTO_DATA_JSON, "null", "null"},
        {PROTO_DATA_TEXT, "", "\"\""},
        {PROTO_DATA_TEXT, "5 null", "\"5 null\""},
        {PROTO_DATA_UUID, "x", "\"x\""},
        {PROTO_DATA_OTHER, "1 day", "\"1 day\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const proto_param_t param = {.name = "p", .data = cases[i].data, .array = i % 2}; /* an item, then */
        proto_buf_t value = PROTO_BUF_INIT, got = PROTO_BUF_INIT, want = PROTO_BUF_INIT;
        size_t size = strlen(cases[i].text);
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].text, size);
        proto_buf_string(&want, cases[i].value);
        if (cases[i].value[0] == '!') {
            proto_buf_reset(&want);
            proto_buf_printf(&want, "p must be %s", cases[i].value + 1);
        }
        if (proto_param_from_text(&param, (proto_bytes_t){copy, size}, &value, &got) == 0)
            assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &got), 0);
        if (!proto_bytes_equal(proto_buf_bytes(&got), proto_buf_bytes(&want)))
            fail_msg("%s: %s instead of %s", cases[i].text, proto_buf_text(&got), proto_buf_text(&want));
        free(copy);
        proto_buf_free(&value);
        proto_buf_free(&got);
        proto_buf_free(&want);
    }
    const proto_param_t json = {.name = "p", .data = PROTO_DATA_JSON};
    proto_buf_t value = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
    assert_int_equal(proto_param_from_text(&json, proto_bytes_of("[1,"), &value, &detail), -1);
    assert_memory_equal(detail.data, "p must be JSON: ", 16);
    proto_buf_free(&value);
    proto_buf_free(&detail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_bounds), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_arrays), cmocka_unit_test(test_bind),   cmocka_unit_test(test_from_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
