/* SPDX-License-Identifier: MPL-2.0 */
/* What a new connection is told and asked: session settings, types. Thread: the actor's. */
#include <stdio.h>
#include <stdlib.h>

#include "act_internal.h"
#include "proto_log.h"
#include "proto_value.h"

static const char s_types_query[] =
    "SELECT t.oid, t.typname, format_type(t.oid, NULL), t.typtype, "
    "CASE WHEN e.typarray = t.oid THEN t.typelem ELSE 0 END, t.typbasetype, t.typdelim "
    "FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem";
static const char s_labels_query[] =
    "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder";
static const char s_attributes_query[] =
    "SELECT t.oid, a.attname, a.atttypid FROM pg_catalog.pg_attribute a "
    "JOIN pg_catalog.pg_type t ON t.typrelid = a.attrelid "
    "WHERE a.attnum > 0 AND NOT a.attisdropped AND t.typtype = 'c' "
    "AND t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) "
    "ORDER BY t.oid, a.attnum";
/* jit pays for statements of seconds only, and costs others a hundred milliseconds. */
static const char s_settings[] =
    "SELECT set_config('default_transaction_read_only', 'on', false), set_config('TimeZone', 'UTC', false), "
    "set_config('DateStyle', 'ISO, MDY', false), set_config('IntervalStyle', 'postgres', false), "
    "set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false), "
    "set_config('jit', 'off', false), "
    "set_config('statement_timeout', $1, false)";
static const char s_claims[] = "SELECT set_config('request.jwt.claims', $1, true)";
static const char s_claims_and_role[] =
    "SELECT set_config('request.jwt.claims', $1, true), set_config('role', $2, true)";
static const char s_declared_query[] = "SELECT coalesce(to_regtype(name)::oid, 0) FROM unnest($1::text[]) "
                                       "WITH ORDINALITY AS d(name, n) ORDER BY n";

/* A failure to send shows at the next flush or read; nothing is lost by going on. */
static void s_query(act_db_t *self, act_await_kind_t kind, const char *sql, const char *argument)
{
    if (PQsendQueryParams(self->conn, sql, argument ? 1 : 0, NULL, argument ? &argument : NULL, NULL, NULL,
                          0) == 1)
        act_await(self, (act_await_t){.kind = kind});
}

/* The declared types of all parameters, as one text array. */
static void s_ask_declared(act_db_t *self)
{
    const act_program_t *program = self->coming->program;
    proto_buf_t names = PROTO_BUF_INIT;
    proto_buf_byte(&names, '{');
    for (uint32_t i = 0; i < program->script_count; i++) {
        const proto_operation_t *operation = program->scripts[i].operation;
        for (uint32_t p = 0; p < operation->param_count && act_plan_is_mine(self, operation); p++) {
            if (!operation->params[p].sql_type)
                continue;
            proto_buf_string(&names, names.size > 1 ? ",\"" : "\"");
            for (const char *c = operation->params[p].sql_type; *c; c++) {
                if (*c == '"' || *c == '\\')
                    proto_buf_byte(&names, '\\');
                proto_buf_byte(&names, (uint8_t)*c);
            }
            proto_buf_byte(&names, '"');
        }
    }
    proto_buf_byte(&names, '}');
    s_query(self, ACT_AWAIT_DECLARED, s_declared_query, proto_buf_text(&names));
    proto_buf_free(&names);
}

static void s_sync(act_db_t *self)
{
    if (act_sync(self) < 0)
        proto_log(PROTO_LOG_DEBUG, "actors", "%s %u: a Sync could not be sent", self->config->service,
                  self->config->number);
}

/* Transaction commands as prepared statements: nothing is parsed on the hot path. */
static void s_prepare_own(act_db_t *self)
{
    const char *const own[][2] = {
        {"muster_write", "SET transaction_read_only = off"},
        {"muster_begin", "BEGIN READ WRITE"},
        {"muster_look", "BEGIN READ ONLY"},
        {"muster_claims", *self->config->claims_roles ? s_claims_and_role : s_claims},
        {"muster_trace", "SELECT set_config('application_name', $1, true)"},
        {"muster_commit", "COMMIT"},
        {"muster_rollback", "ROLLBACK"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (PQsendPrepare(self->conn, own[i][0], own[i][1], 0, NULL) == 1)
            act_await(self, (act_await_t){.kind = ACT_AWAIT_IGNORE});
    s_sync(self);
}

void act_prepare_session(act_db_t *self)
{
    char timeout[32];
    snprintf(timeout, sizeof timeout, "%lld", (long long)self->config->statement_timeout);
    s_query(self, ACT_AWAIT_SETTINGS, s_settings, timeout);
    s_prepare_own(self);
    if (!act_db_is_replica(self))
        act_keys_ask(self);
}

void act_prepare_learn(act_db_t *self)
{
    s_query(self, ACT_AWAIT_TYPES, s_types_query, NULL);
    s_query(self, ACT_AWAIT_LABELS, s_labels_query, NULL);
    s_query(self, ACT_AWAIT_ATTRIBUTES, s_attributes_query, NULL);
    s_ask_declared(self);
    s_sync(self);
}

static uint32_t s_oid(const PGresult *result, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static void s_take_rows(act_generation_t *self, act_await_kind_t kind, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        uint32_t oid = s_oid(result, row, 0);
        if (kind == ACT_AWAIT_TYPES)
            act_types_add(&self->types, oid, PQgetvalue(result, row, 1), PQgetvalue(result, row, 2),
                          PQgetvalue(result, row, 3)[0], s_oid(result, row, 4), s_oid(result, row, 5),
                          PQgetvalue(result, row, 6)[0]);
        else if (kind == ACT_AWAIT_LABELS)
            act_types_add_label(&self->types, oid, PQgetvalue(result, row, 1));
        else
            act_types_add_attribute(&self->types, oid, PQgetvalue(result, row, 1), s_oid(result, row, 2));
    }
}

static void s_take_declared(act_generation_t *self, const PGresult *result)
{
    free(self->declared);
    self->declared_count = (uint32_t)PQntuples(result);
    self->declared = calloc(self->declared_count + 1, sizeof *self->declared);
    PROTO_ASSERT(self->declared != NULL);
    for (uint32_t i = 0; i < self->declared_count; i++)
        self->declared[i] = s_oid(result, (int)i, 0);
    self->learned = true;
}

static void s_tell_failed(act_db_t *self, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    proto_log(PROTO_LOG_ERROR, "actors", "%s %u: the session could not be set up: %s", self->config->service,
              self->config->number, message ? message : "no reason given");
}

void act_prepare_result(act_db_t *self, const act_await_t *await, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
    if (await->kind == ACT_AWAIT_IGNORE || !self->coming)
        return;
    if (failed) {
        self->coming->failed = true;
        if (status != PGRES_PIPELINE_ABORTED) /* what aborted it has been told */
            s_tell_failed(self, result);
    } else if (await->kind == ACT_AWAIT_DECLARED) {
        s_take_declared(self->coming, result);
    } else if (await->kind != ACT_AWAIT_SETTINGS) {
        s_take_rows(self->coming, await->kind, result);
    }
}
