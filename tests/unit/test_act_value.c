/* SPDX-License-Identifier: MPL-2.0 */
/* PostgreSQL's text format to MessagePack: every kind with its extremes, containers
 * with every way of quoting, and that what has not its type's form stays the text it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_value.h"
#include "proto_json.h"

enum {
    S_BOOL = 16,
    S_BYTEA = 17,
    S_INT8 = 20,
    S_INT2 = 21,
    S_INT4 = 23,
    S_TEXT = 25,
    S_OID = 26,
    S_JSON = 114,
    S_BOX = 603,
    S_FLOAT4 = 700,
    S_FLOAT8 = 701,
    S_BOOLS = 1000,
    S_BYTEAS = 1001,
    S_INT4S = 1007,
    S_TEXTS = 1009,
    S_BOXES = 1020,
    S_DATE = 1082,
    S_TIMESTAMP = 1114,
    S_TIMESTAMPTZ = 1184,
    S_NUMERICS = 1231,
    S_INTERVAL = 1186,
    S_NUMERIC = 1700,
    S_JSONB = 3802,
    S_JSONBS = 3807,
    S_PAIR = 5000,
    S_PAIRS,
    S_NEST,
    S_POSITIVE,
    S_POSITIVES,
    S_MOOD,
    S_MOODS,
    S_NUMBERS,
    S_NUMBERSS,
    S_SINGLE,
    S_EMPTY,
    S_UNKNOWN = 9999
};

static act_types_t s_types;

static int s_set_up(void **state)
{
    (void)state;
    static const struct {
        uint32_t oid;
        const char *name;
        char typtype;
        uint32_t element, base;
        char delimiter;
    } rows[] = {
        {S_BOOL, "bool", 'b', 0, 0, ','},
        {S_BYTEA, "bytea", 'b', 0, 0, ','},
        {S_INT8, "int8", 'b', 0, 0, ','},
        {S_INT2, "int2", 'b', 0, 0, ','},
        {S_INT4, "int4", 'b', 0, 0, ','},
        {S_TEXT, "text", 'b', 0, 0, ','},
        {S_OID, "oid", 'b', 0, 0, ','},
        {S_JSON, "json", 'b', 0, 0, ','},
        {S_BOX, "box", 'b', 0, 0, ';'},
        {S_FLOAT4, "float4", 'b', 0, 0, ','},
        {S_FLOAT8, "float8", 'b', 0, 0, ','},
        {S_BOOLS, "_bool", 'b', S_BOOL, 0, ','},
        {S_BYTEAS, "_bytea", 'b', S_BYTEA, 0, ','},
        {S_INT4S, "_int4", 'b', S_INT4, 0, ','},
        {S_TEXTS, "_text", 'b', S_TEXT, 0, ','},
        {S_BOXES, "_box", 'b', S_BOX, 0, ';'},
        {S_DATE, "date", 'b', 0, 0, ','},
        {S_TIMESTAMP, "timestamp", 'b', 0, 0, ','},
        {S_TIMESTAMPTZ, "timestamptz", 'b', 0, 0, ','},
        {S_NUMERICS, "_numeric", 'b', S_NUMERIC, 0, ','},
        {S_INTERVAL, "interval", 'b', 0, 0, ','},
        {S_NUMERIC, "numeric", 'b', 0, 0, ','},
        {S_JSONB, "jsonb", 'b', 0, 0, ','},
        {S_JSONBS, "_jsonb", 'b', S_JSONB, 0, ','},
        {S_PAIR, "pair", 'c', 0, 0, ','},
        {S_PAIRS, "_pair", 'b', S_PAIR, 0, ','},
        {S_NEST, "nest", 'c', 0, 0, ','},
        {S_POSITIVE, "positive", 'd', 0, S_INT4, ','},
        {S_POSITIVES, "_positive", 'b', S_POSITIVE, 0, ','},
        {S_MOOD, "mood", 'e', 0, 0, ','},
        {S_MOODS, "_mood", 'b', S_MOOD, 0, ','},
        {S_NUMBERS, "numbers", 'd', 0, S_INT4S, ','},
        {S_NUMBERSS, "_numbers", 'b', S_NUMBERS, 0, ','},
        {S_SINGLE, "single", 'c', 0, 0, ','},
        {S_EMPTY, "empty", 'c', 0, 0, ','},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        act_types_add(&s_types, rows[i].oid, rows[i].name, rows[i].name, rows[i].typtype, rows[i].element,
                      rows[i].base, rows[i].delimiter);
    act_types_add_attribute(&s_types, S_PAIR, "n", S_INT4);
    act_types_add_attribute(&s_types, S_PAIR, "t", S_TEXT);
    act_types_add_attribute(&s_types, S_NEST, "p", S_PAIR);
    act_types_add_attribute(&s_types, S_NEST, "ps", S_PAIRS);
    act_types_add_attribute(&s_types, S_NEST, "b", S_BOOL);
    act_types_add_attribute(&s_types, S_SINGLE, "t", S_TEXT);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    act_types_clear(&s_types);
    return 0;
}

/* Writes one value so that its kind shows: 1 (integer), f1.5, d1.50 (decimal), 'text', x00ff (bin), @1.5
 * (timestamp), nil, true, [..], {key: ..}. */
