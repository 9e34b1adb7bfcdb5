/* SPDX-License-Identifier: MPL-2.0 */
/* Figures about a running process: counters, gauges and histograms. A group is a set of them under the same
 * labels, as all about one operation; a static table says what they are. Each group is written by one thread,
 * with plain stores that others may read at any time (relaxed atomics): no lock, no allocation, no system
 * call. Another thread collects all groups and writes them in Prometheus' text format (exposition format
 * 0.0.4). Series of the same name and labels are added up, so several threads may keep the same ones. */
#ifndef PROTO_METRICS_H
#define PROTO_METRICS_H

#include <stdatomic.h>

#include "proto_buf.h"

/* Counters only grow; the names of theirs end in _total. Histograms are of durations. */
typedef enum { PROTO_COUNTER, PROTO_GAUGE, PROTO_HISTOGRAM } proto_metric_kind_t;
/* In what a cell counts. Times are shown in seconds. */
typedef enum { PROTO_UNIT_ONE, PROTO_UNIT_US, PROTO_UNIT_MS } proto_metric_unit_t;

enum {
    PROTO_METRICS_BOUNDS = 17,                          /* upper ends of a histogram's buckets */
    PROTO_METRICS_HISTOGRAM = PROTO_METRICS_BOUNDS + 2, /* its cells: one beyond these ends, and the sum */
    PROTO_METRICS_LABELS = 400                          /* room for the labels of a group */
};

/* One row of a group's table. */
typedef struct proto_metric {
    const char *name, *help;
    proto_metric_kind_t kind;
    proto_metric_unit_t unit;
    const char *labels; /* of this row, as `status="200"`; NULL: none */
    bool sparse;        /* not shown while it is 0 */
    size_t at;          /* proto_metrics_publish: where in the struct it stands, as a uint64_t */
} proto_metric_t;

typedef _Atomic uint64_t proto_cell_t;

/* What is written. Cells follow the rows of the table; a histogram has PROTO_METRICS_HISTOGRAM of them. */
typedef struct proto_metrics_group {
    struct proto_metrics_group *next;
    const proto_metric_t *table;
    uint32_t rows;
    bool detail;        /* one of many alike: totals leave its labels out */
    const char *labels; /* of all of it, as `operation="list_goals"`, escaped; may be "" */
    proto_cell_t cells[];
} proto_metrics_group_t;

typedef struct proto_metrics proto_metrics_t;

proto_metrics_t *proto_metrics_new(void);
/* Call when no thread writes any more. Frees the groups, nulls the pointer. */
void proto_metrics_free(proto_metrics_t **self);
/* A new group, with zeros; it lives until proto_metrics_free, so whoever makes them bounds their number.
 * `table` is borrowed, `labels` copied: see proto_metrics_label. Any thread. */
proto_metrics_group_t *proto_metrics_add(proto_metrics_t *self, const proto_metric_t *table, uint32_t rows,
                                         const char *labels, bool detail);
/* Writes `name="value"`, whatever bytes the value has; a long one is cut. `name` has at most 64 bytes.
 * Returns `out`. */
const char *proto_metrics_label(char out[PROTO_METRICS_LABELS], const char *name, const char *value);

/* The writing thread's own: */
static inline void proto_metrics_set(proto_cell_t *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}
static inline uint64_t proto_metrics_get(const proto_cell_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}
static inline void proto_metrics_count(proto_cell_t *cell, uint64_t more)
{
    proto_metrics_set(cell, proto_metrics_get(cell) + more);
}
/* A duration joins the histogram that begins at this cell. */
void proto_metrics_observe(proto_cell_t *histogram, int64_t microseconds);
/* Copies the numbers of a struct into a group without histograms: row by row what stands at row.at. */
void proto_metrics_publish(proto_metrics_group_t *group, const void *numbers);

/* Appends all figures in Prometheus' text format. */
void proto_metrics_write(const proto_metrics_t *self, proto_buf_t *out);
/* Appends them as a JSON object, for people's charts: {"bounds": [seconds...], "figures": [{"name", "labels",
 * "value"} or {"name", "labels", "counts": [...], "sum"}]}; groups in detail only added up. */
void proto_metrics_json(const proto_metrics_t *self, proto_buf_t *out);
#define PROTO_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
