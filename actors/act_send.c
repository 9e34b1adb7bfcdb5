/* SPDX-License-Identifier: MPL-2.0 */
/* From requests to the pipeline. Thread: the actor's. In: REQUEST. Out: RETURN. */
#include <stdio.h>
#include <stdlib.h>

#include "act_admit.h"
#include "act_claims.h"
#include "act_internal.h"

enum { S_KEEP_BYTES = 65536 };

void act_await(act_db_t *self, act_await_t await)
{
    if (self->await_count == self->await_room) {
        uint32_t room = self->await_room ? self->await_room * 2 : 256;
        act_await_t *awaited = calloc(room, sizeof *awaited);
        PROTO_ASSERT(awaited != NULL);
        for (uint32_t i = 0; i < self->await_count; i++)
            awaited[i] = self->awaited[(self->await_first + i) % self->await_room];
        free(self->awaited);
        self->awaited = awaited;
        self->await_room = room;
        self->await_first = 0;
    }
    self->awaited[(self->await_first + self->await_count++) % self->await_room] = await;
}

int act_sync(act_db_t *self)
{
    if (PQpipelineSync(self->conn) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_SYNC});
    self->group = 0;
    if (self->held)
        self->held_syncs++;
    return 0;
}

/* Copies what a record borrows, so that it may be bound again, or given back whole. */
static void s_keep(act_job_t *job, const proto_record_t *record)
{
    job->request = *record;
    proto_bytes_t *const texts[] = {&job->request.service, &job->request.name,  &job->request.subject,
                                    &job->request.role,    &job->request.trace, &job->request.key,
                                    &job->request.claims,  &job->request.body};
    proto_buf_reset(&job->kept);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        proto_buf_append(&job->kept, texts[i]->data, texts[i]->size);
        proto_buf_byte(&job->kept, 0);
    }
    PROTO_ASSERT(!job->kept.failed);
    const uint8_t *at = job->kept.data;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        texts[i]->data = at;
        at += texts[i]->size + 1;
    }
    proto_trace_read(job->request.trace, &job->trace);
}

static act_job_t *s_job(act_db_t *self)
{
    act_job_t *job = self->free_jobs;
    if (job)
        self->free_jobs = job->next;
    else
        job = calloc(1, sizeof *job);
    PROTO_ASSERT(job != NULL);
    self->job_count++;
    return job;
}

static void s_append(act_db_t *self, act_job_t *job)
{
    job->next = NULL;
    if (self->waiting)
        self->waiting_last->next = job;
    else
        self->waiting = job;
    self->waiting_last = job;
    self->waiting_count++;
}

static void s_prepend(act_db_t *self, act_job_t *job)
{
    job->next = self->waiting;
    if (!self->waiting)
        self->waiting_last = job;
    self->waiting = job;
    self->waiting_count++;
}

static act_job_t *s_take_first(act_db_t *self)
{
    act_job_t *job = self->waiting;
    self->waiting = job->next;
    self->waiting_count--;
    return job;
}

/* Forgets what came of a job so far. */
static void s_reset(act_job_t *job)
{
    for (uint32_t i = 0; i < job->sent; i++) {
        if (job->results[i])
            PQclear(job->results[i]);
        job->results[i] = NULL;
        job->variants[i]->users--;
    }
    if (job->failure)
        PQclear(job->failure);
    if (job->kept_answer)
        PQclear(job->kept_answer);
    job->failure = job->kept_answer = NULL;
    job->sent = job->received = 0;
    job->refused_to_write = job->aborted = job->committing = job->unclaimed = job->unkept = false;
}

void act_job_free(act_db_t *self, act_job_t *job)
{
    s_reset(job);
    if (job->plan)
        job->plan->generation->users--;
    if (job->kept.capacity > S_KEEP_BYTES)
        proto_buf_free(&job->kept);
    job->next = self->free_jobs;
    self->free_jobs = job;
    self->job_count--;
}

void act_send_again(act_db_t *self, act_job_t *job)
{
    s_reset(job);
    job->alone = true;
    s_prepend(self, job);
}

static bool s_is_slow(const act_job_t *job)
{
    return job->plan->operation->flags & PROTO_OP_EXCLUSIVE;
}

void act_send_return(act_db_t *self, act_job_t *job)
{
    proto_record_t record = job->request;
    record.type = PROTO_RETURN;
    record.flags = 0;
    record.deadline = 0; /* the broker knows the true one */
    if (act_job_is_due(job)) {
        act_db_put(self, job->broker, &record);
        job->broker->owed++;
    }
    act_job_free(self, job);
}

