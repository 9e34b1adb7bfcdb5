/* SPDX-License-Identifier: MPL-2.0 */
/* From a complete request to its answer. Thread: the gateway's.
 * In: FINAL, ERROR, PUBLISH, DISCONNECT. Out: REQUEST (gw_send), CANCEL. */
#include "gw_internal.h"

#include <stdlib.h>

#include "proto_clock.h"
#include "proto_log.h"

/* Takes a slot for a request of this connection. */
static gw_request_t *s_open(gw_gateway_t *self, gw_conn_t *conn, uint32_t sequence)
{
    uint64_t id = 0;
    gw_request_t *request = proto_slab_take(&self->requests, &id);
    if (!request)
        request = &self->spare;
    proto_buf_t line = request->line, arguments = request->arguments, kept = request->kept;
    proto_buf_reset(&line);
    proto_buf_reset(&arguments);
    proto_buf_reset(&kept);
    *request = (gw_request_t){
        .id = id,
        .conn = conn,
        .next_of_conn = *gw_conn_requests(conn),
        .sequence = sequence,
        .started_us = proto_clock_us(),
        .line = line,
        .arguments = arguments,
        .kept = kept,
    };
    *gw_conn_requests(conn) = request;
    strcpy(request->address, gw_conn_address(conn));
    return request;
}

static void s_line(gw_request_t *request, const gw_http_request_t *http)
{
    proto_buf_append(&request->line, http->method.data, http->method.size);
    proto_buf_byte(&request->line, ' ');
    proto_buf_append(&request->line, http->path.data, http->path.size);
    if (http->query.size) {
        proto_buf_byte(&request->line, '?');
        proto_buf_append(&request->line, http->query.data, http->query.size);
    }
}

/* Keeps what the answer depends on: the header fields are gone by then. If-None-Match is a list, so several
 * fields are one (RFC 9110 section 5.3). */
static void s_keep(gw_request_t *request, const gw_http_request_t *http)
{
    request->fetch = proto_bytes_is(http->method, "GET") || proto_bytes_is(http->method, "HEAD");
    proto_bytes_t origin = {0};
    for (uint32_t i = 0; i < http->header_count; i++) {
        const gw_http_header_t *header = &http->headers[i];
        if (request->fetch && proto_bytes_is(header->name, "if-none-match")) {
            if (request->kept.size)
                proto_buf_byte(&request->kept, ',');
            proto_buf_append(&request->kept, header->value.data, header->value.size);
        } else if (!origin.size && proto_bytes_is(header->name, "origin")) {
            origin = header->value;
        }
    }
    request->origin_at = (uint32_t)request->kept.size;
    proto_buf_append(&request->kept, origin.data, origin.size);
}

/* The deadline: the operation's, or sooner when the client says so (X-Request-Timeout: SECONDS). */
static void s_deadline(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                       uint32_t timeout_ms)
{
    proto_bytes_t wish = gw_http_header(http, "x-request-timeout");
    if (wish.size && wish.size < 16) {
        char text[16];
        memcpy(text, wish.data, wish.size);
        text[wish.size] = '\0';
        char *end;
        double seconds = strtod(text, &end);
        if (*end == '\0' && seconds > 0 && seconds * 1000 < timeout_ms)
            timeout_ms = seconds < 0.001 ? 1 : (uint32_t)(seconds * 1000);
    }
    request->deadline_ms = gw_now(self) + timeout_ms;
}

/* A browser asks whether a page of another origin may send its request. */
static void s_preflight(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                        const gw_match_t *match)
{
    proto_bytes_t method = gw_http_header(http, "access-control-request-method");
    proto_bytes_t origin = gw_http_header(http, "origin");
    if (!method.size || !origin.size)
        return;
    gw_match_t there;
    (void)gw_router_match(request->generation->router, method, http->path, &there);
    gw_cors_preflight(&self->cors, origin, match->allow,
                      gw_http_header(http, "access-control-request-headers"),
                      there.route ? there.route->operation : NULL, &self->extra);
    request->preflight = true;
}

