/* SPDX-License-Identifier: MPL-2.0 */
/* Clock and random numbers from the operating system. Thread: any. */
#include "proto_clock.h"

#include <sys/random.h>
#include <time.h>

#include "proto_assert.h"

static int64_t s_now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t proto_clock_ms(void)
{
    return s_now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t proto_clock_us(void)
{
    return s_now_us(CLOCK_MONOTONIC);
}

int64_t proto_clock_wall_us(void)
{
    return s_now_us(CLOCK_REALTIME);
}

uint64_t proto_clock_random(void)
{
    uint64_t number = 0;
    ssize_t got = getrandom(&number, sizeof number, 0);
    PROTO_ASSERT(got ==
                 sizeof number); /* small reads never come short once the pool is ready: getrandom(2) */
    return number;
}
