/* SPDX-License-Identifier: MPL-2.0 */
/* Rate limits shared with the gateways of other processes, through Redis. Every process decides by itself;
 * ten times a second it tells Redis what each bucket has lost, and hears what all have taken together. While
 * Redis is away everybody limits alone. Never blocks, and at most one exchange is under way.
 * Thread: the one gateway thread that owns it. */
#ifndef GW_REDIS_H
#define GW_REDIS_H

#include <uv.h>

#include "gw_limit.h"
#include "gw_redis_url.h"

enum { GW_REDIS_EXCHANGE_MS = 100 };

typedef struct gw_redis gw_redis_t;

/* Written by the owner's thread alone. */
typedef struct gw_redis_stats {
    uint64_t connected; /* 1 while counts are shared, else 0 */
    uint64_t connects;
    uint64_t losses;    /* connections lost, and attempts that failed */
    uint64_t exchanges; /* answered */
    uint64_t keys;      /* told in them */
} gw_redis_stats_t;

/* Begins on this loop. `limit` (made with `shared`) and `url` are borrowed. */
gw_redis_t *gw_redis_open(uv_loop_t *loop, gw_limit_t *limit, const gw_redis_url_t *url);
/* Ends it: to be called while the loop can still run, which it must once more before gw_redis_free. */
void gw_redis_close(gw_redis_t *self);
void gw_redis_free(gw_redis_t **self);
const gw_redis_stats_t *gw_redis_stats(const gw_redis_t *self);

#endif
