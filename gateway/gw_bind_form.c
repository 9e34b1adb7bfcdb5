/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of forms: each value is given to its parameter once, while the body is read, so that many
 * parameters cost no further reading. Thread: the gateway thread that owns the binder. */
#include <strings.h>

#include "gw_bind_internal.h"

static const char s_filename[] = "_filename", s_content_type[] = "_content_type";

/* The media type is `type`, whatever parameters follow. */
static bool s_is_type(proto_bytes_t content_type, const char *type)
{
    size_t size = 0;
    while (size < content_type.size && content_type.data[size] != ';' && content_type.data[size] != ' ' &&
           content_type.data[size] != '\t')
        size++;
    return size == strlen(type) && strncasecmp((const char *)content_type.data, type, size) == 0;
}

/* Whether the parameter is called `file` and `suffix`, which may be "". */
static bool s_is_named(const proto_param_t *param, proto_bytes_t file, const char *suffix)
{
    size_t size = strlen(param->name);
    return size == file.size + strlen(suffix) &&
           (file.size == 0 || memcmp(param->name, file.data, file.size) == 0) &&
           strcmp(param->name + file.size, suffix) == 0;
}

/* The parameter of that source which is called `name` and `suffix`; NULL: there is none. */
static const proto_param_t *s_find(const proto_operation_t *operation, proto_source_t source,
                                   proto_bytes_t name, const char *suffix)
{
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source == source && s_is_named(param, name, suffix))
            return param;
    }
    return NULL;
}

/* Whether the parameter tells of a file: it is called as a @file is, and the suffix. */
static bool s_tells_of_file(const proto_operation_t *operation, const proto_param_t *param,
                            const char *suffix)
{
    size_t size = strlen(param->name), less = strlen(suffix);
    if (size <= less || strcmp(param->name + size - less, suffix) != 0)
        return false;
    return s_find(operation, PROTO_SOURCE_FILE, (proto_bytes_t){(const uint8_t *)param->name, size - less},
                  "");
}

/* The parameter that a field of this name fills; NULL: nobody asked for it. */
static const proto_param_t *s_find_field(const proto_operation_t *operation, proto_bytes_t name)
{
    const proto_param_t *param = s_find(operation, PROTO_SOURCE_FORM, name, "");
    bool taken = param && (s_tells_of_file(operation, param, s_filename) ||
                           s_tells_of_file(operation, param, s_content_type));
    return taken ? NULL : param;
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
            error =
                s_add(self, s_find_field(operation, proto_buf_bytes(&self->text)), value, GW_FORM_ENCODED);
        if (error)
            return error;
    }
    return PROTO_ERROR_none;
}

/* A file and what its part tells of it. */
static proto_error_t s_add_file(gw_binder_t *self, const proto_operation_t *operation, const gw_part_t *part,
                                const proto_param_t *file)
{
    if (part->has_filename && part->filename.size == 0 && part->content.size == 0)
        return PROTO_ERROR_none; /* no file was chosen (HTML, "constructing the entry list") */
    proto_error_t error = s_add(self, file, part->content, GW_FORM_FILE);
    if (!error)
        error = s_add(self, s_find(operation, PROTO_SOURCE_FORM, part->name, s_filename), part->filename,
                      part->has_filename ? GW_FORM_FILENAME : GW_FORM_NULL);
    if (!error)
        error = s_add(self, s_find(operation, PROTO_SOURCE_FORM, part->name, s_content_type),
                      part->content_type, part->content_type.size ? GW_FORM_PLAIN : GW_FORM_NULL);
    return error;
}

static proto_error_t s_read_parts(gw_binder_t *self, const proto_operation_t *operation,
                                  const gw_input_t *input)
{
    gw_multipart_t *multipart = &self->multipart;
    if (gw_multipart_parse(multipart, input->content_type, input->body) < 0) {
        proto_buf_printf(&self->detail, "The body is not multipart/form-data: %s", multipart->why);
        return PROTO_ERROR_malformed;
    }
    for (uint32_t i = 0; i < multipart->count; i++) {
        const gw_part_t *part = &multipart->parts[i];
        const proto_param_t *file = s_find(operation, PROTO_SOURCE_FILE, part->name, "");
        const proto_param_t *field = file ? NULL : s_find_field(operation, part->name);
        if (field && part->has_filename) {
            proto_buf_printf(&self->detail, "%s must be a field, not a file", field->name);
            return PROTO_ERROR_invalid;
        }
        proto_error_t error =
            file ? s_add_file(self, operation, part, file) : s_add(self, field, part->content, GW_FORM_PLAIN);
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

proto_error_t gw_bind_form(gw_binder_t *self, const proto_operation_t *operation, const gw_input_t *input,
                           uint32_t *pairs)
{
    proto_error_t error;
    self->form_count = 0;
    if (!gw_bind_is_plain(input->content_encoding))
        return gw_bind_refuse(self, PROTO_ERROR_unsupported_media_type,
                              "The body must be sent as it is, not compressed");
    if (s_is_type(input->content_type, "multipart/form-data"))
        error = s_read_parts(self, operation, input);
    else if (s_is_type(input->content_type, "application/x-www-form-urlencoded"))
        error = s_read_pairs(self, operation, input->body);
    else
        error = gw_bind_refuse(
            self, PROTO_ERROR_unsupported_media_type,
            "The body must be sent as application/x-www-form-urlencoded or multipart/form-data");
    for (uint32_t i = 0; !error && i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source == PROTO_SOURCE_FORM || param->source == PROTO_SOURCE_FILE)
            error = s_bind_param(self, param, pairs);
    }
    return error;
}
