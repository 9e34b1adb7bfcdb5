/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's core under seeded accidents: random arrivals, answers, deaths, pauses, late and doubled
 * replies, returns, cancels, changing windows and replicas that come and go, on virtual time. After every
 * step the core checks itself and the promises are checked from outside: one final answer at most, exactly
 * one by the deadline, no request at two workers, windows and queues kept. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "brk_core.h"
#include "proto_catalogue.h"
#include "proto_wheel.h"
#include "proto_wire.h"

enum {
    S_SEEDS = 1500,
    S_STEPS = 300,
    S_CLIENTS = 4,
    S_WORKERS = 7,
    S_REPLICAS = 2, /* of the workers: of the service db.read */
    S_REQUESTS = 4000,
    S_WINDOW = 4,
    S_HELD = 64,
    S_QUEUE = 12,
    S_SLACK_MS = 20 + PROTO_WHEEL_SLOT_MS /* a step, and a slot of the wheel */
};

typedef enum { S_ASKED, S_ANSWERED, S_CANCELLED, S_ABANDONED } s_state_t;

/* A client's request, as its client sees it. */
typedef struct s_request {
    s_state_t state;
    int client;
    int64_t deadline;
    int handed;   /* times handed to a worker */
    int returned; /* times given back unstarted */
} s_request_t;

/* What a worker holds, as it sees it. */
typedef struct s_held {
    uint64_t token;
    uint32_t epoch;
    int request, kind; /* kind: its place in s_names */
} s_held_t;

static const char *const s_names[] = {"read", "write", "slow", "none"};

typedef struct s_peer {
    uint64_t id;         /* 0: not joined */
    bool worker, silent; /* silent: neither answers nor beats */
    int64_t silent_until, beat_at;
    uint32_t epoch;
    bool slow;    /* offers the exclusive operation */
    bool replica; /* of the service db.read: offers the read operation alone */
    uint16_t window;
    bool registered; /* has said READY since the broker forgot it last */
    s_held_t held[S_HELD];
    int held_count;
    int owed; /* credit for what it gave back */
} s_peer_t;

typedef struct s_world {
    brk_core_t *core;
    int64_t now;
    uint64_t random;
    s_peer_t peers[S_CLIENTS + S_WORKERS];
    s_request_t requests[S_REQUESTS];
    int request_count;
    uint64_t finals, errors[PROTO_ERROR_COUNT], partials;
} s_world_t;

static s_world_t s_world;
static uint64_t s_total[PROTO_ERROR_COUNT], s_total_finals, s_total_returned, s_total_late, s_total_announced,
    s_total_replica, s_total_only_replicas;

static uint32_t s_random(uint32_t below)
{
    s_world.random ^= s_world.random << 13;
    s_world.random ^= s_world.random >> 7;
    s_world.random ^= s_world.random << 17;
    return (uint32_t)(s_world.random >> 33) % below;
}

static bool s_chance(uint32_t percent)
{
    return s_random(100) < percent;
}

static void s_say(s_peer_t *peer, proto_record_t record)
{
    if (!peer->id)
        peer->id = brk_core_join(s_world.core, s_world.now, true, peer);
    brk_core_record(s_world.core, s_world.now, peer->id, &record);
}

static void s_hello(s_peer_t *peer)
{
    s_say(peer, (proto_record_t){.type = PROTO_HELLO});
}

/* Offers operations 1 (reads), 2 (writes) and, with the slow share, 3 (exclusive); a replica the first alone.
 */
static void s_announce(s_peer_t *peer)
{
    static const uint32_t flags[] = {PROTO_OP_READS | PROTO_OP_REPLICA, 0,
                                     PROTO_OP_READS | PROTO_OP_EXCLUSIVE};
    proto_buf_t body = PROTO_BUF_INIT;
    uint32_t count = peer->replica ? 1 : peer->slow ? 3 : 2;
    peer->window = (uint16_t)(1 + s_random(S_WINDOW));
    proto_write_map(&body, 1);
    proto_write_text(&body, "offers");
    proto_write_array(&body, count);
    for (uint32_t i = 0; i < count; i++) {
        proto_write_array(&body, 3);
        proto_write_uint(&body, i + 1);
        proto_write_text(&body, s_names[i]);
        proto_write_uint(&body, flags[i]);
    }
    s_say(peer, (proto_record_t){.type = PROTO_READY,
                                 .number = peer->window,
                                 .epoch = peer->epoch,
                                 .service = proto_bytes_of(peer->replica ? "db.read" : "db"),
                                 .body = proto_buf_bytes(&body)});
    proto_buf_free(&body);
}

