/* SPDX-License-Identifier: MPL-2.0 */
/* For the tests of gw_http: feeds a connection in pieces and writes down all that comes out, so that two ways
 * of cutting the same bytes can be compared. Include it behind cmocka.h. */
#ifndef GW_HTTP_FEED_H
#define GW_HTTP_FEED_H

#include <stdio.h>
#include <stdlib.h>

#include "gw_http.h"
#include "proto_clock.h"

/* Small, so that a test can reach them. */
static const gw_http_limits_t feed_limits = {2048, 64, 100, 200, 300};
/* As wide as the program's own, for what the small ones would hide. */
static const gw_http_limits_t feed_wide = {16384, 64, 100, 200, 300};

typedef struct feed {
    gw_http_t http;
    proto_buf_t events; /* a line per request or refusal */
    proto_buf_t sent;   /* all that went out, without 100 Continue, which depends on when the body comes */
    uint32_t requests, bad, continues;
} feed_t;

static inline void feed_open(feed_t *self, const gw_http_limits_t *limits)
{
    *self = (feed_t){0};
    gw_http_init(&self->http, limits, "", 0);
    gw_http_check(&self->http);
}

static inline void feed_close(feed_t *self)
{
    gw_http_free(&self->http);
    proto_buf_free(&self->events);
    proto_buf_free(&self->sent);
}

static inline void feed_note(feed_t *self, const gw_http_request_t *request)
{
    proto_buf_printf(&self->events, "%u %.*s %.*s?%.*s", request->sequence, (int)request->method.size,
                     (const char *)request->method.data, (int)request->path.size,
                     (const char *)request->path.data, (int)request->query.size,
                     request->query.size ? (const char *)request->query.data : "");
    for (uint32_t i = 0; i < request->header_count; i++) {
        const gw_http_header_t *header = &request->headers[i];
        proto_buf_byte(&self->events, i ? ',' : ' ');
        proto_buf_append(&self->events, header->name.data, header->name.size);
        proto_buf_byte(&self->events, '=');
        proto_buf_append(&self->events, header->value.data, header->value.size);
    }
    proto_buf_byte(&self->events, ' ');
    proto_buf_append(&self->events, request->body.data, request->body.size);
    proto_buf_byte(&self->events, '\n');
}

/* Takes what is to be sent. */
static inline void feed_flush(feed_t *self)
{
    static const char said[] = "HTTP/1.1 100 Continue\r\n\r\n";
    enum { SIZE = sizeof said - 1 };
    proto_buf_append(&self->sent, self->http.out.data, self->http.out.size);
    gw_http_sent(&self->http, self->http.out.size);
    gw_http_check(&self->http);
    uint8_t *at;
    while (self->sent.size && (at = memmem(self->sent.data, self->sent.size, said, SIZE))) {
        size_t behind = self->sent.size - (size_t)(at - self->sent.data) - SIZE;
        memmove(at, at + SIZE, behind);
        self->sent.size -= SIZE;
        self->continues++;
    }
}

/* gw_http_next as a shell calls it that keeps every body. */
static inline gw_http_result_t feed_next(gw_http_t *http, int64_t now, gw_http_request_t *request)
{
    gw_http_result_t result = gw_http_next(http, now, request);
    if (result != GW_HTTP_HEAD)
        return result;
    gw_http_check(http);
    gw_http_read_body(http, now, http->limits->body_bytes, false);
    gw_http_check(http);
    return gw_http_next(http, now, request);
}

/* Answers at once whatever comes: a request with its path, a refusal with its status. */
static inline void feed_serve(feed_t *self)
{
    gw_http_request_t request;
    for (gw_http_result_t result; (result = feed_next(&self->http, 0, &request)) != GW_HTTP_NOTHING;) {
        gw_http_check(&self->http);
        gw_http_response_t answer = {.status = 200, .body = request.path};
        if (result == GW_HTTP_REQUEST) {
            self->requests++;
            feed_note(self, &request);
        } else {
            self->bad++;
            answer = (gw_http_response_t){.status = proto_error_status(self->http.error), .close = true};
            proto_buf_printf(&self->events, "%u BAD %s: %s\n", request.sequence,
                             proto_error_code(self->http.error), self->http.detail);
        }
        gw_http_respond(&self->http, 0, request.sequence, &answer);
        gw_http_check(&self->http);
        feed_flush(self);
    }
    gw_http_check(&self->http);
    feed_flush(self);
}

/* One read from the socket: memory of exactly that size, so that ASan sees any look behind it. */
static inline void feed_piece(feed_t *self, const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    gw_http_input(&self->http, 0, copy, size);
    free(copy);
    gw_http_check(&self->http);
    feed_serve(self);
}

/* Everything in pieces of `step` bytes, the first of `first` bytes when that is not 0. */
static inline void feed_all(feed_t *self, const char *text, size_t size, size_t first, size_t step)
{
    size_t at = first < size ? first : 0;
    if (at)
        feed_piece(self, text, at);
    for (; at < size; at += step)
        feed_piece(self, text + at, size - at < step ? size - at : step);
}

static inline void feed_assert_same(const char *name, const feed_t *whole, const feed_t *pieces, size_t cut)
{
    if (!proto_bytes_equal(proto_buf_bytes(&whole->events), proto_buf_bytes(&pieces->events)))
        fail_msg("%s: cut at %zu it is read as\n%.*sbut whole as\n%.*s", name, cut, (int)pieces->events.size,
                 (const char *)pieces->events.data, (int)whole->events.size,
                 (const char *)whole->events.data);
    if (!proto_bytes_equal(proto_buf_bytes(&whole->sent), proto_buf_bytes(&pieces->sent)))
        fail_msg("%s: cut at %zu the answers are\n%.*sbut else\n%.*s", name, cut, (int)pieces->sent.size,
                 (const char *)pieces->sent.data, (int)whole->sent.size, (const char *)whole->sent.data);
    assert_int_equal(gw_http_wants_close(&whole->http), gw_http_wants_close(&pieces->http));
}

/* Feeds `text` whole into *whole, then byte by byte and cut in two at every place, and compares. The caller
 * closes *whole. */
static inline void feed_every_way(feed_t *whole, const gw_http_limits_t *limits, const char *name,
                                  const char *text, size_t size)
{
    feed_open(whole, limits);
    feed_all(whole, text, size, 0, size);
    for (size_t cut = 0; cut < size; cut++) { /* 0 stands for byte by byte */
        feed_t pieces;
        feed_open(&pieces, limits);
        feed_all(&pieces, text, size, cut, cut ? size : 1);
        feed_assert_same(name, whole, &pieces, cut);
        feed_close(&pieces);
    }
}

/* How often `word` stands in the bytes. */
static inline int feed_count(const proto_buf_t *bytes, const char *word)
{
    int count = 0;
    size_t size = strlen(word);
    for (size_t at = 0; at + size <= bytes->size; at++)
        count += memcmp(bytes->data + at, word, size) == 0;
    return count;
}

#endif
