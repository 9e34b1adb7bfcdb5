/* SPDX-License-Identifier: MPL-2.0 */
/* The access log: one line per request, gathered and written once per turn of the loop.
 * Thread: the gateway thread that owns it. */
#ifndef GW_LOG_H
#define GW_LOG_H

#include "proto_buf.h"

typedef struct gw_log {
    bool on;
    proto_buf_t lines;  /* not written yet */
    proto_buf_t masked; /* of the line under way: its request line, when there may be a secret in it */
    proto_buf_t time;   /* of this turn, as text; empty until a line needs it */
} gw_log_t;

typedef struct gw_log_entry {
    const char *address;  /* of the peer */
    proto_bytes_t line;   /* "METHOD target" as it came; escaped here */
    int status;           /* 499: the client left before it was answered */
    size_t bytes;         /* of the body */
    int64_t microseconds; /* from the request's last byte to its answer */
    proto_bytes_t trace;  /* as records carry it */
} gw_log_entry_t;

void gw_log_init(gw_log_t *self, bool on);
void gw_log_free(gw_log_t *self);
void gw_log_add(gw_log_t *self, const gw_log_entry_t *entry);
/* Writes what has gathered. Call at the end of each turn. */
void gw_log_flush(gw_log_t *self);

#endif