static void s_show(proto_reader_t *reader, proto_buf_t *out)
{
    proto_value_t value;
    assert_int_equal(proto_value_read(reader, &value), 0);
    switch (value.kind) {
    case PROTO_NIL:
        proto_buf_string(out, "nil");
        break;
    case PROTO_BOOL:
        proto_buf_string(out, value.boolean ? "true" : "false");
        break;
    case PROTO_INT:
        proto_buf_printf(out, "%lld", (long long)value.integer);
        break;
    case PROTO_FLOAT:
        proto_buf_printf(out, "f%.17g", value.number);
        break;
    case PROTO_DECIMAL:
        proto_buf_printf(out, "d%.*s", (int)value.bytes.size, value.bytes.data);
        break;
    case PROTO_STR:
        proto_buf_printf(out, "'%.*s'", (int)value.bytes.size, value.bytes.data);
        break;
    case PROTO_BIN:
        proto_buf_byte(out, 'x');
        for (size_t i = 0; i < value.bytes.size; i++)
            proto_buf_printf(out, "%02x", value.bytes.data[i]);
        break;
    case PROTO_TIMESTAMP:
        proto_buf_printf(out, "@%lld.%09u", (long long)value.time.seconds, value.time.nanoseconds);
        break;
    case PROTO_ARRAY:
    case PROTO_MAP:
        proto_buf_byte(out, value.kind == PROTO_MAP ? '{' : '[');
        for (uint32_t i = 0; i < value.count; i++) {
            proto_buf_string(out, i ? ", " : "");
            if (value.kind == PROTO_MAP) {
                s_show(reader, out);
                proto_buf_string(out, ": ");
            }
            s_show(reader, out);
        }
        proto_buf_byte(out, value.kind == PROTO_MAP ? '}' : ']');
        break;
    default:
        fail_msg("kind %d", value.kind);
    }
}

/* What a text of some type becomes; read from memory of exactly its size, behind something that is there. */
static void s_convert(uint32_t oid, const char *text, proto_buf_t *shown)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size ? size : 1);
    proto_buf_t out = PROTO_BUF_INIT;
    assert_non_null(copy);
    memcpy(copy, text, size);
    proto_write_text(&out, "before");
    size_t before = out.size;
    assert_int_equal(act_value_from_text(&s_types, oid, (proto_bytes_t){copy, size}, &out), 0);
    proto_bytes_t value = {out.data + before, out.size - before};
    if (proto_value_check(value) < 0)
        fail_msg("%u: %s gives no sound value", oid, text);
    proto_reader_t reader = proto_reader(value);
    proto_buf_reset(shown);
    s_show(&reader, shown);
    assert_ptr_equal(reader.at, reader.end);
    proto_buf_free(&out);
    free(copy);
}

typedef struct s_case {
    uint32_t oid;
    const char *text, *value; /* NULL: the text itself */
} s_case_t;

