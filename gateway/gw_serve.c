/* SPDX-License-Identifier: MPL-2.0 */
/* From a request's head to its answer. Thread: the gateway's.
 * In: FINAL, ERROR, PUBLISH, DISCONNECT. Out: REQUEST (gw_send), CANCEL. */
#include "gw_feed.h"
#include "gw_internal.h"

#include <stdlib.h>

#include "gw_key.h"
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
    request->key_at = (uint32_t)request->kept.size;
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

/* To its endpoint, or first to the database when its token is in doubt. */
static proto_error_t s_send(gw_gateway_t *self, gw_request_t *request)
{
    return request->doubted ? gw_feed_question(self, request) : gw_send(self, request);
}

static gw_input_t s_input(const gw_http_request_t *http, const gw_match_t *match)
{
    return (gw_input_t){
        .path_values = match->values,
        .query = http->query,
        .content_type = gw_http_header(http, "content-type"),
        .content_encoding = gw_http_header(http, "content-encoding"),
        .length = http->length,
        .body = http->body,
        .headers = http->headers,
        .header_count = http->header_count,
    };
}

/* Makes the request's arguments. On an error the binder's detail tells. */
static proto_error_t s_bind(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                            const gw_match_t *match)
{
    gw_input_t input = s_input(http, match);
    input.form = request->upload;
    proto_error_t error = input.form ? gw_upload_end(self, request) : PROTO_ERROR_none;
    if (!error)
        error = gw_bind(&self->binder, match->route, &input);
    if (error)
        return error;
    if (input.form)
        gw_upload_finish(request);
    else
        proto_buf_append(&request->arguments, self->binder.arguments.data, self->binder.arguments.size);
    return PROTO_ERROR_none;
}

/* Why nothing more is taken: none if it is. At the end the first request of a connection still is: its client
 * could not know. */
static proto_error_t s_closed(const gw_gateway_t *self, const gw_request_t *request,
                              const gw_http_request_t *http)
{
    return self->draining && http->sequence > 0 ? PROTO_ERROR_shutting_down
           : request->id == 0                   ? PROTO_ERROR_overloaded
                                                : PROTO_ERROR_none;
}

static void s_serve_operation(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                              const gw_match_t *match)
{
    proto_error_t error = gw_key_take(match->route->operation, http->headers, http->header_count,
                                      &request->kept, &self->binder.detail);
    if (!error)
        error = s_bind(self, request, http, match);
    if (error) {
        gw_answer_error(self, request, error, proto_buf_bytes(&self->binder.detail));
        return;
    }
    s_deadline(self, request, http, match->route->operation->timeout_ms);
    error = s_closed(self, request, http);
    if (!error)
        error = s_send(self, request);
    if (error)
        gw_answer_error(self, request, error,
                        error == PROTO_ERROR_not_ready ? proto_bytes_of("no broker answers")
                                                       : (proto_bytes_t){0});
}

static void s_serve_builtin(gw_gateway_t *self, gw_request_t *request)
{
    gw_builtin_t builtin = request->builtin = request->route->builtin;
    if (builtin >= GW_BUILTIN_OPENAPI) {
        gw_docs_serve(self, request);
        return;
    }
    request->deadline_ms = gw_now(self) + GW_HEALTH_MS;
    gw_health_serve(self, request);
}

/* A builtin whose token is in doubt. */
static void s_serve_doubted(gw_gateway_t *self, gw_request_t *request)
{
    request->deadline_ms = gw_now(self) + GW_HEALTH_MS;
    proto_error_t error = request->id ? gw_feed_question(self, request) : PROTO_ERROR_overloaded;
    if (error)
        gw_answer_error(self, request, error, (proto_bytes_t){0});
}

/* Judges a request by its head: whether there is something at its path for it, and for whom. False when that
 * has answered it. */
static bool s_admit(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                    gw_match_t *match)
{
    if (proto_bytes_is(http->path, "*")) { /* OPTIONS *: the server as a whole */
        gw_answer_begin(self, request);
        gw_answer(self, request, 204, NULL, (proto_bytes_t){0}, false);
        return false;
    }
    switch (gw_router_match(request->generation->router, http->method, http->path, match)) {
    case GW_MATCH_FOUND:
        request->route = match->route;
        return gw_admit(self, request, http);
    case GW_MATCH_NOT_FOUND:
        s_not_found(self, request);
        break;
    case GW_MATCH_METHOD:
    case GW_MATCH_OPTIONS:
        s_allow(self, request, http, match);
        break;
    case GW_MATCH_SLASH:
        s_redirect(self, request, http);
        break;
    }
    return false;
}

