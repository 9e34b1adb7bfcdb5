/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's figures. Thread: the broker's. */
#include "brk_figures.h"

#include <stdlib.h>

#include "brk_internal.h"

enum { S_EVERY_MS = 500 /* looking at all peers and all who wait takes time */ };

#define S_ROW(type, field, metric_kind, metric_unit, metric_labels, metric_name, metric_help)                \
    {                                                                                                        \
        .name = metric_name, .help = metric_help, .kind = metric_kind, .unit = metric_unit,                  \
        .labels = metric_labels, .at = offsetof(type, field)                                                 \
    }

#define S_COUNT(field, name, help) S_ROW(brk_stats_t, field, PROTO_COUNTER, PROTO_UNIT_ONE, NULL, name, help)
#define S_REASON(field, reason)                                                                              \
    S_ROW(brk_stats_t, field, PROTO_COUNTER, PROTO_UNIT_ONE, "reason=\"" reason "\"",                        \
          "muster_broker_unserved_total", "Requests that the broker ended without a worker's answer.")
#define S_DROP(field, reason)                                                                                \
    S_ROW(brk_stats_t, field, PROTO_COUNTER, PROTO_UNIT_ONE, "reason=\"" reason "\"",                        \
          "muster_broker_dropped_total", "Records, answers and peers that the broker dropped.")
static const proto_metric_t s_stats[] = {
    S_COUNT(requests, "muster_broker_requests_total", "Requests that came to the broker."),
    S_COUNT(answered, "muster_broker_answers_total", "Requests that a worker answered."),
    S_COUNT(queued, "muster_broker_queued_total", "Requests that had to wait for a worker."),
    S_COUNT(returned, "muster_broker_returned_total", "Requests that a worker gave back unstarted."),
    S_COUNT(workers_lost, "muster_broker_workers_lost_total", "Workers that fell silent."),
    S_REASON(refusals[PROTO_ERROR_overloaded], "overloaded"),
    S_REASON(refusals[PROTO_ERROR_no_worker], "no_worker"),
    S_REASON(refusals[PROTO_ERROR_shutting_down], "shutting_down"),
    S_REASON(refusals[PROTO_ERROR_malformed], "malformed"),
    S_REASON(forbidden, "forbidden"),
    S_REASON(expired, "expired"),
    S_REASON(timed_out, "timeout"),
    S_REASON(cancelled, "cancelled"),
    S_DROP(rejected, "malformed"),
    S_DROP(late, "late"),
    S_DROP(denied, "denied"),
};

/* What the core holds. */
typedef struct s_state {
    uint64_t peers, in_flight, waiting, draining;
} s_state_t;

#define S_STATE(field, name, help) S_ROW(s_state_t, field, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, name, help)
static const proto_metric_t s_states[] = {
    S_STATE(peers, "muster_broker_peers", "Peers of the broker: clients and workers."),
    S_STATE(in_flight, "muster_broker_requests_in_flight", "Requests that workers have."),
    S_STATE(waiting, "muster_broker_requests_waiting", "Requests that wait for a worker."),
    S_STATE(draining, "muster_broker_draining", "1 while the broker is ending."),
};

/* How a service stands. */
typedef struct s_service {
    uint64_t workers, exclusive, window, credit, in_flight, waiting, waiting_bytes, oldest_ms, answered;
} s_service_t;

#define S_SERVICE(field, name, help) S_ROW(s_service_t, field, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, name, help)
static const proto_metric_t s_services[] = {
    S_SERVICE(workers, "muster_service_workers", "Registered workers."),
    S_SERVICE(exclusive, "muster_service_workers_exclusive", "Workers that run one slow request alone."),
    S_SERVICE(window, "muster_service_window_requests", "Requests that the workers would take at once."),
    S_SERVICE(credit, "muster_service_credit_requests", "Requests that the workers would take now."),
    S_SERVICE(in_flight, "muster_service_requests_in_flight", "Requests that the workers have."),
    S_SERVICE(waiting, "muster_service_queue_requests", "Requests that wait for a worker."),
    S_SERVICE(waiting_bytes, "muster_service_queue_bytes", "Bytes of the requests that wait."),
    S_ROW(s_service_t, oldest_ms, PROTO_GAUGE, PROTO_UNIT_MS, NULL, "muster_service_queue_age_seconds",
          "How long the oldest of them has waited."),
    S_ROW(s_service_t, answered, PROTO_COUNTER, PROTO_UNIT_ONE, NULL, "muster_service_answers_total",
          "Requests that the workers answered."),
};

#define S_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof *(table)))

struct brk_figures {
    proto_metrics_t *metrics;
    int64_t due;
    proto_metrics_group_t *stats, *state;
    proto_metrics_group_t *services[BRK_SERVICES]; /* as the core numbers them: services never go */
    s_service_t sums[BRK_SERVICES];
};

brk_figures_t *brk_figures_new(proto_metrics_t *metrics)
{
    brk_figures_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->metrics = metrics;
    self->stats = proto_metrics_add(metrics, s_stats, S_COUNT_OF(s_stats), "", false);
    self->state = proto_metrics_add(metrics, s_states, S_COUNT_OF(s_states), "", false);
    return self;
}

void brk_figures_free(brk_figures_t **self)
{
    free(*self);
    *self = NULL;
}

/* Adds the workers up. */
static void s_add_workers(brk_figures_t *self, const brk_core_t *core)
{
    uint32_t at = 0;
    for (const brk_peer_t *peer; (peer = proto_slab_next(&core->peers, &at));) {
        uint32_t i = 0;
        while (peer->service && i < core->service_count && core->services[i] != peer->service)
            i++;
        if (!peer->service || i == core->service_count)
            continue;
        self->sums[i].exclusive += peer->exclusive != 0;
        self->sums[i].window += peer->window;
        self->sums[i].credit += peer->credit;
    }
}

static void s_tell_service(brk_figures_t *self, int64_t now, const brk_core_t *core, uint32_t at)
{
    const brk_service_t *service = core->services[at];
    s_service_t *sums = &self->sums[at];
    if (!self->services[at]) {
        char label[PROTO_METRICS_LABELS];
        self->services[at] = proto_metrics_add(self->metrics, s_services, S_COUNT_OF(s_services),
                                               proto_metrics_label(label, "service", service->name), false);
    }
    sums->workers = service->workers;
    sums->in_flight = service->in_flight;
    sums->waiting = service->waiting_count;
    sums->waiting_bytes = service->waiting_bytes;
    sums->answered = service->answered;
    const brk_operation_t *first = service->waiting, *operation = first;
    while (operation) {
        uint64_t age = (uint64_t)brk_operation_oldest(operation, now);
        sums->oldest_ms = age > sums->oldest_ms ? age : sums->oldest_ms;
        operation = operation->next == first ? NULL : operation->next;
    }
    proto_metrics_publish(self->services[at], sums);
}

void brk_figures_turn(brk_figures_t *self, int64_t now, const brk_core_t *core)
{
    if (now < self->due)
        return;
    self->due = now + S_EVERY_MS;
    s_state_t state = {core->peers.used, core->in_flight, core->waiting, core->draining};
    proto_metrics_publish(self->stats, &core->stats);
    proto_metrics_publish(self->state, &state);
    memset(self->sums, 0, core->service_count * sizeof *self->sums);
    s_add_workers(self, core);
    for (uint32_t i = 0; i < core->service_count; i++)
        s_tell_service(self, now, core, i);
}
