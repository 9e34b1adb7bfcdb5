/* SPDX-License-Identifier: MPL-2.0 */
/* Requests of a client without an answer: which broker, what is sent again, what is said at last; as scripts,
 * and as a seeded simulation in which brokers die and answer late, twice and wrongly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "muster_core.h"
#include "proto_value.h"

enum { BROKERS = 3, LATE_MS = MUSTER_GRACE_MS + PROTO_WHEEL_SLOT_MS };

/* What the core said last, and how often. */
typedef struct world {
    muster_core_t core;
    int64_t now;
    int sends, cancels, broker;
    proto_record_t sent; /* without texts */
    int answers, pieces;
    uint64_t answered;
    proto_type_t type;
    uint16_t error;
} world_t;

static void s_send(void *arg, int broker, const proto_record_t *record)
{
    world_t *world = arg;
    world->broker = broker;
    if (record->type == PROTO_CANCEL) {
        world->cancels++;
        return;
    }
    assert_int_equal(record->type, PROTO_REQUEST);
    world->sends++;
    world->sent = *record;
}

static void s_answer(void *arg, uint64_t id, void *tag, const proto_record_t *record)
{
    world_t *world = arg;
    assert_ptr_equal(tag, world);
    world->answered = id;
    world->type = record->type;
    world->error = record->number;
    if (record->type == PROTO_PARTIAL)
        world->pieces++;
    else
        world->answers++;
}

static const muster_core_calls_t s_calls = {s_send, s_answer};

static void s_open(world_t *world, int brokers)
{
    *world = (world_t){.now = 1000, .broker = -1};
    muster_core_init(&world->core, brokers, 2000, &s_calls, world, world->now);
}

static void s_open_up(world_t *world, int brokers)
{
    s_open(world, brokers);
    for (int i = 0; i < brokers; i++)
        muster_core_up(&world->core, i, world->now);
}

static uint64_t s_ask(world_t *world, bool reads, bool repeats)
{
    proto_record_t record = {.service = proto_bytes_of("db"), .deadline = 1000, .key = proto_bytes_of("k")};
    muster_ask_t ask = {.record = &record, .reads = reads, .repeats = repeats, .only = -1, .tag = world};
    uint64_t id = muster_core_ask(&world->core, &ask, world->now);
    assert_int_not_equal(id, 0);
    muster_core_check(&world->core);
    return id;
}

static void s_say(world_t *world, int broker, uint64_t id, proto_type_t type, proto_error_t error)
{
    muster_core_record(&world->core, broker,
                       &(proto_record_t){.type = type, .id = id, .number = (uint16_t)error}, world->now);
    muster_core_check(&world->core);
}

static void s_pass(world_t *world, int64_t ms)
{
    world->now += ms;
    (void)muster_core_tick(&world->core, world->now);
    muster_core_check(&world->core);
}

static void test_an_answer(void **state)
{
    (void)state;
    world_t world;
    s_open_up(&world, 1);
    uint64_t id = s_ask(&world, true, false);
    assert_int_equal(world.sends, 1);
    assert_int_equal(world.sent.id, id);
    assert_int_equal(world.sent.deadline, 1000);
    assert_int_equal(world.sent.flags, PROTO_FLAG_READ);
    s_say(&world, 0, id, PROTO_PARTIAL, 0);
    s_say(&world, 0, id, PROTO_FINAL, 0);
    assert_int_equal(world.pieces, 1);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answered, id);
    s_say(&world, 0, id, PROTO_FINAL, 0); /* twice is once */
    s_pass(&world, 5000);
    assert_int_equal(world.answers, 1);
    muster_core_free(&world.core);
}

static void test_the_least_busy_broker(void **state)
{
    (void)state;
    world_t world;
    int count[BROKERS] = {0};
    s_open_up(&world, BROKERS);
    uint64_t at_one = 0;
    for (int i = 0; i < 3 * BROKERS; i++) {
        uint64_t id = s_ask(&world, false, false);
        count[world.broker]++;
        if (world.broker == 1)
            at_one = id;
    }
    for (int i = 0; i < BROKERS; i++)
        assert_int_equal(count[i], 3);
    s_say(&world, 1, at_one, PROTO_FINAL, 0);
    (void)s_ask(&world, false, false);
    assert_int_equal(world.broker, 1);
    muster_core_down(&world.core, 1, world.now);
    for (int i = 0; i < 10; i++) {
        (void)s_ask(&world, false, false);
        assert_int_not_equal(world.broker, 1);
    }
    muster_core_free(&world.core);
}

