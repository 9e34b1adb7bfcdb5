/* SPDX-License-Identifier: MPL-2.0 */
/* Majordomo workers, 0.1 and 0.2, as the RFCs have them: at one broker, one request at a time, silent while
 * they work, without a look at deadlines. After a stop they do what they find. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto_rpc.h"

enum { S_BEAT_MS = 2500, S_PATIENCE_MS = 7500, S_LONGEST_MS = 4000 };

static void s_say(sim_stock_t *self, brk_mdp_command_t command, const proto_bytes_t *rest, uint32_t count)
{
    static const uint8_t bytes[2][7] = {{0, 1, 2, 0, 3, 4, 5}, {0, 1, 2, 3, 4, 5, 6}};
    proto_buf_t packed = PROTO_BUF_INIT;
    if (self->version == 1)
        brk_frame_put(&packed, (proto_bytes_t){0}, true);
    brk_frame_put(&packed, proto_bytes_of(self->version == 1 ? "MDPW01" : "MDPW02"), true);
    brk_frame_put(&packed, (proto_bytes_t){&bytes[self->version - 1][command], 1}, count > 0);
    brk_frame_put_all(&packed, rest, count);
    if (!self->conn->cut)
        sim_queue_put(&self->conn->up, proto_buf_bytes(&packed));
    proto_buf_free(&packed);
    self->beat_at = sim.now + S_BEAT_MS;
}

void sim_stock_die(sim_stock_t *self)
{
    sim_conn_close(&self->conn);
    proto_buf_reset(&self->body);
    self->busy = self->done = self->ready = false;
}

static void s_connect(sim_stock_t *self)
{
    if (!self->ready)
        self->broker = (int)sim_random((uint32_t)sim.broker_count);
    self->conn = sim_conn_open(self->broker);
    if (!self->conn)
        return;
    proto_bytes_t service = proto_bytes_of(self->service);
    s_say(self, BRK_MDP_READY, &service, 1);
    self->ready = true;
    self->heard = sim.now;
}

/* Loses its connection, and what it was to say by it. */
static void s_again(sim_stock_t *self)
{
    sim_stock_die(self);
    self->away_until = sim.now + sim_random(300);
}

static proto_bytes_t s_body(const sim_stock_t *self)
{
    proto_bytes_t body;
    assert_int_equal(brk_frame_only(proto_buf_bytes(&self->body), &body), 0);
    return body;
}

/* What it is asked: the number of the request, -1 as msgid when it is no RPC. */
static int s_read(const sim_stock_t *self, int64_t *msgid)
{
    proto_rpc_request_t rpc;
    char text[16];
    proto_bytes_t body = s_body(self);
    *msgid = -1;
    if (proto_rpc_read_request(body, &rpc) < 0) {
        assert_true(body.size < sizeof text);
        memcpy(text, body.data, body.size);
        text[body.size] = 0;
        return atoi(text);
    }
    *msgid = rpc.msgid;
    return sim_books_number(rpc.arguments);
}

static void s_answer(sim_stock_t *self, brk_mdp_command_t command, bool refused)
{
    int64_t msgid;
    int n = s_read(self, &msgid);
    proto_buf_t body = PROTO_BUF_INIT, result = PROTO_BUF_INIT;
    proto_bytes_t empty = {0};
    if (refused)
        proto_error_body(&result, PROTO_ERROR_conflict, NULL);
    else
        sim_books_body(n, &result);
    proto_bytes_t value = proto_buf_bytes(&result);
    if (msgid < 0 && !refused)
        proto_buf_printf(&body, "%d", n);
    else
        proto_rpc_write_response(&body, msgid >= 0, (uint32_t)msgid, refused ? value : empty,
                                 refused ? empty : value, false);
    proto_bytes_t rest[] = {{self->address, sizeof self->address}, empty, proto_buf_bytes(&body)};
    s_say(self, command, rest, 3);
    proto_buf_free(&body);
    proto_buf_free(&result);
}

static void s_take(sim_stock_t *self, const proto_bytes_t *frames, uint32_t count)
{
    static const uint8_t request = 2, disconnect[] = {5, 6};
    uint32_t at = self->version == 1 ? 1 : 0; /* of the header */
    self->heard = sim.now;
    assert_true(count >= at + 2 && frames[at + 1].size == 1);
    uint8_t command = frames[at + 1].data[0];
    if (command == disconnect[self->version - 1]) {
        /* Only who stood still is given up, and may be at a request first before it reads so. */
        assert_true(sim.now <= self->away_until + S_LONGEST_MS + SIM_DELAY_MS + 4 * SIM_SLACK_MS);
        s_again(self);
        return;
    }
    if (command != request)
        return;
    assert_false(self->busy); /* it takes one at a time */
    assert_true(count == at + 5 && frames[at + 2].size == BRK_MDP_ADDRESS);
    self->busy = true;
    self->until = sim.now + 1 + (sim_chance(50) ? sim_random(S_LONGEST_MS) : sim_random(100));
    memcpy(self->address, frames[at + 2].data, BRK_MDP_ADDRESS);
    proto_buf_reset(&self->body);
    brk_frame_put(&self->body, frames[at + 4], false);
    sim_counts.stock_jobs++;
}

static void s_work(sim_stock_t *self)
{
    int64_t msgid;
    if (!self->done) { /* done long before it says so */
        int n = s_read(self, &msgid);
        self->done = true;
        if (sim_books_do(n) && self->version == 2 && msgid >= 0 && sim_chance(300))
            s_answer(self, BRK_MDP_PARTIAL, false);
        return;
    }
    if (sim.now < self->until)
        return;
    int n = s_read(self, &msgid);
    s_answer(self, BRK_MDP_FINAL, sim.requests[n].refused);
    self->busy = self->done = false;
    self->heard = sim.now;
}

void sim_stock_turn(sim_stock_t *self)
{
    if (sim.now < self->away_until)
        return;
    if (self->conn && sim_conn_broken(self->conn)) {
        s_again(self);
        return;
    }
    if (!self->conn)
        s_connect(self);
    if (!self->conn)
        return;
    while (self->conn && !self->busy) {
        proto_bytes_t frames[SIM_FRAMES];
        sim_message_t *message = sim_queue_take(&self->conn->down);
        if (!message)
            break;
        s_take(self, frames, sim_frames((proto_bytes_t){message->bytes, message->size}, frames));
        free(message);
    }
    if (self->conn && self->busy)
        s_work(self);
    else if (self->conn && sim.now - self->heard > S_PATIENCE_MS)
        s_again(self);
    else if (self->conn && sim.now >= self->beat_at)
        s_say(self, BRK_MDP_HEARTBEAT, NULL, 0);
}
