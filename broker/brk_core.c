/* SPDX-License-Identifier: MPL-2.0 */
/* Peers: their coming and going, what they say, heartbeats both ways. Thread: the broker's. */
#include "brk_internal.h"

#include <stdlib.h>

#include "proto_clock.h"
#include "proto_value.h"
#include "proto_wire.h"

enum { S_UNREAD_MS = 3 * PROTO_EXPIRY_MS /* what waits to be read for so long excuses nobody */ };

static void s_make_buckets(brk_core_t *self)
{
    uint32_t count = 16;
    while (count < self->limits.requests && count < BRK_BUCKETS)
        count *= 2;
    self->by_id = calloc(count, sizeof(brk_request_t *));
    PROTO_ASSERT(self->by_id != NULL);
    self->by_id_mask = count - 1;
    self->seed = proto_clock_random();
}

brk_core_t *brk_core_new(const brk_limits_t *limits, brk_send_fn *send, void *arg, int64_t now)
{
    brk_core_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->limits = *limits;
    self->send = send;
    self->arg = arg;
    self->sweep_at = now + BRK_SWEEP_MS;
    self->read_until = PROTO_NEVER;
    s_make_buckets(self);
    proto_slab_init(&self->peers, sizeof(brk_peer_t), limits->peers);
    proto_slab_init(&self->requests, sizeof(brk_request_t), limits->requests);
    proto_wheel_init(&self->wheel, now);
    return self;
}

static void s_finish_peer(void *item)
{
    brk_peer_t *peer = item;
    brk_queue_free_lanes(peer);
    free(peer->offers);
}

static void s_finish_request(void *item)
{
    proto_buf_free(&((brk_request_t *)item)->stored);
}

void brk_core_free(brk_core_t **self_pointer)
{
    brk_core_t *self = *self_pointer;
    if (!self)
        return;
    proto_slab_free(&self->peers, s_finish_peer);
    proto_slab_free(&self->requests, s_finish_request);
    for (uint32_t i = 0; i < self->service_count; i++)
        brk_service_free(self->services[i]);
    proto_buf_free(&self->body);
    free(self->by_id);
    free(self);
    *self_pointer = NULL;
}

void brk_core_on_forget(brk_core_t *self, void (*forget)(void *arg, void *tag))
{
    self->forget = forget;
}

void brk_core_on_refuse(brk_core_t *self, brk_refuse_fn *refuse)
{
    self->refuse = refuse;
}

void brk_core_denied(brk_core_t *self)
{
    self->stats.denied++;
}

const brk_stats_t *brk_core_stats(const brk_core_t *self)
{
    return &self->stats;
}

uint64_t brk_core_under_way(const brk_core_t *self)
{
    return (uint64_t)self->in_flight + self->waiting;
}

bool brk_core_idle(const brk_core_t *self)
{
    return brk_core_under_way(self) == 0;
}

void brk_send(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record)
{
    peer->told = now;
    self->send(self->arg, peer->tag, record);
}

void brk_send_type(brk_core_t *self, int64_t now, brk_peer_t *peer, proto_type_t type)
{
    brk_send(self, now, peer, &(proto_record_t){.type = type});
}

void brk_send_error(brk_core_t *self, int64_t now, brk_peer_t *peer, uint64_t id, proto_error_t error)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, NULL);
    brk_send(self, now, peer,
             &(proto_record_t){
                 .type = PROTO_ERROR,
                 .number = (uint16_t)error,
                 .id = id,
                 .body = proto_buf_bytes(&self->body),
             });
}

void brk_core_drain(brk_core_t *self, int64_t now)
{
    uint32_t at = 0;
    self->draining = true;
    for (brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));)
        if (peer->hello)
            brk_send_error(self, now, peer, 0, PROTO_ERROR_shutting_down);
}

static void s_publish_to(brk_core_t *self, int64_t now, brk_peer_t *peer, const brk_service_t *service,
                         const brk_catalogue_t *catalogue)
{
    brk_send(self, now, peer,
             &(proto_record_t){
                 .type = PROTO_PUBLISH,
                 .operation = catalogue->hash,
                 .service = proto_bytes_of(service->name),
                 .body = proto_buf_bytes(&catalogue->body),
             });
}

void brk_publish(brk_core_t *self, int64_t now, const brk_service_t *service,
                 const brk_catalogue_t *catalogue)
{
    uint32_t at = 0;
    for (brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));)
        if (peer->hello)
            s_publish_to(self, now, peer, service, catalogue);
}

