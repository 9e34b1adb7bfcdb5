/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of parameters; forms: gw_bind_form.c. Thread: the gateway thread that owns the binder. */
#include "gw_bind_internal.h"

#include <strings.h>

#include "proto_json.h"

void gw_binder_init(gw_binder_t *self)
{
    *self = (gw_binder_t){0};
}

void gw_binder_free(gw_binder_t *self)
{
    proto_buf_free(&self->arguments);
    proto_buf_free(&self->detail);
    proto_buf_free(&self->text);
    proto_buf_free(&self->body);
}

proto_error_t gw_bind_refuse(gw_binder_t *self, proto_error_t error, const char *sentence)
{
    proto_buf_string(&self->detail, sentence);
    return error;
}

proto_error_t gw_bind_decode(gw_binder_t *self, proto_bytes_t encoded, bool form, const char *where)
{
    proto_buf_reset(&self->text);
    if (gw_percent_decode(encoded, form, &self->text) < 0) {
        proto_buf_printf(&self->detail, "the %s holds a malformed percent-escape", where);
        return PROTO_ERROR_malformed;
    }
    if (!proto_utf8_valid(proto_buf_bytes(&self->text))) {
        proto_buf_printf(&self->detail, "the %s is not UTF-8", where);
        return PROTO_ERROR_malformed;
    }
    return PROTO_ERROR_none;
}

proto_error_t gw_bind_item(gw_binder_t *self, const proto_param_t *param, gw_bind_items_t *items,
                           proto_error_t doubled)
{
    if (items->count == 0) {
        proto_write_text(&self->arguments, param->name);
        if (param->array)
            items->place = proto_write_array_open(&self->arguments);
    } else if (!param->array) {
        proto_buf_printf(&self->detail, "%s is given more than once", param->name);
        return doubled;
    }
    items->count++;
    return PROTO_ERROR_none;
}

proto_error_t gw_bind_text(gw_binder_t *self, const proto_param_t *param, proto_bytes_t text)
{
    int rc = proto_param_from_text(param, text, &self->arguments, &self->detail);
    return rc < 0 ? PROTO_ERROR_invalid : PROTO_ERROR_none;
}

void gw_bind_items_end(gw_binder_t *self, const proto_param_t *param, const gw_bind_items_t *items,
                       uint32_t *pairs)
{
    if (items->count == 0)
        return;
    if (param->array)
        proto_write_close(&self->arguments, items->place, items->count);
    ++*pairs;
}

static proto_error_t s_bind_path(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input,
                                 uint32_t *pairs)
{
    for (uint32_t i = 0; i < route->path_param_count; i++) {
        const proto_param_t *param = &route->operation->params[route->path_params[i]];
        proto_error_t error = gw_bind_decode(self, input->path_values[i], false, "path");
        if (error)
            return error;
        proto_write_text(&self->arguments, param->name);
        if (proto_param_from_text(param, proto_buf_bytes(&self->text), &self->arguments, &self->detail) < 0)
            return PROTO_ERROR_invalid;
        ++*pairs;
    }
    return PROTO_ERROR_none;
}

bool gw_bind_next_pair(proto_bytes_t *query, proto_bytes_t *name, proto_bytes_t *value)
{
    if (query->size == 0)
        return false;
    const uint8_t *end = memchr(query->data, '&', query->size);
    size_t size = end ? (size_t)(end - query->data) : query->size;
    const uint8_t *equals = size ? memchr(query->data, '=', size) : NULL;
    size_t name_size = equals ? (size_t)(equals - query->data) : size;
    *name = (proto_bytes_t){query->data, name_size};
    *value =
        equals ? (proto_bytes_t){equals + 1, size - name_size - 1} : (proto_bytes_t){query->data + size, 0};
    size_t used = size + (end ? 1 : 0);
    *query = (proto_bytes_t){query->data + used, query->size - used};
    return true;
}

/* Finds the parameter's next value in what is left of the query, decoded into self->text; *found tells. */
static proto_error_t s_find_in_query(gw_binder_t *self, const proto_param_t *param, proto_bytes_t *query,
                                     bool *found)
{
    proto_bytes_t name, value;
    *found = false;
    while (gw_bind_next_pair(query, &name, &value)) {
        if (!proto_bytes_is(name, param->name)) { /* the plain spelling needs no decoding */
            if (!name.size || (!memchr(name.data, '%', name.size) && !memchr(name.data, '+', name.size)))
                continue;
            proto_error_t error = gw_bind_decode(self, name, true, "query");
            if (error)
                return error;
            if (!proto_bytes_is(proto_buf_bytes(&self->text), param->name))
                continue;
        }
        *found = true;
        return gw_bind_decode(self, value, true, "query");
    }
    return PROTO_ERROR_none;
}

