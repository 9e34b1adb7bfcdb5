/* SPDX-License-Identifier: MPL-2.0 */
/* From a result to the document of its operation. Thread: the actor's. */
#include "act_internal.h"
#include "act_refusal.h"
#include "act_value.h"
#include "proto_value.h"

static proto_bytes_t s_cell(const PGresult *result, int row, int column)
{
    return (proto_bytes_t){(const uint8_t *)PQgetvalue(result, row, column),
                           (size_t)PQgetlength(result, row, column)};
}

static int s_write_cell(const act_db_t *self, const act_plan_t *plan, const PGresult *result, int row,
                        int column, proto_buf_t *out)
{
    if (!PQgetisnull(result, row, column))
        return act_value_from_text(&self->types, plan->columns[column].oid, s_cell(result, row, column), out);
    proto_write_nil(out);
    return 0;
}

static int s_write_row(const act_db_t *self, const act_plan_t *plan, const PGresult *result, int row,
                       proto_buf_t *out)
{
    proto_write_map(out, (uint32_t)plan->shown_count);
    for (int i = 0; i < plan->column_count; i++) {
        proto_bytes_t key = plan->columns[i].key;
        if (key.size == 0)
            continue;
        proto_buf_append(out, key.data, key.size);
        if (s_write_cell(self, plan, result, row, i, out) < 0)
            return -1;
    }
    return 0;
}

static int s_write_rows(const act_db_t *self, const act_plan_t *plan, const PGresult *result,
                        proto_buf_t *out)
{
    int rows = PQntuples(result);
    proto_write_array(out, (uint32_t)rows);
    for (int i = 0; i < rows; i++)
        if (s_write_row(self, plan, result, i, out) < 0)
            return -1;
    return 0;
}

/* The first column that is shown. */
static int s_write_value(const act_db_t *self, const act_plan_t *plan, const PGresult *result,
                         proto_buf_t *out)
{
    for (int i = 0; i < plan->column_count && PQntuples(result) > 0; i++)
        if (plan->columns[i].key.size)
            return s_write_cell(self, plan, result, 0, i, out);
    proto_write_nil(out);
    return 0;
}

int act_document_write(const act_db_t *self, const act_plan_t *plan, const PGresult *result, proto_buf_t *out)
{
    const act_statement_t *statement = plan->statement;
    int rc = 0;
    if (statement->shape_count == 0)
        proto_write_nil(out);
    for (uint32_t i = 0; i < statement->shape_count && rc == 0; i++) {
        const act_shape_node_t *node = &statement->shape[i];
        switch (node->kind) {
        case ACT_SHAPE_CONSTANT:
            proto_buf_append(out, node->constant.data, node->constant.size);
            break;
        case ACT_SHAPE_ROWS:
            rc = s_write_rows(self, plan, result, out);
            break;
        case ACT_SHAPE_ROW:
            if (PQntuples(result) > 0)
                rc = s_write_row(self, plan, result, 0, out);
            else
                proto_write_nil(out);
            break;
        case ACT_SHAPE_VALUE:
            rc = s_write_value(self, plan, result, out);
            break;
        case ACT_SHAPE_COUNT:
            proto_write_int(out, PQntuples(result));
            break;
        }
    }
    return rc < 0 || out->failed ? -1 : 0;
}

const proto_refusal_t *act_document_refusal(const act_plan_t *plan, const PGresult *result, bool *unknown)
{
    *unknown = false;
    bool none = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) == 0
                                                          : strcmp(PQcmdTuples((PGresult *)result), "0") == 0;
    if (none)
        return plan->statement->empty;
    if (plan->error_column < 0 || PQgetisnull(result, 0, plan->error_column))
        return NULL;
    const proto_refusal_t *refusal =
        act_refusal_named(plan->operation, s_cell(result, 0, plan->error_column));
    *unknown = refusal == NULL;
    return refusal;
}
