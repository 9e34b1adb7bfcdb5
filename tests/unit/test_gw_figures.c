/* SPDX-License-Identifier: MPL-2.0 */
/* The gateway's figures: operations come, go and come back, and there may be very many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gw_figures.h"

/* A router over operations o`first`..., GET /o`n`. */
static gw_router_t *s_router(proto_catalogue_t **catalogue, uint32_t first, uint32_t count)
{
    *catalogue = proto_catalogue_new();
    (*catalogue)->operations = proto_arena_alloc(&(*catalogue)->arena, count * sizeof(proto_operation_t));
    (*catalogue)->operation_count = count;
    for (uint32_t i = 0; i < count; i++) {
        char name[32], path[32];
        snprintf(name, sizeof name, "o%u", first + i);
        snprintf(path, sizeof path, "/g%u/o%u", (first + i) % 128, first + i);
        (*catalogue)->operations[i] = (proto_operation_t){
            .name = proto_arena_text(&(*catalogue)->arena, proto_bytes_of(name)),
            .path = proto_arena_text(&(*catalogue)->arena, proto_bytes_of(path)),
            .method = "GET",
        };
    }
    return gw_router_new((const proto_catalogue_t *const *)catalogue, 1);
}

static const gw_route_t *s_find(const gw_router_t *router, const char *path)
{
    gw_match_t match;
    (void)gw_router_match(router, proto_bytes_of("GET"), proto_bytes_of(path), &match);
    return match.route;
}

static void test_an_operation_goes_on_where_it_was(void **state)
{
    (void)state;
    proto_metrics_t *metrics = proto_metrics_new();
    proto_buf_t out = PROTO_BUF_INIT;
    gw_figures_t figures;
    proto_catalogue_t *catalogues[3];
    gw_router_t *routers[3];
    gw_figures_init(&figures, metrics);
    for (uint32_t i = 0; i < 3; i++) { /* o1 vanishes in between */
        routers[i] = s_router(&catalogues[i], i == 1 ? 2 : 1, 1);
        gw_figures_learn(&figures, routers[i]);
    }
    gw_figures_answer(&figures, s_find(routers[0], "/g1/o1"), 200, 400);
    gw_figures_answer(&figures, s_find(routers[2], "/g1/o1"), 200, 400);
    gw_figures_answer(&figures, s_find(routers[2], "/g1/o1"), 418, 400);
    gw_figures_answer(&figures, s_find(routers[2], "/health"), 200, 400);
    gw_figures_answer(&figures, NULL, 404, 400);
    gw_figures_problem(&figures, PROTO_ERROR_not_found);
    gw_figures_publish(&figures);
    proto_metrics_write(metrics, &out);
    const char *text = proto_buf_text(&out);
    assert_non_null(strstr(text, "muster_http_requests_total{operation=\"o1\",status=\"200\"} 2\n"));
    assert_non_null(strstr(text, "muster_http_requests_total{operation=\"o1\",status=\"other\"} 1\n"));
    assert_non_null(strstr(text, "muster_http_requests_total{operation=\"(builtin)\",status=\"200\"} 1\n"));
    assert_non_null(strstr(text, "muster_http_requests_total{operation=\"(none)\",status=\"404\"} 1\n"));
    assert_non_null(strstr(text, "muster_http_request_duration_seconds_count{operation=\"o1\"} 3\n"));
    assert_non_null(strstr(text, "muster_http_problems_total{code=\"not_found\"} 1\n"));
    assert_null(strstr(text, "o2"));
    for (uint32_t i = 0; i < 3; i++) {
        gw_router_free(&routers[i]);
        proto_catalogue_free(&catalogues[i]);
    }
    proto_buf_free(&out);
    gw_figures_free(&figures);
    proto_metrics_free(&metrics);
}

static void test_their_number_is_bounded(void **state)
{
    (void)state;
    proto_metrics_t *metrics = proto_metrics_new();
    gw_figures_t figures;
    proto_catalogue_t *catalogue;
    gw_figures_init(&figures, metrics);
    gw_router_t *router = s_router(&catalogue, 0, GW_FIGURES_OPERATIONS + 10);
    gw_figures_learn(&figures, router);
    gw_figures_learn(&figures, router);
    assert_int_equal(figures.used, GW_FIGURES_OPERATIONS);
    uint32_t others = 0;
    for (const gw_route_t *route = gw_router_first(router); route; route = route->next)
        others += route->figures == figures.other;
    assert_int_equal(others, 10);
    gw_router_free(&router);
    proto_catalogue_free(&catalogue);
    gw_figures_free(&figures);
    proto_metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_operation_goes_on_where_it_was),
        cmocka_unit_test(test_their_number_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
