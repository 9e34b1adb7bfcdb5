/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: the thread of a client or worker with a wire to each of its brokers. It connects, keeps
 * heartbeats, notices who is dead and introduces itself again; what to say and what came is its owner's. One
 * lock guards everything of the owner, and the batches that records are put into; the sockets are the
 * thread's alone. In: whatever brokers send. Out: HEARTBEAT, and what the owner puts. */
#ifndef MUSTER_IO_H
#define MUSTER_IO_H

#include <pthread.h>

#include "muster_brokers.h"

typedef struct muster_io muster_io_t;

/* All run on the thread, with the lock held. */
typedef struct muster_io_calls {
    /* A worker that was itself stopped for long takes all brokers for such that have forgotten it, before it
     * reads what had come; a client reads first. */
    bool forgets;
    /* Introduce yourself to that broker (HELLO, READY): it was never told, or has forgotten us. */
    void (*greet)(void *arg, int broker, int64_t now);
    /* The broker has answered since, or does not any more (dead, or it has forgotten us). */
    void (*alive)(void *arg, int broker, bool alive, int64_t now);
    void (*record)(void *arg, int broker, const proto_record_t *record, int64_t now);
    /* Once each time around: the time for what waits. When to come again at the latest. */
    int64_t (*turn)(void *arg, int64_t now);
} muster_io_calls_t;

/* Takes the configuration and opens sockets; starts no thread yet. NULL with a sentence in `why`. */
muster_io_t *muster_io_new(const muster_config_t *config, const muster_io_calls_t *calls, void *arg,
                           const char *name, proto_buf_t *why);
/* Starts the thread. -1 when there are no more threads. */
PROTO_MUST_CHECK int muster_io_start(muster_io_t *self);
/* Ends the thread after what was put has gone out, and frees everything. Without the lock. */
void muster_io_free(muster_io_t **self);

void muster_io_lock(muster_io_t *self);
void muster_io_unlock(muster_io_t *self);
/* Makes the thread go around. Async-signal-safe, from any thread. */
void muster_io_wake(muster_io_t *self);
/* Waits for the condition to be signalled, at most until `until` (proto_clock_ms; PROTO_NEVER: without end).
 */
void muster_io_wait(muster_io_t *self, pthread_cond_t *condition, int64_t until);
/* A condition for muster_io_wait. */
void muster_io_condition(pthread_cond_t *condition);

int muster_io_brokers(const muster_io_t *self);
const char *muster_io_endpoint(const muster_io_t *self, int broker);
/* With the lock held. */
bool muster_io_alive(const muster_io_t *self, int broker);
int muster_io_alive_count(const muster_io_t *self);
/* With the lock held; goes out when the thread goes around. False when it can never be sent. */
bool muster_io_put(muster_io_t *self, int broker, const proto_record_t *record);
/* With the lock held: whether the network took all that was put before the last time around. */
bool muster_io_clear(const muster_io_t *self, int broker);

#endif
