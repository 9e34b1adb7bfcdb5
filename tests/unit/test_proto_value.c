/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack against msgpack-c as an independent peer, every form and edge by hand, UTF-8 exhaustively. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto_value.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

#define S_BYTES(...) ((proto_bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

/* Copies bytes to memory of exactly their size, so that ASan sees any read behind them. */
static proto_bytes_t s_exact(proto_bytes_t bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return (proto_bytes_t){copy, bytes.size};
}

static void s_release(proto_bytes_t bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static int s_check(proto_bytes_t bytes)
{
    proto_bytes_t exact = s_exact(bytes);
    int rc = proto_value_check(exact);
    s_release(exact);
    return rc;
}

/* Reads one value that must fill the bytes. */
static proto_value_t s_read(proto_bytes_t bytes)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t value = {0};
    assert_int_equal(proto_value_read(&reader, &value), 0);
    assert_ptr_equal(reader.at, reader.end);
    return value;
}

/* Every proper prefix is refused by all readers, and the cursor stays where it was. */
static void s_assert_prefixes_refused(proto_bytes_t bytes)
{
    for (size_t size = 0; size < bytes.size; size++) {
        proto_bytes_t part = s_exact((proto_bytes_t){bytes.data, size}), whole;
        proto_reader_t reader = proto_reader(part);
        assert_int_equal(proto_value_skip(&reader, &whole), -1);
        assert_ptr_equal(reader.at, part.data);
        assert_int_equal(proto_value_check(part), -1);
        proto_value_t value;
        if (proto_value_read(&reader, &value) < 0)
            assert_ptr_equal(reader.at, part.data);
        else
            assert_true(value.kind == PROTO_ARRAY || value.kind == PROTO_MAP);
        s_release(part);
    }
}

/* ---- integers ---- */

static size_t s_int_size(int64_t value)
{
    if (value >= 0)
        return value < 128 ? 1 : value < 256 ? 2 : value < 65536 ? 3 : value <= UINT32_MAX ? 5 : 9;
    return value >= -32 ? 1 : value >= -128 ? 2 : value >= -32768 ? 3 : value >= INT32_MIN ? 5 : 9;
}

static void s_assert_int(int64_t number)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_int(&out, number);
    assert_int_equal(out.size, s_int_size(number));
    proto_value_t value = s_read(proto_buf_bytes(&out));
    assert_int_equal(value.kind, PROTO_INT);
    assert_true(value.integer == number);
    s_assert_prefixes_refused(proto_buf_bytes(&out));
    proto_buf_free(&out);
}

static void s_assert_uint(uint64_t number)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_uint(&out, number);
    assert_int_equal(out.size, number > INT64_MAX ? 9 : s_int_size((int64_t)number));
    proto_value_t value = s_read(proto_buf_bytes(&out));
    assert_int_equal(value.kind, number > INT64_MAX ? PROTO_UINT : PROTO_INT);
    assert_true(number > INT64_MAX ? value.unsigned_integer == number : value.integer == (int64_t)number);
    proto_buf_free(&out);
}

static void test_integers_around_every_edge(void **state)
{
    (void)state;
    for (int bit = 0; bit < 63; bit++) {
        int64_t power = INT64_C(1) << bit;
        for (int64_t by = -3; by <= 3; by++) {
            s_assert_int(power + by);
            s_assert_int(-power + by);
            s_assert_uint((uint64_t)(power + by));
        }
    }
    s_assert_int(INT64_MAX);
    s_assert_int(INT64_MIN);
    s_assert_int(INT64_MIN + 1);
    s_assert_uint((uint64_t)INT64_MAX);
    s_assert_uint((uint64_t)INT64_MAX + 1);
    s_assert_uint(UINT64_MAX);
    for (int64_t number = -40000; number < 70000; number += 7)
        s_assert_int(number);
}

/* Forms that our writer never chooses are read all the same. */
static void test_long_forms_are_read(void **state)
{
    (void)state;
    assert_true(s_read(S_BYTES(0xcc, 5)).integer == 5);
    assert_true(s_read(S_BYTES(0xcd, 0, 5)).integer == 5);
    assert_true(s_read(S_BYTES(0xce, 0, 0, 0, 5)).integer == 5);
    assert_true(s_read(S_BYTES(0xcf, 0, 0, 0, 0, 0, 0, 0, 5)).integer == 5);
    assert_true(s_read(S_BYTES(0xd0, 0xff)).integer == -1);
    assert_true(s_read(S_BYTES(0xd0, 0x7f)).integer == 127);
    assert_true(s_read(S_BYTES(0xd1, 0xff, 0xff)).integer == -1);
    assert_true(s_read(S_BYTES(0xd2, 0xff, 0xff, 0xff, 0xfe)).integer == -2);
    assert_true(s_read(S_BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd)).integer == -3);
    assert_true(s_read(S_BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 9)).integer == 9);
    assert_true(proto_bytes_is(s_read(S_BYTES(0xd9, 1, 'x')).bytes, "x"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xda, 0, 1, 'x')).bytes, "x"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xdb, 0, 0, 0, 1, 'x')).bytes, "x"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xc5, 0, 1, 'x')).bytes, "x"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xc6, 0, 0, 0, 1, 'x')).bytes, "x"));
    assert_int_equal(s_check(S_BYTES(0xdc, 0, 1, 0xc0)), 0);
    assert_int_equal(s_check(S_BYTES(0xdd, 0, 0, 0, 1, 0xc0)), 0);
    assert_int_equal(s_check(S_BYTES(0xde, 0, 1, 1, 2)), 0);
    assert_int_equal(s_check(S_BYTES(0xdf, 0, 0, 0, 1, 1, 2)), 0);
    assert_true(proto_bytes_is(s_read(S_BYTES(0xc7, 1, 1, '7')).bytes, "7"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xc8, 0, 1, 1, '7')).bytes, "7"));
    assert_true(proto_bytes_is(s_read(S_BYTES(0xc9, 0, 0, 0, 1, 1, '7')).bytes, "7"));
}

