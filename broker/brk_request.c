/* SPDX-License-Identifier: MPL-2.0 */
/* One request from its coming to its answer. Thread: the broker's. */
#include "brk_internal.h"

#include "proto_catalogue.h"
#include "proto_value.h"

enum { S_KEEP = 16384 /* bytes a slot may keep */ };

static brk_request_t **s_bucket(brk_core_t *self, const brk_peer_t *client, uint64_t client_id)
{
    uint64_t hash = (client->id ^ self->seed) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ client_id) * (self->seed | 1);
    return &self->by_id[hash >> 32 & self->by_id_mask];
}

static void s_link_client(brk_core_t *self, brk_request_t *request, brk_peer_t *client)
{
    brk_request_t **bucket = s_bucket(self, client, request->client_id);
    request->next_by_id = *bucket;
    request->link_by_id = bucket;
    if (*bucket)
        (*bucket)->link_by_id = &request->next_by_id;
    *bucket = request;
    request->client = client;
    request->prev_of_client = NULL;
    request->next_of_client = client->requests;
    if (client->requests)
        client->requests->prev_of_client = request;
    client->requests = request;
}

static void s_unlink_client(brk_request_t *request)
{
    if (!request->client)
        return;
    *request->link_by_id = request->next_by_id;
    if (request->next_by_id)
        request->next_by_id->link_by_id = request->link_by_id;
    if (request->prev_of_client)
        request->prev_of_client->next_of_client = request->next_of_client;
    else
        request->client->requests = request->next_of_client;
    if (request->next_of_client)
        request->next_of_client->prev_of_client = request->prev_of_client;
    request->client = NULL;
    request->next_of_client = request->prev_of_client = NULL;
}

static void s_link_worker(brk_request_t *request, brk_peer_t *worker)
{
    request->worker = worker;
    request->prev_of_worker = NULL;
    request->next_of_worker = worker->working;
    if (worker->working)
        worker->working->prev_of_worker = request;
    worker->working = request;
}

static void s_unlink_worker(brk_request_t *request)
{
    if (request->prev_of_worker)
        request->prev_of_worker->next_of_worker = request->next_of_worker;
    else
        request->worker->working = request->next_of_worker;
    if (request->next_of_worker)
        request->next_of_worker->prev_of_worker = request->prev_of_worker;
    request->worker = NULL;
    request->next_of_worker = request->prev_of_worker = NULL;
}

/* Slots keep their memory, but not that of the rare large request. */
static void s_trim(brk_request_t *request)
{
    if (request->stored.capacity > S_KEEP)
        proto_buf_free(&request->stored);
}

/* Gives the slot back; the request must be on no list but its client's. */
static void s_release(brk_core_t *self, brk_request_t *request)
{
    s_unlink_client(request);
    proto_wheel_remove(&self->wheel, &request->timer);
    request->state = BRK_FREE;
    s_trim(request);
    proto_slab_release(&self->requests, request->token);
}

/* Keeps what a worker that may not name identities must not change when it gives the request back. `record`
 * may borrow from what is replaced, and is not to be used afterwards. */
static void s_keep_head(brk_request_t *request, proto_record_t record)
{
    proto_buf_t head = PROTO_BUF_INIT;
    record.flags = 0;
    record.body = (proto_bytes_t){0};
    int rc = proto_record_append(&head, &record);
    PROTO_ASSERT(rc == 0); /* it was read, or checked when it was made: only the body could be too long */
    proto_buf_free(&request->stored);
    request->stored = head;
}

/* Hands a request to a worker that is open and has credit. */
static void s_dispatch(brk_core_t *self, int64_t now, brk_request_t *request, brk_peer_t *worker,
                       proto_record_t record)
{
    brk_worker_unlist(worker);
    worker->credit--;
    worker->load++;
    if (request->exclusive)
        worker->exclusive = request->token;
    brk_worker_list(worker);
    s_link_worker(request, worker);
    request->state = BRK_IN_FLIGHT;
    request->operation->service->in_flight++;
    request->operation->in_flight++;
    self->in_flight++;
    proto_wheel_remove(&self->wheel, &request->timer);
    if (request->opaque && request->deadline > now + BRK_MDP_WORK_MS)
        request->deadline = now + BRK_MDP_WORK_MS;
    proto_wheel_add(&self->wheel, &request->timer, request->deadline);
    record.id = request->token;
    record.epoch = worker->epoch;
    record.deadline = request->deadline > now ? (uint32_t)(request->deadline - now) : 1;
    record.flags = (uint8_t)((request->reads ? PROTO_FLAG_READ : 0) |
                             (request->exclusive ? PROTO_FLAG_EXCLUSIVE : 0) | (request->raw ? BRK_RAW : 0));
    brk_send(self, now, worker, &record);
    request->kept = !worker->right->gateway && !worker->mdp; /* Majordomo has no RETURN */
    if (request->kept)
        s_keep_head(request, record);
    else
        s_trim(request);
}

