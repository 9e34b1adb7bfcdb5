/* SPDX-License-Identifier: MPL-2.0 */
/* Bodies that are judged by their heads: taken in pieces, however they are cut; refused before they are read,
 * then dropped or the connection closed; too large; late. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_feed.h"

#define S_GET        "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
#define S_POST(more) "POST /up HTTP/1.1\r\nHost: h\r\n" more "\r\n"
#define S_CHUNKED    S_POST("Transfer-Encoding: chunked\r\n")
#define S_EXPECT     "Expect: 100-continue\r\n"

enum { S_MOST = 1000 }; /* more than feed_limits lets a body have */

static gw_http_t s_http;
static gw_http_request_t s_request;
static proto_buf_t s_events; /* a letter and what came: H, P, R, B */
static int64_t s_now;

static void s_open(void)
{
    s_now = 1000;
    proto_buf_reset(&s_events);
    gw_http_init(&s_http, &feed_limits, "", s_now);
}

static gw_http_result_t s_next(void)
{
    gw_http_check(&s_http);
    gw_http_result_t result = gw_http_next(&s_http, s_now, &s_request);
    gw_http_check(&s_http);
    return result;
}

static void s_input(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    gw_http_input(&s_http, s_now, copy, size);
    free(copy);
}

static gw_http_result_t s_text(const char *text)
{
    s_input(text, strlen(text));
    return s_next();
}

static void s_answer(uint32_t sequence, int status, bool close)
{
    gw_http_respond(&s_http, s_now, sequence, &(gw_http_response_t){.status = status, .close = close});
    gw_http_check(&s_http);
}

/* Takes what is to be sent: the statuses, and whether one says close. */
static void s_expect_out(const char *expected)
{
    char found[64] = "";
    const char *at = proto_buf_text(&s_http.out);
    bool close = strstr(at, "Connection: close");
    for (; (at = strstr(at, "HTTP/1.1 ")); at += 9)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.3s ", at + 9);
    strcat(found, close ? "close" : "");
    assert_string_equal(found, expected);
    gw_http_sent(&s_http, s_http.out.size);
}

/* Serves as a gateway does that takes every body of /up in pieces and refuses any other beforehand. */
static void s_pump(void)
{
    for (;;) {
        switch (s_next()) {
        case GW_HTTP_NOTHING:
            return;
        case GW_HTTP_HEAD:
            if (proto_bytes_is(s_request.path, "/up"))
                gw_http_read_body(&s_http, s_now, S_MOST, true);
            else
                s_answer(s_request.sequence, 404, false);
            break;
        case GW_HTTP_PIECE:
            assert_true(s_request.body.size > 0);
            proto_buf_append(&s_events, s_request.body.data, s_request.body.size);
            break;
        case GW_HTTP_REQUEST:
            assert_int_equal(s_request.body.size, 0);
            assert_true(proto_bytes_is(gw_http_header(&s_request, "host"), "h"));
            proto_buf_printf(&s_events, "[%u %.*s]", s_request.sequence, (int)s_request.path.size,
                             (const char *)s_request.path.data);
            s_answer(s_request.sequence, 200, false);
            break;
        case GW_HTTP_BAD:
            proto_buf_printf(&s_events, "[%u %s]", s_request.sequence, proto_error_code(s_http.error));
            s_answer(s_request.sequence, proto_error_status(s_http.error), true);
            break;
        }
    }
}

