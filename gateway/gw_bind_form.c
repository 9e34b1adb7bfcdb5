/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of forms: each value is given to its parameter once, while the body is read, so that many
 * parameters cost no further reading. Thread: the gateway thread that owns the binder. */
#include <strings.h>

#include "gw_bind_internal.h"

/* The media type is `type`, whatever parameters follow. */
static bool s_is_type(proto_bytes_t content_type, const char *type)
{
    size_t size = 0;
    while (size < content_type.size && content_type.data[size] != ';' && content_type.data[size] != ' ' &&
           content_type.data[size] != '\t')
        size++;
    return size == strlen(type) && strncasecmp((const char *)content_type.data, type, size) == 0;
}

static proto_error_t s_add(gw_binder_t *self, const proto_param_t *param, proto_bytes_t bytes,
                           gw_form_kind_t kind)
{
    if (!param)
        return PROTO_ERROR_none;
    if (self->form_count == GW_FORM_FIELDS)
        return gw_bind_refuse(self, PROTO_ERROR_malformed, "the form has too many fields");
    self->form[self->form_count++] = (gw_form_value_t){.param = param, .bytes = bytes, .kind = kind};
    return PROTO_ERROR_none;
}

static proto_error_t s_read_pairs(gw_binder_t *self, const proto_operation_t *operation, proto_bytes_t body)
{
    proto_bytes_t name, value;
    for (uint32_t count = 0; gw_bind_next_pair(&body, &name, &value); count++) {
        if (count == GW_FORM_FIELDS)
            return gw_bind_refuse(self, PROTO_ERROR_malformed, "the form has too many fields");
        proto_error_t error = gw_bind_decode(self, name, true, "form");
        if (!error)
            error = s_add(self, gw_form_find_field(operation, proto_buf_bytes(&self->text)), value,
                          GW_FORM_ENCODED);
        if (error)
            return error;
    }
    return PROTO_ERROR_none;
}

/* A value that is text as it stands. What is no UTF-8 is invalid only for a file: a field says it is text. */
static proto_error_t s_write_plain(gw_binder_t *self, const gw_form_value_t *value)
{
    if (proto_utf8_valid(value->bytes))
        return gw_bind_text(self, value->param, value->bytes);
    proto_buf_printf(&self->detail, "%s must be a text in UTF-8", value->param->name);
    return value->kind == GW_FORM_FILE ? PROTO_ERROR_invalid : PROTO_ERROR_malformed;
}

static proto_error_t s_write(gw_binder_t *self, const gw_form_value_t *value)
{
    proto_error_t error;
    switch (value->kind) {
    case GW_FORM_NULL:
        proto_write_nil(&self->arguments);
        return PROTO_ERROR_none;
    case GW_FORM_ENCODED:
        error = gw_bind_decode(self, value->bytes, true, "form");
        return error ? error : gw_bind_text(self, value->param, proto_buf_bytes(&self->text));
    case GW_FORM_FILENAME:
        proto_buf_reset(&self->text);
        gw_multipart_unescape(value->bytes, &self->text);
        return gw_bind_text(self, value->param, proto_buf_bytes(&self->text));
    case GW_FORM_FILE:
        if (value->param->data != PROTO_DATA_BYTEA)
            break;
        proto_write_bin(&self->arguments, value->bytes);
        return PROTO_ERROR_none;
    case GW_FORM_PLAIN:
        break;
    }
    return s_write_plain(self, value);
}

static proto_error_t s_bind_param(gw_binder_t *self, const proto_param_t *param, uint32_t *pairs)
{
    gw_bind_items_t items = {0};
    for (uint32_t i = 0; i < self->form_count; i++) {
        const gw_form_value_t *value = &self->form[i];
        if (value->param != param || (value->kind == GW_FORM_NULL && !param->array))
            continue; /* a file without it: as if it were not there, so that defaults count */
        proto_error_t error = gw_bind_item(self, param, &items, PROTO_ERROR_invalid);
        if (!error)
            error = s_write(self, value);
        if (error)
            return error;
    }
    gw_bind_items_end(self, param, &items, pairs);
    return PROTO_ERROR_none;
}

proto_error_t gw_bind_form_media(gw_binder_t *self, const gw_input_t *input, bool *pieces)
{
    *pieces = false;
    if (!gw_bind_is_plain(input->content_encoding))
        return gw_bind_refuse(self, PROTO_ERROR_unsupported_media_type,
                              "The body must be sent as it is, not compressed");
    *pieces = s_is_type(input->content_type, "multipart/form-data");
    if (*pieces || s_is_type(input->content_type, "application/x-www-form-urlencoded"))
        return PROTO_ERROR_none;
    return gw_bind_refuse(
        self, PROTO_ERROR_unsupported_media_type,
        "The body must be sent as application/x-www-form-urlencoded or multipart/form-data");
}

/* The values of a form that came in pieces. */
static void s_take_values(gw_binder_t *self, const gw_form_t *form)
{
    _Static_assert((int)GW_FORM_VALUES <= (int)GW_FORM_FIELDS, "there is room for them");
    for (self->form_count = 0; self->form_count < form->value_count; self->form_count++) {
        const gw_form_part_t *value = &form->values[self->form_count];
        self->form[self->form_count] = (gw_form_value_t){
            .param = value->param,
            .bytes = {value->size ? form->text.data + value->at : NULL, value->size},
            .kind = value->kind,
        };
    }
}

static proto_error_t s_read(gw_binder_t *self, const proto_operation_t *operation, const gw_input_t *input)
{
    bool pieces;
    self->form_count = 0;
    if (input->form) {
        s_take_values(self, input->form);
        return PROTO_ERROR_none;
    }
    proto_error_t error = gw_bind_form_media(self, input, &pieces);
    if (error)
        return error;
    if (pieces)
        return gw_bind_refuse(self, PROTO_ERROR_malformed,
                              "The body is not multipart/form-data: its boundary is not in it");
    return s_read_pairs(self, operation, input->body);
}

proto_error_t gw_bind_form(gw_binder_t *self, const proto_operation_t *operation, const gw_input_t *input,
                           uint32_t *pairs)
{
    proto_error_t error = s_read(self, operation, input);
    for (uint32_t i = 0; !error && i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source == PROTO_SOURCE_FORM || param->source == PROTO_SOURCE_FILE)
            error = s_bind_param(self, param, pairs);
    }
    return error;
}
