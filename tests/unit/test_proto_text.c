/* SPDX-License-Identifier: MPL-2.0 */
/* Base64 and RFC 3339 times: strictness, extremes, and the C library as an independent calendar. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto_json.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

/* Copies bytes to memory of exactly their size, so that ASan sees any read behind them. */
static proto_bytes_t s_exact(const void *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    return (proto_bytes_t){copy, size};
}

static void s_release(proto_bytes_t bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* ---- base64 ---- */

static int s_decode(proto_buf_t *out, const char *text, size_t size)
{
    proto_buf_reset(out);
    proto_bytes_t exact = s_exact(text, size);
    int rc = proto_base64_decode(out, exact);
    s_release(exact);
    return rc;
}

static void test_base64_vectors(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xff\xff", "////"},
                                           {"\xfb\xef\xbe", "++++"}};
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        proto_buf_reset(&out);
        proto_base64_encode(&out, proto_bytes_of(pairs[i][0]));
        assert_true(proto_bytes_is(proto_buf_bytes(&out), pairs[i][1]));
        assert_int_equal(s_decode(&out, pairs[i][1], strlen(pairs[i][1])), 0);
        assert_true(proto_bytes_is(proto_buf_bytes(&out), pairs[i][0]));
    }
    proto_buf_reset(&out);
    proto_base64_encode(&out, (proto_bytes_t){NULL, 0});
    assert_int_equal(out.size, 0);
    assert_int_equal(proto_base64_decode(&out, (proto_bytes_t){NULL, 0}), 0);
    proto_buf_free(&out);
}

static void test_base64_appends(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_buf_string(&out, "x:");
    proto_base64_encode(&out, proto_bytes_of("foo"));
    assert_int_equal(proto_base64_decode(&out, proto_bytes_of("Zm8=")), 0);
    assert_true(proto_bytes_is(proto_buf_bytes(&out), "x:Zm9vfo"));
    proto_buf_free(&out);
}

static void test_base64_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",     "Zg",       "Zg=",      "Zm8",     "Zm9vY",    "=",         "==",           "===",   "====",
        "Z===",  "Zg==Zg==", "Zm8=Zm8=", "Zg=v",    "=m9v",     "Z=9v",      "Zm9vZg=A",     "Zm 9v", " Zm9v",
        "Zm9v ", "Zm9v\n",   "Zm9\n",    "Zm-_",    "Zm9v====", "Zm9v=",     "Zh==",         "Zn==",  "Zv==",
        "Zm9=",  "Zm+=",     "Zm//Zm/=", "Zm9\xc3", "Zm9.",     "Zm9vZm9v=", "Zg==\n\n\n\n", "Zm9,",  "Zm9*",
        "Zm9:",  "Zm9@",     "Zm9[",     "Zm9`",    "Zm9{",
    };
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (s_decode(&out, bad[i], strlen(bad[i])) != -1)
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_int_equal(s_decode(&out, "Zm9\0", 4), -1);
    proto_buf_free(&out);
}

/* All four-character texts over some characters: accepted exactly when encoding gives the same text back. */
static void test_base64_accepts_only_what_it_writes(void **state)
{
    (void)state;
    static const char some[] = "AQgwZz09+/=- ";
    enum { COUNT = sizeof some - 1 };
    proto_buf_t out = PROTO_BUF_INIT, again = PROTO_BUF_INIT;
    unsigned accepted = 0;
    for (unsigned n = 0; n < COUNT * COUNT * COUNT * COUNT; n++) {
        char text[4] = {some[n % COUNT], some[n / COUNT % COUNT], some[n / COUNT / COUNT % COUNT],
                        some[n / COUNT / COUNT / COUNT]};
        if (s_decode(&out, text, 4) == 0) {
            proto_buf_reset(&again);
            proto_base64_encode(&again, proto_buf_bytes(&out));
            assert_int_equal(again.size, 4);
            assert_memory_equal(again.data, text, 4);
            accepted++;
        }
    }
    /* ten of the characters are sextets; A, Q, g and w of them end in four zero bits */
    unsigned four_zero = 4, two_zero = 0;
    for (size_t i = 0; i < COUNT; i++)
        two_zero += strchr("AEIMQUYcgkosw048", some[i]) != NULL;
    assert_int_equal(accepted, 10 * 10 * 10 * 10 + 10 * 10 * two_zero + 10 * four_zero);
    proto_buf_free(&out);
    proto_buf_free(&again);
}

