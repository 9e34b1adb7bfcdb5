/* SPDX-License-Identifier: MPL-2.0 */
/* Majordomo before the broker's core, on virtual time: who is given up when, and what becomes of requests
 * that pass from one dialect to the other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "brk_frame.h"
#include "brk_mdp.h"
#include "proto_rpc.h"

enum { S_FRAMES = 80 };

typedef struct s_peer {
    uint64_t id;
    bool native;
    proto_buf_t out;
    brk_mdp_peer_t mdp;
    proto_record_t heard; /* native: the last record but heartbeats; its body lies in `out` */
} s_peer_t;

static brk_core_t *s_core;
static brk_mdp_t *s_mdp;
static int64_t s_now;
static int s_forgotten;

static void s_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    s_peer_t *peer = tag;
    if (!peer->native) {
        brk_mdp_write(s_mdp, &peer->mdp, record);
        return;
    }
    if (record->type == PROTO_HEARTBEAT)
        return;
    peer->heard = *record;
    if (record->flags & BRK_RAW)
        brk_mdp_native(&peer->heard);
    proto_buf_reset(&peer->out);
    proto_buf_append(&peer->out, peer->heard.body.data, peer->heard.body.size);
    peer->heard.body = proto_buf_bytes(&peer->out);
}

static void s_on_forget(void *arg, void *tag)
{
    (void)arg;
    s_peer_t *peer = tag;
    s_forgotten++;
    peer->id = 0;
    brk_mdp_forget(s_mdp, &peer->mdp);
}

static int s_set_up(void **state)
{
    (void)state;
    const brk_limits_t limits = {.peers = 10,
                                 .requests = 4,
                                 .queue_count = 10,
                                 .queue_bytes = 100000,
                                 .queue_ms = 10000,
                                 .deadline_ms = 3600000};
    s_now = 1000;
    s_forgotten = 0;
    s_core = brk_core_new(&limits, s_send, NULL, s_now);
    s_mdp = brk_mdp_new(s_core, limits.requests, 5, s_now);
    brk_core_on_forget(s_core, s_on_forget);
    return 0;
}

static int s_tear_down(void **state)
{
    (void)state;
    brk_core_check(s_core);
    brk_core_free(&s_core);
    brk_mdp_free(&s_mdp);
    return 0;
}

static void s_join(s_peer_t *peer, bool native)
{
    *peer = (s_peer_t){.native = native};
    peer->mdp.out = &peer->out;
    peer->id = brk_core_join(s_core, s_now, brk_right_all(), peer);
    if (!native)
        brk_core_speaks_mdp(s_core, peer->id);
}

static void s_leave(s_peer_t *peer)
{
    brk_core_leave(s_core, s_now, peer->id);
    proto_buf_free(&peer->out);
}

static void s_frames(s_peer_t *peer, const proto_bytes_t *frames, uint32_t count)
{
    brk_mdp_message_t message;
    assert_int_equal(brk_mdp_read(frames, count, &message), 0);
    brk_mdp_take(s_mdp, s_now, peer->id, &peer->mdp, &message);
    brk_core_check(s_core);
}

#define S_SAY(peer, ...)                                                                                     \
    s_frames(peer, (proto_bytes_t[]){__VA_ARGS__},                                                           \
             (uint32_t)(sizeof((proto_bytes_t[]){__VA_ARGS__}) / sizeof(proto_bytes_t)))
#define S_(text) ((proto_bytes_t){(const uint8_t *)(text), sizeof(text) - 1})

/* The next message the peer was told: its frames. */
static uint32_t s_hear(s_peer_t *peer, proto_bytes_t *frames)
{
    static proto_buf_t kept;
    proto_bytes_t packed = proto_buf_bytes(&peer->out);
    brk_frame_t frame = {.more = true};
    uint32_t count = 0;
    proto_buf_reset(&kept);
    proto_buf_append(&kept, packed.data, packed.size);
    packed = proto_buf_bytes(&kept);
    while (frame.more && brk_frame_next(&packed, &frame)) {
        assert_true(count < S_FRAMES);
        frames[count++] = frame.bytes;
    }
    proto_buf_consume(&peer->out, peer->out.size - packed.size);
    return count;
}

static void s_tick(int64_t ms)
{
    for (int64_t until = s_now + ms; s_now < until;) {
        s_now += 50;
        brk_core_tick(s_core, s_now);
    }
    brk_core_check(s_core);
}

