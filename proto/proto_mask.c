/* SPDX-License-Identifier: MPL-2.0 */
/* Masking of secrets. Thread: any. */
#include "proto_mask.h"

#include <ctype.h>
#include <strings.h>

enum { S_NAME = 64 /* of a longer name the end is looked at */ };

static const char s_stars[] = "***";

static bool s_in_name(uint8_t c)
{
    return isalnum(c) || c == '_' || c == '-' || c == '.' || c == '%';
}

static int s_digit(uint8_t c)
{
    return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* The name that ends before `end`, in lower case, its percent-escapes decoded, without '-', '_' and '.'. */
static void s_name(proto_bytes_t text, size_t end, char name[S_NAME + 1])
{
    size_t at = end, size = 0;
    while (at > 0 && end - at < S_NAME && s_in_name(text.data[at - 1]))
        at--;
    while (at < end) {
        uint8_t c = text.data[at++];
        if (c == '%' && end - at >= 2 && s_digit(text.data[at]) >= 0 && s_digit(text.data[at + 1]) >= 0) {
            c = (uint8_t)(16 * s_digit(text.data[at]) + s_digit(text.data[at + 1]));
            at += 2;
        }
        if (isalnum(c))
            name[size++] = (char)tolower(c);
    }
    name[size] = '\0';
}

/* max_tokens counts, and a foreign key is none to a door: "token" and "key" only at the end. */
static bool s_is_secret(const char *name)
{
    static const char *const parts[] = {"password",   "passwd", "passphrase", "secret",   "authorization",
                                        "credential", "cookie", "signature",  "sessionid"};
    static const char *const ends[] = {"token", "pwd", "pass", "jwt", "apikey", "accesskey", "privatekey"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t length = strlen(ends[i]);
        if (size >= length && strcmp(name + size - length, ends[i]) == 0)
            return true;
    }
    return strcmp(name, "key") == 0;
}

/* Where the value that begins at `at` ends: at its quote, or before what cannot be in one. */
static size_t s_value_end(proto_bytes_t text, size_t at)
{
    uint8_t quote = 0;
    while (at < text.size && text.data[at] == ' ')
        at++;
    if (at < text.size && (text.data[at] == '"' || text.data[at] == '\''))
        quote = text.data[at++];
    for (; at < text.size; at++) {
        uint8_t c = text.data[at];
        if (quote && c == '\\' && at + 1 < text.size)
            at++;
        else if (quote ? c == quote : strchr("&; ,\"'#)}]\n\t", c) != NULL)
            break;
    }
    return at;
}

/* A name and its value: `password=x`, `"password": "x"`, `Authorization: x`. The end of the value when it is
 * a secret, else 0. `at` is where the '=' or ':' stands. */
static size_t s_pair(proto_bytes_t text, size_t at)
{
    char name[S_NAME + 1];
    size_t end = at;
    bool quoted = end > 0 && (text.data[end - 1] == '"' || text.data[end - 1] == '\'');
    end -= quoted;
    s_name(text, end, name);
    bool field = strcmp(name, "authorization") == 0 || strcmp(name, "cookie") == 0;
    if (!s_is_secret(name) || (text.data[at] == ':' && !quoted && !field))
        return 0;
    size_t value_end = s_value_end(text, at + 1);
    if (field && text.data[at] == ':') /* a field's value may have blanks */
        for (value_end = at + 1; value_end < text.size && text.data[value_end] != '\n'; value_end++)
            continue;
    return value_end;
}

static bool s_begins(proto_bytes_t text, size_t at, const char *words)
{
    size_t size = strlen(words);
    return text.size - at >= size && strncasecmp((const char *)text.data + at, words, size) == 0;
}

/* The end of a secret that begins at `at` by its own looks: behind Bearer or Basic, or a JSON Web Token. */
static size_t s_token(proto_bytes_t text, size_t at, size_t *begin)
{
    size_t end;
    bool first = at == 0 || !isalnum(text.data[at - 1]);
    *begin = at;
    if (first &&
        (s_begins(text, at, "bearer ") || s_begins(text, at, "bearer%20") || s_begins(text, at, "bearer+")))
        *begin += text.data[at + 6] == '%' ? 9 : 7;
    else if (first && s_begins(text, at, "basic "))
        *begin += 6;
    else if (!first || memcmp(text.data + at, "eyJ", text.size - at < 3 ? 0 : 3) != 0 || text.size - at < 16)
        return 0;
    for (end = *begin; end < text.size &&
                       (isalnum(text.data[end]) || strchr(*begin == at ? "-_." : "-_.+/=~", text.data[end]));
         end++)
        continue;
    return end - *begin >= (*begin == at ? 16 : 1) ? end : 0;
}

/* The end of the password of scheme://user:password@; `at` is where "://" stands. */
static size_t s_userinfo(proto_bytes_t text, size_t at, size_t *begin)
{
    *begin = 0;
    size_t last = 0;
    for (at += 3; at < text.size && !strchr("/ \"'?#\n\t", text.data[at]); at++) {
        if (text.data[at] == ':' && !*begin)
            *begin = at + 1;
        else if (text.data[at] == '@')
            last = at;
    }
    return *begin && last > *begin ? last : 0;
}

bool proto_mask_wanted(proto_bytes_t text)
{
    return memchr(text.data, '=', text.size) || memchr(text.data, ':', text.size) ||
           memmem(text.data, text.size, "eyJ", 3) || memmem(text.data, text.size, "earer", 5) ||
           memmem(text.data, text.size, "asic ", 5);
}

void proto_mask(proto_bytes_t text, proto_buf_t *out)
{
    for (size_t at = 0; at < text.size;) {
        uint8_t c = text.data[at];
        size_t begin = at + 1, end = 0;
        if (c == ':' && s_begins(text, at, "://"))
            end = s_userinfo(text, at, &begin);
        else if (c == '=' || c == ':')
            end = s_pair(text, at);
        else if (c == 'b' || c == 'B' || c == 'e')
            end = s_token(text, at, &begin);
        if (!end || end <= begin) {
            proto_buf_byte(out, c);
            at++;
            continue;
        }
        while (begin < end &&
               (text.data[begin] == ' ' || text.data[begin] == '"' || text.data[begin] == '\''))
            begin++;
        proto_buf_append(out, text.data + at, begin - at);
        proto_buf_string(out, s_stars);
        at = end;
    }
}
