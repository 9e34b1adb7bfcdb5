/* SPDX-License-Identifier: MPL-2.0 */
/* The MessagePack reader: a cursor that takes every form of the specification, also the longer ones that our
 * own writer never chooses. What it reads came from a peer, so nothing is believed before it is measured
 * against the bytes that are there. A core: no I/O. Thread: the owner's. */
#include "proto_value.h"

static inline size_t s_left(const proto_reader_t *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* The big-endian number of 1, 2, 4 or 8 bytes at `at`. */
static inline uint64_t s_big_endian(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

/* Reads the number of `size` bytes behind the head byte; does not move the reader. */
static inline int s_number(const proto_reader_t *reader, size_t size, uint64_t *number)
{
    if (s_left(reader) < 1 + size)
        return -1;
    *number = s_big_endian(reader->at + 1, size);
    return 0;
}

/* Takes `size` payload bytes that begin `head` bytes from here. */
static inline int s_payload(proto_reader_t *reader, size_t head, uint64_t size, proto_bytes_t *bytes)
{
    if (s_left(reader) < head || size > s_left(reader) - head)
        return -1;
    *bytes = (proto_bytes_t){reader->at + head, (size_t)size};
    reader->at += head + size;
    return 0;
}

static int s_read_blob(proto_reader_t *reader, proto_value_t *value, proto_kind_t kind, size_t width)
{
    uint64_t size;
    value->kind = kind;
    return s_number(reader, width, &size) < 0 ? -1 : s_payload(reader, 1 + width, size, &value->bytes);
}

/* Every item takes at least one byte: a count beyond the bytes that are left is a lie, and refusing it here
 * is what lets callers loop up to `count` without a thought. */
static inline int s_read_container(proto_reader_t *reader, proto_value_t *value, proto_kind_t kind,
                                   size_t head, uint64_t count)
{
    uint64_t items = kind == PROTO_MAP ? count * 2 : count;
    if (s_left(reader) < head || items > s_left(reader) - head)
        return -1;
    value->kind = kind;
    value->count = (uint32_t)count;
    reader->at += head;
    return 0;
}

static int s_read_counted(proto_reader_t *reader, proto_value_t *value, proto_kind_t kind, size_t width)
{
    uint64_t count;
    if (s_number(reader, width, &count) < 0)
        return -1;
    return s_read_container(reader, value, kind, 1 + width, count);
}

static int s_read_unsigned(proto_reader_t *reader, proto_value_t *value, size_t width)
{
    uint64_t number;
    if (s_number(reader, width, &number) < 0)
        return -1;
    if (number > INT64_MAX) {
        value->kind = PROTO_UINT;
        value->unsigned_integer = number;
    } else {
        value->kind = PROTO_INT;
        value->integer = (int64_t)number;
    }
    reader->at += 1 + width;
    return 0;
}

static int s_read_signed(proto_reader_t *reader, proto_value_t *value, size_t width)
{
    uint64_t number;
    if (s_number(reader, width, &number) < 0)
        return -1;
    /* Moves the sign bit to the top and back again, which drags it over the bytes that were not sent. */
    unsigned shift = 64 - 8 * (unsigned)width;
    value->kind = PROTO_INT;
    value->integer = (int64_t)(number << shift) >> shift;
    reader->at += 1 + width;
    return 0;
}

static int s_read_float(proto_reader_t *reader, proto_value_t *value, size_t width)
{
    uint64_t number;
    if (s_number(reader, width, &number) < 0)
        return -1;
    value->kind = PROTO_FLOAT;
    if (width == 4) {
        uint32_t bits = (uint32_t)number;
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        value->number = (double)narrow;
    } else {
        memcpy(&value->number, &number, sizeof value->number);
    }
    reader->at += 1 + width;
    return 0;
}

/* The three forms of the specification: seconds in 32 bits, 30 + 34 bits, 32 + 64 bits. */
static int s_timestamp(proto_bytes_t payload, proto_value_t *value)
{
    int64_t seconds;
    uint64_t nanoseconds = 0;
    if (payload.size == 4) {
        seconds = (int64_t)s_big_endian(payload.data, 4);
    } else if (payload.size == 8) {
        uint64_t both = s_big_endian(payload.data, 8);
        nanoseconds = both >> 34;
        seconds = (int64_t)(both & 0x3ffffffff);
    } else if (payload.size == 12) {
        nanoseconds = s_big_endian(payload.data, 4);
        seconds = (int64_t)s_big_endian(payload.data + 4, 8);
    } else {
        return -1;
    }
    if (nanoseconds > 999999999)
        return -1;
    value->kind = PROTO_TIMESTAMP;
    value->time.seconds = seconds;
    value->time.nanoseconds = (uint32_t)nanoseconds;
    return 0;
}

/* `head` bytes, the type's included, precede the payload. */
static int s_read_ext(proto_reader_t *reader, proto_value_t *value, size_t head, uint64_t size)
{
    proto_reader_t ahead = *reader;
    proto_bytes_t payload;
    if (s_payload(&ahead, head, size, &payload) < 0)
        return -1;
    int8_t type = (int8_t)reader->at[head - 1];
    if (type == PROTO_EXT_TIMESTAMP) {
        if (s_timestamp(payload, value) < 0)
            return -1;
    } else {
        value->kind = type == PROTO_EXT_DECIMAL ? PROTO_DECIMAL : PROTO_EXT;
        value->ext_type = type;
        value->bytes = payload;
    }
    *reader = ahead;
    return 0;
}

static int s_read_sized_ext(proto_reader_t *reader, proto_value_t *value, size_t width)
{
    uint64_t size;
    return s_number(reader, width, &size) < 0 ? -1 : s_read_ext(reader, value, 2 + width, size);
}

static int s_read_single(proto_reader_t *reader, proto_value_t *value, proto_kind_t kind, bool boolean)
{
    value->kind = kind;
    value->boolean = boolean;
    reader->at++;
    return 0;
}

/* The forms whose head byte (0xc0..0xdf) holds no data of its own. */
static int s_read_plain(proto_reader_t *reader, proto_value_t *value, uint8_t head)
{
    switch (head) {
    case 0xc0:
        return s_read_single(reader, value, PROTO_NIL, false);
    case 0xc2 ... 0xc3:
        return s_read_single(reader, value, PROTO_BOOL, head == 0xc3);
    case 0xc4 ... 0xc6:
        return s_read_blob(reader, value, PROTO_BIN, (size_t)1 << (head - 0xc4));
    case 0xc7 ... 0xc9:
        return s_read_sized_ext(reader, value, (size_t)1 << (head - 0xc7));
    case 0xca ... 0xcb:
        return s_read_float(reader, value, (size_t)4 << (head - 0xca));
    case 0xcc ... 0xcf:
        return s_read_unsigned(reader, value, (size_t)1 << (head - 0xcc));
    case 0xd0 ... 0xd3:
        return s_read_signed(reader, value, (size_t)1 << (head - 0xd0));
    case 0xd4 ... 0xd8:
        return s_read_ext(reader, value, 2, (uint64_t)1 << (head - 0xd4));
    case 0xd9 ... 0xdb:
        return s_read_blob(reader, value, PROTO_STR, (size_t)1 << (head - 0xd9));
    case 0xdc ... 0xdd:
        return s_read_counted(reader, value, PROTO_ARRAY, (size_t)2 << (head - 0xdc));
    case 0xde ... 0xdf:
        return s_read_counted(reader, value, PROTO_MAP, (size_t)2 << (head - 0xde));
    default: /* 0xc1, which the specification never uses */
        return -1;
    }
}

int proto_value_read(proto_reader_t *reader, proto_value_t *value)
{
    if (reader->at == reader->end)
        return -1;
    uint8_t head = *reader->at;
    if (head < 0x80 || head >= 0xe0) {
        value->kind = PROTO_INT;
        value->integer = (int8_t)head;
        reader->at++;
        return 0;
    }
    if (head >= 0xc0)
        return s_read_plain(reader, value, head);
    if (head >= 0xa0) {
        value->kind = PROTO_STR;
        return s_payload(reader, 1, head & 0x1f, &value->bytes);
    }
    return s_read_container(reader, value, head < 0x90 ? PROTO_MAP : PROTO_ARRAY, 1, head & 0xf);
}

/* What the format alone does not promise. */
static bool s_sound(const proto_value_t *value)
{
    if (value->kind == PROTO_STR)
        return proto_utf8_valid(value->bytes);
    return value->kind != PROTO_DECIMAL || proto_decimal_valid(value->bytes);
}

/* Steps over one value. Not recursive: a peer decides how deep it is. */
static int s_walk(proto_reader_t *reader, bool strict)
{
    uint64_t inside[PROTO_VALUE_DEPTH]; /* values still to come in each open container */
    unsigned depth = 0;
    for (;;) {
        proto_value_t value;
        if (proto_value_read(reader, &value) < 0 || (strict && !s_sound(&value)))
            return -1;
        if (value.kind == PROTO_ARRAY || value.kind == PROTO_MAP) {
            if (depth == PROTO_VALUE_DEPTH)
                return -1;
            inside[depth++] = value.kind == PROTO_MAP ? (uint64_t)value.count * 2 : value.count;
        }
        while (depth > 0 && inside[depth - 1] == 0)
            depth--;
        if (depth == 0)
            return 0;
        inside[depth - 1]--;
    }
}

int proto_value_skip(proto_reader_t *reader, proto_bytes_t *bytes)
{
    proto_reader_t ahead = *reader;
    if (s_walk(&ahead, false) < 0)
        return -1;
    *bytes = (proto_bytes_t){reader->at, (size_t)(ahead.at - reader->at)};
    *reader = ahead;
    return 0;
}

int proto_value_check(proto_bytes_t bytes)
{
    proto_reader_t reader = proto_reader(bytes);
    return s_walk(&reader, true) == 0 && reader.at == reader.end ? 0 : -1;
}

/* Steps over a key; true when it is the text `wanted`. */
static bool s_key_is(proto_reader_t *reader, proto_bytes_t wanted, bool *broken)
{
    proto_reader_t ahead = *reader;
    proto_bytes_t whole;
    proto_value_t key;
    *broken = proto_value_skip(reader, &whole) < 0 || proto_value_read(&ahead, &key) < 0;
    return !*broken && key.kind == PROTO_STR && proto_bytes_equal(key.bytes, wanted);
}

int proto_value_get(proto_bytes_t map, const char *key, proto_bytes_t *value)
{
    proto_reader_t reader = proto_reader(map);
    proto_value_t head;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_MAP)
        return -1;
    proto_bytes_t wanted = proto_bytes_of(key);
    for (uint32_t pair = 0; pair < head.count; pair++) {
        bool broken;
        proto_bytes_t bytes;
        bool found = s_key_is(&reader, wanted, &broken);
        if (broken || proto_value_skip(&reader, &bytes) < 0)
            return -1;
        if (found) {
            *value = bytes;
            return 0;
        }
    }
    return -1;
}

/* Looks a key up and reads the head of its value. */
static bool s_get(proto_bytes_t map, const char *key, proto_kind_t kind, proto_value_t *value)
{
    proto_bytes_t bytes;
    if (proto_value_get(map, key, &bytes) < 0)
        return false;
    proto_reader_t reader = proto_reader(bytes);
    return proto_value_read(&reader, value) == 0 && value->kind == kind;
}

proto_bytes_t proto_value_get_str(proto_bytes_t map, const char *key, const char *fallback)
{
    proto_value_t value;
    if (s_get(map, key, PROTO_STR, &value))
        return value.bytes;
    return fallback ? proto_bytes_of(fallback) : (proto_bytes_t){0};
}

int64_t proto_value_get_int(proto_bytes_t map, const char *key, int64_t fallback)
{
    proto_value_t value;
    return s_get(map, key, PROTO_INT, &value) ? value.integer : fallback;
}

bool proto_value_get_bool(proto_bytes_t map, const char *key, bool fallback)
{
    proto_value_t value;
    return s_get(map, key, PROTO_BOOL, &value) ? value.boolean : fallback;
}

/* Steps over a run of digits; false when there is none. */
static bool s_digits(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *first = *at;
    while (*at != end && **at >= '0' && **at <= '9')
        ++*at;
    return *at != first;
}

size_t proto_decimal_length(proto_bytes_t text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.size ? at + text.size : at;
    if (at != end && *at == '-')
        at++;
    const uint8_t *whole = at;
    if (!s_digits(&at, end) || (*whole == '0' && at - whole > 1))
        return 0;
    if (at != end && *at == '.') {
        at++;
        if (!s_digits(&at, end))
            return 0;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at != end && (*at == '+' || *at == '-'))
            at++;
        if (!s_digits(&at, end))
            return 0;
    }
    return (size_t)(at - text.data);
}

bool proto_decimal_valid(proto_bytes_t text)
{
    return text.size > 0 && proto_decimal_length(text) == text.size;
}
