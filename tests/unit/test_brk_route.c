/* SPDX-License-Identifier: MPL-2.0 */
/* brk_route, brk_send: routes found by identity, and when a batch goes to a peer within the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "brk_route.h"
#include "proto_record.h"

enum { S_ROUTES = 1000, S_START = 24 /* records, as in brk_send.c */ };

static brk_route_t *s_get(brk_routes_t *routes, int number)
{
    char name[16];
    snprintf(name, sizeof name, "peer %d", number);
    return brk_routes_get(routes, proto_bytes_of(name));
}

static void s_test_found(void **state)
{
    (void)state;
    brk_routes_t routes;
    brk_route_t *made[S_ROUTES];
    brk_routes_init(&routes, NULL, brk_right_all());
    for (int i = 0; i < S_ROUTES; i++)
        made[i] = s_get(&routes, i);
    for (int i = 0; i < S_ROUTES; i += 2)
        brk_routes_remove(made[i]);
    assert_int_equal(routes.used, S_ROUTES / 2);
    for (int i = 1; i < S_ROUTES; i += 2)
        assert_ptr_equal(s_get(&routes, i), made[i]);
    int seen = 0;
    for (brk_route_t *route = NULL; (route = brk_routes_next(&routes, route));)
        seen++;
    assert_int_equal(seen, S_ROUTES / 2);
    brk_routes_free(&routes);
}

static void s_put(brk_route_t *route, uint64_t id)
{
    const proto_record_t record = {.type = PROTO_FINAL, .id = id};
    assert_false(brk_route_ripe(route, proto_record_size(&record)));
    assert_int_equal(proto_record_append(&route->out, &record), 0);
    route->count++;
}

static bool s_ripe(const brk_route_t *route, size_t body)
{
    return brk_route_ripe(route, proto_record_size(&(proto_record_t){.body.size = body}));
}

/* The next record does not wait for the rest when the peer has read all; while it has not, it waits. */
static void s_test_ripe(void **state)
{
    (void)state;
    brk_routes_t routes;
    proto_buf_t came = PROTO_BUF_INIT;
    brk_routes_init(&routes, NULL, brk_right_all());
    proto_hub_t *hub = routes.hub = proto_hub_new();
    assert_non_null(hub);
    brk_route_t *route = s_get(&routes, 1);
    route->spoke = proto_spoke_new(hub);
    assert_non_null(route->spoke);
    assert_false(s_ripe(route, PROTO_RECORD_BYTES)); /* nothing to send before it */
    for (uint64_t id = 1; id <= S_START; id++)
        s_put(route, id);
    assert_true(s_ripe(route, 0));
    brk_route_make_room(route);
    assert_int_equal(route->count, 0);
    for (uint64_t id = 1; id <= S_START + 1; id++)
        s_put(route, id); /* the first batch is unread */
    assert_true(s_ripe(route, PROTO_BATCH_BYTES));
    assert_true(proto_spoke_receive(route->spoke, &came));
    assert_true(s_ripe(route, 0));
    proto_buf_free(&came);
    brk_routes_free(&routes);
    proto_hub_close(&hub);
}

/* For a peer by ZeroMQ each batch costs system calls: it goes when it is full. */
static void s_test_full(void **state)
{
    (void)state;
    brk_routes_t routes;
    brk_routes_init(&routes, NULL, brk_right_all());
    brk_route_t *route = s_get(&routes, 1);
    for (uint64_t id = 1; id <= PROTO_BATCH_RECORDS; id++)
        s_put(route, id);
    assert_true(s_ripe(route, 0));
    brk_routes_free(&routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_test_found),
        cmocka_unit_test(s_test_ripe),
        cmocka_unit_test(s_test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
