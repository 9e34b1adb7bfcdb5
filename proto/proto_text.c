/* SPDX-License-Identifier: MPL-2.0 */
/* Textual forms in JSON: base64 (RFC 4648 sections 4 and 5) and RFC 3339 times. Thread: any. */
#include "proto_json.h"

static const char s_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void proto_base64_encode(proto_buf_t *out, proto_bytes_t bytes)
{
    uint8_t *to = proto_buf_extend(out, (bytes.size + 2) / 3 * 4);
    for (size_t i = 0; to && i < bytes.size; i += 3, to += 4) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)bytes.data[i] << 16;
        if (left > 1)
            three |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            three |= bytes.data[i + 2];
        to[0] = (uint8_t)s_alphabet[three >> 18];
        to[1] = (uint8_t)s_alphabet[three >> 12 & 63];
        to[2] = left > 1 ? (uint8_t)s_alphabet[three >> 6 & 63] : '=';
        to[3] = left > 2 ? (uint8_t)s_alphabet[three & 63] : '=';
    }
}

static int s_sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int proto_base64_decode(proto_buf_t *out, proto_bytes_t text)
{
    if (text.size % 4)
        return -1;
    for (size_t i = 0; i < text.size; i += 4) {
        const uint8_t *at = text.data + i;
        bool last = i + 4 == text.size;
        int padding = !last || at[3] != '=' ? 0 : at[2] == '=' ? 2 : 1;
        uint32_t four = 0;
        for (int c = 0; c < 4 - padding; c++) {
            int sextet = s_sextet(at[c]);
            if (sextet < 0)
                return -1;
            four |= (uint32_t)sextet << (18 - 6 * c);
        }
        if (four & ((1u << 8 * padding) - 1)) /* bits that nobody would read: RFC 4648 section 3.5 */
            return -1;
        uint8_t bytes[] = {(uint8_t)(four >> 16), (uint8_t)(four >> 8), (uint8_t)four};
        proto_buf_append(out, bytes, (size_t)(3 - padding));
    }
    return out->failed ? -1 : 0;
}

void proto_base64url_encode(proto_buf_t *out, proto_bytes_t bytes)
{
    size_t from = out->size;
    proto_base64_encode(out, bytes);
    for (size_t i = from; i < out->size; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    if (out->size > from && bytes.size % 3)
        out->size -= 3 - bytes.size % 3;
}

static int s_sextet_url(uint8_t c)
{
    return c == '-' ? 62 : c == '_' ? 63 : c == '+' || c == '/' ? -1 : s_sextet(c);
}

int proto_base64url_decode(proto_buf_t *out, proto_bytes_t text)
{
    uint32_t bits = 0;
    int count = 0;
    if (text.size % 4 == 1)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        int sextet = s_sextet_url(text.data[i]);
        if (sextet < 0)
            return -1;
        bits = (bits << 6 | (uint32_t)sextet) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            proto_buf_byte(out, (uint8_t)(bits >> count));
        }
    }
    if (bits & ((1u << count) - 1)) /* bits that nobody would read: RFC 4648 section 3.5 */
        return -1;
    return out->failed ? -1 : 0;
}

/* `count` digits at *at as a number; false when there are fewer. */
static bool s_digits(const uint8_t **at, const uint8_t *end, int count, unsigned *number)
{
    *number = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (*at == end || **at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool s_char(const uint8_t **at, const uint8_t *end, const char *any)
{
    if (*at == end || !**at || !strchr(any, **at))
        return false;
    ++*at;
    return true;
}

static unsigned s_days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days since 1970 of a date, the inverse of what writing does. */
static int64_t s_days(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned of_era = (unsigned)(y - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static bool s_date(const uint8_t **at, const uint8_t *end, int64_t *days)
{
    unsigned year, month, day;
    if (!s_digits(at, end, 4, &year) || !s_char(at, end, "-") || !s_digits(at, end, 2, &month) ||
        !s_char(at, end, "-") || !s_digits(at, end, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > s_days_in(year, month))
        return false;
    *days = s_days(year, month, day);
    return true;
}

static bool s_fraction(const uint8_t **at, const uint8_t *end, uint32_t *nanoseconds)
{
    *nanoseconds = 0;
    if (!s_char(at, end, "."))
        return true;
    int digits = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && digits < 9; ++*at, digits++)
        *nanoseconds = *nanoseconds * 10 + (uint32_t)(**at - '0');
    if (digits == 0)
        return false;
    for (; digits < 9; digits++)
        *nanoseconds *= 10;
    return true;
}

/* "Z" or "+hh:mm", as seconds to subtract. */
static bool s_offset(const uint8_t **at, const uint8_t *end, int64_t *seconds)
{
    *seconds = 0;
    if (s_char(at, end, "Zz"))
        return true;
    bool west = *at < end && **at == '-';
    unsigned hours, minutes;
    if (!s_char(at, end, "+-") || !s_digits(at, end, 2, &hours) || !s_char(at, end, ":") ||
        !s_digits(at, end, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

int proto_json_timestamp_parse(proto_bytes_t text, int64_t *seconds, uint32_t *nanoseconds)
{
    const uint8_t *at = text.data, *end = at + text.size;
    int64_t days, offset;
    unsigned hour, minute, second;
    if (!s_date(&at, end, &days) || !s_char(&at, end, "Tt ") || !s_digits(&at, end, 2, &hour) ||
        !s_char(&at, end, ":") || !s_digits(&at, end, 2, &minute) || !s_char(&at, end, ":") ||
        !s_digits(&at, end, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return -1;
    if (!s_fraction(&at, end, nanoseconds) || !s_offset(&at, end, &offset) || at != end)
        return -1;
    *seconds = days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second) - offset;
    return 0;
}
