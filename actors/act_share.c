/* SPDX-License-Identifier: MPL-2.0 */
/* Shares. Thread: any. */
#include "act_share.h"

#include "proto_assert.h"

uint16_t act_share(uint16_t window, uint32_t live, uint32_t rank)
{
    PROTO_ASSERT(rank < live);
    uint32_t share = window / live + (rank < window % live);
    return (uint16_t)(share ? share : 1);
}

int act_share_choose(const bool *alive, const uint32_t *under_way, uint32_t count, uint32_t last)
{
    int chosen = -1;
    for (uint32_t i = 1; i <= count; i++) {
        uint32_t at = (last + i) % count;
        if (alive[at] && (chosen < 0 || under_way[at] < under_way[chosen]))
            chosen = (int)at;
    }
    return chosen;
}