static void test_waiting_for_a_broker(void **state)
{
    (void)state;
    world_t world;
    s_open(&world, 1);
    (void)s_ask(&world, false, false);
    assert_int_equal(world.sends, 0);
    s_pass(&world, 300);
    muster_core_up(&world.core, 0, world.now);
    assert_int_equal(world.sends, 1);
    assert_int_equal(world.sent.deadline, 700); /* what is left */
    muster_core_down(&world.core, 0, world.now);
    assert_int_equal(world.error, PROTO_ERROR_outcome_unknown);
    (void)s_ask(&world, false, false);
    s_pass(&world, 1000 + PROTO_WHEEL_SLOT_MS);
    assert_int_equal(world.answers, 2);
    assert_int_equal(world.error, PROTO_ERROR_not_ready);
    muster_core_free(&world.core);
}

static void test_deadlines(void **state)
{
    (void)state;
    world_t world;
    s_open_up(&world, 1);
    (void)s_ask(&world, true, false);
    s_pass(&world, 1000);
    assert_int_equal(world.answers, 0); /* the broker's word may still come */
    s_pass(&world, LATE_MS);
    assert_int_equal(world.error, PROTO_ERROR_timeout);
    (void)s_ask(&world, false, true); /* what may be repeated is no read */
    s_pass(&world, 1000 + LATE_MS);
    assert_int_equal(world.error, PROTO_ERROR_outcome_unknown);
    uint64_t id = s_ask(&world, true, false);
    for (int i = 0; i < 10; i++) { /* pieces keep it alive */
        s_pass(&world, 900);
        s_say(&world, 0, id, PROTO_PARTIAL, 0);
    }
    assert_int_equal(world.answers, 2);
    s_pass(&world, 1000 + LATE_MS);
    assert_int_equal(world.answers, 3);
    assert_int_equal(world.sends, 3);
    muster_core_free(&world.core);
}

/* The broker dies with a request: {reads, repeats} -> sent again. (All have a key, which changes nothing.) */
static void test_a_broker_dies(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        bool reads = kind & 1, repeats = kind & 2;
        world_t world;
        s_open_up(&world, 2);
        uint64_t id = s_ask(&world, reads, repeats);
        int first = world.broker;
        muster_core_down(&world.core, first, world.now);
        muster_core_check(&world.core);
        assert_int_equal(world.sends, reads || repeats ? 2 : 1);
        if (!reads && !repeats) {
            assert_int_equal(world.error, PROTO_ERROR_outcome_unknown);
            muster_core_free(&world.core);
            continue;
        }
        assert_int_equal(world.broker, 1 - first);
        assert_int_equal(world.sent.id, id);
        s_say(&world, first, id, PROTO_FINAL, 0); /* not the one it is at */
        assert_int_equal(world.answers, 0);
        muster_core_down(&world.core, world.broker, world.now); /* once, not twice */
        assert_int_equal(world.sends, 2);
        assert_int_equal(world.error, reads ? PROTO_ERROR_worker_lost : PROTO_ERROR_outcome_unknown);
        muster_core_free(&world.core);
    }
}

