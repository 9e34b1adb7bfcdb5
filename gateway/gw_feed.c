/* SPDX-License-Identifier: MPL-2.0 */
/* Revoked tokens at the gateway. Thread: the gateway's. */
#include "gw_feed.h"

#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_IDS = 1 << 23, /* ids of snapshots lie below those of a slab (PROTO_SLAB_MOST) */
    S_SNAPSHOT_MS = 4000
};

static const char s_service[] = "muster.revoked", s_question[] = "auth_revoked";

_Static_assert((int)GW_REVOKED_KEY == (int)GW_TOKEN_KEY, "one key");

static int64_t s_wall_ms(void)
{
    return proto_clock_wall_us() / 1000;
}

static bool s_refuse(gw_gateway_t *self, gw_request_t *request)
{
    request->refused_token = true;
    gw_answer_error(self, request, PROTO_ERROR_unauthenticated, proto_bytes_of("this token was revoked"));
    return false;
}

bool gw_feed_can_tell(gw_gateway_t *self)
{
    static const uint8_t any[GW_REVOKED_KEY];
    return !self->tokens.keys || gw_revoked_check(self->revoked, any, gw_now(self)) != GW_REVOKED_UNKNOWN ||
           gw_generation_find(self->generation, s_question);
}

bool gw_feed_admit(gw_gateway_t *self, gw_request_t *request)
{
    switch (gw_revoked_check(self->revoked, request->token->key, gw_now(self))) {
    case GW_REVOKED_NO:
        return true;
    case GW_REVOKED_UNKNOWN:
        request->doubted = true;
        return true;
    case GW_REVOKED_YES:
        break;
    }
    return s_refuse(self, request);
}

proto_error_t gw_feed_question(gw_gateway_t *self, gw_request_t *request)
{
    proto_buf_t *body = &self->json;
    proto_buf_reset(body);
    proto_write_map(body, 1);
    proto_write_text(body, "key");
    proto_write_bin(body, (proto_bytes_t){request->token->key, sizeof request->token->key});
    return gw_send_named(self, request, "db", s_question, proto_buf_bytes(body));
}

bool gw_feed_answered(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document)
{
    proto_bytes_t revoked;
    request->doubted = false;
    if (proto_value_check(document) == 0 && proto_value_get(document, "revoked", &revoked) == 0 &&
        !proto_value_get_bool(document, "revoked", true)) {
        request->tried = 0; /* that was another question */
        return true;
    }
    return s_refuse(self, request);
}

void gw_feed_message(gw_gateway_t *self, const proto_record_t *record)
{
    if (!proto_bytes_is(record->service, s_service) ||
        gw_revoked_message(self->revoked, gw_now(self), s_wall_ms(), record->body) < 0)
        proto_log(PROTO_LOG_DEBUG, "gateway", "a message that is none was published");
}

bool gw_feed_snapshot(gw_gateway_t *self, const proto_record_t *record)
{
    if (record->id == 0 || record->id > S_IDS)
        return false;
    if (record->id != self->snapshot_id)
        return true; /* late: it was given up */
    self->snapshot_id = 0;
    if (record->type == PROTO_ERROR)
        gw_revoked_failed(self->revoked, gw_now(self));
    else if (gw_revoked_snapshot(self->revoked, gw_now(self), s_wall_ms(), record->body) < 0)
        proto_log(PROTO_LOG_WARN, "gateway", "a snapshot of revoked tokens was malformed");
    return true;
}

void gw_feed_turn(gw_gateway_t *self)
{
    gw_broker_t *broker;
    if (!gw_revoked_wants(self->revoked, gw_now(self)) || !(broker = gw_brokers_choose(self, 0)))
        return;
    self->snapshot_id = self->snapshot_count++ % S_IDS + 1;
    proto_buf_reset(&self->json);
    gw_revoked_ask(self->revoked, gw_now(self), &self->json);
    if (proto_wire_put(broker->wire, &(proto_record_t){.type = PROTO_REQUEST,
                                                       .id = self->snapshot_id,
                                                       .deadline = S_SNAPSHOT_MS,
                                                       .flags = PROTO_FLAG_READ,
                                                       .service = proto_bytes_of(s_service),
                                                       .name = proto_bytes_of("snapshot"),
                                                       .body = proto_buf_bytes(&self->json)}) < 0)
        gw_revoked_failed(self->revoked, gw_now(self));
}
