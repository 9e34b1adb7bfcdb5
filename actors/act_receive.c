/* SPDX-License-Identifier: MPL-2.0 */
/* From results to answers. A request is answered when the Sync behind it has come back, because the commit
 * happens there. Thread: the actor's. Out: CREDIT, and what act_reply says. */
#include "act_internal.h"
#include "act_refusal.h"
#include "proto_clock.h"

static const char *s_field(const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    return text ? text : "";
}

static bool s_failed(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
}

/* Whether another request has, or had, the job's key. */
static bool s_key_is_taken(const act_job_t *job)
{
    const char *sqlstate = job->unclaimed ? s_field(job->failure, PG_DIAG_SQLSTATE) : "";
    return strcmp(sqlstate, "23505") == 0 || strcmp(sqlstate, "55P03") == 0;
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
    if (!job->failure && !job->aborted && !job->unkept && !undone) {
        act_reply_success(self, job);
        return 0;
    }
    act_verdict_t verdict = s_verdict(self, job);
    self->figures.stats.failures += job->failure != NULL;
    if (!undone && s_retry(self, job, verdict))
        return 0;
    if (verdict == ACT_RECONNECT) {
        act_reply_error(self, job, PROTO_ERROR_database_unavailable,
                        act_reply_detail(PROTO_ERROR_database_unavailable));
        return -1;
    }
    if (undone)
        act_reply_error(self, job, PROTO_ERROR_expired, "Nobody waits for it any more");
    else if (job->unkept)
        act_reply_error(self, job, PROTO_ERROR_result_too_large,
                        "The answer is too large to be kept under the idempotency key");
    else if (s_key_is_taken(job))
        act_reply_kept(self, job);
    else if (job->failure)
        act_reply_failure(self, job);
    else
        act_reply_error(self, job, PROTO_ERROR_internal, act_reply_detail(PROTO_ERROR_internal));
    return 0;
}

static int s_send_end(act_db_t *self, const char *name, act_await_kind_t kind)
{
    act_job_t *job = self->held;
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = kind, .job = job});
    if (s_key_is_taken(job) && act_keys_recall(self, job) < 0)
        return -1;
    return act_sync(self);
}

/* The answer of a keyed job is stored in the transaction that it tells of; 1 when it is too large. */
static int s_store(act_db_t *self, act_job_t *job)
{
    proto_bytes_t cursor;
    proto_buf_reset(&self->body);
    job->unkept = act_reply_cursor(self, job, &cursor) < 0 || cursor.size > 255 ||
                  act_document_write(job, cursor, &self->body) < 0 || self->body.size > ACT_KEPT_BYTES;
    return job->unkept ? 1 : act_keys_store(self, job, proto_buf_bytes(&self->body), cursor);
}

/* What a held job has sent is answered: COMMIT, ROLLBACK, or its next statements. */
static int s_decide(act_db_t *self, act_job_t *job)
{
    bool unknown = false, failed = job->failure || job->aborted;
    uint32_t stage;
    if (failed && act_sync(self) < 0) /* behind an error nothing is heard before a Sync */
        return -1;
    if (failed || job->cancelled || act_reply_judge(job, &stage, &unknown) || unknown)
        return s_send_end(self, "muster_rollback", ACT_AWAIT_IGNORE);
    if (job->sent < job->plan->stage_count)
        return act_send_held(self, job);
    int stored = job->keyed ? s_store(self, job) : 0;
    if (stored != 0)
        return stored < 0 ? -1 : s_send_end(self, "muster_rollback", ACT_AWAIT_IGNORE);
    job->committing = true;
    return s_send_end(self, "muster_commit", ACT_AWAIT_COMMIT);
}

/* Whether all that a held job has sent is answered, and neither COMMIT, ROLLBACK nor a cancel is on its way.
 */
static bool s_undecided(const act_db_t *self)
{
    const act_job_t *held = self->held;
    return held && act_job_mode(held) == ACT_MODE_HELD && held->sent && held->received == held->sent &&
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

/* What was answered under the job's key; a failure is the job's, in the place of the claim's. */
static int s_take_answer(act_job_t *job, PGresult *result)
{
    if (!s_failed(result)) {
        job->kept_answer = result;
        return 0;
    }
    job->unclaimed = false;
    PQclear(job->failure);
    job->failure = NULL;
    s_fail_job(job, result);
    return 0;
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
    case ACT_AWAIT_ANSWER:
        return s_take_answer(await->job, result);
    case ACT_AWAIT_KEY:
        await->job->unclaimed = s_failed(result) && PQresultStatus(result) != PGRES_PIPELINE_ABORTED;
        /* fall through */
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
    case ACT_AWAIT_KEYS:
    case ACT_AWAIT_SWEEP:
        act_keys_result(self, await->kind, result);
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
    bool over = act_job_mode(job) == ACT_MODE_SLOW && self->held_syncs == 0;
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
