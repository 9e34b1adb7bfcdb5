/* SPDX-License-Identifier: MPL-2.0 */
/* Answers: their form byte by byte, their order whatever the order they are made in, what is held back until
 * others are answered, bounds of a pipeline, 100 Continue, keep-alive and close. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_feed.h"

#define S_LINE(line) line "\r\nHost: h\r\n\r\n"
#define S_GET        S_LINE("GET / HTTP/1.1")
#define S_POST       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

static const char s_date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static gw_http_t s_http;
static gw_http_request_t s_request; /* of the last s_next */
static uint64_t s_random_state;

static uint64_t s_random(void)
{
    s_random_state ^= s_random_state << 13;
    s_random_state ^= s_random_state >> 7;
    return s_random_state ^= s_random_state << 17;
}

static void s_open(const char *date)
{
    gw_http_init(&s_http, &feed_limits, date, 0);
    gw_http_check(&s_http);
}

static void s_input(const char *text)
{
    gw_http_input(&s_http, 0, text, strlen(text));
    gw_http_check(&s_http);
}

static gw_http_result_t s_next(void)
{
    gw_http_result_t result = gw_http_next(&s_http, 0, &s_request);
    gw_http_check(&s_http);
    return result;
}

static void s_expect_request(uint32_t sequence, const char *method)
{
    assert_int_equal(s_next(), GW_HTTP_REQUEST);
    assert_int_equal(s_request.sequence, sequence);
    assert_true(proto_bytes_is(s_request.method, method));
}

static void s_respond(uint32_t sequence, const gw_http_response_t *response)
{
    gw_http_respond(&s_http, 0, sequence, response);
    gw_http_check(&s_http);
}

/* An answer without body whose status tells it from others. */
static void s_answer(uint32_t sequence, int status)
{
    s_respond(sequence, &(gw_http_response_t){.status = status});
}

/* Takes what is to be sent and compares it. */
static void s_expect_out(const char *expected)
{
    if (!proto_bytes_is(proto_buf_bytes(&s_http.out), expected))
        fail_msg("sent is\n%s\nnot\n%s", proto_buf_text(&s_http.out), expected);
    gw_http_sent(&s_http, s_http.out.size);
    gw_http_check(&s_http);
}

/* The statuses in what is to be sent, in order: "200 404 ". */
static void s_expect_statuses(const char *expected)
{
    char found[256] = "";
    const char *at = proto_buf_text(&s_http.out);
    for (size_t used = 0; (at = strstr(at, "HTTP/1.1 ")) && used < sizeof found - 5; used += 4, at += 9)
        snprintf(found + used, sizeof found - used, "%.3s ", at + 9);
    assert_string_equal(found, expected);
    gw_http_sent(&s_http, s_http.out.size);
}

/* ---- the form of an answer ---- */

typedef struct form {
    const char *request;
    gw_http_response_t response;
    const char *answer;
    bool closes;
} form_t;

#define S_TEXT(text)                                                                                         \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static const form_t s_forms[] = {
    {S_GET,
     {200, "text/plain", {0}, S_TEXT("hello"), false},
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
     false},
    {S_GET,
     {404, NULL, S_TEXT("A: b\r\nC: d\r\n"), {0}, false},
     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nA: b\r\nC: d\r\n\r\n",
     false},
    {S_LINE("HEAD / HTTP/1.1"),
     {200, "a/b", {0}, S_TEXT("hello"), false},
     "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\n",
     false},
    {S_LINE("HEAD / HTTP/1.1"),
     {404, NULL, {0}, {0}, false},
     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
     false},
    {S_GET, {204, NULL, {0}, S_TEXT("never"), false}, "HTTP/1.1 204 No Content\r\n\r\n", false},
    {S_GET,
     {304, NULL, S_TEXT("ETag: \"a\"\r\n"), S_TEXT("never"), false},
     "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
     false},
    {S_LINE("OPTIONS * HTTP/1.1"), {204, NULL, {0}, {0}, false}, "HTTP/1.1 204 No Content\r\n\r\n", false},
    {S_GET,
     {500, NULL, {0}, S_TEXT("x"), true},
     "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
     true},
    {S_GET, {200, NULL, {0}, S_TEXT("\0\xff"), false}, NULL, false},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
     {200, NULL, {0}, S_TEXT("x"), false},
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
     true},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: a , CLOSE\t,\r\n\r\n",
     {200, NULL, {0}, {0}, false},
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
     true},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: closed, not-close\r\n\r\n",
     {200, NULL, {0}, {0}, false},
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     false},
    {"GET / HTTP/1.0\r\n\r\n",
     {200, NULL, {0}, {0}, false},
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
     true},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     {200, NULL, {0}, {0}, false},
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
     false},
    {"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     {200, NULL, {0}, S_TEXT("hello"), true},
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
     true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
     {200, NULL, {0}, {0}, false},
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
     true},
};

