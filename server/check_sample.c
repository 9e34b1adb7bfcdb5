/* SPDX-License-Identifier: MPL-2.0 */
/* Values that statements are run with: given by --value, a default, one of a list, or one of the type.
 * Thread: main. */
#include <stdio.h>

#include "act_variant.h"
#include "check.h"

enum { S_DEEP = 100000 /* rows of a list whose middle is looked for */ };

static const char *s_sample_scalar(const act_type_t *type)
{
    switch (type->data) {
    case PROTO_DATA_BOOL:
        return "true";
    case PROTO_DATA_TEXT:
    case PROTO_DATA_INT2:
    case PROTO_DATA_INT4:
    case PROTO_DATA_INT8:
    case PROTO_DATA_FLOAT4:
    case PROTO_DATA_FLOAT8:
    case PROTO_DATA_NUMERIC:
        return "1";
    case PROTO_DATA_JSON:
        return "{}";
    case PROTO_DATA_TIMESTAMPTZ:
    case PROTO_DATA_TIMESTAMP:
    case PROTO_DATA_DATE:
        return "2026-01-01";
    case PROTO_DATA_TIME:
        return "12:00:00";
    case PROTO_DATA_UUID:
        return "00000000-0000-0000-0000-000000000000";
    case PROTO_DATA_ENUM:
        return type->label_count ? type->labels[0] : NULL;
    default:
        return NULL;
    }
}

/* What --value says of a parameter, or NULL. */
static const char *s_chosen(const srv_check_t *self, const char *name)
{
    size_t size = strlen(name);
    for (uint32_t i = 0; i < self->options->value_count; i++)
        if (strncmp(self->options->values[i], name, size) == 0 && self->options->values[i][size] == '=')
            return self->options->values[i] + size + 1;
    return NULL;
}

/* A default that is a number, as text; or NULL. */
static const char *s_default(srv_check_t *self, const proto_param_t *param)
{
    char digits[24];
    proto_value_t value;
    proto_reader_t reader = proto_reader(param->default_value);
    if (param->default_value.size == 0 || proto_value_read(&reader, &value) < 0 || value.kind != PROTO_INT)
        return NULL;
    snprintf(digits, sizeof digits, "%lld", (long long)value.integer);
    return proto_arena_text(&self->arena, proto_bytes_of(digits));
}

static const char *s_of_type(const srv_check_t *self, uint32_t oid)
{
    const act_type_t *type = act_types_base(&self->types, oid);
    if (type && type->kind == ACT_TYPE_ARRAY)
        return "{}";
    return type && type->kind == ACT_TYPE_SCALAR ? s_sample_scalar(type) : NULL;
}

static const char *s_of_param(srv_check_t *self, const proto_param_t *param, uint32_t oid)
{
    const char *text = s_chosen(self, param->name);
    if (!text)
        text = s_default(self, param);
    if (!text && param->value_count && !param->array)
        text = param->values[0];
    return text ? text : s_of_type(self, oid);
}

void srv_check_execute(srv_check_t *self, const srv_check_operation_t *operation, const char *name,
                       const act_hole_t *const *arguments, uint32_t count, const srv_check_place_t *place,
                       uint32_t limit, proto_buf_t *sql)
{
    PGresult *description = PQdescribePrepared(self->conn, name);
    const act_script_t *script = operation->script;
    proto_buf_string(sql, name);
    for (uint32_t i = 0; i < count; i++) {
        const act_hole_t *hole = arguments[i];
        uint32_t oid = PQparamtype(description, (int)i);
        proto_buf_string(sql, i ? ", " : "(");
        if (limit && hole->kind == ACT_HOLE_PARAM && hole->index == script->limit_param) {
            proto_buf_printf(sql, "%u", limit);
            continue;
        }
        const char *text = hole->kind == ACT_HOLE_AFTER && place->known ? place->columns[hole->index]
                           : hole->kind == ACT_HOLE_PARAM
                               ? s_of_param(self, &operation->operation.params[hole->index], oid)
                               : s_of_type(self, oid);
        char *quoted = text ? PQescapeLiteral(self->conn, text, strlen(text)) : NULL;
        proto_buf_string(sql, quoted ? quoted : "NULL");
        PQfreemem(quoted);
    }
    if (count)
        proto_buf_byte(sql, ')');
    PQclear(description);
}

/* SELECT of the cursor's columns, as texts, in the middle row of what the statement gives. */
static void s_write_middle(srv_check_t *self, const act_script_t *script, const char *statement,
                           proto_buf_t *sql)
{
    for (uint32_t i = 0; i < script->cursor_count; i++) {
        const char *name = script->cursor[i];
        char *quoted = PQescapeIdentifier(self->conn, name, strlen(name));
        proto_buf_printf(sql, "%s%s::text", i ? ", " : "SELECT ", quoted ? quoted : "NULL");
        PQfreemem(quoted);
    }
    proto_buf_printf(sql,
                     " FROM (SELECT *, row_number() OVER () AS muster_row, count(*) OVER () AS muster_rows "
                     "FROM (%s) muster_list) muster_list WHERE muster_row = (muster_rows + 1) / 2",
                     statement);
}

srv_check_place_t srv_check_middle(srv_check_t *self, const srv_check_operation_t *operation,
                                   const act_statement_t *statement, uint32_t mask)
{
    srv_check_place_t place = {0};
    const act_hole_t *arguments[ACT_ARGUMENTS];
    Oid types[ACT_ARGUMENTS];
    proto_buf_t rendered = PROTO_BUF_INIT, sql = PROTO_BUF_INIT, execute = PROTO_BUF_INIT;
    uint32_t count = act_variant_render(statement, mask, &rendered, arguments);
    for (uint32_t i = 0; i < count; i++)
        types[i] = srv_check_hole_type(operation, arguments[i]);
    s_write_middle(self, operation->script, proto_buf_text(&rendered), &sql);
    PGresult *result = PQprepare(self->conn, "muster_middle", proto_buf_text(&sql), (int)count, types);
    bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (prepared) {
        PQclear(result);
        proto_buf_string(&execute, "EXECUTE ");
        srv_check_execute(self, operation, "muster_middle", arguments, count, &place, S_DEEP, &execute);
        result = srv_check_query(self, proto_buf_text(&execute), 0, NULL);
    }
    place.known = PQntuples(result) == 1;
    for (int i = 0; i < PQnfields(result) && place.known; i++)
        place.columns[i] = PQgetisnull(result, 0, i)
                               ? NULL
                               : proto_arena_text(&self->arena, proto_bytes_of(PQgetvalue(result, 0, i)));
    PQclear(result);
    if (!prepared)
        srv_check_undo(self);
    else
        PQclear(PQexec(self->conn, "DEALLOCATE muster_middle"));
    proto_buf_free(&rendered);
    proto_buf_free(&sql);
    proto_buf_free(&execute);
    return place;
}
