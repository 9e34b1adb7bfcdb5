/* SPDX-License-Identifier: MPL-2.0 */
/* From results to answers. A request is answered when the Sync behind it has come back, because the commit
 * happens there. Thread: the actor's. Out: FINAL, ERROR, CREDIT. */
#include <stdlib.h>

#include "act_cursor.h"
#include "act_internal.h"
#include "act_refusal.h"
#include "proto_clock.h"
#include "proto_json.h"
#include "proto_log.h"

static void s_reply(act_db_t *self, act_job_t *job, proto_record_t record)
{
    record.id = job->request.id;
    record.epoch = job->request.epoch;
    record.body = proto_buf_bytes(&self->body);
    if (act_job_is_due(job) && act_brokers_put(job->broker, &record) < 0) {
        proto_buf_reset(&self->body);
        proto_error_body(&self->body, PROTO_ERROR_result_too_large, NULL);
        record.type = PROTO_ERROR;
        record.number = PROTO_ERROR_result_too_large;
        record.body = proto_buf_bytes(&self->body);
        record.key = (proto_bytes_t){0};
        act_db_put(self, job->broker, &record);
    }
    if (self->body.capacity > (1 << 20))
        proto_buf_free(&self->body);
    act_job_free(self, job);
}

/* The answer in self->body; `cursor` is where the next page begins, and travels as the record's key. */
static void s_reply_final(act_db_t *self, act_job_t *job, proto_bytes_t cursor)
{
    s_reply(self, job,
            (proto_record_t){.type = PROTO_FINAL, .key = cursor.size <= 255 ? cursor : (proto_bytes_t){0}});
}

void act_reply_body(act_db_t *self, act_job_t *job, proto_type_t type, proto_error_t error)
{
    s_reply(self, job, (proto_record_t){.type = type, .number = (uint16_t)error});
}

void act_reply_error(act_db_t *self, act_job_t *job, proto_error_t error, const char *detail)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, detail);
    act_reply_body(self, job, PROTO_ERROR, error);
}

typedef struct s_lookup {
    const act_job_t *job;
    uint32_t stage; /* whose result refuses */
} s_lookup_t;

/* {_column} of the result that refuses, or of an earlier one. */
static bool s_lookup_column(const s_lookup_t *self, const char *key, proto_buf_t *out)
{
    for (uint32_t i = self->stage + 1; i-- > 0;) {
        const PGresult *result = self->job->results[i];
        int column = result ? act_document_column(result, key) : -1;
        if (column < 0 || PQntuples(result) == 0)
            continue;
        proto_buf_string(out, PQgetvalue(result, 0, column));
        return true;
    }
    return false;
}

/* {parameter}, as it was sent. */
static bool s_lookup_argument(const s_lookup_t *self, const char *key, proto_buf_t *out)
{
    proto_bytes_t value;
    proto_value_t head;
    if (proto_value_get(self->job->request.body, key, &value) < 0)
        return false;
    proto_reader_t reader = proto_reader(value);
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_STR)
        return proto_json_from_value(value, out) == 0;
    proto_buf_append(out, head.bytes.data, head.bytes.size);
    return true;
}

/* What stands in braces in a refusal's text: a parameter, or a column of the results. */
static bool s_lookup(void *arg, proto_bytes_t name, proto_buf_t *out)
{
    char key[64];
    if (name.size >= sizeof key)
        return false;
    memcpy(key, name.data, name.size);
    key[name.size] = '\0';
    return s_lookup_argument(arg, key, out) || s_lookup_column(arg, key, out);
}

