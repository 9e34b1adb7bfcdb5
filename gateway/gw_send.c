/* SPDX-License-Identifier: MPL-2.0 */
/* Handing requests to the broker. Thread: the gateway's. Out: REQUEST. */
#include "gw_internal.h"

/* In --dev everybody is this user; otherwise an identity comes from a verified token only. */
static void s_identity(const gw_gateway_t *self, proto_record_t *record)
{
    if (!self->config->dev)
        return;
    record->subject = proto_bytes_of("dev");
    record->role = proto_bytes_of("admin");
}

static int s_put(gw_gateway_t *self, gw_request_t *request, proto_record_t record)
{
    int64_t left = request->deadline_ms - gw_now(self);
    if (left <= 0)
        return -1;
    record.type = PROTO_REQUEST;
    record.id = request->id;
    record.deadline = (uint32_t)left;
    record.trace = (proto_bytes_t){(const uint8_t *)request->trace, request->trace_size};
    s_identity(self, &record);
    if (proto_wire_put(self->wire, &record) < 0)
        return -1;
    if (!request->waiting) {
        request->waiting = true;
        proto_wheel_add(&self->wheel, &request->timer, request->deadline_ms + GW_GRACE_MS);
    }
    return 0;
}

int gw_send(gw_gateway_t *self, gw_request_t *request, const proto_operation_t *operation,
            proto_bytes_t arguments)
{
    request->operation = operation->hash;
    bool reads = operation->flags & PROTO_OP_READS;
    if (reads && !request->resent) {
        proto_buf_reset(&request->arguments);
        proto_buf_append(&request->arguments, arguments.data, arguments.size);
    }
    return s_put(self, request,
                 (proto_record_t){
                     .operation = operation->hash,
                     .service = proto_bytes_of(operation->service),
                     .name = proto_bytes_of(operation->name),
                     .flags = reads ? PROTO_FLAG_READ : 0,
                     .body = arguments,
                 });
}

int gw_send_name(gw_gateway_t *self, gw_request_t *request, const char *service, const char *name)
{
    static const uint8_t empty_map = 0x80;
    return s_put(self, request,
                 (proto_record_t){
                     .service = proto_bytes_of(service),
                     .name = proto_bytes_of(name),
                     .flags = PROTO_FLAG_READ,
                     .body = {&empty_map, 1},
                 });
}

int gw_send_again(gw_gateway_t *self, gw_request_t *request)
{
    request->resent = true;
    return gw_send(self, request, request->route->operation, proto_buf_bytes(&request->arguments));
}
