/* SPDX-License-Identifier: MPL-2.0 */
/* A broker that is ending: it says so to whoever has said HELLO, then and later, and refuses what is asked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "brk_core.h"

enum { S_NOW = 1000 };

/* What a peer was told. */
typedef struct s_peer {
    int endings;       /* ERROR shutting_down with id 0 */
    uint64_t refusals; /* with the id of a request: the sum of these */
} s_peer_t;

static void s_on_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    s_peer_t *peer = tag;
    if (record->type != PROTO_ERROR)
        return;
    assert_int_equal(record->number, PROTO_ERROR_shutting_down);
    peer->endings += record->id == 0;
    peer->refusals += record->id;
}

static void s_test_drain(void **state)
{
    static const brk_limits_t limits = {
        .peers = 10, .requests = 10, .queue_count = 10, .queue_bytes = 1 << 20, .deadline_ms = 60000};
    s_peer_t greeted = {0}, silent = {0}, late = {0};
    const proto_record_t hello = {.type = PROTO_HELLO};
    const proto_record_t request = {
        .type = PROTO_REQUEST, .id = 7, .deadline = 1000, .service = proto_bytes_of("db")};
    (void)state;
    brk_core_t *core = brk_core_new(&limits, s_on_send, NULL, S_NOW);
    uint64_t first = brk_core_join(core, S_NOW, brk_right_all(), &greeted);
    uint64_t second = brk_core_join(core, S_NOW, brk_right_all(), &silent);
    brk_core_record(core, S_NOW, first, &hello);
    assert_int_equal(greeted.endings, 0);
    brk_core_drain(core, S_NOW + 1);
    uint64_t third = brk_core_join(core, S_NOW + 2, brk_right_all(), &late);
    brk_core_record(core, S_NOW + 2, third, &hello);
    assert_int_equal(greeted.endings, 1);
    assert_int_equal(silent.endings, 0);
    assert_int_equal(late.endings, 1);
    brk_core_record(core, S_NOW + 3, first, &request);
    brk_core_record(core, S_NOW + 3, second, &request);
    assert_int_equal(greeted.refusals, 7);
    assert_int_equal(silent.refusals, 7);
    assert_true(brk_core_idle(core));
    brk_core_check(core);
    brk_core_free(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_drain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
