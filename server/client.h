/* SPDX-License-Identifier: MPL-2.0 */
/* A blocking client of the broker for commands: one wire, one request at a time.
 * Thread: the command's. */
#ifndef SRV_CLIENT_H
#define SRV_CLIENT_H

#include "proto_catalogue.h"
#include "proto_wire.h"

typedef struct srv_client srv_client_t;

/* Connects to the broker at `address` (borrowed until the client is closed) and greets it. NULL with a
 * sentence in `why` when nobody answers there within two seconds. */
srv_client_t *srv_client_open(const proto_address_t *address, proto_buf_t *why);
void srv_client_close(srv_client_t **self);
/* The newest catalogue heard, waiting up to `wait_ms` for a first one; NULL when there is none. Borrowed. */
const proto_catalogue_t *srv_client_catalogue(srv_client_t *self, int64_t wait_ms);
/* Sends `request` (type, id and deadline are set here; the identity is that of the calling user, role admin)
 * and waits for its answer, at most timeout_ms. 0 and the FINAL or ERROR record, valid until the next call;
 * -1 when none came. */
PROTO_MUST_CHECK int srv_client_call(srv_client_t *self, proto_record_t request, int64_t timeout_ms,
                                     proto_record_t *answer);

/* The endpoint of the broker's local socket that the option --ipc means (its default when `path` is empty),
 * as "ipc:///path". -1 when the path is too long for a socket (sockaddr_un). */
PROTO_MUST_CHECK int srv_ipc_endpoint(const char *path, char *endpoint, size_t size);

#endif
