/* SPDX-License-Identifier: MPL-2.0 */
/* Workers: registration, the lists they stand on, their end. Thread: the broker's. */
#include "brk_internal.h"

#include <stdlib.h>

#include "proto_catalogue.h"
#include "proto_value.h"

bool brk_worker_offers(const brk_peer_t *worker, const brk_operation_t *operation)
{
    if (operation->service != worker->service)
        operation = operation->replica;
    if (!operation || operation->service != worker->service)
        return false;
    return worker->any ||
           (operation->index && worker->offers[operation->index / 64] >> (operation->index % 64) & 1);
}

void brk_worker_unlist(brk_peer_t *worker)
{
    brk_service_t *service = worker->service;
    if (!worker->listed)
        return;
    worker->listed = false;
    brk_peer_t **head = &service->loads[worker->load];
    if (worker->next == worker) {
        *head = NULL;
        service->filled[worker->load / 64] &= ~(1ull << (worker->load % 64));
    } else {
        worker->next->prev = worker->prev;
        worker->prev->next = worker->next;
        if (*head == worker)
            *head = worker->next;
    }
    worker->next = worker->prev = NULL;
}

void brk_worker_list(brk_peer_t *worker)
{
    brk_service_t *service = worker->service;
    PROTO_ASSERT(!worker->listed);
    if (worker->given_back || worker->exclusive || worker->credit == 0)
        return;
    worker->listed = true;
    brk_peer_t **head = &service->loads[worker->load];
    if (*head) { /* at the end of the ring: the one that has waited longest is next */
        worker->next = *head;
        worker->prev = (*head)->prev;
        worker->prev->next = worker->next->prev = worker;
    } else {
        *head = worker->next = worker->prev = worker;
        service->filled[worker->load / 64] |= 1ull << (worker->load % 64);
    }
}

/* Of the workers of the operation's own service. */
static brk_peer_t *s_choose(const brk_operation_t *operation, bool opaque)
{
    const brk_service_t *service = operation->service;
    for (uint32_t word = 0; word < sizeof service->filled / sizeof service->filled[0]; word++) {
        for (uint64_t bits = service->filled[word]; bits; bits &= bits - 1) {
            brk_peer_t *first = service->loads[word * 64 + (uint32_t)__builtin_ctzll(bits)], *worker = first;
            do {
                if (brk_worker_offers(worker, operation) && (worker->mdp || !opaque))
                    return worker;
                worker = worker->next;
            } while (worker != first);
        }
    }
    return NULL;
}

brk_peer_t *brk_worker_choose(const brk_operation_t *operation, bool opaque)
{
    brk_peer_t *worker = operation->replica ? s_choose(operation->replica, opaque) : NULL;
    return worker ? worker : s_choose(operation, opaque);
}

/* One entry of `offers`: [hash, name, flags]. */
static int s_read_offer(proto_reader_t *reader, uint64_t *hash, proto_bytes_t *name, uint32_t *flags)
{
    proto_value_t head, values[3];
    if (proto_value_read(reader, &head) < 0 || head.kind != PROTO_ARRAY || head.count != 3)
        return -1;
    for (int i = 0; i < 3; i++)
        if (proto_value_read(reader, &values[i]) < 0)
            return -1;
    if (values[0].kind == PROTO_UINT)
        *hash = values[0].unsigned_integer;
    else if (values[0].kind == PROTO_INT && values[0].integer > 0)
        *hash = (uint64_t)values[0].integer;
    else
        return -1;
    if (values[1].kind != PROTO_STR || !proto_record_plain(values[1].bytes) || values[2].kind != PROTO_INT)
        return -1;
    *name = values[1].bytes;
    *flags = (uint32_t)values[2].integer & PROTO_OP_ALL;
    return 0;
}

/* What the workers of NAME.read alone offer can be asked of NAME, too, when they might be workers of that
 * themselves. Others only take what NAME has already: they must not say what its names and hashes mean. */
