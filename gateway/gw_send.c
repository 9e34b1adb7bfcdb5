/* SPDX-License-Identifier: MPL-2.0 */
/* Handing requests to a broker, and to another when the first could not do it. Thread: the gateway's.
 * Out: REQUEST. */
#include "gw_internal.h"

/* To the best broker that was not tried; if there is none, once more to the one that had it, where that is
 * wished. */
static gw_broker_t *s_choose(gw_gateway_t *self, const gw_request_t *request, bool same)
{
    gw_broker_t *broker = gw_brokers_choose(self, request->tried);
    return broker || !same ? broker : gw_brokers_choose(self, 0);
}

/* A large upload is not kept for a second try, so that there is but one of it. */
static bool s_give_away(const gw_request_t *request)
{
    return request->upload_bytes && request->arguments.size > PROTO_BATCH_BYTES;
}

static proto_error_t s_put(gw_gateway_t *self, gw_request_t *request, gw_broker_t *broker,
                           proto_record_t record)
{
    int64_t left = request->deadline_ms - gw_now(self);
    if (left <= 0)
        return PROTO_ERROR_expired;
    record.type = PROTO_REQUEST;
    record.id = request->id;
    record.deadline = (uint32_t)left;
    record.trace = (proto_bytes_t){(const uint8_t *)request->trace, request->carried_size};
    record.subject = request->identity.subject;
    record.role = request->identity.role;
    record.claims = request->identity.claims;
    bool own = record.body.data == request->arguments.data; /* not a question about its token */
    if (own && s_give_away(request) ? proto_wire_put_large(broker->wire, &record, &request->arguments) < 0
                                    : proto_wire_put(broker->wire, &record) < 0)
        return PROTO_ERROR_too_large;
    if (request->broker)
        request->broker->waiting--;
    broker->waiting++;
    request->broker = broker;
    request->place = proto_wire_put_count(broker->wire);
    request->tried |= gw_brokers_bit(self, broker);
    if (!request->waiting) {
        request->waiting = true;
        proto_wheel_add(&self->wheel, &request->timer, request->deadline_ms + GW_GRACE_MS);
    }
    return PROTO_ERROR_none;
}

static proto_error_t s_put_operation(gw_gateway_t *self, gw_request_t *request, gw_broker_t *broker,
                                     uint64_t hash)
{
    const proto_operation_t *operation = request->route->operation;
    return s_put(self, request, broker,
                 (proto_record_t){
                     .operation = hash,
                     .service = proto_bytes_of(operation->service),
                     .name = proto_bytes_of(operation->name),
                     .flags = operation->flags & PROTO_OP_READS ? PROTO_FLAG_READ : 0,
                     .key = gw_request_key(request),
                     .body = proto_buf_bytes(&request->arguments),
                 });
}

proto_error_t gw_send(gw_gateway_t *self, gw_request_t *request)
{
    gw_broker_t *broker = s_choose(self, request, false);
    if (!broker)
        return PROTO_ERROR_not_ready;
    request->resent = s_give_away(request);
    return s_put_operation(self, request, broker, request->route->operation->hash);
}

proto_error_t gw_send_named(gw_gateway_t *self, gw_request_t *request, const char *service, const char *name,
                            proto_bytes_t arguments)
{
    gw_broker_t *broker = s_choose(self, request, false);
    if (!broker)
        return PROTO_ERROR_not_ready;
    return s_put(self, request, broker,
                 (proto_record_t){
                     .service = proto_bytes_of(service),
                     .name = proto_bytes_of(name),
                     .flags = PROTO_FLAG_READ,
                     .body = arguments,
                 });
}

proto_error_t gw_send_name(gw_gateway_t *self, gw_request_t *request, const char *service, const char *name)
{
    static const uint8_t empty_map = 0x80;
    return gw_send_named(self, request, service, name, (proto_bytes_t){&empty_map, 1});
}

bool gw_send_reads(const gw_request_t *request)
{
    return request->doubted || request->builtin || (request->route->operation->flags & PROTO_OP_READS);
}

/* Whether doing it again does nothing new: it reads, or its workers keep what they did under its key. */
static bool s_repeats(const gw_request_t *request)
{
    return gw_send_reads(request) || (gw_request_key(request).size && request->route->operation &&
                                      proto_service_keeps_keys(request->route->operation->service));
}

/* Once more, at most once in a request's life. */
static bool s_again(gw_gateway_t *self, gw_request_t *request, bool same, bool by_name)
{
    if (request->doubted || request->resent || !request->route || !request->route->operation)
        return false;
    gw_broker_t *broker = s_choose(self, request, same);
    uint64_t hash = by_name ? 0 : request->route->operation->hash;
    if (!broker || s_put_operation(self, request, broker, hash) != PROTO_ERROR_none)
        return false;
    request->resent = true;
    self->figures.stats.resent++;
    return true;
}

bool gw_send_after_error(gw_gateway_t *self, gw_request_t *request, proto_error_t error)
{
    switch (error) {
    case PROTO_ERROR_outcome_unknown:
        request->perhaps = true;
        /* fall through */
    case PROTO_ERROR_worker_lost:
        return s_repeats(request) && s_again(self, request, true, false);
    case PROTO_ERROR_no_worker: /* a newer version may have taken this one's place: the name still finds it */
        return s_again(self, request, true, true);
    case PROTO_ERROR_overloaded:
    case PROTO_ERROR_shutting_down:
        return s_again(self, request, false, false);
    default:
        return false;
    }
}

bool gw_send_after_loss(gw_gateway_t *self, gw_request_t *request, bool unsent)
{
    request->perhaps = request->perhaps || (!unsent && !gw_send_reads(request));
    return (unsent || s_repeats(request)) && s_again(self, request, true, false);
}