/* RPC cannot be made of a name or arguments that are no MessagePack. Only Majordomo workers make this a
 * question. */
static bool s_misfit(const brk_request_t *request, const brk_peer_t *worker, const proto_record_t *record)
{
    return worker->mdp && !request->raw &&
           (!proto_utf8_valid(record->name) ||
            (record->body.size > 0 && proto_value_check(record->body) < 0));
}

/* Hands it to this worker, or refuses it. */
static void s_give(brk_core_t *self, int64_t now, brk_request_t *request, brk_peer_t *worker,
                   const proto_record_t *record)
{
    if (s_misfit(request, worker, record))
        brk_request_fail(self, now, request, PROTO_ERROR_malformed);
    else
        s_dispatch(self, now, request, worker, *record);
}

static void s_count_refusal(brk_core_t *self, proto_error_t why)
{
    self->stats.refused += why != PROTO_ERROR_forbidden;
    self->stats.forbidden += why == PROTO_ERROR_forbidden;
    self->stats.refusals[why]++;
}

static void s_wait(brk_core_t *self, int64_t now, brk_request_t *request, const proto_record_t *record)
{
    if (brk_queue_put(self, request, record) < 0) {
        s_count_refusal(self, PROTO_ERROR_overloaded);
        brk_request_fail(self, now, request, PROTO_ERROR_overloaded);
        return;
    }
    int64_t until = now + self->limits.queue_ms;
    if (request->opaque || until > request->deadline) /* a stock client takes a refusal for an answer */
        until = request->deadline;
    proto_wheel_add(&self->wheel, &request->timer, until);
}

/* Whether the client may call it. Of a listed operation the listed name counts, not the one that the client
 * wrote beside its hash. */
static bool s_may_call(const brk_peer_t *client, const brk_operation_t *operation,
                       const proto_record_t *record)
{
    const brk_right_t *right = client->right;
    if (right->calls_all)
        return true;
    bool listed = operation && operation->index;
    return brk_right_calls(right, record->service, listed ? proto_bytes_of(operation->name) : record->name);
}

/* A worker may go by the hash or by the name: both say what was allowed, and nothing else. */
static void s_name_what_is_allowed(const brk_operation_t *operation, proto_record_t *record)
{
    if (operation->index)
        record->name = proto_bytes_of(operation->name);
    else
        record->operation = 0;
}

/* Why a request cannot even wait; none when it can. */
static proto_error_t s_refusal(const brk_core_t *self, const brk_peer_t *client,
                               const brk_operation_t *operation, const proto_record_t *record)
{
    if (!s_may_call(client, operation, record))
        return PROTO_ERROR_forbidden;
    if (self->draining && !client->service)
        return PROTO_ERROR_shutting_down;
    if (operation && record->flags & BRK_OPAQUE && operation->service->workers &&
        !operation->service->any_majordomo)
        return PROTO_ERROR_malformed; /* its workers take RPC only */
    if (!operation || !brk_operation_served(operation))
        return PROTO_ERROR_no_worker;
    return PROTO_ERROR_none;
}

/* The broker's own service answers from its tables. */
static void s_answer_own(brk_core_t *self, int64_t now, brk_peer_t *client, const proto_record_t *record)
{
    /* A gateway needs them to tell whether it is ready; what can be called everybody may ask. */
    if (!client->right->admin && !client->right->gateway && !proto_bytes_is(record->name, "describe")) {
        self->stats.forbidden++;
        brk_send_error(self, now, client, record->id, PROTO_ERROR_forbidden);
        return;
    }
    proto_buf_reset(&self->body);
    if (brk_core_table(self, now, record->name, record->body, &self->body) < 0) {
        brk_send_error(self, now, client, record->id, PROTO_ERROR_not_found);
        return;
    }
    brk_send(self, now, client,
             &(proto_record_t){.type = PROTO_FINAL, .id = record->id, .body = proto_buf_bytes(&self->body)});
}

/* Peers that may not speak for others are who the rights say they are. */
static void s_stamp(const brk_peer_t *client, proto_record_t *record)
{
    if (client->right->gateway && !client->mdp) /* Majordomo has no place for it */
        return;
    record->subject = client->right->subject;
    record->role = client->right->role;
    record->claims = (proto_bytes_t){0};
}

