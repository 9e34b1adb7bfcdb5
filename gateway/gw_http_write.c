/* SPDX-License-Identifier: MPL-2.0 */
/* Answers in the order of their requests. Thread: the gateway thread that owns it. */
#include "gw_http.h"

static void s_text(proto_buf_t *out, const char *text)
{
    proto_buf_append(out, text, strlen(text));
}

static void s_number(proto_buf_t *out, size_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    proto_buf_append(out, digits + at, sizeof digits - at);
}

static void s_status_line(proto_buf_t *out, int status)
{
    s_text(out, "HTTP/1.1 ");
    s_number(out, (size_t)status);
    proto_buf_byte(out, ' ');
    s_text(out, proto_error_reason(status));
    s_text(out, "\r\n");
}

static void s_write(const gw_http_t *self, const gw_http_slot_t *slot, const gw_http_response_t *response,
                    proto_buf_t *out)
{
    bool bodiless = response->status == 204 || response->status == 304; /* RFC 9110 section 8.6 */
    s_status_line(out, response->status);
    if (self->date[0]) {
        s_text(out, "Date: ");
        s_text(out, self->date);
        s_text(out, "\r\n");
    }
    if (response->content_type) {
        s_text(out, "Content-Type: ");
        s_text(out, response->content_type);
        s_text(out, "\r\n");
    }
    if (!bodiless) {
        s_text(out, "Content-Length: ");
        s_number(out, response->body.size);
        s_text(out, "\r\n");
    }
    proto_buf_append(out, response->extra.data, response->extra.size);
    if (slot->last)
        s_text(out, "Connection: close\r\n");
    else if (slot->old)
        s_text(out, "Connection: keep-alive\r\n");
    s_text(out, "\r\n");
    if (!bodiless && !slot->head)
        proto_buf_append(out, response->body.data, response->body.size);
}

/* Goes on with answers that waited for the one before them. */
static void s_advance(gw_http_t *self, int64_t now)
{
    while (gw_http_outstanding(self) && !self->closing) {
        gw_http_slot_t *slot = &self->slots[self->first % GW_HTTP_PIPELINE];
        if (!slot->ready)
            break;
        proto_buf_append(&self->out, slot->bytes.data, slot->bytes.size);
        if (slot->bytes.capacity > 16384)
            proto_buf_free(&slot->bytes);
        self->closing = slot->last;
        self->first++;
    }
    if (gw_http_outstanding(self) == 0) {
        self->unsafe = false;
        if (self->state == GW_HTTP_S_HEAD && self->in.size == 0)
            self->deadline = now + self->limits->idle_ms;
    }
}

void gw_http_respond(gw_http_t *self, int64_t now, uint32_t sequence, const gw_http_response_t *response)
{
    PROTO_ASSERT(sequence - self->first < gw_http_outstanding(self));
    gw_http_slot_t *slot = &self->slots[sequence % GW_HTTP_PIPELINE];
    PROTO_ASSERT(!slot->ready);
    if (self->closing)
        return;
    bool coming = sequence == self->next - 1 &&
                  (self->state == GW_HTTP_S_LENGTH || self->state == GW_HTTP_S_CHUNKED) &&
                  self->way != GW_HTTP_BODY_WAITS;
    slot->last = slot->close || response->close;
    if (coming && gw_http_drop_body(self, now))
        slot->last = true;
    if (sequence == self->first) {
        s_write(self, slot, response, &self->out);
        self->closing = slot->last;
        self->first++;
        s_advance(self, now);
    } else {
        proto_buf_reset(&slot->bytes);
        s_write(self, slot, response, &slot->bytes);
        slot->ready = true;
    }
}

void gw_http_sent(gw_http_t *self, size_t size)
{
    proto_buf_consume(&self->out, size);
    if (self->out.size == 0 && self->out.capacity > 65536)
        proto_buf_free(&self->out);
}
