/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: making the broker's ROUTER sockets and binding them. Thread: the broker's. */
#ifndef BRK_SOCKET_H
#define BRK_SOCKET_H

#include <poll.h>
#include <stdint.h>

#include "proto_assert.h"

typedef struct brk_socket_options {
    int64_t max_message;    /* longest frame, bytes; a longer one ends its connection */
    int outbound;           /* most messages that wait for one peer to take them ... */
    int inbound;            /* ... and of one peer, to be read */
    const char *secret_key; /* Z85: a CURVE server (RFC 26) with this key, whose clients the ZAP handler must
                               let in; NULL: no CURVE, and ZAP is not asked */
} brk_socket_options_t;

/* A ROUTER with these limits, not bound yet; closed by the caller with zmq_close. NULL with errno when
 * sockets ran out or the key is malformed. */
void *brk_socket_new(void *context, const brk_socket_options_t *options);
/* Binds one more endpoint; an ipc:// socket is made with mode 0600. -1 and a log line when it cannot. */
PROTO_MUST_CHECK int brk_socket_bind(void *socket, const char *endpoint);

/* The descriptor that tells of a socket's events; of NULL one that poll passes over. */
struct pollfd brk_socket_item(void *socket);

#endif
