/* SPDX-License-Identifier: MPL-2.0 */
/* Writes with an idempotency key: executed once, answered each time alike. Thread: the actor's.
 *
 * Such a write holds its connection. A row for its key stands in muster.answers before its statements run, in
 * the same transaction, and gets the answer before COMMIT: so the answer is there exactly when the write is.
 * Who comes second is stopped by the primary key: while the first is under way it waits (for S_PATIENCE at
 * most), behind it the INSERT fails and everything behind that with it; then the answer is read and given
 * once more. Whatever is rolled back takes its claim with it: refusals and errors are not kept. */
#include <stdio.h>
#include <stdlib.h>

#include "act_internal.h"
#include "proto_clock.h"
#include "proto_log.h"

/* pg_try_advisory_xact_lock's key of the sweep: one actor at a time is enough. */
#define S_SWEEP_LOCK "120252213193075"
#define S_BATCH      "500" /* rows of one sweep: some milliseconds */
#define S_PATIENCE   "'1s'"

enum {
    S_SWEEP_FIRST_MS = 1000,
    S_SWEEP_MORE_MS = 100,
    S_SWEEP_MS = 60000,
    S_BINARY = 1 /* a libpq format */
};

static const char s_question[] =
    "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') "
    "AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') "
    "AND has_table_privilege(c.oid, 'DELETE') "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'muster' AND c.relname = 'answers'";

/* The timeout holds while the row is put in, and not for the statements behind it. */
static const char *const s_own[][2] = {
    {"muster_claim",
     "INSERT INTO muster.answers (principal, key, fingerprint) SELECT $1, $2, pg_catalog.sha256($3) "
     "FROM pg_catalog.set_config('lock_timeout', " S_PATIENCE ", true)"},
    {"muster_claimed", "SET LOCAL lock_timeout TO DEFAULT"},
    {"muster_own", "SET LOCAL role TO DEFAULT"},
    {"muster_store", "UPDATE muster.answers SET body = $3, cursor = $4 WHERE principal = $1 AND key = $2"},
    {"muster_recall", "SELECT fingerprint = pg_catalog.sha256($3), body, cursor FROM muster.answers "
                      "WHERE principal = $1 AND key = $2"},
    {"muster_sweep", "DELETE FROM muster.answers WHERE ctid IN (SELECT ctid FROM muster.answers "
                     "WHERE (SELECT pg_catalog.pg_try_advisory_xact_lock(" S_SWEEP_LOCK ")) "
                     "AND created_at < pg_catalog.now() - pg_catalog.make_interval(secs => $1) "
                     "ORDER BY created_at LIMIT " S_BATCH " FOR UPDATE SKIP LOCKED)"}};

void act_keys_ask(act_db_t *self)
{
    if (PQsendQueryParams(self->conn, s_question, 0, NULL, NULL, NULL, NULL, 0) != 1)
        return; /* a lost connection shows at the next flush */
    act_await(self, (act_await_t){.kind = ACT_AWAIT_KEYS});
    if (act_sync(self) < 0)
        proto_log(PROTO_LOG_DEBUG, "actors", "%s %u: a Sync could not be sent", self->config->service,
                  self->config->number);
}

/* The database keeps keys: what they need is prepared in front of the first of them. */
static void s_prepare(act_db_t *self)
{
    for (size_t i = 0; i < sizeof s_own / sizeof s_own[0]; i++)
        if (PQsendPrepare(self->conn, s_own[i][0], s_own[i][1], 0, NULL) == 1)
            act_await(self, (act_await_t){.kind = ACT_AWAIT_IGNORE});
    self->keeps_keys = act_sync(self) == 0;
    self->sweep_at = proto_clock_ms() + S_SWEEP_FIRST_MS;
}

void act_keys_result(act_db_t *self, act_await_kind_t kind, const PGresult *result)
{
    if (kind == ACT_AWAIT_SWEEP) {
        bool more = strcmp(PQcmdTuples((PGresult *)result), S_BATCH) == 0;
        self->sweep_at = proto_clock_ms() + (more ? S_SWEEP_MORE_MS : S_SWEEP_MS);
    } else if (PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0) {
        s_prepare(self);
    } else if (!self->told_keys && self->config->number == 1) {
        self->told_keys = true;
        proto_log(PROTO_LOG_INFO, "actors",
                  "the database has no table muster.answers that may be written: writes with an "
                  "Idempotency-Key are refused (see muster migrate)");
    }
}

