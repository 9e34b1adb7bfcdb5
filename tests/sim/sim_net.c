/* SPDX-License-Identifier: MPL-2.0 */
/* Connections with delays, in order, that lose what is under way when an end dies; and proto_wire on them,
 * with the promises of proto_wire.h. */
#include "sim.h"

#include <stdlib.h>

const proto_address_t sim_addresses[SIM_BROKERS] = {{.endpoint = "0"}, {.endpoint = "1"}, {.endpoint = "2"}};

uint32_t sim_random(uint32_t below)
{
    sim.random ^= sim.random << 13;
    sim.random ^= sim.random >> 7;
    sim.random ^= sim.random << 17;
    return (uint32_t)(sim.random >> 33) % below;
}

bool sim_chance(uint32_t per_mille)
{
    return sim_random(1000) < per_mille;
}

void sim_queue_put(sim_queue_t *queue, proto_bytes_t packed)
{
    sim_message_t *message = malloc(sizeof *message + packed.size);
    assert_non_null(message);
    int64_t due = sim.now + (sim_chance(20) ? sim_random(SIM_DELAY_MS) : sim_random(15));
    if (queue->first && queue->last->due > due)
        due = queue->last->due;
    message->next = NULL;
    message->due = due;
    message->size = packed.size;
    memcpy(message->bytes, packed.data, packed.size);
    if (queue->first)
        queue->last->next = message;
    else
        queue->first = message;
    queue->last = message;
}

sim_message_t *sim_queue_take(sim_queue_t *queue)
{
    sim_message_t *message = queue->first;
    if (!message || message->due > sim.now)
        return NULL;
    queue->first = message->next;
    return message;
}

void sim_queue_lose(sim_queue_t *queue, int64_t due)
{
    sim_message_t **at = &queue->first;
    queue->last = NULL;
    while (*at && (*at)->due <= due) {
        queue->last = *at;
        at = &(*at)->next;
    }
    sim_message_t *lost = *at;
    *at = NULL;
    for (sim_message_t *next; lost; lost = next) {
        next = lost->next;
        free(lost);
    }
}

sim_conn_t *sim_conn_open(int broker)
{
    sim_broker_t *other = &sim.brokers[broker];
    if (!other->core)
        return NULL;
    sim_conn_t *conn = calloc(1, sizeof *conn);
    assert_non_null(conn);
    conn->broker = broker;
    conn->peer_end = conn->broker_end = true;
    conn->next = other->conns;
    other->conns = conn;
    return conn;
}

void sim_conn_let_go(sim_conn_t *conn)
{
    if (conn->peer_end || conn->broker_end)
        return;
    sim_queue_lose(&conn->up, -1);
    sim_queue_lose(&conn->down, -1);
    proto_buf_free(&conn->out);
    free(conn);
}

void sim_conn_close(sim_conn_t **conn_pointer)
{
    sim_conn_t *conn = *conn_pointer;
    if (!conn)
        return;
    *conn_pointer = NULL;
    conn->peer_end = false;
    sim_queue_lose(&conn->down, -1);
    if (sim_chance(500))
        sim_queue_lose(&conn->up, -1);
    sim_conn_let_go(conn);
}

void sim_conn_cut(sim_conn_t *conn)
{
    if (conn->cut)
        return;
    conn->cut = true;
    conn->break_at = sim.now + (sim_chance(300) ? sim_random(4000) : sim_random(20));
    sim_queue_lose(&conn->up, -1);
    sim_queue_lose(&conn->down, sim.now);
}

bool sim_conn_broken(const sim_conn_t *conn)
{
    return conn->cut && sim.now >= conn->break_at && !conn->down.first;
}

uint32_t sim_frames(proto_bytes_t packed, proto_bytes_t *frames)
{
    brk_frame_t frame;
    uint32_t count = 0;
    while (brk_frame_next(&packed, &frame)) {
        assert_true(count < SIM_FRAMES);
        frames[count++] = frame.bytes;
        assert_int_equal(frame.more, packed.size > 0);
    }
    return count;
}

/* ---- proto_wire ---- */

struct proto_wire {
    int broker;
    sim_conn_t *conn;
    int64_t connect_at, opened, last_sent, last_heard;
    proto_buf_t batch;   /* being filled */
    uint32_t records;    /* in it */
    proto_buf_t waiting; /* full batches, packed */
    bool broken;
    sim_message_t *frame; /* being read */
};

proto_wire_t *proto_wire_open(void *context, const proto_address_t *address, int64_t now)
{
    (void)context;
    proto_wire_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->broker = atoi(address->endpoint);
    self->opened = self->last_sent = now;
    self->last_heard = now - PROTO_EXPIRY_MS;
    return self;
}

