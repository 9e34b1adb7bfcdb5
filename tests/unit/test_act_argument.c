/* SPDX-License-Identifier: MPL-2.0 */
/* Arguments to PostgreSQL's text format: every kind with its extremes, arrays quoted, and what has no text.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "act_value.h"
#include "proto_json.h"

/* The text of an argument given as JSON (or, when it begins with '#', as hexadecimal MessagePack). */
static void test_arguments(void **state)
{
    (void)state;
    static const struct {
        proto_data_t data;
        bool array;
        const char *type, *json, *text; /* NULL: no text for it; "NULL": it is NULL */
    } cases[] = {
        {PROTO_DATA_BOOL, false, NULL, "true", "t"},
        {PROTO_DATA_BOOL, false, NULL, "false", "f"},
        {PROTO_DATA_INT8, false, NULL, "-9223372036854775808", "-9223372036854775808"},
        {PROTO_DATA_INT8, false, NULL, "9223372036854775807", "9223372036854775807"},
        {PROTO_DATA_NUMERIC, false, NULL, "18446744073709551615", "18446744073709551615"},
        {PROTO_DATA_NUMERIC, false, NULL, "1.10", "1.10"},
        {PROTO_DATA_NUMERIC, false, NULL, "-0", "-0"},
        {PROTO_DATA_NUMERIC, false, NULL, "1e400", "1e400"},
        {PROTO_DATA_NUMERIC, false, NULL, "\"NaN\"", "NaN"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb3fb999999999999a", "0.1"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb7fefffffffffffff", "1.7976931348623157e+308"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb0000000000000001", "4.94065645841247e-324"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb8000000000000000", "-0"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb7ff8000000000000", "NaN"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cb7ff0000000000000", "Infinity"},
        {PROTO_DATA_FLOAT8, false, NULL, "#cbfff0000000000000", "-Infinity"},
        {PROTO_DATA_FLOAT4, false, NULL, "#ca3fc00000", "1.5"},
        {PROTO_DATA_TEXT, false, NULL, "\"\"", ""},
        {PROTO_DATA_TEXT, false, NULL, "\"NULL\"", "NULL "}, /* a text, not NULL */
        {PROTO_DATA_TEXT, false, NULL, "\"a'b\\\\ \\\" \xc3\xa9\"", "a'b\\ \" \xc3\xa9"},
        {PROTO_DATA_TEXT, false, NULL, "null", "NULL"},
        {PROTO_DATA_TEXT, false, NULL, "#", "NULL"}, /* absent */
        {PROTO_DATA_OTHER, false, NULL, "\"1 day\"", "1 day"},
        {PROTO_DATA_OTHER, false, NULL, "5", "5"},
        {PROTO_DATA_TIMESTAMPTZ, false, NULL, "\"2026-01-31T12:00:00+01:00\"", "2026-01-31T12:00:00+01:00"},
        {PROTO_DATA_TIMESTAMPTZ, false, NULL, "#d6ff00000000", "1970-01-01T00:00:00Z"},
        {PROTO_DATA_TIMESTAMPTZ, false, NULL, "#c70cff1dcd6500ffffffffffffffff", "1969-12-31T23:59:59.5Z"},
        {PROTO_DATA_BYTEA, false, NULL, "\"AP9/\"", "\\x00ff7f"},
        {PROTO_DATA_BYTEA, false, NULL, "\"\"", "\\x"},
        {PROTO_DATA_BYTEA, false, NULL, "\"AP9\"", NULL},
        {PROTO_DATA_BYTEA, false, NULL, "#c403abcdef", "\\xabcdef"},
        {PROTO_DATA_JSON, false, NULL, "{\"a\": [1.10, null, \"x\"]}", "{\"a\":[1.10,null,\"x\"]}"},
        {PROTO_DATA_JSON, false, NULL, "\"x\"", "\"x\""},
        {PROTO_DATA_JSON, false, NULL, "[]", "[]"},
        {PROTO_DATA_JSON, false, NULL, "null", "NULL"},
        {PROTO_DATA_TEXT, false, NULL, "[1]", NULL},
        {PROTO_DATA_TEXT, false, NULL, "{}", NULL},
        {PROTO_DATA_TEXT, false, NULL, "#d40500", NULL}, /* a foreign extension */
        {PROTO_DATA_INT4, true, NULL, "[]", "{}"},
        {PROTO_DATA_INT4, true, NULL, "[1, null, -3]", "{\"1\",NULL,\"-3\"}"},
        {PROTO_DATA_INT4, true, NULL, "[[1, 2], [3, 4]]", "{{\"1\",\"2\"},{\"3\",\"4\"}}"},
        {PROTO_DATA_INT4, true, NULL, "1", NULL},
        {PROTO_DATA_INT4, true, NULL, "null", "NULL"},
        {PROTO_DATA_INT4, true, NULL, "[{}]", NULL},
        {PROTO_DATA_BOOL, true, NULL, "[true, false]", "{\"t\",\"f\"}"},
        {PROTO_DATA_TEXT, true, NULL, "[\"a\\\"b\", \"c\\\\d\", \"\", \"NULL\", \"{,}\", \" \", null]",
         "{\"a\\\"b\",\"c\\\\d\",\"\",\"NULL\",\"{,}\",\" \",NULL}"},
        {PROTO_DATA_JSON, true, NULL, "[{\"a\": \"x\"}, [1], null]",
         "{\"{\\\"a\\\":\\\"x\\\"}\",\"[1]\",NULL}"},
        {PROTO_DATA_BYTEA, true, NULL, "[\"AP8=\"]", "{\"\\\\x00ff\"}"},
        {PROTO_DATA_BYTEA, true, NULL, "[\"AP8\"]", NULL},
        {PROTO_DATA_OTHER, true, "box[]", "[\"(1,1),(0,0)\", \"(2,2),(1,1)\"]",
         "{\"(1,1),(0,0)\";\"(2,2),(1,1)\"}"},
        {PROTO_DATA_OTHER, true, "point[]", "[\"(1,1)\", \"(2,2)\"]", "{\"(1,1)\",\"(2,2)\"}"},
    };
    proto_buf_t value = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *json = cases[i].json;
        proto_json_error_t error;
        proto_param_t param = {
            .name = "p", .data = cases[i].data, .array = cases[i].array, .sql_type = cases[i].type};
        bool null = false;
        proto_buf_reset(&value);
        proto_buf_reset(&out);
        for (const char *hex = json + 1; *json == '#' && *hex; hex += 2)
            proto_buf_byte(&value, (uint8_t)strtoul((char[]){hex[0], hex[1], 0}, NULL, 16));
        if (*json != '#')
            assert_int_equal(
                proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &value, &error), 0);
        int rc = act_value_to_text(&param, proto_buf_bytes(&value), &out, &null);
        const char *text = cases[i].text, *got = null ? "NULL" : proto_buf_text(&out);
        if (text && strcmp(text, "NULL ") == 0)
            text = null ? "a text" : "NULL";
        if (text ? rc < 0 || strcmp(got, text) != 0 || (null && out.size) : rc == 0)
            fail_msg("%s (data %d) is %s instead of %s", json, cases[i].data, rc < 0 ? "refused" : got,
                     text ? text : "refused");
    }
    proto_buf_free(&value);
    proto_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arguments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
