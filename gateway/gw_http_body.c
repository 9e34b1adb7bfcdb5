/* SPDX-License-Identifier: MPL-2.0 */
/* Chunked bodies (RFC 9112 section 7.1), strictly: sizes of 1 to 8 hexadecimal digits with nothing around
 * them but a chunk extension, CRLF where it belongs. Extensions and trailer fields are checked, bounded and
 * dropped. Thread: the gateway thread that owns it. */
#include "gw_http.h"

enum { S_DIGITS = 8, S_EXTRA_BYTES = 4096 /* extensions and trailer fields of a body together */ };

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

/* What may stand behind a chunk's size: nothing, or an extension (RFC 9112 section 7.1.1), which nobody here
 * knows. */
static bool s_good_extension(const uint8_t *text, size_t size)
{
    bool named = false;
    for (size_t i = 0; i < size; i++) {
        if ((text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
        named = named || (i > 0 && text[i] > 0x20);
    }
    return size == 0 || (text[0] == ';' && named);
}

static int s_size(gw_http_t *self, size_t *at)
{
    size_t line = 0, digits = 0, size = 0;
    int rc = s_line(self, *at, S_DIGITS + S_EXTRA_BYTES - self->extra, &line);
    if (rc == 0)
        return 0;
    const uint8_t *text = self->in.data + *at;
    for (; rc > 0 && digits < line && digits < S_DIGITS && s_hex(text[digits]) >= 0; digits++)
        size = size * 16 + (size_t)s_hex(text[digits]);
    if (rc < 0 || digits == 0 || line - digits > S_EXTRA_BYTES - self->extra ||
        !s_good_extension(text + digits, line - digits))
        return s_refuse(self, PROTO_ERROR_malformed, "a chunk's size is malformed");
    if (size > self->most - self->came)
        return s_refuse(self, PROTO_ERROR_too_large, "the body is too large");
    self->extra += (uint32_t)(line - digits);
    self->came += size;
    *at += line + 2;
    self->chunk = size;
    self->part = size ? GW_HTTP_CHUNK_DATA : GW_HTTP_CHUNK_TRAILER;
    return 1;
}

static int s_data(gw_http_t *self, size_t *at)
{
    size_t there = self->in.size - *at;
    size_t take = there < self->chunk ? there : self->chunk;
    if (self->way != GW_HTTP_BODY_DROPPED)
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

/* A field, or the empty line that ends the body. */
static int s_trailer(gw_http_t *self, size_t *at)
{
    size_t size = 0;
    gw_http_header_t field;
    int rc = s_line(self, *at, S_EXTRA_BYTES - self->extra, &size);
    if (rc == 0)
        return 0;
    if (rc < 0)
        return s_refuse(self, PROTO_ERROR_malformed, "the trailer section is malformed or too large");
    if (size && gw_http_parse_field(self->in.data + *at, size, &field) < 0)
        return s_refuse(self, PROTO_ERROR_malformed, "a trailer field is malformed");
    *at += size + 2;
    self->extra += (uint32_t)size;
    if (size == 0)
        self->part = GW_HTTP_CHUNK_DONE;
    return 1;
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
        case GW_HTTP_CHUNK_DONE:
            rc = 2;
            break;
        }
    }
    /* What is decoded goes at once, so that `in` stays as small as one read. */
    memmove(self->in.data + self->head, self->in.data + at, self->in.size - at);
    self->in.size -= at - self->head;
    return rc < 0 ? -1 : rc == 2;
}