static void s_drop_waiting(proto_wire_t *self)
{
    proto_buf_reset(&self->batch);
    proto_buf_reset(&self->waiting);
    self->records = 0;
}

void proto_wire_close(proto_wire_t **self_pointer, int linger_ms)
{
    proto_wire_t *self = *self_pointer;
    (void)linger_ms;
    *self_pointer = NULL;
    sim_conn_close(&self->conn);
    proto_buf_free(&self->batch);
    proto_buf_free(&self->waiting);
    free(self->frame);
    free(self);
}

void *proto_wire_socket(proto_wire_t *self) /* for act_brokers_poll, which nobody calls here */
{
    return self;
}

int proto_wire_fd(proto_wire_t *self) /* nor these, for act_brokers_watch and act_brokers_told */
{
    (void)self;
    return -1;
}

void proto_wire_told(proto_wire_t *self)
{
    (void)self;
}

bool proto_wire_filled(const proto_wire_t *self)
{
    (void)self;
    return true;
}

bool proto_wire_looks(proto_wire_t *self)
{
    (void)self;
    return true;
}

/* libzmq connects by itself, and again. */
static bool s_connected(proto_wire_t *self, int64_t now)
{
    if (self->conn && sim_conn_broken(self->conn)) {
        self->broken = true;
        sim_conn_close(&self->conn);
    }
    if (!self->conn && now >= self->connect_at) {
        self->conn = sim_conn_open(self->broker);
        self->connect_at = now + 50;
    }
    return self->conn != NULL;
}

static void s_seal(proto_wire_t *self)
{
    if (self->records)
        brk_frame_put(&self->waiting, proto_buf_bytes(&self->batch), false);
    proto_buf_reset(&self->batch);
    self->records = 0;
}

int proto_wire_put(proto_wire_t *self, const proto_record_t *record)
{
    if (!proto_batch_fits(&self->batch, self->records, proto_record_size(record)))
        s_seal(self);
    if (proto_record_append(&self->batch, record) < 0)
        return -1;
    self->records++;
    return 0;
}

bool proto_wire_flush(proto_wire_t *self, int64_t now)
{
    s_seal(self);
    if (self->waiting.size == 0)
        return true;
    if (!s_connected(self, now))
        return false;
    proto_bytes_t left = proto_buf_bytes(&self->waiting);
    for (brk_frame_t frame; left.size;) {
        proto_bytes_t packed = left;
        assert_true(brk_frame_next(&left, &frame));
        packed.size -= left.size;
        if (!self->conn->cut)
            sim_queue_put(&self->conn->up, packed);
    }
    proto_buf_reset(&self->waiting);
    self->last_sent = now;
    return true;
}

int proto_wire_receive(proto_wire_t *self, int64_t now, proto_batch_t *batch)
{
    free(self->frame);
    self->frame = NULL;
    if (!s_connected(self, now) || !(self->frame = sim_queue_take(&self->conn->down)))
        return 0;
    proto_bytes_t frame;
    self->last_heard = now;
    assert_int_equal(brk_frame_only((proto_bytes_t){self->frame->bytes, self->frame->size}, &frame), 0);
    assert_int_equal(proto_batch_open(batch, frame), 0);
    return 1;
}

int64_t proto_wire_tick(proto_wire_t *self, int64_t now)
{
    if (now - self->last_sent < PROTO_HEARTBEAT_MS)
        return self->last_sent + PROTO_HEARTBEAT_MS;
    if (self->records == 0 && self->waiting.size == 0)
        assert_int_equal(proto_wire_put(self, &(proto_record_t){.type = PROTO_HEARTBEAT}), 0);
    return now + PROTO_HEARTBEAT_MS;
}

bool proto_wire_broken(proto_wire_t *self, int64_t now)
{
    if (self->conn && sim_conn_broken(self->conn))
        (void)s_connected(self, now);
    return self->broken;
}

bool proto_wire_dead(proto_wire_t *self, int64_t now)
{
    if (proto_wire_broken(self, now))
        return !self->conn || !self->conn->down.first || self->conn->down.first->due > now;
    int64_t since = self->opened > self->last_heard ? self->opened : self->last_heard;
    return now - since >= PROTO_EXPIRY_MS;
}

bool proto_wire_renew(proto_wire_t *self, int64_t now)
{
    if (!proto_wire_dead(self, now))
        return false;
    sim_conn_close(&self->conn);
    self->connect_at = now;
    self->opened = now;
    self->last_heard = now - PROTO_EXPIRY_MS;
    self->broken = false;
    s_drop_waiting(self);
    return true;
}

bool proto_wire_alive(const proto_wire_t *self, int64_t now)
{
    return now - self->last_heard < PROTO_EXPIRY_MS;
}
