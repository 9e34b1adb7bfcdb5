/* SPDX-License-Identifier: MPL-2.0 */
/* The tokens of one gateway thread: those it has verified are kept, so that one that comes again costs a hash
 * and a comparison instead of a signature. What is kept is bounded by count and bytes; it goes when it
 * expires, when room is needed, and all of it with the keys. A core: no I/O, no clock. Thread: the gateway's.
 */
#ifndef GW_TOKENS_H
#define GW_TOKENS_H

#include "gw_token.h"

enum {
    GW_TOKENS = 16384,         /* most tokens that are kept */
    GW_TOKENS_BYTES = 32 << 20 /* and most bytes of them */
};

typedef struct gw_token_stats {
    uint64_t verified; /* tokens whose signature was looked at and that were good */
    uint64_t cached;   /* that were known from before */
    uint64_t refused;
} gw_token_stats_t;

typedef struct gw_tokens {
    gw_keys_t *keys; /* held; NULL: no token is good */
    gw_token_rules_t rules;
    uint64_t seed[2];
    gw_token_t **slots; /* GW_TOKENS, in rows; held */
    uint32_t hand;      /* slot that is emptied next when there are too many bytes */
    size_t bytes;
    gw_token_stats_t stats;
} gw_tokens_t;

/* `keys` is taken over and may be NULL; what `rules` points to outlives it. Of the seed the hash is made:
 * nobody may guess it. */
void gw_tokens_init(gw_tokens_t *self, gw_keys_t *keys, const gw_token_rules_t *rules,
                    const uint64_t seed[2]);
void gw_tokens_free(gw_tokens_t *self);
/* Takes newer keys over, and forgets what the former ones have signed. */
void gw_tokens_rekey(gw_tokens_t *self, gw_keys_t *keys);
/* The token of that text at `now_ms` (since 1970), held for the caller until gw_token_drop, with NULL; else
 * the static sentence of why it is refused. */
PROTO_MUST_CHECK const char *gw_tokens_take(gw_tokens_t *self, proto_bytes_t text, int64_t now_ms,
                                            gw_token_t **token);

#endif