static int s_offer_primary(const brk_peer_t *peer, brk_service_t *primary, uint64_t hash, proto_bytes_t name,
                           uint32_t flags)
{
    if (!primary || !(flags & PROTO_OP_REPLICA) ||
        !brk_right_registers(peer->right, proto_bytes_of(primary->name)))
        return 0;
    return brk_operation_get(primary, hash, name, flags) ? 0 : -1;
}

static int s_read_offers(brk_peer_t *peer, brk_service_t *service, proto_bytes_t list)
{
    proto_reader_t reader = proto_reader(list);
    proto_value_t head;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY)
        return -1;
    for (uint32_t i = 0; i < head.count; i++) {
        uint64_t hash;
        proto_bytes_t name;
        uint32_t flags;
        if (s_read_offer(&reader, &hash, &name, &flags) < 0)
            return -1;
        brk_operation_t *operation = brk_operation_get(service, hash, name, flags);
        if (!operation || s_offer_primary(peer, service->primary, hash, name, flags) < 0)
            return -1;
        uint64_t bit = 1ull << (operation->index % 64);
        if (peer->offers[operation->index / 64] & bit)
            continue;
        peer->offers[operation->index / 64] |= bit;
        operation->workers++;
    }
    return 0;
}

static void s_clear_offers(brk_peer_t *peer)
{
    brk_service_t *service = peer->service;
    for (uint32_t i = 1; i < service->operation_count && peer->offers; i++)
        if (peer->offers[i / 64] >> (i % 64) & 1)
            service->operations[i]->workers--;
    free(peer->offers);
    peer->offers = NULL;
    if (peer->any) {
        service->any_workers--;
        service->any_majordomo -= peer->mdp;
    }
    peer->any = false;
}

/* What a READY's body says that the worker serves, in the place of what it served before. */
static int s_take_offers(brk_peer_t *peer, proto_bytes_t body)
{
    proto_bytes_t offers;
    s_clear_offers(peer);
    peer->offers = calloc(BRK_OPERATIONS / 64, sizeof *peer->offers);
    PROTO_ASSERT(peer->offers != NULL);
    if (proto_value_get(body, "offers", &offers) == 0)
        return s_read_offers(peer, peer->service, offers);
    peer->any = true;
    peer->service->any_workers++;
    peer->service->any_majordomo += peer->mdp;
    return 0;
}

static void s_register(brk_peer_t *peer, brk_service_t *service, const proto_record_t *record)
{
    peer->service = service;
    peer->epoch = record->epoch;
    service->workers++;
}

/* A worker that was given more than its new window keeps it, and gets no more until it has answered enough.
 */
static void s_set_window(brk_peer_t *worker, uint16_t window)
{
    brk_worker_unlist(worker);
    worker->window = window;
    worker->credit = window > worker->load ? (uint16_t)(window - worker->load) : 0;
    brk_worker_list(worker);
}

static void s_unregister(brk_peer_t *peer)
{
    brk_worker_unlist(peer);
    s_clear_offers(peer);
    peer->service->workers--;
    peer->service = NULL;
    peer->given_back = false;
    peer->exclusive = 0;
    peer->window = peer->credit = peer->load = 0;
}

/* Requests for operations that nobody serves any more would only grow old in the queue. */
static void s_fail_unserved(brk_core_t *self, int64_t now, brk_service_t *service)
{
    for (uint32_t i = 0; i < service->operation_count && service->waiting; i++) {
        brk_operation_t *operation = service->operations[i];
        if (operation->waiting == 0 || brk_operation_served(operation))
            continue;
        while (operation->returned)
            brk_request_fail(self, now, operation->returned, PROTO_ERROR_no_worker);
        while (operation->lanes)
            brk_request_fail(self, now, operation->lanes->first, PROTO_ERROR_no_worker);
    }
    if (service->primary)
        s_fail_unserved(self, now, service->primary);
}

