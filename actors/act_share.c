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