static void test_every_head_byte(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        uint8_t bytes[80] = {(uint8_t)head};
        proto_reader_t reader = {bytes, bytes + sizeof bytes};
        proto_value_t value;
        int rc = proto_value_read(&reader, &value);
        assert_int_equal(rc, head == 0xc1 ? -1 : 0);
        if (head < 0x80)
            assert_true(value.kind == PROTO_INT && value.integer == (int64_t)head);
        else if (head >= 0xe0)
            assert_true(value.kind == PROTO_INT && value.integer == (int64_t)head - 256);
        else if (head < 0x90)
            assert_true(value.kind == PROTO_MAP && value.count == (head & 15));
        else if (head < 0xa0)
            assert_true(value.kind == PROTO_ARRAY && value.count == (head & 15));
        else if (head < 0xc0)
            assert_true(value.kind == PROTO_STR && value.bytes.size == (head & 31));
    }
}

/* ---- floats ---- */

static void s_assert_float(double number, size_t size)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_float(&out, number);
    assert_int_equal(out.size, size);
    proto_value_t value = s_read(proto_buf_bytes(&out));
    assert_int_equal(value.kind, PROTO_FLOAT);
    assert_memory_equal(&value.number, &number, sizeof number); /* to the bit: -0 and NaN as well */
    s_assert_prefixes_refused(proto_buf_bytes(&out));
    proto_buf_free(&out);
}

static void test_floats(void **state)
{
    (void)state;
    const double narrow[] = {0.0,
                             -0.0,
                             1.0,
                             -1.5,
                             0.5,
                             16777216.0,
                             (double)FLT_MAX,
                             -(double)FLT_MAX,
                             (double)FLT_MIN,
                             (double)FLT_TRUE_MIN};
    const double wide[] = {0.1,
                           16777217.0,
                           DBL_MAX,
                           -DBL_MAX,
                           DBL_MIN,
                           DBL_TRUE_MIN,
                           M_PI,
                           1e300,
                           (double)FLT_TRUE_MIN / 2,
                           (double)FLT_MAX * (1 + 1e-9)};
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        s_assert_float(narrow[i], 5);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        s_assert_float(wide[i], 9);
    s_assert_float((double)NAN, 9);
    assert_true(isnan(s_read(S_BYTES(0xca, 0x7f, 0xc0, 0, 0)).number));
    assert_true(isinf(s_read(S_BYTES(0xca, 0xff, 0x80, 0, 0)).number));
    assert_true(isinf(s_read(S_BYTES(0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0)).number));
}

/* "The shortest encoding of a value (a float takes 32 bits when they lose nothing)". */
static void test_infinity_loses_nothing_in_32_bits(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_float(&out, (double)INFINITY);
    proto_write_float(&out, -(double)INFINITY);
    size_t size = out.size;
    proto_buf_free(&out);
    assert_int_equal(size, 10);
}

/* ---- strings, bytes, containers ---- */

static void test_lengths_around_every_form(void **state)
{
    (void)state;
    static const struct {
        size_t size, str_head, bin_head;
    } cases[] = {{0, 1, 2},   {1, 1, 2},   {31, 1, 2},    {32, 2, 2},    {33, 2, 2},   {255, 2, 2},
                 {256, 3, 3}, {257, 3, 3}, {65535, 3, 3}, {65536, 5, 5}, {70000, 5, 5}};
    static uint8_t text[70000];
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t bytes = {text, cases[i].size};
        proto_buf_t out = PROTO_BUF_INIT;
        proto_write_str(&out, bytes);
        assert_int_equal(out.size, cases[i].str_head + bytes.size);
        proto_value_t value = s_read(proto_buf_bytes(&out));
        assert_true(value.kind == PROTO_STR && proto_bytes_equal(value.bytes, bytes));
        assert_int_equal(s_check((proto_bytes_t){out.data, out.size - 1}), -1 + (out.size == 0));
        proto_buf_reset(&out);
        proto_write_bin(&out, bytes);
        assert_int_equal(out.size, cases[i].bin_head + bytes.size);
        value = s_read(proto_buf_bytes(&out));
        assert_true(value.kind == PROTO_BIN && proto_bytes_equal(value.bytes, bytes));
        assert_int_equal(s_check((proto_bytes_t){out.data, out.size - 1}), -1);
        proto_buf_free(&out);
    }
}

static void test_container_heads(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        size_t head;
    } cases[] = {{0, 1}, {15, 1}, {16, 3}, {65535, 3}, {65536, 5}, {70000, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int map = 0; map < 2; map++) {
            proto_buf_t out = PROTO_BUF_INIT;
            (map ? proto_write_map : proto_write_array)(&out, cases[i].count);
            assert_int_equal(out.size, cases[i].head);
            for (uint32_t n = 0; n < cases[i].count << map; n++)
                proto_write_nil(&out);
            proto_reader_t reader = proto_reader(proto_buf_bytes(&out));
            proto_value_t value;
            assert_int_equal(proto_value_read(&reader, &value), 0);
            assert_int_equal(value.kind, map ? PROTO_MAP : PROTO_ARRAY);
            assert_int_equal(value.count, cases[i].count);
            assert_int_equal(proto_value_check(proto_buf_bytes(&out)), 0);
            out.size--; /* one item short: the head alone shows that it lies */
            reader = proto_reader(proto_buf_bytes(&out));
            assert_int_equal(proto_value_read(&reader, &value), -1);
            assert_ptr_equal(reader.at, out.data);
            proto_buf_free(&out);
        }
    }
}

