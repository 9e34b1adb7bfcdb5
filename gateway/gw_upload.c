/* SPDX-License-Identifier: MPL-2.0 */
/* Bodies that are taken in pieces: how much of them is kept at once, and whose they are. What an upload keeps
 * counts until it is answered, as brokers and actors keep it as long. Thread: the gateway's. */
#include "gw_internal.h"

static proto_error_t s_too_many(gw_gateway_t *self)
{
    proto_buf_string(&self->binder.detail, "too much is being uploaded at once");
    return PROTO_ERROR_overloaded;
}

/* An error of the form, with its sentence. */
static proto_error_t s_tell(gw_gateway_t *self, const gw_form_t *form, proto_error_t error)
{
    proto_buf_reset(&self->binder.detail);
    proto_buf_append(&self->binder.detail, form->detail.data, form->detail.size);
    return error;
}

proto_error_t gw_upload_begin(gw_gateway_t *self, gw_request_t *request, proto_bytes_t content_type,
                              size_t length)
{
    const proto_operation_t *operation = request->route->operation;
    request->body_most = gw_form_most(operation, self->config->max_body, self->config->max_upload);
    if (length <= request->body_most && length > self->config->uploads - self->upload_bytes)
        return s_too_many(self);
    request->upload = gw_form_new(operation, self->config->max_body);
    return s_tell(self, request->upload, gw_form_begin(request->upload, content_type));
}

/* Counts anew what it keeps; refuses when that is too much with all the others. */
static proto_error_t s_count(gw_gateway_t *self, gw_request_t *request)
{
    size_t bytes = gw_form_bytes(request->upload), others = self->upload_bytes - request->upload_bytes;
    if (bytes > self->config->uploads - others)
        return s_too_many(self);
    self->upload_bytes = others + bytes;
    request->upload_bytes = bytes;
    return PROTO_ERROR_none;
}

bool gw_upload_take(gw_gateway_t *self, gw_request_t *request, proto_bytes_t piece)
{
    proto_error_t error = s_tell(self, request->upload, gw_form_take(request->upload, piece));
    if (!error)
        error = s_count(self, request);
    if (error)
        gw_answer_error(self, request, error, proto_buf_bytes(&self->binder.detail));
    return !error;
}

proto_error_t gw_upload_end(gw_gateway_t *self, gw_request_t *request)
{
    return s_tell(self, request->upload, gw_form_end(request->upload));
}

void gw_upload_finish(gw_request_t *request)
{
    proto_buf_free(&request->arguments);
    request->arguments = request->upload->arguments;
    request->upload->arguments = PROTO_BUF_INIT;
    gw_form_free(&request->upload);
}

void gw_upload_forget(gw_gateway_t *self, gw_request_t *request)
{
    gw_form_free(&request->upload);
    self->upload_bytes -= request->upload_bytes;
    request->upload_bytes = 0;
}
