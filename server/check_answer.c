/* SPDX-License-Identifier: MPL-2.0 */
/* What is made of the results: shape, steps, cursor, location, refusals. Thread: main. */
#include "check.h"

#include <ctype.h>
#include <stdio.h>

/* As libpq looks a column up: a name is folded to lower case, what it is compared with is not. */
int srv_check_find_column(const srv_check_stage_t *stage, const char *name)
{
    for (int i = 0; i < stage->column_count; i++) {
        const char *a = name, *b = stage->columns[i].name;
        while (*a && tolower((unsigned char)*a) == (unsigned char)*b) {
            a++;
            b++;
        }
        if (!*a && !*b)
            return i;
    }
    return -1;
}

/* "; it gives id, title". */
static void s_list_columns(const srv_check_stage_t *stage, proto_buf_t *out)
{
    proto_buf_string(out, stage->column_count ? "it gives " : "it gives no columns");
    for (int i = 0; i < stage->column_count; i++)
        proto_buf_printf(out, "%s%s", i ? ", " : "", stage->columns[i].name);
}

/* Whether a column is called so, with capitals, and so is never found. */
static bool s_is_folded(const srv_check_stage_t *stage, const char *name)
{
    for (int i = 0; i < stage->column_count; i++)
        if (strcmp(stage->columns[i].name, name) == 0)
            return true;
    return false;
}

static void s_no_column(srv_check_t *self, const srv_check_operation_t *operation, uint32_t number,
                        uint32_t line, const char *code, const char *what, const char *name)
{
    const srv_check_stage_t *stage = &operation->stages[number];
    proto_buf_t advice = PROTO_BUF_INIT;
    if (s_is_folded(stage, name))
        proto_buf_string(&advice, "columns are looked up in lower case: call it so with AS");
    else
        s_list_columns(stage, &advice);
    if (stage->described)
        srv_check_tell(self, SRV_MISTAKE, operation->script, line, code, proto_buf_text(&advice),
                       "%s: the statement gives no such column", what);
    proto_buf_free(&advice);
}

static void s_holes(srv_check_t *self, const srv_check_operation_t *operation, uint32_t number)
{
    const act_script_t *script = operation->script;
    const act_statement_t *statement = &script->statements[number];
    for (uint32_t i = 0; i < statement->hole_count; i++) {
        const act_hole_t *hole = &statement->holes[i];
        if (hole->kind != ACT_HOLE_STEP ||
            srv_check_find_column(&operation->stages[hole->index], hole->name) >= 0)
            continue;
        proto_buf_t name = PROTO_BUF_INIT;
        srv_check_hole_name(script, hole, &name);
        s_no_column(self, operation, hole->index, srv_check_line(self, script, statement, hole->at),
                    "step_column", proto_buf_text(&name), hole->name);
        proto_buf_free(&name);
    }
}

static void s_doubled(srv_check_t *self, const srv_check_operation_t *operation, uint32_t number)
{
    const srv_check_stage_t *stage = &operation->stages[number];
    for (int i = 0; i < stage->column_count; i++) {
        int earlier = 0;
        while (earlier < i && strcmp(stage->columns[earlier].name, stage->columns[i].name) != 0)
            earlier++;
        if (earlier < i)
            srv_check_tell(self, SRV_MISTAKE, operation->script, operation->script->statements[number].line,
                           "doubled_column", "give one of them another name with AS",
                           "two columns are called %s", stage->columns[i].name);
    }
}

static void s_shape(srv_check_t *self, const srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    for (uint32_t i = 0; i < script->shape_count; i++) {
        const act_shape_node_t *node = &script->shape[i];
        if (node->kind != ACT_SHAPE_COLUMN ||
            srv_check_find_column(&operation->stages[node->statement], node->name) >= 0)
            continue;
        char what[256];
        snprintf(what, sizeof what, "@returns %s.%s", script->statements[node->statement].step, node->name);
        s_no_column(self, operation, node->statement, script->places.returns, "returns_column", what,
                    node->name);
    }
    if (script->operation->status == 204 && script->shape_count)
        srv_check_tell(self, SRV_MISTAKE, script, script->places.status, "status_204",
                       "with 204 nothing is sent: say @returns none, or another status",
                       "@status 204 and @returns %s exclude each other", script->operation->returns);
}