/* The same whole, byte by byte and cut in two at every place. */
static void s_every_way(const char *text, const char *events, const char *statuses)
{
    size_t size = strlen(text);
    for (size_t cut = 0; cut <= size; cut++) {
        s_open();
        size_t step = cut ? size : 1;
        for (size_t at = 0; at < size;) {
            size_t take = at == 0 && cut ? cut : step;
            take = size - at < take ? size - at : take;
            s_input(text + at, take);
            s_pump();
            at += take;
        }
        if (!proto_bytes_is(proto_buf_bytes(&s_events), events))
            fail_msg("%s\ncut at %zu: %s instead of %s", text, cut, proto_buf_text(&s_events), events);
        s_expect_out(statuses);
        gw_http_free(&s_http);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    s_every_way(S_POST("Content-Length: 10\r\n") "0123456789" S_GET, "0123456789[0 /up][1 /next]",
                "200 200 ");
    s_every_way(S_CHUNKED "3\r\nabc\r\n1;x=y\r\nd\r\n00000a\r\n0123456789\r\n0\r\nT: u\r\n\r\n" S_GET,
                "abcd0123456789[0 /up][1 /next]", "200 200 ");
    s_every_way(S_CHUNKED "0\r\n\r\n" S_GET, "[0 /up][1 /next]", "200 200 ");
    s_every_way(S_GET S_POST("Content-Length: 2\r\n") "ab" S_POST("Content-Length: 3\r\n") "cde" S_GET,
                "[0 /next]ab[1 /up]cde[2 /up][3 /next]", "200 200 200 200 ");
    s_every_way(S_CHUNKED "3\r\nabcd\r\n", "abc[0 malformed]", "400 close");
    s_every_way(S_CHUNKED "3e9\r\nabc", "[0 too_large]", "413 close");
    s_every_way(S_CHUNKED "1\r\na\r\n3e8\r\nabc", "a[0 too_large]", "413 close");
    s_every_way(S_POST("Content-Length: 1001\r\n") "abc", "[0 too_large]", "413 close");
}

/* However much comes, only what was not handed out is kept. */
static void test_pieces_are_not_kept(void **state)
{
    (void)state;
    char block[100];
    memset(block, 'x', sizeof block);
    for (int chunked = 0; chunked < 2; chunked++) {
        s_open();
        if (chunked)
            s_input(S_CHUNKED "3e8\r\n", strlen(S_CHUNKED "3e8\r\n"));
        else
            s_input(S_POST("Content-Length: 1000\r\n"), strlen(S_POST("Content-Length: 1000\r\n")));
        for (int i = 0; i < 10; i++) {
            assert_true(gw_http_wants_input(&s_http));
            s_input(block, sizeof block);
            s_pump();
            assert_true(s_http.in.size <= s_http.head + sizeof block);
            assert_true(s_http.body.capacity <= 256);
        }
        if (chunked)
            s_input("\r\n0\r\n\r\n", 7);
        s_pump();
        assert_int_equal(s_events.size, 1000 + strlen("[0 /up]"));
        gw_http_free(&s_http);
    }
}

/* A body that nobody wants is read when it is small, so that the connection can go on. */
static void test_refused_and_dropped(void **state)
{
    (void)state;
    static const char length[] =
        "POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 64\r\n\r\n"
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n0123456789012345678901234567890123456" S_GET;
    static const char chunked[] = "POST /no HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "40\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "0123456789012345678901234567890123456\r\n0\r\n\r\n" S_GET;
    s_every_way(length, "[1 /next]", "404 200 ");
    s_every_way(chunked, "[1 /next]", "404 200 ");
    /* too large, or never ending: nothing behind it is a request */
    s_every_way("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 65\r\n\r\n" S_GET, "", "404 close");
    s_open();
    s_input(chunked, strlen(chunked) - strlen("0\r\n\r\n" S_GET));
    s_pump();
    s_expect_out("404 ");
    s_input("1\r\nx\r\n0\r\n\r\n" S_GET, strlen("1\r\nx\r\n0\r\n\r\n" S_GET));
    s_pump();
    assert_true(gw_http_wants_close(&s_http)); /* without a word: it was answered */
    s_expect_out("");
    gw_http_free(&s_http);
}

/* Who waits for 100 is not asked for a body that nobody wants; then nobody knows whether it comes. */
static void test_refused_instead_of_100(void **state)
{
    (void)state;
    s_every_way("POST /no HTTP/1.1\r\nHost: h\r\n" S_EXPECT "Content-Length: 5\r\n\r\n", "", "404 close");
    s_open();
    assert_int_equal(s_text(S_POST(S_EXPECT "Content-Length: 1001\r\n")), GW_HTTP_HEAD);
    assert_int_equal(s_request.length, 1001);
    gw_http_read_body(&s_http, s_now, S_MOST, true);
    assert_int_equal(s_next(), GW_HTTP_BAD);
    assert_int_equal(s_http.error, PROTO_ERROR_too_large);
    s_answer(0, 413, true);
    s_expect_out("413 close");
    gw_http_free(&s_http);
    s_open();
    assert_int_equal(s_text(S_POST(S_EXPECT "Content-Length: 2\r\n")), GW_HTTP_HEAD);
    s_expect_out("");
    gw_http_read_body(&s_http, s_now, S_MOST, true);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_expect_out("100 ");
    assert_int_equal(s_text("ab"), GW_HTTP_PIECE);
    assert_int_equal(s_next(), GW_HTTP_REQUEST);
    gw_http_free(&s_http);
}

/* In the middle of its body. */
static void test_refused_on_the_way(void **state)
{
    (void)state;
    static const struct {
        const char *head, *first, *rest, *out;
        bool goes_on;
    } cases[] = {
        {S_POST("Content-Length: 68\r\n"), "0123456789",
         "0123456789012345678901234567890123456789012345678901234567", "422 ", true},
        {S_POST("Content-Length: 100\r\n"), "0123456789", "0123456789", "422 close", false},
        {S_CHUNKED, "5\r\nabcde", "\r\n2\r\nfg\r\n0\r\n\r\n", "422 ", true},
        {S_CHUNKED, "100\r\nabcde", "fghij", "422 close", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_open();
        assert_int_equal(s_text(cases[i].head), GW_HTTP_HEAD);
        gw_http_read_body(&s_http, s_now, S_MOST, true);
        assert_int_equal(s_text(cases[i].first), GW_HTTP_PIECE);
        s_answer(0, 422, false);
        s_expect_out(cases[i].out);
        assert_int_equal(s_text(cases[i].rest), GW_HTTP_NOTHING);
        assert_int_equal(s_text(S_GET), cases[i].goes_on ? GW_HTTP_REQUEST : GW_HTTP_NOTHING);
        assert_int_equal(gw_http_wants_close(&s_http), !cases[i].goes_on);
        gw_http_free(&s_http);
    }
}

/* A body waits for its request's turn, and has its time from then. */
static void test_turn(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_POST("") S_POST(S_EXPECT "Content-Length: 2\r\n")), GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_now = 50000;
    gw_http_tick(&s_http, s_now);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_answer(0, 200, false);
    assert_int_equal(s_next(), GW_HTTP_HEAD);
    assert_int_equal(s_request.sequence, 1);
    s_expect_out("200 ");
    gw_http_read_body(&s_http, s_now, S_MOST, true);
    assert_int_equal(s_next(), GW_HTTP_NOTHING);
    s_expect_out("100 ");
    assert_true(gw_http_next_deadline(&s_http) == s_now + feed_limits.body_ms);
    assert_int_equal(s_text("a"), GW_HTTP_PIECE);
    s_now += feed_limits.body_ms;
    gw_http_tick(&s_http, s_now);
    assert_int_equal(s_next(), GW_HTTP_BAD);
    assert_int_equal(s_http.error, PROTO_ERROR_request_timeout);
    assert_int_equal(s_request.sequence, 1);
    s_answer(1, 408, true);
    s_expect_out("408 close");
    gw_http_free(&s_http);
}

/* The refusal of a body waits for the answers before it. */
static void test_order(void **state)
{
    (void)state;
    s_open();
    assert_int_equal(s_text(S_GET "GET /no HTTP/1.1\r\nHost: h\r\nContent-Length: 65\r\n\r\nabc"),
                     GW_HTTP_REQUEST);
    assert_int_equal(s_next(), GW_HTTP_HEAD);
    s_answer(1, 404, false);
    s_expect_out("");
    assert_int_equal(s_text(S_GET), GW_HTTP_NOTHING);
    assert_false(gw_http_wants_close(&s_http));
    s_answer(0, 200, false);
    s_expect_out("200 404 close");
    assert_true(gw_http_wants_close(&s_http));
    gw_http_free(&s_http);
}

/* The rest of a body that nobody wants has the time of a body, then the connection ends without a word. */
static void test_dropping_ends(void **state)
{
    (void)state;
    s_open();
    s_input("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", 51);
    s_pump();
    s_expect_out("404 ");
    assert_true(gw_http_next_deadline(&s_http) == s_now + feed_limits.body_ms);
    s_now += feed_limits.body_ms - 1;
    gw_http_tick(&s_http, s_now);
    s_input("c", 1);
    s_pump();
    assert_false(gw_http_wants_close(&s_http));
    s_now++;
    gw_http_tick(&s_http, s_now);
    s_pump();
    assert_true(gw_http_wants_close(&s_http));
    s_expect_out("");
    gw_http_free(&s_http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pieces_are_not_kept),
        cmocka_unit_test(test_refused_and_dropped),
        cmocka_unit_test(test_refused_instead_of_100),
        cmocka_unit_test(test_refused_on_the_way),
        cmocka_unit_test(test_turn),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_dropping_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
