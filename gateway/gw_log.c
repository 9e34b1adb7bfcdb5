/* SPDX-License-Identifier: MPL-2.0 */
/* The access log. Thread: the gateway thread that owns it. */
#include "gw_log.h"

#include "proto_log.h"
#include "proto_mask.h"

enum { S_WRITE_AT = 60000, S_LONGEST_TARGET = 512 };

void gw_log_init(gw_log_t *self, bool on)
{
    *self = (gw_log_t){.on = on};
}

void gw_log_free(gw_log_t *self)
{
    gw_log_flush(self);
    proto_buf_free(&self->lines);
    proto_buf_free(&self->time);
    proto_buf_free(&self->masked);
}

void gw_log_add(gw_log_t *self, const gw_log_entry_t *entry)
{
    if (!self->on || !proto_log_enabled(PROTO_LOG_INFO))
        return;
    if (self->time.size == 0)
        proto_log_time(&self->time);
    bool json = proto_log_json();
    proto_buf_t *out = &self->lines;
    proto_bytes_t line = entry->line;
    if (line.size > S_LONGEST_TARGET)
        line.size = S_LONGEST_TARGET;
    if (proto_mask_wanted(line)) {
        proto_buf_reset(&self->masked);
        proto_mask(line, &self->masked);
        line = proto_buf_bytes(&self->masked);
    }
    if (json)
        proto_buf_string(out, "{\"time\":\"");
    proto_buf_append(out, self->time.data, self->time.size);
    proto_buf_string(out,
                     json ? "\",\"level\":\"info\",\"part\":\"access\",\"address\":\"" : " info access: ");
    proto_buf_string(out, entry->address);
    proto_buf_string(out, json ? "\",\"request\":\"" : " \"");
    proto_log_escape(out, line);
    proto_buf_printf(out,
                     json ? "\",\"status\":%d,\"bytes\":%zu,\"ms\":%lld.%03d,\"request_id\":\""
                          : "\" %d %zu %lld.%03dms ",
                     entry->status, entry->bytes, (long long)(entry->microseconds / 1000),
                     (int)(entry->microseconds % 1000));
    proto_trace_t trace;
    proto_trace_read(entry->trace, &trace);
    proto_log_escape(out, trace.request_id);
    if (json) {
        proto_buf_byte(out, '"');
        proto_log_trace(out, &trace);
    }
    proto_buf_string(out, json ? "}\n" : "\n");
    if (out->size > S_WRITE_AT)
        gw_log_flush(self);
}

void gw_log_flush(gw_log_t *self)
{
    proto_buf_reset(&self->time);
    if (self->lines.size == 0)
        return;
    self->lines.size--; /* proto_log_line ends the last line itself */
    proto_log_line(&self->lines);
    proto_buf_reset(&self->lines);
}
