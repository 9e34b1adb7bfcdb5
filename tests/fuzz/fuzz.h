/* SPDX-License-Identifier: MPL-2.0 */
/* What a fuzz target provides. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_seed {
    const uint8_t *data;
    size_t size; /* at most 4096 */
} fuzz_seed_t;

/* One input; aborts on a broken promise. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Inputs to begin with. */
const fuzz_seed_t *fuzz_seeds(size_t *count);

#define FUZZ_SEED(text)                                                                                      \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

#endif
