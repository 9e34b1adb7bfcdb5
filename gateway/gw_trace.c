/* SPDX-License-Identifier: MPL-2.0 */
/* Request ids and trace contexts (W3C Trace Context level 1). Every request has both: the client's, where it
 * sent good ones, else new ones, which are then the same number. The traceparent that goes on names this
 * gateway's own span. Thread: the gateway's. */
#include "gw_internal.h"

/* A client's own id is kept when it can stand in a header and a log line as it is. */
static bool s_good(proto_bytes_t id)
{
    if (id.size == 0 || id.size > GW_TRACE)
        return false;
    for (size_t i = 0; i < id.size; i++) {
        uint8_t c = id.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* Random for this thread, then a count: unique, and never zeros only. */
proto_bytes_t gw_trace_new(gw_gateway_t *self, char trace[GW_TRACE])
{
    proto_trace_hex(self->trace_seed, trace);
    proto_trace_hex(++self->trace_count, trace + PROTO_SPAN_ID);
    return (proto_bytes_t){(const uint8_t *)trace, PROTO_TRACE_ID};
}

/* What goes on to brokers and workers: "REQUEST-ID 00-TRACE-SPAN-FLAGS". */
static void s_compose(gw_request_t *request, proto_bytes_t trace_id, uint64_t span, bool sampled)
{
    char *at = mempcpy(request->trace + request->trace_size, " 00-", 4);
    at = mempcpy(at, trace_id.data, PROTO_TRACE_ID);
    *at++ = '-';
    proto_trace_hex(span ? span : 1, at);
    at = mempcpy(at + PROTO_SPAN_ID, sampled ? "-01" : "-00", 3);
    request->carried_size = (uint8_t)(at - request->trace);
}

void gw_trace_begin(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    proto_bytes_t id = {0}, context = {0};
    uint32_t contexts = 0;
    for (uint32_t i = 0; http && i < http->header_count; i++) {
        const gw_http_header_t *header = &http->headers[i];
        if (!id.size && proto_bytes_is(header->name, "x-request-id")) {
            id = header->value;
        } else if (proto_bytes_is(header->name, "traceparent")) {
            context = header->value;
            contexts++;
        }
    }
    char made[GW_TRACE];
    proto_bytes_t fresh = gw_trace_new(self, made);
    uint64_t span = (self->trace_count * UINT64_C(0x9e3779b97f4a7c15)) ^ self->trace_seed;
    proto_trace_t parent;
    if (!s_good(id))
        id = fresh;
    memcpy(request->trace, id.data, id.size);
    request->trace_size = (uint8_t)id.size;
    request->traced = contexts == 1 && proto_traceparent_read(context, &parent) == 0; /* two contradict */
    if (request->traced)
        s_compose(request, parent.trace_id, span, parent.sampled);
    else
        s_compose(request, fresh, span, false);
}