uint64_t brk_core_join(brk_core_t *self, int64_t now, const brk_right_t *right, void *tag)
{
    uint64_t id;
    brk_peer_t *peer = proto_slab_take(&self->peers, &id);
    if (!peer)
        return 0;
    *peer = (brk_peer_t){.id = id, .tag = tag, .right = right, .heard = now, .told = now};
    return id;
}

void brk_core_speaks_mdp(brk_core_t *self, uint64_t id)
{
    brk_peer_t *peer = proto_slab_find(&self->peers, id);
    if (peer)
        peer->mdp = true;
}

bool brk_core_is_worker(const brk_core_t *self, uint64_t id)
{
    const brk_peer_t *peer = proto_slab_find(&self->peers, id);
    return peer && peer->service;
}

/* Forgets a peer: its registration ends, its requests are given up. */
static void s_forget(brk_core_t *self, int64_t now, brk_peer_t *peer)
{
    void *tag = peer->tag;
    brk_worker_end(self, now, peer);
    while (peer->requests)
        brk_request_orphan(self, now, peer->requests);
    brk_queue_free_lanes(peer);
    proto_slab_release(&self->peers, peer->id);
    if (self->forget)
        self->forget(self->arg, tag);
}

void brk_core_renew(brk_core_t *self, int64_t now, uint64_t id, const brk_right_t *right)
{
    brk_peer_t *peer = proto_slab_find(&self->peers, id);
    if (!peer)
        return;
    const brk_right_t *former = peer->right;
    peer->right = right;
    bool serves = !peer->service || (brk_right_registers(right, proto_bytes_of(peer->service->name)) &&
                                     brk_right_covers(right, former));
    if (serves && !right->denied)
        return;
    brk_send_type(self, now, peer, PROTO_DISCONNECT);
    s_forget(self, now, peer);
}

void brk_core_leave(brk_core_t *self, int64_t now, uint64_t id)
{
    brk_peer_t *peer = proto_slab_find(&self->peers, id);
    if (peer)
        s_forget(self, now, peer);
}

static void s_hello(brk_core_t *self, int64_t now, brk_peer_t *peer)
{
    bool again = peer->hello && now - peer->hello_at < PROTO_HEARTBEAT_MS;
    brk_send_type(self, now, peer, PROTO_HEARTBEAT); /* so that it knows we are there */
    if (again) /* 40 bytes are not worth all catalogues as often as anybody likes */
        return;
    peer->hello = true;
    peer->hello_at = now;
    for (uint32_t i = 0; i < self->service_count; i++)
        for (uint32_t c = 0; c < self->services[i]->catalogue_count; c++)
            s_publish_to(self, now, peer, self->services[i], &self->services[i]->catalogues[c]);
    if (self->draining)
        brk_send_error(self, now, peer, 0, PROTO_ERROR_shutting_down);
}

static void s_credit(brk_core_t *self, int64_t now, brk_peer_t *peer, uint16_t credit)
{
    uint32_t held = (uint32_t)peer->load + peer->credit;
    uint16_t room = held < peer->window ? (uint16_t)(peer->window - held) : 0;
    brk_worker_unlist(peer);
    peer->credit = (uint16_t)(peer->credit + (credit < room ? credit : room));
    peer->given_back = false;
    brk_worker_list(peer);
    brk_request_feed(self, now, peer);
}

/* A message of the feed of revoked tokens: to all gateways at once. Nothing of it is kept; who misses one
 * finds a gap in their numbers. */
static void s_feed(brk_core_t *self, int64_t now, const brk_peer_t *worker, const proto_record_t *record)
{
    uint32_t at = 0;
    if (strcmp(worker->service->name, BRK_FEED) != 0 || record->operation ||
        record->body.size > BRK_FEED_BYTES) {
        self->stats.rejected++;
        return;
    }
    for (brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));)
        if (peer->hello && peer->right->gateway)
            brk_send(self, now, peer,
                     &(proto_record_t){
                         .type = PROTO_PUBLISH, .service = proto_bytes_of(BRK_FEED), .body = record->body});
}

/* What only a registered worker says. Anybody else is told to introduce itself: the broker was restarted, or
 * had given that worker up. */
static void s_worker_record(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record)
{
    if (!peer->service) {
        self->stats.rejected++;
        brk_send_type(self, now, peer, PROTO_DISCONNECT);
        return;
    }
    switch (record->type) {
    case PROTO_PARTIAL:
        brk_request_partial(self, now, peer, record);
        break;
    case PROTO_RETURN:
        brk_request_return(self, now, peer, record);
        break;
    case PROTO_PUBLISH:
        s_feed(self, now, peer, record);
        break;
    case PROTO_CREDIT:
        s_credit(self, now, peer, record->number);
        break;
    default:
        brk_request_answer(self, now, peer, record);
        break;
    }
}