/* A registered 0.2 worker of the service "w" that has read its first heartbeat. */
static void s_worker(s_peer_t *peer)
{
    proto_bytes_t frames[S_FRAMES];
    s_join(peer, false);
    S_SAY(peer, S_("MDPW02"), S_("\1"), S_("w"));
    assert_int_equal(s_hear(peer, frames), 2);
    assert_true(proto_bytes_is(frames[1], "\5"));
}

static void s_test_idle_workers_expire(void **state)
{
    (void)state;
    s_peer_t worker;
    proto_bytes_t frames[S_FRAMES];
    int beats = 0;
    s_worker(&worker);
    s_tick(9500);
    while (s_hear(&worker, frames) == 2)
        beats += proto_bytes_is(frames[1], "\5");
    assert_int_equal(beats, 4); /* every two seconds */
    assert_true(brk_core_is_worker(s_core, worker.id));
    S_SAY(&worker, S_("MDPW02"), S_("\5"));
    s_tick(9500);
    assert_true(brk_core_is_worker(s_core, worker.id));
    s_tick(700);
    assert_int_equal(s_forgotten, 1);
    bool told = false; /* by the last message, after heartbeats */
    while (s_hear(&worker, frames) > 0)
        told = proto_bytes_is(frames[1], "\6");
    assert_true(told);
    proto_buf_free(&worker.out);
}

static void s_test_busy_workers_stay(void **state)
{
    (void)state;
    s_peer_t worker, client;
    proto_bytes_t frames[S_FRAMES];
    s_worker(&worker);
    s_join(&client, false);
    S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("no RPC, so it has 30 s"));
    assert_int_equal(s_hear(&worker, frames), 5);
    s_tick(29900);
    assert_true(brk_core_is_worker(s_core, worker.id));
    assert_int_equal(s_hear(&client, frames), 0);
    s_tick(300);
    assert_false(brk_core_is_worker(s_core, worker.id));
    assert_int_equal(s_hear(&client, frames), 4);
    assert_true(proto_bytes_is(frames[1], "\3"));
    assert_null(client.mdp.calls);
    proto_buf_free(&worker.out);
    s_leave(&client);
}

static void s_test_window_and_queue(void **state)
{
    (void)state;
    s_peer_t worker, client;
    proto_bytes_t frames[S_FRAMES];
    s_worker(&worker);
    s_join(&client, false);
    for (int i = 0; i < 6; i++) /* four requests at most */
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("a"), S_(""), S_("b"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s_hear(&client, frames), 4);
        assert_non_null(memmem(frames[3].data, frames[3].size, "overloaded", 10));
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s_hear(&worker, frames), 7);
        assert_int_equal(frames[2].size, BRK_MDP_ADDRESS);
        assert_int_equal(frames[3].size, 0);
        proto_bytes_t address = frames[2];
        assert_int_equal(s_hear(&worker, frames), 0); /* one at a time */
        S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), S_("x"), S_("y"));
        assert_int_equal(s_hear(&client, frames), 5);
        assert_true(proto_bytes_is(frames[3], "x"));
    }
    assert_null(client.mdp.calls);
    s_leave(&worker);
    s_leave(&client);
}

/* A native worker gives a Majordomo client's request back, and a Majordomo worker takes it: RPC is made anew,
 * and the answer still carries the client's own msgid. */
static void s_test_given_back_to_the_other_dialect(void **state)
{
    (void)state;
    s_peer_t worker, native, client;
    proto_bytes_t frames[S_FRAMES];
    s_join(&native, true);
    s_join(&client, false);
    brk_core_record(s_core, s_now, native.id,
                    &(proto_record_t){.type = PROTO_READY, .number = 1, .epoch = 9, .service = S_("w")});
    S_SAY(&client, S_(""), S_("MDPC01"), S_("w"), S_("\x94\x00\x2a\xa2go\x91\x81\xa1n\x03"));
    assert_int_equal(native.heard.type, PROTO_REQUEST);
    assert_true(proto_bytes_equal(native.heard.body, S_("\x81\xa1n\x03")));
    assert_true(proto_bytes_is(native.heard.subject, "local"));
    s_worker(&worker);
    brk_core_record(s_core, s_now, native.id,
                    &(proto_record_t){.type = PROTO_RETURN,
                                      .id = native.heard.id,
                                      .epoch = 9,
                                      .service = S_("w"),
                                      .name = S_("go"),
                                      .body = native.heard.body});
    assert_int_equal(s_hear(&worker, frames), 5);
    proto_rpc_request_t request;
    assert_int_equal(proto_rpc_read_request(frames[4], &request), 0);
    assert_true(proto_bytes_is(request.operation, "go"));
    proto_buf_t answer = PROTO_BUF_INIT;
    proto_rpc_write_response(&answer, true, request.msgid, (proto_bytes_t){0}, S_("\x05"), false);
    proto_bytes_t address = frames[2];
    S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), proto_buf_bytes(&answer));
    assert_int_equal(s_hear(&client, frames), 4);
    assert_true(proto_bytes_equal(frames[3], S_("\x94\x01\x2a\xc0\x05")));
    proto_buf_free(&answer);
    s_leave(&worker);
    s_leave(&native);
    s_leave(&client);
}

