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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
