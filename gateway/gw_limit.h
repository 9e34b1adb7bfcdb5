/* SPDX-License-Identifier: MPL-2.0 */
/* How often a client address may ask an endpoint. One table for all gateway threads of a process: they take
 * from the same buckets without a lock.
 *
 * The rule is GCRA, the generic cell rate algorithm (ITU-T I.371): a bucket is one number, the time at which
 * it will be full again. A request moves that time on by 60 s / limit, and is refused when it would then lie
 * more than a whole bucket ahead of now. So `limit` requests pass at once, and `limit` a minute for ever.
 *
 * The table is bounded. A bucket that is full again needs no entry. When every place for a newcomer is taken,
 * the bucket that is nearest to full goes: whoever asks for much is remembered longest. Keys are hashed with
 * a secret seed, for clients choose their addresses. A core: no I/O. Thread: any; see each function. */
#ifndef GW_LIMIT_H
#define GW_LIMIT_H

#include "proto_catalogue.h"

enum {
    GW_LIMIT_FAILED = PROTO_TIER_COUNT, /* the rate of failed authentication, beside those of the tiers */
    GW_LIMIT_RATES,
    GW_LIMIT_MOST = 1000000, /* highest limit, requests a minute */
    GW_LIMIT_LEAST_ENTRIES = 1024,
    GW_LIMIT_MOST_ENTRIES = 1 << 24
};

typedef struct gw_limit gw_limit_t;

typedef struct gw_limit_config {
    uint32_t per_minute[GW_LIMIT_RATES]; /* by proto_tier_t, and GW_LIMIT_FAILED; 0: not limited */
    uint32_t entries;                    /* rounded up to a power of two; 16 bytes each, 20 when shared */
    uint64_t seed;                       /* nobody else knows it */
    bool shared;                         /* counts are collected for others */
} gw_limit_config_t;

/* The state of a bucket after a request. */
typedef struct gw_verdict {
    uint32_t limit;     /* 0: not limited, and nothing else here counts */
    uint32_t remaining; /* requests that would pass now */
    uint32_t reset;     /* seconds until the bucket is full again, rounded up */
    uint32_t retry;     /* seconds until the next request would pass, rounded up; 0 when allowed */
    uint8_t rate;       /* which: proto_tier_t or GW_LIMIT_FAILED */
    bool allowed;
    bool untracked; /* allowed because threads were in each other's way again and again; very rare */
} gw_verdict_t;

/* Of one gateway thread, written by it alone. */
typedef struct gw_limit_stats {
    uint64_t allowed[GW_LIMIT_RATES],
        refused[GW_LIMIT_RATES]; /* by rate; of GW_LIMIT_FAILED `allowed` counts failures */
    uint64_t untracked;
} gw_limit_stats_t;

/* What one key has taken since it was last collected. */
typedef struct gw_limit_share {
    uint64_t key;
    uint32_t count;
    uint32_t step_us; /* what each of them is worth */
} gw_limit_share_t;

/* For the owner, before and after all threads. */
gw_limit_t *gw_limit_new(const gw_limit_config_t *config);
void gw_limit_free(gw_limit_t **self);

/* The key of an address (16 bytes, IPv4 mapped into IPv6; of IPv6 the /64 counts) at an endpoint. */
uint64_t gw_limit_key(const gw_limit_t *self, const uint8_t address[16], uint64_t endpoint);
/* Takes one from the bucket, if it has one. Time is CLOCK_MONOTONIC in microseconds. */
void gw_limit_take(gw_limit_t *self, uint64_t key, unsigned rate, int64_t now_us, gw_verdict_t *verdict);
/* The same without taking: what it would say. */
void gw_limit_look(gw_limit_t *self, uint64_t key, unsigned rate, int64_t now_us, gw_verdict_t *verdict);
/* Appends the header lines that tell a client of a verdict: X-RateLimit-Limit, -Remaining and -Reset, and
 * RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-09). None when it is not limited. */
void gw_limit_headers(const gw_limit_t *self, const gw_verdict_t *verdict, proto_buf_t *out);

/* For the one thread that shares counts with other processes: */
/* True for the first who asks: it is that thread. */
bool gw_limit_claim(gw_limit_t *self);
/* The seed by which all who share make the same keys. Buckets under the former one are forgotten. */
uint64_t gw_limit_seed(const gw_limit_t *self);
void gw_limit_set_seed(gw_limit_t *self, uint64_t seed);
/* Moves at most `most` counts into `shares`; how many. Not told is what has flowed back meanwhile. */
uint32_t gw_limit_collect(gw_limit_t *self, int64_t now_us, gw_limit_share_t *shares, uint32_t most);
/* All together have taken so much from this bucket that it needs `debt_us` to be full again. */
void gw_limit_learn(gw_limit_t *self, uint64_t key, int64_t debt_us, int64_t now_us);

#endif