static proto_error_t s_bind_query_param(gw_binder_t *self, const proto_param_t *param, proto_bytes_t query,
                                        uint32_t *pairs)
{
    gw_bind_items_t items = {0};
    for (;;) {
        bool found;
        proto_error_t error = s_find_in_query(self, param, &query, &found);
        if (!error && !found)
            break;
        if (!error)
            error = gw_bind_item(self, param, &items, PROTO_ERROR_invalid);
        if (!error)
            error = gw_bind_text(self, param, proto_buf_bytes(&self->text));
        if (error)
            return error;
    }
    gw_bind_items_end(self, param, &items, pairs);
    return PROTO_ERROR_none;
}

static proto_error_t s_bind_query(gw_binder_t *self, const proto_operation_t *operation,
                                  const gw_input_t *input, uint32_t *pairs)
{
    for (uint32_t i = 0; i < operation->param_count && input->query.size; i++) {
        if (operation->params[i].source != PROTO_SOURCE_QUERY)
            continue;
        proto_error_t error = s_bind_query_param(self, &operation->params[i], input->query, pairs);
        if (error)
            return error;
    }
    return PROTO_ERROR_none;
}

/* Whether `field` is the header field that the parameter's name means: _ stands for -. */
static bool s_is_header(const proto_param_t *param, proto_bytes_t field)
{
    size_t i = 0;
    while (i < field.size && param->name[i] &&
           field.data[i] == (param->name[i] == '_' ? '-' : param->name[i]))
        i++;
    return i == field.size && param->name[i] == '\0';
}

static proto_error_t s_bind_header(gw_binder_t *self, const proto_param_t *param, const gw_input_t *input,
                                   uint32_t *pairs)
{
    gw_bind_items_t items = {0};
    for (uint32_t i = 0; i < input->header_count; i++) {
        const gw_http_header_t *header = &input->headers[i];
        if (!s_is_header(param, header->name))
            continue;
        if (!proto_utf8_valid(header->value)) {
            proto_buf_printf(&self->detail, "the header field of %s is not UTF-8", param->name);
            return PROTO_ERROR_malformed;
        }
        proto_error_t error = gw_bind_item(self, param, &items, PROTO_ERROR_malformed);
        if (!error)
            error = gw_bind_text(self, param, header->value);
        if (error)
            return error;
    }
    gw_bind_items_end(self, param, &items, pairs);
    return PROTO_ERROR_none;
}

static proto_error_t s_bind_headers(gw_binder_t *self, const proto_operation_t *operation,
                                    const gw_input_t *input, uint32_t *pairs)
{
    for (uint32_t i = 0; i < operation->param_count; i++) {
        if (operation->params[i].source != PROTO_SOURCE_HEADER)
            continue;
        proto_error_t error = s_bind_header(self, &operation->params[i], input, pairs);
        if (error)
            return error;
    }
    return PROTO_ERROR_none;
}

/* application/json or application/anything+json, whatever parameters follow (RFC 6839 section 3.1). */
static bool s_is_json(proto_bytes_t type)
{
    size_t size = 0;
    while (size < type.size && type.data[size] != ';' && type.data[size] != ' ' && type.data[size] != '\t')
        size++;
    const char *text = (const char *)type.data;
    if (size == 16 && strncasecmp(text, "application/json", 16) == 0)
        return true;
    return size > 17 && strncasecmp(text, "application/", 12) == 0 &&
           strncasecmp(text + size - 5, "+json", 5) == 0;
}

/* What an operation takes from the body. */
typedef struct s_body {
    const proto_param_t *whole; /* the parameter for all of it */
    bool members, form, required;
} s_body_t;

static s_body_t s_body_kind(const proto_operation_t *operation)
{
    s_body_t kind = {0};
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source == PROTO_SOURCE_WHOLE)
            kind.whole = param;
        else if (param->source == PROTO_SOURCE_BODY)
            kind.members = true;
        else if (param->source == PROTO_SOURCE_FORM || param->source == PROTO_SOURCE_FILE)
            kind.form = true;
        else
            continue;
        kind.required = kind.required || param->required;
    }
    return kind;
}

/* Names of codings in any case. */
bool gw_bind_is_plain(proto_bytes_t coding)
{
    return coding.size == 0 ||
           (coding.size == 8 && strncasecmp((const char *)coding.data, "identity", 8) == 0);
}

static proto_error_t s_judge_json(gw_binder_t *self, const gw_input_t *input)
{
    if (!gw_bind_is_plain(input->content_encoding))
        return gw_bind_refuse(self, PROTO_ERROR_unsupported_media_type,
                              "The body must be sent as it is, not compressed");
    if (!s_is_json(input->content_type))
        return gw_bind_refuse(self, PROTO_ERROR_unsupported_media_type,
                              "The body must be sent as application/json");
    return PROTO_ERROR_none;
}

