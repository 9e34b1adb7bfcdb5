/* SPDX-License-Identifier: MPL-2.0 */
/* The connection of `muster check`: the settings that the actors have, in one transaction that only reads and
 * is never committed. Thread: main. */
#include "check.h"

#include <stdlib.h>

static const char s_begin[] =
    "BEGIN READ ONLY; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'; "
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL DateStyle = 'ISO, "
    "MDY'; SET LOCAL IntervalStyle = 'postgres'; "
    "SAVEPOINT muster";
/* As the actors ask. */
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

static void s_ignore_notice(void *arg, const PGresult *result)
{
    (void)arg, (void)result;
}

static int s_fail(srv_check_t *self, const char *what, proto_buf_t *why)
{
    const char *message = PQerrorMessage(self->conn);
    proto_buf_string(why, what);
    proto_buf_append(why, message, strcspn(message, "\n"));
    return -1;
}

static uint32_t s_oid(const PGresult *result, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

static int s_learn(srv_check_t *self, proto_buf_t *why)
{
    PGresult *types = PQexec(self->conn, s_types_query), *labels = PQexec(self->conn, s_labels_query);
    PGresult *attributes = PQexec(self->conn, s_attributes_query); /* after an error it is one, too */
    int rc = PQresultStatus(attributes) == PGRES_TUPLES_OK ? 0 : -1;
    for (int row = 0; rc == 0 && row < PQntuples(types); row++)
        act_types_add(&self->types, s_oid(types, row, 0), PQgetvalue(types, row, 1),
                      PQgetvalue(types, row, 2), PQgetvalue(types, row, 3)[0], s_oid(types, row, 4),
                      s_oid(types, row, 5), PQgetvalue(types, row, 6)[0]);
    for (int row = 0; rc == 0 && row < PQntuples(labels); row++)
        act_types_add_label(&self->types, s_oid(labels, row, 0), PQgetvalue(labels, row, 1));
    for (int row = 0; rc == 0 && row < PQntuples(attributes); row++)
        act_types_add_attribute(&self->types, s_oid(attributes, row, 0), PQgetvalue(attributes, row, 1),
                                s_oid(attributes, row, 2));
    PQclear(types);
    PQclear(labels);
    PQclear(attributes);
    return rc < 0 ? s_fail(self, "the types cannot be read: ", why) : 0;
}

int srv_check_connect(srv_check_t *self, proto_buf_t *why)
{
    const char *const keywords[] = {"fallback_application_name", "connect_timeout", "dbname",
                                    "client_encoding", NULL};
    const char *const values[] = {"muster check", "10", self->options->conninfo, "UTF8", NULL};
    self->conn = PQconnectdbParams(keywords, values, 1);
    PROTO_ASSERT(self->conn != NULL);
    PQsetNoticeReceiver(self->conn, s_ignore_notice, NULL);
    if (PQstatus(self->conn) != CONNECTION_OK)
        return s_fail(self, "no connection to the database: ", why);
    PGresult *result = PQexec(self->conn, s_begin);
    int rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
    PQclear(result);
    return rc < 0 ? s_fail(self, "no transaction could be begun: ", why) : s_learn(self, why);
}

void srv_check_undo(srv_check_t *self)
{
    PQclear(PQexec(self->conn, "ROLLBACK TO SAVEPOINT muster"));
}

PGresult *srv_check_query(srv_check_t *self, const char *sql, int count, const char *const *values)
{
    PGresult *result = PQexecParams(self->conn, sql, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        srv_check_undo(self);
    return result;
}

const char *srv_check_type_name(const srv_check_t *self, uint32_t oid)
{
    const act_type_t *type = act_types_find(&self->types, oid);
    return type ? type->name : "unknown";
}
