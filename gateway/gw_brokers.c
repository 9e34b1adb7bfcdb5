/* SPDX-License-Identifier: MPL-2.0 */
/* Wires to the brokers. Thread: the gateway's. Out: HELLO, HEARTBEAT, DISCONNECT. In: what gw_serve_record
 * takes. */
#include "gw_brokers.h"

#include <stdlib.h>

#include "gw_internal.h"
#include "proto_clock.h"
#include "proto_least.h"
#include "proto_log.h"

enum {
    S_LINGER_MS = 200,
    S_AGAIN_MS = 10, /* a broker that takes nothing now is tried again so soon */
    S_RETRY_MS = 50  /* one that does not answer at all */
};

static void s_put(gw_broker_t *broker, proto_type_t type)
{
    int rc = proto_wire_put(broker->wire, &(proto_record_t){.type = type});
    PROTO_ASSERT(rc == 0);
}

static void s_hello(gw_broker_t *broker, int64_t now)
{
    broker->hello_at = now;
    broker->hello_due = INT64_MAX;
    broker->leaves = false; /* else it says so again */
    s_put(broker, PROTO_HELLO);
}

void gw_brokers_forgotten(gw_gateway_t *self, gw_broker_t *broker)
{
    uint64_t sent = proto_wire_sent_count(broker->wire);
    broker->hello_due = broker->hello_at + PROTO_HEARTBEAT_MS;
    gw_serve_lost(self, broker, sent, false);
}

void gw_brokers_leaves(gw_gateway_t *self, gw_broker_t *broker)
{
    if (!broker->leaves && self->brokers.count > 1)
        proto_log(PROTO_LOG_INFO, "gateway", "the broker at %s is ending", broker->address->endpoint);
    broker->leaves = true;
}

int gw_brokers_open(gw_gateway_t *self, int64_t now)
{
    const gateway_config_t *config = self->config;
    gw_brokers_t *brokers = &self->brokers;
    PROTO_ASSERT(config->broker_count >= 1 && config->broker_count <= GW_BROKERS);
    brokers->looked = now;
    for (uint32_t i = 0; i < config->broker_count; i++) {
        gw_broker_t *broker = &brokers->all[i];
        broker->address = &config->brokers[i];
        broker->wire = proto_wire_open(config->context, broker->address, now);
        if (!broker->wire) {
            proto_log(PROTO_LOG_ERROR, "gateway", "cannot connect to the broker at %s",
                      broker->address->endpoint);
            return -1;
        }
        brokers->count++;
        s_hello(broker, now);
    }
    return 0;
}

static void s_on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    proto_wire_told(poll->data); /* the turn does the rest */
}

static void s_on_closed(uv_handle_t *handle)
{
    free(handle);
}

static int s_watch(gw_gateway_t *self, gw_broker_t *broker)
{
    uv_poll_t *poll = calloc(1, sizeof *poll);
    PROTO_ASSERT(poll != NULL);
    if (uv_poll_init(&self->loop, poll, proto_wire_fd(broker->wire)) < 0) {
        free(poll);
        return -1;
    }
    poll->data = broker->wire;
    broker->poll = poll;
    uv_poll_start(poll, UV_READABLE, s_on_readable);
    return 0;
}

static void s_unwatch(gw_broker_t *broker)
{
    if (broker->poll)
        uv_close((uv_handle_t *)broker->poll, s_on_closed);
    broker->poll = NULL;
}

int gw_brokers_watch(gw_gateway_t *self)
{
    for (uint32_t i = 0; i < self->brokers.count; i++)
        if (s_watch(self, &self->brokers.all[i]) < 0)
            return -1;
    return 0;
}

void gw_brokers_unwatch(gw_gateway_t *self)
{
    for (uint32_t i = 0; i < self->brokers.count; i++)
        s_unwatch(&self->brokers.all[i]);
}

void gw_brokers_close(gw_gateway_t *self)
{
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        gw_broker_t *broker = &self->brokers.all[i];
        s_put(broker, PROTO_DISCONNECT);
        (void)proto_wire_flush(broker->wire, proto_clock_ms());
        proto_wire_close(&broker->wire, S_LINGER_MS);
    }
}

void gw_brokers_send(gw_gateway_t *self)
{
    int64_t now = gw_now(self);
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        proto_wire_t *wire = self->brokers.all[i].wire;
        if (!proto_wire_broken(wire, now))
            (void)proto_wire_flush(wire, now);
    }
}

