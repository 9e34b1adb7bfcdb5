/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's state machine: who gets which message. It is told what a peer said and what time it is, and
 * calls `send` for what is to be said to whom. It knows no socket, so a simulation can drive it through years
 * of accidents. A core: no I/O.
 *
 * Promises, checked by brk_core_check and the simulation:
 * - a request gets at most one final answer, and exactly one by its deadline while its client stays;
 * - a request is handed to at most one worker, unless that one gave it back unstarted (RETURN);
 * - a worker is given nothing beyond its window, and is given nothing while it works on an exclusive request;
 * - queues are bounded in count, bytes and age, and take turns over operations and clients;
 * - `no_worker`, `overloaded`, `expired` and `shutting_down` mean: certainly not executed.
 * Thread: the broker's. */
#ifndef BRK_CORE_H
#define BRK_CORE_H

#include "proto_record.h"
#include "proto_error.h"

typedef struct brk_core brk_core_t;

/* How the core speaks to the peer that joined with `tag`: `record` borrows from whatever is at hand and must
 * be used up before returning. */
typedef void(brk_send_fn)(void *arg, void *tag, const proto_record_t *record);

typedef struct brk_limits {
    uint32_t peers;             /* most peers at once */
    uint32_t requests;          /* most requests queued and in flight together */
    uint32_t queue_count;       /* most waiting requests of a service ... */
    uint64_t queue_bytes;       /* ... and the most bytes they may take */
    int64_t queue_ms;           /* longest wait for a worker */
    int64_t deadline_ms;        /* longest deadline a client may ask for */
    const char *subject, *role; /* identity of peers that may not name one (--dev: "dev", "admin"; else "") */
} brk_limits_t;

/* Counters since the start. */
typedef struct brk_stats {
    uint64_t requests, answered, queued, refused, expired, timed_out, cancelled, returned, late, rejected,
        workers_lost;
} brk_stats_t;

/* A core that speaks by send(arg, ...). `limits` is copied. */
brk_core_t *brk_core_new(const brk_limits_t *limits, brk_send_fn *send, void *arg, int64_t now);
void brk_core_free(brk_core_t **self);
/* A peer that was not known; `trusted` peers may be workers and name identities. `tag` is what the shell
 * keeps of it. 0 when there are too many peers. */
uint64_t brk_core_join(brk_core_t *self, int64_t now, bool trusted, void *tag);
/* The peer cannot be reached any more. Unknown ids are ignored here and below. */
void brk_core_leave(brk_core_t *self, int64_t now, uint64_t peer);
/* A well-formed record of a peer. */
void brk_core_record(brk_core_t *self, int64_t now, uint64_t peer, const proto_record_t *record);
/* A record whose header was malformed; its id may be answered. */
void brk_core_malformed(brk_core_t *self, int64_t now, uint64_t peer, uint64_t id);
/* Looks at deadlines, silent peers and heartbeats; call when brk_core_next_deadline says so. */
void brk_core_tick(brk_core_t *self, int64_t now);
int64_t brk_core_next_deadline(const brk_core_t *self);
/* Refuses new requests of peers that are not workers themselves (a chat worker may still need the database).
 */
void brk_core_drain(brk_core_t *self);
/* Nothing is queued or in flight any more. */
bool brk_core_idle(const brk_core_t *self);
/* Called when a peer was forgotten (DISCONNECT, silence), so that the shell frees what it keeps of it. */
void brk_core_on_forget(brk_core_t *self, void (*forget)(void *arg, void *tag));
/* What the table `config` shows: lines "key = value", without secrets; borrowed, NULL for none. */
void brk_core_settings(brk_core_t *self, const char *settings);
const brk_stats_t *brk_core_stats(const brk_core_t *self);
/* Asserts every invariant; costs time in proportion to everything there is. */
void brk_core_check(const brk_core_t *self);
/* Appends the answer of the broker's own service `muster` to an operation (services, workers, queues,
 * inflight, stats, config) as MessagePack. -1 for an unknown one. */
PROTO_MUST_CHECK int brk_core_table(const brk_core_t *self, int64_t now, proto_bytes_t operation,
                                    proto_buf_t *out);
/* Dumps itself for people. */
void brk_core_show(const brk_core_t *self, int64_t now, proto_buf_t *out);

#endif