void act_send_return_waiting(act_db_t *self)
{
    while (self->waiting)
        act_send_return(self, s_take_first(self));
}

void act_send_take(act_db_t *self, int64_t now, act_broker_t *broker, const proto_record_t *record)
{
    if (record->epoch != broker->epoch)
        return; /* sent to who we were before a long stop; the broker has given it up */
    act_job_t *job = s_job(self);
    s_keep(job, record);
    self->figures.stats.requests++;
    job->broker = broker;
    job->deadline = now + record->deadline;
    job->retried = job->cancelled = job->alone = job->keyed = false;
    job->plan = self->phase == ACT_PHASE_READY ? act_plan_find(self, record->operation, record->name) : NULL;
    if (job->plan)
        job->plan->generation->users++;
    if (!job->plan || !job->plan->prepared) {
        act_reply_error(self, job, PROTO_ERROR_no_worker, "This worker does not offer the operation");
        return;
    }
    job->keyed = record->key.size && !(job->plan->operation->flags & PROTO_OP_READS);
    proto_error_t error = act_admit(job->plan->operation, &job->request);
    if (!error && job->keyed && !self->keeps_keys)
        act_reply_error(self, job, PROTO_ERROR_not_implemented,
                        "This database keeps no idempotency keys: it needs muster migrate");
    else if (error)
        act_reply_error(self, job, error,
                        error == PROTO_ERROR_malformed ? "The arguments are not well-formed MessagePack"
                                                       : NULL);
    else if (self->stopping || self->brokers.leaving || (self->held && s_is_slow(self->held)))
        act_send_return(self, job);
    else
        s_append(self, job);
}

static int s_send_begin(act_db_t *self, act_job_t *job, const char *name)
{
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_BEGIN, .job = job});
    return 0;
}

int act_send_claims(act_db_t *self, act_job_t *job)
{
    char role[256];
    proto_bytes_t asked = job->request.role;
    memcpy(role, asked.data, asked.size);
    role[asked.size] = '\0';
    const char *const texts[] = {proto_buf_text(&self->claims), role};
    int count = *self->config->claims_roles ? 2 : 1;
    if (PQsendQueryPrepared(self->conn, "muster_claims", count, texts, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_CLAIMS, .job = job});
    return 0;
}

/* Shows whoever looks into pg_stat_activity whose transaction this is. */
static int s_send_trace(act_db_t *self, act_job_t *job)
{
    char name[sizeof "muster/" + PROTO_TRACE_ID];
    snprintf(name, sizeof name, "muster/%.*s", PROTO_TRACE_ID, (const char *)job->trace.trace_id.data);
    const char *const names[] = {name};
    if (PQsendQueryPrepared(self->conn, "muster_trace", 1, names, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_CLAIMS, .job = job});
    return 0;
}

/* The job's next statement. */
static int s_send_statement(act_db_t *self, act_job_t *job, const act_bound_t *bound)
{
    uint32_t stage = job->sent;
    act_values_t values;
    act_variant_t *variant = act_plan_choose(self, job->plan, stage, bound->mask);
    if (!variant || (!variant->prepared && act_plan_prepare(self, job->plan, stage, variant, job) < 0) ||
        act_bind_variant(self, job, bound, variant, &values) < 0 ||
        PQsendQueryPrepared(self->conn, variant->name, (int)variant->argument_count, values.data,
                            values.binary ? values.lengths : NULL, values.binary ? values.formats : NULL,
                            0) != 1)
        return -1;
    job->variants[stage] = variant;
    variant->users++;
    job->sent++;
    self->group++;
    self->figures.stats.statements++;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_STATEMENT, .job = job, .stage = stage});
    return 0;
}

static int s_send_run(act_db_t *self, act_job_t *job, const act_bound_t *bound)
{
    const act_plan_t *plan = job->plan;
    bool waits = false;
    while (!waits && job->sent < plan->stage_count) {
        waits = act_job_mode(job) == ACT_MODE_HELD && plan->stages[job->sent].waits;
        if (s_send_statement(self, job, bound) < 0)
            return -1;
    }
    return 0;
}

int act_send_held(act_db_t *self, act_job_t *job)
{
    act_bound_t bound;
    if (act_bind(self, job, &bound) < 0 || s_send_run(self, job, &bound) < 0)
        return -1;
    return PQsendFlushRequest(self->conn) == 1 ? 0 : -1;
}