/* The naive way: bit by bit. */
static void s_encode_model(char *to, const uint8_t *bytes, size_t size)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = 0;
    for (size_t bit = 0; bit < size * 8; bit += 6) {
        unsigned six = 0;
        for (size_t b = bit; b < bit + 6; b++)
            six = six << 1 | (b < size * 8 ? (unsigned)bytes[b / 8] >> (7 - b % 8) & 1 : 0);
        to[length++] = alphabet[six];
    }
    while (length % 4)
        to[length++] = '=';
    to[length] = '\0';
}

static void test_base64_round_trips(void **state)
{
    (void)state;
    s_state = 10;
    proto_buf_t out = PROTO_BUF_INIT, back = PROTO_BUF_INIT;
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[100];
        char text[140];
        size_t size = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)s_random();
        s_encode_model(text, bytes, size);
        proto_bytes_t exact = s_exact(bytes, size);
        proto_buf_reset(&out);
        proto_base64_encode(&out, exact);
        s_release(exact);
        assert_string_equal(proto_buf_text(&out), text);
        assert_int_equal(s_decode(&back, text, strlen(text)), 0);
        assert_true(proto_bytes_equal(proto_buf_bytes(&back), (proto_bytes_t){bytes, size}));
        if (size == 0)
            continue;
        size_t at = s_random() % strlen(text); /* one character that is none of the alphabet */
        text[at] = "!-_ \n\t.,"[s_random() % 8];
        assert_int_equal(s_decode(&back, text, strlen(text)), -1);
    }
    proto_buf_free(&out);
    proto_buf_free(&back);
}

static void test_base64_into_a_full_buffer(void **state)
{
    (void)state;
    for (size_t limit = 1; limit <= 12; limit++) {
        proto_buf_t out;
        proto_buf_init(&out, limit);
        proto_base64_encode(&out, proto_bytes_of("foobar"));
        assert_int_equal(out.failed, limit < 8);
        proto_buf_reset(&out);
        assert_int_equal(proto_base64_decode(&out, proto_bytes_of("Zm9vYmFy")), limit < 6 ? -1 : 0);
        proto_buf_free(&out);
    }
}

/* ---- times ---- */

static int s_parse(const char *text, size_t size, int64_t *seconds, uint32_t *nanoseconds)
{
    proto_bytes_t exact = s_exact(text, size);
    int rc = proto_json_timestamp_parse(exact, seconds, nanoseconds);
    s_release(exact);
    return rc;
}

static void s_assert_print(int64_t seconds, uint32_t nanoseconds, const char *expected)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_json_timestamp(&out, seconds, nanoseconds);
    assert_string_equal(proto_buf_text(&out), expected);
    proto_buf_free(&out);
}

static void test_print(void **state)
{
    (void)state;
    s_assert_print(0, 0, "1970-01-01T00:00:00Z");
    s_assert_print(-1, 0, "1969-12-31T23:59:59Z");
    s_assert_print(-1, 999999999, "1969-12-31T23:59:59.999999999Z");
    s_assert_print(951782400, 0, "2000-02-29T00:00:00Z");
    s_assert_print(1769903999, 500000000, "2026-01-31T23:59:59.5Z");
    s_assert_print(4107542399, 0, "2100-02-28T23:59:59Z");
    s_assert_print(4107542400, 0, "2100-03-01T00:00:00Z"); /* no leap year */
    s_assert_print(0, 1, "1970-01-01T00:00:00.000000001Z");
    s_assert_print(0, 10, "1970-01-01T00:00:00.00000001Z");
    s_assert_print(0, 120000000, "1970-01-01T00:00:00.12Z");
    s_assert_print(0, 100, "1970-01-01T00:00:00.0000001Z");
}

static void test_print_extremes(void **state)
{
    (void)state;
    s_assert_print(-62167219200, 0, "0000-01-01T00:00:00Z");
    s_assert_print(-62167219201, 0, "-62167219201");
    s_assert_print(253402300799, 999999999, "9999-12-31T23:59:59.999999999Z");
    s_assert_print(253402300800, 0, "253402300800");
    s_assert_print(INT64_MAX, 0, "9223372036854775807");
    s_assert_print(INT64_MIN, 0, "-9223372036854775808");
    s_assert_print(INT64_MIN, 999999999, "-9223372036854775808");
    s_assert_print(-62135596800, 0, "0001-01-01T00:00:00Z");
    s_assert_print(-62162035200, 0, "0000-03-01T00:00:00Z");
    s_assert_print(-62162035201, 0, "0000-02-29T23:59:59Z"); /* 0000 is a leap year */
}

