/* SPDX-License-Identifier: MPL-2.0 */
/* The parts of `muster serve` as threads of this process: started in order, drained and stopped in the
 * reverse one. Thread: main. */
#ifndef SRV_SERVE_H
#define SRV_SERVE_H

#include "act_current.h"
#include "binds.h"
#include "config.h"

typedef struct srv_serve srv_serve_t;

/* What was read before anything starts; borrowed until srv_serve_stop. */
typedef struct srv_serve_plan {
    const srv_config_t *config;
    act_current_t *programs;
    const char *address; /* of HTTP */
    uint16_t port;
    const char *cors_origins; /* whose pages may read answers; see gw_cors_parse */
    const char *local;        /* ipc:// endpoint of the broker */
    const srv_binds_t *binds; /* what the broker opens to others */
} srv_serve_plan_t;

/* Starts broker, actors and gateways, each under way when this returns. NULL with a sentence in `why`; then
 * nothing runs. */
srv_serve_t *srv_serve_start(const srv_serve_plan_t *plan, proto_buf_t *why);
/* plan->programs has a newer program: tells the actors. */
void srv_serve_reload(srv_serve_t *self);
/* plan->binds has a newer text of the rights file: tells the broker. */
void srv_serve_renew_rights(srv_serve_t *self, const srv_binds_t *binds);
/* Lets what is under way finish, for at most `drain_ms`: gateways first, then the broker. `interrupted` is
 * asked meanwhile, and ends the wait. */
void srv_serve_drain(srv_serve_t *self, int64_t drain_ms, bool (*interrupted)(void));
/* Ends all threads. Nulls the pointer. */
void srv_serve_stop(srv_serve_t **self);

#endif