static void s_check(const s_case_t *cases, size_t count)
{
    proto_buf_t shown = PROTO_BUF_INIT;
    char same[256];
    for (size_t i = 0; i < count; i++) {
        snprintf(same, sizeof same, "'%s'", cases[i].text);
        s_convert(cases[i].oid, cases[i].text, &shown);
        const char *value = cases[i].value ? cases[i].value : same;
        if (strcmp(proto_buf_text(&shown), value) != 0)
            fail_msg("%u: %s is %s instead of %s", cases[i].oid, cases[i].text, proto_buf_text(&shown),
                     value);
    }
    proto_buf_free(&shown);
}

static void test_scalars(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_BOOL, "t", "true"},
        {S_BOOL, "f", "false"},
        {S_INT2, "-32768", "-32768"},
        {S_INT2, "32767", "32767"},
        {S_INT4, "-2147483648", "-2147483648"},
        {S_INT4, "0", "0"},
        {S_INT8, "9223372036854775807", "9223372036854775807"},
        {S_INT8, "-9223372036854775808", "-9223372036854775808"},
        {S_OID, "4294967295", "4294967295"},
        {S_POSITIVE, "7", "7"}, /* a domain is its base */
        {S_FLOAT8, "1.5", "f1.5"},
        {S_FLOAT8, "0.1", "f0.10000000000000001"},
        {S_FLOAT8, "-0", "f-0"},
        {S_FLOAT8, "1e-05", "f1.0000000000000001e-05"},
        {S_FLOAT8, "1.7976931348623157e+308", "f1.7976931348623157e+308"},
        {S_FLOAT8, "5e-324", "f4.9406564584124654e-324"},
        {S_FLOAT4, "3.4028235e+38", "f3.4028234999999999e+38"},
        {S_FLOAT8, "NaN", NULL},
        {S_FLOAT8, "Infinity", NULL},
        {S_FLOAT4, "-Infinity", NULL},
        {S_NUMERIC, "1.10", "d1.10"},
        {S_NUMERIC, "-0.000", "d-0.000"},
        {S_NUMERIC, "123456789012345678901234567890.12345678901234567890",
         "d123456789012345678901234567890.12345678901234567890"},
        {S_NUMERIC, "NaN", NULL},
        {S_NUMERIC, "Infinity", NULL},
        {S_NUMERIC, "-Infinity", NULL},
        {S_TEXT, "", "''"},
        {S_TEXT, "nil \xc3\xa9 {1,2}", NULL},
        {S_DATE, "2026-01-31", NULL},
        {S_TIMESTAMP, "2026-01-31 12:00:00", NULL},
        {S_INTERVAL, "1 day 02:00:00", NULL},
        {S_MOOD, "happy", NULL},
        {S_UNKNOWN, "{1,2}", NULL},
        {S_EMPTY, "()", NULL}, /* a composite of the system's: its attributes are not learnt */
        {S_BYTEA, "\\x", "x"},
        {S_BYTEA, "\\x00ff7f0a", "x00ff7f0a"},
        {S_BYTEA, "\\xabcdef0123456789", "xabcdef0123456789"},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

/* 131072 digits before the point and 16383 behind it is the most that numeric holds (manual, table 8.2). */
static void test_huge(void **state)
{
    (void)state;
    enum { SIZE = 131072 + 1 + 16383 };
    char *text = malloc(SIZE + 4);
    proto_buf_t shown = PROTO_BUF_INIT;
    assert_non_null(text);
    memset(text, '9', SIZE);
    text[131072] = '.';
    text[SIZE] = '\0';
    s_convert(S_NUMERIC, text, &shown);
    assert_int_equal(shown.size, SIZE + 1);
    assert_int_equal(shown.data[0], 'd');
    assert_memory_equal(shown.data + 1, text, SIZE);
    memcpy(text, "\\x", 2); /* bytea whose head takes the 32-bit form */
    memset(text + 2, 'a', SIZE - 2);
    s_convert(S_BYTEA, text, &shown);
    assert_int_equal(shown.size, SIZE - 1);
    assert_memory_equal(shown.data, "xaaaaaaaa", 9);
    proto_buf_free(&shown);
    free(text);
}

