/* SPDX-License-Identifier: MPL-2.0 */
/* The least of several loads. Thread: any. */
#include "proto_least.h"

uint32_t proto_least(const uint32_t *loads, uint64_t usable, uint32_t count, uint32_t *next)
{
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (*next + i) % count;
        if ((usable >> at & 1) && (best == count || loads[at] < loads[best]))
            best = at;
    }
    if (best < count)
        *next = (best + 1) % count;
    return best;
}
