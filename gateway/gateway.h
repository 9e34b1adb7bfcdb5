/* SPDX-License-Identifier: MPL-2.0 */
/* The HTTP gateway: one thread with its own loop (libuv), listening socket (SO_REUSEPORT) and wires to
 * the brokers. Start as many as you like; they share nothing but the
 * table of rate limits. It needs no database and no files: it learns
 * the catalogue from the brokers. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <czmq.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gw_keyring.h"
#include "gw_token.h"
#include "gw_limit.h"
#include "gw_proxies.h"
#include "gw_redis_url.h"
#include "proto_metrics.h"
#include "proto_wire.h"

typedef struct gateway_config {
    void *context;                                    /* ZeroMQ context; outlives the thread */
    proto_metrics_t *metrics;                         /* where its figures go; outlives the thread */
    const proto_address_t *brokers;                   /* all of them; borrowed */
    uint32_t broker_count;                            /* 1..GW_BROKERS */
    atomic_bool *ready;                               /* set once endpoints are known */
    const char *address;                              /* numeric IPv4 or IPv6 address to listen on */
    uint16_t port;                                    /* 1..65535 */
    bool dev;                                         /* everybody is user "dev" with role admin */
    gw_keyring_t *keyring;                            /* keys of tokens; NULL with `dev` */
    gw_token_rules_t token_rules;                     /* what else is asked of tokens */
    const char *cors_origins;                         /* see gw_cors_parse */
    bool access_log;                                  /* a line per request on stderr */
    uint32_t connections;                             /* most at once */
    uint32_t per_address;                             /* most of one peer address */
    uint32_t max_head;                                /* bytes */
    uint32_t max_body;                                /* bytes */
    uint32_t max_upload;                              /* bytes of a body with files that have bounds */
    size_t uploads;                                   /* bytes of all forms in pieces at once */
    int64_t head_timeout, body_timeout, idle_timeout; /* ms */
    gw_limit_t *limit;           /* shared by all gateway threads of the process; NULL: no rate limits */
    const gw_proxies_t *proxies; /* whose X-Forwarded-For is believed */
    const gw_redis_url_t *redis; /* where counts are shared; NULL: nowhere */
} gateway_config_t;

/* Body of a thread; `config` is a const gateway_config_t * that must stay until the actor ended. Signals 0
 * once it listens, 1 when it cannot (and logs why). Takes on its pipe: "KEYS" (the keyring has newer keys),
 * "LEAVE" (serve on, but say not ready, and close each connection behind its next answer), "DRAIN" (stop
 * listening, say not ready, finish what is under way, then send back "DRAINED"), "$TERM" (stop at once). */
void gateway_actor(zsock_t *pipe, void *config);

#endif
