/* SPDX-License-Identifier: MPL-2.0 */
/* Every statement, prepared: with all its conditional lines, with none, and with those of each condition
 * alone. Thread: main. */
#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "act_variant.h"

static uint32_t s_type_oid(srv_check_t *self, const char *name)
{
    PGresult *result =
        srv_check_query(self, "SELECT coalesce(to_regtype($1)::oid, 0)", 1, (const char *const[]){name});
    bool known = PQresultStatus(result) == PGRES_TUPLES_OK; /* a type that is no SQL is an error */
    uint32_t oid = known ? (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return oid;
}

void srv_check_types(srv_check_t *self, srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    operation->types_known = true;
    for (uint32_t i = 0; i < operation->operation.param_count; i++) {
        const proto_param_t *param = &operation->operation.params[i];
        if (!param->sql_type)
            continue;
        operation->params[i].declared = s_type_oid(self, param->sql_type);
        if (operation->params[i].declared || script->statement_count == 0)
            continue;
        operation->types_known = false;
        srv_check_tell(self, SRV_MISTAKE, script, script->places.params[i], "unknown_type",
                       "is it spelled as SQL spells it, and did the migrations run (muster migrate)?",
                       "%s: the database has no type %s", param->name, param->sql_type);
    }
}

uint32_t srv_check_hole_type(const srv_check_operation_t *operation, const act_hole_t *hole)
{
    if (hole->kind == ACT_HOLE_GIVEN)
        return 16; /* boolean */
    if (hole->kind != ACT_HOLE_PARAM)
        return 0;
    if (operation->params[hole->index].declared)
        return operation->params[hole->index].declared;
    return operation->operation.params[hole->index].source >= PROTO_SOURCE_AUTH_SUB ? 25 /* text */ : 0;
}

/* What helps against errors of a SQLSTATE; the first that fits. */
static const char *s_advice(const char *sqlstate)
{
    static const struct {
        const char *sqlstate, *advice;
    } known[] = {
        {"42P18", "cast it, as :name::type, or declare its type"},
        {"42P08", "cast it, as :name::type, or declare its type"},
        {"42725", "cast its arguments, as :name::type"},
        {"42703", "is it spelled right, and did the migrations run (muster migrate)?"},
        {"42P01", "is it spelled right, and did the migrations run (muster migrate)?"},
        {"3F000", "is it spelled right, and did the migrations run (muster migrate)?"},
        {"42704", "is it spelled right, and did the migrations run (muster migrate)?"},
        {"42883", "do the types fit (cast, as :name::type), and did the migrations run (muster migrate)?"},
        {"42601", "PostgreSQL cannot read the statement: look just before that place"},
        {"42702", "say which table's, as table.column"},
        {"42804", "cast one of them, as :name::type"},
        {"42846", "there is no such cast: go through another type"},
        {"42803", "put it into GROUP BY, or into an aggregate"},
        {"42501", "GRANT it to the user that muster connects as"},
        {"22P02", "a constant in the statement does not have the form of its type"},
        {"55P03", "somebody holds a lock on a table; try again"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(sqlstate, known[i].sqlstate) == 0)
            return known[i].advice;
    return "";
}

uint32_t srv_check_name_parameters(const act_script_t *script, const char *message,
                                   const act_hole_t *const *arguments, uint32_t count, proto_buf_t *out)
{
    uint32_t first = 0;
    while (*message) {
        char *end;
        unsigned long number = *message == '$' ? strtoul(message + 1, &end, 10) : 0;
        if (number == 0 || number > count) {
            proto_buf_byte(out, (uint8_t)*message++);
            continue;
        }
        srv_check_hole_name(script, arguments[number - 1], out);
        first = first ? first : (uint32_t)number;
        message = end;
    }
    return first;
}

/* The byte of a text that its character number `position`, from 1, begins at. */
static uint32_t s_byte(const char *text, unsigned long position)
{
    const char *at = text;
    while (*at && position > 1) {
        at++;
        position -= ((unsigned char)*at & 0xc0) != 0x80;
    }
    return (uint32_t)(at - text);
}

static bool s_message_told(const srv_check_t *self, const char *file, uint32_t line, const char *message)
{
    for (uint32_t i = 0; i < self->finding_count; i++)
        if (self->findings[i].line == line && strcmp(self->findings[i].file, file) == 0 &&
            strstr(self->findings[i].sentence, message))
            return true;
    return false;
}

void srv_check_tell_postgres(srv_check_t *self, const srv_check_operation_t *operation,
                             const act_statement_t *statement, uint32_t mask, const PGresult *result)
{
    const act_script_t *script = operation->script;
    const act_hole_t *arguments[ACT_ARGUMENTS];
    proto_buf_t sql = PROTO_BUF_INIT, text = PROTO_BUF_INIT, which = PROTO_BUF_INIT;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    uint32_t line = statement->line;
    uint32_t count = act_variant_render(statement, mask, &sql, arguments);
    uint32_t first = srv_check_name_parameters(script, message ? message : PQerrorMessage(self->conn),
                                               arguments, count, &text);
    if (position) {
        uint32_t at = s_byte(proto_buf_text(&sql), strtoul(position, NULL, 10));
        line = srv_check_line(self, script, statement, srv_check_unrender(statement, mask, at));
    } else if (first) {
        line = srv_check_line(self, script, statement, arguments[first - 1]->at);
    }
    if (mask != statement->conditions) {
        proto_buf_string(&which, ", ");
        srv_check_mask_name(script, statement, mask, &which);
    }
    if (!s_message_told(self, script->file, line, proto_buf_text(&text)))
        srv_check_tell(self, SRV_MISTAKE, script, line, "postgresql", s_advice(sqlstate ? sqlstate : ""),
                       "%s (%s%s)", proto_buf_text(&text), sqlstate ? sqlstate : "no SQLSTATE",
                       proto_buf_text(&which));
    proto_buf_free(&sql);
    proto_buf_free(&text);
    proto_buf_free(&which);
}

/* Parse and Describe. */
static PGresult *s_ask(srv_check_t *self, const char *sql, uint32_t count, const Oid *types)
{
    PGresult *result = PQprepare(self->conn, "", sql, (int)count, types);
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        PQclear(result);
        result = PQdescribePrepared(self->conn, "");
    }
    srv_check_undo(self); /* the locks, too, for this transaction may last */
    return result;
}

static void s_take_columns(srv_check_t *self, srv_check_stage_t *stage, const PGresult *result)
{
    stage->described = true;
    stage->column_count = PQnfields(result);
    stage->columns = proto_arena_alloc(&self->arena, (size_t)stage->column_count * sizeof *stage->columns);
    for (int i = 0; i < stage->column_count; i++) {
        stage->columns[i].name = proto_arena_text(&self->arena, proto_bytes_of(PQfname(result, i)));
        stage->columns[i].oid = PQftype(result, i);
    }
}

/* What PostgreSQL makes of the parameters here, which is to be the same everywhere. */
static void s_take_params(srv_check_t *self, srv_check_operation_t *operation,
                          const act_statement_t *statement, const PGresult *result,
                          const act_hole_t *const *arguments)
{
    const act_script_t *script = operation->script;
    for (int i = 0; i < PQnparams(result); i++) {
        const act_hole_t *hole = arguments[i];
        Oid type = PQparamtype(result, i);
        srv_check_param_t *param = hole->kind == ACT_HOLE_PARAM ? &operation->params[hole->index] : NULL;
        if (!param || type == param->inferred)
            continue;
        uint32_t line = srv_check_line(self, script, statement, hole->at);
        if (param->inferred)
            srv_check_tell(self, SRV_MISTAKE, script, line, "two_types", "declare its type",
                           "%s: PostgreSQL takes it for %s here and for %s in line %u",
                           operation->operation.params[hole->index].name, srv_check_type_name(self, type),
                           srv_check_type_name(self, param->inferred), param->line);
        else
            *param = (srv_check_param_t){.declared = param->declared, .inferred = type, .line = line};
    }
}

static bool s_prepare_variant(srv_check_t *self, srv_check_operation_t *operation, uint32_t number,
                              uint32_t mask)
{
    const act_statement_t *statement = &operation->script->statements[number];
    const act_hole_t *arguments[ACT_ARGUMENTS];
    Oid types[ACT_ARGUMENTS];
    proto_buf_t sql = PROTO_BUF_INIT;
    uint32_t count = act_variant_render(statement, mask, &sql, arguments);
    for (uint32_t i = 0; i < count; i++)
        types[i] = srv_check_hole_type(operation, arguments[i]);
    PGresult *result = s_ask(self, proto_buf_text(&sql), count, types);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good)
        srv_check_tell_postgres(self, operation, statement, mask, result);
    else
        s_take_params(self, operation, statement, result, arguments);
    if (good && mask == statement->conditions)
        s_take_columns(self, &operation->stages[number], result);
    PQclear(result);
    proto_buf_free(&sql);
    return good;
}

