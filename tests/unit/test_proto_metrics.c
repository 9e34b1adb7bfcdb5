/* SPDX-License-Identifier: MPL-2.0 */
/* Figures: counting, adding up, escaping, and Prometheus' text format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto_metrics.h"

static const proto_metric_t s_table[] = {
    {.name = "a_total", .help = "Some.", .kind = PROTO_COUNTER, .labels = "kind=\"x\""},
    {.name = "a_total", .help = "Some.", .kind = PROTO_COUNTER, .labels = "kind=\"y\"", .sparse = true},
    {.name = "took_seconds", .help = "Time.", .kind = PROTO_HISTOGRAM, .sparse = true},
};

static const char *s_written(const proto_metrics_t *metrics, proto_buf_t *out)
{
    proto_buf_reset(out);
    proto_metrics_write(metrics, out);
    return proto_buf_text(out);
}

static void test_nothing_yet(void **state)
{
    (void)state;
    proto_metrics_t *metrics = proto_metrics_new();
    proto_buf_t out = PROTO_BUF_INIT;
    assert_string_equal(s_written(metrics, &out), "");
    proto_metrics_add(metrics, s_table, 3, "", false);
    assert_string_equal(s_written(metrics, &out),
                        "# HELP a_total Some.\n# TYPE a_total counter\na_total{kind=\"x\"} 0\n");
    proto_buf_free(&out);
    proto_metrics_free(&metrics);
    proto_metrics_free(&metrics);
}

static void test_the_same_series_of_two_groups_are_added_up(void **state)
{
    (void)state;
    proto_metrics_t *metrics = proto_metrics_new();
    proto_buf_t out = PROTO_BUF_INIT;
    proto_metrics_group_t *one = proto_metrics_add(metrics, s_table, 2, "op=\"b\"", true);
    proto_metrics_group_t *two = proto_metrics_add(metrics, s_table, 2, "op=\"b\"", true);
    proto_metrics_group_t *other = proto_metrics_add(metrics, s_table, 2, "op=\"a\"", true);
    proto_metrics_count(&one->cells[0], 3);
    proto_metrics_count(&two->cells[0], 4);
    proto_metrics_count(&other->cells[1], 1);
    assert_string_equal(s_written(metrics, &out), "# HELP a_total Some.\n# TYPE a_total counter\n"
                                                  "a_total{op=\"a\",kind=\"x\"} 0\n"
                                                  "a_total{op=\"a\",kind=\"y\"} 1\n"
                                                  "a_total{op=\"b\",kind=\"x\"} 7\n");
    proto_buf_reset(&out);
    proto_metrics_json(metrics, &out);
    assert_non_null(
        strstr(proto_buf_text(&out), "{\"name\":\"a_total\",\"labels\":\"{kind=\\\"x\\\"}\",\"value\":7}"));
    proto_buf_free(&out);
    proto_metrics_free(&metrics);
}

static void test_a_histogram(void **state)
{
    (void)state;
    proto_metrics_t *metrics = proto_metrics_new();
    proto_buf_t out = PROTO_BUF_INIT;
    proto_metrics_group_t *group = proto_metrics_add(metrics, s_table, 3, "", false);
    const int64_t times[] = {-5, 100, 101, 2500, 30000000, 30000001}; /* an end belongs to its bucket */
    for (int i = 0; i < 6; i++)
        proto_metrics_observe(&group->cells[2], times[i]);
    const char *text = s_written(metrics, &out);
    assert_non_null(strstr(text, "# TYPE took_seconds histogram\ntook_seconds_bucket{le=\"0.0001\"} 2\n"
                                 "took_seconds_bucket{le=\"0.00025\"} 3\n"));
    assert_non_null(strstr(text, "{le=\"0.001\"} 3\ntook_seconds_bucket{le=\"0.0025\"} 4\n"));
    assert_non_null(strstr(text, "{le=\"10\"} 4\ntook_seconds_bucket{le=\"30\"} 5\n"
                                 "took_seconds_bucket{le=\"+Inf\"} 6\ntook_seconds_sum 60.002702\n"
                                 "took_seconds_count 6\n"));
    proto_buf_free(&out);
    proto_metrics_free(&metrics);
}

static void test_labels(void **state)
{
    (void)state;
    char label[PROTO_METRICS_LABELS], longest[2 * PROTO_METRICS_LABELS];
    assert_string_equal(proto_metrics_label(label, "a", "b\\c\"d"), "a=\"b\\\\c\\\"d\"");
    assert_string_equal(proto_metrics_label(label, "a", "\n\xc3\xa4\xff!"), "a=\"?\xc3\xa4?!\"");
    memset(longest, '"', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    size_t size = strlen(proto_metrics_label(label, "a", longest));
    assert_true(size < PROTO_METRICS_LABELS && label[size - 1] == '"' && label[size - 2] == '"' &&
                label[size - 3] == '\\');
}

typedef struct s_numbers {
    uint64_t unused, ms, us;
} s_numbers_t;

static void test_a_struct_of_numbers(void **state)
{
    (void)state;
    static const proto_metric_t table[] = {
        {"b_seconds", "B.", PROTO_GAUGE, PROTO_UNIT_MS, NULL, false, offsetof(s_numbers_t, ms)},
        {"c_seconds_total", "C.", PROTO_COUNTER, PROTO_UNIT_US, NULL, false, offsetof(s_numbers_t, us)},
    };
    proto_metrics_t *metrics = proto_metrics_new();
    proto_buf_t out = PROTO_BUF_INIT;
    proto_metrics_group_t *group = proto_metrics_add(metrics, table, 2, "", false);
    proto_metrics_publish(group, &(s_numbers_t){.unused = 9, .ms = 1005, .us = 2000030});
    assert_string_equal(s_written(metrics, &out),
                        "# HELP b_seconds B.\n# TYPE b_seconds gauge\nb_seconds 1.005\n"
                        "# HELP c_seconds_total C.\n# TYPE c_seconds_total counter\n"
                        "c_seconds_total 2.000030\n");
    proto_buf_free(&out);
    proto_metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_the_same_series_of_two_groups_are_added_up),
        cmocka_unit_test(test_a_histogram),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_a_struct_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
