/* SPDX-License-Identifier: MPL-2.0 */
/* The reconnect schedule: the bound doubles from base to cap, every wait lies within 1 and it, all of them
 * occur. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stddef.h>

#include "act_backoff.h"

/* The bound after so many failures, by the header: 50, 100, 200, 400, then the cap. */
static const int64_t s_bounds[] = {50, 100, 200, 400, 500, 500, 500, 500, 500, 500};
enum { S_COUNT = sizeof s_bounds / sizeof *s_bounds };

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(ACT_BACKOFF_BASE_MS, 50);
    assert_int_equal(ACT_BACKOFF_CAP_MS, 500);
    act_backoff_t least = {0}, most = {0}, over = {0};
    for (int i = 0; i < S_COUNT; i++) {
        assert_int_equal(act_backoff_failed(&least, 0), 1);
        assert_int_equal(act_backoff_failed(&most, (uint64_t)s_bounds[i] - 1), s_bounds[i]);
        assert_int_equal(act_backoff_failed(&over, (uint64_t)s_bounds[i]), 1);
    }
}

/* Full jitter: at every step each millisecond from 1 to the bound is met, and about as often as any other. */
static void test_jitter(void **state)
{
    (void)state;
    static uint32_t met[ACT_BACKOFF_CAP_MS + 2];
    uint64_t random = 7;
    for (uint32_t failures = 0; failures < S_COUNT; failures++) {
        int64_t bound = s_bounds[failures];
        for (int64_t ms = 0; ms <= bound + 1; ms++)
            met[ms] = 0;
        for (int64_t i = 0; i < bound * 100; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            act_backoff_t backoff = {failures};
            int64_t wait = act_backoff_failed(&backoff, random);
            assert_in_range(wait, 1, bound);
            assert_int_equal(backoff.failures, failures + 1);
            met[wait]++;
        }
        for (int64_t ms = 1; ms <= bound; ms++)
            assert_in_range(met[ms], 40, 180);
    }
    act_backoff_t extreme = {3};
    assert_in_range(act_backoff_failed(&extreme, UINT64_MAX), 1, 400);
}

static void test_success_starts_again(void **state)
{
    (void)state;
    act_backoff_t backoff = {0};
    for (int i = 0; i < 20; i++)
        assert_in_range(act_backoff_failed(&backoff, 499), 1, 500);
    assert_int_equal(act_backoff_failed(&backoff, 499), 500);
    act_backoff_worked(&backoff);
    assert_int_equal(act_backoff_failed(&backoff, 49), 50);
    assert_int_equal(act_backoff_failed(&backoff, 99), 100);
    act_backoff_worked(&backoff);
    act_backoff_worked(&backoff);
    assert_int_equal(act_backoff_failed(&backoff, 50), 1);
}

/* A database away for long: a huge count neither overflows the bound nor takes long. */
static void test_many_failures(void **state)
{
    (void)state;
    act_backoff_t backoff = {UINT32_MAX - 1};
    assert_int_equal(act_backoff_failed(&backoff, 499), 500);
    act_backoff_t thousand = {1000};
    assert_int_equal(act_backoff_failed(&thousand, 499), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_success_starts_again),
        cmocka_unit_test(test_many_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