static void s_ready(s_peer_t *peer)
{
    peer->epoch = s_random(1u << 30) + 1;
    peer->owed = 0;
    s_announce(peer);
    peer->registered = true;
}

/* Bodies carry the request's number, so that a worker's copy can be told from others. */
static int s_number(proto_bytes_t body)
{
    return (int)proto_value_get_int(body, "n", -1);
}

static void s_on_answer(s_peer_t *peer, const proto_record_t *record)
{
    assert_true(record->id < (uint64_t)s_world.request_count);
    s_request_t *request = &s_world.requests[record->id];
    assert_true(&s_world.peers[request->client] == peer);
    assert_int_not_equal(request->state, S_ANSWERED);
    if (request->state == S_ASKED)
        assert_true(s_world.now <= request->deadline + S_SLACK_MS);
    request->state = S_ANSWERED;
    if (record->type == PROTO_FINAL) {
        s_world.finals++;
        assert_true(request->handed > request->returned);
        return;
    }
    s_world.errors[record->number]++;
    if (proto_error_retryable((proto_error_t)record->number) && record->number != PROTO_ERROR_worker_lost)
        assert_int_equal(request->handed, request->returned); /* certainly not executed */
}

static int s_kind(proto_bytes_t name)
{
    int kind = 0;
    while (!proto_bytes_is(name, s_names[kind]))
        kind++;
    return kind;
}

/* Whether some worker of the service db itself is registered. */
static bool s_primary_works(void)
{
    for (int i = S_CLIENTS; i < S_CLIENTS + S_WORKERS; i++)
        if (s_world.peers[i].registered && !s_world.peers[i].replica)
            return true;
    return false;
}

static void s_on_request(s_peer_t *peer, const proto_record_t *record)
{
    int n = s_number(record->body), kind = s_kind(record->name);
    assert_true(n >= 0 && n < s_world.request_count);
    s_request_t *request = &s_world.requests[n];
    assert_int_equal(record->epoch, peer->epoch);
    assert_true(record->deadline >= 1);
    request->handed++;
    assert_int_equal(request->handed - request->returned, 1); /* at one worker at most, ever */
    int current = 0;
    for (int i = 0; i < peer->held_count; i++) {
        current += peer->held[i].epoch == peer->epoch;
        assert_false(peer->held[i].epoch == peer->epoch && peer->held[i].kind == 2);
    }
    assert_true(current < peer->window);
    assert_true(peer->held_count < S_HELD);
    peer->held[peer->held_count++] = (s_held_t){record->id, record->epoch, n, kind};
    assert_true(kind != 2 || peer->slow);
    assert_true(kind == 0 || !peer->replica);
    s_total_replica += peer->replica;
    s_total_only_replicas += peer->replica && !s_primary_works();
}

static void s_on_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    s_peer_t *peer = tag;
    switch (record->type) {
    case PROTO_FINAL:
    case PROTO_ERROR:
        s_on_answer(peer, record);
        break;
    case PROTO_REQUEST:
        s_on_request(peer, record);
        break;
    case PROTO_PARTIAL:
        s_world.partials++;
        break;
    default:
        break;
    }
}

/* The broker forgot a peer: its requests are nobody's any more. It notices when it speaks again. */
static void s_on_forget(void *arg, void *tag)
{
    (void)arg;
    s_peer_t *peer = tag;
    peer->registered = false;
    peer->id = 0;
    for (int i = 0; i < s_world.request_count; i++)
        if (&s_world.peers[s_world.requests[i].client] == peer && s_world.requests[i].state == S_ASKED)
            s_world.requests[i].state = S_ABANDONED;
}

static void s_ask(int client)
{
    if (s_world.request_count == S_REQUESTS)
        return;
    int n = s_world.request_count++;
    uint32_t kind = s_random(20) == 0 ? 3 : s_random(3),
             wait = s_chance(20) ? 1 + s_random(60) : 100 + s_random(3000);
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, 1);
    proto_write_text(&body, "n");
    proto_write_int(&body, n);
    s_world.requests[n] = (s_request_t){.client = client, .deadline = s_world.now + wait};
    s_say(&s_world.peers[client], (proto_record_t){
                                      .type = PROTO_REQUEST,
                                      .id = (uint64_t)n,
                                      .deadline = wait,
                                      .operation = s_chance(50) ? kind + 1 : 0,
                                      .service = proto_bytes_of(s_random(50) ? "db" : "nowhere"),
                                      .name = proto_bytes_of(s_names[kind]),
                                      .body = proto_buf_bytes(&body),
                                  });
    proto_buf_free(&body);
}

