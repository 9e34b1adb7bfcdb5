/* SPDX-License-Identifier: MPL-2.0 */
/* Plans of all combinations of conditional lines: the generic plan, which PostgreSQL makes without looking at
 * the values. Thread: main. */
#include <stdio.h>

#include "act_variant.h"
#include "check.h"

enum { S_MASKS = 64 };

/* What several combinations have in common. */
typedef struct s_found {
    srv_check_node_t node;
    uint32_t mask; /* the first, which has the fewest conditions */
    uint32_t times;
} s_found_t;

typedef struct s_statement {
    const srv_check_operation_t *operation;
    const act_statement_t *statement;
    uint32_t masks[S_MASKS], mask_count;
    s_found_t found[SRV_CHECK_NODES];
    uint32_t found_count;
} s_statement_t;

static void s_add_mask(s_statement_t *self, uint32_t mask)
{
    for (uint32_t i = 0; i < self->mask_count; i++)
        if (self->masks[i] == mask)
            return;
    if (self->mask_count < S_MASKS)
        self->masks[self->mask_count++] = mask;
}

/* Every combination of up to six conditions, few of them first; of more conditions none, each, all, pairs. */
static void s_list_masks(s_statement_t *self)
{
    uint32_t all = self->statement->conditions;
    int most = __builtin_popcount(all);
    s_add_mask(self, 0);
    for (uint32_t bit = 1; bit; bit <<= 1)
        if (all & bit)
            s_add_mask(self, bit);
    if (most > 6)
        s_add_mask(self, all);
    for (int size = 2; size <= (most > 6 ? 2 : most); size++)
        for (uint32_t mask = all; mask; mask = (mask - 1) & all)
            if (__builtin_popcount(mask) == size)
                s_add_mask(self, mask);
            else if (self->mask_count == S_MASKS)
                return;
}

/* EXPLAIN EXECUTE of the statement that is prepared as muster_check. */
static PGresult *s_ask(srv_check_t *self, const s_statement_t *of, const act_hole_t *const *arguments,
                       uint32_t count, const srv_check_place_t *place, bool analyze)
{
    proto_buf_t sql = PROTO_BUF_INIT;
    proto_buf_printf(&sql, "EXPLAIN (FORMAT JSON, VERBOSE%s) EXECUTE ",
                     analyze ? ", ANALYZE, TIMING OFF" : "");
    srv_check_execute(self, of->operation, "muster_check", arguments, count, place, 0, &sql);
    PGresult *result = srv_check_query(self, proto_buf_text(&sql), 0, NULL);
    proto_buf_free(&sql);
    return result;
}

/* Whether the lines of a mask begin behind a cursor. */
static bool s_pages(const s_statement_t *of, uint32_t mask)
{
    const act_script_t *script = of->operation->script;
    if (script->cursor_count == 0 || of->statement != &script->statements[script->cursor_statement])
        return false;
    for (uint32_t i = 0; i < script->condition_count; i++)
        if (mask >> i & 1 && script->conditions[i] == script->cursor_param)
            return true;
    return false;
}

static uint32_t s_without_cursor(const act_script_t *script, uint32_t mask)
{
    for (uint32_t i = 0; i < script->condition_count; i++)
        if (script->conditions[i] == script->cursor_param)
            mask &= ~(1U << i);
    return mask;
}

static void s_remember(srv_check_t *self, const s_statement_t *of, uint32_t mask, bool deep,
                       srv_check_rows_t rows)
{
    proto_buf_t with = PROTO_BUF_INIT;
    srv_check_reading_t *reading = proto_arena_alloc(&self->arena, sizeof *reading);
    srv_check_mask_name(of->operation->script, of->statement, mask, &with);
    *reading = (srv_check_reading_t){.operation = of->operation->operation.name,
                                     .step = of->statement->step,
                                     .with = proto_arena_text(&self->arena, proto_buf_bytes(&with)),
                                     .deep = deep,
                                     .rows = rows};
    if (self->readings)
        self->last_reading->next = reading;
    else
        self->readings = reading;
    self->last_reading = reading;
    proto_buf_free(&with);
}

