/* SPDX-License-Identifier: MPL-2.0 */
/* What Majordomo peers say, told to the broker's core. Thread: the broker's. */
#include "brk_mdp.h"

#include <endian.h>
#include <stdlib.h>

#include "brk_frame.h"
#include "brk_mdp_internal.h"
#include "proto_catalogue.h"
#include "proto_rpc.h"

enum { S_KEEP = 1 << 20 /* bytes a buffer may keep */ };

brk_mdp_t *brk_mdp_new(brk_core_t *core, uint32_t requests, uint64_t seed, int64_t now)
{
    brk_mdp_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->core = core;
    self->seed = seed;
    self->started = now;
    /* One more: the core counts its requests itself, and answers one too many at once. */
    proto_slab_init(&self->calls, sizeof(brk_mdp_call_t), requests + 1);
    return self;
}

static void s_finish_call(void *item)
{
    proto_buf_free(&((brk_mdp_call_t *)item)->head);
}

void brk_mdp_free(brk_mdp_t **self_pointer)
{
    brk_mdp_t *self = *self_pointer;
    if (!self)
        return;
    proto_slab_free(&self->calls, s_finish_call);
    proto_buf_free(&self->packed);
    proto_buf_free(&self->answer);
    proto_buf_free(&self->made);
    free(self);
    *self_pointer = NULL;
}

void brk_mdp_forget(brk_mdp_t *self, brk_mdp_peer_t *peer)
{
    while (peer->calls)
        brk_mdp_finish(self, peer->calls);
    peer->version = 0;
}

uint32_t brk_mdp_msgid(uint64_t token)
{
    return (uint32_t)(token ^ token >> 32);
}

static brk_mdp_call_t *s_call(brk_mdp_t *self, brk_mdp_peer_t *peer, const brk_mdp_message_t *message)
{
    uint64_t id;
    brk_mdp_call_t *call = proto_slab_take(&self->calls, &id);
    PROTO_ASSERT(call != NULL);
    proto_buf_t head = call->head;
    proto_buf_reset(&head);
    *call = (brk_mdp_call_t){
        .id = id, .peer = peer, .version = message->version, .next = peer->calls, .head = head};
    if (peer->calls)
        peer->calls->prev = call;
    peer->calls = call;
    for (uint32_t i = 0; i < message->envelope_count; i++)
        brk_frame_put(&call->head, message->envelope[i], true);
    if (message->version == 1)
        brk_frame_put(&call->head, proto_bytes_of("MDPC01"), true);
    brk_frame_put(&call->head, message->service, true);
    return call;
}

static proto_bytes_t s_pack(brk_mdp_t *self, const brk_mdp_message_t *message)
{
    if (self->packed.capacity > S_KEEP)
        proto_buf_free(&self->packed);
    proto_buf_reset(&self->packed);
    brk_frame_put_all(&self->packed, message->body, message->body_count);
    return proto_buf_bytes(&self->packed);
}

/* The broker's own services take RPC only, and there arguments are native. */
static void s_ask_own(brk_mdp_t *self, int64_t now, uint64_t id, proto_record_t *record,
                      const proto_rpc_request_t *rpc, proto_bytes_t service)
{
    static const char prefix[] = "\x81\xa7service";
    record->service = proto_bytes_of("muster");
    record->flags = 0;
    record->body = rpc->arguments;
    proto_buf_reset(&self->packed);
    if (!proto_bytes_is(service, "muster")) { /* describe yourself: {"service": its name} */
        proto_buf_append(&self->packed, prefix, sizeof prefix - 1);
        proto_write_str(&self->packed, service);
        record->body = proto_buf_bytes(&self->packed);
    }
    brk_core_record(self->core, now, id, record);
}

/* What begins as an array of four (MessagePack), as an RPC does. A reader less strict than ours might find
 * one in it, and believe its context: so it is an RPC, or it is refused. */
static bool s_resembles_rpc(proto_bytes_t body)
{
    static const uint8_t array16[] = {0xdc, 0, 4}, array32[] = {0xdd, 0, 0, 0, 4};
    return (body.size >= 1 && body.data[0] == 0x94) ||
           (body.size >= sizeof array16 && memcmp(body.data, array16, sizeof array16) == 0) ||
           (body.size >= sizeof array32 && memcmp(body.data, array32, sizeof array32) == 0);
}

