/* SPDX-License-Identifier: MPL-2.0 */
/* Figures: making groups, and counting. Thread: see proto_metrics.h. */
#include "proto_metrics_internal.h"

#include <stdlib.h>

#include "proto_utf8.h"

const uint32_t proto_metrics_bounds[PROTO_METRICS_BOUNDS] = {
    100,    250,    500,    1000,    2500,    5000,    10000,    25000,   50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};

proto_metrics_t *proto_metrics_new(void)
{
    proto_metrics_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    return self;
}

void proto_metrics_free(proto_metrics_t **self_pointer)
{
    proto_metrics_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    for (proto_metrics_group_t *group = atomic_load(&self->first), *next; group; group = next) {
        next = group->next;
        free((void *)group->labels);
        free(group);
    }
    free(self);
}

size_t proto_metrics_cells(const proto_metric_t *row)
{
    return row->kind == PROTO_HISTOGRAM ? PROTO_METRICS_HISTOGRAM : 1;
}

/* Groups are only ever added, at the front, so that readers need no lock. */
proto_metrics_group_t *proto_metrics_add(proto_metrics_t *self, const proto_metric_t *table, uint32_t rows,
                                         const char *labels, bool detail)
{
    size_t cells = 0;
    for (uint32_t i = 0; i < rows; i++)
        cells += proto_metrics_cells(&table[i]);
    proto_metrics_group_t *group = calloc(1, sizeof *group + cells * sizeof group->cells[0]);
    PROTO_ASSERT(group != NULL);
    group->table = table;
    group->rows = rows;
    group->detail = detail;
    group->labels = strdup(labels);
    PROTO_ASSERT(group->labels != NULL);
    group->next = atomic_load_explicit(&self->first, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&self->first, &group->next, group, memory_order_release,
                                                  memory_order_relaxed))
        continue;
    return group;
}

/* Prometheus takes any UTF-8; a backslash and a quote are escaped. Nothing is cut in the middle. */
const char *proto_metrics_label(char out[PROTO_METRICS_LABELS], const char *name, const char *value)
{
    char *at = stpcpy(out, name), *end = out + PROTO_METRICS_LABELS - 6;
    const uint8_t *from = (const uint8_t *)value, *from_end = from + strlen(value);
    at = stpcpy(at, "=\"");
    while (from < from_end && at < end) {
        size_t size = proto_utf8_length(from, from_end);
        if (*from == '\\' || *from == '"')
            *at++ = '\\';
        if (size == 0 || *from < 0x20)
            *at++ = '?';
        else
            at = mempcpy(at, from, size);
        from += size ? size : 1;
    }
    strcpy(at, "\"");
    return out;
}

void proto_metrics_observe(proto_cell_t *histogram, int64_t microseconds)
{
    uint64_t value = microseconds > 0 ? (uint64_t)microseconds : 0;
    uint32_t bucket = 0;
    while (bucket < PROTO_METRICS_BOUNDS && value > proto_metrics_bounds[bucket])
        bucket++;
    proto_metrics_count(&histogram[bucket], 1);
    proto_metrics_count(&histogram[PROTO_METRICS_BOUNDS + 1], value);
}

void proto_metrics_publish(proto_metrics_group_t *group, const void *numbers)
{
    for (uint32_t i = 0; i < group->rows; i++) {
        uint64_t number;
        memcpy(&number, (const char *)numbers + group->table[i].at, sizeof number);
        proto_metrics_set(&group->cells[i], number);
    }
}
