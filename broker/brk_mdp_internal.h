/* SPDX-License-Identifier: MPL-2.0 */
/* What brk_mdp.c (what Majordomo peers say) and brk_mdp_write.c (what they are told) share. Private to them.
 * Thread: the broker's. */
#ifndef BRK_MDP_INTERNAL_H
#define BRK_MDP_INTERNAL_H

#include "brk_mdp.h"
#include "proto_slab.h"

/* An unanswered request of a client: how its answers are to look. */
typedef struct brk_mdp_call {
    uint64_t id; /* of the request's record in the core */
    brk_mdp_peer_t *peer;
    struct brk_mdp_call *next, *prev; /* of the peer */
    uint8_t version;
    bool has_msgid, native_values;
    uint32_t msgid;
    proto_buf_t head; /* packed frames before the body: 0.1: envelope, header, service; 0.2: service */
} brk_mdp_call_t;

struct brk_mdp {
    brk_core_t *core;
    proto_slab_t calls;
    uint64_t seed;
    int64_t started;
    proto_buf_t packed; /* body of the message under way, as frames */
    proto_buf_t answer; /* body of an ERROR read from a worker's RPC */
    proto_buf_t made;   /* RPC body being written */
};

/* brk_mdp.c */
/* The msgid of a request that the broker makes for a Majordomo worker. */
uint32_t brk_mdp_msgid(uint64_t token);

/* brk_mdp_write.c */
/* Appends what stands before the body of an answer; `last`: no PARTIAL. */
void brk_mdp_write_head(const brk_mdp_call_t *call, bool last, proto_buf_t *out);
/* Tells a worker to begin anew. */
void brk_mdp_write_disconnect(brk_mdp_peer_t *peer);
/* Forgets a call that is answered. */
void brk_mdp_finish(brk_mdp_t *self, brk_mdp_call_t *call);

#endif
