/* SPDX-License-Identifier: MPL-2.0 */
/* The reconnect schedule. Thread: the actor's. */
#include "act_backoff.h"

int64_t act_backoff_failed(act_backoff_t *self, uint64_t random)
{
    int64_t bound = ACT_BACKOFF_BASE_MS;
    for (uint32_t i = 0; i < self->failures && bound < ACT_BACKOFF_CAP_MS; i++)
        bound *= 2;
    if (bound > ACT_BACKOFF_CAP_MS)
        bound = ACT_BACKOFF_CAP_MS;
    self->failures++;
    return 1 + (int64_t)(random % (uint64_t)bound);
}

void act_backoff_worked(act_backoff_t *self)
{
    self->failures = 0;
}
