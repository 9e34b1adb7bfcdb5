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
static void s_query(act_db_t *self, act_step_kind_t kind, const char *sql, const char *argument)
{
    if (PQsendQueryParams(self->conn, sql, argument ? 1 : 0, NULL, argument ? &argument : NULL, NULL, NULL,
                          0) == 1)
        act_step_push(self, kind, NULL, NULL);
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
    for (uint32_t i = 0; i < program->statement_count; i++) {
        const proto_operation_t *operation = program->statements[i].operation;
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
    s_query(self, ACT_STEP_DECLARED, s_declared_query, proto_buf_text(&names));
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
    s_query(self, ACT_STEP_IGNORE, s_settings, timeout);
    s_query(self, ACT_STEP_TYPES, s_types_query, NULL);
    s_query(self, ACT_STEP_LABELS, s_labels_query, NULL);
    s_query(self, ACT_STEP_ATTRIBUTES, s_attributes_query, NULL);
    s_ask_declared(self);
    s_sync(self);
}

static uint32_t s_oid(const PGresult *result, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static void s_take_rows(act_db_t *self, act_step_kind_t kind, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        uint32_t oid = s_oid(result, row, 0);
        if (kind == ACT_STEP_TYPES)
            act_types_add(&self->types, oid, PQgetvalue(result, row, 1), PQgetvalue(result, row, 2),
                          PQgetvalue(result, row, 3)[0], s_oid(result, row, 4), s_oid(result, row, 5),
                          PQgetvalue(result, row, 6)[0]);
        else if (kind == ACT_STEP_LABELS)
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
    free(self->plans);
    free(self->by_hash);
    free(self->declared);
    free(self->steps);
    self->plans = NULL;
    self->by_hash = NULL;
    self->declared = NULL;
    self->steps = NULL;
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

static int s_send_prepare(act_db_t *self, act_plan_t *plan)
{
    const act_statement_t *statement = plan->statement;
    Oid types[ACT_ARGUMENTS];
    for (uint32_t i = 0; i < statement->argument_count; i++) {
        const proto_param_t *param = &plan->operation->params[statement->arguments[i]];
        types[i] =
            param->data == PROTO_DATA_TEXT && param->source >= PROTO_SOURCE_AUTH_SUB ? 25 /* text */ : 0;
    }
    /* Oids of declared types stand in the order of all declared parameters. */
    uint32_t at = 0;
    const act_program_t *program = self->config->program;
    for (const act_statement_t *s = program->statements; s != statement; s++)
        for (uint32_t p = 0; p < s->operation->param_count && s_is_db(s->operation); p++)
            at += s->operation->params[p].sql_type != NULL;
    for (uint32_t p = 0; p < statement->operation->param_count; p++) {
        if (!statement->operation->params[p].sql_type)
            continue;
        Oid oid = at < self->declared_count ? self->declared[at] : 0;
        at++;
        for (uint32_t i = 0; i < statement->argument_count; i++)
            if (statement->arguments[i] == p)
                types[i] = oid;
        if (oid == 0) {
            proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: the database has no type %s", statement->file,
                      statement->line, statement->operation->params[p].name,
                      statement->operation->params[p].sql_type);
            return -1;
        }
    }
    if (PQsendPrepare(self->conn, plan->name, statement->sql, (int)statement->argument_count, types) != 1)
        return -1;
    act_step_push(self, ACT_STEP_PREPARE, NULL, plan);
    if (PQsendDescribePrepared(self->conn, plan->name) != 1)
        return -1;
    act_step_push(self, ACT_STEP_DESCRIBE, NULL, plan);
    return 0;
}

static act_mode_t s_mode(const act_plan_t *plan)
{
    bool slow = plan->operation->flags & PROTO_OP_EXCLUSIVE;
    if (plan->operation->flags & PROTO_OP_READS)
        return slow ? ACT_MODE_SLOW : ACT_MODE_SHARED;
    return slow || plan->error_column >= 0 || plan->statement->empty ? ACT_MODE_HELD : ACT_MODE_SINGLE;
}

/* Transaction commands as prepared statements: nothing is parsed on the hot path. */
static void s_prepare_own(act_db_t *self)
{
    static const char *const own[][2] = {{"muster_write", "SET transaction_read_only = off"},
                                         {"muster_begin", "BEGIN READ WRITE"},
                                         {"muster_commit", "COMMIT"},
                                         {"muster_rollback", "ROLLBACK"}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (PQsendPrepare(self->conn, own[i][0], own[i][1], 0, NULL) == 1)
            act_step_push(self, ACT_STEP_IGNORE, NULL, NULL);
    s_sync(self);
}

static void s_send_all(act_db_t *self)
{
    const act_program_t *program = self->config->program;
    s_copy_catalogue(self);
    free(self->plans);
    self->plans = calloc(program->statement_count + 1, sizeof *self->plans);
    PROTO_ASSERT(self->plans != NULL);
    self->plan_count = 0;
    self->failed_plans = 0;
    s_prepare_own(self);
    for (uint32_t i = 0; i < program->statement_count; i++) {
        if (!s_is_db(program->statements[i].operation))
            continue;
        act_plan_t *plan = &self->plans[self->plan_count++];
        plan->statement = &program->statements[i];
        plan->operation = &self->catalogue->operations[i];
        plan->error_column = -1;
        snprintf(plan->name, sizeof plan->name, "m%u", i);
        if (s_send_prepare(self, plan) < 0)
            self->failed_plans++;
        s_sync(self); /* of its own, so that one mistake does not take the others along */
    }
}

int act_prepare_again(act_db_t *self, act_plan_t *plan)
{
    size_t size = strlen(plan->name); /* another name: the old one may still be there */
    snprintf(plan->name + size, sizeof plan->name - size, "%s", size < sizeof plan->name - 2 ? "x" : "");
    if (s_send_prepare(self, plan) < 0)
        return -1;
    return act_sync(self);
}

static proto_bytes_t s_key(proto_arena_t *arena, const char *name)
{
    proto_buf_t key = PROTO_BUF_INIT;
    proto_write_text(&key, name);
    proto_bytes_t kept = proto_arena_bytes(arena, proto_buf_bytes(&key));
    proto_buf_free(&key);
    return kept;
}

static void s_describe_columns(act_db_t *self, act_plan_t *plan, const PGresult *result)
{
    proto_arena_t *arena = &self->catalogue->arena;
    plan->column_count = PQnfields(result);
    plan->columns = proto_arena_alloc(arena, (size_t)plan->column_count * sizeof *plan->columns);
    proto_operation_t *operation = plan->operation;
    operation->columns = proto_arena_alloc(arena, (size_t)plan->column_count * sizeof *operation->columns);
    operation->column_count = 0;
    plan->error_column = -1;
    for (int i = 0; i < plan->column_count; i++) {
        const char *name = PQfname(result, i);
        plan->columns[i].oid = PQftype(result, i);
        if (strcmp(name, "_error") == 0)
            plan->error_column = i;
        if (name[0] == '_')
            continue;
        const act_type_t *type = act_types_find(&self->types, PQftype(result, i));
        plan->columns[i].key = s_key(arena, name);
        operation->columns[operation->column_count++] =
            (proto_column_t){.name = proto_arena_text(arena, proto_bytes_of(name)),
                             .sql_type = type ? type->name : "unknown",
                             .step = ""};
    }
    plan->shown_count = (int)operation->column_count;
}

static void s_index_hash(act_db_t *self, uint64_t hash, uint32_t plan)
{
    uint32_t at = (uint32_t)hash & (self->by_hash_size - 1);
    while (self->by_hash[at])
        at = (at + 1) & (self->by_hash_size - 1);
    self->by_hash[at] = plan + 1;
}

static void s_index(act_db_t *self)
{
    free(self->by_hash);
    self->by_hash_size = 64;
    while (self->by_hash_size < self->plan_count * 4)
        self->by_hash_size *= 2;
    self->by_hash = calloc(self->by_hash_size, sizeof *self->by_hash);
    PROTO_ASSERT(self->by_hash != NULL);
    for (uint32_t i = 0; i < self->plan_count; i++) {
        s_index_hash(self, self->plans[i].operation->hash, i);
        if (self->plans[i].former)
            s_index_hash(self, self->plans[i].former, i);
    }
}

static void s_describe(act_db_t *self, act_plan_t *plan, const PGresult *result)
{
    const act_statement_t *statement = plan->statement;
    for (int i = 0; i < PQnparams(result) && i < (int)statement->argument_count; i++) {
        proto_param_t *param = &plan->operation->params[statement->arguments[i]];
        act_types_fill(&self->types, PQparamtype(result, i), &self->catalogue->arena, param);
    }
    s_describe_columns(self, plan, result);
    plan->mode = s_mode(plan);
    uint64_t hash = proto_operation_signature(plan->operation, statement->sql);
    bool changed = plan->prepared && hash != plan->operation->hash;
    if (changed)
        plan->former = plan->operation->hash;
    plan->operation->hash = hash;
    plan->prepared = true;
    if (changed) { /* peers go on with the former hash until they have heard of the new one */
        s_index(self);
        proto_catalogue_seal(self->catalogue);
        act_db_announce(self);
    }
}

static void s_tell_failed(act_db_t *self, const act_step_t *step, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (step->plan) {
        self->failed_plans++;
        proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: %s", step->plan->statement->file,
                  step->plan->statement->line, step->plan->operation->name,
                  message ? message : "not prepared");
    } else {
        proto_log(PROTO_LOG_ERROR, "actors", "db %u: the session could not be set up: %s",
                  self->config->number, message ? message : "no reason given");
    }
}

void act_prepare_result(act_db_t *self, const act_step_t *step, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_ABORTED)
        return; /* what aborted it has been told */
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        s_tell_failed(self, step, result);
        return;
    }
    switch (step->kind) {
    case ACT_STEP_TYPES:
    case ACT_STEP_LABELS:
    case ACT_STEP_ATTRIBUTES:
        s_take_rows(self, step->kind, result);
        break;
    case ACT_STEP_DECLARED:
        s_take_declared(self, result);
        break;
    case ACT_STEP_DESCRIBE:
        s_describe(self, step->plan, result);
        break;
    default:
        break;
    }
}

void act_prepare_synced(act_db_t *self, int64_t now)
{
    if (self->phase == ACT_PHASE_LEARNING) {
        self->phase = ACT_PHASE_PREPARING;
        s_send_all(self);
        return;
    }
    if (self->step_count)
        return; /* more Syncs to come */
    s_index(self);
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
