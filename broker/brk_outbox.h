/* SPDX-License-Identifier: MPL-2.0 */
/* What the broker's peers are to hear: each gathers a batch, and those with one are flushed together. Thread:
 * the broker's. Out: every type of record, and Majordomo's messages. */
#ifndef BRK_OUTBOX_H
#define BRK_OUTBOX_H

#include "brk_core.h"
#include "brk_route.h"

typedef struct brk_outbox {
    brk_core_t *core;
    brk_mdp_t *mdp;
    brk_route_t *dirty; /* with something to hear, or to be freed */
    uint64_t kept;      /* bytes for peers whose sockets were full at the last flush */
} brk_outbox_t;

/* The route is among those of the next flush. */
void brk_outbox_mark(brk_outbox_t *self, brk_route_t *route);
/* The record joins the peer's batch, which goes out first when it is time. */
void brk_outbox_say(brk_outbox_t *self, brk_route_t *route, const proto_record_t *record);
/* A Majordomo peer that takes nothing loses what it was to hear, when it is too much. */
void brk_outbox_make_room(brk_outbox_t *self, brk_route_t *route);
/* The core has forgotten the peer: its last words go out, then the route is freed. */
void brk_outbox_forget(brk_outbox_t *self, brk_route_t *route);
/* Sends everybody what there is, without waiting. A peer that cannot be reached leaves the core. Some may be
 * left, whose sockets take no more now: `dirty` is not NULL, and it is to be called again soon. */
void brk_outbox_flush(brk_outbox_t *self);

#endif