/* Printing as the C library's calendar has it, and back. */
static void s_assert_as_libc(int64_t seconds, uint32_t nanoseconds)
{
    char expected[64];
    time_t when = (time_t)seconds;
    struct tm utc;
    assert_non_null(gmtime_r(&when, &utc));
    int size = snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d", utc.tm_year + 1900,
                        utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    if (nanoseconds) {
        size += snprintf(expected + size, sizeof expected - (size_t)size, ".%09u", nanoseconds);
        while (expected[size - 1] == '0')
            size--;
    }
    snprintf(expected + size, sizeof expected - (size_t)size, "Z");
    s_assert_print(seconds, nanoseconds, expected);
    int64_t back_seconds;
    uint32_t back_nanoseconds;
    assert_int_equal(s_parse(expected, strlen(expected), &back_seconds, &back_nanoseconds), 0);
    assert_true(back_seconds == seconds);
    assert_int_equal(back_nanoseconds, nanoseconds);
}

static void test_times_match_the_c_library(void **state)
{
    (void)state;
    s_state = 11;
    const int64_t first = -62167219200, last = 253402300799;
    for (int i = 0; i < 20000; i++) {
        int64_t seconds = first + (int64_t)(s_random() % (uint64_t)(last - first + 1));
        uint32_t nanoseconds = (uint32_t)(s_random() % 1000000000);
        uint32_t unit = 1;
        for (uint64_t n = s_random() % 9; n > 0; n--) /* fractions of all lengths */
            unit *= 10;
        nanoseconds -= nanoseconds % unit;
        s_assert_as_libc(seconds, i % 3 ? nanoseconds : 0);
    }
    for (int year = 0; year < 10000; year++) { /* the ends of February and of the year */
        struct tm utc = {.tm_year = year - 1900, .tm_mon = 2, .tm_mday = 1};
        int64_t march = timegm(&utc);
        s_assert_as_libc(march - 1, 0);
        s_assert_as_libc(march, 0);
        if (year < 9999)
            s_assert_as_libc(march + 306 * 86400, 0);
    }
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t nanoseconds;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1970-01-01t00:00:00z", 0, 0},
        {"1970-01-01 00:00:00Z", 0, 0},
        {"1970-01-01T00:00:00+00:00", 0, 0},
        {"1970-01-01T00:00:00-00:00", 0, 0},
        {"1970-01-01T01:00:00+01:00", 0, 0},
        {"1969-12-31T23:30:00-00:30", 0, 0},
        {"1970-01-01T23:59:00+23:59", 0, 0},
        {"1969-12-31T00:01:00-23:59", 0, 0},
        {"1970-01-01T00:00:00.1Z", 0, 100000000},
        {"1970-01-01T00:00:00.100Z", 0, 100000000},
        {"1970-01-01T00:00:00.000000001Z", 0, 1},
        {"1970-01-01T00:00:00.999999999+00:01", -60, 999999999},
        {"0000-01-01T00:00:00Z", -62167219200, 0},
        {"0000-02-29T00:00:00Z", -62162121600, 0},
        {"0000-01-01T00:00:00+23:59", -62167305540, 0},
        {"9999-12-31T23:59:59.999999999Z", 253402300799, 999999999},
        {"9999-12-31T23:59:59-23:59", 253402387139, 0},
        {"2000-02-29T12:34:56Z", 951827696, 0},
        {"2024-02-29T00:00:00Z", 1709164800, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t seconds = 1;
        uint32_t nanoseconds = 77;
        if (s_parse(good[i].text, strlen(good[i].text), &seconds, &nanoseconds) != 0)
            fail_msg("%s was refused", good[i].text);
        assert_true(seconds == good[i].seconds);
        assert_int_equal(nanoseconds, good[i].nanoseconds);
        for (size_t size = 0; size < strlen(good[i].text); size++)
            assert_int_equal(s_parse(good[i].text, size, &seconds, &nanoseconds), -1);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:00", /* no offset */
        "1970-01-01T00:00:00+00",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+00:0",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00 +00:00",
        "1970-01-01T00:00:00 Z",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z+00:00",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00.1234567890Z", /* ten digits */
        "1970-01-01T00:00:00.0000000000Z",
        "1970-01-01T00:00:00.5",
        "1970-01-01T00:00:60Z",
        "2016-12-31T23:59:60Z", /* a real leap second */
        "1970-01-01T00:60:00Z",
        "1970-01-01T24:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-06-31T00:00:00Z",
        "1970-09-31T00:00:00Z",
        "1970-11-31T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2000-02-30T00:00:00Z",
        "70-01-01T00:00:00Z",
        "01970-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "+1970-01-01T00:00:00Z",
        "1970-1-1T00:00:00Z",
        "1970/01/01T00:00:00Z",
        "1970-01-01_00:00:00Z",
        "1970-01-01T0:00:00Z",
        "1970-01-01T00.00.00Z",
        "19700101T000000Z",
        "1970-W01-1T00:00:00Z",
        "1970-001T00:00:00Z",
        "1970-01-01T00:00:00\xe2\x88\x92"
        "00:00", /* U+2212, a minus sign that RFC 3339 does not know */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t seconds;
        uint32_t nanoseconds;
        if (s_parse(bad[i], strlen(bad[i]), &seconds, &nanoseconds) != -1)
            fail_msg("\"%s\" was accepted", bad[i]);
    }
    int64_t seconds;
    uint32_t nanoseconds;
    assert_int_equal(proto_json_timestamp_parse((proto_bytes_t){NULL, 0}, &seconds, &nanoseconds), -1);
    assert_int_equal(s_parse("1970-01-01T00:00:00\0", 20, &seconds, &nanoseconds), -1);
    assert_int_equal(s_parse("1970-01-01\0"
                             "00:00:00Z",
                             20, &seconds, &nanoseconds),
                     -1);
}

