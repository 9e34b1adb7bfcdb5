/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data. Thread: the gateway thread that owns it. */
#include "gw_multipart.h"

#include <strings.h>

#include "proto_value.h"

enum { S_DELIMITER = GW_MULTIPART_BOUNDARY + 4 };

/* A parse under way. */
typedef struct s_parse {
    gw_multipart_t *out;
    proto_bytes_t body;
    size_t at;
    uint8_t delimiter[S_DELIMITER]; /* CRLF "--" boundary */
    size_t delimiter_size;
} s_parse_t;

/* What the Content-Disposition and the other fields of one part have told so far. */
typedef struct s_head {
    bool disposition, type, encoding;
} s_head_t;

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

/* Finds the boundary in the request's Content-Type. */
static int s_boundary(s_parse_t *self, proto_bytes_t content_type)
{
    proto_bytes_t rest = content_type, name, value;
    const uint8_t *semicolon = rest.size ? memchr(rest.data, ';', rest.size) : NULL;
    (void)s_cut(&rest, semicolon ? (size_t)(semicolon - rest.data) : rest.size);
    self->delimiter_size = 0;
    for (int rc; (rc = s_next_parameter(&rest, s_boundary_char, &name, &value)) != 0;) {
        if (rc < 0)
            return s_refuse(self->out, "its Content-Type is malformed");
        if (!s_is(name, "boundary"))
            continue;
        if (self->delimiter_size)
            return s_refuse(self->out, "its Content-Type has two boundaries");
        if (!s_good_boundary(value))
            return s_refuse(self->out, "its boundary is malformed");
        memcpy(self->delimiter, "\r\n--", 4);
        memcpy(self->delimiter + 4, value.data, value.size);
        self->delimiter_size = value.size + 4;
    }
    return self->delimiter_size ? 0 : s_refuse(self->out, "its Content-Type has no boundary");
}

/* Whether the line that begins at `at` begins with the boundary. It needs not be the whole line: RFC 2046
 * section 5.1.1 has it that the boundary at the beginning of a line is one. */
static bool s_at_boundary(const s_parse_t *self, size_t at)
{
    size_t size = self->delimiter_size - 2;
    return self->body.size - at >= size && memcmp(self->body.data + at, self->delimiter + 2, size) == 0;
}

/* Where the next delimiter begins, from `at` on; -1 when there is none. */
static int s_find(const s_parse_t *self, size_t at, size_t *found)
{
    if (at >= self->body.size)
        return -1;
    const uint8_t *place =
        memmem(self->body.data + at, self->body.size - at, self->delimiter, self->delimiter_size);
    if (!place)
        return -1;
    *found = (size_t)(place - self->body.data);
    return 0;
}

/* Steps over what stands behind a boundary on its line. *last tells whether it was the closing one. */
static int s_step_over(s_parse_t *self, bool *last)
{
    const uint8_t *data = self->body.data;
    size_t size = self->body.size, at = self->at;
    *last = size - at >= 2 && data[at] == '-' && data[at + 1] == '-';
    at += *last ? 2 : 0;
    while (at < size && s_blank(data[at]))
        at++;
    if (*last && at == size) {
        self->at = at;
        return 0;
    }
    if (at == size)
        return s_refuse(self->out, "it does not end with its boundary");
    if (size - at < 2 || data[at] != '\r' || data[at + 1] != '\n')
        return s_refuse(self->out, "something stands behind a boundary");
    self->at = at + 2;
    return 0;
}

/* Steps to the first boundary, over the preamble. */
static int s_begin(s_parse_t *self)
{
    size_t found;
    if (s_at_boundary(self, 0)) {
        self->at = self->delimiter_size - 2;
        return 0;
    }
    if (s_find(self, 0, &found) < 0)
        return s_refuse(self->out, "its boundary is not in it");
    self->at = found + self->delimiter_size;
    return 0;
}

