/* SPDX-License-Identifier: MPL-2.0 */
/* proto_least: who gets the next piece of work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto_least.h"

static void s_test_one(void **state)
{
    (void)state;
    uint32_t next = 0, load = 7;
    for (int i = 0; i < 3; i++)
        assert_int_equal(proto_least(&load, 1, 1, &next), 0);
    assert_int_equal(proto_least(&load, 0, 1, &next), 1);
}

static void s_test_least_of_those_that_live(void **state)
{
    (void)state;
    uint32_t next = 0;
    const uint32_t loads[] = {5, 1, 3, 0};
    assert_int_equal(proto_least(loads, 0xf, 4, &next), 3);
    assert_int_equal(proto_least(loads, 0x7, 4, &next), 1);
    assert_int_equal(proto_least(loads, 0x5, 4, &next), 2);
    assert_int_equal(proto_least(loads, 0x1, 4, &next), 0);
    assert_int_equal(proto_least(loads, 0x0, 4, &next), 4);
}

/* Equals take turns, whoever has more is left alone, and nobody is asked twice in a row for nothing. */
static void s_test_turns_among_equals(void **state)
{
    (void)state;
    uint32_t next = 0, given[3] = {0};
    const uint32_t loads[] = {2, 2, 2};
    for (int i = 0; i < 300; i++)
        given[proto_least(loads, 0x7, 3, &next)]++;
    for (int i = 0; i < 3; i++)
        assert_int_equal(given[i], 100);
    const uint32_t uneven[] = {2, 9, 2};
    uint32_t before = proto_least(uneven, 0x7, 3, &next);
    for (int i = 0; i < 10; i++) {
        uint32_t now = proto_least(uneven, 0x7, 3, &next);
        assert_int_equal(now, 2 - before);
        before = now;
    }
}

/* With every answer outstanding the loads even out, from whatever they were. */
static void s_test_loads_even_out(void **state)
{
    (void)state;
    uint32_t next = 0, loads[] = {40, 0, 13};
    for (int i = 0; i < 100; i++)
        loads[proto_least(loads, 0x7, 3, &next)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(loads[i], 51, 51);
}

/* One that is behind `next` and one that is not, busy or idle, alone or not. */
static void s_test_from_each_turn(void **state)
{
    (void)state;
    const uint32_t idle[] = {0, 0, 0}, busy[] = {3, 1, 2}, uneven[] = {0, 5, 4};
    uint32_t next;
    assert_int_equal(proto_least(idle, 7, 3, (next = 1, &next)), 1); /* equals take turns */
    assert_int_equal(proto_least(idle, 7, 3, (next = 2, &next)), 2);
    assert_int_equal(proto_least(idle, 7, 3, (next = 0, &next)), 0);
    assert_int_equal(proto_least(busy, 7, 3, (next = 1, &next)), 1);
    assert_int_equal(proto_least(busy, 7, 3, (next = 2, &next)), 1); /* the least before turns */
    assert_int_equal(proto_least(uneven, 6, 3, (next = 1, &next)), 2);
    assert_int_equal(proto_least(idle, 0, 3, (next = 1, &next)), 3);
    assert_int_equal(next, 1);
    assert_int_equal(proto_least(idle, 7, 1, (next = 0, &next)), 0);
    const uint32_t many[64] = {0};
    assert_int_equal(proto_least(many, UINT64_C(1) << 63, 64, (next = 5, &next)), 63);
    assert_int_equal(next, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_one),
        cmocka_unit_test(s_test_least_of_those_that_live),
        cmocka_unit_test(s_test_turns_among_equals),
        cmocka_unit_test(s_test_loads_even_out),
        cmocka_unit_test(s_test_from_each_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
