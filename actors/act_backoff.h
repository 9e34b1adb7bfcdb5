/* SPDX-License-Identifier: MPL-2.0 */
/* When to try again: exponential back-off with full jitter, so that many actors do not come back in step.
 * A core: no I/O; randomness is passed in. Thread: the actor's. */
#ifndef ACT_BACKOFF_H
#define ACT_BACKOFF_H

#include <stdint.h>

enum { ACT_BACKOFF_BASE_MS = 50, ACT_BACKOFF_CAP_MS = 500 };

/* Zeroed: nothing has failed yet. */
typedef struct act_backoff {
    uint32_t failures;
} act_backoff_t;

/* Milliseconds to wait after one more failure: random between 1 and the bound, which doubles from base to
 * cap. */
int64_t act_backoff_failed(act_backoff_t *self, uint64_t random);
/* It worked: the next failure starts from the base again. */
void act_backoff_worked(act_backoff_t *self);

#endif
