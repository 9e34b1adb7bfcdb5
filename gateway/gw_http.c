/* SPDX-License-Identifier: MPL-2.0 */
/* The state of one connection: input, requests, deadlines. Thread: the gateway thread that owns it. */
#include "gw_http.h"

#include <stdlib.h>

#include "proto_clock.h"

enum {
    S_READ_AHEAD = 65536, /* bytes kept of what follows the request under way */
    S_LINE_MORE = 64,     /* what a request line has besides its target: method, blanks, version */
    S_KEPT_HEADERS = 32   /* an idle connection keeps room for so many */
};

static const char *const s_state_names[] = {"head", "length", "chunked", "whole", "served", "bad", "end"};

void gw_http_init(gw_http_t *self, const gw_http_limits_t *limits, const char *date, int64_t now)
{
    *self = (gw_http_t){.limits = limits, .date = date, .deadline = now + limits->head_ms};
}

void gw_http_free(gw_http_t *self)
{
    for (int i = 0; i < GW_HTTP_PIPELINE; i++)
        proto_buf_free(&self->slots[i].bytes);
    proto_buf_free(&self->in);
    proto_buf_free(&self->out);
    proto_buf_free(&self->body);
    free(self->headers);
}

uint32_t gw_http_outstanding(const gw_http_t *self)
{
    return self->next - self->first;
}

static void s_bad(gw_http_t *self, proto_error_t error, const char *detail)
{
    self->state = GW_HTTP_S_BAD;
    self->deadline = PROTO_NEVER;
    self->error = error;
    self->detail = detail;
}

/* Pointers into `in` follow it when it has moved. */
static void s_rebase(gw_http_t *self, uintptr_t old)
{
    proto_bytes_t *parts[] = {&self->request.method, &self->request.path, &self->request.query};
    for (int i = 0; i < 3; i++)
        if (parts[i]->size)
            parts[i]->data = self->in.data + ((uintptr_t)parts[i]->data - old);
    for (uint32_t i = 0; i < self->header_count; i++) {
        gw_http_header_t *header = &self->headers[i];
        header->name.data = self->in.data + ((uintptr_t)header->name.data - old);
        header->value.data = self->in.data + ((uintptr_t)header->value.data - old);
    }
}

/* Waiting for the first byte of a request. */
static bool s_between(const gw_http_t *self)
{
    return self->state == GW_HTTP_S_HEAD && self->in.size == 0;
}

/* Drops the request handed out last and begins the next. */
static void s_begin(gw_http_t *self, int64_t now)
{
    proto_buf_consume(&self->in, self->head + self->length);
    self->way = GW_HTTP_BODY_WAITS;
    self->came = 0;
    proto_buf_reset(&self->body);
    if (self->in.size == 0 && self->in.capacity > 16384) /* give big buffers of an idle connection back */
        proto_buf_free(&self->in);
    if (self->body.capacity > 16384)
        proto_buf_free(&self->body);
    self->state = self->close ? GW_HTTP_S_END : GW_HTTP_S_HEAD;
    self->scan = self->line = self->head = self->length = 0;
    self->header_count = 0;
    if (self->header_room > S_KEPT_HEADERS) {
        free(self->headers);
        self->headers = NULL;
        self->header_room = 0;
    }
    self->is_head = false;
    self->empty_lines = 0;
    self->deadline = self->state == GW_HTTP_S_END ? PROTO_NEVER
                     : s_between(self)            ? now + self->limits->idle_ms
                                                  : now + self->limits->head_ms;
}

void gw_http_input(gw_http_t *self, int64_t now, const void *bytes, size_t size)
{
    if (self->state == GW_HTTP_S_SERVED)
        s_begin(self, now);
    if (self->state >= GW_HTTP_S_BAD || size == 0)
        return;
    if (s_between(self) && self->next > 0) /* the first head's time runs from the accept */
        self->deadline = now + self->limits->head_ms;
    uintptr_t old = (uintptr_t)self->in.data;
    proto_buf_append(&self->in, bytes, size);
    if (self->head)
        s_rebase(self, old);
}

/* Whether the byte at `scan` is one too many. Judged byte by byte, so that the verdict does not depend on how
 * much was read at once. */
static bool s_too_large(gw_http_t *self)
{
    if (self->scan < self->limits->head_bytes && (self->line || self->scan <= GW_HTTP_TARGET + S_LINE_MORE))
        return false;
    if (self->line)
        s_bad(self, PROTO_ERROR_headers_too_large, "the header fields are too large");
    else
        s_bad(self, PROTO_ERROR_uri_too_long, "the request line is too long");
    return true;
}

