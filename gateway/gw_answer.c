/* SPDX-License-Identifier: MPL-2.0 */
/* Writing answers: status, header lines, body, access-log line. Thread: the gateway's. */
#include "gw_internal.h"

#include "gw_etag.h"
#include "gw_link.h"
#include "proto_clock.h"
#include "proto_json.h"

enum { S_KEEP = 65536 /* bytes of arguments that a slot may keep for the next request */ };

static proto_bytes_t s_trace(const gw_request_t *request)
{
    return (proto_bytes_t){(const uint8_t *)request->trace, request->trace_size};
}

void gw_answer_begin(gw_gateway_t *self, const gw_request_t *request)
{
    proto_buf_reset(&self->extra);
    proto_buf_string(&self->extra, "X-Request-ID: ");
    proto_buf_append(&self->extra, request->trace, request->trace_size);
    if (request->traced) { /* the span that answered */
        proto_buf_string(&self->extra, "\r\ntraceresponse: ");
        proto_buf_append(&self->extra, request->trace + request->trace_size + 1, PROTO_TRACEPARENT);
    }
    proto_buf_string(&self->extra, "\r\n");
}

static void s_log(gw_gateway_t *self, const gw_request_t *request, int status, size_t bytes)
{
    int64_t took = proto_clock_us() - request->started_us;
    gw_figures_answer(&self->figures, request->route, status, took);
    gw_log_add(&self->log, &(gw_log_entry_t){
                               .address = request->address,
                               .line = proto_buf_bytes(&request->line),
                               .status = status,
                               .bytes = bytes,
                               .microseconds = took,
                               .trace = {(const uint8_t *)request->trace, request->carried_size},
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
    if (request->broker)
        request->broker->waiting--;
    if (request->arguments.capacity > S_KEEP)
        proto_buf_free(&request->arguments);
    gw_upload_forget(self, request);
    gw_generation_drop(&request->generation);
    gw_token_drop(&request->token);
    if (request->id)
        proto_slab_release(&self->requests, request->id);
}

static proto_bytes_t s_if_none_match(const gw_request_t *request)
{
    return (proto_bytes_t){request->kept.data, request->origin_at};
}

static proto_bytes_t s_origin(const gw_request_t *request)
{
    size_t at = request->origin_at;
    return request->key_at > at ? (proto_bytes_t){request->kept.data + at, request->key_at - at}
                                : (proto_bytes_t){0};
}

/* An answer to GET or HEAD may be kept and must be asked for again; all others are for once. RFC 9110 section
 * 15.4.5: a 304 has the ETag, Cache-Control and Vary that the 200 would have had. */
static void s_cache(gw_gateway_t *self, const gw_request_t *request, gw_http_response_t *response)
{
    static const char fresh[] = "\r\nCache-Control: no-cache\r\n";
    if (!request->fetch || response->status != 200) {
        proto_buf_string(&self->extra, "Cache-Control: no-store\r\n");
        return;
    }
    char tag[GW_ETAG_SIZE];
    gw_etag_write(request->tag ? request->tag : gw_etag_hash(response->body), tag);
    proto_buf_append(&self->extra, "ETag: ", 6);
    proto_buf_append(&self->extra, tag, sizeof tag);
    proto_buf_append(&self->extra, fresh, sizeof fresh - 1);
    if (gw_etag_matches(s_if_none_match(request), tag)) {
        response->status = 304;
        response->content_type = NULL;
        response->body = (proto_bytes_t){0};
    }
}

/* What every answer says, whoever wrote it. */
static void s_manners(gw_gateway_t *self, const gw_request_t *request, gw_http_response_t *response)
{
    static const char closed[] = GW_HEADERS_CLOSED, page[] = GW_HEADERS_PAGE;
    if (request->builtin == GW_BUILTIN_DOCS)
        proto_buf_append(&self->extra, page, sizeof page - 1);
    else
        proto_buf_append(&self->extra, closed, sizeof closed - 1);
    if (!request->preflight)
        gw_cors_answer(&self->cors, s_origin(request), &self->extra);
    if (request->rate.limit)
        gw_limit_headers(self->config->limit, &request->rate, &self->extra);
    s_cache(self, request, response);
    response->extra = proto_buf_bytes(&self->extra);
}

void gw_answer(gw_gateway_t *self, gw_request_t *request, int status, const char *content_type,
               proto_bytes_t body, bool close)
{
    gw_http_response_t response = {
        .status = status,
        .content_type = content_type,
        .body = body,
        .close = close || self->leaving,
    };
    if (request->conn) {
        s_manners(self, request, &response);
        gw_conn_respond(request->conn, request->sequence, &response);
    }
    s_log(self, request, request->conn ? response.status : 499, response.body.size);
    s_release(self, request);
}

void gw_answer_problem(gw_gateway_t *self, gw_request_t *request, const gw_problem_t *problem, bool close)
{
    if (problem->status == 503 || proto_bytes_is(problem->code, proto_error_code(PROTO_ERROR_key_busy)))
        proto_buf_string(&self->extra, "Retry-After: 1\r\n");
    if (problem->status == 401)
        proto_buf_string(&self->extra, request->refused_token
                                           ? "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"
                                           : "WWW-Authenticate: Bearer\r\n");
    gw_figures_problem(&self->figures, problem->error);
    gw_problem_t told = *problem;
    told.operation = request->route ? request->route->operation : NULL;
    proto_buf_reset(&self->json);
    gw_problem_write(&told, s_trace(request), &self->json);
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

/* The request's own target, as the client wrote it. */
static proto_bytes_t s_target(const gw_request_t *request)
{
    const uint8_t *blank = memchr(request->line.data, ' ', request->line.size);
    size_t used = (size_t)(blank + 1 - request->line.data);
    return (proto_bytes_t){blank + 1, request->line.size - used};
}

void gw_answer_final(gw_gateway_t *self, gw_request_t *request, const proto_record_t *record)
{
    proto_bytes_t document = record->body, cursor = record->key;
    const proto_operation_t *operation = request->route->operation;
    gw_answer_begin(self, request);
    if (operation->location)
        s_location(self, operation->location, document);
    if (record->number == PROTO_REPLAYED) {
        self->figures.stats.replayed++;
        proto_buf_string(&self->extra, "Idempotency-Replayed: true\r\n");
    }
    if (cursor.size)
        gw_link_next(s_target(request), cursor, &self->extra);
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
