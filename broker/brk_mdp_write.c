/* SPDX-License-Identifier: MPL-2.0 */
/* What Majordomo peers are told: the core's records as frames. Thread: the broker's. */
#include <endian.h>

#include "brk_frame.h"
#include "brk_mdp.h"
#include "brk_mdp_internal.h"
#include "proto_rpc.h"
#include "proto_trace.h"

enum { S_KEEP = 1 << 20 /* bytes a buffer may keep */ };

static const proto_bytes_t s_empty = {0};

static proto_bytes_t s_byte(const uint8_t *byte)
{
    return (proto_bytes_t){byte, 1};
}

void brk_mdp_finish(brk_mdp_t *self, brk_mdp_call_t *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        call->peer->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    proto_slab_release(&self->calls, call->id);
}

/* The frames up to the command byte of what is said to a worker. */
static void s_worker_head(const brk_mdp_peer_t *peer, brk_mdp_command_t command, bool more)
{
    static const uint8_t bytes[2][7] = {{0, 1, 2, 0, 3, 4, 5}, {0, 1, 2, 3, 4, 5, 6}};
    if (peer->version == 1)
        brk_frame_put(peer->out, s_empty, true);
    brk_frame_put(peer->out, proto_bytes_of(peer->version == 1 ? "MDPW01" : "MDPW02"), true);
    brk_frame_put(peer->out, s_byte(&bytes[peer->version - 1][command]), more);
}

void brk_mdp_write_disconnect(brk_mdp_peer_t *peer)
{
    s_worker_head(peer, BRK_MDP_DISCONNECT, false);
}

void brk_mdp_write_head(const brk_mdp_call_t *call, bool last, proto_buf_t *out)
{
    static const uint8_t partial = 2, final = 3;
    if (call->version == 2) {
        brk_frame_put(out, proto_bytes_of("MDPC02"), true);
        brk_frame_put(out, s_byte(last ? &final : &partial), true);
    }
    proto_buf_append(out, call->head.data, call->head.size);
}

/* A buffer to make an RPC body in. */
static proto_buf_t *s_made(brk_mdp_t *self)
{
    if (self->made.capacity > S_KEEP)
        proto_buf_free(&self->made);
    proto_buf_reset(&self->made);
    return &self->made;
}

/* A Majordomo client's frames go on as they are. But what it writes of its identity no worker may hear: such
 * a context is written anew, with the identity that the core has stamped. */
static void s_raw_request(brk_mdp_t *self, const brk_mdp_peer_t *peer, const proto_record_t *record)
{
    proto_rpc_request_t rpc = {0};
    proto_bytes_t body;
    if (brk_frame_only(record->body, &body) < 0 || proto_rpc_read_request(body, &rpc) < 0 ||
        !rpc.names_identity) {
        proto_buf_append(peer->out, record->body.data, record->body.size);
        return;
    }
    proto_buf_t *made = s_made(self);
    rpc.deadline_ms = record->deadline;
    rpc.native_values = true; /* arguments stay as they are */
    rpc.subject = record->subject;
    rpc.role = record->role;
    proto_rpc_write_request(made, &rpc);
    brk_frame_put(peer->out, proto_buf_bytes(made), false);
}

static void s_request(brk_mdp_t *self, const brk_mdp_peer_t *peer, const proto_record_t *record)
{
    uint8_t address[BRK_MDP_ADDRESS];
    uint64_t token = htobe64(record->id);
    uint32_t epoch = htobe32(record->epoch);
    memcpy(address, &token, sizeof token);
    memcpy(address + sizeof token, &epoch, sizeof epoch);
    s_worker_head(peer, BRK_MDP_REQUEST, true);
    brk_frame_put(peer->out, (proto_bytes_t){address, sizeof address}, true);
    brk_frame_put(peer->out, s_empty, true);
    if (record->flags & BRK_RAW) {
        s_raw_request(self, peer, record);
        return;
    }
    proto_buf_t *made = s_made(self);
    proto_trace_t trace;
    proto_trace_read(record->trace, &trace);
    proto_rpc_write_request(made,
                            &(proto_rpc_request_t){.msgid = brk_mdp_msgid(record->id),
                                                   .operation = record->name,
                                                   .arguments = record->body,
                                                   .deadline_ms = record->deadline,
                                                   .key = record->key,
                                                   .trace = trace.parent.size ? trace.parent : record->trace,
                                                   .native_values = peer->native_values,
                                                   .subject = record->subject,
                                                   .role = record->role});
    brk_frame_put(peer->out, proto_buf_bytes(made), false);
}

/* The RPC response that a record of the core makes. What a native worker answered is checked here: until now
 * nobody has looked into it. */
static void s_response(const brk_mdp_call_t *call, const proto_record_t *record, proto_buf_t *made)
{
    proto_buf_t substitute = PROTO_BUF_INIT;
    proto_bytes_t body = record->body;
    proto_error_t error = record->type == PROTO_ERROR ? (proto_error_t)record->number : PROTO_ERROR_none;
    bool sound = body.size == 0 || proto_value_check(body) == 0;
    if (!sound && !error)
        error = PROTO_ERROR_bad_worker_reply;
    if (error && (!sound || body.size == 0)) {
        proto_error_body(&substitute, error, NULL);
        body = proto_buf_bytes(&substitute);
    }
    proto_rpc_write_response(made, call->has_msgid, call->msgid, error ? body : s_empty,
                             error ? s_empty : body, call->native_values);
    proto_buf_free(&substitute);
}

static void s_answer(brk_mdp_t *self, brk_mdp_peer_t *peer, const proto_record_t *record)
{
    brk_mdp_call_t *call = proto_slab_find(&self->calls, record->id);
    bool last = record->type != PROTO_PARTIAL;
    PROTO_ASSERT(call != NULL && call->peer == peer);
    if (!last && call->version == 1) /* 0.1 has no place for it */
        return;
    brk_mdp_write_head(call, last, peer->out);
    if (record->flags & BRK_RAW) {
        proto_buf_append(peer->out, record->body.data, record->body.size);
    } else {
        proto_buf_t *made = s_made(self);
        s_response(call, record, made);
        brk_frame_put(peer->out, proto_buf_bytes(made), false);
    }
    if (last)
        brk_mdp_finish(self, call);
}

void brk_mdp_write(brk_mdp_t *self, brk_mdp_peer_t *peer, const proto_record_t *record)
{
    size_t size = peer->out->size;
    switch (record->type) {
    case PROTO_REQUEST:
        s_request(self, peer, record);
        break;
    case PROTO_PARTIAL:
    case PROTO_FINAL:
    case PROTO_ERROR:
        s_answer(self, peer, record);
        break;
    case PROTO_HEARTBEAT:
        if (peer->version)
            s_worker_head(peer, BRK_MDP_HEARTBEAT, false);
        break;
    case PROTO_DISCONNECT:
        if (peer->version)
            brk_mdp_write_disconnect(peer);
        break;
    default: /* CANCEL and the rest have no counterpart */
        break;
    }
    if (peer->out->failed) { /* memory ran out: half a message would garble those before it */
        peer->out->failed = false;
        peer->out->size = size;
    }
}
