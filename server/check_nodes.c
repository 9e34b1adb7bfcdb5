/* SPDX-License-Identifier: MPL-2.0 */
/* Nodes of a plan (PostgreSQL manual, EXPLAIN, FORMAT JSON). Thread: main. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "proto_json.h"

enum { S_DROPPED = 100 /* fewer rows than that are soon dropped */ };

typedef struct s_walk {
    srv_check_t *check;
    srv_check_node_t *nodes;
    uint32_t count;
} s_walk_t;

static bool s_is(proto_bytes_t text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (proto_bytes_is(text, names[i]))
            return true;
    return false;
}

/* Whether a node stops reading what is below it when nobody wants more. */
static bool s_passes_limit(proto_bytes_t type)
{
    static const char *const names[] = {"Result",   "Append",     "Merge Append", "Subquery Scan",
                                        "LockRows", "ProjectSet", "Nested Loop",  "Gather"};
    return s_is(type, names, sizeof names / sizeof *names);
}

/* About how many rows a table has; by its size, when nobody has counted. */
static long long s_rows(srv_check_t *self, proto_bytes_t schema, proto_bytes_t relation)
{
    static const char query[] =
        "SELECT CASE WHEN c.reltuples > 0 THEN c.reltuples::int8 ELSE pg_relation_size(c.oid) / 100 END "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1 AND c.relname = $2";
    const char *const names[] = {proto_arena_text(&self->arena, schema),
                                 proto_arena_text(&self->arena, relation)};
    PGresult *result = srv_check_query(self, query, 2, names);
    long long rows = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return rows;
}

static srv_check_node_t *s_add(s_walk_t *self, proto_bytes_t type, proto_bytes_t relation, const char *kind)
{
    char key[sizeof self->nodes->key];
    snprintf(key, sizeof key, "%s %.*s %.*s", kind, (int)type.size, (const char *)type.data,
             (int)relation.size, (const char *)relation.data);
    for (uint32_t i = 0; i < self->count; i++)
        if (strcmp(self->nodes[i].key, key) == 0)
            return NULL;
    if (self->count == SRV_CHECK_NODES)
        return NULL;
    srv_check_node_t *node = &self->nodes[self->count++];
    strcpy(node->key, key);
    return node;
}

static void s_whole(s_walk_t *self, proto_bytes_t plan, bool limited)
{
    proto_bytes_t type = proto_value_get_str(plan, "Node Type", "");
    proto_bytes_t relation = proto_value_get_str(plan, "Relation Name", "");
    proto_bytes_t schema = proto_value_get_str(plan, "Schema", "");
    proto_bytes_t filter = proto_value_get_str(plan, "Filter", "");
    if (!proto_bytes_is(type, "Seq Scan") || (limited && filter.size == 0))
        return;
    long long rows = s_rows(self->check, schema, relation);
    srv_check_node_t *node = rows > self->check->options->rows
                                 ? s_add(self, type, relation, filter.size ? "filter" : "all")
                                 : NULL;
    if (!node)
        return;
    snprintf(node->what, sizeof node->what, "Seq Scan on %.*s.%.*s, about %lld rows, %s%.*s",
             (int)schema.size, (const char *)schema.data, (int)relation.size, (const char *)relation.data,
             rows, filter.size ? "filter " : "all of them", (int)(filter.size < 200 ? filter.size : 200),
             (const char *)filter.data);
    node->advice = filter.size
                       ? "an index on what the filter compares would serve it"
                       : "a LIMIT with an index in the order of its ORDER BY reads less; a count reads all";
}

/* After ANALYZE: much read for little. */
static void s_dropped(s_walk_t *self, proto_bytes_t plan)
{
    proto_bytes_t type = proto_value_get_str(plan, "Node Type", "");
    proto_bytes_t relation = proto_value_get_str(plan, "Relation Name", "");
    proto_bytes_t filter = proto_value_get_str(plan, "Filter", "");
    int64_t dropped = proto_value_get_int(plan, "Rows Removed by Filter", 0);
    int64_t kept = proto_value_get_int(plan, "Actual Rows", 0);
    if (dropped < S_DROPPED || dropped <= 10 * kept)
        return;
    srv_check_node_t *node = s_add(self, type, relation, "dropped");
    if (!node)
        return;
    snprintf(node->what, sizeof node->what, "%.*s on %.*s drops %lld rows for %lld it keeps, filter %.*s",
             (int)type.size, (const char *)type.data, (int)relation.size, (const char *)relation.data,
             (long long)dropped, (long long)kept, (int)(filter.size < 200 ? filter.size : 200),
             (const char *)filter.data);
    node->advice = "an index on what the filter compares would serve it";
}

static void s_walk(s_walk_t *self, proto_bytes_t plan, bool limited, int depth)
{
    proto_bytes_t type = proto_value_get_str(plan, "Node Type", ""), plans, below;
    proto_value_t list;
    s_whole(self, plan, limited);
    s_dropped(self, plan);
    limited = proto_bytes_is(type, "Limit") || (limited && s_passes_limit(type));
    if (depth == PROTO_VALUE_DEPTH || proto_value_get(plan, "Plans", &plans) < 0)
        return;
    proto_reader_t reader = proto_reader(plans);
    if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
        return;
    bool loop = proto_bytes_is(type, "Nested Loop");
    for (uint32_t i = 0; i < list.count && proto_value_skip(&reader, &below) == 0; i++)
        s_walk(self, below, limited && !(loop && i > 0), depth + 1);
}

/* After ANALYZE: more read than has come of it, at all or for something that is gathered. */
static void s_much(s_walk_t *self, srv_check_tally_t tally, const char *what, const char *advice)
{
    srv_check_node_t *node =
        srv_check_reads_much(tally) ? s_add(self, proto_bytes_of(what), (proto_bytes_t){0}, "reads") : NULL;
    if (!node)
        return;
    snprintf(node->what, sizeof node->what, "reads %lld rows for %lld that it %s", (long long)tally.read,
             (long long)tally.rows, what);
    node->advice = advice;
}

uint32_t srv_check_nodes(srv_check_t *self, const char *json, srv_check_node_t nodes[SRV_CHECK_NODES],
                         srv_check_rows_t *rows)
{
    s_walk_t walk = {.check = self, .nodes = nodes};
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t error;
    proto_value_t list;
    proto_bytes_t plan;
    if (proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &value, &error) == 0) {
        proto_reader_t reader = proto_reader(proto_buf_bytes(&value));
        if (proto_value_read(&reader, &list) == 0 && list.kind == PROTO_ARRAY && list.count &&
            proto_value_get((proto_bytes_t){reader.at, (size_t)(reader.end - reader.at)}, "Plan", &plan) ==
                0) {
            s_walk(&walk, plan, false, 0);
            if (rows) {
                *rows = srv_check_rows(plan);
                s_much(&walk, rows->whole, "returns",
                       "an index on its conditions, in the order of its ORDER BY, would serve it");
                s_much(&walk, rows->gathered, "gathers", "an index on its conditions would serve it");
            }
        }
    }
    proto_buf_free(&value);
    return walk.count;
}
