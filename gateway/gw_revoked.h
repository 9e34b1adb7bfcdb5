/* SPDX-License-Identifier: MPL-2.0 */
/* Which tokens were revoked before they expired, as the feeds of the service `muster.revoked` tell it
 * (docs/protocol.md): the keys of all of them, and whether that may be relied upon. A feed numbers its
 * messages, so a gap shows; then, and when a feed is new, a snapshot has to be fetched, page by page, and
 * until it is there that feed counts for nothing. A core: no I/O. Thread: the gateway's. */
#ifndef GW_REVOKED_H
#define GW_REVOKED_H

#include "proto_buf.h"

enum {
    GW_REVOKED_KEY = 16,        /* bytes of a key: the first of SHA-256 over the token's text */
    GW_REVOKED_MOST = 1 << 20,  /* keys that a gateway holds; with more it asks about each token */
    GW_REVOKED_STALE_MS = 10000 /* so long after the last word of a feed it is relied upon */
};

typedef enum {
    GW_REVOKED_NO,
    GW_REVOKED_YES,
    GW_REVOKED_UNKNOWN /* there is no feed to rely upon: ask the database about this token */
} gw_revoked_t;

typedef struct gw_revoked_set gw_revoked_set_t;

/* Written by the gateway's thread only. */
typedef struct gw_revoked_stats {
    uint64_t keys;      /* held now, expired ones included until they are swept */
    uint64_t messages;  /* of feeds, taken */
    uint64_t gaps;      /* messages missed, or a feed that is new */
    uint64_t malformed; /* messages and snapshots refused */
    uint64_t snapshots; /* fetched to the end */
} gw_revoked_stats_t;

gw_revoked_set_t *gw_revoked_new(void);
void gw_revoked_free(gw_revoked_set_t **self);
/* `now_ms` is of the monotonic clock, as everywhere below; `wall_ms` is since 1970. */
gw_revoked_t gw_revoked_check(const gw_revoked_set_t *self, const uint8_t key[GW_REVOKED_KEY],
                              int64_t now_ms);
/* Takes a message of a feed: map {feed, number, revoked: [key, expires_ms, ...]}. -1 when it is none. */
PROTO_MUST_CHECK int gw_revoked_message(gw_revoked_set_t *self, int64_t now_ms, int64_t wall_ms,
                                        proto_bytes_t body);
/* Whether a (page of a) snapshot is to be asked for now. */
bool gw_revoked_wants(const gw_revoked_set_t *self, int64_t now_ms);
/* It is asked for: appends the arguments, map {after}. The answer goes to gw_revoked_snapshot or
 * gw_revoked_failed; one that does not come is given up after some seconds. */
void gw_revoked_ask(gw_revoked_set_t *self, int64_t now_ms, proto_buf_t *arguments);
/* Takes a page: map {revoked: [key, expires_ms, ...], more}. -1 when it is none. */
PROTO_MUST_CHECK int gw_revoked_snapshot(gw_revoked_set_t *self, int64_t now_ms, int64_t wall_ms,
                                         proto_bytes_t body);
/* There will be no answer: it is asked for again, a second later, from the beginning. */
void gw_revoked_failed(gw_revoked_set_t *self, int64_t now_ms);
const gw_revoked_stats_t *gw_revoked_stats(const gw_revoked_set_t *self);

#endif
