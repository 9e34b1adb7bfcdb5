/* SPDX-License-Identifier: MPL-2.0 */
/* Deadlines under a clock that only the test moves: a head has an absolute deadline that trickling bytes do
 * not move, so has a body; an idle connection ends; who waits for an answer is never cut off. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_feed.h"

enum { S_HEAD_MS = 100, S_BODY_MS = 200, S_IDLE_MS = 300 }; /* as feed_limits has them */
#define S_GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

static gw_http_t s_http;
static gw_http_request_t s_request;
static int64_t s_now;

static void s_open(void)
{
    s_now = 1000;
    gw_http_init(&s_http, &feed_limits, "", s_now);
    gw_http_check(&s_http);
}

/* Takes bytes and looks for a request, as the shell does. */
static gw_http_result_t s_input(const char *text, size_t size)
{
    gw_http_input(&s_http, s_now, text, size);
    gw_http_check(&s_http);
    gw_http_result_t result = feed_next(&s_http, s_now, &s_request);
    gw_http_check(&s_http);
    return result;
}

static gw_http_result_t s_text(const char *text)
{
    return s_input(text, strlen(text));
}

static gw_http_result_t s_next(void)
{
    return s_input("", 0);
}

static gw_http_result_t s_tick(int64_t now)
{
    s_now = now;
    gw_http_tick(&s_http, now);
    gw_http_check(&s_http);
    return s_next();
}

static void s_answer(uint32_t sequence, bool close)
{
    gw_http_respond(&s_http, s_now, sequence, &(gw_http_response_t){.status = 200, .close = close});
    gw_http_check(&s_http);
    gw_http_sent(&s_http, s_http.out.size);
    gw_http_check(&s_http);
}

static void s_assert_deadline(int64_t deadline)
{
    assert_true(gw_http_next_deadline(&s_http) == deadline);
}

/* Nothing happens before the deadline; at it, 408 comes and the connection ends. */
static void s_assert_times_out(int64_t deadline, uint32_t sequence)
{
    s_assert_deadline(deadline);
    assert_int_equal(s_tick(deadline - 1), GW_HTTP_NOTHING);
    s_assert_deadline(deadline);
    assert_int_equal(s_tick(deadline), GW_HTTP_BAD);
    assert_int_equal(s_http.error, PROTO_ERROR_request_timeout);
    assert_int_equal(s_request.sequence, sequence);
    s_assert_deadline(PROTO_NEVER);
    assert_int_equal(s_text(S_GET), GW_HTTP_NOTHING);
    assert_int_equal(s_tick(deadline + 100000), GW_HTTP_NOTHING);
    s_answer(sequence, true);
    assert_true(gw_http_wants_close(&s_http));
}

/* Nothing happens before the deadline; at it, the connection ends without a word. */
static void s_assert_ends(int64_t deadline)
{
    s_assert_deadline(deadline);
    assert_int_equal(s_tick(deadline - 1), GW_HTTP_NOTHING);
    assert_false(gw_http_wants_close(&s_http));
    assert_int_equal(s_tick(deadline), GW_HTTP_NOTHING);
    assert_true(gw_http_wants_close(&s_http));
    assert_int_equal(s_http.out.size, 0);
    s_assert_deadline(PROTO_NEVER);
    assert_int_equal(s_text(S_GET), GW_HTTP_NOTHING);
}

static void test_nothing_comes(void **state)
{
    (void)state;
    s_open();
    s_assert_ends(1000 + S_HEAD_MS);
    gw_http_free(&s_http);
}

static void test_trickling_does_not_extend_a_head(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: bcdefghijklmnopqrstuvwxyz";
    s_open();
    for (size_t i = 0; i < 45; i++) {
        s_now = 1000 + 2 * (int64_t)i;
        assert_int_equal(s_input(text + i, 1), GW_HTTP_NOTHING);
        s_assert_deadline(1000 + S_HEAD_MS); /* of the first from the accept on */
    }
    s_assert_times_out(1000 + S_HEAD_MS, 0);
    gw_http_free(&s_http);
}

static void test_the_next_head_runs_from_its_first_byte(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_GET), GW_HTTP_REQUEST);
    s_answer(0, false);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_now = 1250;
    for (int i = 0; i < 40; i++, s_now += 2) {
        assert_int_equal(s_input(&S_GET[i % 14], 1), GW_HTTP_NOTHING);
        s_assert_deadline(1250 + S_HEAD_MS);
    }
    s_assert_times_out(1250 + S_HEAD_MS, 1);
    gw_http_free(&s_http);
}

/* What is behind a request in the same read has its time from when its turn comes. */
static void test_a_pipelined_head(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_GET "GET /"), GW_HTTP_REQUEST);
    s_now = 1050;
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_assert_deadline(1050 + S_HEAD_MS);
    s_now = 1070;
    assert_int_equal(s_text("a"), GW_HTTP_NOTHING);
    s_assert_deadline(1050 + S_HEAD_MS);
    assert_int_equal(s_tick(1050 + S_HEAD_MS), GW_HTTP_BAD);
    assert_int_equal(s_request.sequence, 1);
    s_answer(1, true); /* waits for the first */
    assert_false(gw_http_wants_close(&s_http));
    s_answer(0, false);
    assert_true(gw_http_wants_close(&s_http));
    gw_http_free(&s_http);
}

