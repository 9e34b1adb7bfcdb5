/* SPDX-License-Identifier: MPL-2.0 */
/* Shares of a window, and the choice of a broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_share.h"

static void test_shares(void **state)
{
    (void)state;
    for (uint32_t window = 1; window <= 256; window++) {
        for (uint32_t live = 1; live <= 64; live++) {
            uint32_t sum = 0, least = UINT32_MAX, most = 0;
            for (uint32_t rank = 0; rank < live; rank++) {
                uint32_t share = act_share((uint16_t)window, live, rank);
                sum += share;
                least = share < least ? share : least;
                most = share > most ? share : most;
            }
            assert_true(least >= 1 && most - least <= 1);
            assert_int_equal(sum, window > live ? window : live);
        }
    }
}

static void test_choice(void **state)
{
    (void)state;
    const bool all[] = {true, true, true}, none[] = {false, false, false}, some[] = {false, true, true};
    const uint32_t idle[] = {0, 0, 0}, busy[] = {3, 1, 2};
    assert_int_equal(act_share_choose(all, idle, 3, 0), 1); /* equals take turns */
    assert_int_equal(act_share_choose(all, idle, 3, 1), 2);
    assert_int_equal(act_share_choose(all, idle, 3, 2), 0);
    assert_int_equal(act_share_choose(all, busy, 3, 0), 1);
    assert_int_equal(act_share_choose(all, busy, 3, 1), 1); /* fewest under way before turns */
    assert_int_equal(act_share_choose(some, (const uint32_t[]){0, 5, 4}, 3, 0), 2);
    assert_int_equal(act_share_choose(none, idle, 3, 0), -1);
    assert_int_equal(act_share_choose(all, idle, 1, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares), cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
