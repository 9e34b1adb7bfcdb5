/* SPDX-License-Identifier: MPL-2.0 */
/* A database actor: one thread, one asynchronous libpq connection, one wire to the broker, where it is a
 * worker of the service "db" or "db.read". It registers once its statements are prepared, and leaves while
 * the database is away. */
#ifndef ACT_DB_H
#define ACT_DB_H

#include <czmq.h>
#include <stdatomic.h>

#include "act_current.h"
#include "proto_metrics.h"
#include "proto_wire.h"

typedef struct act_db_config {
    void *context;                  /* ZeroMQ context; outlives the thread */
    proto_metrics_t *metrics;       /* where its figures go; outlives the thread */
    const proto_address_t *brokers; /* all of them; borrowed */
    uint32_t broker_count;          /* at least 1 */
    const char *service;            /* "db": all operations; "db.read": those marked @replica, at a replica */
    const char *conninfo;           /* libpq connection URI or keywords; never logged */
    act_current_t *programs;        /* shared by all actors */
    uint16_t window;                /* requests accepted at once */
    bool takes_slow;                /* offers @slow operations too */
    int64_t statement_timeout;      /* ms */
    const char *claims_roles;       /* see act_claims_role; "": @claims takes nobody's role on */
    int64_t key_ttl;                /* ms that answers are kept under their idempotency keys */
    unsigned number;                /* 1.., for the log and application_name */
    atomic_bool *ready;             /* set once a broker has taken this worker */
} act_db_config_t;

/* Body of a thread; `config` is a const act_db_config_t * that must stay until the actor ended. Signals 0:
 * connecting goes on in the background, for ever; or 1 when it cannot reach the broker's endpoint. Takes
 * "RELOAD" (there is a newer program), "DRAIN" (offers nothing more, finishes what it has, then sends back
 * "DRAINED") and "$TERM": answers what is under way for at most two seconds, then ends. */
void act_db_actor(zsock_t *pipe, void *config);

#endif
