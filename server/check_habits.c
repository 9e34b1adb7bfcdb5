/* SPDX-License-Identifier: MPL-2.0 */
/* What works and is seldom meant. Thread: main. */
#include "check.h"

#include <strings.h>

static void s_descriptions(srv_check_t *self, const act_script_t *script)
{
    const proto_operation_t *operation = script->operation;
    if (!operation->path)
        return; /* for ZeroMQ peers, who are told of it by name */
    if (!script->places.tier)
        srv_check_tell(self, SRV_WARNING, script, script->places.first, "no_tier",
                       "write @tier read, or another", "%s has no @tier", operation->name);
    if (!script->places.summary)
        srv_check_tell(self, SRV_WARNING, script, script->places.first, "no_summary",
                       "say in a few words what it is for", "%s has no @summary", operation->name);
    if (strcmp(operation->method, "GET") == 0 && script->places.writes)
        srv_check_tell(self, SRV_WARNING, script, script->places.writes, "get_writes",
                       "GET is tried again and prefetched by whoever likes: use POST",
                       "%s: a GET that writes", operation->name);
}

/* Lists that grow with their table. */
static void s_limits(srv_check_t *self, const act_script_t *script)
{
    for (uint32_t i = 0; i < script->shape_count; i++) {
        const act_shape_node_t *node = &script->shape[i];
        if (node->kind != ACT_SHAPE_ROWS || node->statement >= script->statement_count)
            continue;
        const act_statement_t *statement = &script->statements[node->statement];
        if (srv_check_has_word(statement->sql, "from") && !srv_check_has_word(statement->sql, "limit") &&
            !srv_check_has_word(statement->sql, "fetch"))
            srv_check_tell(self, SRV_WARNING, script, statement->line, "no_limit",
                           "give it LIMIT :limit, and a @query limit int4 = 50 (1..500)",
                           "%s lists all rows there are", script->operation->name);
    }
}

/* UPDATE and DELETE of one thing that may not be there. */
static void s_missing(srv_check_t *self, const srv_check_operation_t *operation)
{
    const act_script_t *script = operation->script;
    if (!operation->described || operation->mode != ACT_MODE_SINGLE)
        return;
    for (uint32_t s = 0; s < script->statement_count; s++) {
        const act_statement_t *statement = &script->statements[s];
        bool changes =
            strncasecmp(statement->sql, "update", 6) == 0 || strncasecmp(statement->sql, "delete", 6) == 0;
        bool by_id = false;
        for (uint32_t h = 0; h < statement->hole_count; h++)
            by_id =
                by_id || (statement->holes[h].kind == ACT_HOLE_PARAM &&
                          script->operation->params[statement->holes[h].index].source == PROTO_SOURCE_PATH);
        if (changes && by_id && operation->stages[s].column_count)
            srv_check_tell(self, SRV_WARNING, script, statement->line, "no_empty",
                           "give it @empty and an @error with 404",
                           "%s answers with success when there is no such row", script->operation->name);
    }
}

void srv_check_habits(srv_check_t *self, const srv_check_operation_t *operation)
{
    s_descriptions(self, operation->script);
    s_limits(self, operation->script);
    s_missing(self, operation);
}
