/* SPDX-License-Identifier: MPL-2.0 */
/* MessagePack-RPC (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md): the bodies that Majordomo
 * peers send and get. docs/protocol.md says what stands in them; in short:
 *   request   [0, msgid, operation, [arguments, context]]
 *   response  [1, msgid, error, result]
 * Notifications ([2, ...]) are refused: whoever asks is answered. A core: no I/O. Thread: any. */
#ifndef PROTO_RPC_H
#define PROTO_RPC_H

#include "proto_error.h"
#include "proto_record.h"
#include "proto_value.h"

/* A request; every pointer borrows from the body read, or from the caller. */
typedef struct proto_rpc_request {
    bool has_msgid; /* set also when the rest is malformed, so that the refusal can be told apart */
    uint32_t msgid;
    proto_bytes_t operation;
    proto_bytes_t arguments; /* a map; empty: none */
    /* the context map */
    uint32_t deadline_ms;        /* 0: not said */
    proto_bytes_t key, trace;    /* idempotency_key, traceparent */
    bool native_values;          /* values: "native" */
    proto_bytes_t subject, role; /* written for workers ... */
    bool names_identity;         /* ... and read: there is such a key, which is not believed */
} proto_rpc_request_t;

typedef struct proto_rpc_response {
    uint32_t msgid;
    proto_bytes_t error;  /* a value; empty: none */
    proto_bytes_t result; /* a value */
} proto_rpc_response_t;

/* Reads a request. -1 when the body is none: not exactly one well-formed value (proto_value_check), another
 * shape, a msgid beyond 32 bits, an operation that is no name of 1 to 255 plain bytes (proto_record_plain),
 * or a context whose known keys have values of the wrong kind. */
PROTO_MUST_CHECK int proto_rpc_read_request(proto_bytes_t body, proto_rpc_request_t *request);
/* Reads a response; -1 when the body is none. */
PROTO_MUST_CHECK int proto_rpc_read_response(proto_bytes_t body, proto_rpc_response_t *response);
/* Appends a request whose arguments are well-formed. Values are rewritten unless `native_values`. */
void proto_rpc_write_request(proto_buf_t *out, const proto_rpc_request_t *request);
/* Appends a response: `error` and `result` are well-formed values, or empty for nil. Without has_msgid the
 * msgid is nil: the answer to a body that was no request. */
void proto_rpc_write_response(proto_buf_t *out, bool has_msgid, uint32_t msgid, proto_bytes_t error,
                              proto_bytes_t result, bool native_values);
/* Appends a well-formed value with its timestamps as RFC 3339 texts and its decimals as their digits, for
 * readers that know no extensions. */
void proto_rpc_write_plain(proto_buf_t *out, proto_bytes_t value);

/* Turns the error of a response into the body of an ERROR record, appended to `out`, and its number. A code
 * of the table keeps its status; another plain one becomes `declared` with a status of 400 to 599; an error
 * that has no such code is `bad_worker_reply`. */
proto_error_t proto_rpc_error(proto_bytes_t error, proto_buf_t *out);

#endif
