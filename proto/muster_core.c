/* SPDX-License-Identifier: MPL-2.0 */
/* Requests without an answer. Thread: the owner's. */
#include "muster_core.h"

#include "proto_least.h"

enum { S_KEEP = 16384 /* bytes a slot may keep */, S_NOWHERE = -1 };

struct muster_pending {
    proto_wheel_node_t timer; /* first, so that a node is its request */
    muster_pending_t *next, *prev;
    uint64_t id;
    int broker, only; /* where it is, S_NOWHERE: with none; where it must be */
    bool reads, repeats;
    bool resent;
    bool begun;   /* a piece of the answer has come */
    bool perhaps; /* a write that may have been done already */
    uint32_t deadline_ms;
    int64_t deadline;
    proto_buf_t record; /* a batch of one */
    void *tag;
};

void muster_core_init(muster_core_t *self, int broker_count, int64_t connect_ms,
                      const muster_core_calls_t *calls, void *arg, int64_t now)
{
    PROTO_ASSERT(broker_count > 0 && broker_count <= MUSTER_CORE_BROKERS);
    *self =
        (muster_core_t){.calls = *calls, .arg = arg, .broker_count = broker_count, .connect_ms = connect_ms};
    proto_slab_init(&self->requests, sizeof(muster_pending_t), MUSTER_CORE_REQUESTS);
    proto_wheel_init(&self->wheel, now);
}

static void s_finish(void *item)
{
    muster_pending_t *request = item;
    proto_buf_free(&request->record);
}

void muster_core_free(muster_core_t *self)
{
    proto_slab_free(&self->requests, s_finish);
    proto_buf_free(&self->body);
}

static void s_link(muster_core_t *self, muster_pending_t *request, int broker)
{
    muster_pending_t **first = &self->lists[broker + 1];
    request->broker = broker;
    if (*first) { /* at the end: the oldest goes first */
        request->next = *first;
        request->prev = (*first)->prev;
        request->prev->next = request->next->prev = request;
    } else {
        *first = request->next = request->prev = request;
    }
    if (broker != S_NOWHERE)
        self->in_flight[broker]++;
}

static void s_unlink(muster_core_t *self, muster_pending_t *request)
{
    muster_pending_t **first = &self->lists[request->broker + 1];
    request->next->prev = request->prev;
    request->prev->next = request->next;
    if (*first == request)
        *first = request->next == request ? NULL : request->next;
    if (request->broker != S_NOWHERE)
        self->in_flight[request->broker]--;
}

static void s_release(muster_core_t *self, muster_pending_t *request)
{
    s_unlink(self, request);
    proto_wheel_remove(&self->wheel, &request->timer);
    if (request->record.capacity > S_KEEP)
        proto_buf_free(&request->record);
    proto_slab_release(&self->requests, request->id);
}

/* Its last answer. */
static void s_answer(muster_core_t *self, muster_pending_t *request, const proto_record_t *record)
{
    uint64_t id = request->id;
    void *tag = request->tag;
    s_release(self, request);
    self->calls.answer(self->arg, id, tag, record);
}

static void s_fail(muster_core_t *self, muster_pending_t *request, proto_error_t error, const char *detail)
{
    if (request->perhaps && proto_error_retryable(error)) {
        error = PROTO_ERROR_outcome_unknown;
        detail = "The request was handed on, and nobody knows what became of it";
    }
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    s_answer(self, request,
             &(proto_record_t){.type = PROTO_ERROR,
                               .number = (uint16_t)error,
                               .id = request->id,
                               .body = proto_buf_bytes(&self->body)});
}

/* The least busy broker that answers, another than `avoid` where there is one; equals take turns. */
static int s_choose(muster_core_t *self, const muster_pending_t *request, int avoid)
{
    if (request->only != S_NOWHERE)
        return self->alive[request->only] ? request->only : S_NOWHERE;
    uint64_t usable = 0;
    for (int i = 0; i < self->broker_count; i++)
        usable |= (uint64_t)(self->alive[i] && i != avoid) << i;
    uint32_t count = (uint32_t)self->broker_count,
             best = proto_least(self->in_flight, usable, count, &self->next);
    if (best < count)
        return (int)best;
    return avoid != S_NOWHERE && self->alive[avoid] ? avoid : S_NOWHERE;
}

