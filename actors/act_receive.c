/* SPDX-License-Identifier: MPL-2.0 */
/* From results to answers. A request is answered when the Sync behind it has come back, because the commit
 * happens there. Thread: the actor's. Out: FINAL, ERROR, CREDIT. */
#include <stdlib.h>

#include "act_internal.h"
#include "act_refusal.h"
#include "proto_json.h"
#include "proto_log.h"

enum { S_KEEP_BYTES = 65536 };

void act_job_free(act_db_t *self, act_job_t *job)
{
    if (job->result)
        PQclear(job->result);
    job->result = NULL;
    if (job->kept.capacity > S_KEEP_BYTES)
        proto_buf_free(&job->kept);
    job->next = self->free_jobs;
    self->free_jobs = job;
    self->job_count--;
}

void act_reply_body(act_db_t *self, act_job_t *job, proto_type_t type, proto_error_t error)
{
    proto_record_t record = {.type = type,
                             .number = (uint16_t)error,
                             .id = job->request.id,
                             .epoch = job->request.epoch,
                             .body = proto_buf_bytes(&self->body)};
    if (proto_wire_put(self->wire, &record) < 0) {
        proto_buf_reset(&self->body);
        proto_error_body(&self->body, PROTO_ERROR_result_too_large, NULL);
        record.type = PROTO_ERROR;
        record.number = PROTO_ERROR_result_too_large;
        record.body = proto_buf_bytes(&self->body);
        act_db_put(self, &record);
    }
    if (self->body.capacity > (1 << 20))
        proto_buf_free(&self->body);
    act_job_free(self, job);
}

void act_reply_error(act_db_t *self, act_job_t *job, proto_error_t error, const char *detail)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    act_reply_body(self, job, PROTO_ERROR, error);
}

typedef struct s_lookup {
    const act_job_t *job;
    const PGresult *result;
} s_lookup_t;

/* {parameter} or {_column} of a refusal's text. */
static bool s_lookup(void *arg, proto_bytes_t name, proto_buf_t *out)
{
    const s_lookup_t *self = arg;
    char key[64];
    proto_bytes_t value;
    if (name.size >= sizeof key)
        return false;
    memcpy(key, name.data, name.size);
    key[name.size] = '\0';
    int column = PQfnumber(self->result, key);
    if (column >= 0 && PQntuples(self->result) > 0) {
        proto_buf_string(out, PQgetvalue(self->result, 0, column));
        return true;
    }
    if (proto_value_get(self->job->request.body, key, &value) < 0)
        return false;
    proto_reader_t reader = proto_reader(value);
    proto_value_t head;
    if (proto_value_read(&reader, &head) == 0 && head.kind == PROTO_STR)
        proto_buf_append(out, head.bytes.data, head.bytes.size);
    else if (proto_json_from_value(value, out) < 0)
        return false;
    return true;
}

static void s_reply_refusal(act_db_t *self, act_job_t *job, const proto_refusal_t *refusal)
{
    s_lookup_t lookup = {job, job->result};
    proto_buf_reset(&self->body);
    act_refusal_body(refusal, s_lookup, &lookup, &self->body);
    act_reply_body(self, job, PROTO_ERROR, PROTO_ERROR_declared);
}

static const char *s_field(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text ? text : "";
}

/* What a client is told in the place of PostgreSQL's words. */
static const char *s_detail(proto_error_t error)
{
    switch (error) {
    case PROTO_ERROR_invalid:
        return "The database refused one of the values";
    case PROTO_ERROR_conflict:
        return "It conflicts with what the database holds";
    case PROTO_ERROR_timeout:
        return "The statement took too long";
    case PROTO_ERROR_database_unavailable:
        return "The database is not available";
    default:
        return "The server made a mistake; its log knows more under this request id";
    }
}

