/* SPDX-License-Identifier: MPL-2.0 */
/* JSON to MessagePack and back: what is accepted, what is refused and where, limits, round trips, mutation.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto_json.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static const proto_json_options_t s_plain = {0};
static const proto_json_options_t s_no_nul = {.refuse_nul = true};
static proto_json_error_t s_error; /* of the last s_parse */

/* Parses from memory of exactly the text's size, so that ASan sees any read behind it. */
static int s_parse_with(proto_bytes_t json, const proto_json_options_t *options, proto_buf_t *out)
{
    uint8_t *copy = malloc(json.size ? json.size : 1);
    assert_non_null(copy);
    if (json.size)
        memcpy(copy, json.data, json.size);
    s_error = (proto_json_error_t){SIZE_MAX, NULL};
    int rc = proto_json_to_value((proto_bytes_t){copy, json.size}, options, out, &s_error);
    free(copy);
    if (rc < 0) {
        assert_non_null(s_error.reason);
        assert_true(s_error.reason[0] && s_error.reason[strlen(s_error.reason) - 1] != '.');
        assert_true(s_error.offset <= json.size);
    } else {
        assert_int_equal(rc, 0);
        assert_false(out->failed);
        assert_int_equal(proto_value_check(proto_buf_bytes(out)), 0);
    }
    return rc;
}

static int s_parse(proto_bytes_t json, proto_buf_t *out)
{
    proto_buf_reset(out);
    return s_parse_with(json, &s_plain, out);
}

/* True when the text is refused. */
static bool s_refused(proto_bytes_t json)
{
    proto_buf_t out = PROTO_BUF_INIT;
    int rc = s_parse(json, &out);
    proto_buf_free(&out);
    return rc < 0;
}

static void s_assert_text(proto_buf_t *text, const char *expected, const char *what)
{
    if (!proto_bytes_is(proto_buf_bytes(text), expected))
        fail_msg("%s became %s, should be %s", what, proto_buf_text(text), expected);
}

/* Parses `json`, writes it again and expects `expected`. */
static void s_assert_rewritten(const char *json, const char *expected)
{
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    if (s_parse(proto_bytes_of(json), &value) < 0)
        fail_msg("%s was refused at %zu: %s", json, s_error.offset, s_error.reason);
    assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), 0);
    s_assert_text(&text, expected, json);
    proto_buf_free(&value);
    proto_buf_free(&text);
}

/* ---- numbers ---- */

/* The one value a text becomes. */
static proto_value_t s_scalar(const char *json, proto_buf_t *out)
{
    proto_value_t value = {0};
    if (s_parse(proto_bytes_of(json), out) < 0)
        fail_msg("%s was refused", json);
    proto_reader_t reader = proto_reader(proto_buf_bytes(out));
    assert_int_equal(proto_value_read(&reader, &value), 0);
    assert_ptr_equal(reader.at, reader.end);
    return value;
}

static void test_integers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      31,
                                      -32,
                                      -33,
                                      127,
                                      128,
                                      -128,
                                      -129,
                                      255,
                                      256,
                                      65535,
                                      65536,
                                      INT32_MAX,
                                      INT32_MIN,
                                      10,
                                      99,
                                      100,
                                      999999999,
                                      4294967295,
                                      4294967296,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MIN + 1,
                                      INT64_MAX - 1,
                                      9007199254740993};
    proto_buf_t out = PROTO_BUF_INIT, expected = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[30];
        snprintf(text, sizeof text, "%lld", (long long)numbers[i]);
        proto_value_t value = s_scalar(text, &out);
        assert_true(value.kind == PROTO_INT && value.integer == numbers[i]);
        proto_buf_reset(&expected);
        proto_write_int(&expected, numbers[i]);
        assert_true(proto_bytes_equal(proto_buf_bytes(&out), proto_buf_bytes(&expected)));
        s_assert_rewritten(text, text);
    }
    proto_value_t value = s_scalar("9223372036854775808", &out);
    assert_true(value.kind == PROTO_UINT && value.unsigned_integer == UINT64_C(9223372036854775808));
    value = s_scalar("18446744073709551615", &out);
    assert_true(value.kind == PROTO_UINT && value.unsigned_integer == UINT64_MAX);
    proto_buf_free(&out);
    proto_buf_free(&expected);
}

/* What fits no 64-bit integer keeps its text to the last character. */
static void test_decimals_stay_verbatim(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "18446744073709551616",
        "-9223372036854775809",
        "-18446744073709551615",
        "18446744073709551620",
        "99999999999999999999",
        "184467440737095516150",
        "12345678901234567890.10",
        "1e400",
        "-1e400",
        "1E400",
        "1e-400",
        "-0",
        "-0.0",
        "0.0",
        "0e0",
        "-0e-0",
        "1.0",
        "1e0",
        "1E+2",
        "0.10000",
        "100e-2",
        "1.7976931348623157e308",
        "0.1e1",
        "3.141592653589793238462643383279502884197169399375105820974944592307816406286",
        "123456789012345678901234567890123456789012345678901234567890",
        "1e99999999999999999999",
        "20.5E-0007",
    };
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        proto_value_t value = s_scalar(texts[i], &out);
        if (value.kind != PROTO_DECIMAL || !proto_bytes_is(value.bytes, texts[i]))
            fail_msg("%s changed", texts[i]);
        s_assert_rewritten(texts[i], texts[i]);
    }
    proto_buf_free(&out);
}

static void test_malformed_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-",     "+",    "+1",  ".5",           "-.5",  "5.",    "1.e1", "1e",   "1e+",       "1E-",
        "01",    "-01",  "00",  "-00",          "0x1",  "0x",    "1_0",  "1,0",  "1e1.5",     "1.2.3",
        "--1",   "1-1",  "1+1", "1e1e1",        "NaN",  "-NaN",  "Inf",  "-Inf", "-Infinity", "Infinity",
        "nan",   "1a",   "1f",  "0b1",          "0o7",  "1e--1", "-e1",  "- 1",  "1 .5",      "1. 5",
        "1e 5",  "$1",   "1%",  "\xef\xbc\x91", "1.-5", "012",   "-a",   "1n",   "1L",        "2.e3",
        "2.e-3", "0.e1", "0e",  "0e+",          "0.3e", "0.3e+", "1.0e", "9.e+", "-012",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char array[64];
        snprintf(array, sizeof array, "[%s]", texts[i]);
        if (!s_refused(proto_bytes_of(texts[i])) ||
            (!strchr(texts[i], ',') && !s_refused(proto_bytes_of(array))))
            fail_msg("%s was accepted", texts[i]);
    }
}

