/* SPDX-License-Identifier: MPL-2.0 */
/* Variants of a statement. Thread: any. */
#include "act_variant.h"

static bool s_same(const act_hole_t *a, const act_hole_t *b)
{
    return a->kind == b->kind && a->index == b->index &&
           (a->kind != ACT_HOLE_STEP || strcmp(a->name, b->name) == 0);
}

/* The number of the argument that fills a hole; a new one for a value that is not among them. */
static uint32_t s_number(const act_hole_t *hole, const act_hole_t **arguments, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++)
        if (s_same(hole, arguments[i]))
            return i + 1;
    PROTO_ASSERT(*count < ACT_ARGUMENTS);
    arguments[(*count)++] = hole;
    return *count;
}

uint32_t act_variant_render(const act_statement_t *statement, uint32_t mask, proto_buf_t *sql,
                            const act_hole_t *arguments[ACT_ARGUMENTS])
{
    uint32_t at = 0, count = 0, line = 0, hole = 0, size = (uint32_t)strlen(statement->sql);
    while (at < size) {
        uint32_t from = line < statement->line_count ? statement->lines[line].from : size;
        uint32_t place = hole < statement->hole_count ? statement->holes[hole].at : size;
        if (at == from) {
            if (!(mask >> statement->lines[line].condition & 1))
                at = statement->lines[line].to;
            line++;
        } else if (place < at) { /* in a line that was dropped */
            hole++;
        } else if (at == place) {
            proto_buf_printf(sql, "$%u", s_number(&statement->holes[hole++], arguments, &count));
            at++;
        } else {
            uint32_t end = from < place ? from : place;
            proto_buf_append(sql, statement->sql + at, end - at);
            at = end;
        }
    }
    while (sql->size && sql->data[sql->size - 1] == ' ')
        sql->size--;
    return count;
}

uint32_t act_variant_mask(const act_script_t *script, const proto_operation_t *operation,
                          const proto_bytes_t *values, const bool *given)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < script->condition_count; i++) {
        uint32_t index = script->conditions[i];
        const proto_param_t *param = &operation->params[index];
        bool boolean = param->data == PROTO_DATA_BOOL && !param->array;
        bool is_true = values[index].size == 1 && values[index].data[0] == 0xc3; /* MessagePack's true */
        mask |= (uint32_t)(boolean ? is_true : given[index]) << i;
    }
    return mask;
}
