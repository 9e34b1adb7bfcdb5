/* SPDX-License-Identifier: MPL-2.0 */
/* Several brokers under seeded accidents: clients of both dialects, workers of both that stand at all brokers
 * or at one, on virtual time (sim.h). Peers and brokers die, stand still and come back, connections are cut,
 * messages are late, requests are cancelled, returned and sent again. Checked at every step: a core's own
 * invariants; one last answer for each request, by its deadline, and about the request that was asked; no
 * write done twice; what was said not to be done not done, and what was said to be done done; windows kept
 * and divided. With a number as argument: that seed alone; with two: those from the first to the second. */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
enum { S_SEEDS = 120 };
#else
enum { S_SEEDS = 320 };
#endif
enum { S_STEPS = 3000, S_END_STEPS = 1300 };

sim_world_t sim;
sim_counts_t sim_counts;
static uint64_t s_seed, s_first = 1, s_last = S_SEEDS;
static bool s_shown; /* what happened is printed */

static void s_set_up(uint64_t seed)
{
    static const int versions[] = {1, 2, 1, 2, 1};
    memset(&sim, 0, sizeof sim);
    s_seed = seed;
    sim.random = seed * 0x9e3779b97f4a7c15u + 1;
    sim.now = 100000;
    sim.broker_count = 2 + (int)(seed % 2);
    for (int i = 0; i < SIM_STOCKS; i++)
        sim.stocks[i] = (sim_stock_t){.version = versions[i], .service = i < 2 ? "db" : "echo"};
    for (int i = 0; i < SIM_ASKERS; i++)
        sim.askers[i].version = 1 + i % 2;
}

static void s_broker_accident(void)
{
    int broker = (int)sim_random((uint32_t)sim.broker_count);
    sim_broker_t *self = &sim.brokers[broker];
    if (!self->core)
        return;
    if (sim_chance(600)) {
        sim_broker_die(broker);
        self->back_at = sim.now + sim_random(3000);
        sim_counts.broker_deaths++;
    } else if (sim_chance(400)) {
        brk_core_drain(self->core, sim.now);
        self->dies_at = sim.now + sim_random(500);
        self->back_at = self->dies_at + sim_random(1000);
        sim_counts.drains++;
    } else if (sim.now > self->paused_until) {
        self->paused_until = sim.now + sim_random(2 * PROTO_EXPIRY_MS);
        sim_counts.broker_pauses++;
    }
}

/* A connection breaks, and both ends live on. */
static void s_cut(void)
{
    sim_broker_t *self = &sim.brokers[sim_random((uint32_t)sim.broker_count)];
    for (sim_conn_t *conn = self->conns; conn; conn = conn->next) {
        if (!conn->cut && sim_chance(200)) {
            sim_conn_cut(conn);
            sim_counts.cuts++;
            return;
        }
    }
}

static void s_actor_accident(sim_actor_t *self)
{
    if (sim_chance(400)) {
        sim_actor_die(self, sim_chance(300));
        self->away_until = sim.now + sim_random(1000);
        sim_counts.actor_deaths++;
    } else if (self->lives && sim_chance(300)) {
        act_brokers_withdraw(&self->brokers);
    } else {
        self->away_until = sim.now + sim_random(3 * PROTO_EXPIRY_MS);
        sim_counts.actor_stops++;
    }
}

static void s_stock_accident(sim_stock_t *self)
{
    if (sim_chance(400)) {
        sim_stock_die(self);
        sim_counts.stock_deaths++;
    } else {
        sim_counts.stock_stops++;
    }
    self->away_until = sim.now + sim_random(12000);
}

static void s_client_accident(sim_client_t *self)
{
    if (sim_chance(400)) {
        sim_client_die(self, sim_chance(300));
        sim_counts.client_deaths++;
    } else {
        sim_counts.client_stops++;
    }
    self->away_until = sim.now + sim_random(2 * PROTO_EXPIRY_MS);
}

static void s_accident(void)
{
    switch (sim_random(9)) {
    case 0:
    case 1:
        s_broker_accident();
        break;
    case 2:
    case 3:
        s_actor_accident(&sim.actors[sim_random(SIM_ACTORS)]);
        break;
    case 4:
        s_client_accident(&sim.clients[sim_random(SIM_CLIENTS)]);
        break;
    case 5:
    case 6:
        s_stock_accident(&sim.stocks[sim_random(SIM_STOCKS)]);
        break;
    case 7:
        sim_asker_die(&sim.askers[sim_random(SIM_ASKERS)]);
        sim_counts.asker_deaths++;
        break;
    default:
        s_cut();
        break;
    }
}

/* The invariants of one core: all of them at every step would take most of the time. */
static void s_check_core(int which)
{
    if (which >= sim.broker_count && sim.clients[which - sim.broker_count].lives)
        muster_core_check(&sim.clients[which - sim.broker_count].core);
    if (which < sim.broker_count && sim.brokers[which].core)
        brk_core_check(sim.brokers[which].core);
}

