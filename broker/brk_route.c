/* SPDX-License-Identifier: MPL-2.0 */
/* Routes: a chained hash table, seeded. Thread: the broker's. */
#include "brk_route.h"

#include <stdlib.h>

#include "proto_catalogue.h"
#include "proto_clock.h"

enum { S_BUCKETS = 256 };

static brk_route_t **s_buckets(uint32_t count)
{
    brk_route_t **buckets = calloc(count, sizeof(brk_route_t *));
    PROTO_ASSERT(buckets != NULL);
    return buckets;
}

void brk_routes_init(brk_routes_t *self, void *socket, const brk_right_t *right)
{
    *self = (brk_routes_t){.socket = socket,
                           .right = right,
                           .seed = proto_clock_random(),
                           .bucket_count = S_BUCKETS,
                           .buckets = s_buckets(S_BUCKETS)};
}

static void s_free(brk_route_t *route)
{
    proto_spoke_drop(&route->spoke);
    proto_buf_free(&route->out);
    free(route);
}

void brk_routes_free(brk_routes_t *self)
{
    for (uint32_t i = 0; i < self->bucket_count; i++) {
        while (self->buckets[i]) {
            brk_route_t *route = self->buckets[i];
            self->buckets[i] = route->next;
            s_free(route);
        }
    }
    free(self->buckets);
    *self = (brk_routes_t){0};
}

static brk_route_t **s_bucket(const brk_routes_t *self, const uint8_t *identity, size_t size)
{
    return &self->buckets[proto_hash(self->seed, identity, size) & (self->bucket_count - 1)];
}

static void s_grow(brk_routes_t *self)
{
    brk_route_t **old = self->buckets;
    uint32_t count = self->bucket_count;
    self->bucket_count *= 2;
    self->buckets = s_buckets(self->bucket_count);
    for (uint32_t i = 0; i < count; i++) {
        while (old[i]) {
            brk_route_t *route = old[i];
            old[i] = route->next;
            brk_route_t **bucket = s_bucket(self, route->identity, route->identity_size);
            route->next = *bucket;
            *bucket = route;
        }
    }
    free(old);
}

brk_route_t *brk_routes_get(brk_routes_t *self, proto_bytes_t identity)
{
    brk_route_t **bucket = s_bucket(self, identity.data, identity.size);
    for (brk_route_t *route = *bucket; route; route = route->next)
        if (route->identity_size == identity.size &&
            memcmp(route->identity, identity.data, identity.size) == 0)
            return route;
    if (++self->used > self->bucket_count) {
        s_grow(self);
        bucket = s_bucket(self, identity.data, identity.size);
    }
    brk_route_t *route = calloc(1, sizeof *route);
    PROTO_ASSERT(route != NULL && identity.size <= BRK_IDENTITY);
    route->routes = self;
    route->identity_size = (uint8_t)identity.size;
    memcpy(route->identity, identity.data, identity.size);
    route->next = *bucket;
    *bucket = route;
    return route;
}

brk_route_t *brk_routes_next(const brk_routes_t *self, const brk_route_t *route)
{
    if (route && route->next)
        return route->next;
    brk_route_t **bucket = self->buckets;
    if (route)
        bucket = s_bucket(self, route->identity, route->identity_size) + 1;
    while (bucket < self->buckets + self->bucket_count && !*bucket)
        bucket++;
    return bucket < self->buckets + self->bucket_count ? *bucket : NULL;
}

void brk_routes_remove(brk_route_t *route)
{
    brk_route_t **at = s_bucket(route->routes, route->identity, route->identity_size);
    while (*at != route)
        at = &(*at)->next;
    *at = route->next;
    route->routes->used--;
    s_free(route);
}