static void s_refuse(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                     const brk_mdp_call_t *call)
{
    proto_buf_reset(&self->answer);
    proto_error_body(&self->answer, PROTO_ERROR_malformed, NULL);
    brk_mdp_write(self, peer,
                  &(proto_record_t){.type = PROTO_ERROR,
                                    .number = PROTO_ERROR_malformed,
                                    .id = call->id,
                                    .body = proto_buf_bytes(&self->answer)});
    brk_core_malformed(self->core, now, id, 0);
}

static void s_take_request(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                           const brk_mdp_message_t *message)
{
    proto_rpc_request_t rpc = {0};
    bool plain = message->body_count == 1 && proto_rpc_read_request(message->body[0], &rpc) == 0;
    brk_mdp_call_t *call = s_call(self, peer, message);
    call->has_msgid = rpc.has_msgid;
    call->msgid = rpc.msgid;
    call->native_values = rpc.native_values;
    proto_record_t record = {
        .type = PROTO_REQUEST,
        .flags = BRK_RAW | BRK_OPAQUE,
        .id = call->id,
        .deadline = BRK_MDP_OPAQUE_MS,
        .service = message->service,
    };
    bool own = proto_bytes_is(message->service, "muster");
    if (!plain && (own || s_resembles_rpc(message->body[0]))) {
        s_refuse(self, now, id, peer, call);
        return;
    }
    if (plain) {
        record.flags = BRK_RAW;
        record.name = rpc.operation;
        record.deadline = rpc.deadline_ms ? rpc.deadline_ms : BRK_MDP_DEADLINE_MS;
        record.key = rpc.key;
        record.trace = rpc.trace;
    }
    if (own ||
        (proto_bytes_is(record.name, "describe") && brk_core_describes(self->core, message->service))) {
        s_ask_own(self, now, id, &record, &rpc, message->service);
        return;
    }
    record.body = s_pack(self, message);
    brk_core_record(self->core, now, id, &record);
}

static void s_take_mmi(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                       const brk_mdp_message_t *message)
{
    brk_mdp_call_t *call = s_call(self, peer, message);
    brk_mdp_write_head(call, true, peer->out);
    brk_core_mmi(self->core, now, self->started, id, message->service, message->body, message->body_count,
                 peer->out);
    brk_mdp_finish(self, call);
}

/* The map that may follow a READY's service; 0 as window, which the core refuses, when it is none. */
static void s_read_options(proto_bytes_t map, brk_mdp_peer_t *peer, proto_record_t *ready)
{
    proto_reader_t reader = proto_reader(map);
    proto_value_t head;
    proto_bytes_t catalogue, operations;
    ready->number = 0;
    if (proto_value_check(map) < 0 || proto_value_read(&reader, &head) < 0 || head.kind != PROTO_MAP)
        return;
    int64_t window = proto_value_get_int(map, "window", 1);
    if (window >= 1 && window <= UINT16_MAX)
        ready->number = (uint16_t)window;
    ready->body = map;
    peer->native_values = proto_bytes_is(proto_value_get_str(map, "values", ""), "native");
    if (proto_value_get(map, "catalogue", &catalogue) == 0 &&
        proto_value_get(catalogue, "operations", &operations) == 0)
        ready->operation = proto_hash(PROTO_HASH_SEED, operations.data, operations.size);
}

/* A worker that says what it should not has lost its place. */
static void s_dismiss(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer)
{
    brk_mdp_write_disconnect(peer);
    brk_core_malformed(self->core, now, id, 0);
    brk_core_record(self->core, now, id, &(proto_record_t){.type = PROTO_DISCONNECT});
}

static void s_take_ready(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                         const brk_mdp_message_t *message)
{
    self->seed = proto_hash(self->seed, &id, sizeof id);
    proto_record_t ready = {
        .type = PROTO_READY, .number = 1, .epoch = (uint32_t)(self->seed >> 32), .service = message->service};
    peer->native_values = false;
    if (message->body_count)
        s_read_options(message->body[0], peer, &ready);
    brk_core_record(self->core, now, id, &ready);
}