static void test_form_of_an_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_forms / sizeof *s_forms; i++) {
        const form_t *form = &s_forms[i];
        s_open("");
        s_input(form->request);
        assert_int_equal(s_next(), GW_HTTP_REQUEST);
        assert_false(gw_http_wants_close(&s_http));
        s_respond(0, &form->response);
        assert_false(gw_http_wants_close(&s_http)); /* not before all is sent */
        if (form->answer)
            s_expect_out(form->answer);
        else
            assert_memory_equal(s_http.out.data + s_http.out.size - 2, "\0\xff", 2);
        gw_http_sent(&s_http, s_http.out.size);
        assert_int_equal(gw_http_wants_close(&s_http), form->closes);
        s_input(S_GET); /* a connection that is kept takes the next */
        assert_int_equal(s_next(), form->closes ? GW_HTTP_NOTHING : GW_HTTP_REQUEST);
        gw_http_free(&s_http);
    }
}

static void test_date(void **state)
{
    (void)state;
    s_open(s_date);
    s_input(S_GET);
    s_expect_request(0, "GET");
    s_respond(0, &(gw_http_response_t){.status = 200, .content_type = "a/b"});
    s_expect_out("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: a/b\r\n"
                 "Content-Length: 0\r\n\r\n");
    gw_http_free(&s_http);
}

static void test_large_answers_and_partial_sends(void **state)
{
    (void)state;
    static uint8_t body[200000];
    memset(body, 'b', sizeof body);
    s_open("");
    s_input(S_GET);
    s_expect_request(0, "GET");
    s_respond(0, &(gw_http_response_t){.status = 200, .body = {body, sizeof body}, .close = true});
    size_t size = s_http.out.size, sent = 0;
    assert_int_equal(feed_count(&s_http.out, "Content-Length: 200000\r\n"), 1);
    while (s_http.out.size) {
        assert_false(gw_http_wants_close(&s_http));
        size_t step = s_http.out.size < 7777 ? s_http.out.size : 7777;
        gw_http_sent(&s_http, step);
        sent += step;
    }
    assert_int_equal(sent, size);
    assert_true(gw_http_wants_close(&s_http));
    gw_http_free(&s_http);
}

/* ---- order ---- */

/* Sixteen requests, answered in a random order: the answers leave in the order of the requests, as soon as
 * they may. */