static void test_huge_claims_are_refused(void **state)
{
    (void)state;
    assert_int_equal(s_check(S_BYTES(0xdd, 0xff, 0xff, 0xff, 0xff)), -1);
    assert_int_equal(s_check(S_BYTES(0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3)), -1);
    assert_int_equal(s_check(S_BYTES(0xdf, 0xff, 0xff, 0xff, 0xff, 1, 2)), -1);
    assert_int_equal(s_check(S_BYTES(0xdf, 0x80, 0, 0, 0, 1, 2)), -1); /* twice this is 2^32 */
    assert_int_equal(s_check(S_BYTES(0xdf, 0x80, 0, 0, 0)), -1);
    assert_int_equal(s_check(S_BYTES(0xdb, 0xff, 0xff, 0xff, 0xff, 'a')), -1);
    assert_int_equal(s_check(S_BYTES(0xc6, 0xff, 0xff, 0xff, 0xff, 'a')), -1);
    assert_int_equal(s_check(S_BYTES(0xc9, 0xff, 0xff, 0xff, 0xff, 2, 'a')), -1);
    assert_int_equal(s_check(S_BYTES(0xc1)), -1);
    assert_int_equal(s_check(S_BYTES(0x91, 0xc1)), -1);
    assert_int_equal(s_check((proto_bytes_t){NULL, 0}), -1);
    assert_int_equal(s_check(S_BYTES(0xc0, 0xc0)), -1); /* exactly one value */
    assert_int_equal(s_check(S_BYTES(0xc0)), 0);
}

static void test_open_and_close(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    size_t outer = proto_write_map_open(&out);
    proto_write_text(&out, "list");
    size_t inner = proto_write_array_open(&out);
    for (int i = 0; i < 3; i++)
        proto_write_int(&out, i);
    proto_write_close(&out, inner, 3);
    proto_write_text(&out, "empty");
    proto_write_close(&out, proto_write_map_open(&out), 0);
    proto_write_close(&out, outer, 2);
    assert_false(out.failed);
    assert_int_equal(s_check(proto_buf_bytes(&out)), 0);
    s_assert_prefixes_refused(proto_buf_bytes(&out));
    proto_bytes_t list;
    assert_int_equal(proto_value_get(proto_buf_bytes(&out), "list", &list), 0);
    assert_true(proto_bytes_equal(list, S_BYTES(0xdd, 0, 0, 0, 3, 0, 1, 2)));
    proto_buf_free(&out);
}

/* ---- extensions ---- */

static void s_assert_timestamp(int64_t seconds, uint32_t nanoseconds, size_t size)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_timestamp(&out, seconds, nanoseconds);
    assert_false(out.failed);
    assert_int_equal(out.size, size);
    proto_value_t value = s_read(proto_buf_bytes(&out));
    assert_int_equal(value.kind, PROTO_TIMESTAMP);
    assert_true(value.time.seconds == seconds);
    assert_int_equal(value.time.nanoseconds, nanoseconds);
    s_assert_prefixes_refused(proto_buf_bytes(&out));
    proto_buf_free(&out);
}

static void test_timestamps(void **state)
{
    (void)state;
    s_assert_timestamp(0, 0, 6);
    s_assert_timestamp(UINT32_MAX, 0, 6);
    s_assert_timestamp((int64_t)UINT32_MAX + 1, 0, 10);
    s_assert_timestamp(0, 1, 10);
    s_assert_timestamp(0, 999999999, 10);
    s_assert_timestamp((INT64_C(1) << 34) - 1, 999999999, 10);
    s_assert_timestamp(INT64_C(1) << 34, 0, 15);
    s_assert_timestamp(-1, 0, 15);
    s_assert_timestamp(-1, 999999999, 15);
    s_assert_timestamp(INT64_MIN, 0, 15);
    s_assert_timestamp(INT64_MAX, 999999999, 15);
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_timestamp(&out, 0, 1000000000);
    assert_true(out.failed);
    proto_buf_reset(&out);
    proto_write_timestamp(&out, -5, UINT32_MAX);
    assert_true(out.failed);
    proto_buf_free(&out);
}

static void test_bad_timestamps_are_refused(void **state)
{
    (void)state;
    /* 1000000000 nanoseconds in 30 bits and in 32 */
    assert_int_equal(s_check(S_BYTES(0xd7, 0xff, 0xee, 0x6b, 0x28, 0x00, 0, 0, 0, 0)), -1);
    assert_int_equal(s_check(S_BYTES(0xd7, 0xff, 0xee, 0x6b, 0x27, 0xfc, 0, 0, 0, 0)), 0);
    assert_int_equal(s_check(S_BYTES(0xc7, 12, 0xff, 0x3b, 0x9a, 0xca, 0x00, 0, 0, 0, 0, 0, 0, 0, 0)), -1);
    assert_int_equal(s_check(S_BYTES(0xc7, 12, 0xff, 0x3b, 0x9a, 0xc9, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)), 0);
    uint8_t bytes[40] = {0xc7};
    for (uint8_t size = 0; size < 30; size++) {
        bytes[1] = size;
        bytes[2] = 0xff;
        bool good = size == 4 || size == 8 || size == 12;
        assert_int_equal(s_check((proto_bytes_t){bytes, 3u + size}), good ? 0 : -1);
    }
    assert_int_equal(s_check(S_BYTES(0xd4, 0xff, 0)), -1);
    assert_int_equal(s_check(S_BYTES(0xd5, 0xff, 0, 0)), -1);
}

static void test_other_extensions_keep_their_payload(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        proto_bytes_t bytes = S_BYTES(0xd5, (uint8_t)type, 'a', 'b');
        if (type == 255)
            continue;
        proto_value_t value = s_read(bytes);
        assert_int_equal(value.kind, type == 1 ? PROTO_DECIMAL : PROTO_EXT);
        assert_int_equal((int)value.ext_type, (int)(int8_t)type);
        assert_true(proto_bytes_is(value.bytes, "ab"));
        assert_int_equal(s_check(bytes), type == 1 ? -1 : 0); /* "ab" is no decimal number */
    }
    assert_int_equal(s_read(S_BYTES(0xc7, 0, 5)).bytes.size, 0);
}