static void test_timestamptz(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_TIMESTAMPTZ, "1970-01-01 00:00:00+00", "@0.000000000"},
        {S_TIMESTAMPTZ, "2026-01-31 12:00:00+00", "@1769860800.000000000"},
        {S_TIMESTAMPTZ, "2026-01-31 12:00:00.5+00", "@1769860800.500000000"},
        {S_TIMESTAMPTZ, "2026-01-31 12:00:00.000001+00", "@1769860800.000001000"},
        {S_TIMESTAMPTZ, "1969-12-31 23:59:59.999999+00", "@-1.999999000"},
        {S_TIMESTAMPTZ, "0001-01-01 00:00:00+00", "@-62135596800.000000000"},
        {S_TIMESTAMPTZ, "9999-12-31 23:59:59.999999+00", "@253402300799.999999000"},
        {S_TIMESTAMPTZ, "10000-01-01 00:00:00+00", NULL},
        {S_TIMESTAMPTZ, "294276-12-31 23:59:59.999999+00", NULL},
        {S_TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", NULL},
        {S_TIMESTAMPTZ, "4713-01-01 00:00:00+00 BC", NULL},
        {S_TIMESTAMPTZ, "infinity", NULL},
        {S_TIMESTAMPTZ, "-infinity", NULL},
        {S_TIMESTAMPTZ, "2026-01-31 12:00:00+02", NULL}, /* not UTC: somebody has set TimeZone */
        {S_TIMESTAMPTZ, "2026-01-31 12:00:00", NULL},
        {S_TIMESTAMPTZ, "", NULL},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

static void test_json(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_JSONB, "{\"a\": [1, {\"b\": null}], \"c\": \"x\"}", "{'a': [1, {'b': nil}], 'c': 'x'}"},
        {S_JSONB, "null", "nil"},
        {S_JSONB, "1.10", "d1.10"},
        {S_JSONB, "\"\\u00e9\"", "'\xc3\xa9'"},
        {S_JSONB, "[]", "[]"},
        {S_JSONB, "{}", "{}"},
        {S_JSON, " { \"a\" : 1 } ", "{'a': 1}"},
        {S_JSON, "{\"a\": 1, \"a\": 2}", NULL}, /* `json` keeps doubled keys, a map does not */
        {S_JSON, "{\"a\": ", NULL},
        {S_JSON, "", NULL},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

static void test_arrays(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_INT4S, "{}", "[]"},
        {S_INT4S, "{1}", "[1]"},
        {S_INT4S, "{1,NULL,-3}", "[1, nil, -3]"},
        {S_INT4S, "{{1,2},{3,4}}", "[[1, 2], [3, 4]]"},
        {S_INT4S, "{{{{{{1}}}}}}", "[[[[[[1]]]]]]"},
        {S_INT4S, "[0:1]={5,6}", "[5, 6]"},
        {S_INT4S, "[-1:0][2:3]={{1,2},{3,4}}", "[[1, 2], [3, 4]]"},
        {S_BOOLS, "{t,f,NULL}", "[true, false, nil]"},
        {S_NUMERICS, "{1.10,NaN}", "[d1.10, 'NaN']"},
        {S_BYTEAS, "{\"\\\\x00ff\",\"\\\\x\"}", "[x00ff, x]"},
        {S_TEXTS, "{a,b c,d}", "['a', 'b c', 'd']"},
        {S_TEXTS, "{\"\",\" \",\"NULL\",NULL,null}", "['', ' ', 'NULL', nil, 'null']"},
        {S_TEXTS, "{\"a\\\"b\",\"c\\\\d\",\"e,f\",\"{g}\"}", "['a\"b', 'c\\d', 'e,f', '{g}']"},
        {S_TEXTS, "{\"a\nb\",'q',\xc3\xa9}", "['a\nb', ''q'', '\xc3\xa9']"},
        {S_JSONBS, "{\"{\\\"a\\\": \\\"x\\\\\\\"y\\\"}\",NULL,\"null\",1}", "[{'a': 'x\"y'}, nil, nil, 1]"},
        {S_BOXES, "{(1,1),(0,0);(2,2),(1,1)}", "['(1,1),(0,0)', '(2,2),(1,1)']"},
        {S_POSITIVES, "{1,2}", "[1, 2]"},
        {S_MOODS, "{happy,\"so so\"}", "['happy', 'so so']"},
        {S_NUMBERS, "{1,2}", "[1, 2]"},                                           /* domain over an array */
        {S_NUMBERSS, "{\"{1,2}\",\"{3,NULL}\",NULL}", "[[1, 2], [3, nil], nil]"}, /* and an array of it */
        {S_PAIRS, "{\"(1,a)\",\"(,\\\"b \\\"\\\" c\\\")\",NULL}",
         "[{'n': 1, 't': 'a'}, {'n': nil, 't': 'b \" c'}, nil]"},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

/* Section 8.16.6: a doubled quote or backslash inside quotes is one; nothing at all is NULL, "" is empty. */
static void test_composites(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_PAIR, "(1,a)", "{'n': 1, 't': 'a'}"},
        {S_PAIR, "(,)", "{'n': nil, 't': nil}"},
        {S_PAIR, "(5,\"\")", "{'n': 5, 't': ''}"},
        {S_PAIR, "(-1,\"a \"\"b\"\" c\")", "{'n': -1, 't': 'a \"b\" c'}"},
        {S_PAIR, "(0,\"a\\\\b\")", "{'n': 0, 't': 'a\\b'}"},
        {S_PAIR, "(0,\"a\\\"b\")", "{'n': 0, 't': 'a\"b'}"},
        {S_PAIR, "(0,\"(x,y)\")", "{'n': 0, 't': '(x,y)'}"},
        {S_PAIR, "(0,\"\"\"\")", "{'n': 0, 't': '\"'}"},
        {S_PAIR, "(0,NULL)", "{'n': 0, 't': 'NULL'}"},
        {S_PAIR, "(0, a )", "{'n': 0, 't': ' a '}"},
        {S_SINGLE, "()", "{'t': nil}"},
        {S_SINGLE, "(\"\")", "{'t': ''}"},
        {S_NEST, "(\"(1,\"\"x \"\"\"\"y\"\")\",\"{\"\"(2,z)\"\",NULL}\",t)",
         "{'p': {'n': 1, 't': 'x \"y'}, 'ps': [{'n': 2, 't': 'z'}, nil], 'b': true}"},
        {S_NEST, "(,,)", "{'p': nil, 'ps': nil, 'b': nil}"},
        {S_NEST, "(\"(,)\",{},f)", "{'p': {'n': nil, 't': nil}, 'ps': [], 'b': false}"},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

/* "What does not have its type's form goes as text, so nothing is ever lost." */
static void test_other_forms_stay_text(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {S_BOOL, "", NULL},
        {S_BOOL, "true", NULL},
        {S_BOOL, "x", NULL},
        {S_INT4, "", NULL},
        {S_INT4, "-", NULL},
        {S_INT4, "1.5", NULL},
        {S_INT4, "1 ", NULL},
        {S_INT4, "+1", NULL},
        {S_INT4, "0x10", NULL},
        {S_INT8, "9223372036854775808", NULL},
        {S_INT8, "-9223372036854775809", NULL},
        {S_INT8, "99999999999999999999", NULL},
        {S_INT8, "123456789012345678901234567890", NULL},
        {S_FLOAT8, "", NULL},
        {S_FLOAT8, "1.", NULL},
        {S_NUMERIC, "", NULL},
        {S_NUMERIC, "1,5", NULL},
        {S_BYTEA, "", NULL},
        {S_BYTEA, "x00", NULL},
        {S_BYTEA, "\\x0", NULL},
        {S_BYTEA, "\\xzz", NULL},
        {S_BYTEA, "\\x0g", NULL},
        {S_BYTEA, "\\X00", NULL},
        {S_BYTEA, "a\\000", NULL}, /* bytea_output = escape */
        {S_INT4S, "", NULL},
        {S_INT4S, "1,2", NULL},
        {S_INT4S, "{", NULL},
        {S_INT4S, "{1", NULL},
        {S_INT4S, "{1,", NULL},
        {S_INT4S, "{1,}", NULL},
        {S_INT4S, "{{1}", NULL},
        {S_INT4S, "{{1}{2}}", NULL},
        {S_INT4S, "{1}2", NULL},
        {S_INT4S, "{1}{2}", NULL},
        {S_INT4S, "[0:1]", NULL},
        {S_TEXTS, "{\"a}", NULL},
        {S_TEXTS, "{\"a\\", NULL},
        {S_PAIR, "", NULL},
        {S_PAIR, "1,a", NULL},
        {S_PAIR, "(", NULL},
        {S_PAIR, "(1", NULL},
        {S_PAIR, "(1,", NULL},
        {S_PAIR, "(1,a", NULL},
        {S_PAIR, "(1)", NULL},     /* fewer fields than attributes ... */
        {S_PAIR, "(1,a,b)", NULL}, /* ... and more: the type was altered after the actor connected */
        {S_PAIR, "(1)a)", NULL},
        {S_PAIR, "(1,a)b", NULL},
        {S_PAIR, "(1,\"a)", NULL},
        {S_PAIRS, "{\"(1,a,b)\"}", NULL},
        {S_NUMBERSS, "{\"{1\"}", NULL},
    };
    s_check(cases, sizeof cases / sizeof *cases);
}

