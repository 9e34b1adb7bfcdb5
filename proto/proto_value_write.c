/* SPDX-License-Identifier: MPL-2.0 */
/* The MessagePack writer: the shortest form of everything. A core: no I/O. Thread: the owner's. */
#include "proto_value.h"

#include <float.h>
#include <math.h>

/* Stores the low `size` bytes of a number, highest first. */
static inline void s_store(uint8_t *to, uint64_t number, size_t size)
{
    for (size_t i = size; i-- > 0; number >>= 8)
        to[i] = (uint8_t)number;
}

/* A head byte and a number of `size` bytes. */
static void s_head(proto_buf_t *out, uint8_t head, uint64_t number, size_t size)
{
    uint8_t *to = proto_buf_extend(out, 1 + size);
    if (!to)
        return;
    to[0] = head;
    s_store(to + 1, number, size);
}

void proto_write_nil(proto_buf_t *out)
{
    proto_buf_byte(out, 0xc0);
}

void proto_write_bool(proto_buf_t *out, bool value)
{
    proto_buf_byte(out, value ? 0xc3 : 0xc2);
}

void proto_write_int(proto_buf_t *out, int64_t value)
{
    if (value >= 0)
        proto_write_uint(out, (uint64_t)value);
    else if (value >= -32)
        proto_buf_byte(out, (uint8_t)value);
    else if (value >= INT8_MIN)
        s_head(out, 0xd0, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        s_head(out, 0xd1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        s_head(out, 0xd2, (uint64_t)value, 4);
    else
        s_head(out, 0xd3, (uint64_t)value, 8);
}

void proto_write_uint(proto_buf_t *out, uint64_t value)
{
    if (value < 0x80)
        proto_buf_byte(out, (uint8_t)value);
    else if (value <= UINT8_MAX)
        s_head(out, 0xcc, value, 1);
    else if (value <= UINT16_MAX)
        s_head(out, 0xcd, value, 2);
    else if (value <= UINT32_MAX)
        s_head(out, 0xce, value, 4);
    else
        s_head(out, 0xcf, value, 8);
}

void proto_write_float(proto_buf_t *out, double value)
{
    /* The range is asked first because the conversion is undefined beyond it; NaN fails the question and so
     * keeps its 64 bits. */
    if (isinf(value) ||
        (value >= -(double)FLT_MAX && value <= (double)FLT_MAX && (double)(float)value == value)) {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        s_head(out, 0xca, bits, 4);
    } else {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        s_head(out, 0xcb, bits, 8);
    }
}

/* The head of something with a length: `first` is its 8-bit form, the 16- and 32-bit forms follow it. */
static void s_sized(proto_buf_t *out, uint8_t first, size_t size)
{
    if (size <= UINT8_MAX)
        s_head(out, first, size, 1);
    else if (size <= UINT16_MAX)
        s_head(out, (uint8_t)(first + 1), size, 2);
    else if (size <= UINT32_MAX)
        s_head(out, (uint8_t)(first + 2), size, 4);
    else
        out->failed = true;
}

void proto_write_str(proto_buf_t *out, proto_bytes_t text)
{
    if (text.size < 32)
        proto_buf_byte(out, (uint8_t)(0xa0 | text.size));
    else
        s_sized(out, 0xd9, text.size);
    proto_buf_append(out, text.data, text.size);
}

void proto_write_text(proto_buf_t *out, const char *text)
{
    if (text)
        proto_write_str(out, proto_bytes_of(text));
    else
        proto_write_nil(out);
}

void proto_write_bin(proto_buf_t *out, proto_bytes_t bytes)
{
    s_sized(out, 0xc4, bytes.size);
    proto_buf_append(out, bytes.data, bytes.size);
}

void proto_write_array(proto_buf_t *out, uint32_t count)
{
    if (count < 16)
        proto_buf_byte(out, (uint8_t)(0x90 | count));
    else if (count <= UINT16_MAX)
        s_head(out, 0xdc, count, 2);
    else
        s_head(out, 0xdd, count, 4);
}

void proto_write_map(proto_buf_t *out, uint32_t pairs)
{
    if (pairs < 16)
        proto_buf_byte(out, (uint8_t)(0x80 | pairs));
    else if (pairs <= UINT16_MAX)
        s_head(out, 0xde, pairs, 2);
    else
        s_head(out, 0xdf, pairs, 4);
}

/* The head of an extension with its type. */
static void s_ext(proto_buf_t *out, int8_t type, size_t size)
{
    if (size > 0 && size <= 16 && (size & (size - 1)) == 0)
        proto_buf_byte(out, (uint8_t)(0xd4 + __builtin_ctzl(size)));
    else
        s_sized(out, 0xc7, size);
    proto_buf_byte(out, (uint8_t)type);
}

void proto_write_timestamp(proto_buf_t *out, int64_t seconds, uint32_t nanoseconds)
{
    uint8_t payload[12];
    size_t size;
    if (nanoseconds > 999999999) {
        out->failed = true;
        return;
    }
    if (seconds < 0 || seconds >> 34 != 0) {
        size = 12;
        s_store(payload, nanoseconds, 4);
        s_store(payload + 4, (uint64_t)seconds, 8);
    } else if (nanoseconds > 0 || seconds > UINT32_MAX) {
        size = 8;
        s_store(payload, (uint64_t)nanoseconds << 34 | (uint64_t)seconds, 8);
    } else {
        size = 4;
        s_store(payload, (uint64_t)seconds, 4);
    }
    s_ext(out, PROTO_EXT_TIMESTAMP, size);
    proto_buf_append(out, payload, size);
}

void proto_write_decimal(proto_buf_t *out, proto_bytes_t text)
{
    if (!proto_decimal_valid(text)) {
        out->failed = true;
        return;
    }
    s_ext(out, PROTO_EXT_DECIMAL, text.size);
    proto_buf_append(out, text.data, text.size);
}

enum { S_ARRAY_32 = 0xdd, S_MAP_32 = 0xdf };

size_t proto_write_array_open(proto_buf_t *out)
{
    size_t place = out->size;
    s_head(out, S_ARRAY_32, 0, 4);
    return place;
}

size_t proto_write_map_open(proto_buf_t *out)
{
    size_t place = out->size;
    s_head(out, S_MAP_32, 0, 4);
    return place;
}

void proto_write_close(proto_buf_t *out, size_t place, uint32_t count)
{
    if (out->failed)
        return;
    PROTO_ASSERT(place < out->size && out->size - place >= 5);
    PROTO_ASSERT(out->data[place] == S_ARRAY_32 || out->data[place] == S_MAP_32);
    s_store(out->data + place + 1, count, 4);
}
