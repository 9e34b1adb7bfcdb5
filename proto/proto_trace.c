/* SPDX-License-Identifier: MPL-2.0 */
/* Trace contexts. Thread: any. */
#include "proto_trace.h"

/* VERSION "-" TRACE-ID "-" PARENT-ID "-" FLAGS: where each begins. */
enum { S_TRACE = 3, S_SPAN = 36, S_FLAGS = 53 };

static bool s_hex(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
    return true;
}

static bool s_zeros(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != '0')
            return false;
    return true;
}

int proto_traceparent_read(proto_bytes_t text, proto_trace_t *trace)
{
    const uint8_t *at = text.data;
    *trace = (proto_trace_t){0};
    if (text.size < PROTO_TRACEPARENT || at[S_TRACE - 1] != '-' || at[S_SPAN - 1] != '-' ||
        at[S_FLAGS - 1] != '-' || !s_hex(at, 2) || !s_hex(at + S_TRACE, PROTO_TRACE_ID) ||
        !s_hex(at + S_SPAN, PROTO_SPAN_ID) || !s_hex(at + S_FLAGS, 2))
        return -1;
    bool first = at[0] == '0' && at[1] == '0', none = at[0] == 'f' && at[1] == 'f';
    bool longer = text.size > PROTO_TRACEPARENT;
    if (none || (longer && (first || at[PROTO_TRACEPARENT] != '-')) ||
        s_zeros(at + S_TRACE, PROTO_TRACE_ID) || s_zeros(at + S_SPAN, PROTO_SPAN_ID))
        return -1;
    uint8_t low = at[S_FLAGS + 1]; /* of the flags the lowest bit has a meaning */
    *trace = (proto_trace_t){
        .parent = {at, PROTO_TRACEPARENT},
        .trace_id = {at + S_TRACE, PROTO_TRACE_ID},
        .span_id = {at + S_SPAN, PROTO_SPAN_ID},
        .sampled = (low <= '9' ? low - '0' : low - 'a' + 10) & 1,
    };
    return 0;
}

void proto_trace_read(proto_bytes_t field, proto_trace_t *trace)
{
    size_t before = field.size > PROTO_TRACEPARENT ? field.size - PROTO_TRACEPARENT : 0;
    proto_bytes_t last = {field.data + before, field.size - before};
    if ((before && field.data[before - 1] != ' ') || proto_traceparent_read(last, trace) < 0) {
        *trace = (proto_trace_t){.request_id = field};
        return;
    }
    trace->request_id = before > 1 ? (proto_bytes_t){field.data, before - 1} : trace->trace_id;
}

void proto_trace_hex(uint64_t number, char out[PROTO_SPAN_ID])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = PROTO_SPAN_ID; i-- > 0; number >>= 4)
        out[i] = hex[number & 15];
}
