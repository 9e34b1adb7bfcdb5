/* SPDX-License-Identifier: MPL-2.0 */
/* What the files about figures share. Private to proto/. */
#ifndef PROTO_METRICS_INTERNAL_H
#define PROTO_METRICS_INTERNAL_H

#include "proto_metrics.h"

struct proto_metrics {
    _Atomic(proto_metrics_group_t *) first; /* newest; they never go */
};

/* Upper ends of a histogram's buckets, in microseconds. */
extern const uint32_t proto_metrics_bounds[PROTO_METRICS_BOUNDS];
/* How many cells a row takes. */
size_t proto_metrics_cells(const proto_metric_t *row);

#endif
