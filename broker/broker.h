/* SPDX-License-Identifier: MPL-2.0 */
/* The broker: one thread, its ROUTER sockets and the core. Peers inside this process may do everything, those
 * on the local socket of this user too, unless the rights file says otherwise. Peers of the other endpoints
 * are known by their CURVE keys, and may do what the rights file grants to these; without keys (--dev) all
 * have brk_right_dev. Native and Majordomo peers share the sockets. */
#ifndef BROKER_H
#define BROKER_H

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto_hub.h"
#include "proto_metrics.h"

typedef struct broker_config {
    void *context;            /* ZeroMQ context; outlives the thread */
    proto_metrics_t *metrics; /* where its figures go; outlives the thread */
    proto_hub_t *hub;         /* of peers in this process; NULL: none */
    const char *inside;       /* inproc:// endpoint, for the others of them */
    const char *local;        /* ipc:// endpoint, made with mode 0600; NULL: none */
    const char *const *binds; /* tcp:// endpoints for others */
    uint32_t bind_count;
    const char *secret_key; /* of the broker, Z85: `binds` are CURVE servers; NULL: open to all */
    bool open_workers;      /* then to the database's workers, too */
    const char *rights;     /* text of the rights file; NULL: there is none */
    uint32_t queue;         /* most waiting requests per service */
    uint32_t peers;         /* most peers at once */
    int64_t max_message;    /* longest frame taken, bytes */
    const char *settings;   /* for the table `config`: see brk_core_settings */
} broker_config_t;

/* Body of a thread; `config` is a const broker_config_t * that must stay until the actor ended. Signals 0
 * once it is bound, 1 when it cannot be (and logs why). Takes on its pipe: "DRAIN" (refuse new requests,
 * send "DRAINED" back once nothing is under way), "RIGHTS" and the text of the rights file (which replaces
 * the former at once), "$TERM" (stop). */
void broker_actor(zsock_t *pipe, void *config);

#endif