/* Reads the body, which is to stand in `outside` further containers. */
static proto_error_t s_read_json(gw_binder_t *self, const gw_input_t *input, uint32_t outside)
{
    proto_error_t error = s_judge_json(self, input);
    if (error)
        return error;
    proto_json_error_t why;
    proto_buf_reset(&self->body);
    proto_json_options_t options = {.depth = PROTO_VALUE_DEPTH - outside};
    if (proto_json_to_value(input->body, &options, &self->body, &why) < 0) {
        proto_buf_printf(&self->detail, "The body is not JSON: %s at byte %zu", why.reason, why.offset);
        return PROTO_ERROR_malformed;
    }
    return PROTO_ERROR_none;
}

static proto_error_t s_bind_members(gw_binder_t *self, const proto_operation_t *operation, uint32_t *pairs)
{
    proto_reader_t reader = proto_reader(proto_buf_bytes(&self->body));
    proto_value_t map, key;
    if (proto_value_read(&reader, &map) < 0 || map.kind != PROTO_MAP)
        return gw_bind_refuse(self, PROTO_ERROR_invalid, "the body must be a JSON object");
    for (uint32_t i = 0; i < map.count; i++) {
        proto_bytes_t value;
        if (proto_value_read(&reader, &key) < 0 || proto_value_skip(&reader, &value) < 0)
            return gw_bind_refuse(self, PROTO_ERROR_malformed, "the body is nested too deep");
        for (uint32_t p = 0; p < operation->param_count; p++) {
            const proto_param_t *param = &operation->params[p];
            if (param->source == PROTO_SOURCE_BODY && proto_bytes_is(key.bytes, param->name)) {
                proto_write_str(&self->arguments, key.bytes);
                proto_buf_append(&self->arguments, value.data, value.size);
                ++*pairs;
                break;
            }
        }
    }
    return PROTO_ERROR_none;
}

static proto_error_t s_bind_body(gw_binder_t *self, const proto_operation_t *operation,
                                 const gw_input_t *input, uint32_t *pairs)
{
    s_body_t kind = s_body_kind(operation);
    if (!kind.whole && !kind.members && !kind.form)
        return PROTO_ERROR_none; /* a body nobody asked for is ignored */
    if (!input->form && input->body.size == 0 && input->content_type.size == 0)
        return !kind.required ? PROTO_ERROR_none
                              : gw_bind_refuse(self, PROTO_ERROR_invalid,
                                               kind.form ? "a form is required" : "a JSON body is required");
    if (kind.form)
        return gw_bind_form(self, operation, input, pairs);
    proto_error_t error = s_read_json(self, input, kind.whole ? 1 : 0);
    if (error)
        return error;
    if (!kind.whole)
        return s_bind_members(self, operation, pairs);
    proto_write_text(&self->arguments, kind.whole->name);
    proto_buf_append(&self->arguments, self->body.data, self->body.size);
    ++*pairs;
    return PROTO_ERROR_none;
}

proto_error_t gw_bind_media(gw_binder_t *self, const proto_operation_t *operation, const gw_input_t *input,
                            bool *pieces)
{
    s_body_t kind = s_body_kind(operation);
    proto_buf_reset(&self->detail);
    *pieces = false;
    if (!kind.whole && !kind.members && !kind.form)
        return PROTO_ERROR_none;
    if (input->length == SIZE_MAX && input->content_type.size == 0)
        return PROTO_ERROR_none; /* a chunked body may turn out to be none */
    return kind.form ? gw_bind_form_media(self, input, pieces) : s_judge_json(self, input);
}

static proto_error_t s_bind(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input,
                            uint32_t pairs)
{
    const proto_operation_t *operation = route->operation;
    proto_error_t error = s_bind_path(self, route, input, &pairs);
    if (!error)
        error = s_bind_query(self, operation, input, &pairs);
    if (!error)
        error = s_bind_headers(self, operation, input, &pairs);
    if (!error)
        error = s_bind_body(self, operation, input, &pairs);
    if (error)
        return error;
    proto_write_close(&self->arguments, 0, pairs);
    proto_bytes_t values[GW_PARAMS];
    if (self->arguments.failed || operation->param_count > GW_PARAMS)
        return gw_bind_refuse(self, PROTO_ERROR_internal, "the arguments do not fit into memory");
    if (proto_param_bind(operation, proto_buf_bytes(&self->arguments), values, &self->detail) < 0)
        return PROTO_ERROR_invalid;
    return PROTO_ERROR_none;
}

static void s_swap(proto_buf_t *a, proto_buf_t *b)
{
    proto_buf_t was = *a;
    *a = *b;
    *b = was;
}

proto_error_t gw_bind(gw_binder_t *self, const gw_route_t *route, const gw_input_t *input)
{
    proto_buf_reset(&self->detail);
    if (!input->form) {
        proto_buf_reset(&self->arguments);
        (void)proto_write_map_open(&self->arguments);
        return s_bind(self, route, input, 0);
    }
    s_swap(&self->arguments, &input->form->arguments);
    proto_error_t error = s_bind(self, route, input, input->form->pairs);
    s_swap(&self->arguments, &input->form->arguments);
    return error;
}
