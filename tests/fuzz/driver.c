/* SPDX-License-Identifier: MPL-2.0 */
/* Runs a fuzz target without libFuzzer: mutations of built-in seeds, the same every time, so that each ./test
 * looks at a few hundred thousand inputs. With -DMUSTER_FUZZ=ON (clang) libFuzzer takes its place. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_ROUNDS = 200000, S_BYTES = 4096 };

static uint64_t s_state = 0x9e3779b97f4a7c15u;

static uint32_t s_random(uint32_t below)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    s_state ^= s_state << 17;
    return (uint32_t)(s_state >> 32) % below;
}

static size_t s_mutate(uint8_t *bytes, size_t size)
{
    for (uint32_t count = 1 + s_random(4); count; count--) {
        uint32_t at = size ? s_random((uint32_t)size) : 0;
        switch (s_random(5)) {
        case 0: /* another byte */
            if (size)
                bytes[at] = (uint8_t)s_random(256);
            break;
        case 1: /* another bit */
            if (size)
                bytes[at] ^= (uint8_t)(1u << s_random(8));
            break;
        case 2: /* one byte more */
            if (size < S_BYTES) {
                memmove(bytes + at + 1, bytes + at, size - at);
                bytes[at] = (uint8_t)s_random(256);
                size++;
            }
            break;
        case 3: /* a run taken out */
            if (size > 1) {
                size_t run = 1 + s_random((uint32_t)(size - at < 8 ? size - at : 8));
                memmove(bytes + at, bytes + at + run, size - at - run);
                size -= run;
            }
            break;
        default: /* cut short */
            size = size ? s_random((uint32_t)size + 1) : 0;
            break;
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : S_ROUNDS;
    uint8_t bytes[S_BYTES + 8];
    size_t count;
    const fuzz_seed_t *seeds = fuzz_seeds(&count);
    for (size_t i = 0; i < count; i++)
        LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
    for (long i = 0; i < rounds; i++) {
        const fuzz_seed_t *seed = &seeds[s_random((uint32_t)count)];
        memcpy(bytes, seed->data, seed->size);
        size_t size = s_mutate(bytes, seed->size);
        uint8_t *copy =
            malloc(size ? size : 1); /* of its own size, so that a sanitizer sees reads beyond it */
        memcpy(copy, bytes, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
    printf("%ld inputs\n", rounds);
    return 0;
}