/* NULL when its head has answered it. */
static gw_request_t *s_begin(gw_gateway_t *self, gw_conn_t *conn, const gw_http_request_t *http,
                             gw_match_t *match)
{
    gw_request_t *request = s_open(self, conn, http->sequence);
    gw_trace_begin(self, request, http);
    s_line(request, http);
    s_keep(request, http);
    request->generation = gw_generation_hold(self->generation);
    return s_admit(self, request, http, match) ? request : NULL;
}

/* How the body is to be read, or why not at all. */
static proto_error_t s_expect_body(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http,
                                   const gw_match_t *match)
{
    bool pieces = false;
    gw_input_t input = s_input(http, match);
    proto_buf_reset(&self->binder.detail);
    request->body_most = self->config->max_body;
    proto_error_t error = s_closed(self, request, http);
    if (!error && match->route->operation)
        error = gw_bind_media(&self->binder, match->route->operation, &input, &pieces);
    if (!error && pieces)
        error = gw_upload_begin(self, request, input.content_type, input.length);
    return error;
}

gw_request_t *gw_serve_head(gw_gateway_t *self, gw_conn_t *conn, const gw_http_request_t *http)
{
    gw_match_t match;
    gw_request_t *request = s_begin(self, conn, http, &match);
    proto_error_t error = request ? s_expect_body(self, request, http, &match) : PROTO_ERROR_none;
    if (!error)
        return request;
    gw_answer_error(self, request, error, proto_buf_bytes(&self->binder.detail));
    return NULL;
}

void gw_serve(gw_gateway_t *self, gw_conn_t *conn, gw_request_t *arriving, const gw_http_request_t *http)
{
    gw_match_t match;
    gw_request_t *request = arriving;
    if (!arriving)
        request = s_begin(self, conn, http, &match);
    else /* what was found lay in the head, which has moved since */
        (void)gw_router_match(request->generation->router, http->method, http->path, &match);
    if (!request)
        return;
    if (request->route->operation)
        s_serve_operation(self, request, http, &match);
    else if (request->doubted)
        s_serve_doubted(self, request);
    else
        s_serve_builtin(self, request);
}

void gw_serve_bad(gw_gateway_t *self, gw_conn_t *conn, gw_request_t *arriving, uint32_t sequence,
                  proto_error_t error, const char *detail)
{
    gw_request_t *request = arriving;
    if (!arriving) {
        request = s_open(self, conn, sequence);
        gw_trace_begin(self, request, NULL);
        proto_buf_string(&request->line, "(refused)");
    }
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

/* The database has said what it knows of the token: the request goes on, if it may. */
static void s_answered(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document)
{
    if (!gw_feed_answered(self, request, document))
        return;
    if (!request->route->operation) {
        s_serve_builtin(self, request);
        return;
    }
    proto_error_t error = gw_send(self, request);
    if (error)
        gw_answer_error(self, request, error, (proto_bytes_t){0});
}

/* The end of a request that somebody else refused, or nobody answered. */
static void s_refuse(gw_gateway_t *self, gw_request_t *request, const gw_problem_t *problem)
{
    if (request->doubted) { /* it has not even begun */
        gw_answer_error(self, request, PROTO_ERROR_not_ready,
                        proto_bytes_of("nobody can tell now whether this token was revoked"));
        return;
    }
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
    if (request->perhaps && problem.status == 503) /* the first attempt may have done it */
        problem = gw_problem_of(PROTO_ERROR_outcome_unknown, (proto_bytes_t){0});
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
        gw_problem_t problem = gw_problem_of(unsent && !request->perhaps ? PROTO_ERROR_not_ready
                                             : gw_send_reads(request)    ? PROTO_ERROR_worker_lost
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
        if (record->operation)
            s_learn(self, record);
        else
            gw_feed_message(self, record);
        break;
    case PROTO_DISCONNECT:
        gw_brokers_forgotten(self, broker);
        break;
    case PROTO_FINAL:
    case PROTO_ERROR:
        if (record->id == 0 && record->number == PROTO_ERROR_shutting_down)
            gw_brokers_leaves(self, broker);
        if (gw_feed_snapshot(self, record))
            break;
        request = proto_slab_find(&self->requests, record->id);
        if (!request || !request->waiting || request->broker != broker)
            break; /* answered already, its client has left, or another broker has it now */
        if (record->type == PROTO_ERROR)
            s_error(self, request, record);
        else if (request->doubted)
            s_answered(self, request, record->body);
        else if (request->builtin)
            gw_health_finish(self, request, record->body, NULL);
        else
            gw_answer_final(self, request, record);
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
