/* SPDX-License-Identifier: MPL-2.0 */
/* Reading SQL just far enough. Thread: any. */
#include "act_sqltext.h"

#include <ctype.h>
#include <strings.h>

typedef struct s_scan {
    proto_bytes_t text;
    size_t at;
    proto_buf_t *out;
    const act_sqltext_hooks_t *hooks;
    size_t line; /* in `out`, where the line under way begins */
    const char *why;
    uint64_t slices; /* a bit per open [, the innermost lowest: set in a subscript, where a colon cuts */
    bool escapes;    /* the last string was an E'' one, which goes on behind a newline */
} s_scan_t;

static uint8_t s_peek(const s_scan_t *self, size_t ahead)
{
    return self->at + ahead < self->text.size ? self->text.data[self->at + ahead] : 0;
}

static bool s_is_letter(uint8_t c)
{
    return isalpha(c) || c == '_' || c >= 0x80;
}

static bool s_is_word(uint8_t c)
{
    return s_is_letter(c) || isdigit(c) || c == '$';
}

static void s_copy(s_scan_t *self, size_t count)
{
    proto_buf_append(self->out, self->text.data + self->at, count);
    self->at += count;
}

static bool s_is_blank(uint8_t c)
{
    return c == ' ' || c == '\n';
}

/* The last byte of what was copied; 0 when there is none. */
static uint8_t s_last(const s_scan_t *self)
{
    return self->out->size ? self->out->data[self->out->size - 1] : 0;
}

/* One blank for a comment or a run of blanks keeps the statement readable in logs and pg_stat_statements.
 * Behind a string a newline stays one: it joins the string to the next. */
static void s_blank(s_scan_t *self, bool newline)
{
    proto_buf_t *out = self->out;
    if (newline && out->size > 1 && s_last(self) == ' ' && out->data[out->size - 2] == '\'')
        out->data[out->size - 1] = '\n';
    else if (out->size && !s_is_blank(s_last(self)))
        proto_buf_byte(out, newline && s_last(self) == '\'' ? '\n' : ' ');
}

/* Steps over a comment (block comments nest); false when it does not end. */
static bool s_comment(s_scan_t *self)
{
    if (s_peek(self, 0) == '-') {
        while (self->at < self->text.size && s_peek(self, 0) != '\n')
            self->at++;
        return true;
    }
    unsigned depth = 0;
    do {
        if (self->at >= self->text.size)
            return false;
        bool open = s_peek(self, 0) == '/' && s_peek(self, 1) == '*';
        bool close = s_peek(self, 0) == '*' && s_peek(self, 1) == '/';
        depth += open;
        depth -= close;
        self->at += open || close ? 2 : 1;
    } while (depth);
    return true;
}

/* Copies a quoted run; a doubled quote, and with `escapes` one behind a backslash, does not end it. */
static bool s_quoted(s_scan_t *self, uint8_t quote, bool escapes)
{
    s_copy(self, 1);
    while (self->at < self->text.size) {
        uint8_t c = s_peek(self, 0);
        if (c == quote && s_peek(self, 1) != quote) {
            s_copy(self, 1);
            return true;
        }
        bool pair = c == quote || (escapes && c == '\\');
        s_copy(self, pair && self->at + 1 < self->text.size ? 2 : 1);
    }
    return false;
}

/* Bytes of the dollar quote's tag that begins here, both $ included; 0 when there is none. */
static size_t s_dollar_tag(const s_scan_t *self)
{
    size_t size = 1;
    if (isdigit(s_peek(self, 1)))
        return 0;
    while (s_is_word(s_peek(self, size)) && s_peek(self, size) != '$')
        size++;
    return s_peek(self, size) == '$' ? size + 1 : 0;
}

static bool s_dollar_quoted(s_scan_t *self, size_t tag)
{
    const uint8_t *from = self->text.data + self->at;
    size_t left = self->text.size - self->at;
    const uint8_t *end = memmem(from + tag, left - tag, from, tag);
    if (!end)
        return false;
    s_copy(self, (size_t)(end - from) + tag);
    return true;
}

/* A whole word; returns whether it is the E of an escape string. */
static bool s_word(s_scan_t *self)
{
    size_t from = self->at;
    while (s_is_word(s_peek(self, 0)))
        self->at++;
    size_t size = self->at - from;
    self->at = from;
    bool escapes = size == 1 && (s_peek(self, 0) | 0x20) == 'e' && s_peek(self, 1) == '\'';
    s_copy(self, size);
    return escapes;
}

/* Whether the colon here stands between the bounds of a slice: in a subscript, right behind its [ or a bound.
 */
static bool s_slice(const s_scan_t *self)
{
    uint8_t before = self->at ? self->text.data[self->at - 1] : 0;
    return (self->slices & 1) && before && (s_is_word(before) || strchr(")]['\"", before));
}

/* Whether the [ here opens an ARRAY[...] or a row of one: what it holds are items, not subscripts. */
static bool s_constructor(const s_scan_t *self)
{
    const proto_buf_t *out = self->out;
    size_t size = out->size;
    while (size && s_is_blank(out->data[size - 1]))
        size--;
    if (size && (out->data[size - 1] == '[' || out->data[size - 1] == ','))
        return true;
    return size >= 5 && strncasecmp((const char *)out->data + size - 5, "array", 5) == 0 &&
           (size == 5 || !s_is_word(out->data[size - 6]));
}

