/* SPDX-License-Identifier: MPL-2.0 */
/* From a result to the document of its operation. Thread: the actor's. */
#include <stdlib.h>

#include "act_internal.h"
#include "act_refusal.h"
#include "act_value.h"
#include "proto_value.h"

static proto_bytes_t s_cell(const PGresult *result, int row, int column)
{
    return (proto_bytes_t){(const uint8_t *)PQgetvalue(result, row, column),
                           (size_t)PQgetlength(result, row, column)};
}

static int s_write_cell(const act_types_t *types, const act_variant_t *variant, const PGresult *result,
                        int row, int column, proto_buf_t *out)
{
    if (!PQgetisnull(result, row, column))
        return act_value_from_text(types, variant->columns[column].oid, s_cell(result, row, column), out);
    proto_write_nil(out);
    return 0;
}

static int s_write_row(const act_types_t *types, const act_variant_t *variant, const PGresult *result,
                       int row, proto_buf_t *out)
{
    proto_write_map(out, (uint32_t)variant->shown_count);
    for (int i = 0; i < variant->column_count; i++) {
        proto_bytes_t key = variant->columns[i].key;
        if (key.size == 0)
            continue;
        proto_buf_append(out, key.data, key.size);
        if (s_write_cell(types, variant, result, row, i, out) < 0)
            return -1;
    }
    return 0;
}

static int s_write_rows(const act_types_t *types, const act_variant_t *variant, const PGresult *result,
                        proto_buf_t *out)
{
    int rows = PQntuples(result);
    proto_write_array(out, (uint32_t)rows);
    for (int i = 0; i < rows; i++)
        if (s_write_row(types, variant, result, i, out) < 0)
            return -1;
    return 0;
}

/* The first column that is shown. */
static int s_write_value(const act_types_t *types, const act_variant_t *variant, const PGresult *result,
                         proto_buf_t *out)
{
    for (int i = 0; i < variant->column_count && PQntuples(result) > 0; i++)
        if (variant->columns[i].key.size)
            return s_write_cell(types, variant, result, 0, i, out);
    proto_write_nil(out);
    return 0;
}

int act_document_column(const PGresult *result, const char *name)
{
    for (int i = 0; i < PQnfields(result); i++)
        if (strcmp(PQfname(result, i), name) == 0)
            return i;
    return -1;
}

static int s_write_column(const act_types_t *types, const act_variant_t *variant, const PGresult *result,
                          const char *name, proto_buf_t *out)
{
    int column = PQntuples(result) ? act_document_column(result, name) : -1;
    if (column >= 0 && column < variant->column_count)
        return s_write_cell(types, variant, result, 0, column, out);
    proto_write_nil(out);
    return 0;
}

static int s_write_leaf(const act_job_t *job, const act_shape_node_t *node, proto_buf_t *out)
{
    const act_types_t *types = &job->plan->generation->types;
    const act_variant_t *variant = job->variants[node->statement];
    const PGresult *result = job->results[node->statement];
    switch (node->kind) {
    case ACT_SHAPE_ROWS:
        return s_write_rows(types, variant, result, out);
    case ACT_SHAPE_ROW:
        if (PQntuples(result) > 0)
            return s_write_row(types, variant, result, 0, out);
        proto_write_nil(out);
        return 0;
    case ACT_SHAPE_VALUE:
        return s_write_value(types, variant, result, out);
    case ACT_SHAPE_COLUMN:
        return s_write_column(types, variant, result, node->name, out);
    default:
        proto_write_int(out, PQntuples(result));
        return 0;
    }
}

int act_document_write(const act_job_t *job, proto_bytes_t next_cursor, proto_buf_t *out)
{
    const act_script_t *script = job->plan->script;
    int rc = 0;
    if (script->shape_count == 0)
        proto_write_nil(out);
    for (uint32_t i = 0; i < script->shape_count && rc == 0; i++) {
        const act_shape_node_t *node = &script->shape[i];
        if (node->kind == ACT_SHAPE_CONSTANT)
            proto_buf_append(out, node->constant.data, node->constant.size);
        else if (node->kind != ACT_SHAPE_NEXT_CURSOR)
            rc = s_write_leaf(job, node, out);
        else if (next_cursor.size)
            proto_write_str(out, next_cursor);
        else
            proto_write_nil(out);
    }
    return rc < 0 || out->failed ? -1 : 0;
}

/* Whether so many rows are what the statement is to find. */
static bool s_expected(act_expect_t expect, const PGresult *result)
{
    long rows = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result)
                                                          : strtol(PQcmdTuples((PGresult *)result), NULL, 10);
    switch (expect) {
    case ACT_EXPECT_ONE:
        return rows == 1;
    case ACT_EXPECT_NONE:
        return rows == 0;
    case ACT_EXPECT_SOME:
        return rows > 0;
    default:
        return true;
    }
}

const proto_refusal_t *act_document_refusal(const act_job_t *job, uint32_t stage, bool *unknown)
{
    const act_statement_t *statement = job->plan->stages[stage].statement;
    const PGresult *result = job->results[stage];
    int column = job->variants[stage]->error_column;
    *unknown = false;
    if (!s_expected(statement->expect, result))
        return statement->refuse;
    if (column < 0 || PQntuples(result) == 0 || PQgetisnull(result, 0, column))
        return NULL;
    const proto_refusal_t *refusal = act_refusal_named(job->plan->operation, s_cell(result, 0, column));
    *unknown = refusal == NULL;
    return refusal;
}
