/* SPDX-License-Identifier: MPL-2.0 */
/* The requests of a client that are not answered yet: which broker each goes to, which is sent again when a
 * broker or worker dies with it, and what is said of it when no answer comes. It is told what came and what
 * time it is, and calls `send` and `answer`. A core: no I/O.
 *
 * Promises, checked by muster_core_check and the tests:
 * - a request gets one last answer, by its deadline and MUSTER_GRACE_MS, unless it is cancelled;
 * - it is sent at most twice, and only once unless it reads or may be repeated; never again after a piece
 * came;
 * - what another broker than the one it is at says of it is not heard;
 * - once a write may have been done, no error says that it was not.
 * Thread: the owner's. */
#ifndef MUSTER_CORE_H
#define MUSTER_CORE_H

#include "proto_error.h"
#include "proto_record.h"
#include "proto_slab.h"
#include "proto_wheel.h"

enum {
    MUSTER_CORE_BROKERS = 16,
    MUSTER_CORE_REQUESTS = 1 << 20, /* most at once */
    MUSTER_GRACE_MS = 80 /* the broker answers by the deadline; its word should be heard, not ours */
};

typedef struct muster_pending muster_pending_t;

typedef struct muster_core_calls {
    /* Says this to a broker; `record` borrows. */
    void (*send)(void *arg, int broker, const proto_record_t *record);
    /* PARTIAL, FINAL or ERROR for the request with that id and tag; `record` borrows. After FINAL and ERROR
     * the core has forgotten the request. Must not call the core. */
    void (*answer)(void *arg, uint64_t id, void *tag, const proto_record_t *record);
} muster_core_calls_t;

/* What a request may look like beside its record. */
typedef struct muster_ask {
    const proto_record_t *record; /* `deadline` is the whole one; the id is given here */
    bool reads;
    bool repeats; /* a write whose workers keep what they did under its key: doing it again does nothing */
    int only;     /* the broker it must go to; -1: any */
    void *tag;    /* the owner's */
} muster_ask_t;

typedef struct muster_core {
    muster_core_calls_t calls;
    void *arg;
    int broker_count;
    uint32_t next; /* the broker that is asked first among equals */
    int64_t connect_ms;
    bool alive[MUSTER_CORE_BROKERS];
    uint32_t in_flight[MUSTER_CORE_BROKERS];
    muster_pending_t *lists[MUSTER_CORE_BROKERS + 1]; /* rings: without a broker, then at each */
    proto_slab_t requests;
    proto_wheel_t wheel;
    proto_buf_t body;
} muster_core_t;

/* A core for so many brokers, none alive yet; a request waits at most connect_ms for one. */
void muster_core_init(muster_core_t *self, int broker_count, int64_t connect_ms,
                      const muster_core_calls_t *calls, void *arg, int64_t now);
void muster_core_free(muster_core_t *self);
/* The broker answers (again): it is given what waits. It does not, or has forgotten us: what it had is lost.
 */
void muster_core_up(muster_core_t *self, int broker, int64_t now);
void muster_core_down(muster_core_t *self, int broker, int64_t now);
/* A new request; its id, 0 when there are too many or the record cannot be encoded. */
uint64_t muster_core_ask(muster_core_t *self, const muster_ask_t *ask, int64_t now);
/* PARTIAL, FINAL or ERROR from a broker. */
void muster_core_record(muster_core_t *self, int broker, const proto_record_t *record, int64_t now);
/* Forgets a request, and tells its broker. Its tag in *tag; false when there is none of that id. */
bool muster_core_cancel(muster_core_t *self, uint64_t id, void **tag);
/* Any request left, and its id; 0 when there is none. */
uint64_t muster_core_any(const muster_core_t *self);
/* Answers what is late; when to call next. */
int64_t muster_core_tick(muster_core_t *self, int64_t now);
/* Asserts every invariant. */
void muster_core_check(const muster_core_t *self);

#endif
