/* SPDX-License-Identifier: MPL-2.0 */
/* What the service `muster` tells of operations: how each fares, and what its workers have published about
 * it. Thread: the broker's. */
#include "brk_internal.h"
#include "proto_value.h"

enum { S_MOST = 10000 /* rows */ };

static void s_int(proto_buf_t *out, const char *key, uint64_t value)
{
    proto_write_text(out, key);
    proto_write_uint(out, value);
}

/* Adds up the windows of the workers that offer each operation; index 0 takes those that offer anything. */
static void s_windows(const brk_core_t *self, const brk_service_t *service, uint32_t windows[BRK_OPERATIONS])
{
    uint32_t at = 0;
    memset(windows, 0, service->operation_count * sizeof *windows);
    for (const brk_peer_t *peer; (peer = proto_slab_next(&self->peers, &at));) {
        if (peer->service != service)
            continue;
        if (peer->any)
            windows[0] += peer->window;
        for (uint32_t word = 0; word * 64 < service->operation_count; word++)
            for (uint64_t bits = peer->offers[word]; bits; bits &= bits - 1)
                windows[word * 64 + (uint32_t)__builtin_ctzll(bits)] += peer->window;
    }
}

int64_t brk_operation_oldest(const brk_operation_t *operation, int64_t now)
{
    const brk_lane_t *first = operation->lanes, *lane = first;
    int64_t oldest = now;
    for (const brk_request_t *request = operation->returned; request; request = request->next_waiting)
        oldest = request->asked < oldest ? request->asked : oldest;
    while (lane) {
        oldest = lane->first->asked < oldest ? lane->first->asked : oldest;
        lane = lane->next == first ? NULL : lane->next;
    }
    return now - oldest;
}

static void s_latencies(const brk_operation_t *operation, proto_buf_t *out)
{
    uint32_t count = BRK_LATENCIES;
    while (count && operation->latencies[count - 1] == 0)
        count--;
    proto_write_text(out, "latency_ms");
    proto_write_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        proto_write_uint(out, operation->latencies[i]);
}

static void s_row(const brk_operation_t *operation, uint32_t workers, uint32_t window, int64_t now,
                  proto_buf_t *out)
{
    proto_write_map(out, 10);
    proto_write_text(out, "service");
    proto_write_text(out, operation->service->name);
    proto_write_text(out, "operation");
    proto_write_text(out, operation->index ? operation->name : "*");
    s_int(out, "workers", workers);
    s_int(out, "window", window);
    s_int(out, "waiting", operation->waiting);
    s_int(out, "oldest_ms", (uint64_t)brk_operation_oldest(operation, now));
    s_int(out, "in_flight", operation->in_flight);
    s_int(out, "answered", operation->answered);
    s_int(out, "errors", operation->errors);
    s_latencies(operation, out);
}

void brk_table_operations(const brk_core_t *self, int64_t now, proto_buf_t *out)
{
    uint32_t windows[BRK_OPERATIONS], count = 0;
    size_t place = proto_write_array_open(out);
    for (uint32_t i = 0; i < self->service_count; i++) {
        const brk_service_t *service = self->services[i];
        s_windows(self, service, windows);
        for (uint32_t o = 0; o < service->operation_count && count < S_MOST; o++) {
            const brk_operation_t *operation = service->operations[o];
            uint32_t workers = operation->workers + service->any_workers;
            if (workers == 0 && operation->answered + operation->errors == 0)
                continue; /* the catch-all of workers that all have lists; a version that is gone */
            s_row(operation, workers, windows[o] + (o ? windows[0] : 0), now, out);
            count++;
        }
    }
    proto_write_close(out, place, count);
}

/* The operations of the newest catalogue of a service, an encoded array; empty when it has none. */
static proto_bytes_t s_published(const brk_service_t *service)
{
    proto_bytes_t newest = {0}, operations;
    int64_t generation = -1;
    for (uint32_t i = 0; i < service->catalogue_count; i++) {
        proto_bytes_t map = proto_buf_bytes(&service->catalogues[i].body);
        int64_t its = proto_value_get_int(map, "generation", 0);
        if (its > generation && proto_value_get(map, "operations", &operations) == 0) {
            generation = its;
            newest = operations;
        }
    }
    return newest;
}

/* Copies the items of a published array; how many. */
static uint32_t s_copy(proto_bytes_t list, proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(list);
    proto_value_t head;
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY)
        return 0;
    proto_buf_append(out, reader.at, (size_t)(reader.end - reader.at));
    return head.count;
}

int brk_table_describe(const brk_core_t *self, proto_bytes_t arguments, proto_buf_t *out)
{
    proto_bytes_t name = proto_value_get_str(arguments, "service", "");
    uint32_t count = 0;
    if (name.size && !brk_service_find(self, name))
        return -1;
    size_t place = proto_write_array_open(out);
    for (uint32_t i = 0; i < self->service_count; i++)
        if (name.size == 0 || proto_bytes_is(name, self->services[i]->name))
            count += s_copy(s_published(self->services[i]), out);
    proto_write_close(out, place, count);
    return 0;
}

bool brk_core_describes(const brk_core_t *self, proto_bytes_t name)
{
    const brk_service_t *service = brk_service_find(self, name);
    return service && s_published(service).size > 0 &&
           brk_operation_find(service, 0, proto_bytes_of("describe"))->index == 0;
}