/* What stands before and behind the statements in the pipeline. */
static int s_send_mode(act_db_t *self, act_job_t *job, const act_bound_t *bound)
{
    act_mode_t mode = act_job_mode(job);
    bool reads = job->plan->operation->flags & PROTO_OP_READS;
    bool ends_group = mode != ACT_MODE_SHARED || job->alone;
    if (ends_group && self->group && act_sync(self) < 0)
        return -1;
    if (mode == ACT_MODE_HELD || mode == ACT_MODE_SLOW) {
        self->held = job;
        self->held_syncs = 0;
    }
    if (mode == ACT_MODE_SINGLE && !reads && s_send_begin(self, job, "muster_write") < 0)
        return -1;
    if (mode == ACT_MODE_HELD && s_send_begin(self, job, reads ? "muster_look" : "muster_begin") < 0)
        return -1;
    if (job->keyed && act_keys_claim(self, job, bound) < 0)
        return -1;
    if (job->plan->script->claims && act_send_claims(self, job) < 0)
        return -1;
    bool alone = mode == ACT_MODE_HELD || mode == ACT_MODE_SLOW;
    if (alone && job->trace.sampled && s_send_trace(self, job) < 0)
        return -1;
    if (s_send_run(self, job, bound) < 0)
        return -1;
    if (mode == ACT_MODE_HELD)
        return PQsendFlushRequest(self->conn) == 1 ? 0 : -1;
    return ends_group ? act_sync(self) : 0;
}

/* The connection is lost, and what was to come for the job with it. */
static void s_forget_awaited(act_db_t *self, const act_job_t *job)
{
    for (uint32_t i = 0; i < self->await_count; i++) {
        act_await_t *await = &self->awaited[(self->await_first + i) % self->await_room];
        if (await->job == job)
            await->job = NULL;
    }
}

/* Whether a stage has the variant of this mask, or room for it: one that nobody runs can make way. */
static bool s_has_room(const act_stage_t *stage, uint32_t mask)
{
    bool room = stage->variant_count < ACT_VARIANTS;
    for (uint32_t i = 0; i < stage->variant_count && !room; i++) {
        const act_variant_t *variant = stage->variants[i];
        room = variant->mask == (mask & stage->statement->conditions) || (i > 0 && variant->users == 0);
    }
    return room;
}

static bool s_have_room(const act_job_t *job, uint32_t mask)
{
    for (uint32_t i = 0; i < job->plan->stage_count; i++)
        if (!s_has_room(&job->plan->stages[i], mask))
            return false;
    return true;
}

/* Gets ready what the transaction is told of whoever asks; false when the job was answered instead. */
static bool s_claim(act_db_t *self, act_job_t *job)
{
    const char *roles = self->config->claims_roles;
    proto_error_t error = *roles ? act_claims_role(&job->request, roles) : PROTO_ERROR_none;
    if (error) {
        act_reply_error(self, job, error, "Your role is none of the database's");
        return false;
    }
    if (act_claims_json(&job->request, &self->claims) == 0)
        return true;
    act_reply_error(self, job, PROTO_ERROR_malformed, "The claims are not a map that JSON can hold");
    return false;
}

/* One job; what cannot be sent is answered. 1 when it must wait for what is under way, -1 when the connection
 * is lost. */
static int s_send_job(act_db_t *self, int64_t now, act_job_t *job)
{
    act_bound_t bound;
    if (!act_job_is_due(job)) {
        act_job_free(self, job);
        return 0;
    }
    if (job->deadline <= now) {
        act_reply_error(self, job, PROTO_ERROR_expired, NULL);
        return 0;
    }
    if (act_bind(self, job, &bound) < 0) {
        act_reply_error(self, job, PROTO_ERROR_invalid, proto_buf_text(&self->detail));
        return 0;
    }
    if (job->plan->script->claims && !s_claim(self, job))
        return 0;
    if (!s_have_room(job, bound.mask)) {
        s_prepend(self, job);
        return 1;
    }
    if (s_send_mode(self, job, &bound) == 0)
        return 0;
    if (job->sent == 0) { /* not in the pipeline yet: it can go to another worker */
        if (self->held == job)
            self->held = NULL;
        s_forget_awaited(self, job);
        act_send_return(self, job);
    }
    return -1;
}

void act_send_waiting(act_db_t *self, int64_t now)
{
    int rc = 0;
    while (rc == 0 && self->waiting && !self->held)
        rc = s_send_job(self, now, s_take_first(self));
    if (rc >= 0 && self->group && !self->held)
        rc = act_sync(self);
    if (rc >= 0 && !self->held)
        rc = act_keys_sweep(self, now);
    if (rc < 0)
        act_connect_lost(self, now);
    else if (self->held && s_is_slow(self->held))
        act_send_return_waiting(self);
}
