/* SPDX-License-Identifier: MPL-2.0 */
/* Brokers: what broker.c does, with connections for routes. */
#include "sim.h"

#include <stdlib.h>

static void s_flush_batch(sim_conn_t *conn)
{
    proto_buf_t packed = PROTO_BUF_INIT;
    if (conn->count == 0)
        return;
    brk_frame_put(&packed, proto_buf_bytes(&conn->out), false);
    sim_queue_put(&conn->down, proto_buf_bytes(&packed));
    proto_buf_free(&packed);
    proto_buf_reset(&conn->out);
    conn->count = 0;
}

static void s_say(void *arg, void *tag, const proto_record_t *record)
{
    sim_broker_t *self = arg;
    sim_conn_t *conn = tag;
    proto_record_t native = *record;
    if (conn->mdp) {
        brk_mdp_write(self->mdp, &conn->majordomo, record);
        return;
    }
    if (record->flags & BRK_RAW)
        brk_mdp_native(&native);
    if (conn->count && !proto_batch_fits(&conn->out, conn->count, proto_record_size(&native)))
        s_flush_batch(conn);
    assert_int_equal(proto_record_append(&conn->out, &native), 0);
    conn->count++;
}

static void s_forget(void *arg, void *tag)
{
    sim_broker_t *self = arg;
    sim_conn_t *conn = tag;
    conn->id = 0;
    if (conn->mdp)
        brk_mdp_forget(self->mdp, &conn->majordomo);
    assert_null(conn->majordomo.calls);
}

static void s_join(sim_broker_t *self, sim_conn_t *conn)
{
    conn->id = brk_core_join(self->core, sim.now, brk_right_all(), conn);
    assert_true(conn->id != 0);
    if (conn->mdp) {
        conn->majordomo = (brk_mdp_peer_t){.out = &conn->out};
        brk_core_speaks_mdp(self->core, conn->id);
    }
}

static void s_take(sim_broker_t *self, sim_conn_t *conn, const sim_message_t *message)
{
    proto_bytes_t frames[SIM_FRAMES];
    uint32_t count = sim_frames((proto_bytes_t){message->bytes, message->size}, frames);
    proto_batch_t batch;
    proto_record_t record;
    brk_mdp_message_t majordomo;
    bool native = count == 1 && proto_batch_open(&batch, frames[0]) == 0;
    conn->mdp = !native;
    while (native && proto_batch_next(&batch, &record) == 1) {
        if (conn->id == 0)
            s_join(self, conn);
        brk_core_record(self->core, sim.now, conn->id, &record);
    }
    if (native)
        return;
    assert_int_equal(brk_mdp_read(frames, count, &majordomo), 0);
    if (conn->id == 0)
        s_join(self, conn);
    brk_mdp_take(self->mdp, sim.now, conn->id, &conn->majordomo, &majordomo);
}

/* A message each, as often as there are any: which connection is read first makes a difference. */
static void s_receive(sim_broker_t *self)
{
    for (bool any = true; any;) {
        any = false;
        for (sim_conn_t *conn = self->conns; conn; conn = conn->next) {
            sim_message_t *message = sim_chance(800) ? sim_queue_take(&conn->up) : NULL;
            if (message)
                s_take(self, conn, message);
            any = any || message;
            free(message);
        }
    }
}

static void s_flush_messages(sim_conn_t *conn)
{
    proto_bytes_t left = proto_buf_bytes(&conn->out);
    while (left.size) {
        proto_bytes_t packed = left;
        brk_frame_t frame = {.more = true};
        while (frame.more)
            assert_true(brk_frame_next(&left, &frame));
        packed.size -= left.size;
        sim_queue_put(&conn->down, packed);
    }
    proto_buf_reset(&conn->out);
}

/* Who cannot be reached is noticed when it is told something. */
static void s_flush(sim_broker_t *self)
{
    for (sim_conn_t *conn = self->conns; conn; conn = conn->next) {
        bool gone = conn->cut || !conn->peer_end;
        if (conn->out.size == 0)
            continue;
        if (!gone && conn->mdp)
            s_flush_messages(conn);
        else if (!gone)
            s_flush_batch(conn);
        proto_buf_reset(&conn->out);
        conn->count = 0;
        if (gone)
            brk_core_leave(self->core, sim.now, conn->id);
    }
}

static void s_sweep(sim_broker_t *self)
{
    for (sim_conn_t **at = &self->conns; *at;) {
        sim_conn_t *conn = *at;
        if (conn->id || (conn->peer_end && !conn->cut) || conn->up.first || conn->out.size) {
            at = &conn->next;
            continue;
        }
        *at = conn->next;
        conn->broker_end = false;
        sim_conn_let_go(conn);
    }
}

static void s_start(sim_broker_t *self)
{
    const brk_limits_t limits = {.peers = 200,
                                 .requests = 60,
                                 .queue_count = 12,
                                 .queue_bytes = 20000,
                                 .queue_ms = 600,
                                 .deadline_ms = 3600000};
    self->core = brk_core_new(&limits, s_say, self, sim.now);
    brk_core_on_forget(self->core, s_forget);
    self->mdp = brk_mdp_new(self->core, limits.requests,
                            ((uint64_t)sim_random(1u << 30) << 32) + sim_random(1u << 30), sim.now);
}

void sim_broker_turn(int broker)
{
    sim_broker_t *self = &sim.brokers[broker];
    if (!self->core && sim.now >= self->back_at)
        s_start(self);
    if (self->core && self->dies_at && sim.now >= self->dies_at)
        sim_broker_die(broker);
    if (!self->core || sim.now < self->paused_until)
        return;
    s_receive(self);
    brk_core_tick(self->core, sim.now);
    assert_true(brk_core_next_deadline(self->core) > sim.now - PROTO_WHEEL_SLOT_MS);
    s_flush(self);
    s_flush(self); /* what those who could not be reached leave behind */
    s_sweep(self);
}

void sim_broker_die(int broker)
{
    sim_broker_t *self = &sim.brokers[broker];
    if (!self->core)
        return;
    sim_counts.returned += brk_core_stats(self->core)->returned;
    sim_counts.late += brk_core_stats(self->core)->late;
    for (sim_conn_t *conn, *next = self->conns; (conn = next);) {
        next = conn->next;
        if (conn->mdp)
            brk_mdp_forget(self->mdp, &conn->majordomo);
        proto_buf_reset(&conn->out);
        sim_conn_cut(conn);
        conn->broker_end = false;
        sim_conn_let_go(conn);
    }
    self->conns = NULL;
    self->dies_at = 0;
    brk_core_free(&self->core);
    brk_mdp_free(&self->mdp);
}