static int s_bad_line(gw_http_t *self)
{
    s_bad(self, PROTO_ERROR_malformed, "a line must end with CR and LF");
    return -1;
}

/* Looks for the empty line that ends the head, refusing bare CR, bare LF and too much on the way. 1 found, 0
 * not yet, -1 bad. */
static int s_find_head(gw_http_t *self)
{
    for (; self->scan < self->in.size; self->scan++) {
        const uint8_t *at = self->in.data + self->scan;
        if (s_too_large(self))
            return -1;
        if (*at == '\r') {
            if (self->scan + 1 == self->in.size)
                return 0; /* its LF may be next */
            if (at[1] != '\n')
                return s_bad_line(self);
        } else if (*at == '\n') {
            if (self->scan == 0 || at[-1] != '\r')
                return s_bad_line(self);
            if (self->scan == 1) { /* an empty line before the request */
                if (++self->empty_lines > GW_HTTP_EMPTY_LINES)
                    return s_bad_line(self);
                proto_buf_consume(&self->in, 2);
                self->scan = (size_t)-1;
            } else if (self->scan >= 3 && at[-2] == '\n') {
                self->head = ++self->scan;
                return 1;
            } else if (!self->line) {
                self->line = self->scan + 1;
            }
        }
    }
    return 0;
}

static void s_read_head(gw_http_t *self)
{
    if (s_find_head(self) <= 0)
        return;
    proto_error_t error = gw_http_parse_head(self);
    if (error)
        s_bad(self, error, self->detail);
    else /* a body's time runs from when it is asked for */
        self->deadline = PROTO_NEVER;
}

/* Whether a body is to be read. */
static bool s_in_body(const gw_http_t *self)
{
    return self->state == GW_HTTP_S_LENGTH || self->state == GW_HTTP_S_CHUNKED;
}

void gw_http_read_body(gw_http_t *self, int64_t now, size_t most, bool pieces)
{
    PROTO_ASSERT(s_in_body(self) && self->way == GW_HTTP_BODY_ASKED);
    self->way = pieces ? GW_HTTP_BODY_PIECES : GW_HTTP_BODY_HELD;
    self->most = most;
    if (self->length > most)
        s_bad(self, PROTO_ERROR_too_large, "the body is too large");
    else if (!self->continue_due)
        self->deadline = now + self->limits->body_ms;
}

bool gw_http_drop_body(gw_http_t *self, int64_t now)
{
    size_t left = self->state == GW_HTTP_S_LENGTH ? self->length - self->piece : self->chunk;
    if (self->continue_due || left > self->limits->body_bytes) {
        self->state = GW_HTTP_S_END;
        self->deadline = PROTO_NEVER;
        return true;
    }
    if (self->way == GW_HTTP_BODY_ASKED)
        self->deadline = now + self->limits->body_ms;
    proto_buf_reset(&self->body);
    self->way = GW_HTTP_BODY_DROPPED;
    self->most = self->limits->body_bytes;
    self->came = 0;
    return false;
}

/* Says 100 when it is this request's turn and the client has not begun its body anyway. The body's time runs
 * from here: a client may have waited for this. */
static void s_continue(gw_http_t *self, int64_t now)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!self->continue_due || gw_http_outstanding(self) > 1)
        return;
    self->continue_due = false;
    self->deadline = now + self->limits->body_ms;
    bool begun = self->in.size > self->head || self->body.size ||
                 (self->state == GW_HTTP_S_CHUNKED && self->part != GW_HTTP_CHUNK_SIZE);
    if (!begun)
        proto_buf_append(&self->out, text, sizeof text - 1);
}

/* Forgets the piece handed out last. */
static void s_drop_piece(gw_http_t *self)
{
    proto_buf_reset(&self->body);
    if (self->piece) {
        self->length -= self->piece;
        self->in.size -= self->piece;
        memmove(self->in.data + self->head, self->in.data + self->head + self->piece,
                self->in.size - self->head);
        self->piece = 0;
    }
}

/* Reads on: 1 when the body is complete, 0 when more must come, -1 with self->error and detail. Of a body of
 * known length that is not held self->piece is what has come. */