static void s_random_order(uint64_t seed)
{
    uint32_t order[GW_HTTP_PIPELINE];
    bool ready[GW_HTTP_PIPELINE + 1] = {false};
    uint32_t gone = 0;
    s_random_state = seed;
    s_open("");
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++) {
        s_input(i % 3 ? S_GET : S_LINE("HEAD / HTTP/1.1"));
        s_expect_request(i, i % 3 ? "GET" : "HEAD");
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
        s_respond(order[i],
                  &(gw_http_response_t){.status = 300 + (int)order[i], .body = proto_bytes_of(body)});
        ready[order[i]] = true;
        for (; ready[gone]; gone++)
            snprintf(expected + strlen(expected), 8, "%u ", 300 + gone);
        s_expect_statuses(expected);
        assert_int_equal(gw_http_outstanding(&s_http), GW_HTTP_PIPELINE - gone);
    }
    assert_int_equal(gone, GW_HTTP_PIPELINE);
    gw_http_free(&s_http);
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
        s_open("");
        s_input(S_GET S_LINE("HEAD / HTTP/1.1") S_LINE("OPTIONS / HTTP/1.1"));
        s_input(line);
        s_input(S_GET S_GET);
        s_expect_request(0, "GET");
        s_expect_request(1, "HEAD");
        s_expect_request(2, "OPTIONS");
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        s_answer(1, 201);
        s_answer(2, 202);
        assert_int_equal(s_next(), GW_HTTP_NOTHING); /* the first is still not answered */
        s_answer(0, 200);
        s_expect_statuses("200 201 202 ");
        s_expect_request(3, unsafe[i]);
        assert_int_equal(s_next(), GW_HTTP_NOTHING); /* nothing runs beside it */
        s_answer(3, 203);
        s_expect_request(4, "GET");
        s_expect_request(5, "GET");
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        s_answer(5, 205);
        s_expect_statuses("203 ");
        s_answer(4, 204);
        s_expect_statuses("204 205 ");
        gw_http_free(&s_http);
    }
}

static void test_pipeline_is_bounded(void **state)
{
    (void)state;
    s_open("");
    for (int i = 0; i < 2 * GW_HTTP_PIPELINE; i++)
        s_input(S_GET);
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++)
        s_expect_request(i, "GET");
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_answer(5, 200);
    assert_int_equal(s_next(), GW_HTTP_NOTHING); /* its turn has not come, so it frees no place */
    s_answer(0, 200);
    s_expect_request(GW_HTTP_PIPELINE, "GET");
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    gw_http_free(&s_http);
}

/* A refusal needs a place, too. */
static void test_a_bad_request_waits_for_a_place(void **state)
{
    (void)state;
    s_open("");
    for (uint32_t i = 0; i < GW_HTTP_PIPELINE; i++) {
        s_input(S_GET);
        s_expect_request(i, "GET");
    }
    s_input("GET\r\n\r\n");
    s_input(S_GET);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_answer(0, 200);
    assert_int_equal(s_next(), GW_HTTP_BAD);
    assert_int_equal(s_request.sequence, GW_HTTP_PIPELINE);
    s_respond(GW_HTTP_PIPELINE, &(gw_http_response_t){.status = 400, .close = true});
    for (uint32_t i = 1; i < GW_HTTP_PIPELINE; i++) {
        assert_int_equal(feed_count(&s_http.out, " 400 "), 0); /* not before the others */
        assert_false(gw_http_wants_close(&s_http));
        s_answer(i, 200);
    }
    assert_int_equal(feed_count(&s_http.out, " 200 "), GW_HTTP_PIPELINE);
    assert_int_equal(feed_count(&s_http.out, " 400 "), 1);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    gw_http_sent(&s_http, s_http.out.size);
    assert_true(gw_http_wants_close(&s_http));
    gw_http_free(&s_http);
}

/* Behind an answer that closes nothing is said any more, though it is made. */
static void test_answers_behind_the_last_are_dropped(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        s_open("");
        s_input(S_GET S_GET S_GET S_GET);
        for (uint32_t i = 0; i < 3; i++)
            s_expect_request(i, "GET");
        if (early)
            s_answer(2, 202);
        s_respond(1, &(gw_http_response_t){.status = 201, .close = true});
        s_answer(0, 200);
        if (!early)
            s_answer(2, 202);
        assert_int_equal(s_next(), GW_HTTP_NOTHING); /* the fourth is not served */
        s_expect_statuses("200 201 ");
        assert_true(gw_http_wants_close(&s_http));
        gw_http_free(&s_http);
    }
}

