/* SPDX-License-Identifier: MPL-2.0 */
/* A worker with a large catalogue: the broker takes all that it offers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "brk_core.h"
#include "proto_value.h"

enum { S_NOW = 1000, S_OPERATIONS = 10001 };

/* What the worker was asked for last: an operation's hash. */
static void s_on_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    if (record->type == PROTO_REQUEST)
        *(uint64_t *)tag = record->operation;
}

static void s_write_offers(proto_buf_t *body)
{
    proto_write_map(body, 1);
    proto_write_text(body, "offers");
    proto_write_array(body, S_OPERATIONS);
    for (int i = 1; i <= S_OPERATIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "get%d", i);
        proto_write_array(body, 3);
        proto_write_uint(body, (uint64_t)i);
        proto_write_text(body, name);
        proto_write_uint(body, 0);
    }
}

static void s_test_ten_thousand(void **state)
{
    static const brk_limits_t limits = {
        .peers = 10, .requests = 10, .queue_count = 10, .queue_bytes = 1 << 20, .deadline_ms = 60000};
    uint64_t asked = 0, answered = 0;
    proto_buf_t body = PROTO_BUF_INIT;
    (void)state;
    brk_core_t *core = brk_core_new(&limits, s_on_send, NULL, S_NOW);
    uint64_t worker = brk_core_join(core, S_NOW, brk_right_all(), &asked);
    uint64_t client = brk_core_join(core, S_NOW, brk_right_all(), &answered);
    s_write_offers(&body);
    brk_core_record(core, S_NOW, worker,
                    &(proto_record_t){.type = PROTO_READY,
                                      .number = 8,
                                      .epoch = 1,
                                      .service = proto_bytes_of("db"),
                                      .body = proto_buf_bytes(&body)});
    brk_core_record(core, S_NOW, client,
                    &(proto_record_t){.type = PROTO_REQUEST,
                                      .id = 7,
                                      .deadline = 1000,
                                      .service = proto_bytes_of("db"),
                                      .operation = S_OPERATIONS});
    assert_int_equal(asked, S_OPERATIONS);
    brk_core_check(core);
    brk_core_free(&core);
    proto_buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_test_ten_thousand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