/* A worker dies, or a broker is ending: what it says of the request decides. */
static void test_errors_after_which_it_is_sent_again(void **state)
{
    (void)state;
    static const struct {
        proto_error_t error;
        bool reads, repeats;
        int brokers, sends;
    } cases[] = {
        {PROTO_ERROR_worker_lost, true, false, 1, 2},      {PROTO_ERROR_worker_lost, true, false, 2, 2},
        {PROTO_ERROR_worker_lost, false, false, 2, 1},     {PROTO_ERROR_outcome_unknown, false, true, 1, 2},
        {PROTO_ERROR_outcome_unknown, false, false, 2, 1}, {PROTO_ERROR_no_worker, true, false, 1, 1},
        {PROTO_ERROR_no_worker, true, false, 2, 2},        {PROTO_ERROR_shutting_down, false, true, 2, 2},
        {PROTO_ERROR_shutting_down, false, false, 2, 1},   {PROTO_ERROR_timeout, true, false, 2, 1},
        {PROTO_ERROR_overloaded, true, false, 2, 1},       {PROTO_ERROR_conflict, false, true, 2, 1},
        {PROTO_ERROR_declared, true, true, 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_t world;
        s_open_up(&world, cases[i].brokers);
        uint64_t id = s_ask(&world, cases[i].reads, cases[i].repeats);
        s_say(&world, world.broker, id, PROTO_ERROR, cases[i].error);
        assert_int_equal(world.sends, cases[i].sends);
        if (world.sends == 1)
            assert_int_equal(world.error, cases[i].error);
        muster_core_free(&world.core);
    }
}

/* Once a write may have been done, nothing says that it was not. */
static void test_perhaps_done(void **state)
{
    (void)state;
    world_t world;
    s_open_up(&world, 2);
    uint64_t id = s_ask(&world, false, true);
    muster_core_down(&world.core, world.broker, world.now);
    s_say(&world, world.broker, id, PROTO_ERROR, PROTO_ERROR_no_worker);
    assert_int_equal(world.error, PROTO_ERROR_outcome_unknown);
    id = s_ask(&world, false, true);
    muster_core_down(&world.core, world.broker, world.now); /* none is left to send it to */
    s_pass(&world, 1000 + PROTO_WHEEL_SLOT_MS);
    assert_int_equal(world.answers, 2);
    assert_int_equal(world.error, PROTO_ERROR_outcome_unknown);
    muster_core_free(&world.core);
}

static void test_a_begun_answer_is_not_begun_again(void **state)
{
    (void)state;
    world_t world;
    s_open_up(&world, 2);
    uint64_t id = s_ask(&world, true, false);
    s_say(&world, world.broker, id, PROTO_PARTIAL, 0);
    muster_core_down(&world.core, world.broker, world.now);
    assert_int_equal(world.sends, 1);
    assert_int_equal(world.error, PROTO_ERROR_worker_lost);
    muster_core_free(&world.core);
}

static void test_cancel(void **state)
{
    (void)state;
    world_t world;
    void *tag = NULL;
    s_open_up(&world, 1);
    uint64_t id = s_ask(&world, false, false);
    assert_true(muster_core_cancel(&world.core, id, &tag));
    assert_ptr_equal(tag, &world);
    assert_int_equal(world.cancels, 1);
    assert_false(muster_core_cancel(&world.core, id, &tag));
    s_say(&world, 0, id, PROTO_FINAL, 0);
    s_pass(&world, 5000);
    assert_int_equal(world.answers, 0);
    assert_int_equal(muster_core_any(&world.core), 0);
    muster_core_free(&world.core);
}

static void test_one_broker_only(void **state)
{
    (void)state;
    world_t world;
    s_open(&world, 2);
    muster_core_up(&world.core, 0, world.now);
    proto_record_t record = {.service = proto_bytes_of("db"), .deadline = 1000};
    muster_ask_t ask = {.record = &record, .reads = true, .only = 1, .tag = &world};
    assert_int_not_equal(muster_core_ask(&world.core, &ask, world.now), 0);
    muster_core_up(&world.core, 0, world.now);
    assert_int_equal(world.sends, 0);
    muster_core_up(&world.core, 1, world.now);
    assert_int_equal(world.sends, 1);
    assert_int_equal(world.broker, 1);
    muster_core_down(&world.core, 1, world.now); /* waits for that one */
    assert_int_equal(world.sends, 1);
    muster_core_check(&world.core);
    muster_core_free(&world.core);
}

static void test_what_cannot_be_sent(void **state)
{
    (void)state;
    static char name[300];
    world_t world;
    memset(name, 'x', sizeof name - 1);
    s_open_up(&world, 1);
    proto_record_t record = {.service = proto_bytes_of(name), .deadline = 1000};
    muster_ask_t ask = {.record = &record, .only = -1, .tag = &world};
    assert_int_equal(muster_core_ask(&world.core, &ask, world.now), 0);
    record = (proto_record_t){.service = proto_bytes_of("db")};
    assert_int_equal(muster_core_ask(&world.core, &ask, world.now), 0);
    muster_core_check(&world.core);
    muster_core_free(&world.core);
}

/* ---- A simulation -------------------------------------------------------------------------------- */

enum { SEEDS = 300, STEPS = 400, STEP_MS = 60, REQUESTS = 512 };

typedef struct request {
    uint64_t id;
    bool reads, repeats, open, handed_on;
    int at, sends, lasts;
    int64_t latest; /* when there must be an answer */
} request_t;

typedef struct sim {
    muster_core_t core;
    uint64_t random;
    int64_t now;
    request_t requests[REQUESTS];
    int count;
    bool alive[BROKERS];
    int resent, unknown;
} sim_t;

static uint32_t s_random(sim_t *sim, uint32_t below)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return (uint32_t)(sim->random >> 16) % below;
}

static void s_sim_send(void *arg, int broker, const proto_record_t *record)
{
    sim_t *sim = arg;
    assert_true(sim->alive[broker]);
    if (record->type != PROTO_REQUEST)
        return;
    char name[16] = "";
    assert_true(record->name.size < sizeof name);
    memcpy(name, record->name.data, record->name.size);
    request_t *request = &sim->requests[strtoul(name, NULL, 10)];
    request->at = broker;
    request->id = record->id;
    request->sends++;
    sim->resent += request->sends == 2;
    assert_true(request->sends == 1 || (request->sends == 2 && (request->reads || request->repeats)));
}

