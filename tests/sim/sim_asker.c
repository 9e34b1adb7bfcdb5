/* SPDX-License-Identifier: MPL-2.0 */
/* Majordomo clients, 0.1 and 0.2, at one broker each. They number their requests by RPC msgid, and 0.1 by an
 * envelope as REQ sockets make, too; they ask once, and what a broker took with it is never heard of. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto_rpc.h"

enum { S_OPAQUE_MS = BRK_MDP_OPAQUE_MS };

static void s_say(sim_asker_t *self, const proto_bytes_t *frames, uint32_t count)
{
    proto_buf_t packed = PROTO_BUF_INIT;
    brk_frame_put_all(&packed, frames, count);
    if (!self->conn->cut)
        sim_queue_put(&self->conn->up, proto_buf_bytes(&packed));
    proto_buf_free(&packed);
}

static void s_ask(sim_asker_t *self)
{
    bool opaque = self->version == 1 && sim_chance(100);
    bool echo = opaque ? sim_chance(900) : sim_chance(300);
    sim_kind_t kind = opaque || echo ? SIM_WRITE : (sim_kind_t)sim_random(SIM_KINDS);
    uint32_t wait = opaque ? S_OPAQUE_MS : sim_chance(200) ? 1 + sim_random(80) : 300 + sim_random(3000);
    int n = sim_books_ask(self, false, kind, wait);
    if (n < 0)
        return;
    char text[16];
    proto_buf_t body = PROTO_BUF_INIT, arguments = PROTO_BUF_INIT;
    snprintf(text, sizeof text, "%d", n);
    sim_books_body(n, &arguments);
    if (opaque)
        proto_buf_string(&body, text);
    else
        proto_rpc_write_request(&body, &(proto_rpc_request_t){.msgid = (uint32_t)n,
                                                              .operation = proto_bytes_of(sim_names[kind]),
                                                              .arguments = proto_buf_bytes(&arguments),
                                                              .deadline_ms = wait});
    sim_counts.opaque += opaque;
    proto_bytes_t service = proto_bytes_of(echo ? "echo" : "db"), empty = {0};
    if (self->version == 1)
        s_say(self,
              (proto_bytes_t[]){proto_bytes_of(text), empty, proto_bytes_of("MDPC01"), service,
                                proto_buf_bytes(&body)},
              5);
    else
        s_say(self,
              (proto_bytes_t[]){proto_bytes_of("MDPC02"), proto_bytes_of("\1"), service,
                                proto_buf_bytes(&body)},
              4);
    proto_buf_free(&body);
    proto_buf_free(&arguments);
}

/* The error in an RPC response, whose msgid may be nil. */
static proto_error_t s_error(proto_bytes_t body)
{
    proto_reader_t reader = proto_reader(body);
    proto_value_t head;
    proto_bytes_t value = {0};
    proto_buf_t text = PROTO_BUF_INIT;
    assert_int_equal(proto_value_read(&reader, &head), 0);
    assert_true(head.kind == PROTO_ARRAY && head.count == 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(proto_value_skip(&reader, &value), 0);
    proto_error_t error = proto_rpc_error(value, &text);
    proto_buf_free(&text);
    return error;
}

/* An answer without RPC is the number itself; any other the broker's refusal. */
static void s_hear_opaque(sim_asker_t *self, int n, proto_bytes_t body)
{
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    bool final = proto_bytes_is(body, text);
    sim_books_answer(self, n, final ? PROTO_ERROR_none : s_error(body));
}

static void s_hear_rpc(sim_asker_t *self, int n, proto_bytes_t body, bool last)
{
    proto_rpc_response_t response;
    assert_int_equal(proto_rpc_read_response(body, &response), 0);
    assert_true(n < 0 || (int)response.msgid == n);
    n = (int)response.msgid;
    if (response.error.size == 0)
        assert_int_equal(sim_books_number(response.result), n);
    if (last)
        sim_books_answer(self, n, response.error.size ? s_error(body) : PROTO_ERROR_none);
    else
        sim_counts.partials++;
}

static void s_hear(sim_asker_t *self, const proto_bytes_t *frames, uint32_t count)
{
    char text[16];
    if (self->version == 2) {
        assert_true(count == 4 && proto_bytes_is(frames[0], "MDPC02"));
        s_hear_rpc(self, -1, frames[3], proto_bytes_is(frames[1], "\3"));
        return;
    }
    assert_true(count == 5 && frames[0].size < sizeof text && frames[1].size == 0);
    assert_true(proto_bytes_is(frames[2], "MDPC01"));
    memcpy(text, frames[0].data, frames[0].size);
    text[frames[0].size] = 0;
    int n = atoi(text);
    assert_true(n >= 0 && n < sim.request_count);
    if (sim.requests[n].wait == S_OPAQUE_MS)
        s_hear_opaque(self, n, frames[4]);
    else
        s_hear_rpc(self, n, frames[4], true);
}

void sim_asker_die(sim_asker_t *self)
{
    sim_conn_close(&self->conn);
    sim_books_abandon(self);
}

void sim_asker_turn(sim_asker_t *self)
{
    if (self->conn && sim_conn_broken(self->conn))
        sim_asker_die(self);
    if (!self->conn) {
        self->broker = (int)sim_random((uint32_t)sim.broker_count);
        self->conn = sim_conn_open(self->broker);
    }
    if (!self->conn)
        return;
    for (sim_message_t *message; (message = sim_queue_take(&self->conn->down)); free(message)) {
        proto_bytes_t frames[SIM_FRAMES];
        s_hear(self, frames, sim_frames((proto_bytes_t){message->bytes, message->size}, frames));
    }
    if (!sim.ending && sim_chance(100))
        s_ask(self);
}
