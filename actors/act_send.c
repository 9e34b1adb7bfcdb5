/* SPDX-License-Identifier: MPL-2.0 */
/* From requests to the pipeline. Thread: the actor's. In: REQUEST, CANCEL. Out: RETURN. */
#include <stdlib.h>

#include "act_admit.h"
#include "act_internal.h"
#include "act_value.h"
#include "proto_param.h"

void act_step_push(act_db_t *self, act_step_kind_t kind, act_job_t *job, act_plan_t *plan)
{
    if (self->step_count == self->step_room) {
        uint32_t room = self->step_room ? self->step_room * 2 : 256;
        act_step_t *steps = calloc(room, sizeof *steps);
        PROTO_ASSERT(steps != NULL);
        for (uint32_t i = 0; i < self->step_count; i++)
            steps[i] = self->steps[(self->step_first + i) % self->step_room];
        free(self->steps);
        self->steps = steps;
        self->step_room = room;
        self->step_first = 0;
    }
    self->steps[(self->step_first + self->step_count++) % self->step_room] = (act_step_t){kind, job, plan};
}

int act_sync(act_db_t *self)
{
    if (PQpipelineSync(self->conn) != 1)
        return -1;
    act_step_push(self, ACT_STEP_SYNC, NULL, NULL);
    self->group = 0;
    if (self->held)
        self->held_syncs++;
    return 0;
}