/* ---- strings ---- */

/* The text that a JSON string means. */
static void s_assert_means(const char *json, const char *text, size_t size)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_value_t value = s_scalar(json, &out);
    if (value.kind != PROTO_STR ||
        !proto_bytes_equal(value.bytes, (proto_bytes_t){(const uint8_t *)text, size}))
        fail_msg("%s means something else", json);
    proto_buf_free(&out);
}

static void test_escapes(void **state)
{
    (void)state;
    s_assert_means("\"\"", "", 0);
    s_assert_means("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    s_assert_means("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
    s_assert_means("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
    s_assert_means("\"\\ud800\\udc00\"", "\xf0\x90\x80\x80", 4);
    s_assert_means("\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4);
    s_assert_means("\"\\u0000\"", "\0", 1);
    s_assert_means("\"a\\u0000b\"", "a\0b", 3);
    s_assert_means("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
                   11);
    s_assert_means("\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80", 6);
    s_assert_means("\"\x7f\"", "\x7f", 1); /* DEL is no control character to JSON */
    s_assert_means("\"\xe2\x80\xa8\xe2\x80\xa9\"", "\xe2\x80\xa8\xe2\x80\xa9", 6);
    s_assert_means("\"\xef\xbb\xbf\"", "\xef\xbb\xbf", 3); /* a byte order mark inside is a character */
    s_assert_means("\"\\\\u0041\"", "\\u0041", 6);
}

/* Every code point of the basic plane by \u, every 17th above by surrogates. */
static void test_all_code_points_by_escape(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x10000 ? 1 : 17) {
        char json[20];
        if (c < 0x10000)
            snprintf(json, sizeof json, "\"\\u%04x\"", c);
        else
            snprintf(json, sizeof json, "\"\\u%04X\\u%04x\"", 0xd800 + ((c - 0x10000) >> 10),
                     0xdc00 + (c & 0x3ff));
        uint8_t raw[4];
        size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = size; i-- > 1;)
            raw[i] = (uint8_t)(0x80 | (c >> 6 * (size - 1 - i) & 0x3f));
        static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        raw[0] = (uint8_t)(heads[size] | c >> 6 * (size - 1));
        if (c >= 0xd800 && c <= 0xdfff)
            assert_true(s_refused(proto_bytes_of(json)));
        else
            s_assert_means(json, (const char *)raw, size);
    }
}

static void test_unknown_escapes(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t json[] = {'"', '\\', (uint8_t)c, '"', ' '};
        bool known = c && strchr("\"\\/bfnrt", (int)c);
        if (c == '"')
            json[4] = '"', json[3] = 'x';
        assert_int_equal(s_refused((proto_bytes_t){json, c == '"' ? 5 : 4}), !known);
    }
    static const char *const bad[] = {
        "\"\\u\"",
        "\"\\u0\"",
        "\"\\u00\"",
        "\"\\u000\"",
        "\"\\u00g0\"",
        "\"\\u 041\"",
        "\"\\u+041\"",
        "\"\\u0x41\"",
        "\"\\U0041\"",
        "\"\\u{41}\"",
        "\"\\x41\"",
        "\"\\0\"",
        "\"\\a\"",
        "\"\\v\"",
        "\"\\e\"",
        "\"\\'\"",
        "\"\\u004G\"",
        "\"\\\n\"",
        "\"\\u-123\"",
        "\"\\uD8\"",
        "\"\\",
        "\"\\\"",
        "\"\\u",
        "\"\\u00",
        "\"\\u0041",
        "\"\\ud83d\\u",
        "\"\\ud83d\\\"",
        "\"\\u\xc3\xa9"
        "00\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!s_refused(proto_bytes_of(bad[i])))
            fail_msg("%s was accepted", bad[i]);
}

static void test_lone_surrogates(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"\\ud800\"",
        "\"\\udbff\"",
        "\"\\udc00\"",
        "\"\\udfff\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"a\\ude00b\"",
        "\"\\ud800 \\udc00\"",
        "\"\\ud83d\\ue000\"",
        "\"\\ud83d\\udbff\"",
        "\"\\uDADA\"",
        "\"\\uD800\\uD800\\uDC00\"",
        "\"\\ud800\\\\udc00\"",
        "\"\\ud800\\udc0\"",
        "\"\\ud800\\udc0g\"",
        "\"\\ud83d\\ude00\\ude00\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char key[64];
        snprintf(key, sizeof key, "{%s:1}", bad[i]);
        if (!s_refused(proto_bytes_of(bad[i])) || !s_refused(proto_bytes_of(key)))
            fail_msg("%s was accepted", bad[i]);
    }
}

static void test_invalid_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xed\xa0\xbd\xed\xb8\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfc\x84\x80\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xe2\x82(",
        "\xe2(\xac",
        "\xf0\x9f\x98",
        "\xf0\x9f(\x80",
        "\xf0\x9f",
        "\xe9",
        "\xc3\xa9\xa9",
        "\xc3\xc3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int pad = 0; pad < 20; pad++) { /* at every place of a word */
            char json[80];
            snprintf(json, sizeof json, "\"%.*s%s\"", pad, "aaaaaaaaaaaaaaaaaaaa", bad[i]);
            assert_true(s_refused(proto_bytes_of(json)));
            snprintf(json, sizeof json, "\"%s%.*s\"", bad[i], pad, "aaaaaaaaaaaaaaaaaaaa");
            assert_true(s_refused(proto_bytes_of(json)));
            snprintf(json, sizeof json, "{\"%.*s%s\":0}", pad, "aaaaaaaaaaaaaaaaaaaa", bad[i]);
            assert_true(s_refused(proto_bytes_of(json)));
        }
        assert_true(s_refused(proto_bytes_of(bad[i])));
    }
    s_assert_means("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xc2\x80\"",
                   "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xc2\x80", 12);
}

static void test_control_characters(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x20; c++) {
        uint8_t value[] = {'"', 'a', (uint8_t)c, 'b', '"'};
        assert_true(s_refused((proto_bytes_t){value, sizeof value}));
        assert_int_equal(s_error.offset, 2);
        uint8_t key[] = {'{', '"', (uint8_t)c, '"', ':', '1', '}'};
        assert_true(s_refused((proto_bytes_t){key, sizeof key}));
        uint8_t between[] = {'[', (uint8_t)c, '1', (uint8_t)c, ']'};
        bool blank = c == '\t' || c == '\n' || c == '\r';
        assert_int_equal(s_refused((proto_bytes_t){between, sizeof between}), !blank);
        uint8_t after[] = {'1', (uint8_t)c};
        assert_int_equal(s_refused((proto_bytes_t){after, sizeof after}), !blank);
    }
}

