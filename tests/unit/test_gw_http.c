/* SPDX-License-Identifier: MPL-2.0 */
/* Good requests: whatever RFC 9112 lets a client send is understood, and however its bytes are cut into
 * pieces the same requests come out. Hostile ones: test_gw_http_hostile.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_feed.h"

typedef struct good {
    const char *name;
    const char *text;
    size_t size;
    const char *events; /* as feed_note writes them */
} good_t;

#define S_GOOD(name, text, events)                                                                           \
    {                                                                                                        \
        name, text, sizeof(text) - 1, events                                                                 \
    }
#define S_GET           "GET / HTTP/1.1\r\nHost: h\r\n"
#define S_POST          "POST / HTTP/1.1\r\nHost: h\r\n"
#define S_CHUNKED       S_POST "Transfer-Encoding: chunked\r\n\r\n"
#define S_CHUNKED_EVENT "0 POST /? host=h,transfer-encoding=chunked "

static const good_t s_good[] = {
    /* request lines */
    S_GOOD("plain", S_GET "\r\n", "0 GET /? host=h \n"),
    S_GOOD("query", "GET /a/b?c=d&e HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a/b?c=d&e host=h \n"),
    S_GOOD("empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a? host=h \n"),
    S_GOOD("second mark", "GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a?b?c host=h \n"),
    S_GOOD("escapes", "GET /%41%2f?%0a HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /%41%2f?%0a host=h \n"),
    S_GOOD("sub-delims", "GET /a;b=c,d!$'()*+:@~ HTTP/1.1\r\nHost: h\r\n\r\n",
           "0 GET /a;b=c,d!$'()*+:@~? host=h \n"),
    S_GOOD("double slash", "GET //a//b/ HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET //a//b/? host=h \n"),
    S_GOOD("dots", "GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a/../b? host=h \n"),
    S_GOOD("asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "0 OPTIONS *? host=h \n"),
    S_GOOD("absolute", "GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a?b host=h \n"),
    S_GOOD("absolute, no path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /? host=h \n"),
    S_GOOD("absolute, only query", "GET http://h?b HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /?b host=h \n"),
    S_GOOD("absolute, other Host", "GET HTTPS://g:1/a HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a? host=h \n"),
    S_GOOD("absolute, IPv6", "GET http://[::1]:80/a HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a? host=h \n"),
    S_GOOD("absolute, odd name", "GET http://a_b.!$&'()*+,;=%41/ HTTP/1.1\r\nHost: h\r\n\r\n",
           "0 GET /? host=h \n"),
    S_GOOD("absolute, empty port", "GET http://h:/a HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /a? host=h \n"),
    S_GOOD("a URL in a query", "GET /a?b=http://c/d?e HTTP/1.1\r\nHost: h\r\n\r\n",
           "0 GET /a?b=http://c/d?e host=h \n"),
    S_GOOD("absolute, OPTIONS", "OPTIONS http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "0 OPTIONS /a? host=h \n"),
    S_GOOD("empty lines before", "\r\n\r\n" S_GET "\r\n", "0 GET /? host=h \n"),
    S_GOOD("method of others", "PROPFIND /a HTTP/1.1\r\nHost: h\r\n\r\n", "0 PROPFIND /a? host=h \n"),
    /* Host */
    S_GOOD("port", "GET / HTTP/1.1\r\nHost: h.example:65535\r\n\r\n", "0 GET /? host=h.example:65535 \n"),
    S_GOOD("empty port", "GET / HTTP/1.1\r\nHost: h:\r\n\r\n", "0 GET /? host=h: \n"),
    S_GOOD("IPv4", "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "0 GET /? host=127.0.0.1:1 \n"),
    S_GOOD("IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
           "0 GET /? host=[2001:db8::1]:8080 \n"),
    S_GOOD("IPv6 with IPv4", "GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]\r\n\r\n",
           "0 GET /? host=[::ffff:1.2.3.4] \n"),
    S_GOOD("longest IPv6", "GET / HTTP/1.1\r\nHost: [1111:2222:3333:4444:5555:6666:123.123.123.123]\r\n\r\n",
           "0 GET /? host=[1111:2222:3333:4444:5555:6666:123.123.123.123] \n"),
    S_GOOD("reg-name", "GET / HTTP/1.1\r\nHost: a_b-c.%41~!$&'()*+,;=\r\n\r\n",
           "0 GET /? host=a_b-c.%41~!$&'()*+,;= \n"),
    /* fields */
    S_GOOD("no blank", "GET / HTTP/1.1\r\nHost:h\r\nA:\r\n\r\n", "0 GET /? host=h,a= \n"),
    S_GOOD("blanks", "GET / HTTP/1.1\r\nHost: \t h \t \r\nA:   b  c\t\r\n\r\n", "0 GET /? host=h,a=b  c \n"),
    S_GOOD("case of names", "GET / HTTP/1.1\r\nhOST: H\r\nX-A_b: C\r\n\r\n", "0 GET /? host=H,x-a_b=C \n"),
    S_GOOD("all tchars", S_GET "!#$%&'*+-.^_`|~0Z: x\r\n\r\n", "0 GET /? host=h,!#$%&'*+-.^_`|~0z=x \n"),
    S_GOOD("obs-text", S_GET "A: \xc3\xa4\xff\x80\r\n\r\n", "0 GET /? host=h,a=\xc3\xa4\xff\x80 \n"),
    S_GOOD("tab inside", S_GET "A: b\tc\r\n\r\n", "0 GET /? host=h,a=b\tc \n"),
    S_GOOD("repeated", S_GET "A: 1\r\nA: 2\r\n\r\n", "0 GET /? host=h,a=1,a=2 \n"),
    S_GOOD("upgrade is not taken", S_GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
           "0 GET /? host=h,connection=upgrade,upgrade=h2c \n"),
    /* bodies of known length */
    S_GOOD("length", S_POST "Content-Length: 5\r\n\r\nhello", "0 POST /? host=h,content-length=5 hello\n"),
    S_GOOD("length 0", S_POST "Content-Length: 0\r\n\r\n", "0 POST /? host=h,content-length=0 \n"),
    S_GOOD("zeros before", S_POST "Content-Length: 0005\r\n\r\nhello",
           "0 POST /? host=h,content-length=0005 hello\n"),
    S_GOOD("no body at all", S_POST "\r\n", "0 POST /? host=h \n"),
    S_GOOD("blanks around a length", S_POST "Content-Length: \t5 \r\n\r\nhello",
           "0 POST /? host=h,content-length=5 hello\n"),
    S_GOOD("tab behind a length", S_POST "Content-Length:5\t\r\n\r\nhello",
           "0 POST /? host=h,content-length=5 hello\n"),
    S_GOOD("many zeros", S_POST "Content-Length: 000000000000000000000000000005\r\n\r\nhello",
           "0 POST /? host=h,content-length=000000000000000000000000000005 hello\n"),
    S_GOOD("upgrade with a body",
           S_POST
           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello" S_GET
           "\r\n",
           "0 POST /? host=h,connection=Upgrade, HTTP2-Settings,upgrade=h2c,content-length=5 hello\n1 GET /? "
           "host=h \n"),
    S_GOOD("upgrade with chunks",
           S_POST "Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "0 POST /? host=h,connection=Upgrade,upgrade=h2c,transfer-encoding=chunked \n"),
    S_GOOD("blanks around chunked", S_POST "Transfer-Encoding: \t chunked \t\r\n\r\n0\r\n\r\n",
           "0 POST /? host=h,transfer-encoding=chunked \n"),
    S_GOOD("proxy connection", S_GET "Proxy-Connection: close\r\nConnection:\r\n\r\n" S_GET "\r\n",
           "0 GET /? host=h,proxy-connection=close,connection= \n1 GET /? host=h \n"),
    S_GOOD("body of GET", S_GET "Content-Length: 2\r\n\r\nab", "0 GET /? host=h,content-length=2 ab\n"),
    S_GOOD("body of line ends", S_POST "Content-Length: 4\r\n\r\n\r\n\r\n",
           "0 POST /? host=h,content-length=4 \r\n\r\n\n"),
    S_GOOD("longest body",
           S_POST
           "Content-Length: 64\r\n\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
           "0 POST /? host=h,content-length=64 "
           "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"),
    /* chunked */
    S_GOOD("chunks", S_CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", S_CHUNKED_EVENT "abcde\n"),
    S_GOOD("no chunk", S_CHUNKED "0\r\n\r\n", S_CHUNKED_EVENT "\n"),
    S_GOOD("hexadecimal", S_CHUNKED "00a\r\n0123456789\r\nA\r\n0123456789\r\n0000\r\n\r\n",
           S_CHUNKED_EVENT "01234567890123456789\n"),
    S_GOOD("eight digits", S_CHUNKED "00000001\r\na\r\n00000000\r\n\r\n", S_CHUNKED_EVENT "a\n"),
    S_GOOD("line ends in a chunk", S_CHUNKED "4\r\n\r\n\r\n\r\n0\r\n\r\n", S_CHUNKED_EVENT "\r\n\r\n\n"),
    S_GOOD("extensions", S_CHUNKED "1;a\r\nx\r\n1;a=b;c=\"d e\"\r\ny\r\n1; a = b\r\nz\r\n0;q\r\n\r\n",
           S_CHUNKED_EVENT "xyz\n"),
    S_GOOD("trailers go", S_CHUNKED "1\r\na\r\n0\r\nA: b\r\nContent-Length: 99\r\nHost: x\r\n\r\n",
           S_CHUNKED_EVENT "a\n"),
    S_GOOD("64 bytes in chunks",
           S_CHUNKED "20\r\n0123456789abcdef0123456789abcdef\r\n20\r\n0123456789abcdef0123456789abcdef\r\n"
                     "0\r\n\r\n",
           S_CHUNKED_EVENT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"),
    S_GOOD("case of codings", "POST / HTTP/1.1\r\nhost: h\r\nTRANSFER-encoding: CHUNKed\r\n\r\n0\r\n\r\n",
           "0 POST /? host=h,transfer-encoding=CHUNKed \n"),
    /* expectations */
    S_GOOD("expect", S_POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na",
           "0 POST /? host=h,expect=100-Continue,content-length=1 a\n"),
    S_GOOD("expect, chunked", S_POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "0 POST /? host=h,expect=100-continue,transfer-encoding=chunked \n"),
    S_GOOD("expect in 1.0", "POST / HTTP/1.0\r\nExpect: anything\r\nContent-Length: 1\r\n\r\na",
           "0 POST /? expect=anything,content-length=1 a\n"),
    /* one behind the other */
    S_GOOD("two", S_GET "\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\n", "0 GET /? host=h \n1 HEAD /b? host=h \n"),
    S_GOOD("three with bodies",
           S_POST "Content-Length: 3\r\n\r\nabc" S_CHUNKED "1\r\nd\r\n0\r\n\r\n\r\n" S_GET "\r\n",
           "0 POST /? host=h,content-length=3 abc\n1 POST /? host=h,transfer-encoding=chunked d\n"
           "2 GET /? host=h \n"),
    S_GOOD("empty lines before each", "\r\n\r\n" S_GET "\r\n\r\n\r\n" S_GET "\r\n\r\n\r\n" S_GET "\r\n",
           "0 GET /? host=h \n1 GET /? host=h \n2 GET /? host=h \n"),
    S_GOOD("nothing behind close", S_GET "Connection: a, Close\r\n\r\n" S_GET "\r\n",
           "0 GET /? host=h,connection=a, Close \n"),
    S_GOOD("nothing behind 1.0", "GET / HTTP/1.0\r\n\r\n" S_GET "\r\n", "0 GET /? \n"),
    S_GOOD("kept alive 1.0", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" S_GET "\r\n",
           "0 GET /? connection=Keep-Alive \n1 GET /? host=h \n"),
    S_GOOD("a body that looks like a request",
           S_POST "Content-Length: 26\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n" S_GET "\r\n",
           "0 POST /? host=h,content-length=26 GET /x HTTP/1.1\r\nHost: h\r\n\n1 GET /? host=h \n"),
};

static void test_good_requests_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof s_good / sizeof *s_good; i++) {
        const good_t *good = &s_good[i];
        feed_t feed;
        feed_every_way(&feed, &feed_limits, good->name, good->text, good->size);
        if (!proto_bytes_is(proto_buf_bytes(&feed.events), good->events))
            fail_msg("%s: read as\n%sinstead of\n%s", good->name, proto_buf_text(&feed.events), good->events);
        assert_int_equal(feed.bad, 0);
        assert_int_equal(feed_count(&feed.sent, "HTTP/1.1 200 OK\r\n"), feed.requests);
        feed_close(&feed);
    }
}

/* Every cut in three of a few requests that use all of the parser. */
static void test_cut_in_three(void **state)
{
    (void)state;
    static const char text[] =
        "\r\n" S_POST "Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nT: u\r\n\r\n"
        "PUT http://h/c HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 2\r\n\r\nde";
    enum { SIZE = sizeof text - 1 };
    feed_t whole;
    feed_open(&whole, &feed_limits);
    feed_all(&whole, text, SIZE, 0, SIZE);
    assert_int_equal(whole.requests, 2);
    for (size_t first = 1; first < SIZE; first++) {
        for (size_t second = first + 1; second < SIZE; second++) {
            feed_t feed;
            feed_open(&feed, &feed_limits);
            feed_piece(&feed, text, first);
            feed_piece(&feed, text + first, second - first);
            feed_piece(&feed, text + second, SIZE - second);
            feed_assert_same("three pieces", &whole, &feed, first);
            feed_close(&feed);
        }
    }
    feed_close(&whole);
}

/* A request whose target has `target` bytes, with fillers so that its head has `head`. */
static void s_sized(proto_buf_t *out, size_t target, size_t head)
{
    proto_buf_reset(out);
    proto_buf_string(out, "GET /");
    for (size_t i = 1; i < target; i++)
        proto_buf_byte(out, 'a');
    proto_buf_string(out, " HTTP/1.1\r\nHost: h\r\nX:");
    while (out->size + 4 < head)
        proto_buf_byte(out, 'x');
    proto_buf_string(out, "\r\n\r\n");
}

/* The error of the one event, or "" for a request. */
static void s_assert_sized(const gw_http_limits_t *limits, size_t target, size_t head, const char *error)
{
    proto_buf_t text = PROTO_BUF_INIT;
    s_sized(&text, target, head);
    static const size_t steps[] = {SIZE_MAX, 1, 7, 1024};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        feed_t feed;
        feed_open(&feed, limits);
        feed_all(&feed, (const char *)text.data, text.size, 0, i ? steps[i] : text.size);
        bool found = *error ? strstr(proto_buf_text(&feed.events), error) != NULL : feed.requests == 1;
        if (!found || feed.requests + feed.bad != 1)
            fail_msg("target %zu, head %zu, step %zu: %s", target, head, steps[i],
                     proto_buf_text(&feed.events));
        feed_close(&feed);
    }
    proto_buf_free(&text);
}

static void test_sizes_are_exact(void **state)
{
    (void)state;
    s_assert_sized(&feed_wide, GW_HTTP_TARGET, 0, "");
    s_assert_sized(&feed_wide, GW_HTTP_TARGET + 1, 0, "BAD uri_too_long");
    s_assert_sized(&feed_wide, 12000, 0, "BAD uri_too_long");
    s_assert_sized(&feed_wide, 20000, 0, "BAD uri_too_long");
    s_assert_sized(&feed_wide, 1, 16384, "");
    s_assert_sized(&feed_wide, 1, 16385, "BAD headers_too_large");
    s_assert_sized(&feed_wide, 1, 40000, "BAD headers_too_large");
    s_assert_sized(&feed_limits, 1, 2048, "");
    s_assert_sized(&feed_limits, 1, 2049, "BAD headers_too_large");
    s_assert_sized(&feed_limits, 2049, 0, "BAD uri_too_long"); /* longer than any it wishes to parse */
}

/* The configuration lets heads grow to a mebibyte: http-parser's own limit must not be in the way. */
static void test_a_head_as_large_as_the_limit_allows(void **state)
{
    (void)state;
    static const gw_http_limits_t large = {1048576, 64, 100, 200, 300};
    s_assert_sized(&large, 1, 100000, "");
    s_assert_sized(&large, 1, 1048576, "");
}

static void test_header_lookup(void **state)
{
    (void)state;
    static const char text[] = S_GET "A: 1\r\nB:\r\nA: 2\r\n\r\n";
    gw_http_t http;
    gw_http_request_t request;
    gw_http_init(&http, &feed_limits, "", 0);
    gw_http_input(&http, 0, text, sizeof text - 1);
    assert_int_equal(feed_next(&http, 0, &request), GW_HTTP_REQUEST);
    assert_true(proto_bytes_is(gw_http_header(&request, "a"), "1"));
    assert_true(proto_bytes_is(gw_http_header(&request, "b"), ""));
    assert_true(proto_bytes_is(gw_http_header(&request, "c"), ""));
    assert_true(proto_bytes_is(gw_http_header(&request, "host"), "h"));
    gw_http_free(&http);
}

static void test_as_many_fields_as_allowed(void **state)
{
    (void)state;
    for (int count = GW_HTTP_HEADERS - 1; count <= GW_HTTP_HEADERS + 1; count++) {
        proto_buf_t text = PROTO_BUF_INIT;
        proto_buf_string(&text, S_GET);
        for (int i = 1; i < count; i++)
            proto_buf_string(&text, "A: b\r\n");
        proto_buf_string(&text, "\r\n");
        feed_t feed;
        feed_every_way(&feed, &feed_limits, "many fields", (const char *)text.data, text.size);
        assert_int_equal(feed.requests, count <= GW_HTTP_HEADERS);
        assert_int_equal(feed.bad, count > GW_HTTP_HEADERS);
        if (feed.bad)
            assert_int_equal(feed.http.error, PROTO_ERROR_headers_too_large);
        feed_close(&feed);
        proto_buf_free(&text);
    }
}

/* At the end a connection in the middle of a request is waited for, one between requests is not. */
static void test_whether_a_request_is_on_its_way(void **state)
{
    (void)state;
    gw_http_t http;
    gw_http_request_t request;
    const gw_http_response_t response = {.status = 200};
    static const char post[] = S_POST "Content-Length: 2\r\n\r\nab";
    gw_http_init(&http, &feed_limits, "", 0);
    assert_false(gw_http_receiving(&http));
    for (uint32_t turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i + 1 < sizeof post; i++) {
            if (gw_http_next(&http, 0, &request) == GW_HTTP_HEAD)
                gw_http_read_body(&http, 0, feed_limits.body_bytes, false);
            gw_http_input(&http, 0, post + i, 1);
            assert_true(gw_http_receiving(&http));
        }
        assert_int_equal(gw_http_next(&http, 0, &request), GW_HTTP_REQUEST);
        assert_false(gw_http_receiving(&http));
        gw_http_respond(&http, 0, turn, &response);
        assert_int_equal(gw_http_next(&http, 0, &request), GW_HTTP_NOTHING);
        assert_false(gw_http_receiving(&http));
    }
    gw_http_free(&http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests_however_cut),
        cmocka_unit_test(test_cut_in_three),
        cmocka_unit_test(test_sizes_are_exact),
        cmocka_unit_test(test_a_head_as_large_as_the_limit_allows),
        cmocka_unit_test(test_header_lookup),
        cmocka_unit_test(test_as_many_fields_as_allowed),
        cmocka_unit_test(test_whether_a_request_is_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
