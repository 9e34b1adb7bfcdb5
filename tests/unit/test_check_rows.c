/* SPDX-License-Identifier: MPL-2.0 */
/* Plans that were run, added up: what is read, what comes of it, and what is judged by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "check.h"
#include "proto_json.h"

#define SCAN(TYPE, ROWS, LOOPS, MORE)                                                                        \
    "{\"Node Type\": \"" TYPE "\", \"Relation Name\": \"t\", \"Parent Relationship\": \"Outer\", "           \
    "\"Actual Rows\": " #ROWS ", \"Actual Loops\": " #LOOPS MORE "}"

static srv_check_rows_t s_rows(const char *json)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t error;
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &value, &error),
                     0);
    srv_check_rows_t rows = srv_check_rows(proto_buf_bytes(&value));
    proto_buf_free(&value);
    return rows;
}

static void s_expect(const char *json, int64_t read, int64_t returned, int64_t gather_read, int64_t gathered)
{
    srv_check_rows_t rows = s_rows(json);
    assert_int_equal(rows.whole.read, read);
    assert_int_equal(rows.whole.rows, returned);
    assert_int_equal(rows.gathers, gathered >= 0);
    if (gathered < 0)
        return;
    assert_int_equal(rows.gathered.read, gather_read);
    assert_int_equal(rows.gathered.rows, gathered);
}

static void s_scans(void **state)
{
    (void)state;
    s_expect(SCAN("Seq Scan", 3, 1, ", \"Rows Removed by Filter\": 7"), 10, 3, 0, -1);
    s_expect(SCAN("Index Scan", 2, 50, ""), 100, 100, 0, -1);
    s_expect(SCAN("Index Scan", 0.5, 50, ""), 25, 25, 0, -1); /* PostgreSQL 18 */
    s_expect("{\"Node Type\": \"Result\", \"Actual Rows\": 1, \"Actual Loops\": 1}", 0, 1, 0, -1);
}

static void s_joins(void **state)
{
    (void)state;
    s_expect(
        "{\"Node Type\": \"Nested Loop\", \"Actual Rows\": 5, \"Actual Loops\": 1, \"Rows Removed by Join "
        "Filter\": 20, \"Plans\": [" SCAN("Seq Scan", 5, 1, "") ", " SCAN("Seq Scan", 5, 5, "") "]}",
        50, 5, 0, -1);
}

static void s_bitmaps(void **state)
{
    (void)state;
    s_expect("{\"Node Type\": \"Bitmap Heap Scan\", \"Relation Name\": \"t\", \"Actual Rows\": 4, \"Actual "
             "Loops\": 1, \"Rows Removed by Filter\": 6, \"Rows Removed by Index Recheck\": 1, \"Plans\": "
             "[{\"Node "
             "Type\": \"Bitmap Index Scan\", \"Actual Rows\": 10, \"Actual Loops\": 1}]}",
             11, 4, 0, -1);
}

/* A count is judged by itself, and of several the worst. */
static void s_gathers(void **state)
{
    (void)state;
    s_expect(
        "{\"Node Type\": \"Aggregate\", \"Output\": [\"count(*)\"], \"Actual Rows\": 1, \"Actual Loops\": 1, "
        "\"Plans\": [" SCAN("Seq Scan", 30, 1, ", \"Rows Removed by Filter\": 70") "]}",
        0, 1, 100, 30);
    s_expect(
        "{\"Node Type\": \"Index Scan\", \"Relation Name\": \"t\", \"Output\": [\"id\", \"(SubPlan 1)\"], "
        "\"Actual Rows\": 50, \"Actual Loops\": 1, \"Plans\": ["
        "{\"Node Type\": \"Aggregate\", \"Output\": [\"jsonb_agg(x)\"], \"Actual Rows\": 1, \"Actual "
        "Loops\": 50, "
        "\"Plans\": [" SCAN("Index Scan", 2, 50,
                            "") "]}, "
                                "{\"Node Type\": \"Aggregate\", \"Output\": [\"count(*)\"], \"Actual Rows\": "
                                "1, \"Actual Loops\": 50, "
                                "\"Plans\": [" SCAN("Index Scan", 0, 50,
                                                    ", \"Rows Removed by Filter\": 40") "]}]}",
        50, 50, 2000, 0);
    /* DISTINCT and GROUP BY are no counting: what they swallow is read for nothing. */
    s_expect(
        "{\"Node Type\": \"Aggregate\", \"Output\": [\"status\"], \"Actual Rows\": 7, \"Actual Loops\": 1, "
        "\"Plans\": [" SCAN("Seq Scan", 1000, 1, "") "]}",
        1000, 7, 0, -1);
}

static void s_much(void **state)
{
    (void)state;
    assert_false(srv_check_reads_much((srv_check_tally_t){.read = 100, .rows = 0, .runs = 1}));
    assert_true(srv_check_reads_much((srv_check_tally_t){.read = 101, .rows = 0, .runs = 1}));
    assert_false(srv_check_reads_much((srv_check_tally_t){.read = 5000, .rows = 500, .runs = 1}));
    assert_true(srv_check_reads_much((srv_check_tally_t){.read = 5001, .rows = 500, .runs = 1}));
    assert_false(srv_check_reads_much((srv_check_tally_t){.read = 500, .rows = 0, .runs = 50}));
}

/* What is no plan has read nothing. */
static void s_nonsense(void **state)
{
    (void)state;
    s_expect("{}", 0, 0, 0, -1);
    s_expect("{\"Plans\": 7, \"Node Type\": [], \"Actual Rows\": \"many\", \"Actual Loops\": {}}", 0, 0, 0,
             -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(s_scans),   cmocka_unit_test(s_joins),
                                       cmocka_unit_test(s_bitmaps), cmocka_unit_test(s_gathers),
                                       cmocka_unit_test(s_much),    cmocka_unit_test(s_nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
