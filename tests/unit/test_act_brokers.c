/* SPDX-License-Identifier: MPL-2.0 */
/* A worker's registrations with two brokers, played over inproc on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "act_brokers.h"
#include "proto_clock.h"

enum { S_WINDOW = 8, S_WAIT_MS = 5000 };

/* A broker: a ROUTER that remembers who spoke last. */
typedef struct s_broker {
    void *socket;
    uint8_t identity[64];
    size_t size;
} s_broker_t;

typedef struct s_test {
    void *context;
    s_broker_t brokers[2];
    act_brokers_t worker;
    int64_t now;
    int lost[2];
} s_test_t;

static const proto_address_t s_addresses[] = {{.endpoint = "inproc://one"}, {.endpoint = "inproc://two"}};

static void s_ready(void *arg, act_broker_t *broker)
{
    (void)arg;
    assert_int_equal(act_brokers_put(broker, &(proto_record_t){.type = PROTO_READY,
                                                               .number = broker->share,
                                                               .epoch = broker->epoch,
                                                               .service = proto_bytes_of("db")}),
                     0);
}

static void s_lost(void *arg, act_broker_t *broker)
{
    s_test_t *self = arg;
    self->lost[broker - self->worker.list]++;
}

/* The next record that a broker hears, heartbeats left out. */
static proto_record_t s_hear(s_test_t *self, int number)
{
    static uint8_t frame[4096];
    s_broker_t *broker = &self->brokers[number];
    proto_batch_t batch;
    proto_record_t record = {.type = PROTO_HEARTBEAT};
    while (record.type == PROTO_HEARTBEAT) {
        int timeout = S_WAIT_MS;
        zmq_setsockopt(broker->socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
        act_brokers_flush(&self->worker, self->now);
        int size = zmq_recv(broker->socket, broker->identity, sizeof broker->identity, 0);
        assert_true(size > 0);
        broker->size = (size_t)size;
        size = zmq_recv(broker->socket, frame, sizeof frame, 0);
        assert_true(size > 0);
        assert_int_equal(proto_batch_open(&batch, (proto_bytes_t){frame, (size_t)size}), 0);
        while (record.type == PROTO_HEARTBEAT && proto_batch_next(&batch, &record) == 1)
            ;
    }
    return record;
}

/* Says READY to broker `number` with this share; its epoch. */
static uint32_t s_expect_ready(s_test_t *self, int number, int share)
{
    proto_record_t record = s_hear(self, number);
    assert_int_equal(record.type, PROTO_READY);
    assert_int_equal(record.number, share);
    assert_int_equal(record.epoch, self->worker.list[number].epoch);
    return record.epoch;
}

/* A broker says something, and the worker hears it. */
static void s_say(s_test_t *self, int number, proto_type_t type)
{
    proto_buf_t frame = PROTO_BUF_INIT;
    s_broker_t *broker = &self->brokers[number];
    act_broker_t *from;
    proto_record_t record;
    assert_int_equal(proto_record_append(&frame, &(proto_record_t){.type = type}), 0);
    assert_true(zmq_send(broker->socket, broker->identity, broker->size, ZMQ_SNDMORE) > 0);
    assert_true(zmq_send(broker->socket, frame.data, frame.size, 0) > 0);
    zmq_pollitem_t items[2];
    act_brokers_poll(&self->worker, items);
    items[number].events = ZMQ_POLLIN;
    assert_int_equal(zmq_poll(&items[number], 1, S_WAIT_MS), 1);
    assert_int_equal(act_brokers_receive(&self->worker, self->now, &from, &record), 1);
    assert_ptr_equal(from, &self->worker.list[number]);
    assert_int_equal(record.type, type);
    if (type == PROTO_DISCONNECT)
        act_brokers_refused(&self->worker, self->now, from);
    assert_int_equal(act_brokers_receive(&self->worker, self->now, &from, &record), 0);
    proto_buf_free(&frame);
}

/* Time passes, without a stop. */
static void s_pass(s_test_t *self, int64_t ms)
{
    for (int64_t until = self->now + ms; self->now < until; self->now += 100) {
        act_brokers_turn(&self->worker, self->now);
        (void)act_brokers_tick(&self->worker, self->now);
    }
    act_brokers_turn(&self->worker, self->now);
    (void)act_brokers_tick(&self->worker, self->now);
}

static int s_set_up(void **state)
{
    s_test_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->context = zmq_ctx_new();
    for (int i = 0; i < 2; i++) {
        self->brokers[i].socket = zmq_socket(self->context, ZMQ_ROUTER);
        assert_int_equal(zmq_bind(self->brokers[i].socket, s_addresses[i].endpoint), 0);
    }
    self->now = 10000;
    self->worker =
        (act_brokers_t){.window = S_WINDOW, .service = "db", .ready = s_ready, .lost = s_lost, .arg = self};
    assert_int_equal(act_brokers_open(&self->worker, self->context, s_addresses, 2, self->now), 0);
    act_brokers_register(&self->worker, self->now);
    s_expect_ready(self, 0, S_WINDOW / 2);
    s_expect_ready(self, 1, S_WINDOW / 2);
    s_say(self, 0, PROTO_HEARTBEAT);
    s_say(self, 1, PROTO_HEARTBEAT);
    *state = self;
    return 0;
}

static int s_tear_down(void **state)
{
    s_test_t *self = *state;
    act_brokers_close(&self->worker, self->now, 0);
    for (int i = 0; i < 2; i++)
        zmq_close(self->brokers[i].socket);
    zmq_ctx_term(self->context);
    free(self);
    return 0;
}

static void test_a_dead_broker_s_share_goes_to_the_other(void **state)
{
    s_test_t *self = *state;
    uint32_t first = self->worker.list[0].epoch, second = self->worker.list[1].epoch;
    s_pass(self, 1500);
    s_say(self, 1, PROTO_HEARTBEAT);
    s_pass(self, 600); /* the first is silent for more than two seconds */
    assert_false(self->worker.list[0].alive);
    assert_int_equal(self->lost[0], 1);
    assert_int_equal(self->lost[1], 0);
    assert_int_equal(s_expect_ready(self, 1, S_WINDOW), second); /* the same epoch: its requests go on */
    assert_int_not_equal(s_expect_ready(self, 0, S_WINDOW / 2),
                         first); /* by a new socket, for when it is back */
    s_say(self, 0, PROTO_HEARTBEAT);
    assert_true(self->worker.list[0].alive);
    assert_int_equal(s_expect_ready(self, 1, S_WINDOW / 2), second);
}

static void test_a_refusal_is_not_answered_at_once(void **state)
{
    s_test_t *self = *state;
    uint32_t epoch = self->worker.list[0].epoch;
    s_pass(self, 300);
    s_say(self, 0, PROTO_DISCONNECT);
    assert_int_equal(self->worker.list[0].epoch, epoch);
    assert_int_equal(self->worker.list[0].register_at, 10000 + PROTO_HEARTBEAT_MS);
    s_pass(self, 300);
    assert_int_not_equal(s_expect_ready(self, 0, S_WINDOW / 2), epoch);
    epoch = self->worker.list[0].epoch;
    s_pass(self, 600);
    s_say(self, 0, PROTO_DISCONNECT); /* long after READY: it was forgotten */
    assert_int_not_equal(s_expect_ready(self, 0, S_WINDOW / 2), epoch);
    assert_true(self->lost[0] >= 2 && self->lost[1] == 0);
}

static void test_a_long_stop_begins_new_epochs(void **state)
{
    s_test_t *self = *state;
    uint32_t first = self->worker.list[0].epoch, second = self->worker.list[1].epoch;
    s_pass(self, 100);
    self->now += PROTO_EXPIRY_MS + 1;
    act_brokers_turn(&self->worker, self->now);
    (void)act_brokers_tick(&self->worker, self->now);
    assert_int_not_equal(s_expect_ready(self, 0, S_WINDOW / 2), first);
    assert_int_not_equal(s_expect_ready(self, 1, S_WINDOW / 2), second);
    assert_int_equal(self->lost[0] + self->lost[1], 2);
    assert_true(self->worker.list[0].alive && self->worker.list[1].alive);
}

static void test_who_is_not_at_work_gives_nobody_up(void **state)
{
    s_test_t *self = *state;
    act_brokers_leave(&self->worker);
    assert_int_equal(s_hear(self, 0).type, PROTO_DISCONNECT);
    assert_int_equal(s_hear(self, 1).type, PROTO_DISCONNECT);
    s_pass(self, 10000);
    assert_int_equal(self->lost[0] + self->lost[1], 0);
    act_brokers_register(&self->worker, self->now);
    s_pass(self, 500); /* they were silent, but have had no reason to speak */
    s_expect_ready(self, 0, S_WINDOW / 2);
    s_expect_ready(self, 1, S_WINDOW / 2);
    assert_int_equal(self->lost[0] + self->lost[1], 0);
}

int main(void)
{
#define S_TEST(name) cmocka_unit_test_setup_teardown(name, s_set_up, s_tear_down)
    const struct CMUnitTest tests[] = {
        S_TEST(test_a_dead_broker_s_share_goes_to_the_other), S_TEST(test_a_refusal_is_not_answered_at_once),
        S_TEST(test_a_long_stop_begins_new_epochs), S_TEST(test_who_is_not_at_work_gives_nobody_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
