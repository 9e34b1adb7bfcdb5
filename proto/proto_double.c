/* SPDX-License-Identifier: MPL-2.0 */
/* Shortest decimals. Most numbers of real data lie between 1e-11 and 1e17; for those m * 2^e * 10^k with
 * seventeen digits before the point is exact in 128 bits, and so are the ends of the interval that reads as
 * the same double. (A longer table of powers, as Ryu or Grisu have it, would be needed for the others: they
 * go through printf and strtod.) Thread: any. */
#include "proto_double.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_DIGITS = 17, S_LEAST_DIGITS = 15, S_MOST_POWER = 27 /* 5^27 is the last that fits 63 bits */ };

typedef unsigned __int128 s_wide_t;

typedef struct s_decimal {
    uint64_t digits;
    int exponent; /* digits * 10^exponent */
} s_decimal_t;

static const uint64_t s_ten_to_17 = UINT64_C(100000000000000000);

/* number * 10^power / 2^shift, the exact quotient's floor and remainder. */
typedef struct s_scaled {
    uint64_t whole;
    s_wide_t rest;
} s_scaled_t;

static s_scaled_t s_scale(uint64_t number, uint64_t five, int two)
{
    s_wide_t product = (s_wide_t)number * five;
    if (two >= 0)
        return (s_scaled_t){(uint64_t)(product << two), 0};
    return (s_scaled_t){(uint64_t)(product >> -two), product & (((s_wide_t)1 << -two) - 1)};
}

static uint64_t s_five_to(int power)
{
    uint64_t five = 1;
    for (int i = 0; i < power; i++)
        five *= 5;
    return five;
}

/* The shortest of the decimals between the ends, which are numbers of seventeen digits, and the nearest to
 * `middle` of those. How many digits were left off. */
static int s_shorten(uint64_t low, uint64_t high, const s_scaled_t *middle, int two, uint64_t *digits)
{
    int less = 0;
    uint64_t unit = 1;
    for (; (low + 9) / 10 <= high / 10; less++, unit *= 10) {
        low = (low + 9) / 10;
        high = high / 10;
    }
    uint64_t below = middle->whole / unit, over = middle->whole % unit;
    s_wide_t half = two < 0 ? (s_wide_t)1 << (-two - 1) : 1, rest = middle->rest;
    bool more = unit > 1 ? over * 2 > unit || (over * 2 == unit && rest) : rest > half;
    bool tie = unit > 1 ? over * 2 == unit && !rest : rest == half;
    below += more || (tie && below % 2); /* as printf does */
    *digits = below < low ? low : below > high ? high : below;
    return less;
}

/* False for a number out of the range. */
static bool s_shortest(double value, s_decimal_t *decimal)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int biased = (int)(bits >> 52);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1), number = (fraction | UINT64_C(1) << 52) * 4;
    int log2 = biased - 1023, power = S_DIGITS - 1 - (int)floor(log2 * 0.30103);
    s_scaled_t middle;
    for (;; power--) {
        if (power < 0 || power > S_MOST_POWER)
            return false;
        middle = s_scale(number, s_five_to(power), log2 - 54 + power);
        if (middle.whole < s_ten_to_17)
            break;
    }
    int two = log2 - 54 + power;
    uint64_t five = s_five_to(power);
    bool even = fraction % 2 == 0; /* strtod rounds to even: then the ends themselves read as it, too */
    s_scaled_t low = s_scale(number - (fraction ? 2 : 1), five, two), high = s_scale(number + 2, five, two);
    uint64_t from = low.whole + (low.rest || !even), to = high.whole - (!high.rest && !even);
    decimal->exponent = s_shorten(from, to, &middle, two, &decimal->digits) - power;
    return true;
}

/* The slow way, for what is very large or very small. */
static size_t s_print(double value, char *text)
{
    int size = 0;
    /* Fifteen digits are always kept, so only the subnormal numbers can need fewer. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : S_LEAST_DIGITS; digits <= S_DIGITS; digits++) {
        size = snprintf(text, PROTO_DOUBLE_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return (size_t)size;
}

/* The digits, most significant first, without the noughts at the end; how many. */
static int s_digits(s_decimal_t *decimal, char out[S_DIGITS + 3])
{
    for (; decimal->digits % 10 == 0; decimal->exponent++)
        decimal->digits /= 10;
    char reversed[S_DIGITS + 3];
    int count = 0;
    uint64_t left = decimal->digits;
    do
        reversed[count++] = (char)('0' + left % 10);
    while (left /= 10);
    for (int i = 0; i < count; i++)
        out[i] = reversed[count - 1 - i];
    return count;
}

static char *s_fill(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return at + count;
}

static char *s_copy(char *at, const char *digits, int count)
{
    memcpy(at, digits, (size_t)count);
    return at + count;
}

/* 1.5e+20; the exponent has two digits at least. */
static char *s_scientific(char *at, const char *digits, int count, int exponent)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = s_copy(at, digits + 1, count - 1);
    }
    int size = exponent < 0 ? -exponent : exponent;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    *at++ = (char)('0' + size / 10); /* the range ends before three */
    *at++ = (char)('0' + size % 10);
    return at;
}

static char *s_plain(char *at, const char *digits, int count, int exponent)
{
    if (exponent < 0) {
        *at++ = '0';
        *at++ = '.';
        at = s_fill(at, -exponent - 1);
        return s_copy(at, digits, count);
    }
    int whole = exponent + 1;
    if (whole >= count)
        return s_fill(s_copy(at, digits, count), whole - count);
    at = s_copy(at, digits, whole);
    *at++ = '.';
    return s_copy(at, digits + whole, count - whole);
}

size_t proto_double_write(double value, char text[PROTO_DOUBLE_TEXT])
{
    s_decimal_t decimal;
    char digits[S_DIGITS + 3], *at = text;
    if (value == 0 || !s_shortest(fabs(value), &decimal))
        return s_print(value, text);
    if (value < 0)
        *at++ = '-';
    int count = s_digits(&decimal, digits), exponent = decimal.exponent + count - 1;
    bool scientific = exponent < -4 || exponent >= (count > S_LEAST_DIGITS ? count : S_LEAST_DIGITS);
    at = scientific ? s_scientific(at, digits, count, exponent) : s_plain(at, digits, count, exponent);
    *at = '\0';
    return (size_t)(at - text);
}
