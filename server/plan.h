/* SPDX-License-Identifier: MPL-2.0 */
/* What a process is going to run, checked before anything starts, so that what is wrong is one sentence and
 * no half-started server. Thread: main. */
#ifndef SRV_PLAN_H
#define SRV_PLAN_H

#include "act_auth.h"
#include "binds.h"
#include "gw_keyring.h"
#include "gw_proxies.h"
#include "gw_redis_url.h"

/* The parts of a server; `muster serve` runs all of them in one process. */
typedef enum { SRV_PART_BROKER = 1, SRV_PART_GATEWAYS = 2, SRV_PART_ACTORS = 4 } srv_part_t;
#define SRV_PARTS_ALL ((unsigned)(SRV_PART_BROKER | SRV_PART_GATEWAYS | SRV_PART_ACTORS))

typedef struct srv_plan {
    const srv_config_t *config;
    unsigned parts; /* of srv_part_t */
    /* broker */
    char local[SRV_ENDPOINT]; /* its ipc:// endpoint */
    srv_binds_t binds;        /* what it opens to others */
    /* gateways */
    char address[64]; /* of HTTP */
    uint16_t port;
    gw_keyring_t *keyring;    /* who signs tokens; NULL with --dev */
    const char *cors_origins; /* whose pages may read answers; see gw_cors_parse */
    bool limits;              /* requests are limited */
    gw_proxies_t proxies;
    gw_redis_url_t redis; /* its host is empty when there is none */
    /* the admin address; port 0: none */
    char admin_address[64];
    uint16_t admin_port;
    /* actors */
    act_current_t *programs; /* set by the caller */
    act_auth_config_t login; /* of it what settings say */
    proto_buf_t secret;      /* that tokens are signed with */
    /* gateways and actors: the brokers; inside this process when it runs one */
    srv_addresses_t addresses;
    const proto_address_t *brokers;
    uint32_t broker_count;
} srv_plan_t;

/* Sets up the log, and checks what these parts need: addresses, ports, sockets, connection strings, keys.
 * `config` is borrowed. -1 with a sentence in `why`. Free with srv_plan_free in either case; the plan must
 * not move meanwhile. */
PROTO_MUST_CHECK int srv_plan_make(srv_plan_t *self, const srv_config_t *config, unsigned parts,
                                   proto_buf_t *why);
void srv_plan_free(srv_plan_t *self);

#endif
