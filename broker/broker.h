/* SPDX-License-Identifier: MPL-2.0 */
/* The broker: one thread, its ROUTER sockets and the core. Peers inside this process and on the local socket
 * of this user are trusted: they may be workers and name whom they speak for. Peers of `open_endpoint`
 * (--dev) may only ask. */
#ifndef BROKER_H
#define BROKER_H

#include <czmq.h>
#include <stdint.h>

typedef struct broker_config {
    void *context;                        /* ZeroMQ context; outlives the thread */
    const char *inside;                   /* inproc:// endpoint */
    const char *local;                    /* ipc:// endpoint, made with mode 0600; NULL: none */
    const char *open_endpoint;            /* tcp:// endpoint; NULL: none */
    const char *open_subject, *open_role; /* who its peers are taken for */
    uint32_t queue;                       /* most waiting requests per service */
    const char *settings;                 /* for the table `config`: see brk_core_settings */
} broker_config_t;

/* Body of a zactor; `config` is a const broker_config_t * that must stay until the actor ended. Signals
 * that the thread runs (zactor's handshake), then 0 once it is bound, 1 when it cannot be (and logs why).
 * Takes on its pipe: "DRAIN" (refuse new requests, send "DRAINED" back once nothing is under way), "$TERM"
 * (stop). */
void broker_actor(zsock_t *pipe, void *config);

#endif
