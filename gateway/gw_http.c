/* SPDX-License-Identifier: MPL-2.0 */
/* The state of one connection: input, requests, deadlines. Thread: the gateway thread that owns it. */
#include "gw_http.h"

#include "proto_clock.h"

static const char *const s_state_names[] = {"head", "length", "chunked", "whole", "served", "end"};

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
}

uint32_t gw_http_outstanding(const gw_http_t *self)
{
    return self->next - self->first;
}

static gw_http_result_t s_bad(gw_http_t *self, proto_error_t error, const char *detail)
{
    self->state = GW_HTTP_S_END;
    self->deadline = PROTO_NEVER;
    self->error = error;
    self->detail = detail;
    return GW_HTTP_BAD;
}

void gw_http_input(gw_http_t *self, int64_t now, const void *bytes, size_t size)
{
    if (self->state == GW_HTTP_S_END || size == 0)
        return;
    bool first = self->state == GW_HTTP_S_SERVED || (self->state == GW_HTTP_S_HEAD && self->in.size == 0);
    if (first && self->next > 0) /* the first head's time runs from the accept */
        self->deadline = now + self->limits->head_ms;
    proto_buf_append(&self->in, bytes, size);
}

/* Gives big buffers of an idle connection back. */
static void s_shrink(proto_buf_t *buf)
{
    if (buf->size == 0 && buf->capacity > 16384)
        proto_buf_free(buf);
}

/* Drops the request handed out last and begins the next. */
static void s_begin(gw_http_t *self, int64_t now)
{
    bool chunked = self->request.body.size && self->request.body.data == self->body.data;
    size_t used = self->scan > self->head + self->length ? self->scan : self->head + self->length;
    proto_buf_consume(&self->in, used);
    if (chunked || self->body.size)
        proto_buf_reset(&self->body);
    s_shrink(&self->in);
    s_shrink(&self->body);
    self->state = self->close ? GW_HTTP_S_END : GW_HTTP_S_HEAD;
    self->scan = self->head = self->length = 0;
    self->empty_lines = 0;
    self->deadline = self->state == GW_HTTP_S_END ? PROTO_NEVER
                     : self->in.size              ? now + self->limits->head_ms
                                                  : now + self->limits->idle_ms;
}

/* The request line's end has not come: is it the target that is too long, or is the whole too large? */
static gw_http_result_t s_too_large(gw_http_t *self)
{
    if (!memchr(self->in.data, '\n', self->scan))
        return s_bad(self, PROTO_ERROR_uri_too_long, "the request line is too long");
    return s_bad(self, PROTO_ERROR_headers_too_large, "the header fields are too large");
}

/* Looks for the empty line that ends the head, refusing bare CR and bare LF on the way. 1 found, 0 not yet, -1 bad. */
static int s_find_head(gw_http_t *self)
{
    const uint8_t *data = self->in.data;
    for (; self->scan < self->in.size; self->scan++) {
        uint8_t c = data[self->scan];
        if (c != '\n' && c != '\r')
            continue;
        if (c == '\r') {
            if (self->scan + 1 == self->in.size)
                return 0; /* its LF may be next */
            if (data[self->scan + 1] != '\n')
                return -1;
            continue;
        }
        if (self->scan == 0 || data[self->scan - 1] != '\r')
            return -1;
        if (self->scan == 1) { /* an empty line before the request */
            if (++self->empty_lines > GW_HTTP_EMPTY_LINES)
                return -1;
            proto_buf_consume(&self->in, 2);
            self->scan = (size_t)-1;
            data = self->in.data;
            continue;
        }
        if (self->scan >= 3 && data[self->scan - 2] == '\n') {
            self->head = ++self->scan;
            return 1;
        }
    }
    return 0;
}

/* Whether the request under way may be handed out: RFC 9112 section 9.3.2 lets a server work on safe methods in
 * parallel, but not beside others. */
