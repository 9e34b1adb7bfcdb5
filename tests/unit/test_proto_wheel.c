/* SPDX-License-Identifier: MPL-2.0 */
/* The timer wheel against a naive model: never early, at most one slot late, nothing lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto_wheel.h"

enum { S_SLOT = PROTO_WHEEL_SLOT_MS, S_TURN = PROTO_WHEEL_SLOTS * PROTO_WHEEL_SLOT_MS, S_NODES = 300 };

static proto_wheel_t s_wheel;
static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static void test_empty_wheel(void **state)
{
    (void)state;
    memset(&s_wheel, 0xee, sizeof s_wheel);
    proto_wheel_init(&s_wheel, 12345);
    proto_wheel_check(&s_wheel);
    assert_true(proto_wheel_next(&s_wheel) == INT64_MAX);
    assert_null(proto_wheel_expire(&s_wheel, 12345));
    assert_null(proto_wheel_expire(&s_wheel, 12345 + 10 * S_TURN));
    assert_true(proto_wheel_next(&s_wheel) == INT64_MAX);
    proto_wheel_check(&s_wheel);
}

static void test_remove_is_harmless_when_off(void **state)
{
    (void)state;
    proto_wheel_node_t node = {0}, other = {0};
    proto_wheel_init(&s_wheel, 0);
    proto_wheel_remove(&s_wheel, &node);
    assert_false(proto_wheel_on(&node));
    proto_wheel_add(&s_wheel, &node, 100);
    proto_wheel_add(&s_wheel, &other, 100);
    assert_true(proto_wheel_on(&node));
    for (int i = 0; i < 3; i++) {
        proto_wheel_remove(&s_wheel, &node);
        proto_wheel_check(&s_wheel);
        assert_false(proto_wheel_on(&node));
        assert_int_equal(s_wheel.count, 1);
    }
    assert_ptr_equal(proto_wheel_expire(&s_wheel, 200), &other);
    proto_wheel_remove(&s_wheel, &other);
    assert_null(proto_wheel_expire(&s_wheel, 200));
    assert_true(proto_wheel_next(&s_wheel) == INT64_MAX);
}

/* First millisecond at which a deadline fires when asked every millisecond from `now` on. */
static int64_t s_fires(int64_t now, int64_t deadline)
{
    proto_wheel_node_t node = {0};
    proto_wheel_init(&s_wheel, now);
    proto_wheel_add(&s_wheel, &node, deadline);
    for (int64_t at = now; at <= deadline + 2 * S_SLOT || at <= now + 2 * S_SLOT; at++)
        if (proto_wheel_expire(&s_wheel, at) == &node)
            return at;
    return -1;
}

static void test_never_early_and_at_most_a_slot_late(void **state)
{
    (void)state;
    for (int64_t now = 1000; now < 1000 + 2 * S_SLOT; now++) {
        for (int64_t ahead = 0; ahead < 3 * S_SLOT; ahead++)
            assert_in_range(s_fires(now, now + ahead), now + ahead, now + ahead + S_SLOT);
        for (int64_t ahead = S_TURN - 20; ahead < S_TURN + 20; ahead += 5)
            assert_in_range(s_fires(now, now + ahead), now + ahead, now + ahead + S_SLOT);
    }
    assert_in_range(s_fires(5, 5 + 7 * S_TURN), 5 + 7 * S_TURN, 5 + 7 * S_TURN + S_SLOT);
}

static void test_past_deadline_fires_at_the_next_expire_of_a_new_wheel(void **state)
{
    (void)state;
    for (int64_t now = 100000; now < 100000 + 2 * S_SLOT; now++)
        for (int64_t back = S_SLOT; back < 100000; back = back * 3 + 1) {
            proto_wheel_node_t node = {0};
            proto_wheel_init(&s_wheel, now);
            proto_wheel_add(&s_wheel, &node, now - back);
            assert_ptr_equal(proto_wheel_expire(&s_wheel, now), &node);
        }
}

/* "One in the past fires at the next expire": also when the present slot was gone through before, and when
 * the deadline lies in the present slot. */
static void test_past_deadline_fires_at_the_next_expire_of_a_wheel_in_use(void **state)
{
    (void)state;
    proto_wheel_node_t node = {0};
    proto_wheel_init(&s_wheel, 1000);
    assert_null(proto_wheel_expire(&s_wheel, 1000));
    proto_wheel_add(&s_wheel, &node, 500);
    proto_wheel_check(&s_wheel);
    assert_ptr_equal(proto_wheel_expire(&s_wheel, 1001), &node);
    proto_wheel_init(&s_wheel, 1002);
    proto_wheel_add(&s_wheel, &node, 1001);
    assert_ptr_equal(proto_wheel_expire(&s_wheel, 1002), &node);
}

