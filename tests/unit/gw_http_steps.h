/* SPDX-License-Identifier: MPL-2.0 */
/* For the tests of gw_http's answers: one connection, moved on step by step, its invariants looked at after
 * each. Include it behind cmocka.h. */
#ifndef GW_HTTP_STEPS_H
#define GW_HTTP_STEPS_H

#include "gw_http_feed.h"

#define STEP_LINE(line) line "\r\nHost: h\r\n\r\n"
#define STEP_GET        STEP_LINE("GET / HTTP/1.1")
#define STEP_POST       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

static gw_http_t step_http;
static gw_http_request_t step_request; /* of the last step_next */

static inline void step_open(const char *date)
{
    gw_http_init(&step_http, &feed_limits, date, 0);
    gw_http_check(&step_http);
}

static inline void step_input(const char *text)
{
    gw_http_input(&step_http, 0, text, strlen(text));
    gw_http_check(&step_http);
}

static inline gw_http_result_t step_next(void)
{
    gw_http_result_t result = feed_next(&step_http, 0, &step_request);
    gw_http_check(&step_http);
    return result;
}

static inline void step_expect_request(uint32_t sequence, const char *method)
{
    assert_int_equal(step_next(), GW_HTTP_REQUEST);
    assert_int_equal(step_request.sequence, sequence);
    assert_true(proto_bytes_is(step_request.method, method));
}

static inline void step_respond(uint32_t sequence, const gw_http_response_t *response)
{
    gw_http_respond(&step_http, 0, sequence, response);
    gw_http_check(&step_http);
}

/* An answer without body whose status tells it from others. */
static inline void step_answer(uint32_t sequence, int status)
{
    step_respond(sequence, &(gw_http_response_t){.status = status});
}

/* Takes what is to be sent and compares it. */
static inline void step_expect_out(const char *expected)
{
    if (!proto_bytes_is(proto_buf_bytes(&step_http.out), expected))
        fail_msg("sent is\n%s\nnot\n%s", proto_buf_text(&step_http.out), expected);
    gw_http_sent(&step_http, step_http.out.size);
    gw_http_check(&step_http);
}

/* The statuses in what is to be sent, in order: "200 404 ". */
static inline void step_expect_statuses(const char *expected)
{
    char found[256] = "";
    const char *at = proto_buf_text(&step_http.out);
    for (size_t used = 0; (at = strstr(at, "HTTP/1.1 ")) && used < sizeof found - 5; used += 4, at += 9)
        snprintf(found + used, sizeof found - used, "%.3s ", at + 9);
    assert_string_equal(found, expected);
    gw_http_sent(&step_http, step_http.out.size);
}

#endif