static const char *const s_decimals[] = {
    "0",    "-0",    "1",       "-1",     "10",      "1234567890123456789012345678901234567890",
    "0.0",  "0.10",  "-0.5",    "1e0",    "1E0",     "1e+0",
    "1e-0", "1e400", "-1.5e-9", "0e0",    "0e00",    "1.0000000000000000000000000000000000000001",
    "9",    "-9.99", "1e007",   "100.00", "0.5E+12",
};

static const char *const s_no_decimals[] = {
    "",    "-",   "+1",  "00",   "01",    "-01", "-00",  ".5",    "-.5",      "5.",   "1.e5",
    "1e",  "1e+", "1e-", "1e1.", "1e1.5", "e5",  " 1",   "1 ",    "1_0",      "0x1",  "NaN",
    "nan", "Inf", "--1", "1-",   "1e--1", "1,0", "1.0.", "1e5e5", "Infinity", "1..0", "\xd9\xa1",
};

static void test_decimals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_decimals / sizeof *s_decimals; i++) {
        proto_bytes_t text = proto_bytes_of(s_decimals[i]);
        assert_true(proto_decimal_valid(text));
        assert_int_equal(proto_decimal_length(text), text.size);
        proto_buf_t out = PROTO_BUF_INIT;
        proto_write_decimal(&out, text);
        proto_value_t value = s_read(proto_buf_bytes(&out));
        assert_int_equal(value.kind, PROTO_DECIMAL);
        assert_int_equal((int)value.ext_type, PROTO_EXT_DECIMAL);
        assert_true(proto_bytes_equal(value.bytes, text));
        assert_int_equal(s_check(proto_buf_bytes(&out)), 0);
        s_assert_prefixes_refused(proto_buf_bytes(&out));
        proto_buf_free(&out);
    }
    for (size_t i = 0; i < sizeof s_no_decimals / sizeof *s_no_decimals; i++) {
        proto_bytes_t text = proto_bytes_of(s_no_decimals[i]);
        assert_false(proto_decimal_valid(text));
        proto_buf_t out = PROTO_BUF_INIT;
        proto_write_decimal(&out, text);
        assert_true(out.failed);
        proto_buf_free(&out);
    }
    assert_false(proto_decimal_valid((proto_bytes_t){NULL, 0}));
    assert_false(proto_decimal_valid((proto_bytes_t){(const uint8_t *)"1\0", 2}));
}

static void test_decimal_length_of_a_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"1,", 1},   {"12]", 2}, {"-0.5e3 ", 6}, {"1-2", 1},  {"1.5.5", 3},
                 {"1e5e", 3}, {"1.", 0},  {"1e", 0},      {"1.x", 0},  {"-x", 0},
                 {"x", 0},    {"", 0},    {"1e+", 0},     {"0x10", 1}, {"01", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_bytes_t exact = s_exact(proto_bytes_of(cases[i].text));
        assert_int_equal(proto_decimal_length(exact), cases[i].length);
        s_release(exact);
    }
    assert_int_equal(proto_decimal_length((proto_bytes_t){NULL, 0}), 0);
}

static void test_extension_head_is_the_shortest(void **state)
{
    (void)state;
    char digits[301];
    memset(digits, '7', 300);
    for (size_t size = 1; size <= 300; size++) {
        digits[size] = '\0';
        proto_buf_t out = PROTO_BUF_INIT;
        proto_write_decimal(&out, proto_bytes_of(digits));
        bool fixed = size == 1 || size == 2 || size == 4 || size == 8 || size == 16;
        assert_int_equal(out.size, size + (fixed ? 2 : size < 256 ? 3 : 4));
        assert_int_equal(s_read(proto_buf_bytes(&out)).bytes.size, size);
        proto_buf_free(&out);
        digits[size] = '7';
    }
}

/* ---- depth, skip, check ---- */

static proto_bytes_t s_nested(uint8_t *room, size_t depth, bool map, bool with_item)
{
    size_t size = 0;
    for (size_t i = 0; i < depth; i++) {
        room[size++] = (uint8_t)((map ? 0x80 : 0x90) | (i + 1 < depth || with_item));
        if (map && (i + 1 < depth || with_item))
            room[size++] = 0x01;
    }
    if (with_item)
        room[size++] = 0xc0;
    return (proto_bytes_t){room, size};
}

static void test_depth(void **state)
{
    (void)state;
    uint8_t room[200];
    for (int kind = 0; kind < 4; kind++) {
        for (size_t depth = 1; depth <= 80; depth++) {
            proto_bytes_t bytes = s_nested(room, depth, kind & 1, kind & 2), whole;
            proto_reader_t reader = proto_reader(bytes);
            int expected = depth <= PROTO_VALUE_DEPTH ? 0 : -1;
            assert_int_equal(s_check(bytes), expected);
            assert_int_equal(proto_value_skip(&reader, &whole), expected);
            assert_ptr_equal(reader.at, expected ? bytes.data : reader.end);
        }
    }
}

/* Many containers beside each other are not deep. */
static void test_breadth_is_no_depth(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_array(&out, 1000);
    for (int i = 0; i < 1000; i++)
        proto_buf_append(&out, i % 2 ? "\x90" : "\x81\x01\x90", i % 2 ? 1 : 3);
    assert_int_equal(s_check(proto_buf_bytes(&out)), 0);
    proto_buf_free(&out);
}

static void test_check_looks_at_every_string(void **state)
{
    (void)state;
    assert_int_equal(s_check(S_BYTES(0xa1, 0xff)), -1);
    assert_int_equal(s_check(S_BYTES(0x91, 0xa1, 0xff)), -1);
    assert_int_equal(s_check(S_BYTES(0x81, 0xa1, 0xff, 0xc0)), -1);
    assert_int_equal(s_check(S_BYTES(0x81, 0xa1, 'k', 0xa2, 0xc0, 0x80)), -1);
    assert_int_equal(s_check(S_BYTES(0xa3, 0xe2, 0x82, 0xac)), 0);
    assert_int_equal(s_check(S_BYTES(0xc4, 1, 0xff)), 0);     /* bytes are bytes */
    assert_int_equal(s_check(S_BYTES(0xd4, 1, 'x')), -1);     /* a decimal that is none */
    assert_int_equal(s_check(S_BYTES(0x91, 0xc7, 0, 1)), -1); /* an empty one */
    assert_int_equal(s_check(S_BYTES(0x92, 0xd4, 1, '5', 0xc2)), 0);
    proto_bytes_t bytes = S_BYTES(0xa1, 0xff), whole;
    proto_reader_t reader = proto_reader(bytes);
    assert_int_equal(proto_value_skip(&reader, &whole), 0); /* stepping over asks less */
    assert_true(proto_bytes_equal(whole, bytes));
}

