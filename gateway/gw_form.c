/* SPDX-License-Identifier: MPL-2.0 */
/* A form in multipart/form-data while it arrives. Thread: the gateway thread that owns it. */
#include "gw_form.h"

#include <stdlib.h>

#include "proto_param.h"

enum { S_BIN32 = 0xc6, S_STR32 = 0xdb, S_HEADER = 5 /* bytes before a value of these */ };

static const char s_filename[] = "_filename", s_content_type[] = "_content_type";

/* Whether the parameter is called `file` and `suffix`, which may be "". */
static bool s_is_named(const proto_param_t *param, proto_bytes_t file, const char *suffix)
{
    size_t size = strlen(param->name);
    return size == file.size + strlen(suffix) &&
           (file.size == 0 || memcmp(param->name, file.data, file.size) == 0) &&
           strcmp(param->name + file.size, suffix) == 0;
}

const proto_param_t *gw_form_find(const proto_operation_t *operation, proto_source_t source,
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
    return gw_form_find(operation, PROTO_SOURCE_FILE,
                        (proto_bytes_t){(const uint8_t *)param->name, size - less}, "");
}

const proto_param_t *gw_form_find_field(const proto_operation_t *operation, proto_bytes_t name)
{
    const proto_param_t *param = gw_form_find(operation, PROTO_SOURCE_FORM, name, "");
    bool taken = param && (s_tells_of_file(operation, param, s_filename) ||
                           s_tells_of_file(operation, param, s_content_type));
    return taken ? NULL : param;
}

gw_form_t *gw_form_new(const proto_operation_t *operation, size_t limit)
{
    gw_form_t *self = malloc(sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->operation = operation;
    self->limit = limit;
    self->taken = self->bounded = 0;
    self->arguments = self->text = self->detail = PROTO_BUF_INIT;
    self->pairs = self->run_count = self->value_count = 0;
    self->sink = GW_FORM_IGNORED;
    (void)proto_write_map_open(&self->arguments);
    return self;
}

void gw_form_free(gw_form_t **self_pointer)
{
    gw_form_t *self = *self_pointer;
    if (!self)
        return;
    proto_buf_free(&self->arguments);
    proto_buf_free(&self->text);
    proto_buf_free(&self->detail);
    free(self);
    *self_pointer = NULL;
}

size_t gw_form_bytes(const gw_form_t *self)
{
    return self->arguments.size + self->text.size;
}

static proto_error_t s_refuse(gw_form_t *self, proto_error_t error, const char *sentence)
{
    proto_buf_string(&self->detail, sentence);
    return error;
}

static proto_error_t s_malformed(gw_form_t *self)
{
    proto_buf_printf(&self->detail, "The body is not multipart/form-data: %s", self->multipart.why);
    return PROTO_ERROR_malformed;
}

/* Whether a file's bytes are its value as they are. Of other types their text is still to be read. */
static bool s_is_written(const proto_param_t *param)
{
    return param->data == PROTO_DATA_BYTEA || param->data == PROTO_DATA_TEXT;
}

static bool s_has_bound(const proto_param_t *param)
{
    return s_is_written(param) && param->unit == PROTO_UNIT_BYTES && param->has_max;
}

size_t gw_form_most(const proto_operation_t *operation, size_t body, size_t upload)
{
    double most = (double)body;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (param->source == PROTO_SOURCE_FILE && s_has_bound(param))
            most += param->array ? (double)upload : param->max;
    }
    if (most > (double)upload)
        most = (double)(upload > body ? upload : body);
    return (size_t)most;
}

static void s_keep(gw_form_t *self, const proto_param_t *param, proto_bytes_t bytes, gw_form_kind_t kind)
{
    if (!param)
        return;
    self->values[self->value_count++] =
        (gw_form_part_t){.param = param, .at = self->text.size, .size = bytes.size, .kind = kind};
    proto_buf_append(&self->text, bytes.data, bytes.size);
}

/* The run that holds the parameter's name; NULL: it has had no file. */
static gw_form_run_t *s_first_run(gw_form_t *self, const proto_param_t *param)
{
    for (uint32_t i = 0; i < self->run_count; i++)
        if (self->runs[i].param == param && self->runs[i].first)
            return &self->runs[i];
    return NULL;
}

