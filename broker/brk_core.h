/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's state machine: who gets which message. It is told what a peer said and what time it is, and
 * calls `send` for what is to be said to whom. It knows no socket, so a simulation can drive it through years
 * of accidents. A core: no I/O.
 *
 * Promises, checked by brk_core_check and the simulation:
 * - a request gets at most one final answer, and exactly one by its deadline while its client stays;
 * - a request is handed to at most one worker, unless that one gave it back unstarted (RETURN);
 * - a worker is given nothing beyond its window, and is given nothing while it works on an exclusive request;
 * - queues are bounded in count, bytes and age, take turns over operations and clients, and no client fills
 *   one alone;
 * - a peer does only what its right grants: what it may not call is `forbidden` and was not executed;
 * - `no_worker`, `overloaded`, `expired` and `shutting_down` mean: certainly not executed.
 * Thread: the broker's. */
#ifndef BRK_CORE_H
#define BRK_CORE_H

#include "brk_rights.h"
#include "proto_record.h"
#include "proto_error.h"

typedef struct brk_core brk_core_t;

/* Flags of records inside the broker, never on the wire. */
enum {
    BRK_RAW = 0x80,   /* the body is a Majordomo peer's frames, packed (brk_frame.h) */
    BRK_OPAQUE = 0x40 /* REQUEST, with BRK_RAW: no RPC is in them, so only a Majordomo worker can take it */
};

/* How the core speaks to the peer that joined with `tag`: `record` borrows from whatever is at hand and must
 * be used up before returning. */
typedef void(brk_send_fn)(void *arg, void *tag, const proto_record_t *record);

typedef struct brk_limits {
    uint32_t peers;       /* most peers at once */
    uint32_t requests;    /* most requests queued and in flight together */
    uint32_t queue_count; /* most waiting requests of a service ... */
    uint64_t queue_bytes; /* ... and the most bytes they may take */
    int64_t queue_ms;     /* longest wait for a worker */
    int64_t deadline_ms;  /* longest deadline a client may ask for */
} brk_limits_t;

/* Counters since the start. */
typedef struct brk_stats {
    uint64_t requests, answered, queued, refused, expired, timed_out, cancelled, returned, late, rejected,
        workers_lost, forbidden, denied;
    uint64_t refusals[PROTO_ERROR_COUNT]; /* of those refused or forbidden: why */
} brk_stats_t;

/* A core that speaks by send(arg, ...). `limits` is copied. */
brk_core_t *brk_core_new(const brk_limits_t *limits, brk_send_fn *send, void *arg, int64_t now);
void brk_core_free(brk_core_t **self);
/* A peer that was not known. `right` is who it is and what it may do; it must stay until the peer left or
 * brk_core_renew replaced it. `tag` is what the shell keeps of it. 0 when there are too many peers. */
uint64_t brk_core_join(brk_core_t *self, int64_t now, const brk_right_t *right, void *tag);
/* The peer's right is another one now (the rights file was read anew). One that may nothing any more, or not
 * serve what it is registered for, is told DISCONNECT and forgotten. */
void brk_core_renew(brk_core_t *self, int64_t now, uint64_t peer, const brk_right_t *right);
/* Counts a peer that was turned away before it could join. */
void brk_core_denied(brk_core_t *self);
/* The peer speaks Majordomo: its heartbeats are slower, it is silent while it works, and its requests have
 * BRK_RAW. Call once, after it joined. */
void brk_core_speaks_mdp(brk_core_t *self, uint64_t peer);
/* Whether it is a registered worker. */
bool brk_core_is_worker(const brk_core_t *self, uint64_t peer);
/* How the request of this token and epoch, in flight at this worker, was handed to it: 1 with BRK_RAW, 0
 * without, -1 when there is none. */
int brk_core_handed(const brk_core_t *self, uint64_t peer, uint64_t token, uint32_t epoch);
/* The peer cannot be reached any more. Unknown ids are ignored here and below. */
void brk_core_leave(brk_core_t *self, int64_t now, uint64_t peer);
/* A well-formed record of a peer. */
void brk_core_record(brk_core_t *self, int64_t now, uint64_t peer, const proto_record_t *record);
/* A record whose header was malformed; its id may be answered. */
void brk_core_malformed(brk_core_t *self, int64_t now, uint64_t peer, uint64_t id);
/* What has come after `until` may wait to be read: nobody is silent because of that, though not for ever.
 * Until this is called first, nothing waits. */
void brk_core_read_until(brk_core_t *self, int64_t until);
/* Looks at deadlines, silent peers and heartbeats; call when brk_core_next_deadline says so. */
void brk_core_tick(brk_core_t *self, int64_t now);
int64_t brk_core_next_deadline(const brk_core_t *self);
/* Refuses new requests of peers that are not workers themselves (a chat worker may still need the database),
 * and tells those who have said HELLO, so that they ask other brokers: ERROR shutting_down with id 0. */
void brk_core_drain(brk_core_t *self, int64_t now);
/* Nothing is queued or in flight any more. */
bool brk_core_idle(const brk_core_t *self);
/* Requests that wait for a worker or for its answer. */
uint64_t brk_core_under_way(const brk_core_t *self);
/* Called when a peer was forgotten (DISCONNECT, silence), so that the shell frees what it keeps of it. */
void brk_core_on_forget(brk_core_t *self, void (*forget)(void *arg, void *tag));
/* Called when a READY was refused because of its peer's right: `what` it may not do ("register",
 * "publish") and the service or path. */
typedef void(brk_refuse_fn)(void *arg, void *tag, const char *what, proto_bytes_t name);
void brk_core_on_refuse(brk_core_t *self, brk_refuse_fn *refuse);
/* What the table `config` shows: lines "key = value", without secrets; borrowed, NULL for none. */
void brk_core_settings(brk_core_t *self, const char *settings);
const brk_stats_t *brk_core_stats(const brk_core_t *self);
/* Asserts every invariant; costs time in proportion to everything there is. */
void brk_core_check(const brk_core_t *self);
/* Appends the answer of the broker's own service `muster` to an operation (services, workers, operations,
 * queues, inflight, stats, config, describe) as MessagePack; `arguments` is a map, or anything. -1 for an
 * unknown one. */
PROTO_MUST_CHECK int brk_core_table(const brk_core_t *self, int64_t now, proto_bytes_t operation,
                                    proto_bytes_t arguments, proto_buf_t *out);
/* Whether the broker itself answers `describe` for this service: its workers have published a catalogue, and
 * no operation of theirs has that name. */
bool brk_core_describes(const brk_core_t *self, proto_bytes_t service);
/* Appends the packed frames with which the broker answers the service `name`, which begins with "mmi."
 * (RFC 8). `started` is when the broker was (ms). */
void brk_core_mmi(const brk_core_t *self, int64_t now, int64_t started, uint64_t peer, proto_bytes_t name,
                  const proto_bytes_t *body, uint32_t count, proto_buf_t *out);
/* Dumps itself for people. */
void brk_core_show(const brk_core_t *self, int64_t now, proto_buf_t *out);

#endif
