/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's own service: its tables as lists of maps, for `muster show`, readiness and people; and the
 * check of every invariant. Thread: the broker's. */
#include "brk_internal.h"
#include "proto_value.h"

static void s_int(proto_buf_t *out, const char *key, uint64_t value)
{
    proto_write_text(out, key);
    proto_write_uint(out, value);
}

static void s_text(proto_buf_t *out, const char *key, const char *value)
{
    proto_write_text(out, key);
    proto_write_text(out, value);
}

static void s_bool(proto_buf_t *out, const char *key, bool value)
{
    proto_write_text(out, key);
    proto_write_bool(out, value);
}

static void s_services(const brk_core_t *self, proto_buf_t *out)
{
    proto_write_array(out, self->service_count);
    for (uint32_t i = 0; i < self->service_count; i++) {
        const brk_service_t *service = self->services[i];
        proto_write_map(out, 7);
        s_text(out, "service", service->name);
        s_int(out, "workers", service->workers);
        s_int(out, "operations", service->operation_count - 1);
        s_int(out, "in_flight", service->in_flight);
        s_int(out, "waiting", service->waiting_count);
        s_int(out, "waiting_bytes", service->waiting_bytes);
        s_int(out, "answered", service->answered);
    }
}

static void s_workers(const brk_core_t *self, int64_t now, proto_buf_t *out)
{
    uint32_t at = 0, count = 0;
    size_t place = proto_write_array_open(out);
    for (const brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));) {
        if (!peer->service)
            continue;
        count++;
        proto_write_map(out, 9);
        s_text(out, "service", peer->service->name);
        s_int(out, "peer", peer->id);
        s_int(out, "epoch", peer->epoch);
        s_int(out, "window", peer->window);
        s_int(out, "credit", peer->credit);
        s_int(out, "in_flight", peer->load);
        s_bool(out, "exclusive", peer->exclusive != 0);
        s_int(out, "answered", peer->answered);
        s_int(out, "silent_ms", (uint64_t)(now - peer->heard));
    }
    proto_write_close(out, place, count);
}

static void s_queues(const brk_core_t *self, proto_buf_t *out)
{
    uint32_t count = 0;
    size_t place = proto_write_array_open(out);
    for (uint32_t i = 0; i < self->service_count; i++) {
        const brk_operation_t *first = self->services[i]->waiting, *operation = first;
        while (operation) {
            count++;
            proto_write_map(out, 3);
            s_text(out, "service", operation->service->name);
            s_text(out, "operation", operation->index ? operation->name : "*");
            s_int(out, "waiting", operation->waiting);
            operation = operation->next == first ? NULL : operation->next;
        }
    }
    proto_write_close(out, place, count);
}

static void s_in_flight(const brk_core_t *self, int64_t now, proto_buf_t *out)
{
    enum { S_MOST = 1000 }; /* enough to see what hangs */
    uint32_t at = 0, count = 0;
    size_t place = proto_write_array_open(out);
    for (const brk_request_t *request; count < S_MOST && (request = proto_slab_next(&self->requests, &at));) {
        if (request->state != BRK_IN_FLIGHT)
            continue;
        count++;
        proto_write_map(out, 6);
        s_text(out, "service", request->operation->service->name);
        s_text(out, "operation", request->operation->index ? request->operation->name : "*");
        s_int(out, "worker", request->worker->id);
        proto_write_text(out, "left_ms");
        proto_write_int(out, request->deadline - now);
        s_bool(out, "exclusive", request->exclusive);
        s_bool(out, "abandoned", request->client == NULL);
    }
    proto_write_close(out, place, count);
}

static void s_stats(const brk_core_t *self, proto_buf_t *out)
{
    const brk_stats_t *stats = &self->stats;
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"requests", stats->requests},
        {"answered", stats->answered},
        {"queued", stats->queued},
        {"refused", stats->refused},
        {"expired", stats->expired},
        {"timed_out", stats->timed_out},
        {"cancelled", stats->cancelled},
        {"returned", stats->returned},
        {"late", stats->late},
        {"rejected", stats->rejected},
        {"workers_lost", stats->workers_lost},
        {"forbidden", stats->forbidden},
        {"denied", stats->denied},
        {"peers", self->peers.used},
        {"in_flight", self->in_flight},
        {"waiting", self->waiting},
    };
    proto_write_array(out, 1);
    proto_write_map(out, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        s_int(out, rows[i].key, rows[i].value);
}

void brk_core_settings(brk_core_t *self, const char *settings)
{
    self->settings = settings;
}

static void s_config(const brk_core_t *self, proto_buf_t *out)
{
    uint32_t count = 0;
    size_t place = proto_write_array_open(out);
    for (const char *line = self->settings, *end; line && *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        const char *equals = memmem(line, (size_t)(end - line), " = ", 3);
        if (!equals)
            continue;
        count++;
        proto_write_map(out, 2);
        proto_write_text(out, "setting");
        proto_write_str(out, (proto_bytes_t){(const uint8_t *)line, (size_t)(equals - line)});
        proto_write_text(out, "value");
        proto_write_str(out, (proto_bytes_t){(const uint8_t *)equals + 3, (size_t)(end - equals - 3)});
    }
    proto_write_close(out, place, count);
}

