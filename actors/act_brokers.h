/* SPDX-License-Identifier: MPL-2.0 */
/* The brokers of a worker: one wire each. The worker is registered with all of them under an epoch each, and
 * its window is divided over those that live. A broker that was silent for PROTO_EXPIRY_MS is given up: what
 * came by it is nobody's any more, the others get larger shares, and its wire tries to reach it for ever.
 * Thread: the worker's. */
#ifndef ACT_BROKERS_H
#define ACT_BROKERS_H

#include <poll.h>
#include <zmq.h>

#include "proto_wire.h"

enum { ACT_BROKERS = 64 /* most brokers of a worker */ };

typedef struct act_broker {
    proto_wire_t *wire;
    bool alive;                         /* not given up; at first it is taken to live */
    bool registered;                    /* it was told READY, and not DISCONNECT since */
    bool left;                          /* it knows that nothing is offered any more */
    bool unsent;                        /* the wire did not take all there is to say */
    uint32_t epoch;                     /* of the registration; what came under another is over */
    uint16_t share;                     /* of the window, as told */
    uint16_t owed;                      /* credit to give back for what was returned */
    int64_t registered_at, register_at; /* READY was said, and is to be said again (PROTO_NEVER) */
} act_broker_t;

typedef struct act_brokers {
    act_broker_t list[ACT_BROKERS];
    uint32_t count;
    uint16_t window;
    bool at_work; /* the brokers are to know the worker */
    bool leaving; /* but as one that offers nothing */
    const char *service;
    /* Puts READY, with the broker's epoch and share. */
    void (*ready)(void *arg, act_broker_t *broker);
    /* What was asked of this broker gets no answer; so does what came by it, if the epoch is another. May be
     * NULL. */
    void (*lost)(void *arg, act_broker_t *broker);
    void *arg;
    int64_t turned; /* when act_brokers_turn was called last, to notice a long stop */
    uint32_t reading;
    proto_batch_t batch; /* of list[reading] */
    bool has_batch;
} act_brokers_t;

/* Opens a wire to each. ready, lost, arg, window and service of *self are set by the caller, all else is 0.
 * `addresses` are borrowed. -1, told in the log, when one cannot be; close it in either case. */
PROTO_MUST_CHECK int act_brokers_open(act_brokers_t *self, void *context, const proto_address_t *addresses,
                                      uint32_t count, int64_t now);
/* Leaves, tries for at most `linger_ms` to hand over what was put, and closes the wires. */
void act_brokers_close(act_brokers_t *self, int64_t now, int linger_ms);
/* Registers with every broker, under new epochs: the worker begins. */
void act_brokers_register(act_brokers_t *self, int64_t now);
/* Says READY once more, in the same epochs: the worker offers something else. */
void act_brokers_announce(act_brokers_t *self);
/* Offers nothing any more, in the same epochs, and for good: requests under way go on, and those that come on
 * the way are to be returned. */
void act_brokers_withdraw(act_brokers_t *self);
/* Whether every broker that answers knows of that: no further request is on its way. */
bool act_brokers_withdrawn(const act_brokers_t *self, int64_t now);
/* Says DISCONNECT: the worker has nothing to offer for now. */
void act_brokers_leave(act_brokers_t *self);
/* A broker has said DISCONNECT: it has forgotten this worker, or refuses it. READY is said again, under a new
 * epoch, but not faster than every PROTO_HEARTBEAT_MS. */
void act_brokers_refused(act_brokers_t *self, int64_t now, act_broker_t *broker);
/* Call first after each wait. A process that was stopped for longer than its expiry is not who the brokers
 * know any more: it registers anew before it reads what it finds queued. */
void act_brokers_turn(act_brokers_t *self, int64_t now);
/* 1 with the next record and who sent it, valid until the next call; 0 when there is none. */
PROTO_MUST_CHECK int act_brokers_receive(act_brokers_t *self, int64_t now, act_broker_t **from,
                                         proto_record_t *record);
/* Call when act_brokers_receive has said 0: gives silent brokers up, says what is due. When to call again. */
int64_t act_brokers_tick(act_brokers_t *self, int64_t now);
/* Sends what was put. */
void act_brokers_flush(act_brokers_t *self, int64_t now);
/* Fills in what to wait for with zmq_poll(3), `count` items. */
void act_brokers_poll(act_brokers_t *self, zmq_pollitem_t *items);
/* The same for poll(2), which takes fewer system calls. Hand the items to act_brokers_told after the wait.
 * True when there may be something already, so that poll must not sleep. */
bool act_brokers_watch(act_brokers_t *self, struct pollfd *items);
void act_brokers_told(act_brokers_t *self, const struct pollfd *items);
/* When a wire that did not take all there is to say is to be tried again; PROTO_NEVER: all is said. */
int64_t act_brokers_again(const act_brokers_t *self, int64_t now);
/* Puts a record on a broker's wire. -1 when it can never be sent (see proto_record_append). */
PROTO_MUST_CHECK int act_brokers_put(act_broker_t *broker, const proto_record_t *record);

#endif
