/* SPDX-License-Identifier: MPL-2.0 */
/* What a job's results mean to whoever asked. Thread: the actor's. Out: FINAL, ERROR. */
#include "act_cursor.h"
#include "act_internal.h"
#include "act_refusal.h"
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
const char *act_reply_detail(proto_error_t error)
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

void act_reply_failure(act_db_t *self, act_job_t *job)
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
    act_reply_error(self, job, error, act_reply_detail(error));
}

/* The refusal that the results of a job mean, the first one's; NULL when there is none. */
const proto_refusal_t *act_reply_judge(const act_job_t *job, uint32_t *stage, bool *unknown)
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
int act_reply_cursor(act_db_t *self, const act_job_t *job, proto_bytes_t *token)
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

void act_reply_success(act_db_t *self, act_job_t *job)
{
    bool unknown;
    uint32_t stage;
    const proto_refusal_t *refusal = act_reply_judge(job, &stage, &unknown);
    if (refusal) {
        s_reply_refusal(self, job, refusal, stage);
        return;
    }
    if (unknown) {
        proto_log_about(PROTO_LOG_ERROR, "actors", job->request.trace, "%s:%u: %s: _error names no @error",
                        job->plan->script->file, job->plan->stages[stage].statement->line,
                        job->plan->operation->name);
        act_reply_error(self, job, PROTO_ERROR_internal, act_reply_detail(PROTO_ERROR_internal));
        return;
    }
    proto_bytes_t cursor;
    proto_buf_reset(&self->body);
    if (act_reply_cursor(self, job, &cursor) < 0)
        act_reply_error(self, job, PROTO_ERROR_internal, act_reply_detail(PROTO_ERROR_internal));
    else if (act_document_write(job, cursor, &self->body) < 0)
        act_reply_error(self, job, PROTO_ERROR_result_too_large, NULL);
    else
        s_reply_final(self, job, cursor);
}

/* The answer of the request that had the job's key before, or why there is none. */
void act_reply_kept(act_db_t *self, act_job_t *job)
{
    proto_bytes_t body, cursor;
    act_key_t key = act_keys_answer(job, &body, &cursor);
    if (key == ACT_KEY_GONE && !job->retried) { /* swept between the two looks at it */
        job->retried = true;
        act_send_again(self, job);
    } else if (key == ACT_KEY_REUSED) {
        act_reply_error(self, job, PROTO_ERROR_key_reused,
                        "The idempotency key was used for another request");
    } else if (key != ACT_KEY_KEPT) {
        act_reply_error(self, job, PROTO_ERROR_key_busy,
                        "The request that has this idempotency key is still under way");
    } else {
        proto_buf_reset(&self->body);
        proto_buf_append(&self->body, body.data, body.size);
        s_reply(self, job, (proto_record_t){.type = PROTO_FINAL, .number = PROTO_REPLAYED, .key = cursor});
    }
}
