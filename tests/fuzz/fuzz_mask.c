/* SPDX-License-Identifier: MPL-2.0 */
/* Masking: any text has an end, what is masked stays so, and a password in front of it never comes through.
 */
#include "fuzz.h"
#include "proto_mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_buf_t once, text;
    proto_buf_reset(&once);
    proto_mask((proto_bytes_t){data, size}, &once);
    PROTO_ASSERT(!once.failed && once.size <= size + 3 * size + 3);
    proto_buf_reset(&text);
    proto_buf_append(&text, data, size);
    proto_buf_string(&text, "&password=hunter2hunter2");
    proto_buf_reset(&once);
    proto_mask(proto_buf_bytes(&text), &once);
    PROTO_ASSERT(!memmem(once.data, once.size, "hunter2hunter2", 14));
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("GET /x?password=hunter2&a=b"),
        FUZZ_SEED("postgresql://bob:hunter@host/db"),
        FUZZ_SEED("{\"token\": \"abc\", 'secret': 'x'}"),
        FUZZ_SEED("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"),
    };
    *count = sizeof seeds / sizeof *seeds;
    return seeds;
}