/* Makes room for a file's value at the end of the arguments, whose size is not known yet. */
static void s_open_value(gw_form_t *self, const proto_param_t *param)
{
    const gw_form_run_t *first = s_first_run(self, param);
    self->from = self->arguments.size;
    self->again = first && !param->array;
    self->opened = !first || self->runs[self->run_count - 1].param != param;
    if (self->opened) {
        gw_form_run_t *run = &self->runs[self->run_count++];
        *run = (gw_form_run_t){.param = param, .at = self->from, .first = !first};
        if (!first)
            proto_write_text(&self->arguments, param->name);
        if (!first && param->array)
            run->place = proto_write_array_open(&self->arguments);
    }
    self->item = self->arguments.size;
    proto_buf_append(&self->arguments,
                     (const uint8_t[S_HEADER]){param->data == PROTO_DATA_BYTEA ? S_BIN32 : S_STR32},
                     S_HEADER);
}

static proto_error_t s_begin_part(gw_form_t *self)
{
    const gw_part_t *part = &self->multipart.part;
    const proto_param_t *file = gw_form_find(self->operation, PROTO_SOURCE_FILE, part->name, "");
    const proto_param_t *field = file ? NULL : gw_form_find_field(self->operation, part->name);
    if (field && part->has_filename) {
        proto_buf_printf(&self->detail, "%s must be a field, not a file", field->name);
        return PROTO_ERROR_invalid;
    }
    self->param = file ? file : field;
    self->sink = !self->param ? GW_FORM_IGNORED : file && s_is_written(file) ? GW_FORM_WRITTEN : GW_FORM_KEPT;
    self->from = self->text.size;
    if (self->sink == GW_FORM_WRITTEN)
        s_open_value(self, file);
    return PROTO_ERROR_none;
}

static proto_error_t s_given_again(gw_form_t *self)
{
    proto_buf_printf(&self->detail, "%s is given more than once", self->param->name);
    return PROTO_ERROR_invalid;
}

static proto_error_t s_take_data(gw_form_t *self, proto_bytes_t data)
{
    const proto_param_t *param = self->param;
    if (self->sink == GW_FORM_IGNORED)
        return PROTO_ERROR_none;
    if (self->sink == GW_FORM_KEPT) {
        proto_buf_append(&self->text, data.data, data.size);
        return PROTO_ERROR_none;
    }
    if (self->again)
        return s_given_again(self);
    size_t size = self->arguments.size - self->item - S_HEADER + data.size;
    if (s_has_bound(param) && (double)size > param->max) {
        proto_buf_printf(&self->detail, "%s must have at most ", param->name);
        proto_param_size(param->max, &self->detail);
        return PROTO_ERROR_too_large;
    }
    self->bounded += s_has_bound(param) ? data.size : 0;
    proto_buf_append(&self->arguments, data.data, data.size);
    return PROTO_ERROR_none;
}

/* Puts the size before the value. */
static proto_error_t s_close_value(gw_form_t *self)
{
    size_t size = self->arguments.size - self->item - S_HEADER;
    uint8_t *at = self->arguments.data + self->item;
    if (self->arguments.failed)
        return s_refuse(self, PROTO_ERROR_overloaded, "there is no memory for the body");
    if (self->again)
        return s_given_again(self);
    if (self->param->data == PROTO_DATA_TEXT && !proto_utf8_valid((proto_bytes_t){at + S_HEADER, size})) {
        proto_buf_printf(&self->detail, "%s must be a text in UTF-8", self->param->name);
        return PROTO_ERROR_invalid;
    }
    for (int i = 0; i < 4; i++)
        at[1 + i] = (uint8_t)(size >> (24 - 8 * i));
    s_first_run(self, self->param)->count++;
    return PROTO_ERROR_none;
}

/* Browsers send an empty part where no file was chosen (HTML, "constructing the entry list"). */
static bool s_forget_unchosen(gw_form_t *self)
{
    const gw_part_t *part = &self->multipart.part;
    bool written = self->sink == GW_FORM_WRITTEN;
    size_t size = written ? self->arguments.size - self->item - S_HEADER : self->text.size - self->from;
    if (!part->has_filename || part->filename.size || size)
        return false;
    if (written) {
        self->arguments.size = self->from;
        self->run_count -= self->opened;
    }
    return true;
}