static void test_nul_is_refused_when_asked(void **state)
{
    (void)state;
    static const char *const with[] = {"\"\\u0000\"", "[1,\"a\\u0000\"]", "{\"\\u0000\":1}",
                                       "{\"a\":\"\\u0000b\"}"};
    static const char *const without[] = {"\"\\u0001\"", "\"\\\\u0000\"", "\"0\"", "\"\\u0100\"", "{\"\":0}"};
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        proto_buf_reset(&out);
        assert_int_equal(s_parse_with(proto_bytes_of(with[i]), &s_plain, &out), 0);
        proto_buf_reset(&out);
        assert_int_equal(s_parse_with(proto_bytes_of(with[i]), &s_no_nul, &out), -1);
    }
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        proto_buf_reset(&out);
        assert_int_equal(s_parse_with(proto_bytes_of(without[i]), &s_no_nul, &out), 0);
    }
    proto_buf_free(&out);
}

/* A string of any length becomes what the writer makes of it, also inside something. */
static void test_string_lengths(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,   1,   30,    31,    32,    33,    254,   255,
                                   256, 257, 65534, 65535, 65536, 65537, 100000};
    proto_buf_t json = PROTO_BUF_INIT, text = PROTO_BUF_INIT, out = PROTO_BUF_INIT, expected = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        proto_buf_reset(&json);
        proto_buf_reset(&text);
        proto_buf_reset(&expected);
        for (size_t n = 0; n < sizes[i]; n++)
            proto_buf_byte(&text, (uint8_t)('a' + n % 26));
        proto_buf_string(&json, "[0,{\"k\":\"");
        proto_buf_append(&json, text.data, text.size);
        proto_buf_string(&json, "\",\"");
        proto_buf_append(&json, text.data, text.size);
        proto_buf_string(&json, "-\":1}]");
        proto_write_array(&expected, 2);
        proto_write_int(&expected, 0);
        proto_write_map(&expected, 2);
        proto_write_text(&expected, "k");
        proto_write_str(&expected, proto_buf_bytes(&text));
        proto_buf_byte(&text, '-');
        proto_write_str(&expected, proto_buf_bytes(&text));
        proto_write_int(&expected, 1);
        assert_int_equal(s_parse(proto_buf_bytes(&json), &out), 0);
        assert_true(proto_bytes_equal(proto_buf_bytes(&out), proto_buf_bytes(&expected)));
    }
    proto_buf_free(&json);
    proto_buf_free(&text);
    proto_buf_free(&out);
    proto_buf_free(&expected);
}

/* ---- structure ---- */

static void test_accepted_texts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {" \t\r\n null \t\r\n ", "null"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[[]]", "[[]]"},
        {"[[],[]]", "[[],[]]"},
        {"[[],{}]", "[[],{}]"},
        {"[[[]],[]]", "[[[]],[]]"},
        {"[{}]", "[{}]"},
        {"[null, 1, \"1\", {}]", "[null,1,\"1\",{}]"},
        {"{\"a\":[]}", "{\"a\":[]}"},
        {"{\"a\":{},\"b\":[[]]}", "{\"a\":{},\"b\":[[]]}"},
        {"{ \"b\" : 1 , \"a\" : 2 }", "{\"b\":1,\"a\":2}"}, /* the order stays */
        {"{\"\":0}", "{\"\":0}"},
        {"{\"a\\u0000b\":0}", "{\"a\\u0000b\":0}"},
        {"[1\n,\r2\t,3 ]", "[1,2,3]"},
        {"{\"min\": -1.0e+28, \"max\": 1.0e+28}", "{\"min\":-1.0e+28,\"max\":1.0e+28}"},
        {"\"\"", "\"\""},
        {"\"\\/\"", "\"/\""},
        {"\"\xc3\xa9\"", "\"\xc3\xa9\""},
        {"\"\\u00e9\"", "\"\xc3\xa9\""},
        {"\"\\u0001\\u001f\\b\\f\\n\\r\\t\"", "\"\\u0001\\u001f\\b\\f\\n\\r\\t\""},
        {"\"// no comment /* at all */\"", "\"// no comment /* at all */\""},
        {"{\"a\":\"b\",\"c\":{\"a\":{\"a\":1}}}", "{\"a\":\"b\",\"c\":{\"a\":{\"a\":1}}}"},
        {"[-0,-1,0]", "[-0,-1,0]"},
        {"[1e5,true]", "[1e5,true]"},
        {"123", "123"},
        {"[\"\\uD834\\uDD1E\"]", "[\"\xf0\x9d\x84\x9e\"]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        s_assert_rewritten(pairs[i][0], pairs[i][1]);
        s_assert_rewritten(pairs[i][1], pairs[i][1]);
    }
}