/* Every month's last day is taken, the day behind it is not. */
static void test_last_days_of_months(void **state)
{
    (void)state;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int years[] = {0,    4,    100,  400,  1600, 1700, 1900, 1999,
                                2000, 2023, 2024, 2100, 2400, 9996, 9999};
    for (size_t y = 0; y < sizeof years / sizeof *years; y++) {
        bool leap = (years[y] % 4 == 0 && years[y] % 100 != 0) || years[y] % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            for (int day = 0; day < 100; day++) {
                char text[40];
                int64_t seconds;
                uint32_t nanoseconds;
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", years[y], month, day);
                bool good = day >= 1 && day <= days[month - 1] + (leap && month == 2);
                assert_int_equal(s_parse(text, 20, &seconds, &nanoseconds), good ? 0 : -1);
            }
        }
    }
}

/* One changed character: refused, or a time that prints and reads back the same. */
static void test_mutated_times(void **state)
{
    (void)state;
    s_state = 12;
    unsigned accepted = 0;
    for (int round = 0; round < 20000; round++) {
        char text[] = "2026-01-31T23:59:59.123456789-01:30";
        for (uint64_t n = 1 + s_random() % 2; n > 0; n--)
            text[s_random() % (sizeof text - 1)] =
                (char)(s_random() % 2 ? '0' + s_random() % 10 : s_random());
        int64_t seconds;
        uint32_t nanoseconds;
        if (s_parse(text, sizeof text - 1, &seconds, &nanoseconds) < 0)
            continue;
        assert_true(nanoseconds <= 999999999);
        s_assert_as_libc(seconds, nanoseconds);
        accepted++;
    }
    assert_in_range(accepted, 1000, 19000);
}

static void test_print_into_a_full_buffer(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 40; limit++) {
        proto_buf_t out;
        proto_buf_init(&out, limit);
        proto_json_timestamp(&out, 0, 123456789);
        assert_int_equal(out.failed, limit < 30);
        assert_true(out.size <= limit);
        proto_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_appends),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_base64_accepts_only_what_it_writes),
        cmocka_unit_test(test_base64_round_trips),
        cmocka_unit_test(test_base64_into_a_full_buffer),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_extremes),
        cmocka_unit_test(test_times_match_the_c_library),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_last_days_of_months),
        cmocka_unit_test(test_mutated_times),
        cmocka_unit_test(test_print_into_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