static proto_error_t s_end_part(gw_form_t *self)
{
    const gw_part_t *part = &self->multipart.part;
    gw_form_sink_t sink = self->sink;
    bool file = self->param && self->param->source == PROTO_SOURCE_FILE;
    if (sink == GW_FORM_IGNORED || (file && s_forget_unchosen(self))) {
        self->sink = GW_FORM_IGNORED;
        return PROTO_ERROR_none;
    }
    self->sink = GW_FORM_IGNORED;
    if (sink == GW_FORM_KEPT)
        self->values[self->value_count++] = (gw_form_part_t){.param = self->param,
                                                             .at = self->from,
                                                             .size = self->text.size - self->from,
                                                             .kind = file ? GW_FORM_FILE : GW_FORM_PLAIN};
    proto_error_t error = sink == GW_FORM_WRITTEN ? s_close_value(self) : PROTO_ERROR_none;
    if (error || !file)
        return error;
    s_keep(self, gw_form_find(self->operation, PROTO_SOURCE_FORM, part->name, s_filename), part->filename,
           part->has_filename ? GW_FORM_FILENAME : GW_FORM_NULL);
    s_keep(self, gw_form_find(self->operation, PROTO_SOURCE_FORM, part->name, s_content_type),
           part->content_type, part->content_type.size ? GW_FORM_PLAIN : GW_FORM_NULL);
    return PROTO_ERROR_none;
}

proto_error_t gw_form_begin(gw_form_t *self, proto_bytes_t content_type)
{
    return gw_multipart_begin(&self->multipart, content_type) < 0 ? s_malformed(self) : PROTO_ERROR_none;
}

static bool s_in_bounded(const gw_form_t *self)
{
    return self->sink == GW_FORM_WRITTEN && s_has_bound(self->param);
}

/* Bytes so far that count against the limit. */
static size_t s_counted(const gw_form_t *self)
{
    size_t pending = s_in_bounded(self) ? gw_multipart_pending(&self->multipart) : 0;
    return self->taken - self->bounded - pending;
}

/* Reads no further than to the byte that would be one too many, so that the verdict does not depend on how
 * the body is cut. */
proto_error_t gw_form_take(gw_form_t *self, proto_bytes_t piece)
{
    gw_multipart_event_t event;
    do {
        proto_error_t error = PROTO_ERROR_none;
        proto_bytes_t data, rest = piece;
        size_t room = self->limit - s_counted(self) + 1;
        if (!s_in_bounded(self) && rest.size > room)
            rest.size = room;
        event = gw_multipart_next(&self->multipart, &rest, &data);
        size_t used = (size_t)(rest.data - piece.data);
        piece = (proto_bytes_t){piece.data + used, piece.size - used};
        self->taken += used;
        if (event == GW_MULTIPART_PART)
            error = s_begin_part(self);
        else if (event == GW_MULTIPART_DATA)
            error = s_take_data(self, data);
        else if (event == GW_MULTIPART_DONE)
            error = s_end_part(self);
        else if (event == GW_MULTIPART_BAD)
            error = s_malformed(self);
        if (error)
            return error;
        if (s_counted(self) > self->limit)
            return s_refuse(self, PROTO_ERROR_too_large, "the body is too large");
    } while (piece.size || event != GW_MULTIPART_MORE);
    return PROTO_ERROR_none;
}

/* Files of one array that did not come one behind the other are put together: the one case in which they are
 * copied. */
static void s_gather(gw_form_t *self)
{
    proto_buf_t gathered = PROTO_BUF_INIT;
    (void)proto_write_map_open(&gathered);
    for (uint32_t i = 0; i < self->run_count; i++) {
        for (uint32_t j = i; self->runs[i].first && j < self->run_count; j++) {
            size_t at = self->runs[j].at;
            size_t end = j + 1 < self->run_count ? self->runs[j + 1].at : self->arguments.size;
            if (self->runs[j].param == self->runs[i].param)
                proto_buf_append(&gathered, self->arguments.data + at, end - at);
        }
    }
    proto_buf_free(&self->arguments);
    self->arguments = gathered;
}

proto_error_t gw_form_end(gw_form_t *self)
{
    bool scattered = false;
    if (gw_multipart_end(&self->multipart) < 0)
        return s_malformed(self);
    for (uint32_t i = 0; i < self->run_count; i++) {
        const gw_form_run_t *run = &self->runs[i];
        scattered = scattered || !run->first;
        self->pairs += run->first;
        if (run->first && run->param->array)
            proto_write_close(&self->arguments, run->place, run->count);
    }
    if (scattered)
        s_gather(self);
    if (self->arguments.failed || self->text.failed)
        return s_refuse(self, PROTO_ERROR_overloaded, "there is no memory for the body");
    return PROTO_ERROR_none;
}
