/* SPDX-License-Identifier: MPL-2.0 */
/* Several requests on one connection: answers leave in the order of the requests whatever the order they are
 * made in, what is not safe is held back, everything is bounded, 100 Continue waits for its turn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_steps.h"

static uint64_t s_random_state;

static uint64_t s_random(void)
{
    s_random_state ^= s_random_state << 13;
    s_random_state ^= s_random_state >> 7;
    return s_random_state ^= s_random_state << 17;
}

/* Sixteen requests, answered in a random order: the answers leave in the order of the requests, as soon as
 * they may. */
static void s_random_order(uint64_t seed)
{
    uint32_t order[GW_HTTP_PIPELINE];
    bool ready[GW_HTTP_PIPELINE + 1] = {false};
    uint32_t gone = 0;
    s_random_state = seed;
    step_open("");
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++) {
        step_input(i % 3 ? STEP_GET : STEP_LINE("HEAD / HTTP/1.1"));
        step_expect_request(i, i % 3 ? "GET" : "HEAD");
        order[i] = i;
    }
    for (uint32_t i = GW_HTTP_PIPELINE - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(s_random() % (i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++) {
        char expected[256] = "", body[8];
        snprintf(body, sizeof body, "%u", order[i]);
        step_respond(order[i],
                     &(gw_http_response_t){.status = 300 + (int)order[i], .body = proto_bytes_of(body)});
        ready[order[i]] = true;
        for (; ready[gone]; gone++)
            snprintf(expected + strlen(expected), 8, "%u ", 300 + gone);
        step_expect_statuses(expected);
        assert_int_equal(gw_http_outstanding(&step_http), GW_HTTP_PIPELINE - gone);
    }
    assert_int_equal(gone, GW_HTTP_PIPELINE);
    gw_http_free(&step_http);
}

static void test_answers_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        s_random_order(seed);
}

static void test_unsafe_requests_wait(void **state)
{
    (void)state;
    static const char *const unsafe[] = {"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "TRACE"};
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", unsafe[i]);
        step_open("");
        step_input(STEP_GET STEP_LINE("HEAD / HTTP/1.1") STEP_LINE("OPTIONS / HTTP/1.1"));
        step_input(line);
        step_input(STEP_GET STEP_GET);
        step_expect_request(0, "GET");
        step_expect_request(1, "HEAD");
        step_expect_request(2, "OPTIONS");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_answer(1, 201);
        step_answer(2, 202);
        assert_int_equal(step_next(), GW_HTTP_NOTHING); /* the first is still not answered */
        step_answer(0, 200);
        step_expect_statuses("200 201 202 ");
        step_expect_request(3, unsafe[i]);
        assert_int_equal(step_next(), GW_HTTP_NOTHING); /* nothing runs beside it */
        step_answer(3, 203);
        step_expect_request(4, "GET");
        step_expect_request(5, "GET");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_answer(5, 205);
        step_expect_statuses("203 ");
        step_answer(4, 204);
        step_expect_statuses("204 205 ");
        gw_http_free(&step_http);
    }
}

static void test_pipeline_is_bounded(void **state)
{
    (void)state;
    step_open("");
    for (int i = 0; i < 2 * GW_HTTP_PIPELINE; i++)
        step_input(STEP_GET);
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++)
        step_expect_request(i, "GET");
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    step_answer(5, 200);
    assert_int_equal(step_next(), GW_HTTP_NOTHING); /* its turn has not come, so it frees no place */
    step_answer(0, 200);
    step_expect_request(GW_HTTP_PIPELINE, "GET");
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    gw_http_free(&step_http);
}

/* A refusal needs a place, too. */
static void test_a_bad_request_waits_for_a_place(void **state)
{
    (void)state;
    step_open("");
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++) {
        step_input(STEP_GET);
        step_expect_request(i, "GET");
    }
    step_input("GET\r\n\r\n");
    step_input(STEP_GET);
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    step_answer(0, 200);
    assert_int_equal(step_next(), GW_HTTP_BAD);
    assert_int_equal(step_request.sequence, GW_HTTP_PIPELINE);
    step_respond(GW_HTTP_PIPELINE, &(gw_http_response_t){.status = 400, .close = true});
    for (uint32_t i = 1; i < GW_HTTP_PIPELINE; i++) {
        assert_int_equal(feed_count(&step_http.out, " 400 "), 0); /* not before the others */
        assert_false(gw_http_wants_close(&step_http));
        step_answer(i, 200);
    }
    assert_int_equal(feed_count(&step_http.out, " 200 "), GW_HTTP_PIPELINE);
    assert_int_equal(feed_count(&step_http.out, " 400 "), 1);
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    gw_http_sent(&step_http, step_http.out.size);
    assert_true(gw_http_wants_close(&step_http));
    gw_http_free(&step_http);
}