int brk_core_table(const brk_core_t *self, int64_t now, proto_bytes_t operation, proto_bytes_t arguments,
                   proto_buf_t *out)
{
    if (proto_bytes_is(operation, "describe"))
        return brk_table_describe(self, arguments, out);
    if (proto_bytes_is(operation, "services"))
        s_services(self, out);
    else if (proto_bytes_is(operation, "workers"))
        s_workers(self, now, out);
    else if (proto_bytes_is(operation, "operations"))
        brk_table_operations(self, now, out);
    else if (proto_bytes_is(operation, "queues"))
        s_queues(self, out);
    else if (proto_bytes_is(operation, "inflight"))
        s_in_flight(self, now, out);
    else if (proto_bytes_is(operation, "stats"))
        s_stats(self, out);
    else if (proto_bytes_is(operation, "config"))
        s_config(self, out);
    else
        return -1;
    return 0;
}

void brk_core_show(const brk_core_t *self, int64_t now, proto_buf_t *out)
{
    uint32_t at = 0;
    proto_buf_printf(out, "peers=%u in_flight=%u waiting=%u%s\n", self->peers.used, self->in_flight,
                     self->waiting, self->draining ? " draining" : "");
    for (const brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));)
        proto_buf_printf(out, "peer %llu %s load=%u credit=%u/%u%s%s heard=-%lldms\n",
                         (unsigned long long)peer->id, peer->service ? peer->service->name : "client",
                         peer->load, peer->credit, peer->window, peer->given_back ? " returned" : "",
                         peer->exclusive ? " exclusive" : "", (long long)(now - peer->heard));
}

static void s_check_worker(const brk_peer_t *peer)
{
    uint32_t working = 0;
    bool exclusive = false;
    for (const brk_request_t *request = peer->working; request; request = request->next_of_worker) {
        PROTO_ASSERT(request->worker == peer && request->state == BRK_IN_FLIGHT);
        exclusive = exclusive || request->token == peer->exclusive;
        working++;
    }
    PROTO_ASSERT(working == peer->load);
    PROTO_ASSERT(peer->credit == 0 || peer->load + peer->credit <= peer->window);
    PROTO_ASSERT(peer->listed == (!peer->given_back && !peer->exclusive && peer->credit > 0));
    PROTO_ASSERT(peer->exclusive == 0 || exclusive);
    if (!peer->listed)
        return;
    uint32_t seen = 0;
    const brk_peer_t *first = peer->service->loads[peer->load], *at = first;
    do {
        PROTO_ASSERT(at->next->prev == at && at->load == peer->load);
        seen += at == peer;
        at = at->next;
    } while (at != first);
    PROTO_ASSERT(seen == 1);
}

static void s_check_peers(const brk_core_t *self)
{
    uint32_t at = 0;
    for (const brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));) {
        uint32_t waiting = 0;
        uint64_t bytes = 0;
        for (const brk_request_t *request = peer->requests; request; request = request->next_of_client) {
            PROTO_ASSERT(request->client == peer && request->state != BRK_FREE);
            PROTO_ASSERT(*request->link_by_id == request);
            if (request->state == BRK_WAITING) {
                waiting++;
                bytes += request->stored.size;
            }
        }
        PROTO_ASSERT(waiting == peer->waiting && bytes == peer->waiting_bytes);
        if (peer->service)
            s_check_worker(peer);
        else
            PROTO_ASSERT(!peer->working && !peer->listed && !peer->offers);
    }
}

static uint32_t s_check_operation(const brk_operation_t *operation, uint64_t *bytes, uint32_t *in_flight)
{
    uint32_t count = 0;
    const brk_lane_t *first = operation->lanes, *lane = first;
    for (const brk_request_t *request = operation->returned; request;
         request = request->next_waiting, count++)
        *bytes += request->stored.size;
    while (lane) {
        PROTO_ASSERT(lane->first && lane->next->prev == lane && lane->operation == operation);
        for (const brk_request_t *request = lane->first; request; request = request->next_waiting, count++) {
            PROTO_ASSERT(request->lane == lane && request->state == BRK_WAITING && request->client);
            *bytes += request->stored.size;
        }
        lane = lane->next == first ? NULL : lane->next;
    }
    PROTO_ASSERT(count == operation->waiting);
    PROTO_ASSERT((operation->next != NULL) == (count > 0));
    *in_flight += operation->in_flight;
    PROTO_ASSERT(count == 0 || brk_operation_served(operation));
    return count;
}

void brk_core_check(const brk_core_t *self)
{
    uint32_t at = 0, waiting = 0, in_flight = 0, queued = 0;
    proto_wheel_check(&self->wheel);
    s_check_peers(self);
    for (const brk_request_t *request; (request = proto_slab_next(&self->requests, &at));) {
        PROTO_ASSERT(request->state != BRK_FREE);
        PROTO_ASSERT(!request->client || proto_wheel_on(&request->timer));
        waiting += request->state == BRK_WAITING;
        in_flight += request->state == BRK_IN_FLIGHT;
    }
    for (uint32_t i = 0; i < self->service_count; i++) {
        const brk_service_t *service = self->services[i];
        uint32_t count = 0, running = 0;
        uint64_t bytes = 0;
        for (uint32_t o = 0; o < service->operation_count; o++)
            count += s_check_operation(service->operations[o], &bytes, &running);
        PROTO_ASSERT(running == service->in_flight);
        PROTO_ASSERT(count == service->waiting_count && bytes == service->waiting_bytes);
        PROTO_ASSERT((service->waiting != NULL) == (count > 0));
        queued += count;
    }
    PROTO_ASSERT(waiting == self->waiting && queued == waiting && in_flight == self->in_flight);
}
