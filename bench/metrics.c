/* SPDX-License-Identifier: MPL-2.0 */
/* bench_metrics: what the figures for Prometheus cost a request. A million answers of 1,000 operations, in an
 * order without a pattern, so that their groups are as cold as they will be: the gateway's count, its
 * histogram, and, as if each request came alone, a whole turn of the gateway's figures and one of an actor's.
 * (The broker's are copied twice a second.) Prints the microseconds of all that and of the answer alone, each
 * the best of five rounds. One thread. */
#include <stdio.h>
#include <time.h>

#include "act_figures.h"
#include "gw_figures.h"

enum { S_REQUESTS = 1000000, S_OPERATIONS = 1000, S_ROUNDS = 5 };

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static proto_catalogue_t *s_catalogue(void)
{
    proto_catalogue_t *self = proto_catalogue_new();
    self->operations = proto_arena_alloc(&self->arena, S_OPERATIONS * sizeof *self->operations);
    self->operation_count = S_OPERATIONS;
    for (int i = 0; i < S_OPERATIONS; i++) {
        char name[32], path[32];
        snprintf(name, sizeof name, "get_%d", i);
        snprintf(path, sizeof path, "/%d/one", i);
        self->operations[i] = (proto_operation_t){
            .name = proto_arena_text(&self->arena, proto_bytes_of(name)),
            .path = proto_arena_text(&self->arena, proto_bytes_of(path)),
            .method = "GET",
        };
    }
    return self;
}

/* Seconds for all; with a turn of both for each, or answers alone. */
static double s_round(gw_figures_t *gateway, act_figures_t *actor, const gw_route_t *const *routes,
                      uint32_t count, bool turns)
{
    uint32_t random = 1;
    double from = s_now();
    for (int i = 0; i < S_REQUESTS; i++) {
        random = random * 1664525 + 1013904223;
        gw_figures_answer(gateway, routes[(random >> 8) % count], 200, random >> 20);
        if (!turns)
            continue;
        gateway->stats.received += 100;
        gateway->stats.sent += 300;
        gw_figures_publish(gateway);
        actor->stats.requests++;
        actor->stats.statements++;
        actor->stats.awaited = (uint64_t)i & 1;
        act_figures_turn(actor, i / 10);
    }
    return s_now() - from;
}

int main(void)
{
    const gw_route_t *routes[2 * S_OPERATIONS];
    uint32_t count = 0;
    proto_metrics_t *metrics = proto_metrics_new();
    proto_catalogue_t *catalogue = s_catalogue();
    gw_router_t *router = gw_router_new((const proto_catalogue_t *const *)&catalogue, 1);
    gw_figures_t gateway;
    act_figures_t actor = {0};
    gw_figures_init(&gateway, metrics);
    gw_figures_learn(&gateway, router);
    act_figures_init(&actor, metrics, "db", 1);
    for (const gw_route_t *route = gw_router_first(router); route; route = route->next)
        if (route->operation && count < 2 * S_OPERATIONS)
            routes[count++] = route;
    double answer = 1e9, all = 1e9;
    for (int i = 0; i < S_ROUNDS && count; i++) {
        double seconds = s_round(&gateway, &actor, routes, count, false);
        answer = seconds < answer ? seconds : answer;
        seconds = s_round(&gateway, &actor, routes, count, true);
        all = seconds < all ? seconds : all;
    }
    printf("request %.4f answer %.4f operations %u\n", all * 1e6 / S_REQUESTS, answer * 1e6 / S_REQUESTS,
           count);
    gw_figures_free(&gateway);
    gw_router_free(&router);
    proto_catalogue_free(&catalogue);
    proto_metrics_free(&metrics);
    return count == S_OPERATIONS ? 0 : 1;
}