/* What is no RPC is for Majordomo workers also when a native one of the same service is free; it waits for
 * them, and lets pass what the native one can take. */
static void s_test_no_rpc_beside_a_native_worker(void **state)
{
    (void)state;
    s_peer_t worker, native, client, other;
    proto_bytes_t frames[S_FRAMES];
    s_join(&native, true);
    s_join(&client, false);
    s_join(&other, false);
    brk_core_record(s_core, s_now, native.id,
                    &(proto_record_t){.type = PROTO_READY, .number = 2, .epoch = 9, .service = S_("w")});
    S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("no RPC"));
    assert_int_equal(s_hear(&client, frames), 4);
    assert_non_null(memmem(frames[3].data, frames[3].size, "malformed", 9));
    s_worker(&worker);
    for (int i = 0; i < 2; i++) /* one at work, one waits */
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("no RPC"));
    assert_int_equal(s_hear(&client, frames), 0);
    assert_int_equal(native.heard.type, 0);
    S_SAY(&other, S_("MDPC02"), S_("\1"), S_("w"), S_("\x94\x00\x2a\xa2go\x90"));
    assert_int_equal(native.heard.type, PROTO_REQUEST);
    native.heard.type = 0;
    S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("\x94\x00\x2b\xa2go\x90"));
    assert_int_equal(native.heard.type, PROTO_REQUEST);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s_hear(&worker, frames), 5);
        proto_bytes_t address = frames[2];
        S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), S_("x"));
        assert_int_equal(s_hear(&client, frames), 4);
        assert_true(proto_bytes_is(frames[3], "x"));
    }
    s_leave(&worker);
    s_leave(&native);
    s_leave(&client);
    s_leave(&other);
}

static void s_test_the_envelope_comes_back(void **state)
{
    (void)state;
    s_peer_t client;
    proto_bytes_t frames[S_FRAMES];
    s_join(&client, false);
    S_SAY(&client, S_("a"), S_("b"), S_(""), S_("MDPC01"), S_("mmi.service"), S_("w"));
    assert_int_equal(s_hear(&client, frames), 6);
    assert_true(proto_bytes_is(frames[0], "a") && proto_bytes_is(frames[1], "b") && frames[2].size == 0);
    assert_true(proto_bytes_is(frames[4], "mmi.service") && proto_bytes_is(frames[5], "404"));
    s_leave(&client);
}

static void s_test_a_client_that_leaves(void **state)
{
    (void)state;
    s_peer_t worker, client;
    proto_bytes_t frames[S_FRAMES];
    s_worker(&worker);
    s_join(&client, false);
    S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("x"));
    S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), S_("y"));
    assert_non_null(client.mdp.calls);
    s_leave(&client);
    assert_null(client.mdp.calls);
    assert_int_equal(s_hear(&worker, frames), 5);
    proto_bytes_t address = frames[2];
    S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), S_("for nobody"));
    assert_int_equal(s_hear(&worker, frames), 0);
    assert_true(brk_core_idle(s_core));
    s_leave(&worker);
}

static void s_test_an_idle_client_is_forgotten(void **state)
{
    (void)state;
    s_peer_t client;
    s_join(&client, false);
    s_tick(10200);
    assert_int_equal(s_forgotten, 1);
    assert_int_equal(client.out.size, 0); /* and nothing is said to it */
}

/* Who a client is no context says: a worker hears what the broker knows, whichever of two equal keys it
 * takes. */