static void test_skip_goes_value_by_value(void **state)
{
    (void)state;
    proto_bytes_t bytes = S_BYTES(0x92, 1, 0x81, 0xa1, 'k', 0x90, 0xc0, 0xa2, 'h', 'i', 0xd4, 5, 0), whole;
    proto_reader_t reader = proto_reader(bytes);
    const size_t sizes[] = {6, 1, 3, 3};
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *before = reader.at;
        assert_int_equal(proto_value_skip(&reader, &whole), 0);
        assert_ptr_equal(whole.data, before);
        assert_int_equal(whole.size, sizes[i]);
    }
    assert_ptr_equal(reader.at, reader.end);
    assert_int_equal(proto_value_skip(&reader, &whole), -1);
}

/* ---- maps ---- */

static void s_write_sample_map(proto_buf_t *out)
{
    proto_write_map(out, 9);
    proto_write_int(out, 5); /* a key that is no text is passed by */
    proto_write_text(out, "five");
    proto_write_array(out, 1); /* even this one */
    proto_write_text(out, "text");
    proto_write_nil(out);
    proto_write_text(out, "text");
    proto_write_text(out, "hello");
    proto_write_text(out, "number");
    proto_write_int(out, -7);
    proto_write_text(out, "flag");
    proto_write_bool(out, true);
    proto_write_text(out, "deep");
    proto_write_map(out, 1);
    proto_write_text(out, "hidden");
    proto_write_int(out, 1);
    proto_write_text(out, "text");
    proto_write_text(out, "second");
    proto_write_text(out, "");
    proto_write_int(out, 3);
    proto_write_text(out, "large");
    proto_write_uint(out, UINT64_MAX);
}

static void test_get(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    s_write_sample_map(&out);
    proto_bytes_t map = proto_buf_bytes(&out), value;
    assert_int_equal(proto_value_check(map), 0);
    assert_true(proto_bytes_is(proto_value_get_str(map, "text", "x"), "hello")); /* the first one */
    assert_true(proto_value_get_int(map, "number", 1) == -7);
    assert_true(proto_value_get_int(map, "", 1) == 3);
    assert_true(proto_value_get_bool(map, "flag", false));
    assert_int_equal(proto_value_get(map, "hidden", &value), -1);
    assert_int_equal(proto_value_get(map, "tex", &value), -1);
    assert_int_equal(proto_value_get(map, "texts", &value), -1);
    assert_int_equal(proto_value_get(map, "five", &value), -1);
    assert_int_equal(proto_value_get(map, "deep", &value), 0);
    assert_true(proto_value_get_int(value, "hidden", 0) == 1);
    /* the fallback for a missing key and for another kind */
    assert_true(proto_bytes_is(proto_value_get_str(map, "none", "fall"), "fall"));
    assert_true(proto_bytes_is(proto_value_get_str(map, "number", "fall"), "fall"));
    assert_int_equal(proto_value_get_str(map, "none", NULL).size, 0);
    assert_true(proto_value_get_int(map, "text", 42) == 42);
    assert_true(proto_value_get_int(map, "large", 42) == 42);
    assert_true(proto_value_get_bool(map, "number", true));
    assert_false(proto_value_get_bool(map, "none", false));
    proto_buf_free(&out);
}

static void test_get_on_what_is_no_map(void **state)
{
    (void)state;
    proto_bytes_t value;
    assert_int_equal(proto_value_get(S_BYTES(0xc0), "k", &value), -1);
    assert_int_equal(proto_value_get(S_BYTES(0x92, 0xa1, 'k', 1), "k", &value), -1);
    assert_int_equal(proto_value_get(S_BYTES(0x80), "k", &value), -1);
    assert_int_equal(proto_value_get((proto_bytes_t){NULL, 0}, "k", &value), -1);
    assert_int_equal(proto_value_get(S_BYTES(0x82, 0xa1, 'a', 0xc1, 0xa1, 'k', 1), "k", &value), -1);
    assert_true(proto_value_get_int((proto_bytes_t){NULL, 0}, "k", 9) == 9);
}

static void test_get_on_truncated_maps(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    s_write_sample_map(&out);
    for (size_t size = 0; size < out.size; size++) {
        proto_bytes_t part = s_exact((proto_bytes_t){out.data, size}), value;
        assert_int_equal(proto_value_get(part, "none", &value), -1);
        assert_int_equal(proto_value_get(part, "large", &value), -1);
        if (proto_value_get(part, "text", &value) == 0)
            assert_true(value.data >= part.data && value.data + value.size <= part.data + part.size);
        s_release(part);
    }
    proto_buf_free(&out);
}

/* ---- the writer's failures ---- */

static void s_write_all_sorts(proto_buf_t *out)
{
    proto_write_array(out, 14);
    proto_write_nil(out);
    proto_write_bool(out, false);
    proto_write_int(out, -1);
    proto_write_int(out, INT64_MIN);
    proto_write_uint(out, UINT64_MAX);
    proto_write_float(out, 0.5);
    proto_write_float(out, 0.1);
    proto_write_text(out, NULL);
    proto_write_text(out, "some text that is longer than thirty-two bytes");
    proto_write_bin(out, proto_bytes_of("bytes"));
    proto_write_timestamp(out, -1, 5);
    proto_write_decimal(out, proto_bytes_of("1.50"));
    size_t place = proto_write_array_open(out);
    proto_write_int(out, 1);
    proto_write_close(out, place, 1);
    proto_write_map(out, 1);
    proto_write_text(out, "k");
    proto_write_nil(out);
}