typedef struct slow_body {
    const char *head, *body;
} slow_body_t;

static void test_trickling_does_not_extend_a_body(void **state)
{
    (void)state;
    static const slow_body_t bodies[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 64\r\n\r\n", "0123456789abcdefghijklmnopqrstuvwxyz"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
         "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nA: b\r\nC: d\r\nE: f\r\n"},
        {"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 64\r\n\r\n", ""},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        s_open();
        s_now = 1090;
        assert_int_equal(s_text(bodies[i].head), GW_HTTP_NOTHING);
        s_assert_deadline(1090 + S_BODY_MS);
        for (const char *at = bodies[i].body; *at; at++) {
            s_now += 2;
            assert_int_equal(s_input(at, 1), GW_HTTP_NOTHING);
            s_assert_deadline(1090 + S_BODY_MS);
        }
        gw_http_sent(&s_http, s_http.out.size); /* 100 Continue */
        s_assert_times_out(1090 + S_BODY_MS, 0);
        gw_http_free(&s_http);
    }
}

static void test_a_complete_request_has_no_deadline(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_GET), GW_HTTP_REQUEST);
    s_assert_deadline(PROTO_NEVER);
    for (int64_t now = 2000; now < 1000000; now *= 3)
        assert_int_equal(s_tick(now), GW_HTTP_NOTHING);
    s_answer(0, false);
    assert_false(gw_http_wants_close(&s_http));
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_assert_ends(s_now + S_IDLE_MS);
    gw_http_free(&s_http);
}

/* Held back behind an unsafe request, complete: not the client's fault. */
static void test_a_request_held_back_has_no_deadline(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n" S_GET), GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_assert_deadline(PROTO_NEVER);
    assert_int_equal(s_tick(100000), GW_HTTP_NOTHING);
    s_answer(0, false);
    assert_int_equal(s_next(), GW_HTTP_REQUEST);
    gw_http_free(&s_http);
}

/* A client that asked to be told to go on gets its time from when it is told, not while others are served. */
static void test_body_time_runs_from_100_continue(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(
        s_text(S_GET "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
        GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    assert_int_equal(s_tick(5000), GW_HTTP_NOTHING); /* the first is still under way */
    s_answer(0, false);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    assert_int_equal(feed_count(&s_http.out, "HTTP/1.1 100 Continue\r\n\r\n"), 1);
    gw_http_sent(&s_http, s_http.out.size);
    s_assert_times_out(5000 + S_BODY_MS, 1);
    gw_http_free(&s_http);
}

static void test_idle_begins_at_the_last_answer(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_GET S_GET), GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_now = 5000;
    s_answer(1, false);
    s_assert_deadline(PROTO_NEVER); /* the first is not answered */
    s_now = 6000;
    s_answer(0, false);
    s_assert_ends(6000 + S_IDLE_MS);
    gw_http_free(&s_http);
}

/* A tick too early, or for a deadline that has moved, does nothing. */
static void test_early_ticks_do_nothing(void **state)
{
    (void)state;
    s_open();
    for (int64_t now = 0; now < 1000 + S_HEAD_MS; now += 7)
        assert_int_equal(s_tick(now), GW_HTTP_NOTHING);
    s_now = 1050;
    assert_int_equal(s_text(S_GET), GW_HTTP_REQUEST);
    assert_int_equal(s_tick(1000 + S_HEAD_MS), GW_HTTP_NOTHING);
    s_answer(0, false);
    assert_false(gw_http_wants_close(&s_http));
    gw_http_free(&s_http);
}

static void test_show(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    s_open();
    assert_int_equal(s_text(S_GET "GET"), GW_HTTP_REQUEST);
    gw_http_show(&s_http, &out);
    assert_string_equal(proto_buf_text(&out), "state=served in=30 out=0 outstanding=1 served=0\n");
    s_answer(0, true);
    proto_buf_reset(&out);
    gw_http_show(&s_http, &out);
    assert_string_equal(proto_buf_text(&out), "state=served in=30 out=0 outstanding=0 served=1 closing\n");
    proto_buf_free(&out);
    gw_http_free(&s_http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_comes),
        cmocka_unit_test(test_trickling_does_not_extend_a_head),
        cmocka_unit_test(test_the_next_head_runs_from_its_first_byte),
        cmocka_unit_test(test_a_pipelined_head),
        cmocka_unit_test(test_trickling_does_not_extend_a_body),
        cmocka_unit_test(test_a_complete_request_has_no_deadline),
        cmocka_unit_test(test_a_request_held_back_has_no_deadline),
        cmocka_unit_test(test_body_time_runs_from_100_continue),
        cmocka_unit_test(test_idle_begins_at_the_last_answer),
        cmocka_unit_test(test_early_ticks_do_nothing),
        cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
