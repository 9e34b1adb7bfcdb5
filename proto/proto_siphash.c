/* SPDX-License-Identifier: MPL-2.0 */
/* SipHash-1-3. Thread: any. */
#include "proto_siphash.h"

#include <endian.h>

static uint64_t s_turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void s_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = s_turn(v[1], 13) ^ v[0];
    v[3] = s_turn(v[3], 16) ^ v[2];
    v[0] = s_turn(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = s_turn(v[1], 17) ^ v[2];
    v[3] = s_turn(v[3], 21) ^ v[0];
    v[2] = s_turn(v[2], 32);
}

uint64_t proto_siphash(const uint64_t key[2], proto_bytes_t bytes)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                     key[1] ^ 0x7465646279746573};
    uint64_t last = (uint64_t)bytes.size << 56, word;
    size_t at = 0;
    for (; bytes.size - at >= 8; at += 8) {
        memcpy(&word, bytes.data + at, 8);
        word = le64toh(word);
        v[3] ^= word;
        s_round(v);
        v[0] ^= word;
    }
    for (int shift = 0; at < bytes.size; at++, shift += 8)
        last |= (uint64_t)bytes.data[at] << shift;
    v[3] ^= last;
    s_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        s_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