static void test_jumps_over_whole_turns_lose_nothing(void **state)
{
    (void)state;
    static proto_wheel_node_t nodes[PROTO_WHEEL_SLOTS * 2];
    enum { COUNT = sizeof nodes / sizeof *nodes };
    const int64_t jumps[] = {S_TURN - S_SLOT, S_TURN, S_TURN + S_SLOT, 3 * S_TURN + 5,
                             1000 * (int64_t)S_TURN};
    for (size_t j = 0; j < sizeof jumps / sizeof *jumps; j++) {
        int64_t now = 777;
        proto_wheel_init(&s_wheel, now);
        memset(nodes, 0, sizeof nodes);
        uint64_t due = 0, fired = 0;
        for (int i = 0; i < COUNT; i++) {
            proto_wheel_add(&s_wheel, &nodes[i], now + i * (int64_t)S_SLOT);
            due += i * (int64_t)S_SLOT + S_SLOT <= jumps[j];
        }
        for (proto_wheel_node_t *node; (node = proto_wheel_expire(&s_wheel, now + jumps[j])); fired++)
            assert_true(node->deadline <= now + jumps[j]);
        assert_in_range(fired, due, due + 1);
        proto_wheel_check(&s_wheel);
        assert_int_equal(s_wheel.count, COUNT - fired);
        while (proto_wheel_expire(&s_wheel, now + jumps[j] + 3 * S_TURN))
            fired++;
        assert_int_equal(fired, COUNT);
    }
}

static void test_fires_in_the_order_of_slots(void **state)
{
    (void)state;
    static proto_wheel_node_t nodes[500];
    memset(nodes, 0, sizeof nodes);
    s_state = 3;
    proto_wheel_init(&s_wheel, 40);
    for (int i = 0; i < 500; i++)
        proto_wheel_add(&s_wheel, &nodes[i], 40 + (int64_t)(s_random() % (S_TURN - S_SLOT)));
    int64_t last = 0;
    int fired = 0;
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&s_wheel, 40 + S_TURN - S_SLOT)); fired++) {
        int64_t slot = node->deadline / S_SLOT;
        assert_true(slot >= last);
        last = slot;
    }
    assert_in_range(fired, 490, 500);
}

static void test_next_sleeps_soundly(void **state)
{
    (void)state;
    /* Following only what proto_wheel_next says, a node must still fire in time and without many wake-ups. */
    const int64_t aheads[] = {0, 1, 15, 16, 17, 1000, S_TURN - 1, S_TURN, S_TURN + 100, 20 * S_TURN + 3};
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        int64_t now = 5000, deadline = now + aheads[i];
        proto_wheel_node_t node = {0};
        proto_wheel_init(&s_wheel, now);
        proto_wheel_add(&s_wheel, &node, deadline);
        int wakes = 0;
        while (proto_wheel_expire(&s_wheel, now) != &node) {
            int64_t next = proto_wheel_next(&s_wheel);
            assert_true(next > now); /* a loop that sleeps until then does not spin */
            assert_true(next <= deadline + S_SLOT);
            now = next;
            assert_true(++wakes < 50);
        }
        assert_in_range(now, deadline, deadline + S_SLOT);
    }
}

/* Deadlines near the end of time ("never" is INT64_MAX) neither overflow nor fire. */
static void test_never(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) { /* a child, because the undefined-behaviour check ends the program */
        (void)!freopen("/dev/null", "w", stderr);
        proto_wheel_node_t node = {0};
        proto_wheel_init(&s_wheel, 1000);
        proto_wheel_add(&s_wheel, &node, INT64_MAX);
        bool quiet = true;
        for (int64_t now = 1000; now < 4 * S_TURN; now += 100)
            quiet = quiet && !proto_wheel_expire(&s_wheel, now);
        proto_wheel_check(&s_wheel);
        _exit(quiet && proto_wheel_on(&node) ? 0 : 1);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
}