/* Reads the RPC response to a request that the broker made. FINAL and PARTIAL become what it says. */
static int s_read_response(brk_mdp_t *self, const brk_mdp_message_t *message, proto_record_t *record)
{
    proto_rpc_response_t response;
    if (message->body_count != 1 || proto_rpc_read_response(message->body[0], &response) < 0 ||
        response.msgid != brk_mdp_msgid(record->id))
        return -1;
    record->body = response.result;
    if (response.error.size == 0)
        return 0;
    if (record->type == PROTO_PARTIAL) /* an error is the end, and said as such */
        return -1;
    record->type = PROTO_ERROR;
    record->number = (uint16_t)proto_rpc_error(response.error, &self->answer);
    record->body = proto_buf_bytes(&self->answer);
    return 0;
}

/* Whether a body passed on is an RPC response with an error: for the statistics only. */
static bool s_is_error(const brk_mdp_message_t *message)
{
    proto_rpc_response_t response;
    return message->body_count == 1 && proto_rpc_read_response(message->body[0], &response) == 0 &&
           response.error.size > 0;
}

static void s_take_reply(brk_mdp_t *self, int64_t now, uint64_t id, const brk_mdp_message_t *message)
{
    proto_record_t record = {.type = message->command == BRK_MDP_PARTIAL ? PROTO_PARTIAL : PROTO_FINAL};
    if (message->address.size == BRK_MDP_ADDRESS) {
        memcpy(&record.id, message->address.data, sizeof record.id);
        memcpy(&record.epoch, message->address.data + sizeof record.id, sizeof record.epoch);
        record.id = be64toh(record.id);
        record.epoch = be32toh(record.epoch);
    }
    int handed = brk_core_handed(self->core, id, record.id, record.epoch);
    proto_buf_reset(&self->answer);
    if (handed > 0) {
        record.flags = BRK_RAW;
        record.body = s_pack(self, message);
        if (record.type == PROTO_FINAL && s_is_error(message))
            record.type = PROTO_ERROR;
    } else if (handed == 0 && s_read_response(self, message, &record) < 0) {
        if (record.type == PROTO_PARTIAL) {
            brk_core_malformed(self->core, now, id, 0);
            return;
        }
        record.type = PROTO_ERROR;
        record.number = PROTO_ERROR_bad_worker_reply;
        proto_error_body(&self->answer, PROTO_ERROR_bad_worker_reply, NULL);
        record.body = proto_buf_bytes(&self->answer);
    }
    brk_core_record(self->core, now, id, &record); /* which counts a late one */
}

static void s_take_worker(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                          const brk_mdp_message_t *message)
{
    bool registered = brk_core_is_worker(self->core, id);
    bool changed = registered && peer->version != message->version;
    if (!registered)
        peer->version = message->version;
    if (changed || message->command == BRK_MDP_REQUEST || (registered && message->command == BRK_MDP_READY)) {
        s_dismiss(self, now, id, peer);
        return;
    }
    switch (message->command) {
    case BRK_MDP_READY:
        s_take_ready(self, now, id, peer, message);
        break;
    case BRK_MDP_HEARTBEAT:
        brk_core_record(self->core, now, id, &(proto_record_t){.type = PROTO_HEARTBEAT});
        break;
    case BRK_MDP_DISCONNECT:
        brk_core_record(self->core, now, id, &(proto_record_t){.type = PROTO_DISCONNECT});
        break;
    default:
        s_take_reply(self, now, id, message);
        break;
    }
}

void brk_mdp_take(brk_mdp_t *self, int64_t now, uint64_t id, brk_mdp_peer_t *peer,
                  const brk_mdp_message_t *message)
{
    if (message->worker)
        s_take_worker(self, now, id, peer, message);
    else if (message->service.size >= 4 && memcmp(message->service.data, "mmi.", 4) == 0)
        s_take_mmi(self, now, id, peer, message);
    else
        s_take_request(self, now, id, peer, message);
}

void brk_mdp_native(proto_record_t *record)
{
    proto_rpc_request_t rpc = {0};
    proto_bytes_t body;
    /* Requests without RPC never go to native workers: see BRK_OPAQUE. */
    int rc = brk_frame_only(record->body, &body);
    PROTO_ASSERT(rc == 0);
    rc = proto_rpc_read_request(body, &rpc);
    PROTO_ASSERT(rc == 0);
    record->body = rpc.arguments;
    record->flags &= PROTO_FLAG_ALL;
}
