/* SPDX-License-Identifier: MPL-2.0 */
/* Yielding. Thread: the owner's. */
#include "proto_yield.h"

#include <sched.h>

#include "proto_clock.h"

enum {
    S_LONG_US = 2000, /* seldom do batches take that; a time slice is about 3 ms */
    S_WEIGHT = 8,     /* so many short ones make up for a long one */
    S_MOST = 2 * S_WEIGHT,
    S_PAUSE_US = 500000 /* so one percent of the time is lost at most */
};

void proto_yield(proto_yield_t *self)
{
    int64_t from = proto_clock_us();
    if (from < self->again)
        return;
    sched_yield();
    if (proto_clock_us() - from < S_LONG_US) {
        self->long_ones -= self->long_ones > 0;
    } else if ((self->long_ones += S_WEIGHT) > S_MOST) {
        self->again = from + S_PAUSE_US;
        self->long_ones = S_MOST; /* afterwards the first long one is enough */
    }
}
