/* SPDX-License-Identifier: MPL-2.0 */
/* What a new connection is told and asked: session settings, types, then every statement with its
 * description. Two round trips in all. From the answers comes the catalogue that is published. Thread: the
 * actor's. */
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
static const char s_settings[] =
    "SELECT set_config('default_transaction_read_only', 'on', false), set_config('TimeZone', 'UTC', false), "
    "set_config('DateStyle', 'ISO, MDY', false), set_config('IntervalStyle', 'postgres', false), "
    "set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false), "
    "set_config('statement_timeout', $1, false)";
static const char s_declared_query[] = "SELECT coalesce(to_regtype(name)::oid, 0) FROM unnest($1::text[]) "
                                       "WITH ORDINALITY AS d(name, n) ORDER BY n";

/* A failure to send shows at the next flush or read; nothing is lost by going on. */
static void s_query(act_db_t *self, act_await_kind_t kind, const char *sql, const char *argument)
{
    if (PQsendQueryParams(self->conn, sql, argument ? 1 : 0, NULL, argument ? &argument : NULL, NULL, NULL,
                          0) == 1)
        act_await(self, (act_await_t){.kind = kind});
}

static bool s_is_db(const proto_operation_t *operation)
{
    return strcmp(operation->service, "db") == 0;
}

/* The declared types of all parameters, as one text array. */
static void s_ask_declared(act_db_t *self)
{
    const act_program_t *program = self->config->program;
    proto_buf_t names = PROTO_BUF_INIT;
    proto_buf_byte(&names, '{');
    for (uint32_t i = 0; i < program->script_count; i++) {
        const proto_operation_t *operation = program->scripts[i].operation;
        for (uint32_t p = 0; p < operation->param_count && s_is_db(operation); p++) {
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
        proto_log(PROTO_LOG_DEBUG, "actors", "db %u: a Sync could not be sent", self->config->number);
}

void act_prepare_learn(act_db_t *self)
{
    char timeout[32];
    snprintf(timeout, sizeof timeout, "%lld", (long long)self->config->statement_timeout);
    act_types_clear(&self->types);
    s_query(self, ACT_AWAIT_IGNORE, s_settings, timeout);
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

static void s_take_rows(act_db_t *self, act_await_kind_t kind, const PGresult *result)
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

static void s_take_declared(act_db_t *self, const PGresult *result)
{
    free(self->declared);
    self->declared_count = (uint32_t)PQntuples(result);
    self->declared = calloc(self->declared_count + 1, sizeof *self->declared);
    PROTO_ASSERT(self->declared != NULL);
    for (uint32_t i = 0; i < self->declared_count; i++)
        self->declared[i] = s_oid(result, (int)i, 0);
}

void act_prepare_free(act_db_t *self)
{
    act_plan_free(self);
    free(self->declared);
    free(self->awaited);
    self->declared = NULL;
    self->awaited = NULL;
    proto_catalogue_free(&self->catalogue);
    act_types_clear(&self->types);
}

/* The actor's own copy of the program's operations, to be completed with types. Texts stay the program's. */
static void s_copy_catalogue(act_db_t *self)
{
    const proto_catalogue_t *program = self->config->program->catalogue;
    proto_catalogue_free(&self->catalogue);
    proto_catalogue_t *copy = self->catalogue = proto_catalogue_new();
    copy->generation = program->generation;
    copy->operation_count = program->operation_count;
    copy->operations = proto_arena_alloc(&copy->arena, copy->operation_count * sizeof *copy->operations);
    for (uint32_t i = 0; i < copy->operation_count; i++) {
        proto_operation_t *operation = &copy->operations[i];
        *operation = program->operations[i];
        size_t size = operation->param_count * sizeof *operation->params;
        operation->params = proto_arena_alloc(&copy->arena, size);
        if (size)
            memcpy(operation->params, program->operations[i].params, size);
    }
}

/* Transaction commands as prepared statements: nothing is parsed on the hot path. */
static void s_prepare_own(act_db_t *self)
{
    static const char *const own[][2] = {{"muster_write", "SET transaction_read_only = off"},
                                         {"muster_begin", "BEGIN READ WRITE"},
                                         {"muster_look", "BEGIN READ ONLY"},
                                         {"muster_commit", "COMMIT"},
                                         {"muster_rollback", "ROLLBACK"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (PQsendPrepare(self->conn, own[i][0], own[i][1], 0, NULL) == 1)
            act_await(self, (act_await_t){.kind = ACT_AWAIT_IGNORE});
    s_sync(self);
}

static void s_tell_failed(act_db_t *self, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    proto_log(PROTO_LOG_ERROR, "actors", "db %u: the session could not be set up: %s", self->config->number,
              message ? message : "no reason given");
}

void act_prepare_result(act_db_t *self, const act_await_t *await, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_ABORTED)
        return; /* what aborted it has been told */
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        s_tell_failed(self, result);
        return;
    }
    switch (await->kind) {
    case ACT_AWAIT_TYPES:
    case ACT_AWAIT_LABELS:
    case ACT_AWAIT_ATTRIBUTES:
        s_take_rows(self, await->kind, result);
        break;
    case ACT_AWAIT_DECLARED:
        s_take_declared(self, result);
        break;
    default:
        break;
    }
}

void act_prepare_synced(act_db_t *self, int64_t now)
{
    if (self->phase == ACT_PHASE_LEARNING) {
        self->phase = ACT_PHASE_PREPARING;
        s_copy_catalogue(self);
        s_prepare_own(self);
        self->failed_plans = 0;
        act_plan_all(self);
        return;
    }
    if (self->await_count)
        return; /* more Syncs to come */
    act_plan_index(self);
    proto_catalogue_seal(self->catalogue);
    if (self->failed_plans)
        proto_log(PROTO_LOG_ERROR, "actors", "db %u: %u of %u operations are not served, see above",
                  self->config->number, self->failed_plans, self->plan_count);
    if (self->told_down)
        proto_log(PROTO_LOG_INFO, "actors", "db %u: the database is back", self->config->number);
    self->told_down = false;
    self->phase = ACT_PHASE_READY;
    act_backoff_worked(&self->backoff);
    act_db_register(self, now);
}
