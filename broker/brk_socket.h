/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: making the broker's ROUTER sockets and binding them. Thread: the broker's. */
#ifndef BRK_SOCKET_H
#define BRK_SOCKET_H

#include "proto_assert.h"

/* A ROUTER with the broker's limits, not bound yet; closed by the caller with zmq_close. NULL with errno when
 * sockets ran out. */
void *brk_socket_new(void *context);
/* Binds one more endpoint; an ipc:// socket is made with mode 0600. -1 and a log line when it cannot. */
PROTO_MUST_CHECK int brk_socket_bind(void *socket, const char *endpoint);

#endif
