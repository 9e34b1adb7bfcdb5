/* SPDX-License-Identifier: MPL-2.0 */
/* proto_double: the shortest decimals, against printf and strtod. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto_double.h"

enum { S_TEXT = 64 /* any %g */ };

/* The plain way: fifteen digits, or as many more as it takes. It misses a shorter text where printf's is not
 * the only one of so many digits that reads back: at some powers of two. */
static void s_expected(double value, char text[S_TEXT])
{
    for (int digits = fabs(value) < 2.2250738585072014e-308 ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, S_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

static void s_check(double value)
{
    char text[PROTO_DOUBLE_TEXT], expected[S_TEXT];
    size_t size = proto_double_write(value, text);
    s_expected(value, expected);
    bool shorter = size < strlen(expected) && strtod(text, NULL) == value;
    if (strcmp(text, expected) != 0 && !shorter)
        fail_msg("%s instead of %s", text, expected);
    assert_int_equal(size, strlen(text));
}

static void s_check_around(double value)
{
    double below = value, above = value;
    for (int i = 0; i < 20; i++) {
        s_check(below);
        s_check(-above);
        below = nextafter(below, -INFINITY);
        above = nextafter(above, INFINITY);
    }
}

static void s_test_known(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {0.1, "0.1"},
        {-2.5, "-2.5"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {123456789012345, "123456789012345"},
        {1e15, "1e+15"},
        {9007199254740992, "9007199254740992"},
        {9007199254740994, "9007199254740994"},
        {0x1p-24, "5.960464477539063e-08"},
        {1e300, "1e+300"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PROTO_DOUBLE_TEXT];
        proto_double_write(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Where digits, the powers of ten and two, and the ways to compute begin and end. */
static void s_test_ends(void **state)
{
    (void)state;
    for (int power = -320; power <= 308; power++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", power);
        s_check_around(strtod(text, NULL));
    }
    for (int power = -1074; power <= 1023; power++)
        s_check_around(ldexp(1, power));
}

static uint64_t s_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void s_test_random(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = s_random(&seed);
        double any;
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any))
            s_check(any);
        s_check((double)(int64_t)bits / 1e10);
        s_check((double)(bits >> 32) / 7);
        s_check((double)(bits % 1000000) / 100);
        s_check((double)(bits % 1000) / (double)(1 + (bits >> 54)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_known),
        cmocka_unit_test(s_test_ends),
        cmocka_unit_test(s_test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