static const char *const s_rejected[] = {
    "",
    " ",
    "\n",
    "[",
    "]",
    "{",
    "}",
    "[}",
    "{]",
    "[]]",
    "{}}",
    "[][]",
    "{}{}",
    "[] 1",
    "1 2",
    "1,",
    ",",
    ":",
    ",1",
    "[,]",
    "[,1]",
    "[1,]",
    "[1,,2]",
    "[1 2]",
    "[1:2]",
    "[\"a\":1]",
    "[1;2]",
    "(1)",
    "[1}",
    "{1}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{\"a\":1,,\"b\":2}",
    "{,\"a\":1}",
    "{,}",
    "{\"a\"::1}",
    "{\"a\",1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1;\"b\":2}",
    "{\"a\":1]",
    "{\"a\":1:2}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{[]:1}",
    "{{}:1}",
    "{true:1}",
    "{\"a\":1,2}",
    "{\"a\":1,\"b\"}",
    "{\"a\":/*c*/1}",
    "['a']",
    "'a'",
    "a",
    "[a]",
    "nul",
    "nulL",
    "Null",
    "NULL",
    "nullx",
    "null1",
    "nil",
    "None",
    "undefined",
    "tru",
    "True",
    "TRUE",
    "truee",
    "fals",
    "False",
    "falsey",
    "t",
    "f",
    "n",
    "[nul]",
    "[truefalse]",
    "[true false]",
    "\"",
    "\"a",
    "a\"",
    "\"a\"\"b\"",
    "\"a\"b",
    "[\"a\", \"b]",
    "[\"a]",
    "\"\\\"",
    "/",
    "// comment\n1",
    "1 // comment",
    "/* comment */ 1",
    "1 /* comment */",
    "[1 /* c */]",
    "# comment\n1",
    "<a/>",
    "*",
    "@",
    "`a`",
    "\\",
    "\\u0031",
    "\"\\u0022",
    "\xef\xbb\xbf"
    "1", /* a byte order mark */
    "\xef\xbb\xbf{}",
    "\xef\xbb\xbf",
    "\xef\xbb",
    "\xff\xfe",
    "\xfe\xff",
    "1\xef\xbb\xbf",
    "\xc2\xa0"
    "1",               /* no-break space */
    "1\xe2\x80\x83",   /* em space */
    "[1\xe2\x80\xa8]", /* line separator */
    "\v1",
    "\f1",
    "[1\v]",
    "\x1b[0m",
    "\x7f",
    "[\xe9]",
    "\xe2\x80\x9c"
    "a\xe2\x80\x9d", /* typographic quotes */
    "{\"a\":\"b\"}#",
    "{\"a\":\"b\"}/**/",
    "{\"a\":\"b\"}//",
    "[1]x",
    "[][",
    "[\"\": 1]",
    "[*]",
    "[-]",
    "[1,\n1\n,1",
    "{\"x\"::\"b\"}",
    "{\"a\":\"a\" 123}",
    "{\"a\" b}",
    "{:\"b\"}",
    "{key: 'value'}",
    "{\"id\":0,,,,,}",
    "{\"\xf0\x9f\x87\xa8\xf0\x9f\x87\xad\"}",
    "{\"a\":\"b\",\"c",
    "=1",
    "[0,",
    "[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
};

static void test_rejected_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_rejected / sizeof *s_rejected; i++)
        if (!s_refused(proto_bytes_of(s_rejected[i])))
            fail_msg("%s was accepted", s_rejected[i]);
    assert_true(s_refused((proto_bytes_t){NULL, 0}));
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"1\0", 2}));
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"\0", 1}));
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"[\0]", 3}));
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"[\0001]", 4}));
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"1\0\0\0", 4})); /* UTF-32 and UTF-16 */
    assert_true(s_refused((proto_bytes_t){(const uint8_t *)"[\0]\0", 4}));
}

/* Every byte where a value may begin, and every byte behind one. */
static void test_every_single_byte(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t alone = (uint8_t)c, behind[] = {'{', '}', (uint8_t)c};
        bool digit = c >= '0' && c <= '9';
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        assert_int_equal(s_refused((proto_bytes_t){&alone, 1}), !digit);
        assert_int_equal(s_refused((proto_bytes_t){behind, 3}), !blank);
    }
}

static void test_where_it_went_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"  ", 2},
        {"x", 0},
        {"[1,x]", 3},
        {"[1 2]", 3},
        {"{} x", 3},
        {"{\"a\" 1}", 5},
        {"{\"a\":x}", 5},
        {"{1:2}", 1},
        {"[1,2", 4},
        {"[01]", 1},
        {"[1.]", 1},
        {"\"a\nb\"", 2},
        {"\"abc", 4},
        {"[nulL]", 1},
        {"\xef\xbb\xbf"
         "1",
         0},
        {"\"\\x\"", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(s_refused(proto_bytes_of(cases[i].json)));
        if (s_error.offset != cases[i].offset)
            fail_msg("%s: offset %zu, should be %zu", cases[i].json, s_error.offset, cases[i].offset);
    }
}

static const char s_everything[] =
    " {\"a\" : [1, -2.50e+10, true, false, null, \"x\\u00e9\\ud83d\\ude00\\n\xc3\xa9\xf0\x9f\x98\x80\"],"
    "\"b\":{\"\":{}, \"c\":[[], [[]], {\"d\":[{}]}]},\r\n\t\"long key of more than thirty-two bytes, so\":-0,"
    "\"n\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,18446744073709551616]} ";

static void test_every_prefix_is_refused(void **state)
{
    (void)state;
    size_t size = sizeof s_everything - 1;
    assert_false(s_refused((proto_bytes_t){(const uint8_t *)s_everything, size}));
    assert_false(s_refused((proto_bytes_t){(const uint8_t *)s_everything, size - 1})); /* a blank less */
    for (size_t i = 0; i < size - 1; i++)
        if (!s_refused((proto_bytes_t){(const uint8_t *)s_everything, i}))
            fail_msg("the first %zu bytes were accepted", i);
}

/* One byte left out or put in twice must not change the meaning silently: refused, or the text as read
 * differs. */
static void test_every_left_out_byte(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof s_everything - 1; i++) {
        char json[sizeof s_everything];
        memcpy(json, s_everything, i);
        memcpy(json + i, s_everything + i + 1, sizeof s_everything - 1 - i);
        if (s_parse((proto_bytes_t){(const uint8_t *)json, sizeof s_everything - 2}, &out) == 0) {
            assert_null(strchr("{}[]:", s_everything[i]));
            proto_buf_reset(&text);
            assert_int_equal(proto_json_from_value(proto_buf_bytes(&out), &text), 0);
        }
    }
    proto_buf_free(&out);
    proto_buf_free(&text);
}

/* ---- depth ---- */

static void s_nest(proto_buf_t *json, uint32_t depth, int kind)
{
    proto_buf_reset(json);
    for (uint32_t i = 0; i < depth; i++)
        proto_buf_string(json, kind == 0 || (kind == 2 && i % 2) ? "[" : i + 1 < depth ? "{\"a\":" : "{");
    for (uint32_t i = depth; i-- > 0;)
        proto_buf_byte(json, kind == 0 || (kind == 2 && i % 2) ? ']' : '}');
}

