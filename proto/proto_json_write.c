/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack to JSON: one pass with a small stack of open containers. Thread: any. */
#include "proto_json.h"

#include <math.h>

#include "proto_double.h"

/* Bytes that cannot stand in a JSON string as they are. */
static bool s_special(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Whether any of eight bytes is special or not ASCII: the usual tricks on a word, each lane's top bit as a
 * flag. */
static bool s_special_in_eight(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\';
    uint64_t found = (eight - ones * 0x20) | (quote - ones) | (slash - ones) | eight;
    return found & tops;
}

static void s_escape(proto_buf_t *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "btn?fr"; /* 0x08..0x0d */
    char text[6] = {'\\', (char)c};
    size_t size = 2;
    if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
        text[1] = names[c - 0x08];
    } else if (c < 0x20) {
        memcpy(text + 1, "u00", 3);
        text[4] = hex[c >> 4];
        text[5] = hex[c & 15];
        size = 6;
    }
    proto_buf_append(out, text, size);
}

/* Most strings: ASCII, and nothing to be escaped. `to` has room for text and quotes; false when it is none of
 * those. */
static bool s_plain_string(uint8_t *to, proto_bytes_t text)
{
    const uint8_t *at = text.data, *end = at + text.size;
    uint64_t eight;
    *to++ = '"';
    for (; end - at >= 8; at += 8, to += 8) {
        memcpy(&eight, at, 8);
        if (s_special_in_eight(eight))
            return false;
        memcpy(to, &eight, 8);
    }
    for (; at < end; at++) {
        if (s_special(*at) || *at >= 0x80)
            return false;
        *to++ = *at;
    }
    *to = '"';
    return true;
}

/* Any other. */
static int s_odd_string(proto_buf_t *out, proto_bytes_t text)
{
    if (!proto_utf8_valid(text))
        return -1;
    proto_buf_byte(out, '"');
    const uint8_t *at = text.data, *end = at + text.size, *from = at;
    for (; at < end; at++) {
        if (!s_special(*at))
            continue;
        proto_buf_append(out, from, (size_t)(at - from));
        s_escape(out, *at);
        from = at + 1;
    }
    proto_buf_append(out, from, (size_t)(at - from));
    proto_buf_byte(out, '"');
    return 0;
}

int proto_json_string(proto_buf_t *out, proto_bytes_t text)
{
    if (text.size && proto_buf_reserve(out, text.size + 2) == 0 &&
        s_plain_string(out->data + out->size, text)) {
        out->size += text.size + 2;
        return 0;
    }
    return s_odd_string(out, text);
}

static void s_unsigned(proto_buf_t *out, uint64_t value)
{
    uint8_t text[20];
    size_t at = sizeof text;
    do
        text[--at] = (uint8_t)('0' + value % 10);
    while (value /= 10);
    proto_buf_append(out, text + at, sizeof text - at);
}

