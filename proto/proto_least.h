/* SPDX-License-Identifier: MPL-2.0 */
/* Which of several equals gets the next piece of work: gateways, workers and libmuster choose among their
 * brokers by it. A core: no I/O. Thread: any. */
#ifndef PROTO_LEAST_H
#define PROTO_LEAST_H

#include <stdint.h>

/* The index of the least of `count` loads (at most 64) among those whose bit in `usable` is set; equals take
 * turns: `next`, below count, is asked first and set behind the one chosen. `count`, with `next` as it was,
 * when none is usable. */
uint32_t proto_least(const uint32_t *loads, uint64_t usable, uint32_t count, uint32_t *next);

#endif
