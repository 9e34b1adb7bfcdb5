/* SPDX-License-Identifier: MPL-2.0 */
/* Chunked bodies (RFC 9112 section 7.1), strictly: sizes of 1 to 8 hexadecimal digits without anything around
 * them, CRLF where it belongs, no chunk extensions (nobody uses them but smugglers), trailer fields checked
 * and dropped. Thread: the gateway thread that owns it. */
#include "gw_http.h"

enum { S_SIZE_LINE = 10, S_TRAILER_BYTES = 4096 };

static int s_refuse(gw_http_t *self, proto_error_t error, const char *detail)
{
    self->error = error;
    self->detail = detail;
    return -1;
}

/* A line that begins at `from`: 1 with its size, CRLF not counted; 0 when its end has not come; -1 when it is
 * longer than `most` or has a bare CR or LF. */
static int s_line(const gw_http_t *self, size_t from, size_t most, size_t *size)
{
    const uint8_t *line = self->in.data + from;
    size_t there = self->in.size - from;
    for (size_t i = 0; i < there && i <= most; i++) {
        if (line[i] == '\n')
            return -1;
        if (line[i] != '\r')
            continue;
        if (i + 1 == there)
            return 0;
        *size = i;
        return line[i + 1] == '\n' ? 1 : -1;
    }
    return there > most ? -1 : 0;
}

static int s_hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int s_size(gw_http_t *self, size_t *at)
{
    size_t digits = 0;
    int rc = s_line(self, *at, S_SIZE_LINE, &digits);
    if (rc == 0)
        return 0;
    size_t size = 0;
    for (size_t i = 0; rc > 0 && i < digits; i++) {
        int digit = s_hex(self->in.data[*at + i]);
        if (digit < 0)
            rc = -1;
        else
            size = size * 16 + (size_t)digit;
    }
    if (rc < 0 || digits == 0 || digits > 8)
        return s_refuse(self, PROTO_ERROR_malformed, "a chunk's size is malformed");
    if (size > self->limits->body_bytes - self->body.size)
        return s_refuse(self, PROTO_ERROR_too_large, "the body is too large");
    *at += digits + 2;
    self->chunk = size;
    self->part = size ? GW_HTTP_CHUNK_DATA : GW_HTTP_CHUNK_TRAILER;
    return 1;
}

static int s_data(gw_http_t *self, size_t *at)
{
    size_t there = self->in.size - *at;
    size_t take = there < self->chunk ? there : self->chunk;
    proto_buf_append(&self->body, self->in.data + *at, take);
    *at += take;
    self->chunk -= take;
    if (self->chunk)
        return 0;
    self->part = GW_HTTP_CHUNK_END;
    return 1;
}

static int s_end(gw_http_t *self, size_t *at)
{
    size_t there = self->in.size - *at;
    const uint8_t *data = self->in.data + *at;
    if ((there > 0 && data[0] != '\r') || (there > 1 && data[1] != '\n'))
        return s_refuse(self, PROTO_ERROR_malformed, "a chunk is longer than its size");
    if (there < 2)
        return 0;
    *at += 2;
    self->part = GW_HTTP_CHUNK_SIZE;
    return 1;
}

/* 2 at the empty line that ends the body. */
static int s_trailer(gw_http_t *self, size_t *at)
{
    size_t size = 0;
    gw_http_header_t field;
    int rc = s_line(self, *at, S_TRAILER_BYTES - self->trailers, &size);
    if (rc == 0)
        return 0;
    if (rc < 0)
        return s_refuse(self, PROTO_ERROR_malformed, "the trailer section is malformed or too large");
    if (size && gw_http_parse_field(self->in.data + *at, size, &field) < 0)
        return s_refuse(self, PROTO_ERROR_malformed, "a trailer field is malformed");
    *at += size + 2;
    self->trailers += (uint32_t)size;
    return size ? 1 : 2;
}

int gw_http_parse_chunks(gw_http_t *self)
{
    size_t at = self->head;
    int rc = 1;
    while (rc == 1) {
        switch (self->part) {
        case GW_HTTP_CHUNK_SIZE:
            rc = s_size(self, &at);
            break;
        case GW_HTTP_CHUNK_DATA:
            rc = s_data(self, &at);
            break;
        case GW_HTTP_CHUNK_END:
            rc = s_end(self, &at);
            break;
        case GW_HTTP_CHUNK_TRAILER:
            rc = s_trailer(self, &at);
            break;
        }
    }
    /* What is decoded goes at once, so that `in` stays as small as one read. */
    memmove(self->in.data + self->head, self->in.data + at, self->in.size - at);
    self->in.size -= at - self->head;
    return rc < 0 ? -1 : rc == 2;
}
