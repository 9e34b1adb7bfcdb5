/* SPDX-License-Identifier: MPL-2.0 */
/* Yielding. Thread: the owner's. */
#include "proto_yield.h"

#include <sched.h>

#include "proto_clock.h"

enum {
    S_TIMES = 4,      /* see docs/performance.md */
    S_BUSY_US = 1000, /* after more than one request was under way */
    S_LONG_US = 2000, /* seldom do batches take that; a time slice is about 3 ms */
    S_WEIGHT = 8,     /* so many short ones make up for a long one */
    S_MOST = 2 * S_WEIGHT,
    S_PAUSE_US = 500000 /* so one percent of the time is lost at most */
};

/* False when it is not to be done again for now. */
static bool s_once(proto_yield_t *self, int64_t from)
{
    if (from < self->again)
        return false;
    sched_yield();
    if (proto_clock_us() - from < S_LONG_US) {
        self->long_ones -= self->long_ones > 0;
    } else if ((self->long_ones += S_WEIGHT) > S_MOST) {
        self->again = from + S_PAUSE_US;
        self->long_ones = S_MOST; /* afterwards the first long one is enough */
    }
    return true;
}

void proto_yield_until(proto_yield_t *self, uint64_t under_way, bool (*come)(const void *arg),
                       const void *arg)
{
    int64_t now = proto_clock_us();
    if (under_way > 1)
        self->busy_until = now + S_BUSY_US;
    if (now >= self->busy_until)
        return;
    for (int left = S_TIMES; left && s_once(self, now) && !come(arg); left--)
        now = proto_clock_us();
}

static bool s_enough(const void *arg)
{
    (void)arg;
    return true;
}

void proto_yield(proto_yield_t *self, uint64_t under_way)
{
    proto_yield_until(self, under_way, s_enough, NULL);
}
