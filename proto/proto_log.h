/* SPDX-License-Identifier: MPL-2.0 */
/* One line per event on stderr, text or JSON, written with a single write(2) so lines never mix.
 * Callers never pass secrets; what looks like one is masked all the same (proto_mask.h), and bytes that came
 * from outside are escaped here.
 * Thread: any; the two settings are made once before other threads start. */
#ifndef PROTO_LOG_H
#define PROTO_LOG_H

#include <stdbool.h>

#include "proto_trace.h"

typedef enum {
    PROTO_LOG_DEBUG,
    PROTO_LOG_INFO,
    PROTO_LOG_WARN,
    PROTO_LOG_ERROR,
    PROTO_LOG_OFF
} proto_log_level_t;

/* Least level that is written (default INFO) and whether lines are JSON objects (default text). */
void proto_log_setup(proto_log_level_t least, bool json);
/* 0 and the level for "debug", "info", "warn", "error", "off"; -1 for anything else. */
PROTO_MUST_CHECK int proto_log_level_parse(const char *name, proto_log_level_t *level);
/* Writes "TIME LEVEL PART: message". `part` names the layer: broker, gateway, actors, server. */
void proto_log(proto_log_level_t level, const char *part, const char *format, ...) PROTO_PRINTF(3, 4);
/* The same about a request whose record has this `trace`: JSON has its ids as fields, text "(request ID)"
 * behind the message. */
void proto_log_about(proto_log_level_t level, const char *part, proto_bytes_t trace, const char *format, ...)
    PROTO_PRINTF(4, 5);
/* True when a line of that level would be written: guards costly arguments. */
bool proto_log_enabled(proto_log_level_t level);
/* Whether lines are JSON: for the access log, which has fields of its own. */
bool proto_log_json(void);
/* Appends the present time as RFC 3339 UTC with milliseconds. */
void proto_log_time(proto_buf_t *out);
/* Writes a finished line (a newline is added) to stderr in one piece. */
void proto_log_line(proto_buf_t *line);
/* Appends the members trace_id and span_id of a JSON object, each behind a comma; nothing when there are
 * none.
 */
void proto_log_trace(proto_buf_t *out, const proto_trace_t *trace);
/* Appends text so that it fits between the quotes of a JSON string; invalid UTF-8 and controls are escaped.
 */
void proto_log_escape(proto_buf_t *out, proto_bytes_t text);

#endif
