/* SPDX-License-Identifier: MPL-2.0 */
/* Judging argument values against a parameter: its type, bounds, list and nullness. The gateway calls it
 * before a request leaves (422), the actor calls it again before PostgreSQL sees it, so ZeroMQ is no way
 * around it. A core: no I/O. Thread: any. */
#ifndef PROTO_PARAM_H
#define PROTO_PARAM_H

#include "proto_catalogue.h"

/* 0 when `value` (one checked MessagePack value, see proto_value_check) suits the parameter; -1 with a
 * sentence about it appended to `detail` ("limit must be at most 500"). Rules: nil suits whatever is not
 * required; integers stay in the type's range; numeric and float also take integers; text has no NUL; JSON
 * has no NUL in any string; uuid, date, time and timestamp texts must have that form (timestamptz: RFC 3339,
 * or the timestamp extension); bytea takes bin, or base64 text; an enum or listed text must be one of its
 * values; array items are judged one by one. */
PROTO_MUST_CHECK int proto_param_check(const proto_param_t *param, proto_bytes_t value, proto_buf_t *detail);
/* Appends a number of bytes as people read it: "10 MB", "64 kB", "1500 bytes" (1 MB is 1024 * 1024). */
void proto_param_size(double bytes, proto_buf_t *out);
/* Turns text from a path or query (already percent-decoded) into the MessagePack value the type asks for, one
 * item for an array, and appends it to `out`. Booleans: true false 1 0 on off yes no, any case. Does not
 * check bounds: call proto_param_check on the whole value. -1 with a sentence when the text has not the
 * type's form. */
PROTO_MUST_CHECK int proto_param_from_text(const proto_param_t *param, proto_bytes_t text, proto_buf_t *out,
                                           proto_buf_t *detail);
/* Checks all arguments of an operation: `arguments` is a map (checked MessagePack); unknown names are
 * ignored, absent required ones refused. On success values[i] holds the bytes for params[i]: the argument,
 * else its default, else empty bytes for NULL. `values` has room for param_count entries. Server-filled
 * parameters are left empty. */
PROTO_MUST_CHECK int proto_param_bind(const proto_operation_t *operation, proto_bytes_t arguments,
                                      proto_bytes_t *values, proto_buf_t *detail);
/* The same; given[i] tells whether params[i] stood in the map, even as nil. */
PROTO_MUST_CHECK int proto_param_bind_given(const proto_operation_t *operation, proto_bytes_t arguments,
                                            proto_bytes_t *values, bool *given, proto_buf_t *detail);

#endif