static void test_failure_sticks_at_every_limit(void **state)
{
    (void)state;
    proto_buf_t whole = PROTO_BUF_INIT;
    s_write_all_sorts(&whole);
    assert_false(whole.failed);
    assert_int_equal(s_check(proto_buf_bytes(&whole)), 0);
    s_assert_prefixes_refused(proto_buf_bytes(&whole));
    for (size_t limit = 1; limit <= whole.size; limit++) {
        proto_buf_t out;
        proto_buf_init(&out, limit);
        s_write_all_sorts(&out);
        assert_int_equal(out.failed, limit < whole.size);
        assert_true(out.size <= limit);
        proto_buf_free(&out);
    }
    proto_buf_free(&whole);
}

static void test_string_beyond_4_gib_fails(void **state)
{
    (void)state;
    if (SIZE_MAX <= UINT32_MAX)
        skip();
    proto_bytes_t huge = {(const uint8_t *)"", (size_t)UINT32_MAX + 1}; /* never read: it fails before */
    proto_buf_t out = PROTO_BUF_INIT;
    proto_write_str(&out, huge);
    assert_true(out.failed);
    proto_buf_reset(&out);
    proto_write_bin(&out, huge);
    assert_true(out.failed);
    proto_buf_free(&out);
}

/* ---- UTF-8 ---- */

/* Naive decoder, straight from RFC 3629: decode, then judge the number. */
static bool s_utf8_model(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint8_t c = at[i];
        size_t more = c < 0x80             ? 0
                      : (c & 0xe0) == 0xc0 ? 1
                      : (c & 0xf0) == 0xe0 ? 2
                      : (c & 0xf8) == 0xf0 ? 3
                                           : 9;
        if (more == 9 || i + more >= size)
            return false;
        uint32_t point = more == 0 ? c : c & (0x3fu >> more);
        for (size_t k = 1; k <= more; k++) {
            if ((at[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (at[i + k] & 0x3f);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static void test_utf8_of_all_short_sequences(void **state)
{
    (void)state;
    for (unsigned both = 0; both < 65536; both++) {
        uint8_t text[] = {(uint8_t)(both >> 8), (uint8_t)both, 0x80, 0x80};
        for (size_t size = 1; size <= 4; size++)
            if (proto_utf8_valid((proto_bytes_t){text, size}) != s_utf8_model(text, size))
                fail_msg("%02x %02x .. of %zu bytes", text[0], text[1], size);
        text[2] = 0xbf;
        text[3] = 0xbf;
        for (size_t size = 3; size <= 4; size++)
            if (proto_utf8_valid((proto_bytes_t){text, size}) != s_utf8_model(text, size))
                fail_msg("%02x %02x bf bf of %zu bytes", text[0], text[1], size);
    }
}

/* Every third and fourth byte behind heads that allow them, and sequences at every place of a word. */
static void test_utf8_of_longer_sequences(void **state)
{
    (void)state;
    static const uint8_t heads[][2] = {{0xe0, 0xa0}, {0xe2, 0x82}, {0xed, 0x9f}, {0xef, 0xbf},
                                       {0xf0, 0x90}, {0xf1, 0x80}, {0xf4, 0x8f}, {0xf4, 0x90}};
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
        for (unsigned both = 0; both < 65536; both += 3) {
            uint8_t text[] = {heads[h][0], heads[h][1], (uint8_t)(both >> 8), (uint8_t)both};
            assert_true(proto_utf8_valid((proto_bytes_t){text, 4}) == s_utf8_model(text, 4));
        }
    }
    static const char *const sequences[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                            "\x80",     "\xc3",         "\xe2\x82"};
    for (size_t place = 0; place < 40; place++) {
        for (size_t i = 0; i < 6; i++) {
            uint8_t text[48];
            memset(text, 'a', sizeof text);
            size_t size = strlen(sequences[i]);
            memcpy(text + place, sequences[i], size);
            assert_int_equal(proto_utf8_valid((proto_bytes_t){text, sizeof text}), i < 3);
            proto_bytes_t exact = s_exact((proto_bytes_t){text, place + size - 1});
            assert_int_equal(proto_utf8_valid(exact), s_utf8_model(exact.data, exact.size));
            s_release(exact);
        }
    }
    assert_true(proto_utf8_valid((proto_bytes_t){NULL, 0}));
    assert_true(proto_utf8_valid((proto_bytes_t){(const uint8_t *)"a\0b", 3}));
}

/* ---- msgpack-c as the peer ---- */

/* Holds one value under our cursor against what msgpack-c made of it. */
static void s_assert_same(proto_reader_t *reader, const msgpack_object *object);

static void s_assert_same_bytes(proto_bytes_t bytes, const char *data, size_t size)
{
    assert_true(proto_bytes_equal(bytes, (proto_bytes_t){(const uint8_t *)data, size}));
}

static void s_assert_same_ext(const proto_value_t *value, const msgpack_object *object)
{
    if (value->kind == PROTO_TIMESTAMP) {
        msgpack_timestamp time = {0};
        assert_true(msgpack_object_to_timestamp(object, &time));
        assert_true(time.tv_sec == value->time.seconds && time.tv_nsec == value->time.nanoseconds);
        return;
    }
    assert_int_equal(value->kind, object->via.ext.type == 1 ? PROTO_DECIMAL : PROTO_EXT);
    assert_int_equal((int)value->ext_type, (int)object->via.ext.type);
    s_assert_same_bytes(value->bytes, object->via.ext.ptr, object->via.ext.size);
}

static void s_assert_same_number(const proto_value_t *value, const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        assert_true(value->kind == PROTO_INT && value->integer == object->via.i64);
    } else if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        bool large = object->via.u64 > INT64_MAX;
        assert_int_equal(value->kind, large ? PROTO_UINT : PROTO_INT);
        assert_true(value->unsigned_integer == object->via.u64);
    } else {
        assert_int_equal(value->kind, PROTO_FLOAT);
        assert_true(value->number == object->via.f64 || (isnan(value->number) && isnan(object->via.f64)));
    }
}

static void s_assert_same_container(proto_reader_t *reader, const proto_value_t *value,
                                    const msgpack_object *object)
{
    assert_int_equal(value->count, object->via.array.size); /* map.size lies at the same place */
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->kind == PROTO_ARRAY) {
            s_assert_same(reader, &object->via.array.ptr[i]);
        } else {
            s_assert_same(reader, &object->via.map.ptr[i].key);
            s_assert_same(reader, &object->via.map.ptr[i].val);
        }
    }
}

