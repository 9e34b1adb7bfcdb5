/* SPDX-License-Identifier: MPL-2.0 */
/* JSON to MessagePack: one pass over the text with a small stack of open containers. Thread: any. */
#include "proto_json.h"

enum {
    S_NUMBER_CHARS = 1000, /* longest number */
    S_PLAIN_KEYS = 16      /* objects with more members get a table of their keys */
};

/* An open container. Its members are written behind `place`. */
typedef struct s_level {
    size_t place;
    uint32_t count; /* items or pairs so far */
    bool map;
} s_level_t;

typedef struct s_parser {
    const uint8_t *start, *at, *end;
    proto_buf_t *out;
    const proto_json_options_t *options;
    proto_json_error_t *error;
    uint32_t depth; /* open containers */
    s_level_t levels[PROTO_VALUE_DEPTH];
} s_parser_t;

static int s_fail(s_parser_t *self, const char *reason)
{
    *self->error = (proto_json_error_t){(size_t)(self->at - self->start), reason};
    return -1;
}

static void s_blanks(s_parser_t *self)
{
    while (self->at < self->end &&
           (*self->at == ' ' || *self->at == '\n' || *self->at == '\r' || *self->at == '\t'))
        self->at++;
}

static int s_hex4(s_parser_t *self, uint32_t *unit)
{
    if (self->end - self->at < 4)
        return s_fail(self, "an escape is cut short");
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = self->at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return s_fail(self, "\\u needs four hexadecimal digits");
        *unit = *unit << 4 | digit;
    }
    self->at += 4;
    return 0;
}