static void test_depth_limit(void **state)
{
    (void)state;
    static const uint32_t limits[] = {0, 1, 2, 10, 63, 64, 65, 1000, UINT32_MAX};
    proto_buf_t json = PROTO_BUF_INIT, out = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        uint32_t most = limits[i] == 0 || limits[i] > PROTO_VALUE_DEPTH ? PROTO_VALUE_DEPTH : limits[i];
        for (uint32_t depth = 1; depth < 80; depth++) {
            for (int kind = 0; kind < 3; kind++) {
                proto_json_options_t options = {.depth = limits[i]};
                s_nest(&json, depth, kind);
                proto_buf_reset(&out);
                int rc = s_parse_with(proto_buf_bytes(&json), &options, &out);
                assert_int_equal(rc, depth <= most ? 0 : -1);
                proto_buf_reset(&text);
                if (rc == 0)
                    assert_int_equal(proto_json_from_value(proto_buf_bytes(&out), &text), 0);
                if (rc == 0)
                    assert_true(proto_bytes_equal(proto_buf_bytes(&text), proto_buf_bytes(&json)));
            }
        }
    }
    s_nest(&json, 100000, 0); /* a hostile text costs no stack */
    assert_true(s_refused(proto_buf_bytes(&json)));
    assert_int_equal(s_error.offset, PROTO_VALUE_DEPTH);
    proto_buf_free(&json);
    proto_buf_free(&out);
    proto_buf_free(&text);
}

static void test_breadth_is_no_depth(void **state)
{
    (void)state;
    const proto_json_options_t two = {.depth = 2};
    proto_buf_t json = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    proto_buf_string(&json, "[[]");
    for (int i = 0; i < 1000; i++)
        proto_buf_string(&json, i % 2 ? ",[1,2]" : ",{\"a\":1}");
    proto_buf_string(&json, "]");
    assert_int_equal(s_parse_with(proto_buf_bytes(&json), &two, &out), 0);
    proto_buf_free(&json);
    proto_buf_free(&out);
}

/* ---- keys ---- */

static void test_doubled_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"\":1,\"\":2}",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\xc3\xa9\":1,\"\\u00e9\":2}",
        "{\"\\/\":1,\"/\":2}",
        "{\"\\u0000\":1,\"\\u0000\":2}",
        "{\"x\":{\"a\":1,\"a\":2}}",
        "[1,{\"a\":{\"b\":[]},\"c\":0,\"a\":null}]",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1}],\"a\":1}",
        "{\"a long key that takes a head of two bytes\":1,\"a long key that takes a head of two bytes\":2}",
    };
    static const char *const good[] = {
        "{\"a\":1,\"A\":2}",
        "{\"a\":{\"a\":{\"a\":1}}}",
        "[{\"a\":1},{\"a\":2}]",
        "{\"a\":1,\"aa\":2,\"\":3,\" \":4,\"a \":5}",
        "{\"a\":\"b\",\"b\":\"a\"}",
        "{\"a\\u0000\":1,\"a\":2,\"a\\u0000b\":3}",
        "{\"\xc3\xa9\":1,\"e\xcc\x81\":2}", /* not normalised: two names */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!s_refused(proto_bytes_of(bad[i])))
            fail_msg("%s was accepted", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (s_refused(proto_bytes_of(good[i])))
            fail_msg("%s was refused: %s", good[i], s_error.reason);
}

/* An object of `count` members, the one at `twin` (if below) with the key of the one at `of`. */
static bool s_members_refused(uint32_t count, uint32_t twin, uint32_t of)
{
    proto_buf_t json = PROTO_BUF_INIT;
    for (uint32_t i = 0; i < count; i++)
        proto_buf_printf(&json, "%s\"key%u\":[%u]", i ? "," : "{", i == twin ? of : i, i);
    proto_buf_string(&json, "}");
    bool refused = s_refused(proto_buf_bytes(&json));
    proto_buf_free(&json);
    return refused;
}

static void test_doubled_keys_of_large_objects(void **state)
{
    (void)state;
    for (uint32_t count = 2; count <= 40; count++) {
        assert_false(s_members_refused(count, count, 0));
        for (uint32_t twin = 1; twin < count; twin += 1 + twin / 4)
            for (uint32_t of = 0; of < twin; of += 1 + twin / 4)
                assert_true(s_members_refused(count, twin, of));
    }
    static const uint32_t counts[] = {64, 65, 128, 129, 1000, 20000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_false(s_members_refused(counts[i], counts[i], 0));
        assert_true(s_members_refused(counts[i], counts[i] - 1, 0));
        assert_true(s_members_refused(counts[i], counts[i] / 2, counts[i] / 2 - 1));
    }
}

/* Containers of any size get the head that the writer gives them. */
static void test_container_sizes(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 14, 15, 16, 17, 255, 256, 65535, 65536};
    proto_buf_t json = PROTO_BUF_INIT, out = PROTO_BUF_INIT, expected = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int map = 0; map < 2; map++) {
            proto_buf_reset(&json);
            proto_buf_reset(&expected);
            proto_buf_string(&json, map ? "[7,{" : "[7,[");
            proto_write_array(&expected, 3);
            proto_write_int(&expected, 7);
            (map ? proto_write_map : proto_write_array)(&expected, counts[i]);
            for (uint32_t n = 0; n < counts[i]; n++) {
                char key[20];
                snprintf(key, sizeof key, "%u", n);
                proto_buf_printf(&json, map ? "%s\"%s\":%s" : "%s%.0s%s", n ? "," : "", key, key);
                if (map)
                    proto_write_text(&expected, key);
                proto_write_int(&expected, n);
            }
            proto_buf_string(&json, map ? "},8]" : "],8]");
            proto_write_int(&expected, 8);
            assert_int_equal(s_parse(proto_buf_bytes(&json), &out), 0);
            assert_true(proto_bytes_equal(proto_buf_bytes(&out), proto_buf_bytes(&expected)));
        }
    }
    proto_buf_free(&json);
    proto_buf_free(&out);
    proto_buf_free(&expected);
}

/* ---- the buffer's limit ---- */

static void test_too_small_a_buffer(void **state)
{
    (void)state;
    proto_bytes_t json = {(const uint8_t *)s_everything, sizeof s_everything - 1};
    proto_buf_t whole = PROTO_BUF_INIT;
    assert_int_equal(s_parse(json, &whole), 0);
    for (size_t limit = 1; limit < whole.size; limit++) {
        proto_buf_t out;
        proto_buf_init(&out, limit);
        assert_int_equal(s_parse_with(json, &s_plain, &out), -1);
        assert_true(out.size <= limit);
        proto_buf_free(&out);
    }
    proto_buf_t exact;
    proto_buf_init(&exact, whole.size);
    assert_int_equal(s_parse_with(json, &s_plain, &exact), 0);
    proto_buf_free(&exact);
    proto_buf_t broken = {.failed = true};
    assert_int_equal(s_parse_with(proto_bytes_of("1"), &s_plain, &broken), -1);
    proto_buf_free(&broken);
    proto_buf_free(&whole);
}

