/* SPDX-License-Identifier: MPL-2.0 */
/* The form of answers, byte by byte: status line, fields, body or none, keep-alive and close. Their order:
 * test_gw_http_pipeline.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_steps.h"

static const char s_date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

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
    {STEP_GET,
     {200, "text/plain", {0}, S_TEXT("hello"), false},
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
     false},
    {STEP_GET,
     {404, NULL, S_TEXT("A: b\r\nC: d\r\n"), {0}, false},
     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nA: b\r\nC: d\r\n\r\n",
     false},
    {STEP_LINE("HEAD / HTTP/1.1"),
     {200, "a/b", {0}, S_TEXT("hello"), false},
     "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\n",
     false},
    {STEP_LINE("HEAD / HTTP/1.1"),
     {404, NULL, {0}, {0}, false},
     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
     false},
    {STEP_GET, {204, NULL, {0}, S_TEXT("never"), false}, "HTTP/1.1 204 No Content\r\n\r\n", false},
    {STEP_GET,
     {304, NULL, S_TEXT("ETag: \"a\"\r\n"), S_TEXT("never"), false},
     "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
     false},
    {STEP_LINE("OPTIONS * HTTP/1.1"), {204, NULL, {0}, {0}, false}, "HTTP/1.1 204 No Content\r\n\r\n", false},
    {STEP_GET,
     {500, NULL, {0}, S_TEXT("x"), true},
     "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
     true},
    {STEP_GET, {200, NULL, {0}, S_TEXT("\0\xff"), false}, NULL, false},
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
        step_open("");
        step_input(form->request);
        assert_int_equal(step_next(), GW_HTTP_REQUEST);
        assert_false(gw_http_wants_close(&step_http));
        step_respond(0, &form->response);
        assert_false(gw_http_wants_close(&step_http)); /* not before all is sent */
        if (form->answer)
            step_expect_out(form->answer);
        else
            assert_memory_equal(step_http.out.data + step_http.out.size - 2, "\0\xff", 2);
        gw_http_sent(&step_http, step_http.out.size);
        assert_int_equal(gw_http_wants_close(&step_http), form->closes);
        step_input(STEP_GET); /* a connection that is kept takes the next */
        assert_int_equal(step_next(), form->closes ? GW_HTTP_NOTHING : GW_HTTP_REQUEST);
        gw_http_free(&step_http);
    }
}

static void test_date(void **state)
{
    (void)state;
    step_open(s_date);
    step_input(STEP_GET);
    step_expect_request(0, "GET");
    step_respond(0, &(gw_http_response_t){.status = 200, .content_type = "a/b"});
    step_expect_out("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: a/b\r\n"
                    "Content-Length: 0\r\n\r\n");
    gw_http_free(&step_http);
}

static void test_large_answers_and_partial_sends(void **state)
{
    (void)state;
    static uint8_t body[200000];
    memset(body, 'b', sizeof body);
    step_open("");
    step_input(STEP_GET);
    step_expect_request(0, "GET");
    step_respond(0, &(gw_http_response_t){.status = 200, .body = {body, sizeof body}, .close = true});
    size_t size = step_http.out.size, sent = 0;
    assert_int_equal(feed_count(&step_http.out, "Content-Length: 200000\r\n"), 1);
    while (step_http.out.size) {
        assert_false(gw_http_wants_close(&step_http));
        size_t step = step_http.out.size < 7777 ? step_http.out.size : 7777;
        gw_http_sent(&step_http, step);
        sent += step;
    }
    assert_int_equal(sent, size);
    assert_true(gw_http_wants_close(&step_http));
    gw_http_free(&step_http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_of_an_answer),
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_large_answers_and_partial_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