static void s_cancel(void)
{
    if (!s_world.request_count)
        return;
    int n = (int)s_random((uint32_t)s_world.request_count);
    s_request_t *request = &s_world.requests[n];
    if (request->state != S_ASKED || !s_world.peers[request->client].id)
        return;
    request->state = S_CANCELLED;
    s_say(&s_world.peers[request->client], (proto_record_t){.type = PROTO_CANCEL, .id = (uint64_t)n});
}

static void s_answer(s_peer_t *peer, const s_held_t *held)
{
    static const uint8_t nil = 0xc0;
    proto_type_t type = s_chance(80) ? PROTO_FINAL : PROTO_ERROR;
    s_say(peer, (proto_record_t){.type = type,
                                 .number = type == PROTO_ERROR ? PROTO_ERROR_conflict : 0,
                                 .id = held->token,
                                 .epoch = held->epoch,
                                 .body = {&nil, 1}});
}

static void s_give_back(s_peer_t *peer, const s_held_t *held)
{
    proto_buf_t body = PROTO_BUF_INIT;
    if (held->epoch != peer->epoch)
        return;
    proto_write_map(&body, 1);
    proto_write_text(&body, "n");
    proto_write_int(&body, held->request);
    s_world.requests[held->request].returned++;
    peer->owed++;
    s_say(peer, (proto_record_t){.type = PROTO_RETURN,
                                 .id = held->token,
                                 .epoch = held->epoch,
                                 .service = proto_bytes_of("db"),
                                 .name = proto_bytes_of(s_names[held->kind]),
                                 .operation = (uint64_t)held->kind + 1,
                                 .body = proto_buf_bytes(&body)});
    proto_buf_free(&body);
}

/* One thing a worker may do. */
static void s_work(s_peer_t *peer)
{
    if (peer->held_count && s_chance(60)) {
        int i = s_chance(70) ? 0 : (int)s_random((uint32_t)peer->held_count);
        s_held_t held = peer->held[i];
        bool back = s_chance(8);
        peer->held[i] = peer->held[--peer->held_count];
        if (back) {
            s_give_back(peer, &held);
        } else {
            if (s_chance(5))
                s_say(peer, (proto_record_t){.type = PROTO_PARTIAL, .id = held.token, .epoch = held.epoch});
            s_answer(peer, &held);
            if (s_chance(5)) /* doubled */
                s_answer(peer, &held);
        }
    } else if (peer->owed && s_chance(50)) {
        s_say(peer,
              (proto_record_t){.type = PROTO_CREDIT, .number = (uint16_t)peer->owed, .epoch = peer->epoch});
        peer->owed = 0;
    } else if (peer->registered && s_chance(2)) { /* other offers and window; what it holds goes on */
        peer->slow = !peer->slow && !peer->replica;
        s_announce(peer);
        s_total_announced++;
    } else if (s_chance(2)) { /* credit out of thin air must not widen the window */
        s_say(peer, (proto_record_t){.type = PROTO_CREDIT, .number = 3, .epoch = peer->epoch});
    }
}

/* A worker or client dies at once, leaves politely, falls silent for a while, or begins anew. */
static void s_accident(s_peer_t *peer)
{
    switch (s_random(5)) {
    case 0:
        if (peer->id)
            brk_core_leave(s_world.core, s_world.now, peer->id);
        break;
    case 1:
        if (peer->id)
            s_say(peer, (proto_record_t){.type = PROTO_DISCONNECT});
        break;
    case 2:
        peer->silent = true;
        peer->silent_until = s_world.now + s_random(2 * PROTO_EXPIRY_MS);
        break;
    default:
        if (peer->worker)
            s_ready(peer); /* with a new epoch; what it held it still answers, late */
        break;
    }
}

static void s_live(s_peer_t *peer)
{
    if (peer->silent && s_world.now < peer->silent_until)
        return;
    peer->silent = false;
    if (!peer->id) {
        if (peer->worker && peer->held_count && s_chance(30)) { /* late answers before it introduces itself */
            s_answer(peer, &peer->held[--peer->held_count]);
        } else if (s_chance(50)) {
            if (peer->worker)
                s_ready(peer);
            else
                s_hello(peer);
        }
        return;
    }
    if (s_world.now >= peer->beat_at) {
        s_say(peer, (proto_record_t){.type = PROTO_HEARTBEAT});
        peer->beat_at = s_world.now + PROTO_HEARTBEAT_MS;
    }
    if (peer->worker)
        s_work(peer);
}

