/* SPDX-License-Identifier: MPL-2.0 */
/* Writing answers: status, header lines, body, access-log line. Thread: the gateway's. */
#include "gw_internal.h"

#include "proto_clock.h"
#include "proto_json.h"

static proto_bytes_t s_trace(const gw_request_t *request)
{
    return (proto_bytes_t){(const uint8_t *)request->trace, request->trace_size};
}

void gw_answer_begin(gw_gateway_t *self, const gw_request_t *request)
{
    proto_buf_reset(&self->extra);
    proto_buf_string(&self->extra, "X-Request-ID: ");
    proto_buf_append(&self->extra, request->trace, request->trace_size);
    proto_buf_string(&self->extra, "\r\n");
}

static void s_log(gw_gateway_t *self, const gw_request_t *request, int status, size_t bytes)
{
    gw_log_add(&self->log, &(gw_log_entry_t){
                               .address = request->address,
                               .line = proto_buf_bytes(&request->line),
                               .status = status,
                               .bytes = bytes,
                               .microseconds = self->log.on ? proto_clock_us() - request->started_us : 0,
                               .request_id = s_trace(request),
                           });
}

static void s_unlink(gw_request_t *request)
{
    if (!request->conn)
        return;
    gw_request_t **at = gw_conn_requests(request->conn);
    while (*at != request)
        at = &(*at)->next_of_conn;
    *at = request->next_of_conn;
}

static void s_release(gw_gateway_t *self, gw_request_t *request)
{
    s_unlink(request);
    if (request->waiting)
        proto_wheel_remove(&self->wheel, &request->timer);
    gw_generation_drop(&request->generation);
    if (request->id)
        proto_slab_release(&self->requests, request->id);
}

void gw_answer(gw_gateway_t *self, gw_request_t *request, int status, const char *content_type,
               proto_bytes_t body, bool close)
{
    if (request->conn)
        gw_conn_respond(request->conn, request->sequence,
                        &(gw_http_response_t){
                            .status = status,
                            .content_type = content_type,
                            .extra = proto_buf_bytes(&self->extra),
                            .body = body,
                            .close = close || self->draining,
                        });
    s_log(self, request, request->conn ? status : 499, body.size);
    s_release(self, request);
}

void gw_answer_problem(gw_gateway_t *self, gw_request_t *request, const gw_problem_t *problem, bool close)
{
    if (problem->status == 503)
        proto_buf_string(&self->extra, "Retry-After: 1\r\n");
    if (problem->status == 401)
        proto_buf_string(&self->extra, "WWW-Authenticate: Bearer\r\n");
    proto_buf_reset(&self->json);
    gw_problem_write(problem, s_trace(request), &self->json);
    gw_answer(self, request, problem->status, GW_PROBLEM_TYPE, proto_buf_bytes(&self->json), close);
}

void gw_answer_error(gw_gateway_t *self, gw_request_t *request, proto_error_t error, proto_bytes_t detail)
{
    gw_problem_t problem = gw_problem_of(error, detail);
    gw_answer_begin(self, request);
    gw_answer_problem(self, request, &problem, false);
}

/* Appends the value named by a placeholder of a Location template: a member of the answer, as text. */
static int s_location_value(proto_bytes_t document, proto_bytes_t name, proto_buf_t *out)
{
    char key[64];
    proto_bytes_t bytes;
    proto_value_t value;
    if (name.size >= sizeof key)
        return -1;
    memcpy(key, name.data, name.size);
    key[name.size] = '\0';
    if (proto_value_get(document, key, &bytes) < 0)
        return -1;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0)
        return -1;
    if (value.kind == PROTO_INT)
        proto_buf_printf(out, "%lld", (long long)value.integer);
    else if (value.kind == PROTO_STR)
        gw_percent_encode(value.bytes, out);
    else
        return -1;
    return 0;
}

/* "/providers/{id}" with the members of the answer filled in; no header at all when one is missing. */
static void s_location(gw_gateway_t *self, const char *template, proto_bytes_t document)
{
    size_t before = self->extra.size;
    proto_buf_string(&self->extra, "Location: ");
    for (const char *at = template; *at;) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            proto_buf_byte(&self->extra, (uint8_t)*at++);
            continue;
        }
        proto_bytes_t name = {(const uint8_t *)at + 1, (size_t)(end - at - 1)};
        if (s_location_value(document, name, &self->extra) < 0) {
            self->extra.size = before;
            return;
        }
        at = end + 1;
    }
    proto_buf_string(&self->extra, "\r\n");
}

void gw_answer_final(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document)
{
    const proto_operation_t *operation = request->route->operation;
    gw_answer_begin(self, request);
    if (operation->location)
        s_location(self, operation->location, document);
    if (operation->status == 204) {
        gw_answer(self, request, 204, NULL, (proto_bytes_t){0}, false);
        return;
    }
    proto_buf_reset(&self->json);
    if (proto_json_from_value(document, &self->json) < 0)
        gw_answer_error(self, request, PROTO_ERROR_internal,
                        proto_bytes_of("the answer cannot be shown as JSON"));
    else
        gw_answer(self, request, operation->status, "application/json", proto_buf_bytes(&self->json), false);
}