static void test_adding_twice_aborts(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        proto_wheel_node_t node = {0};
        proto_wheel_init(&s_wheel, 0);
        proto_wheel_add(&s_wheel, &node, 5);
        proto_wheel_add(&s_wheel, &node, 6);
        _exit(0);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Whether proto_wheel_check aborts on a wheel damaged in way number `how`. */
static bool s_check_aborts(int how)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        proto_wheel_node_t a = {0}, b = {0};
        proto_wheel_init(&s_wheel, 0);
        proto_wheel_add(&s_wheel, &a, 5);
        proto_wheel_add(&s_wheel, &b, 6);
        if (how == 1)
            s_wheel.count++;
        if (how == 2)
            s_wheel.filled[3] ^= 16;
        if (how == 3)
            b.prev = &b;
        if (how == 4)
            s_wheel.filled[0] = 0;
        proto_wheel_check(&s_wheel);
        _exit(0);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_check_sees_damage(void **state)
{
    (void)state;
    assert_false(s_check_aborts(0));
    for (int how = 1; how <= 4; how++)
        assert_true(s_check_aborts(how));
}

/* The naive model: an array that says which nodes are on, with what deadline and since when. */
typedef struct timer {
    proto_wheel_node_t node;
    bool on;
    int64_t deadline, added;
} timer_node_t;

static timer_node_t s_timers[S_NODES];

static int64_t s_random_deadline(int64_t now)
{
    switch (s_random() % 5) {
    case 0:
        return now - (int64_t)(s_random() % 1000);
    case 1:
        return now + (int64_t)(s_random() % 40);
    case 2:
        return now + (int64_t)(s_random() % S_TURN);
    case 3:
        return now + S_TURN - 40 + (int64_t)(s_random() % 80);
    default:
        return now + (int64_t)(s_random() % (5 * S_TURN));
    }
}

static void s_toggle(int64_t now)
{
    timer_node_t *timer = &s_timers[s_random() % S_NODES];
    assert_int_equal(proto_wheel_on(&timer->node), timer->on);
    if (timer->on) {
        proto_wheel_remove(&s_wheel, &timer->node);
    } else {
        timer->deadline = s_random_deadline(now);
        timer->added = now;
        proto_wheel_add(&s_wheel, &timer->node, timer->deadline);
    }
    timer->on = !timer->on;
}

/* Expires at `now`, then holds the rest against the model: nothing overdue by more than a slot may be left.
 */
static void s_expire(int64_t now)
{
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&s_wheel, now));) {
        timer_node_t *timer = (timer_node_t *)(void *)node;
        assert_true(timer->on && !proto_wheel_on(node));
        assert_true(timer->deadline == node->deadline && timer->deadline <= now);
        timer->on = false;
    }
    int64_t earliest = INT64_MAX;
    uint64_t count = 0;
    for (int i = 0; i < S_NODES; i++) {
        const timer_node_t *timer = &s_timers[i];
        assert_int_equal(proto_wheel_on(&timer->node), timer->on);
        if (!timer->on)
            continue;
        int64_t due = timer->deadline > timer->added ? timer->deadline : timer->added;
        assert_true(now < due + S_SLOT);
        earliest = due < earliest ? due : earliest;
        count++;
    }
    assert_int_equal(s_wheel.count, count);
    int64_t next = proto_wheel_next(&s_wheel);
    assert_true(count ? next <= earliest + S_SLOT && next > now : next == INT64_MAX);
}

static void s_random_run(uint64_t seed, int64_t now, int steps)
{
    s_state = seed;
    memset(s_timers, 0, sizeof s_timers);
    proto_wheel_init(&s_wheel, now);
    for (int step = 0; step < steps; step++) {
        for (uint64_t n = s_random() % 8; n > 0; n--)
            s_toggle(now);
        uint64_t kind = s_random() % 100;
        if (kind == 0)
            now += (int64_t)(s_random() % (6 * S_TURN));
        else if (kind < 10)
            now += (int64_t)(s_random() % S_TURN);
        else if (kind < 80)
            now += (int64_t)(s_random() % 50);
        s_expire(now);
        if (step % 16 == 0)
            proto_wheel_check(&s_wheel);
    }
    s_expire(now + 6 * S_TURN);
    assert_int_equal(s_wheel.count, 0);
    proto_wheel_check(&s_wheel);
}

static void test_random_steps_match_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        s_random_run(seed, (int64_t)(seed * seed * 1000003), 1500);
    s_random_run(99, 0, 1500);
    s_random_run(100, INT64_C(1) << 50, 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_wheel),
        cmocka_unit_test(test_remove_is_harmless_when_off),
        cmocka_unit_test(test_never_early_and_at_most_a_slot_late),
        cmocka_unit_test(test_past_deadline_fires_at_the_next_expire_of_a_new_wheel),
        cmocka_unit_test(test_past_deadline_fires_at_the_next_expire_of_a_wheel_in_use),
        cmocka_unit_test(test_jumps_over_whole_turns_lose_nothing),
        cmocka_unit_test(test_fires_in_the_order_of_slots),
        cmocka_unit_test(test_next_sleeps_soundly),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_adding_twice_aborts),
        cmocka_unit_test(test_check_sees_damage),
        cmocka_unit_test(test_random_steps_match_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