void brk_request_take(brk_core_t *self, int64_t now, brk_peer_t *client, const proto_record_t *given)
{
    self->stats.requests++;
    if (proto_bytes_is(given->service, "muster")) {
        s_answer_own(self, now, client, given);
        return;
    }
    const brk_service_t *service = brk_service_find(self, given->service);
    brk_operation_t *operation = service ? brk_operation_find(service, given->operation, given->name) : NULL;
    proto_error_t refusal = s_refusal(self, client, operation, given);
    uint64_t token = 0;
    brk_request_t *request = refusal ? NULL : proto_slab_take(&self->requests, &token);
    if (!request) {
        s_count_refusal(self, refusal ? refusal : PROTO_ERROR_overloaded);
        brk_send_error(self, now, client, given->id, refusal ? refusal : PROTO_ERROR_overloaded);
        return;
    }
    proto_buf_t stored = request->stored;
    *request = (brk_request_t){.token = token,
                               .client_id = given->id,
                               .operation = operation,
                               .raw = given->flags & BRK_RAW,
                               .opaque = given->flags & BRK_OPAQUE,
                               .asked = now,
                               .stored = stored};
    int64_t most = self->limits.deadline_ms;
    request->deadline = now + (given->deadline < most ? given->deadline : most);
    request->reads =
        operation->index ? operation->flags & PROTO_OP_READS : (given->flags & PROTO_FLAG_READ) != 0;
    request->exclusive = operation->flags & PROTO_OP_EXCLUSIVE;
    s_link_client(self, request, client);
    proto_record_t record = *given;
    record.flags &= PROTO_FLAG_ALL;
    s_stamp(client, &record);
    if (!client->right->calls_all)
        s_name_what_is_allowed(operation, &record);
    /* Whoever waits already for this operation is served before a newcomer. */
    brk_peer_t *worker = brk_worker_choose(operation, request->opaque);
    if (worker && !operation->waiting) {
        s_give(self, now, request, worker, &record);
        return;
    }
    s_wait(self, now, request, &record);
    if (worker) /* all that waits is for others: what is no RPC */
        brk_request_feed(self, now, worker);
}

void brk_request_fail(brk_core_t *self, int64_t now, brk_request_t *request, proto_error_t error)
{
    if (request->state == BRK_WAITING)
        brk_queue_remove(self, request);
    brk_peer_t *client = request->client;
    uint64_t client_id = request->client_id;
    request->operation->errors++;
    s_release(self, request);
    if (client)
        brk_send_error(self, now, client, client_id, error);
}

void brk_request_feed(brk_core_t *self, int64_t now, brk_peer_t *worker)
{
    while (worker->service && worker->listed) {
        brk_request_t *request = brk_queue_next(worker->service, worker);
        if (!request && worker->service->primary)
            request = brk_queue_next(worker->service->primary, worker);
        if (!request)
            return;
        if (request->deadline <= now) {
            proto_wheel_remove(&self->wheel, &request->timer);
            brk_request_expire(self, now, request);
            continue;
        }
        proto_record_t record;
        brk_queue_read(request, &record);
        brk_queue_remove(self, request);
        request->state = BRK_FREE;
        s_give(self, now, request, worker, &record);
    }
}

/* The request in flight at this worker that a record is about, or NULL: late, doubled or made up. */
static brk_request_t *s_at(const brk_core_t *self, const brk_peer_t *worker, uint64_t token, uint32_t epoch)
{
    brk_request_t *request = proto_slab_find(&self->requests, token);
    if (request && request->state == BRK_IN_FLIGHT && request->worker == worker && epoch == worker->epoch)
        return request;
    return NULL;
}

static brk_request_t *s_find(brk_core_t *self, const brk_peer_t *worker, const proto_record_t *record)
{
    brk_request_t *request = s_at(self, worker, record->id, record->epoch);
    self->stats.late += request == NULL;
    return request;
}

int brk_core_handed(const brk_core_t *self, uint64_t peer, uint64_t token, uint32_t epoch)
{
    const brk_peer_t *worker = proto_slab_find(&self->peers, peer);
    const brk_request_t *request = worker ? s_at(self, worker, token, epoch) : NULL;
    return request ? request->raw : -1;
}

/* Takes a request off its worker. */
static void s_finish(brk_core_t *self, brk_request_t *request, bool credit)
{
    brk_peer_t *worker = request->worker;
    brk_worker_unlist(worker);
    worker->load--;
    if (credit && worker->load + worker->credit < worker->window)
        worker->credit++;
    if (worker->exclusive == request->token)
        worker->exclusive = 0;
    s_unlink_worker(request);
    request->operation->service->in_flight--;
    request->operation->in_flight--;
    self->in_flight--;
}

static void s_count(int64_t now, const brk_request_t *request, bool error)
{
    brk_operation_t *operation = request->operation;
    uint64_t ms = (uint64_t)(now - request->asked);
    int step = ms ? 64 - __builtin_clzll(ms) : 0;
    operation->latencies[step < BRK_LATENCIES ? step : BRK_LATENCIES - 1]++;
    if (error)
        operation->errors++;
    else
        operation->answered++;
}