static void s_cursor(srv_check_t *self, const srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    for (uint32_t i = 0; i < script->cursor_count; i++) {
        char what[128];
        snprintf(what, sizeof what, "@cursor %s", script->cursor[i]);
        if (srv_check_find_column(&operation->stages[script->cursor_statement], script->cursor[i]) < 0)
            s_no_column(self, operation, script->cursor_statement, script->places.cursor, "cursor_column",
                        what, script->cursor[i]);
    }
}

static bool s_has_error_column(const srv_check_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->script->statement_count; i++)
        if (srv_check_find_column(&operation->stages[i], "_error") >= 0)
            return true;
    return false;
}

static void s_refusals(srv_check_t *self, const srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    const proto_operation_t *source = script->operation;
    bool raises = !operation->described || s_has_error_column(operation);
    for (uint32_t i = 0; i < source->refusal_count; i++) {
        const proto_refusal_t *refusal = &source->refusals[i];
        bool used = raises || refusal->sqlstate;
        for (uint32_t s = 0; s < script->statement_count && !used; s++)
            used = script->statements[s].refuse &&
                   strcmp(script->statements[s].refuse->name, refusal->name) == 0;
        if (!used)
            srv_check_tell(self, SRV_MISTAKE, script, script->places.refusals[i], "unreachable_error",
                           "name it in @empty or expect, say on which SQLSTATE, or give a column _error",
                           "@error %s can never be told", refusal->name);
    }
}

/* Whether the object at `json`, a shape, has the member on its first level. */
static bool s_shape_has(const char *json, const char *name, size_t size)
{
    int depth = 0;
    for (const char *c = json; *c; c++) {
        depth += *c == '{' || *c == '[';
        depth -= *c == '}' || *c == ']';
        if (*c != '"')
            continue;
        const char *from = ++c;
        while (*c && *c != '"')
            c += *c == '\\' && c[1] ? 2 : 1;
        const char *behind = *c ? c + 1 : c;
        behind += strspn(behind, " \t");
        if (depth == 1 && *behind == ':' && (size_t)(c - from) == size && memcmp(from, name, size) == 0)
            return true;
        if (!*c)
            break;
    }
    return false;
}

/* Whether the answer has the member; true when nobody can tell. */
static bool s_answer_has(const srv_check_operation_t *operation, const char *name, size_t size)
{
    const char *returns = operation->script->operation->returns;
    const srv_check_stage_t *stage = &operation->stages[operation->script->statement_count - 1];
    if (returns[0] == '{')
        return s_shape_has(returns, name, size);
    if (strcmp(returns, "value") == 0)
        return true; /* it may be an object */
    if (strcmp(returns, "row") != 0)
        return false;
    for (int i = 0; i < stage->column_count; i++)
        if (strlen(stage->columns[i].name) == size && memcmp(stage->columns[i].name, name, size) == 0)
            return name[0] != '_';
    return !stage->described;
}

static void s_location(srv_check_t *self, const srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    const char *at = script->operation->location;
    while (at && (at = strchr(at, '{'))) {
        size_t size = strcspn(++at, "}");
        if (!s_answer_has(operation, at, size))
            srv_check_tell(self, SRV_MISTAKE, script, script->places.location, "location_member",
                           "the header would be left out: give it in the row or shape",
                           "@location {%.*s}: the answer has no such member", (int)size, at);
        at += size;
    }
}

void srv_check_answer(srv_check_t *self, const srv_check_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->script->statement_count; i++) {
        s_holes(self, operation, i);
        s_doubled(self, operation, i);
    }
    s_shape(self, operation);
    if (operation->script->statement_count == 0)
        return; /* another service's: its worker knows */
    s_cursor(self, operation);
    s_refusals(self, operation);
    s_location(self, operation);
}