static void s_set_timer(muster_core_t *self, muster_pending_t *request, int64_t at)
{
    proto_wheel_remove(&self->wheel, &request->timer);
    proto_wheel_add(&self->wheel, &request->timer, at);
}

/* Sends a request that is on no list, or lets it wait for a broker. */
static void s_place(muster_core_t *self, muster_pending_t *request, int avoid, int64_t now)
{
    int broker = s_choose(self, request, avoid);
    s_link(self, request, broker);
    if (broker == S_NOWHERE) {
        int64_t patience = now + self->connect_ms;
        s_set_timer(self, request, patience < request->deadline ? patience : request->deadline);
        return;
    }
    proto_batch_t batch;
    proto_record_t record;
    int rc = proto_batch_open(&batch, proto_buf_bytes(&request->record));
    PROTO_ASSERT(rc == 0 && proto_batch_next(&batch, &record) == 1); /* we wrote it */
    int64_t left = request->deadline - now;
    record.id = request->id;
    record.deadline = left < 1 ? 1 : (uint32_t)left;
    s_set_timer(self, request, request->deadline + MUSTER_GRACE_MS);
    self->calls.send(self->arg, broker, &record);
}

/* Its broker or worker died with it, or would not have it: once it may be sent again, to another broker than
 * `avoid` where there is one. False when it may not. */
static bool s_again(muster_core_t *self, muster_pending_t *request, int avoid, int64_t now)
{
    if (request->resent || request->begun || now >= request->deadline ||
        !(request->reads || request->repeats))
        return false;
    request->resent = true;
    s_unlink(self, request);
    s_place(self, request, avoid, now);
    return true;
}

uint64_t muster_core_ask(muster_core_t *self, const muster_ask_t *ask, int64_t now)
{
    uint64_t id;
    muster_pending_t *request = proto_slab_take(&self->requests, &id);
    if (!request)
        return 0;
    proto_buf_t kept = request->record;
    *request = (muster_pending_t){
        .id = id,
        .only = ask->only,
        .reads = ask->reads,
        .repeats = ask->repeats,
        .deadline_ms = ask->record->deadline,
        .deadline = now + ask->record->deadline,
        .record = kept,
        .tag = ask->tag,
    };
    proto_record_t record = *ask->record;
    record.type = PROTO_REQUEST;
    record.id = id;
    if (ask->reads)
        record.flags = PROTO_FLAG_READ;
    proto_buf_reset(&request->record);
    if (record.deadline == 0 || proto_record_append(&request->record, &record) < 0) {
        proto_slab_release(&self->requests, id);
        return 0;
    }
    s_place(self, request, S_NOWHERE, now);
    return id;
}

void muster_core_up(muster_core_t *self, int broker, int64_t now)
{
    self->alive[broker] = true;
    muster_pending_t *waiting = self->lists[0];
    uint32_t count = 0;
    for (muster_pending_t *at = waiting; at; at = at->next == waiting ? NULL : at->next)
        count++;
    for (muster_pending_t *next; count > 0; count--, waiting = next) {
        next = waiting->next;
        s_unlink(self, waiting);
        s_place(self, waiting, S_NOWHERE, now); /* may wait on, for the one it must go to */
    }
}

void muster_core_down(muster_core_t *self, int broker, int64_t now)
{
    self->alive[broker] = false;
    for (muster_pending_t *request; (request = self->lists[broker + 1]);) {
        request->perhaps = request->perhaps || !request->reads;
        if (!s_again(self, request, broker, now))
            s_fail(self, request, request->reads ? PROTO_ERROR_worker_lost : PROTO_ERROR_outcome_unknown,
                   "The broker was lost while the request was under way");
    }
}

/* Whether an error is one after which a request may be tried again. */
static bool s_try_again(const muster_pending_t *request, uint16_t error)
{
    return error == PROTO_ERROR_worker_lost || error == PROTO_ERROR_no_worker ||
           error == PROTO_ERROR_shutting_down || (error == PROTO_ERROR_outcome_unknown && !request->reads);
}

