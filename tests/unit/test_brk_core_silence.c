/* SPDX-License-Identifier: MPL-2.0 */
/* Who says nothing for two seconds is given up; not so because of what the broker has not read yet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "brk_core.h"
#include "proto_clock.h"
#include "proto_wire.h"

enum { S_NOW = 1000, S_UNREAD_MS = 3 * PROTO_EXPIRY_MS /* as in brk_core.c */ };

static void s_on_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg, (void)tag, (void)record;
}

static void s_on_forget(void *arg, void *tag)
{
    (void)arg;
    ++*(int *)tag;
}

/* A core with one peer, heard at S_NOW, which counts in `forgotten`. */
static brk_core_t *s_core(int *forgotten)
{
    static const brk_limits_t limits = {
        .peers = 10, .requests = 10, .queue_count = 10, .queue_bytes = 1 << 20, .deadline_ms = 60000};
    brk_core_t *core = brk_core_new(&limits, s_on_send, NULL, S_NOW);
    brk_core_on_forget(core, s_on_forget);
    uint64_t peer = brk_core_join(core, S_NOW, brk_right_all(), forgotten);
    brk_core_record(core, S_NOW, peer, &(proto_record_t){.type = PROTO_HELLO});
    return core;
}

static void s_test_silent(void **state)
{
    (void)state;
    int forgotten = 0;
    brk_core_t *core = s_core(&forgotten);
    brk_core_tick(core, S_NOW + PROTO_EXPIRY_MS - 1);
    assert_int_equal(forgotten, 0);
    brk_core_tick(core, S_NOW + 2 * PROTO_EXPIRY_MS);
    assert_int_equal(forgotten, 1);
    brk_core_free(&core);
}

static void s_test_unread(void **state)
{
    (void)state;
    int forgotten = 0;
    brk_core_t *core = s_core(&forgotten);
    brk_core_read_until(core, S_NOW + PROTO_EXPIRY_MS - 1);
    brk_core_tick(core, S_NOW + 2 * PROTO_EXPIRY_MS);
    assert_int_equal(forgotten, 0);
    brk_core_read_until(core, S_NOW + PROTO_EXPIRY_MS);
    brk_core_tick(core, S_NOW + 3 * PROTO_EXPIRY_MS);
    assert_int_equal(forgotten, 1);
    brk_core_free(&core);
}

static void s_test_not_for_ever(void **state)
{
    (void)state;
    int forgotten = 0;
    brk_core_t *core = s_core(&forgotten);
    brk_core_read_until(core, S_NOW);
    brk_core_tick(core, S_NOW + PROTO_EXPIRY_MS + S_UNREAD_MS - 1);
    assert_int_equal(forgotten, 0);
    brk_core_tick(core, S_NOW + 2 * PROTO_EXPIRY_MS + S_UNREAD_MS);
    assert_int_equal(forgotten, 1);
    brk_core_free(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_silent),
        cmocka_unit_test(s_test_unread),
        cmocka_unit_test(s_test_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
