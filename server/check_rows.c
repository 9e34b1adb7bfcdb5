/* SPDX-License-Identifier: MPL-2.0 */
/* Rows that a plan has read, and rows that came of them (PostgreSQL manual, EXPLAIN ANALYZE, FORMAT JSON).
 * Thread: main. */
#include <stdlib.h>

#include "check.h"

/* Whether a node makes one row of many: then what it takes in is what has come of the reading below it. */
static bool s_gathers(proto_bytes_t plan)
{
    static const char *const names[] = {"count(", "sum(", "avg(", "_agg("};
    proto_bytes_t output;
    if (!proto_bytes_is(proto_value_get_str(plan, "Node Type", ""), "Aggregate") ||
        proto_value_get(plan, "Output", &output) < 0)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (memmem(output.data, output.size, names[i], strlen(names[i])))
            return true;
    return false;
}

/* Rows of all loops of a node together. PostgreSQL tells the mean of its loops, since 18 with two digits of
 * a fraction. */
static int64_t s_rows(proto_bytes_t plan, const char *key)
{
    char digits[32] = "";
    int64_t loops = proto_value_get_int(plan, "Actual Loops", 0);
    proto_bytes_t bytes;
    proto_value_t value;
    if (proto_value_get(plan, key, &bytes) < 0)
        return 0;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0)
        return 0;
    if (value.kind == PROTO_INT)
        return value.integer * loops;
    if (value.kind == PROTO_DECIMAL && value.bytes.size < sizeof digits)
        memcpy(digits, value.bytes.data, value.bytes.size);
    return (int64_t)(strtod(digits, NULL) * (double)loops + 0.5);
}

/* What a node itself has read: rows of a table, pairs that a join drops. Rows that are found by bitmap are
 * those of the bitmap. */
static int64_t s_read(proto_bytes_t plan)
{
    proto_bytes_t type = proto_value_get_str(plan, "Node Type", "");
    bool scan =
        proto_value_get_str(plan, "Relation Name", "").size || proto_bytes_is(type, "Bitmap Index Scan");
    int64_t read =
        s_rows(plan, "Rows Removed by Join Filter") + s_rows(plan, "Rows Removed by Index Recheck");
    if (scan && !proto_bytes_is(type, "Bitmap Heap Scan"))
        read += s_rows(plan, "Actual Rows") + s_rows(plan, "Rows Removed by Filter");
    return read;
}

static int64_t s_excess(srv_check_tally_t tally)
{
    return tally.read - SRV_CHECK_TIMES * (tally.rows > tally.runs ? tally.rows : tally.runs);
}

bool srv_check_reads_much(srv_check_tally_t tally)
{
    return tally.read > SRV_CHECK_FEW && s_excess(tally) > 0;
}

/* Adds what is below a node to its tally, or makes one of it that is judged by itself. */
static void s_walk(proto_bytes_t plan, int depth, srv_check_rows_t *rows, int64_t *read)
{
    srv_check_tally_t gathered = {.runs = proto_value_get_int(plan, "Actual Loops", 0)};
    bool gathers = s_gathers(plan);
    proto_bytes_t plans, below;
    proto_value_t list;
    *read += s_read(plan);
    if (depth == PROTO_VALUE_DEPTH || proto_value_get(plan, "Plans", &plans) < 0)
        return;
    proto_reader_t reader = proto_reader(plans);
    if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
        return;
    for (uint32_t i = 0; i < list.count && proto_value_skip(&reader, &below) == 0; i++) {
        s_walk(below, depth + 1, rows, gathers ? &gathered.read : read);
        if (proto_bytes_is(proto_value_get_str(below, "Parent Relationship", ""), "Outer"))
            gathered.rows += s_rows(below, "Actual Rows");
    }
    if (gathers && (!rows->gathers || s_excess(gathered) > s_excess(rows->gathered)))
        rows->gathered = gathered;
    rows->gathers = rows->gathers || gathers;
}

srv_check_rows_t srv_check_rows(proto_bytes_t plan)
{
    srv_check_rows_t rows = {.whole = {.rows = s_rows(plan, "Actual Rows"), .runs = 1}};
    s_walk(plan, 0, &rows, &rows.whole.read);
    return rows;
}
