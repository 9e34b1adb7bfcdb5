/* SPDX-License-Identifier: MPL-2.0 */
/* A thread with a pipe to it, which is joined. czmq's zactor runs its body in a detached thread: one that
 * still clears up while main returns meets the exit handlers of libraries that keep something for each
 * thread, as libcrypto does. Thread: the one that started it. */
#ifndef SRV_THREAD_H
#define SRV_THREAD_H

#include <czmq.h>

#include "proto_assert.h"

typedef struct srv_thread srv_thread_t;

/* Runs `run` with its end of the pipe, and `config`, which must stay until srv_thread_end. Waits for its
 * first signal: 0 when it could begin; NULL, the thread joined, when it could not and has told the log why.
 */
PROTO_MUST_CHECK srv_thread_t *srv_thread_start(zactor_fn *run, void *config);

/* This end of the pipe, for zstr_send and the like. Stays the thread's. */
zsock_t *srv_thread_pipe(const srv_thread_t *self);

/* Tells it "$TERM", without waiting. */
void srv_thread_stop(const srv_thread_t *self);

/* srv_thread_stop, then waits until it ended. NULL is fine. */
void srv_thread_end(srv_thread_t **self_pointer);

#endif
