/* SPDX-License-Identifier: MPL-2.0 */
/* A worker's registrations. Thread: the worker's. In: whatever brokers say, for the owner to read; any sign
 * of life. Out: HEARTBEAT, DISCONNECT; READY by the owner's hand. */
#include "act_brokers.h"

#include <errno.h>
#include <string.h>

#include "act_share.h"
#include "proto_clock.h"
#include "proto_log.h"

enum { S_LEAVE_ID = 1, S_AGAIN_MS = 10 };

int act_brokers_open(act_brokers_t *self, void *context, const proto_address_t *addresses, uint32_t count,
                     int64_t now)
{
    PROTO_ASSERT(count <= ACT_BROKERS);
    self->turned = now;
    for (uint32_t i = 0; i < count; i++) {
        act_broker_t *broker = &self->list[i];
        broker->wire = proto_wire_open(context, &addresses[i], now);
        if (!broker->wire) {
            proto_log(PROTO_LOG_ERROR, "actors", "there is no way to the broker %s: %s",
                      addresses[i].endpoint, strerror(errno));
            return -1;
        }
        broker->alive = true;
        broker->register_at = PROTO_NEVER;
        self->count++;
    }
    return 0;
}

int act_brokers_put(act_broker_t *broker, const proto_record_t *record)
{
    return proto_wire_put(broker->wire, record);
}

void act_brokers_close(act_brokers_t *self, int64_t now, int linger_ms)
{
    act_brokers_leave(self);
    act_brokers_flush(self, now);
    for (uint32_t i = 0; i < self->count; i++)
        proto_wire_close(&self->list[i].wire, linger_ms);
    self->count = 0;
}

static uint32_t s_live(const act_brokers_t *self)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < self->count; i++)
        live += self->list[i].alive;
    return live;
}

/* A broker's share; that of one given up is what it gets when it is back. */
static uint16_t s_share(const act_brokers_t *self, const act_broker_t *broker)
{
    uint32_t rank = 0;
    if (!broker->alive)
        return act_share(self->window, s_live(self) + 1, s_live(self));
    for (uint32_t i = 0; &self->list[i] != broker; i++)
        rank += self->list[i].alive;
    return act_share(self->window, s_live(self), rank);
}

/* READY, by the owner's hand, or one without offers. The broker repeats its id in a HEARTBEAT, which no
 * REQUEST can follow. */
static void s_tell(act_brokers_t *self, act_broker_t *broker)
{
    static const uint8_t no_offers[] = {0x81, 0xa6, 'o', 'f', 'f', 'e', 'r', 's', 0x90};
    if (!self->leaving) {
        self->ready(self->arg, broker);
        return;
    }
    proto_record_t ready = {
        .type = PROTO_READY,
        .number = broker->share,
        .id = S_LEAVE_ID,
        .epoch = broker->epoch,
        .service = proto_bytes_of(self->service),
        .body = {no_offers, sizeof no_offers},
    };
    broker->left = false;
    PROTO_ASSERT(proto_wire_put(broker->wire, &ready) == 0);
}

/* What this broker knew of the worker is over; it is told READY under a new epoch. */
static void s_begin(act_brokers_t *self, int64_t now, act_broker_t *broker)
{
    broker->epoch = (uint32_t)proto_clock_random();
    broker->owed = 0;
    broker->register_at = PROTO_NEVER;
    if (!self->at_work)
        return;
    broker->registered = true;
    broker->registered_at = now;
    broker->share = s_share(self, broker);
    s_tell(self, broker);
}

static void s_lost(act_brokers_t *self, act_broker_t *broker)
{
    broker->epoch = (uint32_t)proto_clock_random(); /* answers find that it is not theirs */
    if (self->lost)
        self->lost(self->arg, broker);
}

void act_brokers_register(act_brokers_t *self, int64_t now)
{
    self->at_work = true;
    for (uint32_t i = 0; i < self->count; i++)
        s_begin(self, now, &self->list[i]);
}

void act_brokers_announce(act_brokers_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->list[i].registered)
            s_tell(self, &self->list[i]);
}

void act_brokers_withdraw(act_brokers_t *self)
{
    self->leaving = true;
    act_brokers_announce(self);
}

bool act_brokers_withdrawn(const act_brokers_t *self, int64_t now)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const act_broker_t *broker = &self->list[i];
        bool refused = broker->register_at != PROTO_NEVER; /* it does not know the worker */
        if (broker->registered && !broker->left && !refused && proto_wire_alive(broker->wire, now))
            return false;
    }
    return self->leaving;
}

void act_brokers_leave(act_brokers_t *self)
{
    self->at_work = false;
    for (uint32_t i = 0; i < self->count; i++) {
        act_broker_t *broker = &self->list[i];
        broker->register_at = PROTO_NEVER;
        broker->owed = 0;
        if (!broker->registered)
            continue;
        broker->registered = false;
        PROTO_ASSERT(proto_wire_put(broker->wire, &(proto_record_t){.type = PROTO_DISCONNECT}) == 0);
    }
}