static void s_put_utf8(proto_buf_t *out, uint32_t c)
{
    if (c < 0x80) {
        proto_buf_byte(out, (uint8_t)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    proto_buf_byte(out, (uint8_t)(heads[more] | c >> 6 * more));
    while (more-- > 0)
        proto_buf_byte(out, (uint8_t)(0x80 | (c >> 6 * more & 0x3f)));
}

/* \uXXXX, where a high surrogate must be followed by a low one (RFC 8259 section 7). */
static int s_unicode_escape(s_parser_t *self)
{
    uint32_t high, low;
    if (s_hex4(self, &high) < 0)
        return -1;
    if (high >= 0xdc00 && high <= 0xdfff)
        return s_fail(self, "a low surrogate stands alone");
    if (high >= 0xd800 && high <= 0xdbff) {
        if (self->end - self->at < 2 || self->at[0] != '\\' || self->at[1] != 'u')
            return s_fail(self, "a high surrogate stands alone");
        self->at += 2;
        if (s_hex4(self, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return s_fail(self, "a high surrogate stands alone");
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    if (high == 0 && self->options->refuse_nul)
        return s_fail(self, "a string holds NUL");
    s_put_utf8(self->out, high);
    return 0;
}

static int s_escape(s_parser_t *self)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (self->at == self->end)
        return s_fail(self, "a string is not closed");
    uint8_t c = *self->at++;
    if (c == 'u')
        return s_unicode_escape(self);
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        self->at--;
        return s_fail(self, "an escape is unknown");
    }
    proto_buf_byte(self->out, (uint8_t)to[found - from]);
    return 0;
}

/* The bytes up to the next quote, backslash or control character. */
static size_t s_plain_run(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
        at++;
    return (size_t)(at - from);
}

static int s_string_body(s_parser_t *self)
{
    for (;;) {
        proto_bytes_t run = {self->at, s_plain_run(self->at, self->end)};
        if (!proto_utf8_valid(run))
            return s_fail(self, "a string is not UTF-8");
        proto_buf_append(self->out, run.data, run.size);
        self->at += run.size;
        if (self->at == self->end)
            return s_fail(self, "a string is not closed");
        uint8_t c = *self->at;
        if (c < 0x20)
            return s_fail(self, "a control character in a string must be escaped");
        self->at++;
        if (c == '"')
            return 0;
        if (s_escape(self) < 0)
            return -1;
    }
}

/* A string behind its opening quote. Its length is known at the end only: the commonest head, of one byte, is
 * left room for, and what turns out longer is moved. */
static int s_string(s_parser_t *self)
{
    proto_buf_t *out = self->out;
    size_t place = out->size;
    proto_buf_byte(out, 0xa0);
    if (s_string_body(self) < 0)
        return -1;
    if (out->failed)
        return s_fail(self, "the text is too large");
    size_t size = out->size - place - 1;
    if (size < 32) {
        out->data[place] = (uint8_t)(0xa0 | size);
        return 0;
    }
    size_t head = size <= UINT8_MAX ? 2 : size <= UINT16_MAX ? 3 : 5;
    if (!proto_buf_extend(out, head - 1))
        return s_fail(self, "the text is too large");
    uint8_t *at = out->data + place;
    memmove(at + head, at + 1, size);
    at[0] = head == 2 ? 0xd9 : head == 3 ? 0xda : 0xdb;
    for (size_t i = 1; i < head; i++)
        at[i] = (uint8_t)(size >> 8 * (head - 1 - i));
    return 0;
}

/* An integer that fits 64 bits, else the decimal text itself. "-0" is kept as text: integers have no such
 * zero. */
static int s_number(s_parser_t *self)
{
    const uint8_t *from = self->at;
    bool whole = true;
    while (self->at < self->end && ((*self->at >= '0' && *self->at <= '9') || *self->at == '-' ||
                                    *self->at == '+' || *self->at == '.' || (*self->at | 0x20) == 'e')) {
        whole = whole && (*self->at >= '0' || (*self->at == '-' && self->at == from)) && *self->at <= '9';
        self->at++;
    }
    proto_bytes_t text = {from, (size_t)(self->at - from)};
    if (text.size > S_NUMBER_CHARS || !proto_decimal_valid(text)) {
        self->at = from;
        return s_fail(self, text.size > S_NUMBER_CHARS ? "a number is too long" : "a number is malformed");
    }
    bool negative = *from == '-';
    uint64_t value = 0;
    for (size_t i = negative; whole && i < text.size; i++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, from[i] - '0', &value))
            whole = false;
    if (whole && !negative)
        proto_write_uint(self->out, value);
    else if (whole && value > 0 && value <= (uint64_t)1 << 63)
        proto_write_int(self->out, (int64_t)(0 - value));
    else
        proto_write_decimal(self->out, text);
    return 0;
}

static int s_word(s_parser_t *self, const char *word, uint8_t format)
{
    size_t size = strlen(word);
    if ((size_t)(self->end - self->at) < size || memcmp(self->at, word, size) != 0)
        return s_fail(self, "a value is expected");
    self->at += size;
    proto_buf_byte(self->out, format);
    return 0;
}

/* Containers are opened with a head of one byte and widened at the end when they hold more than fifteen. */
static int s_open(s_parser_t *self, bool map)
{
    uint32_t most = self->options->depth ? self->options->depth : PROTO_VALUE_DEPTH;
    if (self->depth >= most || self->depth >= PROTO_VALUE_DEPTH)
        return s_fail(self, "it is nested too deep");
    self->at++;
    self->levels[self->depth++] = (s_level_t){self->out->size, 0, map};
    proto_buf_byte(self->out, map ? 0x80 : 0x90);
    return 0;
}

static proto_bytes_t s_key_at(proto_reader_t *reader)
{
    proto_value_t key = {0};
    proto_bytes_t value = {0};
    int rc = proto_value_read(reader, &key);
    PROTO_ASSERT(rc == 0 && key.kind == PROTO_STR); /* we wrote it ourselves */
    rc = proto_value_skip(reader, &value);
    PROTO_ASSERT(rc == 0);
    return key.bytes;
}

/* Whether two of the keys, in a table of `slots` (a power of two, zeroed) references, are the same. Open
 * addressing; the seed makes crafted collisions useless because it differs with the address of the buffer. */
static bool s_doubled(const proto_bytes_t *keys, uint32_t count, uint32_t *table, uint32_t slots)
{
    uint64_t seed = 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)table;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = seed;
        for (size_t c = 0; c < keys[i].size; c++)
            hash = (hash ^ keys[i].data[c]) * 0xff51afd7ed558ccdu, hash ^= hash >> 32;
        uint32_t slot = (uint32_t)hash & (slots - 1);
        for (; table[slot]; slot = (slot + 1) & (slots - 1))
            if (proto_bytes_equal(keys[table[slot] - 1], keys[i]))
                return true;
        table[slot] = i + 1;
    }
    return false;
}

static bool s_has_doubled_key(const proto_buf_t *out, const s_level_t *level)
{
    proto_reader_t reader = {out->data + level->place + 1, out->data + out->size};
    if (level->count <= S_PLAIN_KEYS) {
        proto_bytes_t keys[S_PLAIN_KEYS];
        for (uint32_t i = 0; i < level->count; i++) {
            keys[i] = s_key_at(&reader);
            for (uint32_t k = 0; k < i; k++)
                if (proto_bytes_equal(keys[k], keys[i]))
                    return true;
        }
        return false;
    }
    uint32_t slots = 64;
    while (slots < level->count * 2)
        slots *= 2;
    proto_buf_t memory = PROTO_BUF_INIT;
    uint8_t *room =
        proto_buf_extend(&memory, level->count * sizeof(proto_bytes_t) + slots * sizeof(uint32_t));
    bool doubled = true; /* what cannot be judged is refused */
    if (room) {
        proto_bytes_t *keys = (proto_bytes_t *)(void *)room;
        uint32_t *table = (uint32_t *)(void *)(room + level->count * sizeof *keys);
        memset(table, 0, slots * sizeof *table);
        for (uint32_t i = 0; i < level->count; i++)
            keys[i] = s_key_at(&reader);
        doubled = s_doubled(keys, level->count, table, slots);
    }
    proto_buf_free(&memory);
    return doubled;
}