static void s_reply_refusal(act_db_t *self, act_job_t *job, const proto_refusal_t *refusal, uint32_t stage)
{
    s_lookup_t lookup = {job, stage};
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
    const PGresult *result = job->failure;
    const proto_operation_t *operation = job->plan->operation;
    const char *sqlstate = s_field(result, PG_DIAG_SQLSTATE);
    const proto_refusal_t *refusal =
        act_refusal_on(operation, sqlstate, PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    int raised = act_refusal_raised(sqlstate);
    if (refusal) {
        s_reply_refusal(self, job, refusal, job->received ? job->received - 1 : 0);
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
    proto_log_about(error == PROTO_ERROR_internal ? PROTO_LOG_ERROR : PROTO_LOG_INFO, "actors",
                    job->request.trace, "%s failed: %s: %s", operation->name, sqlstate,
                    s_field(result, PG_DIAG_MESSAGE_PRIMARY));
    act_reply_error(self, job, error, s_detail(error));
}

static bool s_failed(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
}

/* The refusal that the results of a job mean, the first one's; NULL when there is none. */
static const proto_refusal_t *s_judge(const act_job_t *job, uint32_t *stage, bool *unknown)
{
    const proto_refusal_t *refusal = NULL;
    *unknown = false;
    for (*stage = 0; *stage < job->received && !refusal && !*unknown; ++*stage)
        refusal = act_document_refusal(job, *stage, unknown);
    *stage -= *stage > 0;
    return refusal;
}

/* The texts of the cursor's columns in the last row. -1, told in the log, when they do not say where that is.
 */
static int s_cursor_texts(const act_job_t *job, const PGresult *result, proto_bytes_t *texts)
{
    const act_script_t *script = job->plan->script;
    int row = PQntuples(result) - 1;
    for (uint32_t i = 0; i < script->cursor_count; i++) {
        int column = act_document_column(result, script->cursor[i]);
        if (column < 0 || PQgetisnull(result, row, column)) {
            proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: the cursor's column %s is %s", script->file,
                      script->statements[script->cursor_statement].line, job->plan->operation->name,
                      script->cursor[i], column < 0 ? "not in the result" : "NULL");
            return -1;
        }
        texts[i] = (proto_bytes_t){(const uint8_t *)PQgetvalue(result, row, column),
                                   (size_t)PQgetlength(result, row, column)};
    }
    return 0;
}

/* The token of the next page, in self->token; none when this one is not full. -1 when it cannot be made. */
static int s_next_cursor(act_db_t *self, const act_job_t *job, proto_bytes_t *token)
{
    const act_script_t *script = job->plan->script;
    act_bound_t bound;
    proto_value_t limit;
    *token = (proto_bytes_t){0};
    if (script->cursor_count == 0 || act_bind(self, job, &bound) < 0)
        return 0;
    const PGresult *result = job->results[script->cursor_statement];
    proto_reader_t reader = proto_reader(bound.values[script->limit_param]);
    int rows = PQntuples(result);
    if (rows == 0 || proto_value_read(&reader, &limit) < 0 || limit.kind != PROTO_INT || rows < limit.integer)
        return 0;
    proto_bytes_t texts[ACT_CURSOR_COLUMNS];
    if (s_cursor_texts(job, result, texts) < 0)
        return -1;
    proto_buf_reset(&self->token);
    act_cursor_write(script, job->plan->operation->hash, bound.filter, texts, &self->token);
    *token = proto_buf_bytes(&self->token);
    return 0;
}

static void s_reply_success(act_db_t *self, act_job_t *job)
{
    bool unknown;
    uint32_t stage;
    const proto_refusal_t *refusal = s_judge(job, &stage, &unknown);
    if (refusal) {
        s_reply_refusal(self, job, refusal, stage);
        return;
    }
    if (unknown) {
        proto_log_about(PROTO_LOG_ERROR, "actors", job->request.trace, "%s:%u: %s: _error names no @error",
                        job->plan->script->file, job->plan->stages[stage].statement->line,
                        job->plan->operation->name);
        act_reply_error(self, job, PROTO_ERROR_internal, s_detail(PROTO_ERROR_internal));
        return;
    }
    proto_bytes_t cursor;
    proto_buf_reset(&self->body);
    if (s_next_cursor(self, job, &cursor) < 0)
        act_reply_error(self, job, PROTO_ERROR_internal, s_detail(PROTO_ERROR_internal));
    else if (act_document_write(job, cursor, &self->body) < 0)
        act_reply_error(self, job, PROTO_ERROR_result_too_large, NULL);
    else
        s_reply_final(self, job, cursor);
}

/* Whether a failed job gets a second chance; it then waits again. */
static bool s_retry(act_db_t *self, act_job_t *job, act_verdict_t verdict)
{
    if (job->retried || (verdict != ACT_AGAIN && verdict != ACT_PREPARE))
        return false;
    job->retried = true;
    self->figures.stats.retries++;
    if (verdict == ACT_PREPARE && act_plan_again(self, job->plan) < 0)
        return false;
    act_send_again(self, job);
    return true;
}

/* What failed, or was rolled back, by the hand of its client: no answer but the credit is waited for. */
static bool s_is_undone(const act_job_t *job)
{
    return job->cancelled && !job->committing;
}

static act_verdict_t s_verdict(const act_db_t *self, const act_job_t *job)
{
    bool writes = !(job->plan->operation->flags & PROTO_OP_READS);
    const char *sqlstate = job->failure ? s_field(job->failure, PG_DIAG_SQLSTATE) : "";
    if (job->refused_to_write)
        return ACT_RECONNECT;
    /* A cancel that came late was not meant for it (act_abort.c), and what it did is rolled back. */
    if (strcmp(sqlstate, "57014") == 0 && proto_clock_ms() < self->stray_until)
        return ACT_AGAIN;
    return act_refusal_verdict(sqlstate, writes);
}

/* A job whose Sync has come back. -1 when the connection is of no use any more. */
static int s_settle(act_db_t *self, act_job_t *job)
{
    bool undone = s_is_undone(job);
    if (job->aborted && !job->failure && !job->alone && !undone) {
        act_send_again(self, job); /* its neighbour failed, not it */
        return 0;
    }
    if (!job->failure && !job->aborted && !undone) {
        s_reply_success(self, job);
        return 0;
    }
    act_verdict_t verdict = s_verdict(self, job);
    self->figures.stats.failures += job->failure != NULL;
    if (!undone && s_retry(self, job, verdict))
        return 0;
    if (verdict == ACT_RECONNECT) {
        act_reply_error(self, job, PROTO_ERROR_database_unavailable,
                        s_detail(PROTO_ERROR_database_unavailable));
        return -1;
    }
    if (undone)
        act_reply_error(self, job, PROTO_ERROR_expired, "Nobody waits for it any more");
    else if (job->failure)
        s_reply_failure(self, job);
    else
        act_reply_error(self, job, PROTO_ERROR_internal, s_detail(PROTO_ERROR_internal));
    return 0;
}

static int s_send_end(act_db_t *self, const char *name, act_await_kind_t kind)
{
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = kind, .job = self->held});
    return act_sync(self);
}

