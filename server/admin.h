/* SPDX-License-Identifier: MPL-2.0 */
/* The admin address: a small HTTP server on an address and a thread of its own, so that looking at a process
 * never delays what it is for. GET /metrics is Prometheus' text, GET / a page with charts, GET /status.json
 * what that page asks for. It takes nothing else, and asks nobody who they are: it belongs on loopback or
 * into a network of its own. */
#ifndef SRV_ADMIN_H
#define SRV_ADMIN_H

#include <czmq.h>

#include "proto_metrics.h"

typedef struct srv_admin_config {
    proto_metrics_t *metrics; /* what it shows; outlives the thread */
    const char *address;      /* numeric IPv4 or IPv6 address to listen on */
    uint16_t port;            /* 1..65535 */
} srv_admin_config_t;

/* Body of a thread; `config` is a const srv_admin_config_t * that must stay until the actor ended. Signals 0
 * once it listens, 1 when it cannot (and logs why). Takes "$TERM". */
void srv_admin_actor(zsock_t *pipe, void *config);

#endif