/* As deep as values may be, and one deeper: arrays of arrays, and json inside an array. */
static void test_depth(void **state)
{
    (void)state;
    proto_buf_t shown = PROTO_BUF_INIT;
    for (int depth = PROTO_VALUE_DEPTH - 1; depth <= PROTO_VALUE_DEPTH + 1; depth++)
        for (int json = 0; json < 3; json++) {
            char text[512];
            int at = 0, inside = json ? depth - 1 : depth;
            at += snprintf(text + at, sizeof text - (size_t)at, "%s", json == 1 ? "{\"" : json ? "[" : "");
            for (int i = 0; i < inside; i++)
                text[at++] = json ? '[' : '{';
            text[at++] = '1';
            for (int i = 0; i < inside; i++)
                text[at++] = json ? ']' : '}';
            snprintf(text + at, sizeof text - (size_t)at, "%s", json == 1 ? "\"}" : json ? "]" : "");
            s_convert(json == 0 ? S_INT4S : json == 1 ? S_JSONBS : S_JSONB, text, &shown);
            /* Too deep: the array's whole text, the json's own. */
            const char *begin = depth <= PROTO_VALUE_DEPTH ? "[[[" : json == 1 ? "['[" : json ? "'[" : "'{";
            if (strncmp(proto_buf_text(&shown), begin, strlen(begin)) != 0)
                fail_msg("%d: %s is %s", depth, text, proto_buf_text(&shown));
        }
    proto_buf_free(&shown);
}

