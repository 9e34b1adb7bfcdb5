/* SPDX-License-Identifier: MPL-2.0 */
/* Majordomo, MDP 0.1 (ZeroMQ RFC 7) and 0.2 (RFC 18), and MMI (RFC 8), in front of the broker's core: frames
 * of Majordomo peers become records for the core, and the core's records for them become frames. Bodies are
 * MessagePack-RPC where one side is native, and pass as they are between Majordomo peers. docs/protocol.md
 * has the grammar. A core: no I/O. Thread: the broker's. */
#ifndef BRK_MDP_H
#define BRK_MDP_H

#include "brk_core.h"

enum {
    BRK_MDP_FRAMES = 64,                       /* most frames of a message that comes */
    BRK_MDP_ENVELOPE = 8,                      /* most frames before the empty one */
    BRK_MDP_ENVELOPE_BYTES = 2048,             /* most bytes of these */
    BRK_MDP_BYTES = PROTO_RECORD_BYTES - 4096, /* most bytes of a message, four for each frame included */
    BRK_MDP_DEADLINE_MS = 30000,               /* of requests that name none */
    BRK_MDP_OPAQUE_MS = 120000,                /* of those that cannot: they are no RPC */
    BRK_MDP_ADDRESS = 12 /* bytes of the client address that a worker gets: token, epoch */
};

typedef enum {
    BRK_MDP_READY = 1,
    BRK_MDP_REQUEST,
    BRK_MDP_PARTIAL, /* 0.2 only */
    BRK_MDP_FINAL,   /* REPLY in 0.1 */
    BRK_MDP_HEARTBEAT,
    BRK_MDP_DISCONNECT
} brk_mdp_command_t;

/* A well-formed message; everything borrows from the frames. */
typedef struct brk_mdp_message {
    uint8_t version; /* 1: 0.1, 2: 0.2 */
    bool worker;     /* said by a worker; else by a client, whose only command is REQUEST */
    brk_mdp_command_t command;
    const proto_bytes_t *envelope; /* 0.1: the frames up to the first empty one, which is the last of these */
    uint32_t envelope_count;
    proto_bytes_t service;     /* READY, and a client's REQUEST */
    proto_bytes_t address;     /* a worker's REQUEST, PARTIAL, FINAL */
    const proto_bytes_t *body; /* READY: none, or one frame of ours (docs/protocol.md) */
    uint32_t body_count;
} brk_mdp_message_t;

/* Reads the frames of a message (without the ROUTER's identity). -1 when they are no message that a client or
 * a worker may send: another header, an unknown command, frames missing or left over, names that are not
 * plain, too many or too large. */
PROTO_MUST_CHECK int brk_mdp_read(const proto_bytes_t *frames, uint32_t count, brk_mdp_message_t *message);

typedef struct brk_mdp brk_mdp_t;

/* What is kept of one peer; its owner zeroes it, sets `out`, and frees nothing. */
typedef struct brk_mdp_peer {
    proto_buf_t *out;           /* messages to be sent to it, packed (brk_frame.h) */
    struct brk_mdp_call *calls; /* its unanswered requests */
    uint8_t version;            /* as a worker: 1 or 2; 0: it has said nothing as one */
    bool native_values;         /* as a worker: takes timestamps and decimals as they are */
} brk_mdp_peer_t;

/* In front of `core`, whose limits say how many `requests` there can be. `seed` is random: epochs of workers
 * come from it, so that replies to an earlier broker's requests are recognised. */
brk_mdp_t *brk_mdp_new(brk_core_t *core, uint32_t requests, uint64_t seed, int64_t now);
void brk_mdp_free(brk_mdp_t **self);
/* A message of the peer that is `id` in the core (brk_core_join, brk_core_speaks_mdp). Answers of the
 * broker's own are appended to peer->out. The core may have forgotten the peer afterwards. */
void brk_mdp_take(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                  const brk_mdp_message_t *message);
/* What the core says to a Majordomo peer: appends messages to peer->out, or nothing. */
void brk_mdp_write(brk_mdp_t *self, brk_mdp_peer_t *peer, const proto_record_t *record);
/* The core has forgotten the peer: nobody waits for its answers. */
void brk_mdp_forget(brk_mdp_t *self, brk_mdp_peer_t *peer);
/* Makes a record of the core with flag BRK_RAW, which goes to a native worker, what that worker can read. */
void brk_mdp_native(proto_record_t *record);

#endif