static void s_step(int step)
{
    for (int i = 0; i < sim.broker_count; i++)
        sim_broker_turn(i);
    for (int i = 0; i < SIM_ACTORS; i++)
        sim_actor_turn(&sim.actors[i]);
    for (int i = 0; i < SIM_STOCKS; i++)
        sim_stock_turn(&sim.stocks[i]);
    for (int i = 0; i < SIM_CLIENTS; i++)
        sim_client_turn(&sim.clients[i]);
    for (int i = 0; i < SIM_ASKERS; i++)
        sim_asker_turn(&sim.askers[i]);
    s_check_core(step % (sim.broker_count + SIM_CLIENTS));
    sim_books_check();
}

/* Nothing is left over: no request anywhere, no call of a Majordomo client. */
static void s_check_end(void)
{
    for (int n = 0; n < sim.request_count; n++)
        assert_int_not_equal(sim.requests[n].state, SIM_ASKED);
    for (int i = 0; i < sim.broker_count; i++) {
        assert_non_null(sim.brokers[i].core);
        brk_core_check(sim.brokers[i].core);
        assert_true(brk_core_idle(sim.brokers[i].core));
        for (const sim_conn_t *conn = sim.brokers[i].conns; conn; conn = conn->next)
            assert_null(conn->majordomo.calls);
    }
    for (int i = 0; i < SIM_CLIENTS; i++)
        assert_true(muster_core_any(&sim.clients[i].core) == 0);
    for (int i = 0; i < SIM_ACTORS; i++)
        assert_int_equal(sim.actors[i].job_count, 0);
}

static void s_tear_down(void)
{
    for (int i = 0; i < SIM_ACTORS; i++)
        sim_actor_die(&sim.actors[i], false);
    for (int i = 0; i < SIM_STOCKS; i++) {
        sim_stock_die(&sim.stocks[i]);
        proto_buf_free(&sim.stocks[i].body);
    }
    for (int i = 0; i < SIM_CLIENTS; i++)
        sim_client_die(&sim.clients[i], false);
    for (int i = 0; i < SIM_ASKERS; i++)
        sim_asker_die(&sim.askers[i]);
    for (int i = 0; i < sim.broker_count; i++)
        sim_broker_die(i);
}

static void s_run(uint64_t seed)
{
    s_set_up(seed);
    uint32_t accidents = (uint32_t)(seed % 4) * 6;
    for (int i = 0; i < S_STEPS; i++) {
        sim.now += sim_random(20);
        if (sim_chance(accidents))
            s_accident();
        s_step(i);
    }
    sim.ending = true;
    for (int i = 0; i < S_END_STEPS; i++) {
        sim.now += SIM_STEP_MS;
        s_step(i);
    }
    s_check_end();
    s_tear_down();
}

static void s_show_counts(void)
{
#define X(name) printf(#name " %llu\n", (unsigned long long)sim_counts.name);
    SIM_COUNTS(X)
#undef X
    for (int i = 0; i < PROTO_ERROR_COUNT; i++)
        if (sim_counts.errors[i])
            printf("%s %llu\n", proto_error_code((proto_error_t)i), (unsigned long long)sim_counts.errors[i]);
}

/* A simulation in which something never happens proves nothing about it. */
static void s_check_counts(void)
{
    const sim_counts_t *n = &sim_counts;
    assert_true(n->finals > 100000 && n->mdp_finals > 20000 && n->done > 50000 && n->stock_jobs > 20000);
    assert_true(n->partials > 5000 && n->cancelled > 2000 && n->returned > 5000 && n->opaque > 3000);
    assert_true(n->twice_read > 200 && n->again_keyed > 50 && n->late > 50 && n->expired_unrun > 1000);
    assert_true(n->dropped_jobs > 100 && n->stale > 100 && n->unheard > 2000 && n->refused > 5000);
    assert_true(n->broker_deaths > 200 && n->broker_pauses > 50 && n->drains > 50 && n->cuts > 100);
    assert_true(n->actor_deaths > 100 && n->actor_leaves > 50 && n->actor_stops > 100);
    assert_true(n->client_deaths > 50 && n->client_stops > 100 && n->asker_deaths > 100);
    assert_true(n->stock_deaths > 100 && n->stock_stops > 100);
    const proto_error_t seen[] = {
        PROTO_ERROR_no_worker, PROTO_ERROR_overloaded,    PROTO_ERROR_expired, PROTO_ERROR_worker_lost,
        PROTO_ERROR_not_ready, PROTO_ERROR_shutting_down, PROTO_ERROR_timeout, PROTO_ERROR_outcome_unknown,
        PROTO_ERROR_conflict,  PROTO_ERROR_malformed};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        assert_true(n->errors[seen[i]] > 100);
}

static void s_test_accidents(void **state)
{
    (void)state;
    for (uint64_t seed = s_first; seed <= s_last; seed++)
        s_run(seed);
    if (s_shown)
        s_show_counts();
    else
        s_check_counts();
}

/* A core's own assertion does not come back. */
static void s_on_abort(int signal)
{
    (void)signal;
    fprintf(stderr, "seed %llu failed: give it as argument\n", (unsigned long long)s_seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_accidents)};
    signal(SIGABRT, s_on_abort);
    if (argc > 1) {
        s_first = s_last = strtoull(argv[1], NULL, 10);
        s_shown = true;
    }
    if (argc > 2)
        s_last = strtoull(argv[2], NULL, 10);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    if (rc)
        s_on_abort(0);
    return rc;
}