static void s_refuse(brk_core_t *self, const brk_peer_t *peer, const char *what, proto_bytes_t name)
{
    self->stats.forbidden++;
    if (self->refuse)
        self->refuse(self->arg, peer->tag, what, name);
}

/* A catalogue of a peer that may not publish everything holds only paths that it may, and only operations of
 * the service that it registers. */
static bool s_may_publish(brk_core_t *self, const brk_peer_t *peer, const proto_record_t *ready)
{
    proto_bytes_t body;
    proto_catalogue_t *catalogue;
    if (peer->right->publishes_all || !ready->operation ||
        proto_value_get(ready->body, "catalogue", &body) < 0)
        return true;
    if (proto_catalogue_decode(body, &catalogue, NULL) < 0) {
        s_refuse(self, peer, "publish a malformed catalogue of", ready->service);
        return false;
    }
    bool may = true;
    for (uint32_t i = 0; i < catalogue->operation_count && may; i++) {
        const proto_operation_t *operation = &catalogue->operations[i];
        proto_bytes_t path = proto_bytes_of(operation->path ? operation->path : "");
        may = proto_bytes_is(ready->service, operation->service) &&
              (!operation->path || brk_right_publishes(peer->right, path));
        if (!may)
            s_refuse(self, peer, "publish", operation->path ? path : proto_bytes_of(operation->name));
    }
    proto_catalogue_free(&catalogue);
    return may;
}

/* Whether the peer's right grants what a well-formed READY asks for. */
static bool s_granted(brk_core_t *self, const brk_peer_t *peer, const proto_record_t *ready)
{
    if (brk_right_registers(peer->right, ready->service))
        return s_may_publish(self, peer, ready);
    s_refuse(self, peer, "register", ready->service);
    return false;
}

void brk_worker_ready(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record)
{
    static const uint8_t empty_map = 0x80;
    proto_record_t ready = *record;
    if (ready.body.size == 0)
        ready.body = (proto_bytes_t){&empty_map, 1};
    bool sound = ready.number >= 1 && ready.number <= BRK_WINDOW && proto_value_check(ready.body) == 0 &&
                 s_granted(self, peer, &ready);
    brk_service_t *service = sound ? brk_service_get(self, ready.service) : NULL;
    bool goes_on = service && peer->service == service && peer->epoch == ready.epoch;
    if (!goes_on)
        brk_worker_end(self, now, peer); /* it has started anew: what it had is lost */
    if (service && !goes_on)
        s_register(peer, service, &ready);
    if (!service || s_take_offers(peer, ready.body) < 0) {
        brk_worker_end(self, now, peer);
        self->stats.rejected++;
        brk_send_type(self, now, peer, PROTO_DISCONNECT);
        return;
    }
    proto_bytes_t body;
    const brk_catalogue_t *catalogue = NULL;
    if (ready.operation && proto_value_get(ready.body, "catalogue", &body) == 0)
        catalogue = brk_service_learn(service, ready.operation, body);
    if (catalogue)
        brk_publish(self, now, service, catalogue);
    /* Its id again: all that the worker hears from now on was decided knowing this. */
    brk_send(self, now, peer, &(proto_record_t){.type = PROTO_HEARTBEAT, .id = ready.id});
    s_set_window(peer, ready.number);
    if (goes_on)
        s_fail_unserved(self, now, service);
    brk_request_feed(self, now, peer);
}

void brk_worker_end(brk_core_t *self, int64_t now, brk_peer_t *peer)
{
    brk_service_t *service = peer->service;
    if (!service)
        return;
    brk_request_t *working = peer->working;
    peer->working = NULL;
    s_unregister(peer);
    while (working) {
        brk_request_t *next = working->next_of_worker;
        brk_request_lost(self, now, working);
        working = next;
    }
    s_fail_unserved(self, now, service);
}