static bool s_drain(gw_gateway_t *self, gw_broker_t *broker)
{
    proto_batch_t batch;
    bool any = false;
    while (proto_wire_receive(broker->wire, gw_now(self), &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;)
            if (rc > 0)
                gw_serve_record(self, broker, &record);
        any = true;
    }
    return any;
}

bool gw_brokers_drain(gw_gateway_t *self)
{
    bool any = false;
    for (uint32_t i = 0; i < self->brokers.count; i++)
        any = s_drain(self, &self->brokers.all[i]) || any;
    return any;
}

bool gw_brokers_have(gw_gateway_t *self)
{
    bool have = false;
    for (uint32_t i = 0; i < self->brokers.count; i++)
        have = proto_wire_looks(self->brokers.all[i].wire) || have;
    return have;
}

bool gw_brokers_filled(const void *arg)
{
    const gw_gateway_t *self = arg;
    bool filled = false;
    for (uint32_t i = 0; i < self->brokers.count; i++)
        filled = proto_wire_filled(self->brokers.all[i].wire) || filled;
    return filled;
}

/* Tells the log of a broker's coming and going, once each. */
static void s_note(gw_gateway_t *self, gw_broker_t *broker, bool lives)
{
    if (broker->lives == lives)
        return;
    broker->lives = lives;
    if (!lives)
        proto_log(PROTO_LOG_WARN, "gateway", "the broker at %s does not answer", broker->address->endpoint);
    else if (self->brokers.count > 1 || gw_now(self) - self->started_ms > PROTO_EXPIRY_MS)
        proto_log(PROTO_LOG_INFO, "gateway", "the broker at %s answers", broker->address->endpoint);
}

/* The loop must let go of a descriptor before it is closed. */
static void s_renew(gw_gateway_t *self, gw_broker_t *broker)
{
    uint64_t sent = proto_wire_sent_count(broker->wire);
    s_unwatch(broker);
    bool renewed = proto_wire_renew(broker->wire, gw_now(self));
    if (s_watch(self, broker) < 0)
        proto_log(PROTO_LOG_ERROR, "gateway", "the broker at %s cannot be watched",
                  broker->address->endpoint);
    if (!renewed)
        return;
    s_note(self, broker, false);
    s_hello(broker, gw_now(self));
    gw_serve_lost(self, broker, sent, true);
}

void gw_brokers_look(gw_gateway_t *self)
{
    gw_brokers_t *brokers = &self->brokers;
    int64_t now = gw_now(self);
    if (now - brokers->looked > PROTO_EXPIRY_MS) /* we were stopped: what they say has to reach us first */
        brokers->judge_at = now + PROTO_HEARTBEAT_MS;
    brokers->looked = now;
    for (uint32_t i = 0; i < brokers->count; i++) {
        gw_broker_t *broker = &brokers->all[i];
        if (proto_wire_alive(broker->wire, now))
            s_note(self, broker, true);
        if (now >= brokers->judge_at && proto_wire_dead(broker->wire, now))
            s_renew(self, broker);
    }
}

int64_t gw_brokers_flush(gw_gateway_t *self)
{
    int64_t now = gw_now(self), at = INT64_MAX;
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        gw_broker_t *broker = &self->brokers.all[i];
        proto_wire_t *wire = broker->wire;
        if (now >= broker->hello_due)
            s_hello(broker, now);
        int64_t due = proto_wire_tick(wire, now);
        if (!proto_wire_flush(wire, now))
            due = now + (proto_wire_alive(wire, now) ? S_AGAIN_MS : S_RETRY_MS);
        at = due < at ? due : at;
        at = broker->hello_due < at ? broker->hello_due : at;
    }
    return at;
}

gw_broker_t *gw_brokers_choose(gw_gateway_t *self, uint32_t tried)
{
    gw_brokers_t *brokers = &self->brokers;
    uint32_t loads[GW_BROKERS] = {0}, usable = 0, staying = 0;
    for (uint32_t i = 0; i < brokers->count; i++) {
        loads[i] = brokers->all[i].waiting;
        if (!(tried >> i & 1) && proto_wire_alive(brokers->all[i].wire, gw_now(self)))
            usable |= 1u << i;
        if (!brokers->all[i].leaves)
            staying |= 1u << i;
    }
    usable = usable & staying ? usable & staying : usable;
    uint32_t best = proto_least(loads, usable, brokers->count, &brokers->next);
    return best < brokers->count ? &brokers->all[best] : NULL;
}

uint32_t gw_brokers_alive(const gw_brokers_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->count; i++)
        count += self->all[i].lives;
    return count;
}

uint32_t gw_brokers_bit(const gw_gateway_t *self, const gw_broker_t *broker)
{
    return 1u << (broker - self->brokers.all);
}
