/* SPDX-License-Identifier: MPL-2.0 */
/* Cancelling what a connection runs. libpq 15 can do that only in a call that blocks (PQcancel connects to
 * the server, and waits until it closes), so it is a thread's, begun with the first cancel. One cancel at a
 * time. Thread: the owner's; the functions share a mutex with the helper thread. */
#ifndef ACT_CANCEL_H
#define ACT_CANCEL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "proto_assert.h"

typedef struct act_cancel act_cancel_t;

/* Without a thread yet. NULL when there are no descriptors left. */
act_cancel_t *act_cancel_new(void);
/* Asks the server to cancel what this connection runs. It may be closed meanwhile. -1 when another one is
 * under way, or it cannot be done. */
PROTO_MUST_CHECK int act_cancel_start(act_cancel_t *self, PGconn *conn);
/* Whether one is under way, or its end was not taken. */
bool act_cancel_busy(act_cancel_t *self);
/* Readable when a cancel has ended. */
int act_cancel_fd(const act_cancel_t *self);
/* True when a cancel has ended since the last call: the server has sent its signal, or cannot be reached. */
bool act_cancel_take(act_cancel_t *self);
/* Ends the thread, and waits a second for it. A call that blocks for longer (at most tcp_user_timeout and the
 * keepalives of the connection) is left to its thread, which frees everything when it returns. Nulls the
 * pointer. */
void act_cancel_free(act_cancel_t **self);

#endif
