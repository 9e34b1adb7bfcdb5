/* SPDX-License-Identifier: MPL-2.0 */
/* Figures for others: all groups are looked at once, what has the same name and labels is added up, and the
 * sums are written. Thread: whichever collects. */
#include "proto_metrics_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "proto_log.h"

/* One series. */
typedef struct s_sample {
    const proto_metric_t *row;
    const char *labels; /* of its group */
    const proto_cell_t *cells;
} s_sample_t;

typedef struct s_samples {
    s_sample_t *list;
    size_t count, room;
    bool totals; /* groups in detail have no labels */
} s_samples_t;

static void s_take(s_samples_t *self, s_sample_t sample)
{
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 256;
        self->list = realloc(self->list, self->room * sizeof *self->list);
        PROTO_ASSERT(self->list != NULL);
    }
    self->list[self->count++] = sample;
}

/* Nothing has ever been counted there: 10,000 operations that nobody calls say nothing. */
static bool s_is_empty(const proto_metric_t *row, const proto_cell_t *cells)
{
    for (size_t i = 0; i < proto_metrics_cells(row); i++)
        if (proto_metrics_get(&cells[i]))
            return false;
    return true;
}

static void s_take_group(s_samples_t *self, const proto_metrics_group_t *group)
{
    const proto_cell_t *cells = group->cells;
    for (uint32_t i = 0; i < group->rows; i++) {
        const proto_metric_t *row = &group->table[i];
        if (!row->sparse || !s_is_empty(row, cells))
            s_take(self, (s_sample_t){row, group->detail && self->totals ? "" : group->labels, cells});
        cells += proto_metrics_cells(row);
    }
}

static const char *s_own_labels(const s_sample_t *sample)
{
    return sample->row->labels ? sample->row->labels : "";
}

static int s_compare(const void *a, const void *b)
{
    const s_sample_t *one = a, *other = b;
    int order = strcmp(one->row->name, other->row->name);
    if (order == 0)
        order = strcmp(one->labels, other->labels);
    return order ? order : strcmp(s_own_labels(one), s_own_labels(other));
}

static s_samples_t s_collect(const proto_metrics_t *self, bool totals)
{
    s_samples_t samples = {.totals = totals};
    const proto_metrics_group_t *group = atomic_load_explicit(&self->first, memory_order_acquire);
    for (; group; group = group->next)
        s_take_group(&samples, group);
    if (samples.count)
        qsort(samples.list, samples.count, sizeof *samples.list, s_compare);
    return samples;
}

/* Adds up the series of one name and set of labels, from `at` on; returns where the next begins. */
static size_t s_sum(const s_samples_t *samples, size_t at, uint64_t cells[PROTO_METRICS_HISTOGRAM])
{
    const s_sample_t *first = &samples->list[at];
    size_t count = proto_metrics_cells(first->row);
    memset(cells, 0, PROTO_METRICS_HISTOGRAM * sizeof *cells);
    for (; at < samples->count && s_compare(first, &samples->list[at]) == 0; at++)
        for (size_t i = 0; i < count; i++)
            cells[i] += proto_metrics_get(&samples->list[at].cells[i]);
    return at;
}

