/* SPDX-License-Identifier: MPL-2.0 */
/* The listener: tells all gateways which tokens were revoked, from a connection of its own that LISTENs. It
 * is a worker of the service `muster.revoked` (docs/protocol.md): once a second, and at once when the
 * database notifies, it reads what its last snapshot of muster.revocations did not see, and publishes that,
 * numbered, also when it is nothing: then it says that the database was asked. Who has missed something asks
 * it for a snapshot, which is read when it is asked for. */
#ifndef ACT_LISTEN_H
#define ACT_LISTEN_H

#include <czmq.h>

#include "proto_wire.h"

typedef struct act_listen_config {
    void *context;                  /* ZeroMQ context; outlives the thread */
    const proto_address_t *brokers; /* all of them; borrowed */
    uint32_t broker_count;          /* at least 1 */
    const char *conninfo;           /* of the primary; borrowed */
} act_listen_config_t;

/* Body of a thread; `config` is a const act_listen_config_t * that must stay until the actor ended. Signals
 * 0 once it is at work, 1 when it cannot. Takes "DRAIN" (finishes what it has, then sends back "DRAINED")
 * and "$TERM". */
void act_listen_actor(zsock_t *pipe, void *config);

#endif