/* Behind an answer that closes nothing is said any more, though it is made. */
static void test_answers_behind_the_last_are_dropped(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        step_open("");
        step_input(STEP_GET STEP_GET STEP_GET STEP_GET);
        for (uint32_t i = 0; i < 3; i++)
            step_expect_request(i, "GET");
        if (early)
            step_answer(2, 202);
        step_respond(1, &(gw_http_response_t){.status = 201, .close = true});
        step_answer(0, 200);
        if (!early)
            step_answer(2, 202);
        assert_int_equal(step_next(), GW_HTTP_NOTHING); /* the fourth is not served */
        step_expect_statuses("200 201 ");
        assert_true(gw_http_wants_close(&step_http));
        gw_http_free(&step_http);
    }
}

/* The client said close: what it sends behind is not looked at, though no answer is made yet. */
static void test_nothing_is_read_behind_close(void **state)
{
    (void)state;
    static const char *const closing[] = {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                                          "GET / HTTP/1.0\r\n\r\n"};
    for (int i = 0; i < 2; i++) {
        step_open("");
        step_input(STEP_GET);
        step_input(closing[i]);
        step_input(STEP_GET);
        step_expect_request(0, "GET");
        step_expect_request(1, "GET");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_input(STEP_GET "GET\r\n\r\n");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_answer(1, 201);
        step_answer(0, 200);
        step_expect_statuses("200 201 ");
        assert_true(gw_http_wants_close(&step_http));
        gw_http_free(&step_http);
    }
}

/* A request that waits is still whole when what came behind it has moved the memory it lies in. */
static void test_a_waiting_request_moves_with_its_memory(void **state)
{
    (void)state;
    static char filler[30000];
    memset(filler, 'x', sizeof filler);
    for (int chunked = 0; chunked < 2; chunked++) {
        step_open("");
        step_input(STEP_GET "PUT /path?query HTTP/1.1\r\nHost: host\r\nA: value\r\nB:\r\n");
        step_input(chunked ? "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n" : "Content-Length: 4\r\n\r\nbo");
        step_expect_request(0, "GET");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_input(chunked ? "2\r\ndy\r\n0\r\n\r\n" : "dy");
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        gw_http_input(&step_http, 0, filler, sizeof filler);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_answer(0, 200);
        step_expect_request(1, "PUT");
        assert_true(proto_bytes_is(step_request.path, "/path"));
        assert_true(proto_bytes_is(step_request.query, "query"));
        assert_true(proto_bytes_is(step_request.body, "body"));
        assert_true(proto_bytes_is(gw_http_header(&step_request, "host"), "host"));
        assert_true(proto_bytes_is(gw_http_header(&step_request, "a"), "value"));
        assert_true(proto_bytes_is(gw_http_header(&step_request, "b"), ""));
        gw_http_free(&step_http);
    }
}

static void test_unsent_answers_hold_requests_back(void **state)
{
    (void)state;
    static const uint8_t body[GW_HTTP_OUT];
    step_open("");
    step_input(STEP_GET STEP_GET);
    step_expect_request(0, "GET");
    assert_true(gw_http_wants_input(&step_http));
    step_respond(0, &(gw_http_response_t){.status = 200, .body = {body, sizeof body}});
    assert_false(gw_http_wants_input(&step_http));
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    gw_http_sent(&step_http, step_http.out.size - GW_HTTP_OUT);
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    gw_http_sent(&step_http, 1);
    assert_true(gw_http_wants_input(&step_http));
    step_expect_request(1, "GET");
    gw_http_free(&step_http);
}

