/* SPDX-License-Identifier: MPL-2.0 */
/* The chat actor: a worker of the service "chat" that reaches the database only through the broker, as a
 * client of "db". One request: read the agent (chat_context), ask the provider, store both messages in one
 * transaction (chat_store), answer. */
#ifndef ACT_CHAT_H
#define ACT_CHAT_H

#include <czmq.h>

#include "act_current.h"
#include "act_provider.h"
#include "proto_wire.h"

typedef struct act_chat_config {
    void *context;                  /* ZeroMQ context; outlives the thread */
    const proto_address_t *brokers; /* all of them; borrowed */
    uint32_t broker_count;          /* at least 1 */
    act_current_t *programs;        /* their endpoint files declare what the service's operations take */
    act_provider_t *provider;
} act_chat_config_t;

/* Body of a thread; `config` is a const act_chat_config_t * that must stay until the actor ended. Signals 0
 * once it has said READY, 1 when it cannot. Takes "RELOAD" (there is a newer program), "DRAIN" (offers
 * nothing more, finishes what it has, then sends back "DRAINED"), "$TERM": finishes what is under way for at
 * most two seconds, then ends. */
void act_chat_actor(zsock_t *pipe, void *config);

#endif