static void s_allow(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                    const gw_match_t *match)
{
    bool refused = !proto_bytes_is(http->method, "OPTIONS");
    gw_answer_begin(self, request);
    proto_buf_printf(&self->extra, "Allow: %s\r\n", match->allow);
    if (!refused) {
        s_preflight(self, request, http, match);
        gw_answer(self, request, 204, NULL, (proto_bytes_t){0}, false);
        return;
    }
    char sentence[GW_METHODS_TEXT + 64];
    snprintf(sentence, sizeof sentence, "this path takes %s", match->allow);
    gw_problem_t problem = gw_problem_of(PROTO_ERROR_method_not_allowed, proto_bytes_of(sentence));
    gw_answer_problem(self, request, &problem, false);
}

/* RFC 9110 section 15.4.8: the same method goes to the path without its trailing slash. */
static void s_redirect(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    gw_answer_begin(self, request);
    proto_buf_string(&self->extra, "Location: ");
    proto_buf_append(&self->extra, http->path.data, http->path.size - 1);
    if (http->query.size) {
        proto_buf_byte(&self->extra, '?');
        proto_buf_append(&self->extra, http->query.data, http->query.size);
    }
    proto_buf_string(&self->extra, "\r\n");
    gw_answer(self, request, 307, NULL, (proto_bytes_t){0}, false);
}

static void s_not_found(gw_gateway_t *self, gw_request_t *request)
{
    if (self->generation->count == 0)
        gw_answer_error(self, request, PROTO_ERROR_not_ready,
                        proto_bytes_of("no worker has told its endpoints yet"));
    else
        gw_answer_error(self, request, PROTO_ERROR_not_found,
                        proto_bytes_of("there is nothing at this path"));
}

static void s_serve_operation(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                              const gw_match_t *match)
{
    const proto_operation_t *operation = match->route->operation;
    gw_input_t input = {
        .path_values = match->values,
        .query = http->query,
        .content_type = gw_http_header(http, "content-type"),
        .content_encoding = gw_http_header(http, "content-encoding"),
        .body = http->body,
        .headers = http->headers,
        .header_count = http->header_count,
    };
    proto_error_t error = gw_bind(&self->binder, match->route, &input);
    if (error) {
        gw_answer_error(self, request, error, proto_buf_bytes(&self->binder.detail));
        return;
    }
    s_deadline(self, request, http, operation->timeout_ms);
    if (self->draining)
        gw_answer_error(self, request, PROTO_ERROR_shutting_down, (proto_bytes_t){0});
    else if (request->id == 0)
        gw_answer_error(self, request, PROTO_ERROR_overloaded, (proto_bytes_t){0});
    else if ((error = gw_send(self, request, proto_buf_bytes(&self->binder.arguments))))
        gw_answer_error(self, request, error,
                        error == PROTO_ERROR_not_ready ? proto_bytes_of("no broker answers")
                                                       : (proto_bytes_t){0});
}

static void s_serve_builtin(gw_gateway_t *self, gw_request_t *request, gw_builtin_t builtin)
{
    request->builtin = builtin;
    if (builtin >= GW_BUILTIN_OPENAPI) {
        gw_docs_serve(self, request);
        return;
    }
    request->deadline_ms = gw_now(self) + GW_HEALTH_MS;
    gw_health_serve(self, request);
}

static void s_serve_route(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                          const gw_match_t *match)
{
    request->route = match->route;
    if (!gw_admit(self, request, http))
        return;
    if (match->route->operation)
        s_serve_operation(self, request, http, match);
    else
        s_serve_builtin(self, request, match->route->builtin);
}

void gw_serve(gw_gateway_t *self, gw_conn_t *conn, const gw_http_request_t *http)
{
    gw_request_t *request = s_open(self, conn, http->sequence);
    gw_trace_begin(self, request, http);
    s_line(request, http);
    s_keep(request, http);
    request->generation = gw_generation_hold(self->generation);
    gw_match_t match;
    if (proto_bytes_is(http->path, "*")) { /* OPTIONS *: the server as a whole */
        gw_answer_begin(self, request);
        gw_answer(self, request, 204, NULL, (proto_bytes_t){0}, false);
        return;
    }
    switch (gw_router_match(self->generation->router, http->method, http->path, &match)) {
    case GW_MATCH_FOUND:
        s_serve_route(self, request, http, &match);
        break;
    case GW_MATCH_NOT_FOUND:
        s_not_found(self, request);
        break;
    case GW_MATCH_METHOD:
    case GW_MATCH_OPTIONS:
        s_allow(self, request, http, &match);
        break;
    case GW_MATCH_SLASH:
        s_redirect(self, request, http);
        break;
    }
}