/* What goes in comes out: array and bytea texts that act_value_to_text writes are read back the same. */
static void test_there_and_back(void **state)
{
    (void)state;
    static const char *const items[] = {"",  "a", "NULL", "null", "\"",  "\\", "\\\"",
                                        "{", "}", ",",    " ",    "a b", "\n", "\xc3\xa9"};
    enum { COUNT = sizeof items / sizeof *items };
    proto_param_t param = {.name = "p", .data = PROTO_DATA_TEXT, .array = true};
    proto_buf_t value = PROTO_BUF_INIT, text = PROTO_BUF_INIT, again = PROTO_BUF_INIT;
    for (size_t a = 0; a < COUNT; a++)
        for (size_t b = 0; b < COUNT; b++) {
            bool null;
            proto_buf_reset(&value);
            proto_buf_reset(&text);
            proto_buf_reset(&again);
            size_t place = proto_write_array_open(&value);
            proto_write_text(&value, items[a]);
            proto_write_nil(&value);
            proto_write_text(&value, items[b]);
            proto_write_close(&value, place, 3);
            assert_int_equal(act_value_to_text(&param, proto_buf_bytes(&value), &text, &null), 0);
            assert_int_equal(act_value_from_text(&s_types, S_TEXTS, proto_buf_bytes(&text), &again), 0);
            if (!proto_bytes_equal(proto_buf_bytes(&value), proto_buf_bytes(&again)))
                fail_msg("%s", proto_buf_text(&text));
        }
    proto_buf_free(&value);
    proto_buf_free(&text);
    proto_buf_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_timestamptz),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_composites),
        cmocka_unit_test(test_other_forms_stay_text),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, s_set_up, s_tear_down);
}
