/* SPDX-License-Identifier: MPL-2.0 */
/* The written forms of dates, times and UUIDs. Thread: any. */
#include "proto_param_form.h"

/* Reads exactly `count` digits at *at. */
static int s_digits(proto_bytes_t text, size_t *at, size_t count, unsigned *number)
{
    *number = 0;
    if (text.size - *at < count)
        return -1;
    for (size_t i = 0; i < count; i++, ++*at) {
        uint8_t c = text.data[*at];
        if (c < '0' || c > '9')
            return -1;
        *number = *number * 10 + (unsigned)(c - '0');
    }
    return 0;
}

static bool s_char(proto_bytes_t text, size_t *at, char c)
{
    if (*at >= text.size || text.data[*at] != (uint8_t)c)
        return false;
    ++*at;
    return true;
}

static bool s_date(proto_bytes_t text, size_t *at)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (s_digits(text, at, 4, &year) < 0 || !s_char(text, at, '-') || s_digits(text, at, 2, &month) < 0 ||
        !s_char(text, at, '-') || s_digits(text, at, 2, &day) < 0)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

/* HH:MM, then optionally :SS and a fraction of up to six digits. */
static bool s_time(proto_bytes_t text, size_t *at)
{
    unsigned hour, minute, second = 0, digit;
    if (s_digits(text, at, 2, &hour) < 0 || !s_char(text, at, ':') || s_digits(text, at, 2, &minute) < 0)
        return false;
    if (s_char(text, at, ':')) {
        if (s_digits(text, at, 2, &second) < 0)
            return false;
        if (s_char(text, at, '.')) {
            size_t from = *at;
            while (s_digits(text, at, 1, &digit) == 0)
                continue;
            if (*at == from || *at - from > 6)
                return false;
        }
    }
    return minute < 60 && second < 60 && (hour < 24 || (hour == 24 && minute == 0 && second == 0));
}

static bool s_infinite(proto_bytes_t text)
{
    return proto_bytes_is(text, "infinity") || proto_bytes_is(text, "-infinity");
}

bool proto_form_date(proto_bytes_t text)
{
    size_t at = 0;
    return s_infinite(text) || (s_date(text, &at) && at == text.size);
}

bool proto_form_time(proto_bytes_t text)
{
    size_t at = 0;
    return s_time(text, &at) && at == text.size;
}

bool proto_form_timestamp(proto_bytes_t text)
{
    size_t at = 0;
    if (s_infinite(text))
        return true;
    if (!s_date(text, &at))
        return false;
    if (at == text.size)
        return true;
    return (s_char(text, &at, 'T') || s_char(text, &at, ' ')) && s_time(text, &at) && at == text.size;
}

bool proto_form_uuid(proto_bytes_t text)
{
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        uint8_t c = text.data[i], lower = c | 0x20;
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}