static void test_output_is_appended(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    proto_buf_string(&out, "prefix");
    proto_json_error_t error;
    const char *json = "{\"key\":[1,2,\"a text that is longer than thirty-two bytes\"],\"more\":{}}";
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &s_plain, &out, &error), 0);
    assert_memory_equal(out.data, "prefix", 6);
    proto_buf_string(&text, "[");
    assert_int_equal(proto_json_from_value((proto_bytes_t){out.data + 6, out.size - 6}, &text), 0);
    assert_int_equal(text.data[0], '[');
    assert_true(proto_bytes_is((proto_bytes_t){text.data + 1, text.size - 1}, json));
    proto_buf_free(&out);
    proto_buf_free(&text);
}

static void test_writing_into_too_small_a_buffer(void **state)
{
    (void)state;
    proto_buf_t value = PROTO_BUF_INIT, whole = PROTO_BUF_INIT;
    assert_int_equal(s_parse((proto_bytes_t){(const uint8_t *)s_everything, sizeof s_everything - 1}, &value),
                     0);
    assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &whole), 0);
    for (size_t limit = 1; limit <= whole.size; limit++) {
        proto_buf_t out;
        proto_buf_init(&out, limit);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &out), limit < whole.size ? -1 : 0);
        assert_true(out.size <= limit);
        proto_buf_free(&out);
    }
    proto_buf_free(&value);
    proto_buf_free(&whole);
}

/* ---- MessagePack to JSON ---- */

/* Expects `value` to be written as `expected`; empties the buffer. */
static void s_assert_json(proto_buf_t *value, const char *expected)
{
    char shown[200];
    proto_buf_t text = PROTO_BUF_INIT;
    int rc = value->failed ? -1 : proto_json_from_value(proto_buf_bytes(value), &text);
    snprintf(shown, sizeof shown, "%s", proto_buf_text(&text));
    proto_buf_free(&text);
    proto_buf_free(value); /* before anything may fail: no leak beside a failure */
    assert_int_equal(rc, 0);
    assert_string_equal(shown, expected);
}

static void test_values_that_json_lacks(void **state)
{
    (void)state;
    proto_buf_t value = PROTO_BUF_INIT;
    proto_write_float(&value, (double)NAN);
    s_assert_json(&value, "\"NaN\"");
    proto_write_float(&value, (double)INFINITY);
    s_assert_json(&value, "\"Infinity\"");
    proto_write_float(&value, -(double)INFINITY);
    s_assert_json(&value, "\"-Infinity\"");
    proto_write_bin(&value, proto_bytes_of("foob"));
    s_assert_json(&value, "\"Zm9vYg==\"");
    proto_write_bin(&value, (proto_bytes_t){NULL, 0});
    s_assert_json(&value, "\"\"");
    proto_buf_append(&value,
                     "\xc7\x03\x05" /* extension 5 */
                     "foo",
                     6);
    s_assert_json(&value, "\"Zm9v\"");
    proto_write_timestamp(&value, 1769903999, 500000000);
    s_assert_json(&value, "\"2026-01-31T23:59:59.5Z\"");
    proto_write_timestamp(&value, 253402300800, 5);
    s_assert_json(&value, "\"253402300800\"");
    proto_write_uint(&value, UINT64_MAX);
    s_assert_json(&value, "18446744073709551615");
    proto_write_int(&value, INT64_MIN);
    s_assert_json(&value, "-9223372036854775808");
    proto_buf_free(&value);
}

static void test_map_keys(void **state)
{
    (void)state;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    proto_write_map(&value, 4);
    proto_write_int(&value, -5);
    proto_write_nil(&value);
    proto_write_uint(&value, UINT64_MAX);
    proto_write_nil(&value);
    proto_write_int(&value, 0);
    proto_write_array(&value, 0);
    proto_write_text(&value, "q\"");
    proto_write_bool(&value, true);
    s_assert_json(&value, "{\"-5\":null,\"18446744073709551615\":null,\"0\":[],\"q\\\"\":true}");
    static const char *const keys[] = {"\xc0", "\xc3", "\x90", "\x80", "\xca\0\0\0\0", "\xc4\0", "\xa1\xff"};
    static const size_t sizes[] = {1, 1, 1, 1, 5, 2, 2};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        proto_buf_reset(&value);
        proto_buf_reset(&text);
        proto_write_map(&value, 1);
        proto_buf_append(&value, keys[i], sizes[i]);
        proto_write_nil(&value);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), -1);
    }
    proto_buf_free(&value);
    proto_buf_free(&text);
}

/* ---- floats ---- */

static void s_assert_float(double number, const char *expected)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_write_float(&value, number);
    s_assert_json(&value, expected);
    proto_buf_free(&value);
}

static void test_floats(void **state)
{
    (void)state;
    s_assert_float(0.0, "0");
    s_assert_float(-0.0, "-0");
    s_assert_float(1.0, "1");
    s_assert_float(0.1, "0.1");
    s_assert_float(-2.5, "-2.5");
    s_assert_float(1.0 / 3, "0.3333333333333333");
    s_assert_float(0.1 + 0.2, "0.30000000000000004");
    s_assert_float(9007199254740991.0, "9007199254740991");
    s_assert_float(1e15, "1e+15");
    s_assert_float(1e100, "1e+100");
    s_assert_float(1e-7, "1e-07");
    s_assert_float(DBL_MAX, "1.7976931348623157e+308");
    s_assert_float(DBL_MIN, "2.2250738585072014e-308");
}

/* "Floats in the fewest digits that read back the same": 5e-324 is the smallest, one digit says it. */
static void test_smallest_floats_take_the_fewest_digits(void **state)
{
    (void)state;
    s_assert_float(DBL_TRUE_MIN, "5e-324");
    s_assert_float(-2 * DBL_TRUE_MIN, "-1e-323");
}

/* Any float reads back the same to the bit, as a valid JSON number. */
static void test_random_floats_read_back(void **state)
{
    (void)state;
    s_state = 13;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = s_random();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i % 4 == 0)
            number = (double)(int64_t)bits / 1000;
        if (isnan(number) || isinf(number))
            continue;
        proto_buf_reset(&value);
        proto_buf_reset(&text);
        proto_write_float(&value, number);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), 0);
        assert_true(proto_decimal_valid(proto_buf_bytes(&text)));
        double back = strtod(proto_buf_text(&text), NULL);
        assert_memory_equal(&back, &number, sizeof back);
    }
    proto_buf_free(&value);
    proto_buf_free(&text);
}

