/* SPDX-License-Identifier: MPL-2.0 */
/* The auth actor: a worker of the service "auth" that lets people register and log in. It reaches the
 * database only through the broker, as a client of "db" with the role `login`. A login: look the user up
 * (auth_user_by_email), compare the password (act_password), write down how it went (auth_audit), answer with
 * a token (act_token). Every login does all of that, whatever is wrong with it. A registration: hash the
 * password, make the user (auth_create_user). */
#ifndef ACT_AUTH_H
#define ACT_AUTH_H

#include <czmq.h>

#include "act_current.h"
#include "proto_wire.h"

typedef struct act_auth_config {
    void *context;                  /* ZeroMQ context; outlives the thread */
    const proto_address_t *brokers; /* all of them; borrowed */
    uint32_t broker_count;          /* at least 1 */
    act_current_t *programs;        /* their endpoint files declare what the service's operations take */
    const char *secret;             /* what tokens are signed with; not "" */
    int64_t token_s;                /* how long they are good, seconds */
    const char *admin_email;        /* who is the admin, in no table; "": nobody */
    const char *admin_hash;         /* bcrypt */
    int threads, cost;              /* of bcrypt: see act_password.h */
} act_auth_config_t;

/* Body of a thread; `config` is a const act_auth_config_t * that must stay until the actor ended. Signals 0
 * once it has said READY, 1 when it cannot. Takes "RELOAD" (there is a newer program), "SECRET" with another
 * secret, "DRAIN" (offers nothing more, finishes what it has, then sends back "DRAINED"), "$TERM". */
void act_auth_actor(zsock_t *pipe, void *config);

#endif
