/* SPDX-License-Identifier: MPL-2.0 */
/* The figures of one gateway thread. Thread: that one. */
#include "gw_figures.h"

#include <stdlib.h>

/* What the gateway itself answers with; what endpoints add (@status, @error) is "other" unless it is here. */
#define S_STATUSES(X)                                                                                        \
    X(200)                                                                                                   \
    X(201)                                                                                                   \
    X(202)                                                                                                   \
    X(204)                                                                                                   \
    X(304)                                                                                                   \
    X(307) X(400) X(401) X(403) X(404) X(405) X(408) X(409) X(410) X(413) X(414) X(415) X(417) X(422) X(429) \
        X(431) X(499) X(500) X(501) X(502) X(503) X(504) X(505)

#define S_REQUESTS(value)                                                                                    \
    {.name = "muster_http_requests_total",                                                                   \
     .help = "HTTP requests answered, by operation and status; 499: the client left first.",                 \
     .kind = PROTO_COUNTER,                                                                                  \
     .labels = "status=\"" value "\"",                                                                       \
     .sparse = true},

/* Of an operation. */
static const proto_metric_t s_operation[] = {
#define X(status) S_REQUESTS(#status)
    S_STATUSES(X)
#undef X
        S_REQUESTS("other"){.name = "muster_http_request_duration_seconds",
                            .help = "From the last byte of a request to its answer, by operation.",
                            .kind = PROTO_HISTOGRAM,
                            .sparse = true},
};

static const proto_metric_t s_problems[] = {
#define X(code, status, title)                                                                               \
    {.name = "muster_http_problems_total",                                                                   \
     .help = "HTTP requests refused or failed, by code of the error table.",                                 \
     .kind = PROTO_COUNTER,                                                                                  \
     .labels = "code=\"" #code "\"",                                                                         \
     .sparse = true},
    PROTO_ERRORS(X)
#undef X
};

#define S_OWN(field, metric_kind, metric_name, metric_help)                                                  \
    {                                                                                                        \
        .name = metric_name, .help = metric_help, .kind = metric_kind, .at = offsetof(gw_stats_t, field)     \
    }
static const proto_metric_t s_own[] = {
    S_OWN(accepted, PROTO_COUNTER, "muster_http_connections_total", "HTTP connections accepted."),
    S_OWN(refused, PROTO_COUNTER, "muster_http_connections_refused_total",
          "HTTP connections beyond the limits, refused."),
    S_OWN(received, PROTO_COUNTER, "muster_http_received_bytes_total", "Bytes read from HTTP clients."),
    S_OWN(sent, PROTO_COUNTER, "muster_http_sent_bytes_total", "Bytes written to HTTP clients."),
    S_OWN(resent, PROTO_COUNTER, "muster_http_resent_total", "Requests handed to a broker a second time."),
    S_OWN(replayed, PROTO_COUNTER, "muster_http_replayed_total",
          "Answers given again for an Idempotency-Key that was used before."),
    S_OWN(connections, PROTO_GAUGE, "muster_http_connections", "HTTP connections that are open."),
    S_OWN(under_way, PROTO_GAUGE, "muster_http_requests_in_flight", "HTTP requests not answered yet."),
    S_OWN(brokers_alive, PROTO_GAUGE, "muster_gateway_brokers_alive",
          "Brokers that answer, as gateways see it."),
};

enum {
    S_ROWS = sizeof s_operation / sizeof *s_operation,
    S_STATUS_ROWS = S_ROWS - 1, /* of which the last is "other" */
    S_FIRST_ROOM = 256
};

static proto_metrics_group_t *s_add(gw_figures_t *self, const char *operation)
{
    char label[PROTO_METRICS_LABELS];
    return proto_metrics_add(self->metrics, s_operation, S_ROWS,
                             proto_metrics_label(label, "operation", operation), true);
}

void gw_figures_init(gw_figures_t *self, proto_metrics_t *metrics)
{
    *self = (gw_figures_t){.metrics = metrics, .room = S_FIRST_ROOM};
    self->by_name = calloc(self->room, sizeof *self->by_name);
    PROTO_ASSERT(self->by_name != NULL);
    self->own = proto_metrics_add(metrics, s_own, sizeof s_own / sizeof *s_own, "", false);
    self->problems = proto_metrics_add(metrics, s_problems, PROTO_ERROR_COUNT, "", false);
    self->none = s_add(self, "(none)");
    self->builtin = s_add(self, "(builtin)");
    self->other = s_add(self, "(other)");
}

void gw_figures_free(gw_figures_t *self)
{
    free(self->by_name);
    self->by_name = NULL;
}

/* Where the group with these labels is, or is to be. */
static proto_metrics_group_t **s_place(const gw_figures_t *self, const char *labels)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = labels; *at; at++)
        hash = (hash ^ (uint8_t)*at) * 1099511628211u;
    uint32_t at = (uint32_t)(hash ^ hash >> 32);
    while (self->by_name[at & (self->room - 1)] &&
           strcmp(self->by_name[at & (self->room - 1)]->labels, labels) != 0)
        at++;
    return &self->by_name[at & (self->room - 1)];
}

/* At most half of the table is used. */
static void s_grow(gw_figures_t *self)
{
    proto_metrics_group_t **former = self->by_name;
    uint32_t count = self->room;
    self->room *= 2;
    self->by_name = calloc(self->room, sizeof *self->by_name);
    PROTO_ASSERT(self->by_name != NULL);
    for (uint32_t i = 0; i < count; i++)
        if (former[i])
            *s_place(self, former[i]->labels) = former[i];
    free(former);
}

static proto_metrics_group_t *s_group(gw_figures_t *self, const char *operation)
{
    char label[PROTO_METRICS_LABELS];
    proto_metrics_group_t **place = s_place(self, proto_metrics_label(label, "operation", operation));
    if (*place)
        return *place;
    if (self->used == GW_FIGURES_OPERATIONS)
        return self->other;
    proto_metrics_group_t *group = *place = s_add(self, operation);
    if (++self->used > self->room / 2)
        s_grow(self);
    return group;
}

void gw_figures_learn(gw_figures_t *self, const gw_router_t *router)
{
    for (gw_route_t *route = gw_router_first(router); route; route = route->next)
        route->figures = route->operation ? s_group(self, route->operation->name) : self->builtin;
}

/* The cell of a status. */
static proto_cell_t *s_cell(proto_metrics_group_t *group, int status)
{
    static const uint16_t statuses[] = {
#define X(status) status,
        S_STATUSES(X)
#undef X
    };
    uint32_t at = 0;
    while (at < S_STATUS_ROWS - 1 && statuses[at] != status)
        at++;
    return &group->cells[at];
}

void gw_figures_answer(gw_figures_t *self, const gw_route_t *route, int status, int64_t microseconds)
{
    proto_metrics_group_t *group = route ? route->figures : self->none;
    proto_metrics_count(s_cell(group, status), 1);
    proto_metrics_observe(&group->cells[S_STATUS_ROWS], microseconds);
}

void gw_figures_problem(gw_figures_t *self, proto_error_t error)
{
    proto_metrics_count(&self->problems->cells[error], 1);
}