/* A peer whose key was taken out of the rights file: its requests are refused, all else is told to go. */
static void s_deny(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record)
{
    self->stats.forbidden++;
    self->stats.requests += record->type == PROTO_REQUEST;
    if (record->type == PROTO_REQUEST)
        brk_send_error(self, now, peer, record->id, PROTO_ERROR_forbidden);
    else if (record->type != PROTO_DISCONNECT)
        brk_send_type(self, now, peer, PROTO_DISCONNECT);
}

void brk_core_record(brk_core_t *self, int64_t now, uint64_t id, const proto_record_t *record)
{
    brk_peer_t *peer = proto_slab_find(&self->peers, id);
    if (!peer)
        return;
    peer->heard = now;
    if (peer->right->denied) {
        s_deny(self, now, peer, record);
        return;
    }
    switch (record->type) {
    case PROTO_REQUEST:
        brk_request_take(self, now, peer, record);
        break;
    case PROTO_READY:
        brk_worker_ready(self, now, peer, record);
        break;
    case PROTO_HELLO:
        s_hello(self, now, peer);
        break;
    case PROTO_CANCEL:
        brk_request_cancel(self, now, peer, record->id);
        break;
    case PROTO_DISCONNECT:
        s_forget(self, now, peer);
        break;
    case PROTO_HEARTBEAT:
        if (!peer->service && !peer->hello && !peer->requests)
            brk_send_type(self, now, peer, PROTO_DISCONNECT);
        break;
    case PROTO_PARTIAL:
    case PROTO_FINAL:
    case PROTO_ERROR:
    case PROTO_RETURN:
    case PROTO_CREDIT:
    case PROTO_PUBLISH:
        s_worker_record(self, now, peer, record);
        break;
    default:
        self->stats.rejected++;
        break;
    }
}

void brk_core_malformed(brk_core_t *self, int64_t now, uint64_t id, uint64_t request)
{
    brk_peer_t *peer = proto_slab_find(&self->peers, id);
    self->stats.rejected++;
    if (!peer)
        return;
    peer->heard = now;
    if (request)
        brk_send_error(self, now, peer, request, PROTO_ERROR_malformed);
}

/* A stock Majordomo worker says nothing while it works: it may do so until its last request's deadline. */
static bool s_busy(const brk_peer_t *peer, int64_t now)
{
    for (const brk_request_t *request = peer->working; request; request = request->next_of_worker)
        if (request->deadline > now)
            return true;
    return false;
}

/* How long nothing came from it. */
static int64_t s_silence(const brk_core_t *self, const brk_peer_t *peer, int64_t now)
{
    int64_t until = self->read_until < now - S_UNREAD_MS ? now - S_UNREAD_MS : self->read_until;
    return (until < now ? until : now) - peer->heard;
}

static bool s_gone(const brk_core_t *self, const brk_peer_t *peer, int64_t now)
{
    int64_t silent = s_silence(self, peer, now);
    if (peer->service && peer->mdp)
        return silent >= BRK_MDP_EXPIRY_MS && !s_busy(peer, now);
    if (peer->service || peer->hello)
        return silent >= PROTO_EXPIRY_MS;
    return silent >= 5 * PROTO_EXPIRY_MS && !peer->requests;
}

/* Silent peers are given up; those we were silent to hear a heartbeat. */
static void s_sweep(brk_core_t *self, int64_t now)
{
    uint32_t at = 0;
    for (brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));) {
        if (s_gone(self, peer, now)) {
            if (peer->service)
                self->stats.workers_lost++;
            brk_send_type(self, now, peer, PROTO_DISCONNECT);
            s_forget(self, now, peer);
        } else if ((peer->service || peer->hello) &&
                   now - peer->told >= (peer->mdp ? BRK_MDP_HEARTBEAT_MS : PROTO_HEARTBEAT_MS)) {
            brk_send_type(self, now, peer, PROTO_HEARTBEAT);
        }
    }
    self->sweep_at = now + BRK_SWEEP_MS;
}

void brk_core_read_until(brk_core_t *self, int64_t until)
{
    self->read_until = until;
}

void brk_core_tick(brk_core_t *self, int64_t now)
{
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&self->wheel, now));)
        brk_request_expire(self, now, (brk_request_t *)((char *)node - offsetof(brk_request_t, timer)));
    if (now >= self->sweep_at)
        s_sweep(self, now);
}

int64_t brk_core_next_deadline(const brk_core_t *self)
{
    int64_t wheel = proto_wheel_next(&self->wheel);
    return wheel < self->sweep_at ? wheel : self->sweep_at;
}
