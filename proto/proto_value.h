/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack values (https://github.com/msgpack/msgpack/blob/master/spec.md), written and read in place: the
 * writer appends to a buffer, the reader is a cursor over borrowed bytes. No tree is ever built.
 * Two extensions: -1 is the specification's timestamp, 1 holds a decimal number as its text.
 * A core: no I/O. Thread: the owner's. */
#ifndef PROTO_VALUE_H
#define PROTO_VALUE_H

#include "proto_buf.h"

/* Deepest nesting of arrays and maps that is read or written anywhere. */
#define PROTO_VALUE_DEPTH 64
/* Extension types (signed, as on the wire). */
#define PROTO_EXT_TIMESTAMP (-1)
#define PROTO_EXT_DECIMAL   1

typedef enum {
    PROTO_NIL,
    PROTO_BOOL,
    PROTO_INT,   /* fits int64_t */
    PROTO_UINT,  /* above INT64_MAX */
    PROTO_FLOAT, /* 32- and 64-bit alike */
    PROTO_STR,
    PROTO_BIN,
    PROTO_ARRAY,
    PROTO_MAP,
    PROTO_TIMESTAMP,
    PROTO_DECIMAL,
    PROTO_EXT /* any other extension */
} proto_kind_t;

/* One value, or the head of a container whose `count` items (array) or pairs (map) follow in the reader. */
typedef struct proto_value {
    proto_kind_t kind;
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        uint32_t count;      /* ARRAY: items; MAP: pairs */
        proto_bytes_t bytes; /* STR, BIN, DECIMAL (its text), EXT (its payload); borrowed from the input */
        struct {
            int64_t seconds; /* since 1970 UTC */
            uint32_t nanoseconds;
        } time;
    };
    int8_t ext_type; /* EXT and DECIMAL only */
} proto_value_t;

typedef struct proto_reader {
    const uint8_t *at, *end;
} proto_reader_t;

static inline proto_reader_t proto_reader(proto_bytes_t bytes)
{
    /* No bytes may mean no pointer either, and adding to NULL is undefined. */
    return (proto_reader_t){bytes.data, bytes.size ? bytes.data + bytes.size : bytes.data};
}

/* Reads the next value or container head. -1 on truncated or reserved (0xc1) input, on a container that
 * claims more items than bytes are left, and on a timestamp extension of a wrong size or with nanoseconds
 * above 999999999; the reader then stays where it was. Strings are not checked for UTF-8 here. */
PROTO_MUST_CHECK int proto_value_read(proto_reader_t *reader, proto_value_t *value);
/* Steps over one whole value with everything inside it and returns its bytes. -1 as above, or deeper than
 * PROTO_VALUE_DEPTH. */
PROTO_MUST_CHECK int proto_value_skip(proto_reader_t *reader, proto_bytes_t *bytes);
/* 0 when `bytes` is exactly one well-formed value whose strings, map keys included, are UTF-8 (RFC 3629) and
 * whose decimals are decimal numbers; else -1. What comes from a peer passes here before anything looks
 * inside. */
PROTO_MUST_CHECK int proto_value_check(proto_bytes_t bytes);
/* Looks a string key up in the map at `map` and returns the bytes of its value, the first one's if the key is
 * there twice. -1 when `map` is no map, lacks the key or is malformed before it. */
PROTO_MUST_CHECK int proto_value_get(proto_bytes_t map, const char *key, proto_bytes_t *value);
/* The same, read as text or as an integer; the fallback when the key is missing or of another kind. */
proto_bytes_t proto_value_get_str(proto_bytes_t map, const char *key, const char *fallback);
int64_t proto_value_get_int(proto_bytes_t map, const char *key, int64_t fallback);
bool proto_value_get_bool(proto_bytes_t map, const char *key, bool fallback);

/* Writers append the shortest encoding of a value (a float takes 32 bits when they lose nothing). Failure is
 * sticky in the buffer; more than 4 GiB in one string is one. */
void proto_write_nil(proto_buf_t *out);
void proto_write_bool(proto_buf_t *out, bool value);
void proto_write_int(proto_buf_t *out, int64_t value);
void proto_write_uint(proto_buf_t *out, uint64_t value);
void proto_write_float(proto_buf_t *out, double value);
void proto_write_str(proto_buf_t *out, proto_bytes_t text);
void proto_write_text(proto_buf_t *out, const char *text); /* NULL writes nil */
void proto_write_bin(proto_buf_t *out, proto_bytes_t bytes);
void proto_write_array(proto_buf_t *out, uint32_t count);
void proto_write_map(proto_buf_t *out, uint32_t pairs);
/* More than 999999999 nanoseconds fail the buffer. */
void proto_write_timestamp(proto_buf_t *out, int64_t seconds, uint32_t nanoseconds);
/* A text that does not satisfy proto_decimal_valid ("NaN", say) fails the buffer. */
void proto_write_decimal(proto_buf_t *out, proto_bytes_t text);
/* A container whose count is known only afterwards: remember the place, write items, then fill the count in.
 * Always the 32-bit form. */
size_t proto_write_array_open(proto_buf_t *out);
size_t proto_write_map_open(proto_buf_t *out);
void proto_write_close(proto_buf_t *out, size_t place, uint32_t count);

/* True for a JSON number (RFC 8259 section 6): -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
bool proto_decimal_valid(proto_bytes_t text);
/* Bytes of the JSON number that `text` begins with; 0 when it begins with none ("1." and "1e" count as none).
 */
size_t proto_decimal_length(proto_bytes_t text);
/* True when all bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
 */
bool proto_utf8_valid(proto_bytes_t text);

#endif
