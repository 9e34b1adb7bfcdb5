/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data. Thread: the gateway thread that owns it. */
#include "gw_multipart.h"

#include <strings.h>

#include "proto_value.h"

static int s_refuse(gw_multipart_t *self, const char *why)
{
    self->why = why;
    return -1;
}

static bool s_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool s_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* strchr would find the NUL behind the list. */
static bool s_among(uint8_t c, const char *list)
{
    return c && strchr(list, c);
}

/* RFC 9110 section 5.6.2. */
static bool s_token_char(uint8_t c)
{
    return s_alphanumeric(c) || s_among(c, "!#$%&'*+-.^_`|~");
}

/* RFC 2046 section 5.1.1: bchars. */
static bool s_boundary_char(uint8_t c)
{
    return s_alphanumeric(c) || s_among(c, "'()+_,-./:=? ");
}

static bool s_is(proto_bytes_t text, const char *word)
{
    return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

static proto_bytes_t s_trim(proto_bytes_t text)
{
    while (text.size && s_blank(text.data[0]))
        text = (proto_bytes_t){text.data + 1, text.size - 1};
    while (text.size && s_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Cuts `size` bytes off the front. */
static proto_bytes_t s_cut(proto_bytes_t *text, size_t size)
{
    proto_bytes_t front = {text->data, size};
    *text = (proto_bytes_t){text->data + size, text->size - size};
    return front;
}

/* Cuts a quoted string off the front, without its quotes and with its escapes; false when it does not end. */
static bool s_quoted(proto_bytes_t *text, proto_bytes_t *value)
{
    for (size_t i = 1; i < text->size; i++) {
        if (text->data[i] == '"') {
            *value = (proto_bytes_t){text->data + 1, i - 1};
            (void)s_cut(text, i + 1);
            return true;
        }
        if (text->data[i] == '\\')
            i++; /* whatever is escaped, it ends nothing */
    }
    return false;
}

/* Cuts ";name=value" off the front of `text`, blanks around it included: 1, 0 at the end, -1 when it is none.
 * An unquoted value is made of what `is_char` lets pass. Nothing behind a ; is no parameter (RFC 9110 section
 * 5.6.6). */
static int s_next_parameter(proto_bytes_t *text, bool (*is_char)(uint8_t), proto_bytes_t *name,
                            proto_bytes_t *value)
{
    *text = s_trim(*text);
    if (text->size && text->data[0] != ';')
        return -1;
    while (text->size && text->data[0] == ';') {
        (void)s_cut(text, 1);
        *text = s_trim(*text);
    }
    if (text->size == 0)
        return 0;
    size_t size = 0;
    while (size < text->size && s_token_char(text->data[size]))
        size++;
    *name = s_cut(text, size);
    if (size == 0 || text->size == 0 || text->data[0] != '=')
        return -1;
    (void)s_cut(text, 1);
    if (text->size && text->data[0] == '"')
        return s_quoted(text, value) ? 1 : -1;
    size = 0;
    while (size < text->size && text->data[size] != ' ' && is_char(text->data[size]))
        size++;
    *value = s_cut(text, size);
    return size ? 1 : -1;
}

static bool s_good_boundary(proto_bytes_t boundary)
{
    for (size_t i = 0; i < boundary.size; i++)
        if (!s_boundary_char(boundary.data[i]))
            return false;
    return boundary.size >= 1 && boundary.size <= GW_MULTIPART_BOUNDARY &&
           boundary.data[boundary.size - 1] != ' ';
}

int gw_multipart_begin(gw_multipart_t *self, proto_bytes_t content_type)
{
    proto_bytes_t rest = content_type, name, value;
    const uint8_t *semicolon = rest.size ? memchr(rest.data, ';', rest.size) : NULL;
    (void)s_cut(&rest, semicolon ? (size_t)(semicolon - rest.data) : rest.size);
    self->state = GW_MULTIPART_S_PREAMBLE;
    self->why = NULL;
    self->part = (gw_part_t){0};
    self->delimiter_size = self->parts = 0;
    self->match = 2; /* the first boundary may begin the body */
    for (int rc; (rc = s_next_parameter(&rest, s_boundary_char, &name, &value)) != 0;) {
        if (rc < 0)
            return s_refuse(self, "its Content-Type is malformed");
        if (!s_is(name, "boundary"))
            continue;
        if (self->delimiter_size)
            return s_refuse(self, "its Content-Type has two boundaries");
        if (!s_good_boundary(value))
            return s_refuse(self, "its boundary is malformed");
        memcpy(self->delimiter, "\r\n--", 4);
        memcpy(self->delimiter + 4, value.data, value.size);
        self->delimiter_size = (uint32_t)value.size + 4;
    }
    return self->delimiter_size ? 0 : s_refuse(self, "its Content-Type has no boundary");
}

static int s_disposition(gw_multipart_t *self, proto_bytes_t value)
{
    gw_part_t *part = &self->part;
    proto_bytes_t rest = value, name, text;
    const uint8_t *semicolon = rest.size ? memchr(rest.data, ';', rest.size) : NULL;
    bool named = false;
    if (!s_is(s_trim(s_cut(&rest, semicolon ? (size_t)(semicolon - rest.data) : rest.size)), "form-data"))
        return s_refuse(self, "a part is no form-data");
    for (int rc; (rc = s_next_parameter(&rest, s_token_char, &name, &text)) != 0;) {
        if (rc < 0)
            return s_refuse(self, "a part's Content-Disposition is malformed");
        bool filename = s_is(name, "filename");
        if (!filename && !s_is(name, "name"))
            continue;
        if (filename ? part->has_filename : named)
            return s_refuse(self, filename ? "a part has two filenames" : "a part has two names");
        if (!proto_utf8_valid(text))
            return s_refuse(self, filename ? "a part's filename is not UTF-8" : "a part's name is not UTF-8");
        if (filename)
            part->filename = text;
        else
            part->name = text;
        part->has_filename = part->has_filename || filename;
        named = named || !filename;
    }
    return named ? 0 : s_refuse(self, "a part has no name");
}

static int s_content_type(gw_multipart_t *self, proto_bytes_t value)
{
    if (value.size >= 10 && strncasecmp((const char *)value.data, "multipart/", 10) == 0)
        return s_refuse(self, "a part is multipart itself");
    if (!proto_utf8_valid(value))
        return s_refuse(self, "a part's Content-Type is not UTF-8");
    self->part.content_type = value;
    return 0;
}

static int s_field(gw_multipart_t *self, proto_bytes_t name, proto_bytes_t value)
{
    bool *seen = s_is(name, "content-disposition")         ? &self->disposition
                 : s_is(name, "content-type")              ? &self->type
                 : s_is(name, "content-transfer-encoding") ? &self->encoding
                                                           : NULL;
    if (!seen)
        return 0; /* RFC 7578 section 4.8: others are ignored */
    if (*seen)
        return s_refuse(self, "a part has a header field twice");
    *seen = true;
    if (seen == &self->disposition)
        return s_disposition(self, value);
    if (seen == &self->type)
        return s_content_type(self, value);
    if (!s_is(value, "binary") && !s_is(value, "8bit") && !s_is(value, "7bit"))
        return s_refuse(self, "a part has a Content-Transfer-Encoding");
    return 0;
}

/* Judges one line of a part's head, without its CRLF. */
static int s_judge_line(gw_multipart_t *self, proto_bytes_t line)
{
    size_t size = 0;
    for (size_t i = 0; i < line.size; i++)
        if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
            return s_refuse(self, "a part's header fields hold a control character");
    while (size < line.size && s_token_char(line.data[size]))
        size++;
    if (size == 0 || size == line.size || line.data[size] != ':')
        return s_refuse(self, "a part has a malformed header field");
    proto_bytes_t name = s_cut(&line, size);
    (void)s_cut(&line, 1);
    return s_field(self, name, s_trim(line));
}

/* Bytes at the end of `data` that the delimiter may begin with. */
static size_t s_tail(const gw_multipart_t *self, proto_bytes_t data)
{
    size_t most = self->delimiter_size - 1, from = data.size > most ? data.size - most : 0;
    for (size_t at = from; at < data.size; at++)
        if (data.data[at] == '\r' && memcmp(data.data + at, self->delimiter, data.size - at) == 0)
            return data.size - at;
    return 0;
}

static void s_behind_boundary(gw_multipart_t *self)
{
    self->state = GW_MULTIPART_S_BEHIND;
    self->behind = self->match = 0;
    self->last = self->cr = self->dash = false;
}

/* The delimiter went on in `piece`, or did not: then what looked like it was content, as no other part of it
 * is a CR. True when there is content to be handed out. */
static bool s_go_on(gw_multipart_t *self, proto_bytes_t *piece, proto_bytes_t *data)
{
    size_t left = self->delimiter_size - self->match, size = piece->size < left ? piece->size : left;
    if (memcmp(piece->data, self->delimiter + self->match, size) == 0) {
        (void)s_cut(piece, size);
        self->match += (uint32_t)size;
        return false;
    }
    *data = (proto_bytes_t){self->delimiter + self->skip, self->match - self->skip};
    self->match = self->skip = 0;
    return data->size > 0;
}

/* Steps to the next delimiter. True when there is content to be handed out. */
static bool s_search(gw_multipart_t *self, proto_bytes_t *piece, proto_bytes_t *data)
{
    const uint8_t *found = memmem(piece->data, piece->size, self->delimiter, self->delimiter_size);
    size_t tail = found ? self->delimiter_size : s_tail(self, *piece);
    size_t size = found ? (size_t)(found - piece->data) : piece->size - tail;
    *data = s_cut(piece, size);
    (void)s_cut(piece, tail);
    self->match = (uint32_t)tail;
    self->skip = 0;
    return size > 0;
}

/* Reads preamble or content up to and with the delimiter behind it. */
static gw_multipart_event_t s_read_content(gw_multipart_t *self, proto_bytes_t *piece, proto_bytes_t *data)
{
    bool content = self->state == GW_MULTIPART_S_CONTENT;
    while (self->match < self->delimiter_size) {
        if (piece->size == 0)
            return GW_MULTIPART_MORE;
        bool some = self->match ? s_go_on(self, piece, data) : s_search(self, piece, data);
        if (some && content)
            return GW_MULTIPART_DATA;
    }
    s_behind_boundary(self);
    return content ? GW_MULTIPART_DONE : GW_MULTIPART_MORE;
}

static int s_begin_part(gw_multipart_t *self)
{
    if (self->parts == GW_MULTIPART_PARTS)
        return s_refuse(self, "it has too many parts");
    self->parts++;
    self->part = (gw_part_t){0};
    self->state = GW_MULTIPART_S_HEAD;
    self->head_size = self->line = self->fields = 0;
    self->disposition = self->type = self->encoding = false;
    return 0;
}

/* A byte behind a boundary on its line: "--" for the last one, then blanks, then CRLF. */
static int s_read_behind(gw_multipart_t *self, uint8_t c)
{
    bool first = self->behind++ == 0;
    if (self->cr && c == '\n') {
        self->state = GW_MULTIPART_S_EPILOGUE;
        return self->last ? 0 : s_begin_part(self);
    }
    if (self->cr || (self->dash && c != '-'))
        return s_refuse(self, "something stands behind a boundary");
    if (self->dash) {
        self->dash = false;
        self->last = true;
    } else if (first && c == '-') {
        self->dash = true;
    } else if (c == '\r') {
        self->cr = true;
    } else if (!s_blank(c)) {
        return s_refuse(self, "something stands behind a boundary");
    }
    return 0;
}

/* Whether the line begins with the boundary. It needs not be the whole line: RFC 2046 section 5.1.1 has it
 * that the boundary at the beginning of a line is one. */
static bool s_is_boundary(const gw_multipart_t *self, proto_bytes_t line)
{
    size_t size = self->delimiter_size - 2;
    return line.size >= size && memcmp(line.data, self->delimiter + 2, size) == 0;
}

/* A line of the head is complete. 1 when it was the empty one. */
static int s_end_line(gw_multipart_t *self)
{
    proto_bytes_t line = {self->head + self->line, self->head_size - self->line - 2};
    self->line = self->head_size;
    if (line.size == 0)
        return self->disposition ? 1 : s_refuse(self, "a part has no Content-Disposition");
    if (self->fields++ == GW_MULTIPART_FIELDS)
        return s_refuse(self, "a part has too many header fields");
    if (s_is_boundary(self, line))
        return s_refuse(self, "a boundary stands within a part's header fields");
    return s_judge_line(self, line);
}

/* A byte of a part's header fields or the empty line behind them. 1 at its end. */
static int s_read_head(gw_multipart_t *self, uint8_t c)
{
    self->head[self->head_size++] = c;
    bool ended = c == '\n' && self->head_size - self->line >= 2 && self->head[self->head_size - 2] == '\r';
    int rc = ended ? s_end_line(self) : 0;
    if (rc == 0 && self->head_size == GW_MULTIPART_HEAD)
        return s_refuse(self, "a part's header fields are too long");
    return rc;
}

gw_multipart_event_t gw_multipart_next(gw_multipart_t *self, proto_bytes_t *piece, proto_bytes_t *data)
{
    while (piece->size || self->match == self->delimiter_size) {
        gw_multipart_event_t event;
        int rc = 0;
        switch (self->state) {
        case GW_MULTIPART_S_PREAMBLE:
        case GW_MULTIPART_S_CONTENT:
            event = s_read_content(self, piece, data);
            if (event != GW_MULTIPART_MORE)
                return event;
            break;
        case GW_MULTIPART_S_BEHIND:
            rc = s_read_behind(self, *s_cut(piece, 1).data);
            break;
        case GW_MULTIPART_S_HEAD:
            rc = s_read_head(self, *s_cut(piece, 1).data);
            break;
        case GW_MULTIPART_S_EPILOGUE:
            (void)s_cut(piece, piece->size);
            break;
        }
        if (rc < 0)
            return GW_MULTIPART_BAD;
        if (rc > 0) { /* the empty line's own CRLF may be the delimiter's: then the part has no content */
            self->state = GW_MULTIPART_S_CONTENT;
            self->match = self->skip = 2;
            return GW_MULTIPART_PART;
        }
    }
    return GW_MULTIPART_MORE;
}

int gw_multipart_end(gw_multipart_t *self)
{
    switch (self->state) {
    case GW_MULTIPART_S_PREAMBLE:
        return s_refuse(self, "its boundary is not in it");
    case GW_MULTIPART_S_HEAD:
        return s_refuse(self, "it ends within a part's header fields");
    case GW_MULTIPART_S_CONTENT:
        return s_refuse(self, "it does not end with its boundary");
    case GW_MULTIPART_S_BEHIND:
        if (self->cr || self->dash)
            return s_refuse(self, "something stands behind a boundary");
        return self->last ? 0 : s_refuse(self, "it does not end with its boundary");
    case GW_MULTIPART_S_EPILOGUE:
        break;
    }
    return 0;
}

size_t gw_multipart_pending(const gw_multipart_t *self)
{
    return self->state == GW_MULTIPART_S_CONTENT ? self->match - self->skip : 0;
}

void gw_multipart_unescape(proto_bytes_t text, proto_buf_t *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '\\' && i + 1 < text.size && s_among(text.data[i + 1], "\"\\")) {
            c = text.data[++i];
        } else if (c == '%' && text.size - i >= 3 && text.data[i + 1] == '2' && text.data[i + 2] == '2') {
            c = '"';
            i += 2;
        }
        proto_buf_byte(out, c);
    }
}