static void s_sim_answer(void *arg, uint64_t id, void *tag, const proto_record_t *record)
{
    sim_t *sim = arg;
    request_t *request = tag;
    assert_true(request->open);
    assert_true(request->id == 0 || request->id == id);
    if (record->type == PROTO_PARTIAL) {
        request->latest = sim->now + 1000 + LATE_MS;
        return;
    }
    request->open = false;
    request->lasts++;
    assert_int_equal(request->lasts, 1);
    assert_true(sim->now <= request->latest + STEP_MS); /* time goes in steps */
    if (record->type != PROTO_ERROR)
        return;
    sim->unknown += record->number == PROTO_ERROR_outcome_unknown;
    /* Handed on and lost, a write was perhaps done. */
    if (request->handed_on && !request->reads)
        assert_false(proto_error_retryable((proto_error_t)record->number));
}

static void s_sim_ask(sim_t *sim)
{
    char name[16];
    if (sim->count == REQUESTS)
        return;
    request_t *request = &sim->requests[sim->count];
    *request = (request_t){.reads = s_random(sim, 2),
                           .repeats = s_random(sim, 3) == 0,
                           .open = true,
                           .latest = sim->now + 1000 + LATE_MS};
    snprintf(name, sizeof name, "%d", sim->count++);
    proto_record_t record = {.deadline = 1000,
                             .service = proto_bytes_of("db"),
                             .name = {(const uint8_t *)name, strlen(name)},
                             .key = proto_bytes_of("k")};
    muster_ask_t ask = {
        .record = &record, .reads = request->reads, .repeats = request->repeats, .only = -1, .tag = request};
    uint64_t id = muster_core_ask(&sim->core, &ask, sim->now);
    assert_int_not_equal(id, 0);
    request->id = id;
}

static void s_sim_broker(sim_t *sim)
{
    static const uint16_t errors[] = {PROTO_ERROR_worker_lost,   PROTO_ERROR_no_worker,
                                      PROTO_ERROR_shutting_down, PROTO_ERROR_overloaded,
                                      PROTO_ERROR_timeout,       PROTO_ERROR_conflict};
    int broker = (int)s_random(sim, BROKERS);
    if (s_random(sim, 4) == 0) {
        sim->alive[broker] = !sim->alive[broker];
        if (sim->alive[broker]) {
            muster_core_up(&sim->core, broker, sim->now);
            return;
        }
        for (int i = 0; i < sim->count; i++) /* what it has perhaps done must not be told "not done" */
            if (sim->requests[i].sends && sim->requests[i].at == broker)
                sim->requests[i].handed_on = true;
        muster_core_down(&sim->core, broker, sim->now);
        return;
    }
    if (sim->count == 0)
        return;
    /* Any broker says anything of any request, also one that it does not have. */
    request_t *request = &sim->requests[s_random(sim, (uint32_t)sim->count)];
    proto_record_t record = {.id = request->id ? request->id : 1};
    uint32_t what = s_random(sim, 4);
    record.type = what == 0 ? PROTO_PARTIAL : what == 1 ? PROTO_ERROR : PROTO_FINAL;
    if (record.type == PROTO_ERROR)
        record.number = errors[s_random(sim, sizeof errors / sizeof errors[0])];
    muster_core_record(&sim->core, broker, &record, sim->now);
}

static void test_simulation(void **state)
{
    (void)state;
    static const muster_core_calls_t calls = {s_sim_send, s_sim_answer};
    int resent = 0, unknown = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static sim_t sim;
        sim = (sim_t){.random = seed * 0x9E3779B97F4A7C15u, .now = 1};
        muster_core_init(&sim.core, BROKERS, 300, &calls, &sim, sim.now);
        for (int step = 0; step < STEPS; step++) {
            if (s_random(&sim, 3))
                s_sim_ask(&sim);
            s_sim_broker(&sim);
            sim.now += s_random(&sim, STEP_MS);
            (void)muster_core_tick(&sim.core, sim.now);
            muster_core_check(&sim.core);
        }
        for (int i = 0; i < 200; i++) {
            sim.now += 10;
            (void)muster_core_tick(&sim.core, sim.now);
        }
        assert_int_equal(muster_core_any(&sim.core), 0);
        for (int i = 0; i < sim.count; i++)
            assert_int_equal(sim.requests[i].lasts, 1);
        resent += sim.resent;
        unknown += sim.unknown;
        muster_core_free(&sim.core);
    }
    assert_true(resent > SEEDS && unknown > SEEDS); /* else it proves nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_the_least_busy_broker),
        cmocka_unit_test(test_waiting_for_a_broker),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_a_broker_dies),
        cmocka_unit_test(test_errors_after_which_it_is_sent_again),
        cmocka_unit_test(test_perhaps_done),
        cmocka_unit_test(test_a_begun_answer_is_not_begun_again),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_one_broker_only),
        cmocka_unit_test(test_what_cannot_be_sent),
        cmocka_unit_test(test_simulation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
