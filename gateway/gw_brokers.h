/* SPDX-License-Identifier: MPL-2.0 */
/* The brokers of one gateway thread: a wire to each, whether it lives, and which of them gets the next
 * request. All of them are equal: whatever one answers, another could have. Thread: the gateway's. */
#ifndef GW_BROKERS_H
#define GW_BROKERS_H

#include <uv.h>

#include "proto_wire.h"

enum { GW_BROKERS = 16 /* most of them */ };

typedef struct gw_gateway gw_gateway_t;

typedef struct gw_broker {
    const proto_address_t *address;
    proto_wire_t *wire;
    uv_poll_t *poll;             /* of the wire's descriptor; a new one with each new socket */
    uint32_t waiting;            /* requests that it has of us */
    bool lives;                  /* when it was looked at last: what the log has said */
    bool leaves;                 /* it has said that it is ending */
    int64_t hello_at, hello_due; /* HELLO was said, and is to be said again (INT64_MAX) */
} gw_broker_t;

typedef struct gw_brokers {
    gw_broker_t all[GW_BROKERS];
    uint32_t count;
    uint32_t next;    /* which is asked first among equals */
    int64_t looked;   /* when they were looked at last */
    int64_t judge_at; /* none is given up before that: this process was stopped itself */
} gw_brokers_t;

/* Opens a wire to each and says HELLO; -1 with a logged reason. */
PROTO_MUST_CHECK int gw_brokers_open(gw_gateway_t *self, int64_t now);
/* Watches their descriptors; -1 when the loop will not. */
PROTO_MUST_CHECK int gw_brokers_watch(gw_gateway_t *self);
/* Stops watching: before the loop is closed. */
void gw_brokers_unwatch(gw_gateway_t *self);
/* Says DISCONNECT and closes the wires. */
void gw_brokers_close(gw_gateway_t *self);
/* Sends what was put to those whose connections hold. */
void gw_brokers_send(gw_gateway_t *self);
/* Takes what they have sent; false when there was nothing. */
bool gw_brokers_drain(gw_gateway_t *self);
/* Whether there is more to take, now that the loop is about to wait. */
bool gw_brokers_have(gw_gateway_t *self);
/* Whether something has come, or may have: see proto_wire_filled. `self` is the gateway. */
bool gw_brokers_filled(const void *self);
/* Gives up those that are dead; call when gw_brokers_drain has said false. Their requests get their end. */
void gw_brokers_look(gw_gateway_t *self);
/* Sends what was put, and heartbeats; when to call again. */
int64_t gw_brokers_flush(gw_gateway_t *self);

/* A broker has said DISCONNECT: it has forgotten us, or we may not speak to it any more. HELLO is said again,
 * not faster than every PROTO_HEARTBEAT_MS. */
void gw_brokers_forgotten(gw_gateway_t *self, gw_broker_t *broker);

/* A broker has said that it is ending: others are asked from now on, as long as there are some. */
void gw_brokers_leaves(gw_gateway_t *self, gw_broker_t *broker);

/* The living broker with the fewest requests of ours, in turn among equals, and none of those in the mask
 * `tried`; one that is ending only when there is no other. NULL when there is no such. */
gw_broker_t *gw_brokers_choose(gw_gateway_t *self, uint32_t tried);
/* How many live. */
uint32_t gw_brokers_alive(const gw_brokers_t *self);
/* Its bit in such a mask. */
uint32_t gw_brokers_bit(const gw_gateway_t *self, const gw_broker_t *broker);

#endif