static int s_param(s_scan_t *self)
{
    size_t size = 1;
    while (s_is_word(s_peek(self, size)) ||
           (s_peek(self, size) == '.' && s_is_letter(s_peek(self, size + 1))))
        size++;
    if (s_is_word(s_last(self)))
        s_blank(self, false); /* or the $ would belong to that word */
    proto_bytes_t name = {self->text.data + self->at + 1, size - 1};
    int rc = self->hooks->param(self->hooks->arg, name, self->at, self->out);
    self->at += size;
    return rc;
}

/* One token that is neither blank nor comment. -1 with self->why. */
static int s_token(s_scan_t *self)
{
    uint8_t c = s_peek(self, 0);
    size_t tag;
    bool goes_on = self->escapes && c == '\'' && s_last(self) == '\n';
    self->escapes = goes_on;
    if (c == '\'' || c == '"') {
        self->why = c == '"' ? "a quoted name does not end" : "a string does not end";
        return s_quoted(self, c, goes_on) ? 0 : -1;
    }
    if (c == '$' && (tag = s_dollar_tag(self))) {
        self->why = "a dollar-quoted string does not end";
        return s_dollar_quoted(self, tag) ? 0 : -1;
    }
    if (c == '$') {
        self->why = "parameters are written :name, not $1";
        return -1;
    }
    if (s_is_word(c)) {
        self->why = "a string does not end";
        self->escapes = s_word(self);
        return self->escapes && !s_quoted(self, '\'', true) ? -1 : 0;
    }
    if (c == ':' && s_peek(self, 1) == ':') {
        s_copy(self, 2);
        return 0;
    }
    if (c == ':' && s_is_letter(s_peek(self, 1)) && !s_slice(self)) {
        self->why = NULL; /* the callback has told */
        return s_param(self);
    }
    if (c == '[')
        self->slices = self->slices << 1 | !s_constructor(self);
    else if (c == ']')
        self->slices >>= 1;
    s_copy(self, 1);
    return 0;
}

/* A comment; "--? name" makes the line before it conditional. -1 with self->why. */
static int s_take_comment(s_scan_t *self)
{
    size_t from = self->at;
    self->why = "a comment does not end";
    if (!s_comment(self))
        return -1;
    if (memchr(self->text.data + from, '\n', self->at - from)) { /* what follows stands on another line */
        s_blank(self, false);
        self->line = self->out->size;
    }
    if (self->at - from < 3 || memcmp(self->text.data + from, "--?", 3) != 0)
        return 0;
    proto_bytes_t name = {self->text.data + from + 3, self->at - from - 3};
    while (name.size && isspace(name.data[0])) {
        name.data++;
        name.size--;
    }
    while (name.size && isspace(name.data[name.size - 1]))
        name.size--;
    self->why = "nothing stands before --?";
    if (self->out->size == self->line)
        return -1;
    self->why = NULL; /* the callback tells */
    return self->hooks->condition(self->hooks->arg, name, from, self->line, self->out->size);
}

int act_sqltext_cut(proto_bytes_t text, const act_sqltext_hooks_t *hooks, proto_buf_t *out, size_t *used,
                    const char **why)
{
    s_scan_t scan = {.text = text, .out = out, .hooks = hooks};
    int rc = 0;
    while (scan.at < text.size && rc == 0) {
        uint8_t c = s_peek(&scan, 0);
        bool comment = (c == '-' && s_peek(&scan, 1) == '-') || (c == '/' && s_peek(&scan, 1) == '*');
        *used = scan.at;
        if (isspace(c)) {
            scan.at++;
            s_blank(&scan, c == '\n' || c == '\r');
            scan.line = c == '\n' ? out->size : scan.line;
        } else if (comment) {
            rc = s_take_comment(&scan);
            s_blank(&scan, false);
        } else if (c == ';') {
            scan.at++;
            rc = 1;
        } else {
            rc = s_token(&scan);
        }
    }
    while (out->size && s_is_blank(out->data[out->size - 1]))
        out->size--;
    if (rc == 0 && out->size) {
        scan.why = "the statement does not end with ;";
        rc = -1;
    }
    if (rc >= 0)
        *used = scan.at;
    *why = scan.why;
    return rc == 1 && out->size == 0 ? 0 : rc;
}

size_t act_sqltext_comment(proto_bytes_t text)
{
    s_scan_t scan = {.text = text};
    bool block = s_peek(&scan, 0) == '/' && s_peek(&scan, 1) == '*';
    return block && s_comment(&scan) ? scan.at : 0;
}

bool act_sqltext_allowed(const char *sql)
{
    static const char *const words[] = {"select", "insert", "update", "delete",
                                        "merge",  "with",   "values", "table"};
    while (*sql == '(' || *sql == ' ')
        sql++;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if (strncasecmp(sql, words[i], size) == 0 && !s_is_word((uint8_t)sql[size]))
            return true;
    }
    return false;
}