static void s_test_no_identity_in_a_context(void **state)
{
    (void)state;
    static const proto_bytes_t bodies[] = {
        S_("\x94\x00\x07\xa2go\x92\x81\xa1n\x03\x81\xa7subject\xa3xyz"),
        S_("\x94\x00\x07\xa2go\x92\x81\xa1n\x03\x82\xa1x\x01\xa4role\xa4root"),
        S_("\x94\x00\x07\xa2go\x92\x81\xa1n\x03\x82\xa4role\xc0\xa4role\xa4root"),
        S_("\x94\x00\x07\xa2go\x92\x81\xa1n\x03\x81\xc4\x04role\xa4root"),
    };
    static const char start[] = "\x94\x00\x07\xa2go\x92\x81\xa1n\x03\x83\xab"
                                "deadline_ms";
    s_peer_t worker, client;
    proto_bytes_t frames[S_FRAMES];
    s_worker(&worker);
    s_join(&client, false);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), bodies[i]);
        assert_int_equal(s_hear(&worker, frames), 5);
        assert_memory_equal(frames[4].data, start, sizeof start - 1);
        assert_non_null(memmem(frames[4].data, frames[4].size,
                               "\xa7subject\xa5local\xa4role\xa5"
                               "admin",
                               24));
        assert_null(memmem(frames[4].data, frames[4].size, "root", 4));
        assert_null(memmem(frames[4].data, frames[4].size, "xyz", 3));
        proto_bytes_t address = frames[2];
        S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), S_("\x94\x01\x07\xc0\x05"));
        assert_int_equal(s_hear(&client, frames), 4);
        assert_true(proto_bytes_equal(frames[3], S_("\x94\x01\x07\xc0\x05")));
    }
    s_leave(&client);
    s_leave(&worker);
}

/* What a reader less strict than ours might take for an RPC reaches no worker; what nobody would passes. */
static void s_test_what_resembles_an_rpc(void **state)
{
    (void)state;
    static const proto_bytes_t refused[] = {
        S_("\x94\xc2\x07\xa2go\x92\x80\x81\xa4role\xa4root"),  /* a type that is none of ours */
        S_("\x94\x00\x07\xa2go\x92\x80\x81\xa4role\xa4root!"), /* something behind it */
        S_("\x94\x00\x07\xa2go\x92\x80\x81\xa4role\x01\x02"),  /* more than one value */
        S_("\xdc\x00\x04\x00\x07\xa2go\x93\x80\x80\x80"),      /* three parameters */
        S_("\xdd\x00\x00\x00\x04\x00\x07\xa2go\x93\x80\x80\x80"),
    };
    static const proto_bytes_t passed[] = {S_("\x94\x00\x07\xa2go\x92\x81\xa4role\x01\x81\xa1x\x01"),
                                           S_("\xdc"), S_("\x93\x00\x01\x02"), S_("")};
    s_peer_t worker, client;
    proto_bytes_t frames[S_FRAMES];
    s_worker(&worker);
    s_join(&client, false);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), refused[i], S_("more"));
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), refused[i]);
        for (int n = 0; n < 2; n++) {
            assert_int_equal(s_hear(&client, frames), 4);
            assert_non_null(memmem(frames[3].data, frames[3].size, "malformed", 9));
        }
        assert_null(client.mdp.calls);
    }
    assert_int_equal(s_hear(&worker, frames), 0);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        S_SAY(&client, S_("MDPC02"), S_("\1"), S_("w"), passed[i]);
        assert_int_equal(s_hear(&worker, frames), 5);
        assert_true(proto_bytes_equal(frames[4], passed[i]));
        proto_bytes_t address = frames[2];
        S_SAY(&worker, S_("MDPW02"), S_("\4"), address, S_(""), S_("done"));
        assert_int_equal(s_hear(&client, frames), 4);
    }
    s_leave(&client);
    s_leave(&worker);
}

static void s_test_frames(void **state)
{
    (void)state;
    proto_buf_t packed = PROTO_BUF_INIT;
    brk_frame_put_all(&packed, (proto_bytes_t[]){S_("a"), S_(""), S_("bc")}, 3);
    proto_bytes_t left = proto_buf_bytes(&packed), only;
    brk_frame_t frame;
    assert_int_equal(brk_frame_only(left, &only), -1);
    assert_true(brk_frame_next(&left, &frame) && frame.more && proto_bytes_is(frame.bytes, "a"));
    assert_true(brk_frame_next(&left, &frame) && frame.more && frame.bytes.size == 0);
    assert_int_equal(brk_frame_only(left, &only), 0);
    assert_true(proto_bytes_is(only, "bc"));
    assert_true(brk_frame_next(&left, &frame) && !frame.more);
    assert_false(brk_frame_next(&left, &frame));
    proto_buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_test_idle_workers_expire, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_busy_workers_stay, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_window_and_queue, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_given_back_to_the_other_dialect, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_no_rpc_beside_a_native_worker, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_the_envelope_comes_back, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_a_client_that_leaves, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_an_idle_client_is_forgotten, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_no_identity_in_a_context, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_test_what_resembles_an_rpc, s_set_up, s_tear_down),
        cmocka_unit_test(s_test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
