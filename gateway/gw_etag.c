/* SPDX-License-Identifier: MPL-2.0 */
/* Entity tags. Thread: any. */
#include "gw_etag.h"

/* Odd numbers with about as many ones as zeroes, from the digits of pi. */
static const uint64_t s_keys[3] = {0x243f6a8885a308d3u, 0x13198a2e03707345u, 0xa4093822299f31d1u};

static uint64_t s_load(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

/* All bits of both factors reach all bits of the result. */
static uint64_t s_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide_t;
    wide_t product = (wide_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t gw_etag_hash(proto_bytes_t body)
{
    const uint8_t *at = body.data;
    size_t left = body.size;
    uint64_t hash = s_keys[2] ^ (uint64_t)body.size;
    for (; left > 16; left -= 16, at += 16)
        hash = s_fold(s_load(at, 8) ^ s_keys[0], s_load(at + 8, 8) ^ s_keys[1] ^ hash);
    if (left) {
        size_t first = left < 8 ? left : 8;
        hash = s_fold(s_load(at, first) ^ s_keys[0], s_load(at + first, left - first) ^ s_keys[1] ^ hash);
    }
    return s_fold(hash ^ s_keys[0], (uint64_t)body.size ^ s_keys[1]);
}

void gw_etag_write(uint64_t hash, char tag[GW_ETAG_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    tag[0] = tag[GW_ETAG_SIZE - 1] = '"';
    for (int i = 0; i < 16; i++)
        tag[1 + i] = hex[hash >> (60 - 4 * i) & 15];
}

static size_t s_skip_blanks(proto_bytes_t text, size_t at)
{
    while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t' || text.data[at] == ','))
        at++;
    return at;
}

bool gw_etag_matches(proto_bytes_t list, const char tag[GW_ETAG_SIZE])
{
    size_t at = s_skip_blanks(list, 0);
    if (at < list.size && list.data[at] == '*')
        return s_skip_blanks(list, at + 1) == list.size;
    while (at < list.size) {
        if (list.size - at > 2 && list.data[at] == 'W' && list.data[at + 1] == '/')
            at += 2;
        if (list.data[at] != '"')
            return false;
        const uint8_t *end = memchr(list.data + at + 1, '"', list.size - at - 1);
        if (!end)
            return false;
        size_t size = (size_t)(end - list.data) + 1 - at;
        if (size == GW_ETAG_SIZE && memcmp(list.data + at, tag, size) == 0)
            return true;
        at = s_skip_blanks(list, at + size);
    }
    return false;
}