static void test_malformed_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"", 0},
        {"\xc1", 1},
        {"\xc0\xc0", 2},
        {"\x91", 1},
        {"\x81\x01", 2},
        {"\xa2x", 2},
        {"\xa1\xff", 2},
        {"\x91\xa1\xff", 3},
        {"\xa3\xed\xa0\x80", 4},
        {"\xd4\x01x", 3},    /* a decimal that is none */
        {"\xc7\x00\x01", 3}, /* an empty one */
        {"\xd4\xff\x01", 3}, /* a timestamp of one byte */
        {"\xdd\xff\xff\xff\xff", 5},
        {"\x92\x01\xdf\xff\xff\xff\xff", 7},
        {"\x90\x01", 2},
    };
    proto_buf_t text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        proto_buf_reset(&text);
        proto_bytes_t bytes = {(const uint8_t *)bad[i].bytes, bad[i].size};
        assert_int_equal(proto_json_from_value(bytes, &text), -1);
    }
    uint8_t deep[70];
    memset(deep, 0x91, sizeof deep);
    for (size_t depth = 1; depth < sizeof deep; depth++) {
        proto_buf_reset(&text);
        deep[depth] = 0xc0;
        int rc = proto_json_from_value((proto_bytes_t){deep, depth + 1}, &text);
        assert_int_equal(rc, depth <= PROTO_VALUE_DEPTH ? 0 : -1);
        deep[depth] = 0x91;
    }
    assert_int_equal(proto_json_from_value((proto_bytes_t){NULL, 0}, &text), -1);
    proto_buf_free(&text);
}

static void test_truncated_values_are_refused(void **state)
{
    (void)state;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    assert_int_equal(s_parse((proto_bytes_t){(const uint8_t *)s_everything, sizeof s_everything - 1}, &value),
                     0);
    for (size_t size = 0; size < value.size; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        assert_non_null(exact);
        memcpy(exact, value.data, size);
        proto_buf_reset(&text);
        assert_int_equal(proto_json_from_value((proto_bytes_t){exact, size}, &text), -1);
        free(exact);
    }
    proto_buf_free(&value);
    proto_buf_free(&text);
}

/* ---- proto_json_string ---- */

/* The naive way, character by character. */
static void s_quote_model(proto_buf_t *out, const uint8_t *text, size_t size)
{
    static const char *const names[32] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    proto_buf_byte(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            proto_buf_printf(out, "\\%c", text[i]);
        else if (text[i] < 0x20 && names[text[i]])
            proto_buf_string(out, names[text[i]]);
        else if (text[i] < 0x20)
            proto_buf_printf(out, "\\u%04x", text[i]);
        else
            proto_buf_byte(out, text[i]);
    }
    proto_buf_byte(out, '"');
}

static void s_assert_quoted(const uint8_t *text, size_t size)
{
    proto_buf_t out = PROTO_BUF_INIT, model = PROTO_BUF_INIT, value = PROTO_BUF_INIT;
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    assert_int_equal(proto_json_string(&out, (proto_bytes_t){exact, size}), 0);
    s_quote_model(&model, text, size);
    assert_true(proto_bytes_equal(proto_buf_bytes(&out), proto_buf_bytes(&model)));
    assert_int_equal(s_parse(proto_buf_bytes(&out), &value), 0); /* and it reads back */
    proto_reader_t reader = proto_reader(proto_buf_bytes(&value));
    proto_value_t string;
    assert_int_equal(proto_value_read(&reader, &string), 0);
    assert_true(proto_bytes_equal(string.bytes, (proto_bytes_t){exact, size}));
    free(exact);
    proto_buf_free(&out);
    proto_buf_free(&model);
    proto_buf_free(&value);
}

static void test_quoting_at_every_place(void **state)
{
    (void)state;
    static const char fills[] = {'a', '!', '#', '[', ']', ' ', '\x7f'}; /* neighbours of the special ones */
    for (unsigned c = 0; c < 0x80; c++) {
        for (size_t size = 1; size <= 19; size += 3) {
            for (size_t at = 0; at < size; at++) {
                uint8_t text[24];
                memset(text, fills[(c + size + at) % sizeof fills], sizeof text);
                text[at] = (uint8_t)c;
                s_assert_quoted(text, size);
            }
        }
    }
    s_assert_quoted((const uint8_t *)"", 0);
    s_assert_quoted((const uint8_t *)"\xc3\xa9\"\xe2\x82\xac\\\xf0\x9f\x98\x80\n\xc2\x80", 15);
}

static void test_random_strings(void **state)
{
    (void)state;
    s_state = 14;
    static const char *const pieces[] = {"a",    "bcdefgh", "\"",       "\\",           "\n",
                                         "\x01", "\x1f",    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         "\x7f", " ",       "/",        "\xed\x9f\xbf", "\xef\xbf\xbf"};
    for (int round = 0; round < 5000; round++) {
        proto_buf_t text = PROTO_BUF_INIT;
        proto_buf_byte(&text, 'x');
        for (uint64_t n = s_random() % 30; n > 0; n--)
            proto_buf_string(&text, pieces[s_random() % (sizeof pieces / sizeof *pieces)]);
        s_assert_quoted(text.data, text.size);
        proto_buf_free(&text);
    }
    proto_buf_t out = PROTO_BUF_INIT;
    assert_int_equal(proto_json_string(&out, proto_bytes_of("abc\xff")), -1);
    assert_int_equal(proto_json_string(&out, proto_bytes_of("abcdefgh\xed\xa0\x80")), -1);
    proto_buf_reset(&out);
    assert_int_equal(proto_json_string(&out, (proto_bytes_t){NULL, 0}), 0);
    assert_true(proto_bytes_is(proto_buf_bytes(&out), "\"\""));
    proto_buf_free(&out);
}

/* ---- random trees and mutation ---- */