static void s_value(proto_buf_t *out, proto_metric_unit_t unit, uint64_t value)
{
    if (unit == PROTO_UNIT_US)
        proto_buf_printf(out, "%" PRIu64 ".%06u", value / 1000000, (unsigned)(value % 1000000));
    else if (unit == PROTO_UNIT_MS)
        proto_buf_printf(out, "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));
    else
        proto_buf_printf(out, "%" PRIu64, value);
}

/* Labels of group and row, and perhaps one more. */
static void s_labels(proto_buf_t *out, const s_sample_t *sample, const char *bound)
{
    const char *const parts[] = {sample->labels, s_own_labels(sample), bound};
    bool any = false;
    for (int i = 0; i < 3; i++) {
        if (!*parts[i])
            continue;
        proto_buf_byte(out, any ? ',' : '{');
        proto_buf_string(out, parts[i]);
        any = true;
    }
    if (any)
        proto_buf_byte(out, '}');
}

static void s_line(proto_buf_t *out, const s_sample_t *sample, const char *suffix, const char *bound,
                   proto_metric_unit_t unit, uint64_t value)
{
    proto_buf_string(out, sample->row->name);
    proto_buf_string(out, suffix);
    s_labels(out, sample, bound);
    proto_buf_byte(out, ' ');
    s_value(out, unit, value);
    proto_buf_byte(out, '\n');
}

/* "0.0025", without zeros at the end, as Prometheus' own clients write it. */
static void s_bound(proto_buf_t *out, uint32_t microseconds)
{
    s_value(out, PROTO_UNIT_US, microseconds);
    while (out->data[out->size - 1] == '0')
        out->size--;
    if (out->data[out->size - 1] == '.')
        out->size--;
}

static void s_histogram(proto_buf_t *out, const s_sample_t *sample, const uint64_t *cells)
{
    uint64_t count = 0;
    proto_buf_t bound = PROTO_BUF_INIT;
    for (int i = 0; i <= PROTO_METRICS_BOUNDS; i++) {
        proto_buf_reset(&bound);
        proto_buf_string(&bound, "le=\"");
        if (i < PROTO_METRICS_BOUNDS)
            s_bound(&bound, proto_metrics_bounds[i]);
        else
            proto_buf_string(&bound, "+Inf");
        proto_buf_byte(&bound, '"');
        count += cells[i];
        s_line(out, sample, "_bucket", proto_buf_text(&bound), PROTO_UNIT_ONE, count);
    }
    s_line(out, sample, "_sum", "", PROTO_UNIT_US, cells[PROTO_METRICS_BOUNDS + 1]);
    s_line(out, sample, "_count", "", PROTO_UNIT_ONE, count);
    proto_buf_free(&bound);
}

void proto_metrics_write(const proto_metrics_t *self, proto_buf_t *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    s_samples_t samples = s_collect(self, false);
    uint64_t cells[PROTO_METRICS_HISTOGRAM];
    const char *name = "";
    for (size_t at = 0; at < samples.count;) {
        const s_sample_t *sample = &samples.list[at];
        const proto_metric_t *row = sample->row;
        at = s_sum(&samples, at, cells);
        if (strcmp(name, row->name) != 0)
            proto_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                             kinds[row->kind]);
        name = row->name;
        if (row->kind == PROTO_HISTOGRAM)
            s_histogram(out, sample, cells);
        else
            s_line(out, sample, "", "", row->unit, cells[0]);
    }
    free(samples.list);
}

static void s_json_figure(proto_buf_t *out, const s_sample_t *sample, const uint64_t *cells)
{
    const proto_metric_t *row = sample->row;
    proto_buf_t labels = PROTO_BUF_INIT;
    s_labels(&labels, sample, "");
    proto_buf_printf(out, "{\"name\":\"%s\",\"labels\":\"", row->name);
    proto_log_escape(out, proto_buf_bytes(&labels));
    proto_buf_free(&labels);
    if (row->kind != PROTO_HISTOGRAM) {
        proto_buf_string(out, "\",\"value\":");
        s_value(out, row->unit, cells[0]);
    } else {
        proto_buf_string(out, "\",\"counts\":[");
        for (int i = 0; i <= PROTO_METRICS_BOUNDS; i++)
            proto_buf_printf(out, "%s%" PRIu64, i ? "," : "", cells[i]);
        proto_buf_string(out, "],\"sum\":");
        s_value(out, PROTO_UNIT_US, cells[PROTO_METRICS_BOUNDS + 1]);
    }
    proto_buf_byte(out, '}');
}

void proto_metrics_json(const proto_metrics_t *self, proto_buf_t *out)
{
    s_samples_t samples = s_collect(self, true);
    uint64_t cells[PROTO_METRICS_HISTOGRAM];
    proto_buf_string(out, "{\"bounds\":[");
    for (int i = 0; i < PROTO_METRICS_BOUNDS; i++) {
        if (i)
            proto_buf_byte(out, ',');
        s_bound(out, proto_metrics_bounds[i]);
    }
    proto_buf_string(out, "],\"figures\":[");
    for (size_t at = 0; at < samples.count;) {
        const s_sample_t *sample = &samples.list[at];
        if (at)
            proto_buf_byte(out, ',');
        at = s_sum(&samples, at, cells);
        s_json_figure(out, sample, cells);
    }
    proto_buf_string(out, "]}");
    free(samples.list);
}
