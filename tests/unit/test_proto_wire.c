/* SPDX-License-Identifier: MPL-2.0 */
/* proto_wire over real sockets: which connections count as broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "proto_clock.h"
#include "proto_wire.h"

enum { S_PATIENCE_MS = 20000 };

typedef struct s_keys {
    char public_key[41], secret_key[41];
} s_keys_t;

typedef struct s_broker {
    void *socket, *monitor;
} s_broker_t;

static s_keys_t s_keys(void)
{
    s_keys_t keys;
    assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
    return keys;
}

/* A ROUTER that is a CURVE server, whose monitor tells of handshakes that failed. */
static s_broker_t s_bind(void *context, const char *endpoint, const s_keys_t *keys)
{
    static int number;
    char name[64];
    int yes = 1, none = 0;
    snprintf(name, sizeof name, "inproc://test-monitor-%d", number++);
    s_broker_t self = {zmq_socket(context, ZMQ_ROUTER), zmq_socket(context, ZMQ_PAIR)};
    zmq_setsockopt(self.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(self.socket, ZMQ_CURVE_SERVER, &yes, sizeof yes);
    zmq_setsockopt(self.socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, 41);
    int rc = zmq_socket_monitor(self.socket, name,
                                ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_int_equal(rc, 0);
    assert_int_equal(zmq_connect(self.monitor, name), 0);
    int64_t until = proto_clock_ms() + S_PATIENCE_MS;
    while ((rc = zmq_bind(self.socket, endpoint)) < 0 && proto_clock_ms() < until)
        zmq_poll(NULL, 0, 10); /* the former one is closed by another thread */
    assert_int_equal(rc, 0);
    return self;
}

static void s_close(s_broker_t *self)
{
    zmq_socket_monitor(self->socket, NULL, 0);
    zmq_close(self->monitor);
    zmq_close(self->socket);
}

/* Lets the wire and the broker talk until the wire has heard something. */
static void s_meet(proto_wire_t *wire, const s_broker_t *broker)
{
    int64_t until = proto_clock_ms() + S_PATIENCE_MS;
    proto_batch_t batch;
    for (bool heard = false; !heard;) {
        zmq_pollitem_t items[] = {{.socket = broker->socket, .events = ZMQ_POLLIN},
                                  {.socket = proto_wire_socket(wire), .events = ZMQ_POLLIN}};
        assert_true(proto_clock_ms() < until);
        (void)proto_wire_tick(wire, proto_clock_ms());
        (void)proto_wire_flush(wire, proto_clock_ms());
        zmq_poll(items, 2, 10);
        char identity[256], frame[256];
        int size = zmq_recv(broker->socket, identity, sizeof identity, ZMQ_DONTWAIT);
        if (size > 0) {
            int length = zmq_recv(broker->socket, frame, sizeof frame, 0);
            zmq_send(broker->socket, identity, (size_t)size, ZMQ_SNDMORE);
            zmq_send(broker->socket, frame, (size_t)length, 0);
        }
        heard = proto_wire_receive(wire, proto_clock_ms(), &batch) == 1;
    }
}

/* Connections that ended in their handshakes are not told from the monitor until the broker is there and lets
 * the wire in: then they must not be taken for the loss of this one. */
static void s_test_failed_handshakes(void **state)
{
    (void)state;
    void *context = zmq_ctx_new();
    const s_keys_t former = s_keys(), keys = s_keys(), own = s_keys();
    char endpoint[64];
    size_t size = sizeof endpoint;
    s_broker_t broker = s_bind(context, "tcp://127.0.0.1:*", &former);
    zmq_getsockopt(broker.socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    const proto_address_t address = {endpoint, NULL, keys.public_key, own.public_key, own.secret_key};
    proto_wire_t *wire = proto_wire_open(context, &address, proto_clock_ms());
    assert_non_null(wire);
    assert_int_equal(proto_wire_put(wire, &(proto_record_t){.type = PROTO_HELLO}), 0);
    zmq_pollitem_t item = {.socket = broker.monitor, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, S_PATIENCE_MS), 1);
    s_close(&broker);
    broker = s_bind(context, endpoint, &keys);
    s_meet(wire, &broker);
    assert_true(proto_wire_alive(wire, proto_clock_ms()));
    assert_false(proto_wire_broken(wire, proto_clock_ms()));
    assert_false(proto_wire_renew(wire, proto_clock_ms()));
    /* And this one's loss is noticed, long before its silence would tell. */
    int64_t now = proto_clock_ms();
    s_close(&broker);
    while (!proto_wire_broken(wire, now)) {
        assert_true(proto_clock_ms() < now + S_PATIENCE_MS);
        zmq_poll(NULL, 0, 1);
    }
    assert_true(proto_wire_renew(wire, now));
    assert_false(proto_wire_broken(wire, now));
    proto_wire_close(&wire, 0);
    zmq_ctx_term(context);
}

/* Receives a frame behind its sender's identity; its only record. */
static proto_record_t s_receive(void *router, zmq_msg_t *frame)
{
    char identity[256];
    proto_batch_t batch;
    proto_record_t record = {0};
    assert_true(zmq_recv(router, identity, sizeof identity, 0) > 0);
    zmq_msg_init(frame);
    assert_true(zmq_msg_recv(frame, router, 0) > 0);
    assert_int_equal(proto_batch_open(&batch, (proto_bytes_t){zmq_msg_data(frame), zmq_msg_size(frame)}), 0);
    assert_int_equal(proto_batch_next(&batch, &record), 1);
    proto_record_t none;
    assert_int_equal(proto_batch_next(&batch, &none), 0);
    return record;
}

/* A large record stays while nobody takes it, keeps its place, and comes as it was. */
static void s_test_large_record(void **state)
{
    (void)state;
    enum { SIZE = 3 * PROTO_BATCH_BYTES };
    void *context = zmq_ctx_new(), *router;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "ipc://@muster-test-wire-%d", (int)getpid());
    const proto_address_t address = {.endpoint = endpoint};
    proto_wire_t *wire = proto_wire_open(context, &address, proto_clock_ms());
    assert_non_null(wire);
    proto_buf_t body = PROTO_BUF_INIT;
    uint8_t *at = proto_buf_extend(&body, SIZE);
    assert_non_null(at);
    for (size_t i = 0; i < SIZE; i++)
        at[i] = (uint8_t)(i * 31 >> 3);
    proto_record_t record = {.type = PROTO_FINAL, .id = 2, .service = {(const uint8_t *)"db", 2}};
    assert_int_equal(proto_wire_put(wire, &(proto_record_t){.type = PROTO_FINAL, .id = 1}), 0);
    assert_int_equal(proto_wire_put_large(wire, &record, &body), 0);
    assert_null(body.data);
    assert_int_equal(proto_wire_put(wire, &(proto_record_t){.type = PROTO_FINAL, .id = 3}), 0);
    assert_int_equal(proto_wire_put_count(wire), 3);
    assert_false(proto_wire_flush(wire, proto_clock_ms())); /* nobody is there yet */
    assert_false(proto_wire_flush(wire, proto_clock_ms()));
    router = zmq_socket(context, ZMQ_ROUTER);
    assert_int_equal(zmq_bind(router, address.endpoint), 0);
    int64_t until = proto_clock_ms() + S_PATIENCE_MS;
    while (!proto_wire_flush(wire, proto_clock_ms()))
        assert_true(proto_clock_ms() < until && zmq_poll(NULL, 0, 1) == 0);
    assert_int_equal(proto_wire_sent_count(wire), 3);
    for (uint64_t id = 1; id <= 3; id++) {
        zmq_msg_t frame;
        proto_record_t got = s_receive(router, &frame);
        assert_int_equal(got.id, id);
        assert_int_equal(got.body.size, id == 2 ? SIZE : 0);
        for (size_t i = 0; i < got.body.size; i++)
            if (got.body.data[i] != (uint8_t)(i * 31 >> 3))
                fail_msg("byte %zu is another", i);
        zmq_msg_close(&frame);
    }
    /* What can never be sent is dropped at once. */
    record.claims.size = UINT16_MAX + 1;
    proto_buf_byte(&body, 0);
    assert_int_equal(proto_wire_put_large(wire, &record, &body), -1);
    assert_null(body.data);
    proto_wire_close(&wire, 0);
    zmq_close(router);
    zmq_ctx_term(context);
}

/* A name leads to the broker, also after that was away; and one that leads nowhere holds nobody up. */
static void s_test_names(void **state)
{
    (void)state;
    void *context = zmq_ctx_new();
    const s_keys_t keys = s_keys(), own = s_keys();
    char endpoint[64], named[64];
    size_t size = sizeof endpoint;
    s_broker_t broker = s_bind(context, "tcp://127.0.0.1:*", &keys);
    zmq_getsockopt(broker.socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    snprintf(named, sizeof named, "tcp://localhost%s", strrchr(endpoint, ':'));
    const proto_address_t address = {named, NULL, keys.public_key, own.public_key, own.secret_key};
    const proto_address_t nowhere = {.endpoint = "tcp://no-such-host.invalid:5555"};
    int64_t now = proto_clock_ms();
    proto_wire_t *lost = proto_wire_open(context, &nowhere, now),
                 *wire = proto_wire_open(context, &address, now);
    assert_non_null(lost);
    assert_non_null(wire);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(proto_wire_put(wire, &(proto_record_t){.type = PROTO_HELLO}), 0);
        s_meet(wire, &broker);
        assert_false(proto_wire_flush(lost, proto_clock_ms()) && proto_wire_put_count(lost));
        assert_true(proto_wire_tick(lost, proto_clock_ms()) > 0);
        s_close(&broker);
        broker = s_bind(context, endpoint, &keys);
        while (!proto_wire_renew(wire, now = proto_clock_ms()))
            zmq_poll(NULL, 0, 1);
    }
    assert_false(proto_wire_alive(lost, now));
    s_close(&broker);
    proto_wire_close(&lost, 0);
    proto_wire_close(&wire, 0);
    zmq_ctx_term(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_failed_handshakes),
                                       cmocka_unit_test(s_test_names), cmocka_unit_test(s_test_large_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