static int s_close(s_parser_t *self)
{
    s_level_t *level = &self->levels[--self->depth];
    proto_buf_t *out = self->out;
    if (out->failed)
        return s_fail(self, "the text is too large");
    if (level->map && level->count > 1 && s_has_doubled_key(out, level))
        return s_fail(self, "an object has the same key twice");
    self->at++;
    if (level->count < 16) {
        out->data[level->place] |= (uint8_t)level->count;
        return 0;
    }
    size_t more = level->count <= UINT16_MAX ? 2 : 4, size = out->size - level->place - 1;
    if (!proto_buf_extend(out, more))
        return s_fail(self, "the text is too large");
    uint8_t *at = out->data + level->place;
    memmove(at + 1 + more, at + 1, size);
    at[0] = (uint8_t)((level->map ? 0xde : 0xdc) + (more == 4));
    for (size_t i = 1; i <= more; i++)
        at[i] = (uint8_t)(level->count >> 8 * (more - i));
    return 0;
}

/* A scalar, or the opening of a container; *opened tells. */
static int s_value(s_parser_t *self, bool *opened)
{
    *opened = false;
    if (self->at == self->end)
        return s_fail(self, "it ends too early");
    switch (*self->at) {
    case '{':
    case '[':
        *opened = true;
        return s_open(self, *self->at == '{');
    case '"':
        self->at++;
        return s_string(self);
    case 't':
        return s_word(self, "true", 0xc3);
    case 'f':
        return s_word(self, "false", 0xc2);
    case 'n':
        return s_word(self, "null", 0xc0);
    default:
        if (*self->at != '-' && (*self->at < '0' || *self->at > '9'))
            return s_fail(self, "a value is expected");
        return s_number(self);
    }
}

static int s_key(s_parser_t *self)
{
    if (self->at == self->end || *self->at != '"')
        return s_fail(self, "a key in quotes is expected");
    self->at++;
    if (s_string(self) < 0)
        return -1;
    s_blanks(self);
    if (self->at == self->end || *self->at != ':')
        return s_fail(self, "a colon is expected");
    self->at++;
    s_blanks(self);
    return 0;
}

/* Behind a finished value: closes what ends here, until another value is due (1) or all is done (0). */
static int s_after(s_parser_t *self)
{
    while (self->depth) {
        s_level_t *level = &self->levels[self->depth - 1];
        uint8_t close = level->map ? '}' : ']';
        level->count++;
        s_blanks(self);
        if (self->at == self->end)
            return s_fail(self, "it ends too early");
        if (*self->at == ',') {
            self->at++;
            s_blanks(self);
            return level->map && s_key(self) < 0 ? -1 : 1;
        }
        if (*self->at != close)
            return s_fail(self, level->map ? "a comma or } is expected" : "a comma or ] is expected");
        if (s_close(self) < 0)
            return -1;
    }
    return 0;
}

/* Behind the opening of a container: an empty one is a finished value (0), else its first value is due (1).
 */
static int s_begin(s_parser_t *self)
{
    s_level_t *level = &self->levels[self->depth - 1];
    s_blanks(self);
    if (self->at < self->end && *self->at == (level->map ? '}' : ']'))
        return s_close(self);
    return level->map && s_key(self) < 0 ? -1 : 1;
}

int proto_json_to_value(proto_bytes_t json, const proto_json_options_t *options, proto_buf_t *out,
                        proto_json_error_t *error)
{
    s_parser_t self = {.start = json.data,
                       .at = json.data,
                       .end = json.data + json.size,
                       .out = out,
                       .options = options,
                       .error = error};
    s_blanks(&self);
    for (int more = 1; more;) {
        bool opened;
        if (s_value(&self, &opened) < 0)
            return -1;
        more = opened ? s_begin(&self) : 0;
        if (more == 0)
            more = s_after(&self);
        if (more < 0)
            return -1;
    }
    s_blanks(&self);
    if (self.at != self.end)
        return s_fail(&self, "something follows the value");
    return out->failed ? s_fail(&self, "the text is too large") : 0;
}