static int s_disposition(gw_multipart_t *self, gw_part_t *part, proto_bytes_t value)
{
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

static int s_content_type(gw_multipart_t *self, gw_part_t *part, proto_bytes_t value)
{
    if (value.size >= 10 && strncasecmp((const char *)value.data, "multipart/", 10) == 0)
        return s_refuse(self, "a part is multipart itself");
    if (!proto_utf8_valid(value))
        return s_refuse(self, "a part's Content-Type is not UTF-8");
    part->content_type = value;
    return 0;
}

static int s_field(gw_multipart_t *self, s_head_t *head, gw_part_t *part, proto_bytes_t name,
                   proto_bytes_t value)
{
    bool *seen = s_is(name, "content-disposition")         ? &head->disposition
                 : s_is(name, "content-type")              ? &head->type
                 : s_is(name, "content-transfer-encoding") ? &head->encoding
                                                           : NULL;
    if (!seen)
        return 0; /* RFC 7578 section 4.8: others are ignored */
    if (*seen)
        return s_refuse(self, "a part has a header field twice");
    *seen = true;
    if (seen == &head->disposition)
        return s_disposition(self, part, value);
    if (seen == &head->type)
        return s_content_type(self, part, value);
    if (!s_is(value, "binary") && !s_is(value, "8bit") && !s_is(value, "7bit"))
        return s_refuse(self, "a part has a Content-Transfer-Encoding");
    return 0;
}

/* Judges one line of a part's head, without its CRLF. */
static int s_line(gw_multipart_t *self, s_head_t *head, gw_part_t *part, proto_bytes_t line)
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
    return s_field(self, head, part, name, s_trim(line));
}

/* Reads a part's header fields and the empty line behind them. */
static int s_read_head(s_parse_t *self, gw_part_t *part)
{
    s_head_t head = {0};
    size_t from = self->at;
    for (uint32_t fields = 0;; fields++) {
        size_t left = self->body.size - self->at, room = GW_MULTIPART_HEAD - (self->at - from);
        const uint8_t *line = self->body.data + self->at;
        const uint8_t *end = left ? memmem(line, left < room ? left : room, "\r\n", 2) : NULL;
        if (!end)
            return s_refuse(self->out, left < room ? "it ends within a part's header fields"
                                                   : "a part's header fields are too long");
        self->at += (size_t)(end - line) + 2;
        if (end == line)
            break;
        if (fields == GW_MULTIPART_FIELDS)
            return s_refuse(self->out, "a part has too many header fields");
        if (s_at_boundary(self, (size_t)(line - self->body.data)))
            return s_refuse(self->out, "a boundary stands within a part's header fields");
        if (s_line(self->out, &head, part, (proto_bytes_t){line, (size_t)(end - line)}) < 0)
            return -1;
    }
    return head.disposition ? 0 : s_refuse(self->out, "a part has no Content-Disposition");
}

/* Reads a part up to and with the boundary behind it. */
static int s_read_part(s_parse_t *self)
{
    gw_multipart_t *out = self->out;
    size_t end;
    if (out->count == GW_MULTIPART_PARTS)
        return s_refuse(out, "it has too many parts");
    gw_part_t *part = &out->parts[out->count];
    *part = (gw_part_t){0};
    if (s_read_head(self, part) < 0)
        return -1;
    /* The empty line's own CRLF may be the delimiter's: then the part has no content (RFC 2046's body-part).
     */
    if (s_find(self, self->at - 2, &end) < 0)
        return s_refuse(out, "it does not end with its boundary");
    part->content = (proto_bytes_t){self->body.data + self->at, end < self->at ? 0 : end - self->at};
    self->at = end + self->delimiter_size;
    out->count++;
    return 0;
}

int gw_multipart_parse(gw_multipart_t *self, proto_bytes_t content_type, proto_bytes_t body)
{
    s_parse_t parse = {.out = self, .body = body};
    bool last = false;
    self->count = 0;
    self->why = NULL;
    int rc = s_boundary(&parse, content_type);
    if (rc == 0)
        rc = s_begin(&parse);
    if (rc == 0)
        rc = s_step_over(&parse, &last);
    while (rc == 0 && !last) {
        rc = s_read_part(&parse);
        if (rc == 0)
            rc = s_step_over(&parse, &last);
    }
    if (rc < 0)
        self->count = 0;
    return rc;
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
