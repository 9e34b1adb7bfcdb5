/* SPDX-License-Identifier: MPL-2.0 */
/* Native clients: muster_core, and around it what muster_io.c and muster_client.c do with wires. */
#include "sim.h"

enum { S_CONNECT_MS = 300, S_IDS = 256 };

static void s_send(void *arg, int broker, const proto_record_t *record)
{
    sim_client_t *self = arg;
    assert_int_equal(proto_wire_put(self->posts[broker].wire, record), 0);
}

static void s_answer(void *arg, uint64_t id, void *tag, const proto_record_t *record)
{
    sim_request_t *request = tag;
    int n = (int)(request - sim.requests);
    (void)id;
    if (record->type != PROTO_ERROR)
        assert_int_equal(sim_books_number(record->body), n);
    if (record->type == PROTO_PARTIAL) {
        assert_int_equal(request->state, SIM_ASKED);
        request->deadline = sim.now + request->wait;
        sim_counts.partials++;
        return;
    }
    sim_books_answer(arg, n, record->type == PROTO_ERROR ? (proto_error_t)record->number : PROTO_ERROR_none);
}

static void s_start(sim_client_t *self)
{
    static const muster_core_calls_t calls = {.send = s_send, .answer = s_answer};
    int64_t away_until = self->away_until;
    *self = (sim_client_t){.lives = true, .away_until = away_until};
    muster_core_init(&self->core, sim.broker_count, S_CONNECT_MS, &calls, self, sim.now);
    for (int i = 0; i < sim.broker_count; i++)
        self->posts[i].wire = proto_wire_open(NULL, &sim_addresses[i], sim.now);
}

void sim_client_die(sim_client_t *self, bool politely)
{
    if (!self->lives)
        return;
    for (int i = 0; i < sim.broker_count; i++) {
        if (politely) {
            s_send(self, i, &(proto_record_t){.type = PROTO_DISCONNECT});
            (void)proto_wire_flush(self->posts[i].wire, sim.now);
        }
        proto_wire_close(&self->posts[i].wire, 0);
    }
    muster_core_free(&self->core);
    sim_books_abandon(self);
    self->lives = false;
}

static void s_set_alive(sim_client_t *self, int broker, bool alive)
{
    if (self->posts[broker].alive == alive)
        return;
    self->posts[broker].alive = alive;
    if (alive)
        muster_core_up(&self->core, broker, sim.now);
    else
        muster_core_down(&self->core, broker, sim.now);
}

static void s_record(sim_client_t *self, int broker, const proto_record_t *record)
{
    sim_post_t *post = &self->posts[broker];
    if (record->type == PROTO_DISCONNECT) {
        post->greeted = false;
        post->greet_at = post->greeted_at + PROTO_HEARTBEAT_MS;
        s_set_alive(self, broker, false);
        return;
    }
    if (post->greeted)
        s_set_alive(self, broker, true);
    muster_core_record(&self->core, broker, record, sim.now);
}

static void s_look(sim_client_t *self, int broker)
{
    sim_post_t *post = &self->posts[broker];
    proto_batch_t batch;
    proto_record_t record;
    while (proto_wire_receive(post->wire, sim.now, &batch) == 1)
        while (proto_batch_next(&batch, &record) == 1)
            s_record(self, broker, &record);
    if (proto_wire_renew(post->wire, sim.now)) {
        post->greeted = false;
        post->greet_at = sim.now;
    }
    if (!proto_wire_alive(post->wire, sim.now))
        s_set_alive(self, broker, false);
    if (sim.now >= post->greet_at) {
        post->greeted = true;
        post->greeted_at = sim.now;
        post->greet_at = PROTO_NEVER;
        s_send(self, broker, &(proto_record_t){.type = PROTO_HELLO});
    }
}

static void s_ask(sim_client_t *self)
{
    sim_kind_t kind = sim_chance(20)    ? SIM_NONE
                      : sim_chance(100) ? SIM_SLOW
                      : sim_chance(500) ? SIM_WRITE
                                        : SIM_READ;
    uint32_t wait = sim_chance(200) ? 1 + sim_random(80) : 300 + sim_random(3000);
    bool elsewhere = kind == SIM_WRITE && sim_chance(50); /* at Majordomo workers alone */
    int n = sim_books_ask(self, true, kind, wait);
    if (n < 0)
        return;
    sim_request_t *request = &sim.requests[n];
    proto_buf_t body = PROTO_BUF_INIT;
    sim_books_body(n, &body);
    proto_record_t record = {.deadline = wait,
                             .service = proto_bytes_of(elsewhere ? "echo" : "db"),
                             .name = proto_bytes_of(sim_names[kind]),
                             .operation = sim_chance(500) && !elsewhere ? kind + 1 : 0,
                             .key = proto_bytes_of(request->keyed ? "key" : ""),
                             .body = proto_buf_bytes(&body)};
    uint64_t id = muster_core_ask(
        &self->core,
        &(muster_ask_t){.record = &record,
                        .reads = kind == SIM_READ || kind == SIM_SLOW,
                        .repeats = request->keyed, /* as if the workers kept what they did under the key */
                        .only = sim_chance(30) ? (int)sim_random((uint32_t)sim.broker_count) : -1,
                        .tag = request},
        sim.now);
    assert_true(id != 0);
    self->ids[sim_random(S_IDS)] = id;
    proto_buf_free(&body);
}

static void s_cancel(sim_client_t *self)
{
    void *tag;
    if (!muster_core_cancel(&self->core, self->ids[sim_random(S_IDS)], &tag))
        return;
    sim_request_t *request = tag;
    assert_int_equal(request->state, SIM_ASKED);
    request->state = SIM_CANCELLED;
    sim_counts.cancelled++;
}

void sim_client_turn(sim_client_t *self)
{
    if (sim.now < self->away_until)
        return;
    if (!self->lives)
        s_start(self);
    for (int i = 0; i < sim.broker_count; i++)
        s_look(self, i);
    muster_core_tick(&self->core, sim.now);
    if (!sim.ending && sim_chance(250))
        s_ask(self);
    if (sim_chance(200))
        s_cancel(self);
    for (int i = 0; i < sim.broker_count; i++) {
        (void)proto_wire_tick(self->posts[i].wire, sim.now);
        (void)proto_wire_flush(self->posts[i].wire, sim.now);
    }
}