static void s_take(s_statement_t *self, uint32_t mask, const srv_check_node_t *node,
                   const act_hole_t *const *arguments, uint32_t count)
{
    for (uint32_t i = 0; i < self->found_count; i++) {
        if (strcmp(self->found[i].node.key, node->key) == 0) {
            self->found[i].times++;
            return;
        }
    }
    if (self->found_count == SRV_CHECK_NODES)
        return;
    s_found_t *found = &self->found[self->found_count++];
    proto_buf_t what = PROTO_BUF_INIT;
    *found = (s_found_t){.node = *node, .mask = mask, .times = 1};
    (void)srv_check_name_parameters(self->operation->script, node->what, arguments, count, &what);
    snprintf(found->node.what, sizeof found->node.what, "%s", proto_buf_text(&what));
    proto_buf_free(&what);
}

/* The plan of the statement that is prepared as muster_check. */
static void s_look(srv_check_t *self, s_statement_t *of, uint32_t mask, const act_hole_t *const *arguments,
                   uint32_t count)
{
    srv_check_node_t nodes[SRV_CHECK_NODES];
    srv_check_rows_t rows = {0};
    srv_check_place_t place = {0};
    bool analyze = self->options->analyze && of->operation->operation.flags & PROTO_OP_READS;
    if (analyze && s_pages(of, mask))
        place = srv_check_middle(self, of->operation, of->statement,
                                 s_without_cursor(of->operation->script, mask));
    PGresult *result = s_ask(self, of, arguments, count, &place, analyze);
    if (analyze && PQresultStatus(result) != PGRES_TUPLES_OK) { /* it may not like our values */
        PQclear(result);
        analyze = false;
        result = s_ask(self, of, arguments, count, &place, false);
    }
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result)) {
        uint32_t found = srv_check_nodes(self, PQgetvalue(result, 0, 0), nodes, analyze ? &rows : NULL);
        if (analyze)
            s_remember(self, of, mask, place.known, rows);
        for (uint32_t i = 0; i < found; i++)
            s_take(of, mask, &nodes[i], arguments, count);
    } else {
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        srv_check_tell(self, SRV_WARNING, of->operation->script, of->statement->line, "no_plan", "",
                       "it cannot be explained: %s", message ? message : "no reason given");
    }
    PQclear(result);
}

static void s_explain(srv_check_t *self, s_statement_t *of, uint32_t mask)
{
    const act_hole_t *arguments[ACT_ARGUMENTS];
    Oid types[ACT_ARGUMENTS];
    proto_buf_t sql = PROTO_BUF_INIT;
    uint32_t count = act_variant_render(of->statement, mask, &sql, arguments);
    for (uint32_t i = 0; i < count; i++)
        types[i] = srv_check_hole_type(of->operation, arguments[i]);
    PGresult *result = PQprepare(self->conn, "muster_check", proto_buf_text(&sql), (int)count, types);
    bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK; /* if not, each condition has been tried */
    PQclear(result);
    if (prepared)
        s_look(self, of, mask, arguments, count);
    srv_check_undo(self);
    if (prepared)
        PQclear(PQexec(self->conn, "DEALLOCATE muster_check"));
    proto_buf_free(&sql);
}

/* The line whose condition brings it about, or that of the statement. */
static uint32_t s_line(srv_check_t *self, const s_statement_t *of, uint32_t mask)
{
    for (uint32_t i = 0; i < of->statement->line_count; i++)
        if (mask >> of->statement->lines[i].condition & 1)
            return srv_check_line(self, of->operation->script, of->statement, of->statement->lines[i].from);
    return of->statement->line;
}

static void s_tell(srv_check_t *self, const s_statement_t *of, const s_found_t *found)
{
    proto_buf_t which = PROTO_BUF_INIT;
    if (of->mask_count > 1) {
        srv_check_mask_name(of->operation->script, of->statement, found->mask, &which);
        proto_buf_printf(&which, " (%u of %u combinations): ", found->times, of->mask_count);
    }
    srv_check_tell(self, SRV_PLAN, of->operation->script, s_line(self, of, found->mask), "plan",
                   found->node.advice, "%s%s", proto_buf_text(&which), found->node.what);
    proto_buf_free(&which);
}

void srv_check_explain(srv_check_t *self, const srv_check_operation_t *operation)
{
    for (uint32_t s = 0; s < operation->script->statement_count && operation->described; s++) {
        s_statement_t of = {.operation = operation, .statement = &operation->script->statements[s]};
        s_list_masks(&of);
        for (uint32_t i = 0; i < of.mask_count && PQstatus(self->conn) == CONNECTION_OK; i++)
            s_explain(self, &of, of.masks[i]);
        for (uint32_t i = 0; i < of.found_count; i++)
            s_tell(self, &of, &of.found[i]);
    }
}