void act_brokers_refused(act_brokers_t *self, int64_t now, act_broker_t *broker)
{
    int64_t soonest = broker->registered_at + PROTO_HEARTBEAT_MS;
    if (!broker->registered)
        return;
    if (now >= soonest) {
        s_lost(self, broker);
        s_begin(self, now, broker);
        return;
    }
    broker->register_at = soonest; /* its last word may be about what was before READY: serve on until then */
    if (self->lost)
        self->lost(self->arg, broker);
}

void act_brokers_turn(act_brokers_t *self, int64_t now)
{
    bool stopped = now - self->turned > PROTO_EXPIRY_MS;
    self->turned = now;
    for (uint32_t i = 0; stopped && i < self->count; i++) {
        s_lost(self, &self->list[i]);
        s_begin(self, now, &self->list[i]);
    }
}

/* Tells the live brokers whose share has changed. */
static void s_divide(act_brokers_t *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        act_broker_t *broker = &self->list[i];
        if (!broker->alive || !broker->registered || s_share(self, broker) == broker->share)
            continue;
        broker->share = s_share(self, broker);
        s_tell(self, broker);
    }
}

static bool s_next_batch(act_brokers_t *self, int64_t now)
{
    for (uint32_t i = 0; i < self->count; i++) {
        self->reading = (self->reading + 1) % self->count;
        act_broker_t *broker = &self->list[self->reading];
        if (proto_wire_receive(broker->wire, now, &self->batch) != 1)
            continue;
        if (!broker->alive) {
            broker->alive = true;
            s_divide(self);
        }
        return true;
    }
    return false;
}

int act_brokers_receive(act_brokers_t *self, int64_t now, act_broker_t **from, proto_record_t *record)
{
    for (;;) {
        if (!self->has_batch && !s_next_batch(self, now))
            return 0;
        int rc = proto_batch_next(&self->batch, record);
        self->has_batch = rc != 0;
        *from = &self->list[self->reading];
        if (rc > 0 && record->type == PROTO_HEARTBEAT && record->id == S_LEAVE_ID)
            (*from)->left = true;
        if (rc > 0)
            return 1;
    }
}

/* A broker has PROTO_EXPIRY_MS to answer READY: while the worker was not at work, it was rightly silent. But
 * a connection that breaks is given up at once: who registers by the next one loses what it gets there. */
static void s_give_up_silent(act_brokers_t *self, int64_t now, act_broker_t *broker)
{
    if (now - broker->registered_at < PROTO_EXPIRY_MS && !proto_wire_broken(broker->wire, now))
        return;
    if (!proto_wire_renew(broker->wire, now))
        return;
    bool died = broker->alive;
    broker->alive = false;
    s_lost(self, broker);
    s_begin(self, now, broker);
    if (died)
        s_divide(self);
}

int64_t act_brokers_tick(act_brokers_t *self, int64_t now)
{
    int64_t at = PROTO_NEVER;
    for (uint32_t i = 0; self->at_work && i < self->count; i++) {
        act_broker_t *broker = &self->list[i];
        s_give_up_silent(self, now, broker);
        if (now >= broker->register_at) {
            s_lost(self, broker);
            s_begin(self, now, broker);
        }
        int64_t beat = proto_wire_tick(broker->wire, now);
        at = beat < at ? beat : at;
        at = broker->register_at < at ? broker->register_at : at;
    }
    return at;
}

void act_brokers_flush(act_brokers_t *self, int64_t now)
{
    for (uint32_t i = 0; i < self->count; i++)
        self->list[i].unsent = !proto_wire_flush(self->list[i].wire, now);
}

void act_brokers_poll(act_brokers_t *self, zmq_pollitem_t *items)
{
    for (uint32_t i = 0; i < self->count; i++)
        items[i] = (zmq_pollitem_t){.socket = proto_wire_socket(self->list[i].wire),
                                    .events = (short)(ZMQ_POLLIN | (self->list[i].unsent ? ZMQ_POLLOUT : 0))};
}

bool act_brokers_watch(act_brokers_t *self, struct pollfd *items)
{
    bool looks = self->has_batch;
    for (uint32_t i = 0; i < self->count; i++) {
        items[i] = (struct pollfd){.fd = proto_wire_fd(self->list[i].wire), .events = POLLIN};
        looks = looks || proto_wire_looks(self->list[i].wire);
    }
    return looks;
}

void act_brokers_told(act_brokers_t *self, const struct pollfd *items)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (items[i].revents)
            proto_wire_told(self->list[i].wire);
}

int64_t act_brokers_again(const act_brokers_t *self, int64_t now)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->list[i].unsent)
            return now + S_AGAIN_MS;
    return PROTO_NEVER;
}