/* Sends one of the statements above that begins with principal and key; `third` is bytea. */
static int s_send(act_db_t *self, act_job_t *job, const char *name, proto_bytes_t third, const char *fourth,
                  act_await_kind_t kind)
{
    const proto_record_t *request = &job->request; /* its texts end in NUL */
    const char *const values[] = {(const char *)request->subject.data, (const char *)request->key.data,
                                  third.size ? (const char *)third.data : "", fourth};
    const int lengths[] = {0, 0, (int)third.size, 0}, formats[] = {0, 0, S_BINARY, 0};
    int count = strcmp(name, "muster_store") == 0 ? 4 : 3;
    if (PQsendQueryPrepared(self->conn, name, count, values, lengths, formats, S_BINARY) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = kind, .job = job});
    return 0;
}

static int s_send_setting(act_db_t *self, act_job_t *job, const char *name)
{
    if (PQsendQueryPrepared(self->conn, name, 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_CLAIMS, .job = job});
    return 0;
}

int act_keys_claim(act_db_t *self, act_job_t *job, const act_bound_t *bound)
{
    if (act_bind_print(self, job, bound, &self->print) < 0 ||
        s_send(self, job, "muster_claim", proto_buf_bytes(&self->print), NULL, ACT_AWAIT_KEY) < 0)
        return -1;
    return s_send_setting(self, job, "muster_claimed");
}

/* Where claims have made the transaction a role's, the answer is stored by the connection's own user, as the
 * key was claimed; and what is deferred to COMMIT (constraints, triggers) is the role's to do again. */
int act_keys_store(act_db_t *self, act_job_t *job, proto_bytes_t body, proto_bytes_t cursor)
{
    char text[256];
    bool as_role = job->plan->script->claims && *self->config->claims_roles;
    memcpy(text, cursor.data ? cursor.data : (const uint8_t *)"", cursor.size);
    text[cursor.size] = '\0';
    if (as_role && s_send_setting(self, job, "muster_own") < 0)
        return -1;
    if (s_send(self, job, "muster_store", body, text, ACT_AWAIT_COMMIT) < 0)
        return -1;
    return as_role ? act_send_claims(self, job) : 0;
}

int act_keys_recall(act_db_t *self, act_job_t *job)
{
    act_bound_t bound;
    if (act_bind(self, job, &bound) < 0 || act_bind_print(self, job, &bound, &self->print) < 0)
        return -1;
    return s_send(self, job, "muster_recall", proto_buf_bytes(&self->print), NULL, ACT_AWAIT_ANSWER);
}

static proto_bytes_t s_cell(const PGresult *result, int column)
{
    return (proto_bytes_t){(const uint8_t *)PQgetvalue(result, 0, column),
                           (size_t)PQgetlength(result, 0, column)};
}

act_key_t act_keys_answer(const act_job_t *job, proto_bytes_t *body, proto_bytes_t *cursor)
{
    const PGresult *result = job->kept_answer;
    const char *sqlstate = PQresultErrorField(job->failure, PG_DIAG_SQLSTATE);
    if (strcmp(sqlstate, "55P03") == 0)
        return ACT_KEY_BUSY;
    if (!result || PQntuples(result) == 0)
        return ACT_KEY_GONE;
    if (*PQgetvalue(result, 0, 0) == 0)
        return ACT_KEY_REUSED;
    if (PQgetisnull(result, 0, 1))
        return ACT_KEY_BUSY;
    *body = s_cell(result, 1);
    *cursor = s_cell(result, 2);
    return ACT_KEY_KEPT;
}

int act_keys_sweep(act_db_t *self, int64_t now)
{
    char seconds[32];
    const char *const values[] = {seconds};
    if (!self->keeps_keys || self->config->number != 1 || now < self->sweep_at)
        return 0;
    self->sweep_at = now + S_SWEEP_MS;
    snprintf(seconds, sizeof seconds, "%lld", (long long)(self->config->key_ttl / 1000));
    if (PQsendQueryPrepared(self->conn, "muster_write", 0, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_IGNORE});
    if (PQsendQueryPrepared(self->conn, "muster_sweep", 1, values, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_SWEEP});
    return act_sync(self);
}