static int s_read_on(gw_http_t *self)
{
    size_t there = self->in.size - self->head;
    if (self->state == GW_HTTP_S_CHUNKED)
        return gw_http_parse_chunks(self);
    if (self->way != GW_HTTP_BODY_HELD)
        self->piece = there < self->length ? there : self->length;
    return there >= self->length;
}

static void s_body_is_bad(gw_http_t *self)
{
    if (self->way == GW_HTTP_BODY_DROPPED) { /* answered already */
        self->state = GW_HTTP_S_END;
        self->deadline = PROTO_NEVER;
    } else {
        s_bad(self, self->error, self->detail);
    }
}

/* Whether there is a piece to be handed out now. */
static bool s_read_body(gw_http_t *self, int64_t now)
{
    s_continue(self, now);
    if (self->way != GW_HTTP_BODY_HELD)
        s_drop_piece(self);
    int done = s_read_on(self);
    if (self->way == GW_HTTP_BODY_DROPPED)
        s_drop_piece(self);
    else if (self->way == GW_HTTP_BODY_PIECES && (self->piece || self->body.size))
        return true; /* that it was the last one, or is wrong behind it, is seen at the next call */
    if (done < 0) {
        s_body_is_bad(self);
    } else if (done) {
        self->state = GW_HTTP_S_WHOLE;
        self->deadline = PROTO_NEVER;
    }
    return false;
}

/* Whether the request under way may be handed out: RFC 9112 section 9.3.2 lets a server work on safe methods
 * in parallel, but not beside others. */
static bool s_may_start(const gw_http_t *self)
{
    uint32_t outstanding = gw_http_outstanding(self);
    if (self->out.size >= GW_HTTP_OUT || outstanding == GW_HTTP_PIPELINE)
        return false;
    return outstanding == 0 || (self->safe && !self->unsafe);
}

static gw_http_slot_t *s_take_slot(gw_http_t *self)
{
    gw_http_slot_t *slot = &self->slots[self->next % GW_HTTP_PIPELINE];
    slot->head = slot->close = slot->old = slot->ready = slot->last = false;
    self->next++;
    return slot;
}

/* Gives the request its place in the order of answers. */
static void s_begin_answer(gw_http_t *self)
{
    self->unsafe = !self->safe;
    self->request.sequence = self->next;
    self->request.headers = self->headers;
    self->request.header_count = self->header_count;
    self->request.length = self->state == GW_HTTP_S_CHUNKED ? SIZE_MAX : self->length;
    gw_http_slot_t *slot = s_take_slot(self);
    slot->head = self->is_head;
    slot->close = self->close;
    slot->old = self->old;
}

static gw_http_result_t s_hand_out_head(gw_http_t *self, gw_http_request_t *request)
{
    s_begin_answer(self);
    self->way = GW_HTTP_BODY_ASKED;
    *request = self->request;
    return GW_HTTP_HEAD;
}

static gw_http_result_t s_hand_out_piece(gw_http_t *self, gw_http_request_t *request)
{
    *request = self->request;
    request->body =
        self->piece ? (proto_bytes_t){self->in.data + self->head, self->piece} : proto_buf_bytes(&self->body);
    return GW_HTTP_PIECE;
}

static gw_http_result_t s_hand_out(gw_http_t *self, gw_http_request_t *request)
{
    if (self->way == GW_HTTP_BODY_WAITS)
        s_begin_answer(self);
    *request = self->request;
    request->body = self->length ? (proto_bytes_t){self->in.data + self->head, self->length}
                                 : proto_buf_bytes(&self->body);
    self->state = GW_HTTP_S_SERVED;
    self->deadline = PROTO_NEVER;
    return GW_HTTP_REQUEST;
}

/* Gives the bad request its place in the order of answers, unless its head has one. */
static gw_http_result_t s_hand_out_bad(gw_http_t *self, gw_http_request_t *request)
{
    bool placed = self->way != GW_HTTP_BODY_WAITS;
    if (!placed && gw_http_outstanding(self) == GW_HTTP_PIPELINE)
        return GW_HTTP_NOTHING;
    *request = (gw_http_request_t){.sequence = placed ? self->next - 1 : self->next};
    gw_http_slot_t *slot = placed ? &self->slots[request->sequence % GW_HTTP_PIPELINE] : s_take_slot(self);
    slot->close = true;
    slot->head = self->in.size >= 5 && memcmp(self->in.data, "HEAD ", 5) == 0; /* however far it was read */
    self->state = GW_HTTP_S_END;
    return GW_HTTP_BAD;
}