static void test_unsent_answers_hold_requests_back(void **state)
{
    (void)state;
    static const uint8_t body[GW_HTTP_OUT];
    s_open("");
    s_input(S_GET S_GET);
    s_expect_request(0, "GET");
    assert_true(gw_http_wants_input(&s_http));
    s_respond(0, &(gw_http_response_t){.status = 200, .body = {body, sizeof body}});
    assert_false(gw_http_wants_input(&s_http));
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    gw_http_sent(&s_http, s_http.out.size - GW_HTTP_OUT);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    gw_http_sent(&s_http, 1);
    assert_true(gw_http_wants_input(&s_http));
    s_expect_request(1, "GET");
    gw_http_free(&s_http);
}

static void test_input_is_bounded_while_requests_wait(void **state)
{
    (void)state;
    size_t taken = 0;
    s_open("");
    for (; gw_http_wants_input(&s_http) && taken < 1 << 20; taken += sizeof S_POST - 1) {
        s_input(S_POST);
        (void)s_next(); /* only the first, which is not answered */
    }
    assert_in_range(taken, 65536, 65536 + 2048 + 2 * sizeof S_POST);
    assert_int_equal(gw_http_outstanding(&s_http), 1);
    gw_http_free(&s_http);
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
        s_open("");
        s_input(heads[i]);
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        s_expect_out(S_CONTINUE);
        gw_http_input(&s_http, 0, bodies[i], 1);
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        s_input(bodies[i] + 1);
        s_expect_request(0, "POST");
        assert_true(proto_bytes_is(s_request.body, "abc"));
        s_expect_out("");
        gw_http_free(&s_http);
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
        s_open("");
        s_input(cases[i].first);
        gw_http_result_t result = s_next();
        assert_int_equal(result, cases[i].second[0] ? GW_HTTP_NOTHING : GW_HTTP_REQUEST);
        s_input(cases[i].second);
        if (result == GW_HTTP_NOTHING)
            s_expect_request(0, "POST");
        s_expect_out("");
        gw_http_free(&s_http);
    }
}

/* Answers go out in order, and 100 is one: it waits for those before. */
static void test_continue_waits_for_its_turn(void **state)
{
    (void)state;
    s_open("");
    s_input(S_GET S_EXPECT "Content-Length: 1\r\n\r\n");
    s_expect_request(0, "GET");
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_expect_out("");
    s_answer(0, 200);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_expect_out("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" S_CONTINUE);
    s_input("a");
    s_expect_request(1, "POST");
    gw_http_free(&s_http);
}

/* Chunks that are decoded while their turn has not come count as begun. */
static void test_continue_is_not_said_behind_decoded_chunks(void **state)
{
    (void)state;
    static const char *const begun[] = {"1\r\n", "1\r\na", "1\r\na\r\n", "0\r\n"};
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        s_open("");
        s_input(S_GET S_EXPECT "Transfer-Encoding: chunked\r\n\r\n");
        s_expect_request(0, "GET");
        s_input(begun[i]);
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        s_answer(0, 200);
        assert_int_equal(s_next(), GW_HTTP_NOTHING);
        assert_int_equal(feed_count(&s_http.out, S_CONTINUE), 0);
        gw_http_free(&s_http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_of_an_answer),
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_large_answers_and_partial_sends),
        cmocka_unit_test(test_answers_in_any_order),
        cmocka_unit_test(test_unsafe_requests_wait),
        cmocka_unit_test(test_pipeline_is_bounded),
        cmocka_unit_test(test_a_bad_request_waits_for_a_place),
        cmocka_unit_test(test_answers_behind_the_last_are_dropped),
        cmocka_unit_test(test_unsent_answers_hold_requests_back),
        cmocka_unit_test(test_input_is_bounded_while_requests_wait),
        cmocka_unit_test(test_continue_is_said_once),
        cmocka_unit_test(test_continue_is_not_said),
        cmocka_unit_test(test_continue_waits_for_its_turn),
        cmocka_unit_test(test_continue_is_not_said_behind_decoded_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