/* What declared parameters would be without their declaration, where PostgreSQL can tell. */
static void s_ask_natural(srv_check_t *self, srv_check_operation_t *operation,
                          const act_statement_t *statement)
{
    const act_hole_t *arguments[ACT_ARGUMENTS];
    Oid types[ACT_ARGUMENTS] = {0};
    proto_buf_t sql = PROTO_BUF_INIT;
    uint32_t count = act_variant_render(statement, statement->conditions, &sql, arguments);
    for (uint32_t i = 0; i < count; i++)
        types[i] = arguments[i]->kind == ACT_HOLE_PARAM ? 0 : srv_check_hole_type(operation, arguments[i]);
    PGresult *result = s_ask(self, proto_buf_text(&sql), count, types);
    for (int i = 0; PQresultStatus(result) == PGRES_COMMAND_OK && i < PQnparams(result); i++) {
        const act_hole_t *hole = arguments[i];
        if (hole->kind == ACT_HOLE_PARAM && !operation->params[hole->index].natural)
            operation->params[hole->index].natural = PQparamtype(result, i);
    }
    PQclear(result);
    proto_buf_free(&sql);
}

static void s_decide(srv_check_operation_t *operation)
{
    bool errors[ACT_STATEMENTS], waits[ACT_STATEMENTS];
    const act_script_t *script = operation->script;
    for (uint32_t s = 0; s < script->statement_count; s++)
        errors[s] = srv_check_find_column(&operation->stages[s], "_error") >= 0;
    operation->mode = act_mode_decide(script, errors, waits);
    operation->trips = 1; /* the last, with COMMIT or Sync */
    for (uint32_t s = 0; s < script->statement_count; s++)
        operation->trips += operation->mode == ACT_MODE_HELD && waits[s];
}

void srv_check_prepare(srv_check_t *self, srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    if (!operation->types_known)
        return;
    operation->described = true;
    for (uint32_t s = 0; s < script->statement_count; s++) {
        uint32_t all = script->statements[s].conditions;
        bool good = s_prepare_variant(self, operation, s, all);
        operation->described = good && operation->described;
        if (good)
            s_ask_natural(self, operation, &script->statements[s]);
        if (all)
            (void)s_prepare_variant(self, operation, s, 0);
        for (uint32_t i = 0; i < script->condition_count; i++)
            if (all >> i & 1 && all != 1u << i)
                (void)s_prepare_variant(self, operation, s, 1u << i);
    }
    for (uint32_t i = 0; i < operation->operation.param_count; i++) {
        const srv_check_param_t *param = &operation->params[i];
        uint32_t oid = param->declared ? param->declared : param->inferred;
        if (oid)
            act_types_fill(&self->types, oid, &self->arena, &operation->operation.params[i]);
    }
    s_decide(operation);
}