static bool s_may_start(const gw_http_t *self)
{
    uint32_t outstanding = gw_http_outstanding(self);
    if (outstanding == 0)
        return self->out.size < GW_HTTP_OUT;
    return self->safe && !self->unsafe && outstanding < GW_HTTP_PIPELINE && self->out.size < GW_HTTP_OUT;
}

static void s_continue(gw_http_t *self)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!self->continue_due || gw_http_outstanding(self))
        return;
    self->continue_due = false;
    if (self->in.size == self->head) /* a client that sends its body anyway needs no leave */
        proto_buf_append(&self->out, text, sizeof text - 1);
}

/* Moves on from a head that is whole. */
static gw_http_result_t s_take_head(gw_http_t *self, int64_t now)
{
    proto_error_t error = gw_http_parse_head(self);
    if (error)
        return s_bad(self, error, self->detail);
    if (self->state == GW_HTTP_S_WHOLE)
        self->deadline = PROTO_NEVER;
    else
        self->deadline = now + self->limits->body_ms;
    return GW_HTTP_NOTHING;
}

static gw_http_result_t s_read_head(gw_http_t *self, int64_t now)
{
    int found = s_find_head(self);
    if (found < 0)
        return s_bad(self, PROTO_ERROR_malformed, "a line must end with CR and LF");
    if (self->scan > self->limits->head_bytes)
        return s_too_large(self);
    return found ? s_take_head(self, now) : GW_HTTP_NOTHING;
}

static gw_http_result_t s_read_body(gw_http_t *self)
{
    int done = 0;
    s_continue(self);
    if (self->state == GW_HTTP_S_LENGTH)
        done = self->in.size - self->head >= self->length;
    else
        done = gw_http_parse_chunks(self);
    if (done < 0)
        return s_bad(self, self->error, self->detail);
    if (done) {
        self->request.body = self->state == GW_HTTP_S_LENGTH
                                 ? (proto_bytes_t){self->in.data + self->head, self->length}
                                 : proto_buf_bytes(&self->body);
        self->state = GW_HTTP_S_WHOLE;
        self->deadline = PROTO_NEVER;
    }
    return GW_HTTP_NOTHING;
}

/* Input may have moved `in` while the request was held back, so what points into it is put right. */
static void s_rebase(gw_http_t *self, const uint8_t *old)
{
    const uint8_t *now = self->in.data;
    proto_bytes_t *parts[] = {&self->request.method, &self->request.path, &self->request.query};
    for (int i = 0; i < 3; i++)
        if (parts[i]->size)
            parts[i]->data = now + (parts[i]->data - old);
    for (uint32_t i = 0; i < self->header_count; i++) {
        self->headers[i].name.data = now + (self->headers[i].name.data - old);
        self->headers[i].value.data = now + (self->headers[i].value.data - old);
    }
}

static gw_http_result_t s_hand_out(gw_http_t *self, gw_http_request_t *request)
{
    if (!s_may_start(self))
        return GW_HTTP_NOTHING;
    if (self->request.headers != self->headers || (const uint8_t *)self->detail != self->in.data)
        s_rebase(self, (const uint8_t *)self->detail);
    self->detail = NULL;
    gw_http_slot_t *slot = &self->slots[self->next % GW_HTTP_PIPELINE];
    slot->head = self->is_head;
    slot->close = self->close;
    slot->old = self->old;
    slot->ready = slot->last = false;
    self->unsafe = self->unsafe || !self->safe;
    self->request.sequence = self->next++;
    *request = self->request;
    self->state = GW_HTTP_S_SERVED;
    return GW_HTTP_REQUEST;
}

/* Gives the bad request its place in the order of answers. */
static gw_http_result_t s_hand_out_bad(gw_http_t *self, gw_http_request_t *request)
{
    gw_http_slot_t *slot = &self->slots[self->next % GW_HTTP_PIPELINE];
    *request = (gw_http_request_t){.sequence = self->next++};
    slot->head = slot->old = slot->ready = slot->last = false;
    slot->close = true;
    self->error = PROTO_ERROR_none == self->error ? PROTO_ERROR_malformed : self->error;
    return GW_HTTP_BAD;
}
