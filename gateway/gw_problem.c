/* SPDX-License-Identifier: MPL-2.0 */
/* Error bodies. Thread: any. */
#include "gw_problem.h"

#include "proto_json.h"

gw_problem_t gw_problem_of(proto_error_t error, proto_bytes_t detail)
{
    proto_bytes_t title = proto_bytes_of(proto_error_title(error));
    return (gw_problem_t){
        .error = error < PROTO_ERROR_COUNT ? error : PROTO_ERROR_internal,
        .status = proto_error_status(error),
        .code = proto_bytes_of(proto_error_code(error)),
        .title = title,
        .detail = detail.size ? detail : title,
    };
}

gw_problem_t gw_problem_from_record(uint16_t number, proto_bytes_t body)
{
    proto_error_t error = number == PROTO_ERROR_none ? PROTO_ERROR_internal : (proto_error_t)number;
    gw_problem_t problem = gw_problem_of(error, (proto_bytes_t){0});
    if (proto_value_check(body) < 0)
        return problem;
    int64_t status = proto_value_get_int(body, "status", problem.status);
    if (status >= 400 && status <= 599)
        problem.status = (int)status;
    proto_bytes_t code = proto_value_get_str(body, "code", "");
    proto_bytes_t title = proto_value_get_str(body, "title", "");
    proto_bytes_t detail = proto_value_get_str(body, "detail", "");
    if (code.size)
        problem.code = code;
    if (title.size)
        problem.title = title;
    problem.detail = detail.size ? detail : problem.title;
    return problem;
}

/* Text that cannot be shown (it came from outside and is no UTF-8) is left out rather than the whole answer
 * lost. */
static void s_string(proto_buf_t *out, proto_bytes_t text)
{
    size_t before = out->size;
    if (proto_json_string(out, text) == 0)
        return;
    out->size = before;
    proto_buf_string(out, "\"\"");
}

/* Whether the sentence begins with the name of a parameter: that stays as the client writes it. */
static bool s_names_parameter(const proto_operation_t *operation, proto_bytes_t detail)
{
    size_t size = 0;
    while (size < detail.size && !strchr(" .[", detail.data[size]))
        size++;
    for (uint32_t i = 0; operation && i < operation->param_count; i++)
        if (proto_bytes_is((proto_bytes_t){detail.data, size}, operation->params[i].name))
            return true;
    return false;
}

static void s_sentence(proto_buf_t *out, proto_bytes_t detail, const proto_operation_t *operation)
{
    size_t before = out->size;
    s_string(out, detail);
    if (out->failed || out->size - before < 3)
        return;
    uint8_t *first = out->data + before + 1, *last = out->data + out->size - 2;
    if (*first >= 'a' && *first <= 'z' && !s_names_parameter(operation, detail))
        *first = (uint8_t)(*first - 'a' + 'A');
    if (*last != '.' && *last != '!' && *last != '?') {
        out->size--;
        proto_buf_string(out, ".\"");
    }
}

void gw_problem_write(const gw_problem_t *self, proto_bytes_t request_id, proto_buf_t *out)
{
    proto_buf_string(out, "{\"type\":\"about:blank\",\"title\":");
    s_string(out, self->title);
    proto_buf_printf(out, ",\"status\":%d,\"detail\":", self->status);
    s_sentence(out, self->detail, self->operation);
    proto_buf_string(out, ",\"code\":");
    s_string(out, self->code);
    proto_buf_string(out, ",\"request_id\":");
    s_string(out, request_id);
    proto_buf_byte(out, '}');
}
