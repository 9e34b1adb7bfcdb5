/* SPDX-License-Identifier: MPL-2.0 */
/* Parameters: whether type, bounds, list and default fit one another. Thread: main. */
#include "check.h"
#include "proto_param.h"

static void s_tell(srv_check_t *self, const srv_check_operation_t *operation, uint32_t index,
                   const char *code, const char *advice, const char *what)
{
    const proto_param_t *param = &operation->operation.params[index];
    srv_check_tell(self, SRV_MISTAKE, operation->script, operation->script->places.params[index], code,
                   advice, "%s %s%s: %s", param->name, param->sql_type ? param->sql_type : "",
                   param->array ? " (an array)" : "", what);
}

static bool s_is_number(proto_data_t data)
{
    return data >= PROTO_DATA_INT2 && data <= PROTO_DATA_NUMERIC;
}

static void s_bounds(srv_check_t *self, const srv_check_operation_t *operation, uint32_t index)
{
    const proto_param_t *param = &operation->operation.params[index];
    bool text =
        param->data == PROTO_DATA_TEXT || param->data == PROTO_DATA_ENUM || param->data == PROTO_DATA_OTHER;
    if (!param->has_min && !param->has_max)
        return;
    if (param->unit == PROTO_UNIT_ITEMS && !param->array)
        s_tell(self, operation, index, "bounds", "make its type an array, or leave them out",
               "bounds in items have no effect on what is no array");
    else if (param->unit == PROTO_UNIT_CHARS && !text)
        s_tell(self, operation, index, "bounds",
               "leave them out, or (LEAST..MOST) without a unit for a number",
               "bounds in chars have no effect on what is no text");
    else if (param->unit == PROTO_UNIT_BYTES && !text && param->data != PROTO_DATA_BYTEA)
        s_tell(self, operation, index, "bounds", "leave them out",
               "bounds in bytes have no effect on what is neither bytea nor text");
    else if (param->unit == PROTO_UNIT_VALUE && !s_is_number(param->data))
        s_tell(self, operation, index, "bounds",
               "a text takes (LEAST..MOST chars), an array (LEAST..MOST items)",
               "bounds without a unit have no effect on what is no number");
}

static void s_default(srv_check_t *self, const srv_check_operation_t *operation, uint32_t index)
{
    const proto_param_t *param = &operation->operation.params[index];
    proto_buf_t detail = PROTO_BUF_INIT, what = PROTO_BUF_INIT;
    if (param->default_value.size && proto_param_check(param, param->default_value, &detail) < 0) {
        proto_buf_printf(&what, "the default does not suit: %s", proto_buf_text(&detail));
        s_tell(self, operation, index, "default", "a request without it would get what no client may send",
               proto_buf_text(&what));
    }
    proto_buf_free(&detail);
    proto_buf_free(&what);
}

/* Labels of the enum type, or of its items. */
static const act_type_t *s_enum(const srv_check_t *self, const srv_check_operation_t *operation,
                                uint32_t index)
{
    const srv_check_param_t *param = &operation->params[index];
    const act_type_t *type =
        act_types_base(&self->types, param->declared ? param->declared : param->inferred);
    if (type && type->kind == ACT_TYPE_ARRAY)
        type = act_types_base(&self->types, type->element);
    return type && type->label_count ? type : NULL;
}

static bool s_is_label(const act_type_t *type, const char *text)
{
    for (uint32_t i = 0; i < type->label_count; i++)
        if (strcmp(type->labels[i], text) == 0)
            return true;
    return false;
}

/* A value of `in (...)` as a client would send it. */
static void s_value(srv_check_t *self, const srv_check_operation_t *operation, uint32_t index,
                    const char *text)
{
    proto_param_t param = operation->operation.params[index];
    const act_type_t *labels = s_enum(self, operation, index);
    proto_buf_t value = PROTO_BUF_INIT, detail = PROTO_BUF_INIT, what = PROTO_BUF_INIT;
    param.array = false;
    if (param.unit == PROTO_UNIT_ITEMS)
        param.has_min = param.has_max = false;
    bool fits = proto_param_from_text(&param, proto_bytes_of(text), &value, &detail) == 0 &&
                proto_param_check(&param, proto_buf_bytes(&value), &detail) == 0;
    if (fits && labels && !s_is_label(labels, text)) {
        proto_buf_printf(&detail, "the type has no label %s", text);
        fits = false;
    }
    if (!fits) {
        proto_buf_printf(&what, "%s in the list does not suit: %s", text, proto_buf_text(&detail));
        s_tell(self, operation, index, "list", "no client can send it", proto_buf_text(&what));
    }
    proto_buf_free(&value);
    proto_buf_free(&detail);
    proto_buf_free(&what);
}

/* A declared type under which an index on the column cannot be used. */
static void s_natural(srv_check_t *self, const srv_check_operation_t *operation, uint32_t index)
{
    const srv_check_param_t *param = &operation->params[index];
    const act_type_t *declared = act_types_base(&self->types, param->declared);
    const act_type_t *natural = act_types_base(&self->types, param->natural);
    if (!declared || !natural || declared == natural)
        return;
    bool whole = natural->data >= PROTO_DATA_INT2 && natural->data <= PROTO_DATA_INT8;
    bool broken = declared->data >= PROTO_DATA_FLOAT4 && declared->data <= PROTO_DATA_NUMERIC;
    if (whole && broken)
        srv_check_tell(self, SRV_WARNING, operation->script, operation->script->places.params[index],
                       "other_type", "an index on whole numbers does not serve it: declare the column's type",
                       "%s is declared %s, where PostgreSQL would take %s",
                       operation->operation.params[index].name, declared->name, natural->name);
}

void srv_check_params(srv_check_t *self, const srv_check_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->operation.param_count; i++) {
        const proto_param_t *param = &operation->operation.params[i];
        const proto_param_t *written = &operation->script->operation->params[i];
        if (!param->sql_type)
            continue; /* nobody knows */
        if (param->array && param->source == PROTO_SOURCE_PATH)
            s_tell(self, operation, i, "array_in_path", "take it as a @query, each item given by itself",
                   "a path cannot hold an array");
        s_bounds(self, operation, i);
        for (uint32_t v = 0; v < written->value_count; v++)
            s_value(self, operation, i, written->values[v]);
        s_default(self, operation, i);
        s_natural(self, operation, i);
    }
}