/* What a held job has sent is answered: COMMIT, ROLLBACK, or its next statements. */
static int s_decide(act_db_t *self, act_job_t *job)
{
    bool unknown = false, failed = job->failure || job->aborted;
    uint32_t stage;
    if (failed && act_sync(self) < 0) /* behind an error nothing is heard before a Sync */
        return -1;
    if (failed || job->cancelled || s_judge(job, &stage, &unknown) || unknown)
        return s_send_end(self, "muster_rollback", ACT_AWAIT_IGNORE);
    if (job->sent < job->plan->stage_count)
        return act_send_held(self, job);
    job->committing = true;
    return s_send_end(self, "muster_commit", ACT_AWAIT_COMMIT);
}

/* Whether all that a held job has sent is answered, and neither COMMIT, ROLLBACK nor a cancel is on its way.
 */
static bool s_undecided(const act_db_t *self)
{
    const act_job_t *held = self->held;
    return held && held->plan->mode == ACT_MODE_HELD && held->sent && held->received == held->sent &&
           self->held_syncs == 0 && !self->cancelling;
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

/* A statement's result. -1 when it is libpq's own error: the connection broke under it. */
static int s_take_statement(act_db_t *self, const act_await_t *await, PGresult *result)
{
    act_job_t *job = await->job;
    bool last = await->stage + 1 == job->sent, aborted = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
    bool broken = s_failed(result) && !aborted && !PQresultErrorField(result, PG_DIAG_SQLSTATE);
    job->received++;
    job->aborted = job->aborted || aborted;
    if (!s_failed(result))
        job->results[await->stage] = result;
    else if (aborted || broken || job->failure)
        PQclear(result);
    else
        job->failure = result;
    if (last && job != self->held)
        s_answered(self, job);
    return broken ? -1 : 0;
}

/* Keeps the first thing that went wrong for a job; owns the result. */
static void s_fail_job(act_job_t *job, PGresult *result)
{
    if (job->failure || PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        PQclear(result);
    else
        job->failure = result;
}

/* Takes one result; owns it. */
static int s_take(act_db_t *self, const act_await_t *await, PGresult *result)
{
    switch (await->kind) {
    case ACT_AWAIT_STATEMENT:
        return s_take_statement(self, await, result);
    case ACT_AWAIT_BEGIN: /* a standby, or a primary that has become one, refuses it (0A000) */
        if (!s_failed(result) || !await->job)
            break;
        await->job->refused_to_write = PQresultStatus(result) != PGRES_PIPELINE_ABORTED;
        s_fail_job(await->job, result);
        return 0;
    case ACT_AWAIT_CLAIMS:
    case ACT_AWAIT_COMMIT: /* a deferred constraint, a serialisation failure */
        if (!s_failed(result))
            break;
        s_fail_job(await->job, result);
        return 0;
    case ACT_AWAIT_PREPARE:
    case ACT_AWAIT_DESCRIBE:
        if (act_plan_result(self, await, result))
            return 0;
        break;
    default:
        act_prepare_result(self, await, result);
        break;
    }
    PQclear(result);
    return 0;
}

/* Gives back what waited for the held job to end. */
static void s_give_credit(act_db_t *self)
{
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        act_broker_t *broker = &self->brokers.list[i];
        if (!broker->owed)
            continue;
        act_db_put(self, broker,
                   &(proto_record_t){.type = PROTO_CREDIT, .number = broker->owed, .epoch = broker->epoch});
        broker->owed = 0;
    }
}

/* The held job's last Sync has come back. A transaction that is still open then (a ROLLBACK was itself
 * cancelled) makes the connection useless. */
static int s_settle_held(act_db_t *self)
{
    act_job_t *job = self->held;
    PGTransactionStatusType status = PQtransactionStatus(self->conn);
    self->held = NULL;
    int rc = s_settle(self, job);
    if (rc == 0)
        s_give_credit(self);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR ? -1 : rc;
}

static int s_synced(act_db_t *self)
{
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
    if (rc == 0 && self->held && self->held_syncs && self->held->received && --self->held_syncs == 0 &&
        !self->cancelling)
        rc = s_settle_held(self);
    return rc;
}

int act_receive_held(act_db_t *self)
{
    act_job_t *job = self->held;
    if (self->between) /* act_receive goes on when its NULL has come */
        return 0;
    if (s_undecided(self))
        return s_decide(self, job);
    bool over = job->plan->mode == ACT_MODE_SLOW && self->held_syncs == 0;
    return over ? s_settle_held(self) : 0;
}

int act_receive(act_db_t *self)
{
    int rc = 0;
    while (rc == 0 && self->conn && self->await_count && !PQisBusy(self->conn)) {
        PGresult *result = PQgetResult(self->conn);
        act_await_t await = self->awaited[self->await_first];
        if (!result && !self->between)
            break; /* the second NULL in a row: nothing more for now */
        if (result && PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            PROTO_ASSERT(await.kind == ACT_AWAIT_SYNC);
            self->await_first = (self->await_first + 1) % self->await_room;
            self->await_count--;
            rc = s_synced(self);
        } else if (result) {
            self->between = true;
            /* Out of the ring first: taking it may push more. */
            self->awaited[self->await_first].kind = ACT_AWAIT_IGNORE;
            rc = s_take(self, &await, result);
        } else {
            self->between = false;
            self->await_first = (self->await_first + 1) % self->await_room;
            self->await_count--;
            if (s_undecided(self) &&
                await.job == self->held) /* only now: libpq loses this NULL behind a Sync */
                rc = s_decide(self, self->held);
        }
    }
    if (rc == 0 && self->conn && PQstatus(self->conn) == CONNECTION_BAD)
        rc = -1;
    return rc;
}
