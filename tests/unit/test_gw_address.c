/* SPDX-License-Identifier: MPL-2.0 */
/* Connections per address against a naive model: never more than allowed, nothing forgotten, addresses that
 * differ in any bit kept apart. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw_address.h"

enum { S_ADDRESSES = 5000 };

static uint64_t s_state;
static uint8_t s_addresses[S_ADDRESSES][16];
static uint32_t s_counts[S_ADDRESSES]; /* the model */

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static void test_one_address(void **state)
{
    (void)state;
    static const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    gw_address_t *table = gw_address_new();
    assert_int_equal(gw_address_count(table, address), 0);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 5; i++) {
            assert_int_equal(gw_address_enter(table, address, 5), 0);
            assert_int_equal(gw_address_count(table, address), i + 1);
        }
        for (int i = 0; i < 3; i++)
            assert_int_equal(gw_address_enter(table, address, 5), -1);
        assert_int_equal(gw_address_count(table, address), 5);
        assert_int_equal(gw_address_enter(table, address, 4), -1); /* the limit may have fallen */
        assert_int_equal(gw_address_enter(table, address, 6), 0);  /* or risen */
        for (uint32_t i = 6; i > 0; i--) {
            assert_int_equal(gw_address_count(table, address), i);
            gw_address_leave(table, address);
        }
        assert_int_equal(gw_address_count(table, address), 0);
    }
    assert_int_equal(gw_address_enter(table, address, 0), -1);
    assert_int_equal(gw_address_count(table, address), 0);
    gw_address_free(&table);
    assert_null(table);
    gw_address_free(&table); /* twice is harmless */
}

static void test_every_bit_counts(void **state)
{
    (void)state;
    uint8_t address[16] = {0};
    gw_address_t *table = gw_address_new();
    for (int round = 0; round < 2; round++) {
        for (int bit = -1; bit < 128; bit++) {
            memset(address, 0, sizeof address);
            if (bit >= 0)
                address[bit / 8] = (uint8_t)(1 << bit % 8);
            assert_int_equal(gw_address_count(table, address), round);
            assert_int_equal(gw_address_enter(table, address, 1), round ? -1 : 0);
        }
    }
    gw_address_free(&table); /* with all of them inside */
}

/* Addresses as attackers and neighbours have them: alike but for a few bits. */
static void s_fill_addresses(void)
{
    for (int i = 0; i < S_ADDRESSES; i++) {
        memset(s_addresses[i], 0, 16);
        if (i % 3 == 0) { /* IPv4 */
            s_addresses[i][10] = s_addresses[i][11] = 0xff;
            s_addresses[i][12] = 10;
            s_addresses[i][14] = (uint8_t)(i >> 8);
            s_addresses[i][15] = (uint8_t)i;
        } else { /* one network; many networks */
            s_addresses[i][0] = 0x20;
            memcpy(s_addresses[i] + (i % 3 == 1 ? 12 : 4), &i, sizeof i);
        }
        s_counts[i] = 0;
    }
}

static void s_random_run(uint64_t seed, uint32_t most, int addresses)
{
    gw_address_t *table = gw_address_new();
    uint64_t inside = 0, refused = 0;
    s_state = seed;
    s_fill_addresses();
    for (int step = 0; step < 60000; step++) {
        size_t at = s_random() % (uint64_t)addresses;
        bool enters = s_random() % 100 < (step < 30000 ? 70 : 30);
        if (enters) {
            int rc = gw_address_enter(table, s_addresses[at], most);
            assert_int_equal(rc, s_counts[at] < most ? 0 : -1);
            s_counts[at] += rc == 0;
            inside += rc == 0;
            refused += rc < 0;
        } else if (s_counts[at]) {
            gw_address_leave(table, s_addresses[at]);
            s_counts[at]--;
            inside--;
        }
        assert_int_equal(gw_address_count(table, s_addresses[at]), s_counts[at]);
        size_t other = s_random() % (uint64_t)addresses;
        assert_int_equal(gw_address_count(table, s_addresses[other]), s_counts[other]);
    }
    assert_true(refused > 0);
    for (int i = 0; i < addresses; i++) {
        assert_int_equal(gw_address_count(table, s_addresses[i]), s_counts[i]);
        for (; s_counts[i]; s_counts[i]--, inside--)
            gw_address_leave(table, s_addresses[i]);
        assert_int_equal(gw_address_count(table, s_addresses[i]), 0);
    }
    assert_int_equal(inside, 0);
    gw_address_free(&table);
}

static void test_random_steps_match_a_model(void **state)
{
    (void)state;
    static const struct {
        uint32_t most;
        int addresses;
    } runs[] = {{1, 1}, {3, 7}, {1, 500}, {20, 100}, {2, S_ADDRESSES}};
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
            s_random_run(seed * 100 + i, runs[i].most, runs[i].addresses);
}

/* Leaving without having entered is a bug that must not pass. */
static bool s_leave_aborts(int entered)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        static const uint8_t address[16] = {1};
        gw_address_t *table = gw_address_new();
        for (int i = 0; i < entered; i++)
            (void)!gw_address_enter(table, address, 9);
        gw_address_leave(table, address);
        if (entered == 1)
            gw_address_leave(table, address);
        _exit(0);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_leaving_too_often_aborts(void **state)
{
    (void)state;
    assert_true(s_leave_aborts(0));
    assert_true(s_leave_aborts(1));
    assert_false(s_leave_aborts(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_random_steps_match_a_model),
        cmocka_unit_test(test_leaving_too_often_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