void brk_request_answer(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *given)
{
    brk_request_t *request = s_find(self, worker, given);
    if (!request)
        return;
    s_finish(self, request, true);
    brk_worker_list(worker);
    worker->answered++;
    worker->service->answered++;
    self->stats.answered++;
    if (request->client) {
        s_count(now, request, given->type == PROTO_ERROR);
        proto_record_t record = {.type = given->type,
                                 .flags = given->flags & BRK_RAW,
                                 .number = given->number,
                                 .id = request->client_id,
                                 .key = given->key,
                                 .body = given->body};
        brk_send(self, now, request->client, &record);
    }
    s_release(self, request);
    brk_request_feed(self, now, worker);
}

void brk_request_partial(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *given)
{
    const brk_request_t *request = s_find(self, worker, given);
    if (request && request->client)
        brk_send(self, now, request->client,
                 &(proto_record_t){.type = PROTO_PARTIAL,
                                   .flags = given->flags & BRK_RAW,
                                   .id = request->client_id,
                                   .body = given->body});
}

/* Puts what was kept of the request in the place of what its worker says; `record` borrows from what is
 * returned, which the caller frees. */
static proto_buf_t s_take_head(brk_request_t *request, proto_record_t *record)
{
    proto_bytes_t body = record->body;
    proto_buf_t head = PROTO_BUF_INIT;
    if (!request->kept)
        return head;
    brk_queue_read(request, record);
    record->body = body;
    head = request->stored;
    request->stored = (proto_buf_t)PROTO_BUF_INIT;
    request->kept = false;
    return head;
}

void brk_request_return(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *given)
{
    brk_request_t *request = s_find(self, worker, given);
    if (!request)
        return;
    s_finish(self, request, false);
    worker->given_back = true; /* until it says CREDIT */
    self->stats.returned++;
    if (!request->client) { /* nobody waits for it: it need not run at all */
        s_release(self, request);
        return;
    }
    proto_record_t record = *given;
    proto_buf_t head = s_take_head(request, &record);
    record.type = PROTO_REQUEST;
    record.number = 0;
    record.epoch = 0;
    record.deadline = 1; /* a REQUEST has one; the true one is request->deadline */
    request->state = BRK_FREE;
    request->raw = false; /* what comes back is native */
    brk_peer_t *other = brk_worker_choose(request->operation, false);
    if (other)
        s_give(self, now, request, other, &record);
    else if (!brk_operation_served(request->operation))
        brk_request_fail(self, now, request, PROTO_ERROR_no_worker);
    else if (brk_queue_put_back(self, request, &record) < 0)
        brk_request_fail(self, now, request, PROTO_ERROR_overloaded);
    proto_buf_free(&head);
}

void brk_request_cancel(brk_core_t *self, int64_t now, brk_peer_t *client, uint64_t client_id)
{
    brk_request_t *request = *s_bucket(self, client, client_id);
    while (request && (request->client != client || request->client_id != client_id))
        request = request->next_by_id;
    if (!request)
        return;
    self->stats.cancelled++;
    brk_request_orphan(self, now, request);
}

void brk_request_orphan(brk_core_t *self, int64_t now, brk_request_t *request)
{
    if (request->state == BRK_WAITING) {
        brk_queue_remove(self, request);
        s_release(self, request);
        return;
    }
    brk_send(self, now, request->worker,
             &(proto_record_t){.type = PROTO_CANCEL, .id = request->token, .epoch = request->worker->epoch});
    s_unlink_client(request);
    proto_wheel_remove(&self->wheel, &request->timer);
}

void brk_request_expire(brk_core_t *self, int64_t now, brk_request_t *request)
{
    if (request->state == BRK_WAITING) {
        self->stats.expired++;
        brk_request_fail(self, now, request, PROTO_ERROR_expired);
        return;
    }
    brk_peer_t *client = request->client;
    self->stats.timed_out++;
    request->operation->errors++;
    brk_request_orphan(self, now, request); /* its worker still owes the answer that gives the credit back */
    if (client)
        brk_send_error(self, now, client, request->client_id,
                       request->reads ? PROTO_ERROR_timeout : PROTO_ERROR_outcome_unknown);
}

void brk_request_lost(brk_core_t *self, int64_t now, brk_request_t *request)
{
    request->operation->service->in_flight--;
    request->operation->in_flight--;
    self->in_flight--;
    request->worker = NULL;
    request->next_of_worker = request->prev_of_worker = NULL;
    request->state = BRK_FREE;
    brk_request_fail(self, now, request,
                     request->reads ? PROTO_ERROR_worker_lost : PROTO_ERROR_outcome_unknown);
}