static void s_reply_failure(act_db_t *self, act_job_t *job)
{
    const PGresult *result = job->result;
    const proto_operation_t *operation = job->plan->operation;
    const char *sqlstate = s_field(result, PG_DIAG_SQLSTATE);
    const proto_refusal_t *refusal =
        act_refusal_on(operation, sqlstate, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    int raised = act_refusal_raised(sqlstate);
    if (refusal) {
        s_reply_refusal(self, job, refusal);
        return;
    }
    if (raised) {
        proto_buf_reset(&self->body);
        act_refusal_raised_body(raised, s_field(result, PG_DIAG_MESSAGE_PRIMARY), &self->body);
        act_reply_body(self, job, PROTO_ERROR, PROTO_ERROR_declared);
        return;
    }
    proto_error_t error = act_refusal_error(sqlstate);
    if (error == PROTO_ERROR_timeout && !(operation->flags & PROTO_OP_READS))
        error = PROTO_ERROR_expired; /* cancelled and rolled back: certainly not executed */
    proto_log(error == PROTO_ERROR_internal ? PROTO_LOG_ERROR : PROTO_LOG_INFO, "actors",
              "%s failed: %s: %s (request %s)", operation->name, sqlstate,
              s_field(result, PG_DIAG_MESSAGE_PRIMARY), (const char *)job->request.trace.data);
    act_reply_error(self, job, error, s_detail(error));
}

static bool s_failed(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
}

static void s_reply_success(act_db_t *self, act_job_t *job)
{
    bool unknown;
    const proto_refusal_t *refusal = act_document_refusal(job->plan, job->result, &unknown);
    if (refusal) {
        s_reply_refusal(self, job, refusal);
        return;
    }
    proto_buf_reset(&self->body);
    if (unknown) {
        proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: _error names no @error", job->plan->statement->file,
                  job->plan->statement->line, job->plan->operation->name);
        act_reply_error(self, job, PROTO_ERROR_internal, s_detail(PROTO_ERROR_internal));
    } else if (act_document_write(self, job->plan, job->result, &self->body) < 0) {
        act_reply_error(self, job, PROTO_ERROR_result_too_large, NULL);
    } else {
        act_reply_body(self, job, PROTO_FINAL, PROTO_ERROR_none);
    }
}

/* Whether a failed job gets a second chance; it then waits again. */
static bool s_retry(act_db_t *self, act_job_t *job, act_verdict_t verdict)
{
    if (job->retried || (verdict != ACT_AGAIN && verdict != ACT_PREPARE))
        return false;
    job->retried = true;
    if (verdict == ACT_PREPARE && act_prepare_again(self, job->plan) < 0)
        return false;
    act_send_again(self, job);
    return true;
}

/* A job whose Sync has come back. -1 when the connection is of no use any more. */
static int s_settle(act_db_t *self, act_job_t *job)
{
    if (PQresultStatus(job->result) == PGRES_PIPELINE_ABORTED && !job->alone) {
        act_send_again(self, job); /* its neighbour failed, not it */
        return 0;
    }
    if (!s_failed(job->result)) {
        s_reply_success(self, job);
        return 0;
    }
    bool writes = !(job->plan->operation->flags & PROTO_OP_READS);
    act_verdict_t verdict = job->refused_to_write
                                ? ACT_RECONNECT
                                : act_refusal_verdict(s_field(job->result, PG_DIAG_SQLSTATE), writes);
    if (s_retry(self, job, verdict))
        return 0;
    if (verdict == ACT_RECONNECT) {
        act_reply_error(self, job, PROTO_ERROR_database_unavailable,
                        s_detail(PROTO_ERROR_database_unavailable));
        return -1;
    }
    s_reply_failure(self, job);
    return 0;
}

static int s_send_end(act_db_t *self, const char *name, act_step_kind_t kind)
{
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_step_push(self, kind, self->held, NULL);
    return act_sync(self);
}

/* The result of a held write is there: COMMIT or ROLLBACK. */
static int s_decide(act_db_t *self, const act_job_t *job)
{
    bool unknown = false;
    bool failed = s_failed(job->result);
    if (failed && act_sync(self) < 0) /* behind an error nothing is heard before a Sync */
        return -1;
    if (failed || act_document_refusal(job->plan, job->result, &unknown) || unknown)
        return s_send_end(self, "muster_rollback", ACT_STEP_IGNORE);
    return s_send_end(self, "muster_commit", ACT_STEP_COMMIT);
}

