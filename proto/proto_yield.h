/* SPDX-License-Identifier: MPL-2.0 */
/* Letting others work before one sleeps: on few processors they hand over more meanwhile, so that there are
 * fewer and larger batches, and fewer wake-ups. Thread: the owner's. */
#ifndef PROTO_YIELD_H
#define PROTO_YIELD_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed to begin with. */
typedef struct proto_yield {
    int64_t busy_until, again; /* proto_clock_us(); again: not before that */
    uint32_t long_ones;
} proto_yield_t;

/* sched_yield(2), for a thread that is about to wait: while it has more than one request under way, and a
 * millisecond longer, since then more come soon. Where somebody else computes without end, it takes his time
 * slice, milliseconds, to come back: when that happens again and again, it is not done for a while. */
void proto_yield(proto_yield_t *self, uint64_t under_way);
/* The same a few times, until `come(arg)` says that something has come, or that it cannot say so without a
 * system call. */
void proto_yield_until(proto_yield_t *self, uint64_t under_way, bool (*come)(const void *arg),
                       const void *arg);

#endif