static void s_error(muster_core_t *self, muster_pending_t *request, const proto_record_t *record, int64_t now)
{
    if (record->number == PROTO_ERROR_outcome_unknown)
        request->perhaps = !request->reads;
    bool elsewhere = record->number == PROTO_ERROR_no_worker || record->number == PROTO_ERROR_shutting_down;
    int other = S_NOWHERE;
    for (int i = 0; i < self->broker_count && elsewhere; i++)
        if (self->alive[i] && i != request->broker && request->only == S_NOWHERE)
            other = i;
    if (s_try_again(request, record->number) && (!elsewhere || other != S_NOWHERE) &&
        s_again(self, request, request->broker, now))
        return;
    if (request->perhaps && proto_error_retryable((proto_error_t)record->number))
        s_fail(self, request, PROTO_ERROR_worker_lost, NULL);
    else
        s_answer(self, request, record);
}

void muster_core_record(muster_core_t *self, int broker, const proto_record_t *record, int64_t now)
{
    muster_pending_t *request = proto_slab_find(&self->requests, record->id);
    if (!request || request->broker != broker)
        return; /* answered, cancelled, or sent again to another */
    if (record->type == PROTO_FINAL) {
        s_answer(self, request, record);
    } else if (record->type == PROTO_ERROR) {
        s_error(self, request, record, now);
    } else if (record->type == PROTO_PARTIAL) {
        request->begun = true;
        request->deadline = now + request->deadline_ms;
        s_set_timer(self, request, request->deadline + MUSTER_GRACE_MS);
        self->calls.answer(self->arg, request->id, request->tag, record);
    }
}

bool muster_core_cancel(muster_core_t *self, uint64_t id, void **tag)
{
    muster_pending_t *request = proto_slab_find(&self->requests, id);
    if (!request)
        return false;
    *tag = request->tag;
    if (request->broker != S_NOWHERE)
        self->calls.send(self->arg, request->broker, &(proto_record_t){.type = PROTO_CANCEL, .id = id});
    s_release(self, request);
    return true;
}

uint64_t muster_core_any(const muster_core_t *self)
{
    uint32_t at = 0;
    const muster_pending_t *request = proto_slab_next(&self->requests, &at);
    return request ? request->id : 0;
}

int64_t muster_core_tick(muster_core_t *self, int64_t now)
{
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&self->wheel, now));) {
        muster_pending_t *request = (muster_pending_t *)node;
        if (request->broker == S_NOWHERE)
            s_fail(self, request, request->resent ? PROTO_ERROR_worker_lost : PROTO_ERROR_not_ready,
                   "No broker answers");
        else
            s_fail(self, request, request->reads ? PROTO_ERROR_timeout : PROTO_ERROR_outcome_unknown,
                   "The broker gave no answer in time");
    }
    return proto_wheel_next(&self->wheel);
}

void muster_core_check(const muster_core_t *self)
{
    uint32_t linked = 0, at = 0;
    proto_wheel_check(&self->wheel);
    for (int i = S_NOWHERE; i < self->broker_count; i++) {
        uint32_t count = 0;
        const muster_pending_t *first = self->lists[i + 1];
        for (const muster_pending_t *request = first; request;
             request = request->next == first ? NULL : request->next, count++) {
            PROTO_ASSERT(request->broker == i && request->next->prev == request);
            PROTO_ASSERT(proto_slab_find(&self->requests, request->id) == request);
            PROTO_ASSERT(request->only == S_NOWHERE || i == S_NOWHERE || request->only == i);
        }
        if (i != S_NOWHERE)
            PROTO_ASSERT(count == self->in_flight[i] && (count == 0 || self->alive[i]));
        linked += count;
    }
    PROTO_ASSERT(linked == self->requests.used);
    for (const muster_pending_t *request; (request = proto_slab_next(&self->requests, &at));)
        PROTO_ASSERT(proto_wheel_on(&request->timer));
}