static void s_assert_same(proto_reader_t *reader, const msgpack_object *object)
{
    proto_value_t value;
    assert_int_equal(proto_value_read(reader, &value), 0);
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        assert_int_equal(value.kind, PROTO_NIL);
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        assert_true(value.kind == PROTO_BOOL && value.boolean == object->via.boolean);
        break;
    case MSGPACK_OBJECT_STR:
        assert_int_equal(value.kind, PROTO_STR);
        s_assert_same_bytes(value.bytes, object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        assert_int_equal(value.kind, PROTO_BIN);
        s_assert_same_bytes(value.bytes, object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_EXT:
        s_assert_same_ext(&value, object);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        assert_int_equal(value.kind, object->type == MSGPACK_OBJECT_MAP ? PROTO_MAP : PROTO_ARRAY);
        s_assert_same_container(reader, &value, object);
        break;
    default:
        s_assert_same_number(&value, object);
        break;
    }
}

/* The peer unpacks the bytes and finds in them what we find. */
static void s_assert_peer_agrees(proto_bytes_t bytes)
{
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    size_t offset = 0;
    assert_int_equal(msgpack_unpack_next(&result, (const char *)bytes.data, bytes.size, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, bytes.size);
    proto_reader_t reader = proto_reader(bytes);
    s_assert_same(&reader, &result.data);
    assert_ptr_equal(reader.at, reader.end);
    msgpack_unpacked_destroy(&result);
}

/* One tree, written by both libraries at once. */
typedef struct twin {
    proto_buf_t *ours;
    msgpack_packer *theirs;
} twin_t;

static int64_t s_random_int(void)
{
    int64_t number = (int64_t)(s_random() >> s_random() % 64);
    return s_random() % 2 ? number : (int64_t)(0 - (uint64_t)number);
}

static size_t s_random_text(char *text, size_t most)
{
    size_t size = s_random() % 6 == 0 ? s_random() % most : s_random() % 20;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(0x20 + s_random() % 0x5f);
    return size;
}

static void s_write_blob(const twin_t *twin, bool str)
{
    static char text[70000];
    size_t size = s_random_text(text, s_random() % 50 == 0 ? sizeof text : 400);
    proto_bytes_t bytes = {(const uint8_t *)text, size};
    if (str) {
        proto_write_str(twin->ours, bytes);
        msgpack_pack_str(twin->theirs, size);
        msgpack_pack_str_body(twin->theirs, text, size);
    } else {
        proto_write_bin(twin->ours, bytes);
        msgpack_pack_bin(twin->theirs, size);
        msgpack_pack_bin_body(twin->theirs, text, size);
    }
}

static void s_write_real(const twin_t *twin)
{
    double number;
    do {
        uint64_t bits = s_random();
        memcpy(&number, &bits, sizeof number);
        if (s_random() % 2)
            number = (double)(float)(number * 0 + (double)s_random_int());
    } while (isnan(number) || isinf(number));
    proto_write_float(twin->ours, number);
    if (fabs(number) <= (double)FLT_MAX && (double)(float)number == number)
        msgpack_pack_float(twin->theirs, (float)number);
    else
        msgpack_pack_double(twin->theirs, number);
}

static void s_write_decimal(const twin_t *twin)
{
    char text[200];
    int digits = 1 + (int)(s_random() % 150);
    int size = snprintf(text, sizeof text, "%s1%0*d.%d", s_random() % 2 ? "-" : "", digits, 0,
                        (int)(s_random() % 100000));
    proto_write_decimal(twin->ours, proto_bytes_of(text));
    msgpack_pack_ext(twin->theirs, (size_t)size, PROTO_EXT_DECIMAL);
    msgpack_pack_ext_body(twin->theirs, text, (size_t)size);
}

static void s_write_time(const twin_t *twin)
{
    msgpack_timestamp time = {s_random_int(), s_random() % 2 ? 0 : (uint32_t)(s_random() % 1000000000)};
    proto_write_timestamp(twin->ours, time.tv_sec, time.tv_nsec);
    msgpack_pack_timestamp(twin->theirs, &time);
}

static void s_write_scalar(const twin_t *twin)
{
    int64_t number = s_random_int();
    switch (s_random() % 9) {
    case 0:
        proto_write_nil(twin->ours);
        msgpack_pack_nil(twin->theirs);
        break;
    case 1:
        proto_write_bool(twin->ours, number & 1);
        number & 1 ? msgpack_pack_true(twin->theirs) : msgpack_pack_false(twin->theirs);
        break;
    case 2:
        proto_write_int(twin->ours, number);
        msgpack_pack_int64(twin->theirs, number);
        break;
    case 3:
        proto_write_uint(twin->ours, (uint64_t)number);
        msgpack_pack_uint64(twin->theirs, (uint64_t)number);
        break;
    case 4:
        s_write_real(twin);
        break;
    case 5:
        s_write_decimal(twin);
        break;
    case 6:
        s_write_time(twin);
        break;
    default:
        s_write_blob(twin, number & 1);
        break;
    }
}

static void s_write_tree(const twin_t *twin, int depth)
{
    if (depth == 0 || s_random() % 3 == 0) {
        s_write_scalar(twin);
        return;
    }
    uint32_t count = (uint32_t)(s_random() % 20 == 0 ? s_random() % 40 : s_random() % 5);
    bool map = s_random() % 2;
    (map ? proto_write_map : proto_write_array)(twin->ours, count);
    map ? msgpack_pack_map(twin->theirs, count) : msgpack_pack_array(twin->theirs, count);
    for (uint32_t i = 0; i < count; i++) {
        if (map)
            s_write_blob(twin, true);
        s_write_tree(twin, depth - 1);
    }
}

/* A random tree in both libraries' bytes. */
static void s_random_twins(proto_buf_t *ours, msgpack_sbuffer *theirs, int depth)
{
    proto_buf_reset(ours);
    msgpack_sbuffer_clear(theirs);
    msgpack_packer packer;
    msgpack_packer_init(&packer, theirs, msgpack_sbuffer_write);
    s_write_tree(&(twin_t){ours, &packer}, depth);
    assert_false(ours->failed);
}

static void test_random_trees_agree_with_msgpack_c(void **state)
{
    (void)state;
    s_state = 6;
    proto_buf_t ours = PROTO_BUF_INIT;
    msgpack_sbuffer theirs;
    msgpack_sbuffer_init(&theirs);
    for (int round = 0; round < 1500; round++) {
        s_random_twins(&ours, &theirs, 6);
        proto_bytes_t peer = {(const uint8_t *)theirs.data, theirs.size};
        s_assert_peer_agrees(proto_buf_bytes(&ours)); /* ours, read by both */
        s_assert_peer_agrees(peer);                   /* theirs, read by both */
        assert_true(proto_bytes_equal(proto_buf_bytes(&ours), peer));
        assert_int_equal(s_check(proto_buf_bytes(&ours)), 0);
    }
    msgpack_sbuffer_destroy(&theirs);
    proto_buf_free(&ours);
}

static void test_random_trees_cut_short(void **state)
{
    (void)state;
    s_state = 7;
    proto_buf_t ours = PROTO_BUF_INIT;
    msgpack_sbuffer theirs;
    msgpack_sbuffer_init(&theirs);
    for (int round = 0; round < 60; round++) {
        do
            s_random_twins(&ours, &theirs, 4);
        while (ours.size > 800);
        s_assert_prefixes_refused(proto_buf_bytes(&ours));
    }
    msgpack_sbuffer_destroy(&theirs);
    proto_buf_free(&ours);
}

static void s_mutate(proto_buf_t *bytes)
{
    for (uint64_t n = 1 + s_random() % 3; n > 0 && bytes->size > 0; n--) {
        size_t at = s_random() % bytes->size;
        switch (s_random() % 4) {
        case 0:
            bytes->data[at] ^= (uint8_t)(1 << s_random() % 8);
            break;
        case 1:
            bytes->data[at] = (uint8_t)s_random();
            break;
        case 2:
            bytes->data[at] = (uint8_t)(0xc0 + s_random() % 0x20); /* another head */
            break;
        default:
            if (s_random() % 4 == 0)
                bytes->size = at;
            break;
        }
    }
}

/* Mutated values are refused, or mean the same to the peer. */
static void test_mutated_values(void **state)
{
    (void)state;
    s_state = 8;
    uint32_t accepted = 0;
    proto_buf_t ours = PROTO_BUF_INIT;
    msgpack_sbuffer theirs;
    msgpack_sbuffer_init(&theirs);
    for (int round = 0; round < 20000; round++) {
        do
            s_random_twins(&ours, &theirs, 3);
        while (ours.size > 400);
        s_mutate(&ours);
        proto_bytes_t exact = s_exact(proto_buf_bytes(&ours)), whole;
        proto_reader_t reader = proto_reader(exact);
        bool skipped = proto_value_skip(&reader, &whole) == 0;
        bool good = proto_value_check(exact) == 0;
        assert_true(skipped || !good); /* what passes the check can be stepped over */
        if (skipped)
            s_assert_peer_agrees(whole);
        accepted += good;
        assert_true(proto_value_get(exact, "key", &whole) < 0 || whole.size > 0);
        s_release(exact);
    }
    assert_in_range(accepted, 1000, 19000);
    msgpack_sbuffer_destroy(&theirs);
    proto_buf_free(&ours);
}

/* Noise without any structure. */
static void test_random_bytes(void **state)
{
    (void)state;
    s_state = 9;
    for (int round = 0; round < 20000; round++) {
        uint8_t noise[24];
        size_t size = s_random() % sizeof noise;
        for (size_t i = 0; i < size; i++)
            noise[i] = (uint8_t)s_random();
        proto_bytes_t exact = s_exact((proto_bytes_t){noise, size});
        if (proto_value_check(exact) == 0)
            s_assert_peer_agrees(exact);
        s_release(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_around_every_edge),
        cmocka_unit_test(test_long_forms_are_read),
        cmocka_unit_test(test_every_head_byte),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_infinity_loses_nothing_in_32_bits),
        cmocka_unit_test(test_lengths_around_every_form),
        cmocka_unit_test(test_container_heads),
        cmocka_unit_test(test_huge_claims_are_refused),
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_bad_timestamps_are_refused),
        cmocka_unit_test(test_other_extensions_keep_their_payload),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_decimal_length_of_a_beginning),
        cmocka_unit_test(test_extension_head_is_the_shortest),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_breadth_is_no_depth),
        cmocka_unit_test(test_check_looks_at_every_string),
        cmocka_unit_test(test_skip_goes_value_by_value),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_get_on_what_is_no_map),
        cmocka_unit_test(test_get_on_truncated_maps),
        cmocka_unit_test(test_failure_sticks_at_every_limit),
        cmocka_unit_test(test_string_beyond_4_gib_fails),
        cmocka_unit_test(test_utf8_of_all_short_sequences),
        cmocka_unit_test(test_utf8_of_longer_sequences),
        cmocka_unit_test(test_random_trees_agree_with_msgpack_c),
        cmocka_unit_test(test_random_trees_cut_short),
        cmocka_unit_test(test_mutated_values),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