static void test_input_is_bounded_while_requests_wait(void **state)
{
    (void)state;
    size_t taken = 0;
    step_open("");
    for (; gw_http_wants_input(&step_http) && taken < 1 << 20; taken += sizeof STEP_POST - 1) {
        step_input(STEP_POST);
        (void)step_next(); /* only the first, which is not answered */
    }
    assert_in_range(taken, 65536, 65536 + 2048 + 2 * sizeof STEP_POST);
    assert_int_equal(gw_http_outstanding(&step_http), 1);
    gw_http_free(&step_http);
}

/* ---- 100 Continue ---- */

#define S_EXPECT   "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
#define S_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static void test_continue_is_said_once(void **state)
{
    (void)state;
    static const char *const heads[] = {S_EXPECT "Content-Length: 3\r\n\r\n",
                                        S_EXPECT "Transfer-Encoding: chunked\r\n\r\n"};
    static const char *const bodies[] = {"abc", "3\r\nabc\r\n0\r\n\r\n"};
    for (int i = 0; i < 2; i++) {
        step_open("");
        step_input(heads[i]);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_expect_out(S_CONTINUE);
        gw_http_input(&step_http, 0, bodies[i], 1);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_input(bodies[i] + 1);
        step_expect_request(0, "POST");
        assert_true(proto_bytes_is(step_request.body, "abc"));
        step_expect_out("");
        gw_http_free(&step_http);
    }
}

typedef struct no_continue {
    const char *first, *second;
} no_continue_t;

static void test_continue_is_not_said(void **state)
{
    (void)state;
    static const no_continue_t cases[] = {
        {S_EXPECT "Content-Length: 3\r\n\r\na", "bc"}, /* the body has begun */
        {S_EXPECT "Content-Length: 0\r\n\r\n", ""},    /* there is none */
        {S_EXPECT "\r\n", ""},                         /* nor here */
        {S_EXPECT "Content-Length: 1\r\n\r\na", ""},   /* it is all here */
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "a"}, /* nobody waits */
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", "a"},              /* nobody asked */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        step_open("");
        step_input(cases[i].first);
        gw_http_result_t result = step_next();
        assert_int_equal(result, cases[i].second[0] ? GW_HTTP_NOTHING : GW_HTTP_REQUEST);
        step_input(cases[i].second);
        if (result == GW_HTTP_NOTHING)
            step_expect_request(0, "POST");
        step_expect_out("");
        gw_http_free(&step_http);
    }
}

/* Answers go out in order, and 100 is one: it waits for those before. */
static void test_continue_waits_for_its_turn(void **state)
{
    (void)state;
    step_open("");
    step_input(STEP_GET S_EXPECT "Content-Length: 1\r\n\r\n");
    step_expect_request(0, "GET");
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    step_expect_out("");
    step_answer(0, 200);
    assert_int_equal(step_next(), GW_HTTP_NOTHING);
    step_expect_out("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" S_CONTINUE);
    step_input("a");
    step_expect_request(1, "POST");
    gw_http_free(&step_http);
}

/* Chunks that are decoded while their turn has not come count as begun. */
static void test_continue_is_not_said_behind_decoded_chunks(void **state)
{
    (void)state;
    static const char *const begun[] = {"1\r\n", "1\r\na", "1\r\na\r\n", "0\r\n"};
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        step_open("");
        step_input(STEP_GET S_EXPECT "Transfer-Encoding: chunked\r\n\r\n");
        step_expect_request(0, "GET");
        step_input(begun[i]);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        step_answer(0, 200);
        assert_int_equal(step_next(), GW_HTTP_NOTHING);
        assert_int_equal(feed_count(&step_http.out, S_CONTINUE), 0);
        gw_http_free(&step_http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_in_any_order),
        cmocka_unit_test(test_unsafe_requests_wait),
        cmocka_unit_test(test_pipeline_is_bounded),
        cmocka_unit_test(test_a_bad_request_waits_for_a_place),
        cmocka_unit_test(test_answers_behind_the_last_are_dropped),
        cmocka_unit_test(test_nothing_is_read_behind_close),
        cmocka_unit_test(test_a_waiting_request_moves_with_its_memory),
        cmocka_unit_test(test_unsent_answers_hold_requests_back),
        cmocka_unit_test(test_input_is_bounded_while_requests_wait),
        cmocka_unit_test(test_continue_is_said_once),
        cmocka_unit_test(test_continue_is_not_said),
        cmocka_unit_test(test_continue_waits_for_its_turn),
        cmocka_unit_test(test_continue_is_not_said_behind_decoded_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
