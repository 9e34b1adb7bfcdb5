/* SPDX-License-Identifier: MPL-2.0 */
/* Whose work a request belongs to: the field `trace` of a record is a request id, or a blank and a
 * traceparent (W3C Trace Context level 1) behind it, or that alone. A core: no I/O. Thread: any. */
#ifndef PROTO_TRACE_H
#define PROTO_TRACE_H

#include "proto_buf.h"

enum {
    PROTO_TRACEPARENT = 55, /* bytes of one of version 00 */
    PROTO_TRACE_ID = 32,
    PROTO_SPAN_ID = 16
};

/* Borrows from the text that was read. */
typedef struct proto_trace {
    proto_bytes_t request_id; /* of a traceparent alone: its trace id */
    proto_bytes_t parent;     /* the traceparent; it and what follows are empty when there is none */
    proto_bytes_t trace_id, span_id;
    bool sampled; /* whoever began it records it */
} proto_trace_t;

/* Reads a traceparent header (section 3.2 of the specification); `request_id` stays empty. Of versions after
 * 00 what 00 has is taken, and `parent` is that much. -1 when it is none: another length, capitals, ids of
 * zeros only, version ff. */
PROTO_MUST_CHECK int proto_traceparent_read(proto_bytes_t text, proto_trace_t *trace);
/* Takes the field of a record apart; whatever it is has some reading. */
void proto_trace_read(proto_bytes_t field, proto_trace_t *trace);

/* Writes the 16 lower-case digits of a number. */
void proto_trace_hex(uint64_t number, char out[PROTO_SPAN_ID]);

#endif