gw_http_result_t gw_http_next(gw_http_t *self, int64_t now, gw_http_request_t *request)
{
    if (self->state == GW_HTTP_S_SERVED)
        s_begin(self, now);
    if (self->closing) /* nothing is answered any more */
        self->state = GW_HTTP_S_END;
    if (self->state == GW_HTTP_S_HEAD)
        s_read_head(self);
    if (s_in_body(self)) {
        if (self->way == GW_HTTP_BODY_WAITS)
            return s_may_start(self) ? s_hand_out_head(self, request) : GW_HTTP_NOTHING;
        PROTO_ASSERT(self->way != GW_HTTP_BODY_ASKED);
        if (s_read_body(self, now))
            return s_hand_out_piece(self, request);
        if (self->state == GW_HTTP_S_WHOLE && self->way == GW_HTTP_BODY_DROPPED) {
            s_begin(self, now);
            return gw_http_next(self, now, request); /* of the next request, which has no body to drop yet */
        }
    }
    if (self->state == GW_HTTP_S_BAD)
        return s_hand_out_bad(self, request);
    if (self->state != GW_HTTP_S_WHOLE || (self->way == GW_HTTP_BODY_WAITS && !s_may_start(self)))
        return GW_HTTP_NOTHING;
    return s_hand_out(self, request);
}

proto_bytes_t gw_http_header(const gw_http_request_t *request, const char *name)
{
    for (uint32_t i = 0; i < request->header_count; i++)
        if (proto_bytes_is(request->headers[i].name, name))
            return request->headers[i].value;
    return (proto_bytes_t){0};
}

bool gw_http_wants_input(const gw_http_t *self)
{
    size_t body = self->way == GW_HTTP_BODY_HELD ? self->length : 0;
    size_t room = self->limits->head_bytes + body + S_READ_AHEAD;
    return self->in.size < room && self->out.size < GW_HTTP_OUT; /* what comes after the end is dropped */
}

bool gw_http_receiving(const gw_http_t *self)
{
    return (self->state == GW_HTTP_S_HEAD && self->in.size > 0) || self->state == GW_HTTP_S_LENGTH ||
           self->state == GW_HTTP_S_CHUNKED || self->state == GW_HTTP_S_WHOLE;
}

bool gw_http_wants_close(const gw_http_t *self)
{
    if (self->out.size)
        return false;
    return self->closing || (self->state == GW_HTTP_S_END && gw_http_outstanding(self) == 0);
}

int64_t gw_http_next_deadline(const gw_http_t *self)
{
    bool served = gw_http_outstanding(self) && s_between(self); /* not idle: its client waits for us */
    return served ? PROTO_NEVER : self->deadline;
}

void gw_http_tick(gw_http_t *self, int64_t now)
{
    if (now < gw_http_next_deadline(self))
        return;
    if (s_in_body(self) && self->way == GW_HTTP_BODY_DROPPED) {
        self->state = GW_HTTP_S_END; /* it was answered */
        self->deadline = PROTO_NEVER;
        return;
    }
    if (!s_between(self)) {
        s_bad(self, PROTO_ERROR_request_timeout, "the request did not arrive in time");
        return;
    }
    self->state = GW_HTTP_S_END;
    self->deadline = PROTO_NEVER;
}

void gw_http_check(const gw_http_t *self)
{
    PROTO_ASSERT(gw_http_outstanding(self) <= GW_HTTP_PIPELINE);
    PROTO_ASSERT(self->header_count <= GW_HTTP_HEADERS);
    PROTO_ASSERT(self->head <= self->in.size);
    PROTO_ASSERT(self->state != GW_HTTP_S_SERVED || self->head > 0);
    PROTO_ASSERT(self->body.size <= self->most && self->piece <= self->length);
    PROTO_ASSERT(self->way != GW_HTTP_BODY_HELD || self->state >= GW_HTTP_S_BAD ||
                 self->length <= self->most);
    PROTO_ASSERT(self->way == GW_HTTP_BODY_WAITS || self->head > 0);
    if (gw_http_outstanding(self) && !self->closing)
        PROTO_ASSERT(!self->slots[self->first % GW_HTTP_PIPELINE].ready);
}

void gw_http_show(const gw_http_t *self, proto_buf_t *out)
{
    proto_buf_printf(out, "state=%s in=%zu out=%zu outstanding=%u served=%u%s\n", s_state_names[self->state],
                     self->in.size, self->out.size, gw_http_outstanding(self), self->first,
                     self->closing ? " closing" : "");
}
