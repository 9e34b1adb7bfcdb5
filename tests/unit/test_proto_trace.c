/* SPDX-License-Identifier: MPL-2.0 */
/* Trace contexts: what is one, and the field of a record that may hold one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto_trace.h"

#define S_ID   "0af7651916cd43dd8448eb211c80319c"
#define S_SPAN "b7ad6b7169203331"
#define S_GOOD "00-" S_ID "-" S_SPAN "-01"

static void s_is(proto_bytes_t bytes, const char *text)
{
    assert_true(proto_bytes_is(bytes, text));
}

static void test_good_ones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool sampled;
    } good[] = {
        {S_GOOD, true},
        {"00-" S_ID "-" S_SPAN "-00", false},
        {"00-" S_ID "-" S_SPAN "-fe", false},
        {"00-" S_ID "-" S_SPAN "-0b", true},
        {"01-" S_ID "-" S_SPAN "-01", true},
        {"fe-" S_ID "-" S_SPAN "-01-whatever comes later", true},
        {"01-" S_ID "-" S_SPAN "-01-", true},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        proto_trace_t trace;
        assert_int_equal(proto_traceparent_read(proto_bytes_of(good[i].text), &trace), 0);
        s_is(trace.trace_id, S_ID);
        s_is(trace.span_id, S_SPAN);
        assert_int_equal(trace.parent.size, PROTO_TRACEPARENT);
        assert_int_equal(trace.sampled, good[i].sampled);
    }
}

static void test_bad_ones(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-" S_ID "-" S_SPAN "-0",
        "00-" S_ID "-" S_SPAN "-011",
        "00-" S_ID "-" S_SPAN "-01-",
        "00-" S_ID "-" S_SPAN "-01-more",
        "01-" S_ID "-" S_SPAN "-01.more",
        "ff-" S_ID "-" S_SPAN "-01",
        "0g-" S_ID "-" S_SPAN "-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" S_SPAN "-01",
        "00-" S_ID "-B7AD6B7169203331-01",
        "00-" S_ID "-" S_SPAN "-0A",
        "00-00000000000000000000000000000000-" S_SPAN "-01",
        "00-" S_ID "-0000000000000000-01",
        "00_" S_ID "-" S_SPAN "-01",
        "00-" S_ID "_" S_SPAN "-01",
        "00-" S_ID "-" S_SPAN "_01",
        " " S_GOOD,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        proto_trace_t trace;
        assert_int_equal(proto_traceparent_read(proto_bytes_of(bad[i]), &trace), -1);
        assert_int_equal(trace.parent.size + trace.trace_id.size + trace.span_id.size, 0);
    }
}

static void test_the_field_of_a_record(void **state)
{
    (void)state;
    proto_trace_t trace;
    proto_trace_read(proto_bytes_of("r-1 " S_GOOD), &trace);
    s_is(trace.request_id, "r-1");
    s_is(trace.parent, S_GOOD);
    assert_true(trace.sampled);
    proto_trace_read(proto_bytes_of(S_GOOD), &trace);
    s_is(trace.request_id, S_ID);
    s_is(trace.parent, S_GOOD);
    static const char *const ids[] = {"", "r1", "r1 r2", "r1 " S_GOOD "x", "r1" S_GOOD, S_GOOD " r1"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        proto_trace_read(proto_bytes_of(ids[i]), &trace);
        s_is(trace.request_id, ids[i]);
        assert_int_equal(trace.parent.size, 0);
        assert_false(trace.sampled);
    }
    proto_trace_read((proto_bytes_t){0}, &trace);
    assert_int_equal(trace.request_id.size, 0);
}

static void test_digits(void **state)
{
    (void)state;
    char digits[PROTO_SPAN_ID + 1] = "";
    proto_trace_hex(UINT64_C(0x0123456789abcdef), digits);
    assert_string_equal(digits, "0123456789abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_the_field_of_a_record),
        cmocka_unit_test(test_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