act_plan_t *act_plan_find(const act_db_t *self, uint64_t hash, proto_bytes_t name)
{
    if (hash == 0) {
        for (uint32_t i = 0; i < self->plan_count; i++)
            if (proto_bytes_is(name, self->plans[i].operation->name))
                return &self->plans[i];
        return NULL;
    }
    for (uint32_t at = (uint32_t)hash;; at++) {
        uint32_t place = self->by_hash[at & (self->by_hash_size - 1)];
        if (place == 0)
            return NULL;
        if (self->plans[place - 1].operation->hash == hash || self->plans[place - 1].former == hash)
            return &self->plans[place - 1];
    }
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

static act_job_t *s_take_first(act_db_t *self)
{
    act_job_t *job = self->waiting;
    self->waiting = job->next;
    self->waiting_count--;
    return job;
}

void act_send_again(act_db_t *self, act_job_t *job)
{
    if (job->result)
        PQclear(job->result);
    job->result = NULL;
    job->alone = true;
    job->refused_to_write = job->finished = false;
    job->next = self->waiting;
    if (!self->waiting)
        self->waiting_last = job;
    self->waiting = job;
    self->waiting_count++;
}

static bool s_is_slow(const act_job_t *job)
{
    return job->plan->operation->flags & PROTO_OP_EXCLUSIVE;
}

/* The request as it came, for another worker. */
static void s_return(act_db_t *self, act_job_t *job)
{
    proto_record_t record = job->request;
    record.type = PROTO_RETURN;
    record.flags = 0;
    record.deadline = 0; /* the broker knows the true one */
    act_db_put(self, &record);
    self->owed++;
    act_job_free(self, job);
}

void act_send_return_waiting(act_db_t *self)
{
    while (self->waiting)
        s_return(self, s_take_first(self));
}

void act_send_take(act_db_t *self, int64_t now, const proto_record_t *record)
{
    if (record->epoch != self->epoch)
        return; /* sent to who we were before a long stop; the broker has given it up */
    act_job_t *job = s_job(self);
    s_keep(job, record);
    job->deadline = now + record->deadline;
    job->retried = job->alone = job->refused_to_write = job->finished = false;
    job->plan = self->phase == ACT_PHASE_READY ? act_plan_find(self, record->operation, record->name) : NULL;
    if (!job->plan || !job->plan->prepared) {
        act_reply_error(self, job, PROTO_ERROR_no_worker, "This worker does not offer the operation");
        return;
    }
    proto_error_t error = act_admit(job->plan->operation, &job->request);
    if (error)
        act_reply_error(self, job, error,
                        error == PROTO_ERROR_malformed ? "The arguments are not well-formed MessagePack"
                                                       : NULL);
    else if (self->stopping || (self->held && s_is_slow(self->held)))
        s_return(self, job);
    else
        s_append(self, job);
}

void act_send_cancel(act_db_t *self, uint64_t token)
{
    for (act_job_t *job = self->waiting; job; job = job->next)
        if (job->request.id == token)
            job->deadline = 0; /* answered as expired when its turn comes, which gives the credit back */
}

/* The texts of all arguments, NUL-terminated, in self->text. -1 when one does not suit. */
static int s_bind(act_db_t *self, const act_job_t *job, const char **values)
{
    static const uint8_t empty_map = 0x80;
    const act_plan_t *plan = job->plan;
    const proto_operation_t *operation = plan->operation;
    proto_bytes_t bound[ACT_ARGUMENTS];
    size_t offsets[ACT_ARGUMENTS];
    bool nulls[ACT_ARGUMENTS];
    proto_bytes_t arguments = job->request.body;
    if (arguments.size == 0)
        arguments = (proto_bytes_t){&empty_map, 1};
    proto_buf_reset(&self->detail);
    if (proto_param_bind(operation, arguments, bound, &self->detail) < 0)
        return -1;
    proto_buf_reset(&self->text);
    for (uint32_t i = 0; i < plan->statement->argument_count; i++) {
        const proto_param_t *param = &operation->params[plan->statement->arguments[i]];
        const proto_bytes_t *filled = param->source == PROTO_SOURCE_AUTH_SUB     ? &job->request.subject
                                      : param->source == PROTO_SOURCE_AUTH_ROLE  ? &job->request.role
                                      : param->source == PROTO_SOURCE_REQUEST_ID ? &job->request.trace
                                                                                 : NULL;
        offsets[i] = self->text.size;
        nulls[i] = false;
        if (filled) {
            proto_buf_append(&self->text, filled->data, filled->size);
            nulls[i] = filled->size == 0;
        } else if (act_value_to_text(param, bound[plan->statement->arguments[i]], &self->text, &nulls[i]) <
                   0) {
            proto_buf_printf(&self->detail, "%s has a form that its type does not take", param->name);
            return -1;
        }
        proto_buf_byte(&self->text, 0);
    }
    for (uint32_t i = 0; i < plan->statement->argument_count; i++)
        values[i] = nulls[i] ? NULL : (const char *)self->text.data + offsets[i];
    return self->text.failed ? -1 : 0;
}

/* Lets the job's transaction write. */
static int s_send_begin(act_db_t *self, act_job_t *job, const char *name)
{
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_step_push(self, ACT_STEP_BEGIN, job, NULL);
    return 0;
}

static int s_send_statement(act_db_t *self, act_job_t *job, const char *const *values)
{
    if (PQsendQueryPrepared(self->conn, job->plan->name, (int)job->plan->statement->argument_count, values,
                            NULL, NULL, 0) != 1)
        return -1;
    act_step_push(self, ACT_STEP_STATEMENT, job, NULL);
    self->group++;
    return 0;
}

/* What stands before and behind the statement in the pipeline. */
static int s_send_mode(act_db_t *self, act_job_t *job, const char *const *values)
{
    act_mode_t mode = job->plan->mode;
    bool ends_group = mode != ACT_MODE_SHARED || job->alone;
    if (ends_group && self->group && act_sync(self) < 0)
        return -1;
    if (mode == ACT_MODE_HELD || mode == ACT_MODE_SLOW) {
        self->held = job;
        self->held_syncs = 0;
    }
    if (mode == ACT_MODE_SINGLE && s_send_begin(self, job, "muster_write") < 0)
        return -1;
    if (mode == ACT_MODE_HELD && s_send_begin(self, job, "muster_begin") < 0)
        return -1;
    if (s_send_statement(self, job, values) < 0)
        return -1;
    if (mode == ACT_MODE_HELD)
        return PQsendFlushRequest(self->conn) == 1 ? 0 : -1;
    return ends_group ? act_sync(self) : 0;
}

/* One job; what cannot be sent is answered. -1 when the connection is lost. */
static int s_send_job(act_db_t *self, int64_t now, act_job_t *job)
{
    const char *values[ACT_ARGUMENTS];
    if (job->request.epoch != self->epoch) {
        act_job_free(self, job);
        return 0;
    }
    if (job->deadline <= now) {
        act_reply_error(self, job, PROTO_ERROR_expired, NULL);
        return 0;
    }
    if (s_bind(self, job, values) < 0) {
        act_reply_error(self, job, PROTO_ERROR_invalid, proto_buf_text(&self->detail));
        return 0;
    }
    uint32_t steps = self->step_count;
    if (s_send_mode(self, job, values) == 0)
        return 0;
    /* Not in the pipeline yet: it can go to another worker. */
    bool queued = false;
    for (uint32_t i = steps; i < self->step_count; i++)
        queued = queued || self->steps[(self->step_first + i) % self->step_room].job == job;
    if (!queued) {
        if (self->held == job)
            self->held = NULL;
        s_return(self, job);
    }
    return -1;
}

void act_send_waiting(act_db_t *self, int64_t now)
{
    int rc = 0;
    while (rc == 0 && self->waiting && !self->held)
        rc = s_send_job(self, now, s_take_first(self));
    if (rc == 0 && self->group && !self->held)
        rc = act_sync(self);
    if (rc < 0)
        act_connect_lost(self, now);
    else if (self->held && s_is_slow(self->held))
        act_send_return_waiting(self);
}
