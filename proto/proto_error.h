/* SPDX-License-Identifier: MPL-2.0 */
/* The one table of errors that a peer can see: a short code, an HTTP status and a title. HTTP shows them as
 * problem+json (RFC 9457), ZeroMQ peers as {code, status, title, detail}. Endpoint files add codes of their
 * own (`@error`), which travel in the body of an ERROR record. Thread: any. */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto_buf.h"

/* X(name, HTTP status, title): the order is the wire number, so new ones go to the end. */
#define PROTO_ERRORS(X)                                                                                      \
    X(none, 200, "OK")                                                                                       \
    X(malformed, 400, "Malformed request")                                                                   \
    X(unauthenticated, 401, "Authentication required")                                                       \
    X(forbidden, 403, "Forbidden")                                                                           \
    X(not_found, 404, "Not found")                                                                           \
    X(method_not_allowed, 405, "Method not allowed")                                                         \
    X(request_timeout, 408, "Request took too long to arrive")                                               \
    X(conflict, 409, "Conflict")                                                                             \
    X(too_large, 413, "Content too large")                                                                   \
    X(uri_too_long, 414, "URI too long")                                                                     \
    X(unsupported_media_type, 415, "Unsupported media type")                                                 \
    X(expectation_failed, 417, "Expectation failed")                                                         \
    X(invalid, 422, "Invalid input")                                                                         \
    X(rate_limited, 429, "Too many requests")                                                                \
    X(headers_too_large, 431, "Header fields too large")                                                     \
    X(internal, 500, "Internal server error")                                                                \
    X(not_implemented, 501, "Not implemented")                                                               \
    X(version_not_supported, 505, "HTTP version not supported")                                              \
    X(no_worker, 503, "No worker available")                                                                 \
    X(overloaded, 503, "Overloaded")                                                                         \
    X(expired, 503, "Not started before its deadline")                                                       \
    X(worker_lost, 503, "Worker lost")                                                                       \
    X(database_unavailable, 503, "Database unavailable")                                                     \
    X(not_ready, 503, "Not ready")                                                                           \
    X(shutting_down, 503, "Shutting down")                                                                   \
    X(timeout, 504, "No answer in time")                                                                     \
    X(outcome_unknown, 504, "Outcome unknown")                                                               \
    X(result_too_large, 500, "Result too large")                                                             \
    X(declared, 400, "Refused")                                                                              \
    X(bad_worker_reply, 502, "The worker answered wrongly")                                                  \
    X(key_reused, 422, "Idempotency key used for another request")                                           \
    X(key_busy, 409, "Request with this idempotency key under way")

typedef enum {
#define X(name, status, title) PROTO_ERROR_##name,
    PROTO_ERRORS(X)
#undef X
        PROTO_ERROR_COUNT
} proto_error_t;

/* Its code as text ("no_worker"), HTTP status (100..599) and title. A number outside the table, as a newer
 * peer might send, reads as `internal`. */
const char *proto_error_code(proto_error_t error);
int proto_error_status(proto_error_t error);
const char *proto_error_title(proto_error_t error);
/* The error of that code, PROTO_ERROR_COUNT when there is none. */
proto_error_t proto_error_find(const char *code);
/* True for the 503s: certainly not executed, so a client may try again (Retry-After goes with it). */
bool proto_error_retryable(proto_error_t error);
/* The reason phrase of a status (RFC 9110 section 15), "Unknown" for one without. */
const char *proto_error_reason(int status);
/* Appends the body of an ERROR record: a MessagePack map {code, status, title, detail}; `detail` is a
 * sentence or NULL. */
void proto_error_body(proto_buf_t *out, proto_error_t error, const char *detail);

#endif
