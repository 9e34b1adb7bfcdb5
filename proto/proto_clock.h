/* SPDX-License-Identifier: MPL-2.0 */
/* Time for shells; cores are told what time it is. Thread: any. */
#ifndef PROTO_CLOCK_H
#define PROTO_CLOCK_H

#include <stdint.h>

/* "Never", for deadlines. */
#define PROTO_NEVER INT64_MAX

/* Milliseconds / microseconds on a clock that never jumps (CLOCK_MONOTONIC). */
int64_t proto_clock_ms(void);
int64_t proto_clock_us(void);
/* Microseconds since 1970 UTC; for people and files, never for measuring. */
int64_t proto_clock_wall_us(void);
/* A 64-bit number that nobody can guess (getrandom). */
uint64_t proto_clock_random(void);

#endif