/* Whether the held write's result is there, but neither COMMIT nor ROLLBACK is on its way. */
static bool s_undecided(const act_db_t *self)
{
    const act_job_t *held = self->held;
    return held && held->plan->mode == ACT_MODE_HELD && held->finished && self->held_syncs == 0;
}

static void s_answered(act_db_t *self, act_job_t *job)
{
    job->next = NULL;
    if (self->answered)
        self->answered_last->next = job;
    else
        self->answered = job;
    self->answered_last = job;
}

/* Takes one result; owns it. */
static int s_take(act_db_t *self, const act_step_t *step, PGresult *result)
{
    act_job_t *job = step->job;
    switch (step->kind) {
    case ACT_STEP_STATEMENT:
        if (s_failed(result) && PQresultStatus(result) != PGRES_PIPELINE_ABORTED &&
            !PQresultErrorField(result, PG_DIAG_SQLSTATE)) { /* libpq's own: the connection broke under it */
            PQclear(result);
            if (job != self->held)
                s_answered(self, job);
            return -1;
        }
        job->finished = true;
        if (job->refused_to_write)
            PQclear(result); /* aborted by that */
        else
            job->result = result;
        if (job != self->held)
            s_answered(self, job);
        return 0;
    case ACT_STEP_BEGIN: /* a standby, or a primary that has become one, refuses it (0A000) */
        if (!s_failed(result))
            break;
        job->refused_to_write = true;
        job->result = result;
        return 0;
    case ACT_STEP_COMMIT:
        if (s_failed(result)) { /* a deferred constraint, a serialisation failure */
            PQclear(job->result);
            job->result = result;
            return 0;
        }
        break;
    default:
        act_prepare_result(self, step, result);
        break;
    }
    PQclear(result);
    return 0;
}

static int s_settle_held(act_db_t *self)
{
    act_job_t *job = self->held;
    if (--self->held_syncs > 0)
        return 0;
    self->held = NULL;
    int rc = s_settle(self, job);
    if (self->owed && rc == 0) {
        act_db_put(self, &(proto_record_t){.type = PROTO_CREDIT, .number = self->owed, .epoch = self->epoch});
        self->owed = 0;
    }
    return rc;
}

static int s_synced(act_db_t *self, int64_t now)
{
    if (self->phase != ACT_PHASE_READY) {
        act_prepare_synced(self, now);
        return 0;
    }
    act_job_t *jobs = self->answered;
    self->answered = self->answered_last = NULL;
    int rc = 0;
    while (jobs) {
        act_job_t *job = jobs;
        jobs = job->next;
        if (rc == 0) {
            rc = s_settle(self, job);
        } else {
            s_answered(self, job);
        }
    }
    if (rc == 0 && self->held && self->held_syncs && self->held->finished)
        rc = s_settle_held(self);
    return rc;
}

int act_receive(act_db_t *self, int64_t now)
{
    int rc = 0;
    while (rc == 0 && self->conn && self->step_count && !PQisBusy(self->conn)) {
        PGresult *result = PQgetResult(self->conn);
        act_step_t step = self->steps[self->step_first];
        if (!result && !self->between)
            break; /* the second NULL in a row: nothing more for now */
        if (result && PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            PROTO_ASSERT(step.kind == ACT_STEP_SYNC);
            self->step_first = (self->step_first + 1) % self->step_room;
            self->step_count--;
            rc = s_synced(self, now);
        } else if (result) {
            self->between = true;
            /* Out of the ring first: taking it may push more. */
            self->steps[self->step_first].kind = ACT_STEP_IGNORE;
            rc = s_take(self, &step, result);
        } else {
            self->between = false;
            self->step_first = (self->step_first + 1) % self->step_room;
            self->step_count--;
            if (s_undecided(self) &&
                step.job == self->held) /* only now: libpq loses this NULL behind a Sync */
                rc = s_decide(self, self->held);
        }
    }
    if (rc == 0 && self->conn && PQstatus(self->conn) == CONNECTION_BAD)
        rc = -1;
    return rc;
}