static void s_random_scalar(proto_buf_t *out)
{
    char text[64];
    int64_t number = (int64_t)(s_random() >> s_random() % 64);
    switch (s_random() % 6) {
    case 0:
        proto_write_nil(out);
        break;
    case 1:
        proto_write_bool(out, number & 1);
        break;
    case 2:
        proto_write_int(out, number & 1 ? (int64_t)(0 - (uint64_t)number) : number);
        break;
    case 3:
        proto_write_uint(out, UINT64_MAX - (uint64_t)number / 3);
        break;
    case 4:
        snprintf(text, sizeof text, "-%llu.%llue%lld", (unsigned long long)s_random(),
                 (unsigned long long)s_random(), (long long)number);
        proto_write_decimal(out, proto_bytes_of(text));
        break;
    default:
        snprintf(text, sizeof text, "%.*s\"\\\n\xe2\x82\xac", (int)(s_random() % 50),
                 "The quick brown fox jumps over the lazy dog again.");
        proto_write_text(out, text);
        break;
    }
}

static void s_random_tree(proto_buf_t *out, int depth)
{
    if (depth == 0 || s_random() % 3 == 0) {
        s_random_scalar(out);
        return;
    }
    uint32_t count = (uint32_t)(s_random() % 12 == 0 ? s_random() % 40 : s_random() % 5);
    bool map = s_random() % 2;
    (map ? proto_write_map : proto_write_array)(out, count);
    for (uint32_t i = 0; i < count; i++) {
        char key[40];
        snprintf(key, sizeof key, "%u%.*s", i, (int)(s_random() % 30), " is the number of this one here");
        if (map)
            proto_write_text(out, key);
        s_random_tree(out, depth - 1);
    }
}

/* What JSON can say comes back as the very same bytes. */
static void test_random_trees_round_trip(void **state)
{
    (void)state;
    s_state = 15;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT, back = PROTO_BUF_INIT;
    for (int round = 0; round < 1000; round++) {
        proto_buf_reset(&value);
        proto_buf_reset(&text);
        s_random_tree(&value, 5);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), 0);
        assert_int_equal(s_parse(proto_buf_bytes(&text), &back), 0);
        assert_true(proto_bytes_equal(proto_buf_bytes(&value), proto_buf_bytes(&back)));
    }
    proto_buf_free(&value);
    proto_buf_free(&text);
    proto_buf_free(&back);
}

static void s_mutate(proto_buf_t *json)
{
    static const char spice[] = "{}[]\",:\\u0-+.eE \n\x80\xff\xc3ntf/";
    for (uint64_t n = 1 + s_random() % 3; n > 0 && json->size > 0; n--) {
        size_t at = s_random() % json->size;
        switch (s_random() % 4) {
        case 0:
            json->data[at] ^= (uint8_t)(1 << s_random() % 8);
            break;
        case 1:
            json->data[at] = (uint8_t)spice[s_random() % (sizeof spice - 1)];
            break;
        case 2:
            memmove(json->data + at, json->data + at + 1, json->size - at - 1);
            json->size--;
            break;
        default:
            if (s_random() % 6 == 0)
                json->size = at;
            break;
        }
    }
}

/* What is still accepted can be written, and then reads as the same value. */
static void test_mutated_texts(void **state)
{
    (void)state;
    s_state = 16;
    unsigned accepted = 0;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT, back = PROTO_BUF_INIT;
    for (int round = 0; round < 20000; round++) {
        do {
            proto_buf_reset(&value);
            s_random_tree(&value, 2);
        } while (value.size > 150);
        proto_buf_reset(&text);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), 0);
        s_mutate(&text);
        if (s_parse(proto_buf_bytes(&text), &value) < 0)
            continue;
        accepted++;
        proto_buf_reset(&text);
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&value), &text), 0);
        assert_int_equal(s_parse(proto_buf_bytes(&text), &back), 0);
        assert_true(proto_bytes_equal(proto_buf_bytes(&value), proto_buf_bytes(&back)));
    }
    assert_in_range(accepted, 1000, 19000);
    proto_buf_free(&value);
    proto_buf_free(&text);
    proto_buf_free(&back);
}

/* Mutated MessagePack is refused, or becomes a text that is JSON. */
static void test_mutated_values(void **state)
{
    (void)state;
    s_state = 17;
    unsigned accepted = 0;
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT, back = PROTO_BUF_INIT;
    for (int round = 0; round < 20000; round++) {
        do {
            proto_buf_reset(&value);
            s_random_tree(&value, 2);
        } while (value.size > 150);
        for (uint64_t n = 1 + s_random() % 3; n > 0; n--)
            value.data[s_random() % value.size] = (uint8_t)s_random();
        uint8_t *exact = malloc(value.size);
        assert_non_null(exact);
        memcpy(exact, value.data, value.size);
        proto_buf_reset(&text);
        int rc = proto_json_from_value((proto_bytes_t){exact, value.size}, &text);
        free(exact);
        if (rc < 0)
            continue;
        accepted++;
        assert_int_equal(proto_value_check(proto_buf_bytes(&value)), 0);
        if (s_parse(proto_buf_bytes(&text), &back) < 0) /* maps of values may have a key twice */
            assert_non_null(strstr(s_error.reason, "twice"));
    }
    assert_in_range(accepted, 1000, 19000);
    proto_buf_free(&value);
    proto_buf_free(&text);
    proto_buf_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_decimals_stay_verbatim),
        cmocka_unit_test(test_malformed_numbers),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_all_code_points_by_escape),
        cmocka_unit_test(test_unknown_escapes),
        cmocka_unit_test(test_lone_surrogates),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_nul_is_refused_when_asked),
        cmocka_unit_test(test_string_lengths),
        cmocka_unit_test(test_accepted_texts),
        cmocka_unit_test(test_rejected_texts),
        cmocka_unit_test(test_every_single_byte),
        cmocka_unit_test(test_where_it_went_wrong),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_every_left_out_byte),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_breadth_is_no_depth),
        cmocka_unit_test(test_doubled_keys),
        cmocka_unit_test(test_doubled_keys_of_large_objects),
        cmocka_unit_test(test_container_sizes),
        cmocka_unit_test(test_too_small_a_buffer),
        cmocka_unit_test(test_output_is_appended),
        cmocka_unit_test(test_writing_into_too_small_a_buffer),
        cmocka_unit_test(test_values_that_json_lacks),
        cmocka_unit_test(test_map_keys),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_smallest_floats_take_the_fewest_digits),
        cmocka_unit_test(test_random_floats_read_back),
        cmocka_unit_test(test_malformed_values_are_refused),
        cmocka_unit_test(test_truncated_values_are_refused),
        cmocka_unit_test(test_quoting_at_every_place),
        cmocka_unit_test(test_random_strings),
        cmocka_unit_test(test_random_trees_round_trip),
        cmocka_unit_test(test_mutated_texts),
        cmocka_unit_test(test_mutated_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