/* Nobody who stayed has waited beyond the deadline. */
static void s_check_deadlines(void)
{
    for (int i = 0; i < s_world.request_count; i++) {
        const s_request_t *request = &s_world.requests[i];
        if (request->state == S_ASKED)
            assert_true(s_world.now <= request->deadline + S_SLACK_MS);
    }
}

static void s_step(uint32_t accidents)
{
    s_world.now += s_random(20);
    for (int i = 0; i < S_CLIENTS; i++) {
        s_peer_t *peer = &s_world.peers[i];
        s_live(peer);
        for (uint32_t n = s_random(4); n && !peer->silent && peer->id; n--)
            s_ask(i);
    }
    for (int i = S_CLIENTS; i < S_CLIENTS + S_WORKERS; i++)
        for (uint32_t n = s_random(4); n; n--)
            s_live(&s_world.peers[i]);
    if (s_chance(10))
        s_cancel();
    if (s_chance(accidents))
        s_accident(&s_world.peers[s_random(S_CLIENTS + S_WORKERS)]);
    brk_core_tick(s_world.core, s_world.now);
    assert_true(brk_core_next_deadline(s_world.core) > s_world.now - PROTO_WHEEL_SLOT_MS);
    brk_core_check(s_world.core);
    s_check_deadlines();
}

static void s_run(uint64_t seed)
{
    const brk_limits_t limits = {.peers = 100,
                                 .requests = 200,
                                 .queue_count = S_QUEUE,
                                 .queue_bytes = 20000,
                                 .queue_ms = 400,
                                 .deadline_ms = 2500,
                                 .subject = "",
                                 .role = ""};
    memset(&s_world, 0, sizeof s_world);
    s_world.random = seed * 0x9e3779b97f4a7c15u + 1;
    s_world.now = 1000;
    s_world.core = brk_core_new(&limits, s_on_send, NULL, s_world.now);
    brk_core_on_forget(s_world.core, s_on_forget);
    for (int i = S_CLIENTS; i < S_CLIENTS + S_WORKERS; i++) {
        s_world.peers[i].worker = true;
        s_world.peers[i].replica = i >= S_CLIENTS + S_WORKERS - S_REPLICAS;
        s_world.peers[i].slow = i % 2 && !s_world.peers[i].replica;
    }
    uint32_t accidents = (uint32_t)(seed % 4) * 7;
    for (int i = 0; i < S_STEPS; i++)
        s_step(accidents);
    for (int i = 0; i < 400; i++) { /* everything comes to its end */
        s_world.now += 10;
        for (int p = 0; p < S_CLIENTS + S_WORKERS; p++)
            s_live(&s_world.peers[p]);
        brk_core_tick(s_world.core, s_world.now);
        brk_core_check(s_world.core);
    }
    for (int i = 0; i < s_world.request_count; i++)
        assert_int_not_equal(s_world.requests[i].state, S_ASKED);
    assert_int_equal(brk_core_stats(s_world.core)->requests, s_world.request_count);
    s_total_finals += s_world.finals;
    s_total_returned += brk_core_stats(s_world.core)->returned;
    s_total_late += brk_core_stats(s_world.core)->late;
    for (int i = 0; i < PROTO_ERROR_COUNT; i++)
        s_total[i] += s_world.errors[i];
    brk_core_free(&s_world.core);
}

static void test_accidents(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= S_SEEDS; seed++)
        s_run(seed);
    /* A simulation in which something never happens proves nothing about it. */
    assert_true(s_total_finals > 100000 && s_total_returned > 1000 && s_total_late > 1000);
    assert_true(s_total_announced > 1000);
    assert_true(s_total_replica > 10000 && s_total_only_replicas > 100);
    const proto_error_t seen[] = {PROTO_ERROR_no_worker, PROTO_ERROR_overloaded,      PROTO_ERROR_expired,
                                  PROTO_ERROR_timeout,   PROTO_ERROR_outcome_unknown, PROTO_ERROR_worker_lost,
                                  PROTO_ERROR_conflict};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        assert_true(s_total[seen[i]] > 100);
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* one seed alone, to look into it */
        s_run(strtoull(argv[1], NULL, 10));
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accidents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
