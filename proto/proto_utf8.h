/* SPDX-License-Identifier: MPL-2.0 */
/* UTF-8 as RFC 3629 has it, one sequence at a time: for the loops that look at every byte anyway and so
 * check it on the way. Whole texts: proto_utf8_valid in proto_value.h. A core: no I/O. Thread: any. */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include "proto_buf.h"

/* True for the bytes that may only follow a first one. */
static inline bool proto_utf8_follows(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte alone tells overlong forms, surrogates and what lies above U+10FFFF. */
static inline bool proto_utf8_second(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

/* Bytes (1..4) of the well-formed sequence that begins at `at`; 0 when none does. `at` must be below `end`.
 */
static inline size_t proto_utf8_length(const uint8_t *at, const uint8_t *end)
{
    uint8_t first = *at;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((size_t)(end - at) < length || !proto_utf8_second(first, at[1]))
        return 0;
    for (size_t i = 1; i < length; i++)
        if (!proto_utf8_follows(at[i]))
            return 0;
    return length;
}

#endif
