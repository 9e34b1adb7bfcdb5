/* SPDX-License-Identifier: MPL-2.0 */
/* The figures of one database actor. Thread: that one. */
#include "act_figures.h"

#include <stdio.h>

#define S_ROW(field, metric_kind, metric_unit, metric_labels, metric_name, metric_help)                      \
    {                                                                                                        \
        .name = metric_name, .help = metric_help, .kind = metric_kind, .unit = metric_unit,                  \
        .labels = metric_labels, .at = offsetof(act_stats_t, field)                                          \
    }
#define S_COUNT(field, name, help) S_ROW(field, PROTO_COUNTER, PROTO_UNIT_ONE, NULL, name, help)
#define S_NOW(field, name, help)   S_ROW(field, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, name, help)
#define S_STATE(field)                                                                                       \
    S_ROW(field, PROTO_GAUGE, PROTO_UNIT_ONE, "state=\"" #field "\"", "muster_actor_connection_state",       \
          "1 for the state that the connection to the database is in.")

static const proto_metric_t s_table[] = {
    S_COUNT(requests, "muster_actor_requests_total", "Requests that the actor took."),
    S_COUNT(statements, "muster_actor_statements_total", "Statements of requests sent to PostgreSQL."),
    S_COUNT(failures, "muster_actor_failures_total", "Requests that PostgreSQL answered with an error."),
    S_COUNT(retries, "muster_actor_retries_total", "Requests run once more after such an error."),
    S_COUNT(cancels, "muster_actor_cancels_total", "Cancels sent to PostgreSQL."),
    S_COUNT(connects, "muster_actor_connects_total", "Attempts to connect to PostgreSQL."),
    S_COUNT(losses, "muster_actor_connections_lost_total", "Connections to PostgreSQL that failed or broke."),
    S_ROW(busy_ms, PROTO_COUNTER, PROTO_UNIT_MS, NULL, "muster_actor_busy_seconds_total",
          "Time in which answers of PostgreSQL were awaited."),
    S_NOW(under_way, "muster_actor_requests_in_flight", "Requests that the actor has."),
    S_NOW(waiting, "muster_actor_requests_waiting", "Those of them that are not sent yet."),
    S_NOW(awaited, "muster_actor_pipeline_depth", "Answers of PostgreSQL that are to come, Syncs included."),
    S_NOW(held, "muster_actor_exclusive", "1 while one request has the connection to itself."),
    S_STATE(down),
    S_STATE(connecting),
    S_STATE(learning),
    S_STATE(ready),
};

void act_figures_init(act_figures_t *self, proto_metrics_t *metrics, const char *service, unsigned number)
{
    char name[64], label[PROTO_METRICS_LABELS];
    snprintf(name, sizeof name, "%s %u", service, number);
    self->group = proto_metrics_add(metrics, s_table, sizeof s_table / sizeof *s_table,
                                    proto_metrics_label(label, "actor", name), false);
}

void act_figures_turn(act_figures_t *self, int64_t now)
{
    if (self->busy && now > self->turned)
        self->stats.busy_ms += (uint64_t)(now - self->turned);
    self->turned = now;
    self->busy = self->stats.awaited > 0;
    proto_metrics_publish(self->group, &self->stats);
}