void gw_serve_bad(gw_gateway_t *self, gw_conn_t *conn, uint32_t sequence, proto_error_t error,
                  const char *detail)
{
    gw_request_t *request = s_open(self, conn, sequence);
    gw_trace_begin(self, request, NULL);
    proto_buf_string(&request->line, "(refused)");
    gw_problem_t problem = gw_problem_of(error, proto_bytes_of(detail));
    gw_answer_begin(self, request);
    gw_answer_problem(self, request, &problem, true);
}

void gw_serve_gone(gw_gateway_t *self, gw_request_t *request)
{
    while (request) {
        gw_request_t *next = request->next_of_conn;
        proto_record_t cancel = {.type = PROTO_CANCEL, .id = request->id};
        if (request->waiting && proto_wire_put(request->broker->wire, &cancel) < 0)
            proto_log(PROTO_LOG_ERROR, "gateway", "a CANCEL could not be encoded");
        request->conn = NULL;
        gw_answer(self, request, 499, NULL, (proto_bytes_t){0}, false);
        request = next;
    }
}

/* The end of a request that somebody else refused, or nobody answered. */
static void s_refuse(gw_gateway_t *self, gw_request_t *request, const gw_problem_t *problem)
{
    if (request->builtin) {
        gw_health_finish(self, request, (proto_bytes_t){0}, problem);
        return;
    }
    gw_answer_begin(self, request);
    gw_answer_problem(self, request, problem, false);
}

static void s_error(gw_gateway_t *self, gw_request_t *request, const proto_record_t *record)
{
    if (gw_send_after_error(self, request, record->number))
        return;
    gw_problem_t problem = gw_problem_from_record(record->number, record->body);
    s_refuse(self, request, &problem);
}

void gw_serve_lost(gw_gateway_t *self, const gw_broker_t *broker, uint64_t sent, bool dropped)
{
    uint32_t at = 0;
    for (gw_request_t *request; (request = proto_slab_next(&self->requests, &at));) {
        bool unsent = request->place > sent;
        if (!request->waiting || request->broker != broker || (unsent && !dropped) ||
            gw_send_after_loss(self, request, unsent))
            continue;
        gw_problem_t problem = gw_problem_of(unsent                   ? PROTO_ERROR_not_ready
                                             : gw_send_reads(request) ? PROTO_ERROR_worker_lost
                                                                      : PROTO_ERROR_outcome_unknown,
                                             proto_bytes_of("the broker was lost"));
        s_refuse(self, request, &problem);
    }
}

static void s_learn(gw_gateway_t *self, const proto_record_t *record)
{
    proto_buf_t why = PROTO_BUF_INIT;
    gw_generation_t *next = gw_generation_learn(self->generation, record->service, record->body, &why);
    if (next) {
        gw_generation_drop(&self->generation);
        self->generation = next;
        gw_figures_learn(&self->figures, next->router);
        atomic_store(self->config->ready, true);
    } else if (why.size) {
        proto_log(PROTO_LOG_WARN, "gateway", "a catalogue was refused: %s", proto_buf_text(&why));
    }
    proto_buf_free(&why);
}

void gw_serve_record(gw_gateway_t *self, gw_broker_t *broker, const proto_record_t *record)
{
    gw_request_t *request;
    switch (record->type) {
    case PROTO_PUBLISH:
        s_learn(self, record);
        break;
    case PROTO_DISCONNECT:
        gw_brokers_forgotten(self, broker);
        break;
    case PROTO_FINAL:
    case PROTO_ERROR:
        if (record->id == 0 && record->number == PROTO_ERROR_shutting_down)
            gw_brokers_leaves(self, broker);
        request = proto_slab_find(&self->requests, record->id);
        if (!request || !request->waiting || request->broker != broker)
            break; /* answered already, its client has left, or another broker has it now */
        if (record->type == PROTO_ERROR)
            s_error(self, request, record);
        else if (request->builtin)
            gw_health_finish(self, request, record->body, NULL);
        else
            gw_answer_final(self, request, record->body, record->key);
        break;
    default:
        break;
    }
}

void gw_serve_expired(gw_gateway_t *self, gw_request_t *request)
{
    request->waiting = false; /* its timer has left the wheel */
    gw_problem_t problem = gw_problem_of(
        gw_send_reads(request) ? PROTO_ERROR_timeout : PROTO_ERROR_outcome_unknown, (proto_bytes_t){0});
    s_refuse(self, request, &problem);
}