static void s_integer(proto_buf_t *out, int64_t value)
{
    if (value < 0)
        proto_buf_byte(out, '-');
    s_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void s_float(proto_buf_t *out, double value)
{
    char text[PROTO_DOUBLE_TEXT];
    if (isnan(value) || isinf(value))
        proto_buf_string(out, isnan(value) ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    else
        proto_buf_append(out, text, proto_double_write(value, text));
}

/* Days since 1970 to a date (proleptic Gregorian), by counting 400-year eras that begin in March. */
static void s_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    *day = of_year - (153 * march_month + 2) / 5 + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

/* The number with so many digits, noughts in front; what follows it. */
static uint8_t *s_padded(uint8_t *to, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (uint8_t)('0' + value % 10);
    return to + digits;
}

static uint8_t *s_fraction(uint8_t *to, uint32_t nanoseconds)
{
    int digits = 9;
    while (digits > 1 && nanoseconds % 10 == 0) {
        nanoseconds /= 10;
        digits--;
    }
    *to++ = '.';
    return s_padded(to, nanoseconds, digits);
}

static uint8_t *s_day(uint8_t *to, int64_t days)
{
    int64_t year;
    unsigned month, day;
    s_civil(days, &year, &month, &day);
    to = s_padded(to, (unsigned)year, 4);
    *to++ = '-';
    to = s_padded(to, month, 2);
    *to++ = '-';
    return s_padded(to, day, 2);
}

static uint8_t *s_time(uint8_t *to, unsigned of_day)
{
    to = s_padded(to, of_day / 3600, 2);
    *to++ = ':';
    to = s_padded(to, of_day / 60 % 60, 2);
    *to++ = ':';
    return s_padded(to, of_day % 60, 2);
}

void proto_json_timestamp(proto_buf_t *out, int64_t seconds, uint32_t nanoseconds)
{
    /* 0000-01-01 and 9999-12-31: what four digits of a year can say. */
    if (seconds < INT64_C(-62167219200) || seconds > INT64_C(253402300799)) {
        s_integer(out, seconds);
        return;
    }
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    uint8_t text[sizeof "9999-12-31T23:59:59.123456789Z"];
    uint8_t *to = s_day(text, days);
    *to++ = 'T';
    to = s_time(to, (unsigned)rest);
    if (nanoseconds)
        to = s_fraction(to, nanoseconds);
    *to++ = 'Z';
    proto_buf_append(out, text, (size_t)(to - text));
}

static int s_scalar(proto_buf_t *out, const proto_value_t *value)
{
    switch (value->kind) {
    case PROTO_NIL:
        proto_buf_append(out, "null", 4);
        return 0;
    case PROTO_BOOL:
        proto_buf_string(out, value->boolean ? "true" : "false");
        return 0;
    case PROTO_INT:
        s_integer(out, value->integer);
        return 0;
    case PROTO_UINT:
        s_unsigned(out, value->unsigned_integer);
        return 0;
    case PROTO_FLOAT:
        s_float(out, value->number);
        return 0;
    case PROTO_STR:
        return proto_json_string(out, value->bytes);
    case PROTO_DECIMAL:
        proto_buf_append(out, value->bytes.data, value->bytes.size);
        return proto_decimal_valid(value->bytes) ? 0 : -1;
    case PROTO_TIMESTAMP:
        proto_buf_byte(out, '"');
        proto_json_timestamp(out, value->time.seconds, value->time.nanoseconds);
        proto_buf_byte(out, '"');
        return 0;
    default: /* BIN, EXT */
        proto_buf_byte(out, '"');
        proto_base64_encode(out, value->bytes);
        proto_buf_byte(out, '"');
        return 0;
    }
}

/* A map's key: JSON knows only strings, so integers become theirs; anything else is refused. */
static int s_key(proto_buf_t *out, const proto_value_t *key)
{
    if (key->kind == PROTO_STR)
        return proto_json_string(out, key->bytes);
    if (key->kind != PROTO_INT && key->kind != PROTO_UINT)
        return -1;
    proto_buf_byte(out, '"');
    int rc = s_scalar(out, key);
    proto_buf_byte(out, '"');
    return rc;
}

typedef struct s_level {
    uint32_t left; /* values still to come */
    bool map;
} s_level_t;

int proto_json_from_value(proto_bytes_t bytes, proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(bytes);
    s_level_t levels[PROTO_VALUE_DEPTH];
    uint32_t depth = 0;
    do {
        proto_value_t value;
        if (depth && levels[depth - 1].map) {
            if (proto_value_read(&reader, &value) < 0 || s_key(out, &value) < 0)
                return -1;
            proto_buf_byte(out, ':');
        }
        if (proto_value_read(&reader, &value) < 0)
            return -1;
        bool map = value.kind == PROTO_MAP;
        if (depth)
            levels[depth - 1].left--;
        if (map || value.kind == PROTO_ARRAY) {
            if (depth == PROTO_VALUE_DEPTH)
                return -1;
            proto_buf_byte(out, map ? '{' : '[');
            levels[depth++] = (s_level_t){value.count, map};
        } else if (s_scalar(out, &value) < 0) {
            return -1;
        }
        while (depth && levels[depth - 1].left == 0)
            proto_buf_byte(out, levels[--depth].map ? '}' : ']');
        if (depth && !((map || value.kind == PROTO_ARRAY) && value.count))
            proto_buf_byte(out, ',');
    } while (depth);
    return reader.at == reader.end && !out->failed ? 0 : -1;
}
