/* SPDX-License-Identifier: MPL-2.0 */
/* Judges a request's head: RFC 9112 sections 2 to 6 and RFC 9110 sections 5 to 7, without any leniency that
 * lets two servers read one request differently. http-parser reads it once more; where it disagrees the
 * request is refused. Thread: the gateway thread that owns it. */
#include "gw_http.h"

#include <arpa/inet.h>
#include <http_parser.h>
#include <stdlib.h>
#include <threads.h>

enum { S_METHOD = 32 /* no method is longer */, S_FIRST_HEADERS = 12 };

/* RFC 9110 section 5.6.2: tchar. */
static bool s_is_token(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool s_is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static uint8_t s_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool s_equal_fold(proto_bytes_t text, const char *word)
{
    size_t size = strlen(word);
    if (text.size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (s_lower(text.data[i]) != (uint8_t)word[i])
            return false;
    return true;
}

static proto_error_t s_refuse(gw_http_t *self, proto_error_t error, const char *detail)
{
    self->detail = detail;
    return error;
}

static proto_error_t s_malformed(gw_http_t *self, const char *detail)
{
    return s_refuse(self, PROTO_ERROR_malformed, detail);
}

int gw_http_parse_field(uint8_t *line, size_t size, gw_http_header_t *field)
{
    size_t colon = 0;
    for (; colon < size && s_is_token(line[colon]); colon++)
        line[colon] = s_lower(line[colon]);
    if (colon == 0 || colon == size || line[colon] != ':')
        return -1;
    size_t from = colon + 1, to = size;
    while (from < to && (line[from] == ' ' || line[from] == '\t'))
        line[from++] = ' '; /* http-parser knows no tab there */
    while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
        line[--to] = ' ';
    for (size_t i = from; i < to; i++)
        if ((line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return -1;
    field->name = (proto_bytes_t){line, colon};
    field->value = (proto_bytes_t){line + from, to - from};
    return 0;
}

/* Bytes of the "[IPv6 address]" that `text` begins with (RFC 3986 section 3.2.2); 0 when it is none. Neither
 * zones nor addresses of the future are taken. */
static size_t s_ipv6(proto_bytes_t text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const uint8_t *end = memchr(text.data, ']', text.size);
    size_t size = end ? (size_t)(end - text.data) - 1 : sizeof address;
    if (size >= sizeof address || memchr(text.data, '\0', size + 1))
        return 0;
    memcpy(address, text.data + 1, size);
    address[size] = '\0';
    return inet_pton(AF_INET6, address, &parsed) == 1 ? size + 2 : 0;
}

/* RFC 3986 section 3.2: host and an optional port; no user information. */
static bool s_good_authority(proto_bytes_t text)
{
    size_t at = 0, host;
    if (text.size && text.data[0] == '[') {
        at = s_ipv6(text);
        if (at < text.size && text.data[at] != ':')
            return false;
    } else {
        for (; at < text.size && text.data[at] != ':'; at++) {
            uint8_t c = text.data[at];
            if (c == '%') {
                if (text.size - at < 3 || !s_is_hex(text.data[at + 1]) || !s_is_hex(text.data[at + 2]))
                    return false;
            } else if (c == '#' || c == '^' || c == '`' || c == '|' ||
                       (!s_is_token(c) && !strchr("(),;=", c))) {
                return false;
            }
        }
    }
    host = at;
    if (host == 0 || host > 255)
        return false;
    if (at == text.size)
        return true;
    unsigned port = 0;
    if (text.data[at++] != ':' || text.size - at > 5)
        return false;
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
        port = port * 10 + (unsigned)(text.data[at] - '0');
    }
    return port <= 65535;
}

/* Printable ASCII with well-formed percent-escapes, no fragment. */
static bool s_good_target(proto_bytes_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\')
            return false;
        if (c == '%' && (text.size - i < 3 || !s_is_hex(text.data[i + 1]) || !s_is_hex(text.data[i + 2])))
            return false;
    }
    return true;
}

/* Bytes of scheme and authority of an absolute-form target (RFC 9112 section 3.2.2); 0 when they are
 * malformed. */
static size_t s_absolute(proto_bytes_t target)
{
    size_t scheme = target.size > 8 && s_equal_fold((proto_bytes_t){target.data, 8}, "https://")  ? 8
                    : target.size > 7 && s_equal_fold((proto_bytes_t){target.data, 7}, "http://") ? 7
                                                                                                  : 0;
    size_t end = scheme;
    while (end < target.size && target.data[end] != '/' && target.data[end] != '?')
        end++;
    return scheme && s_good_authority((proto_bytes_t){target.data + scheme, end - scheme}) ? end : 0;
}

static proto_error_t s_take_target(gw_http_t *self, proto_bytes_t target)
{
    if (target.size > GW_HTTP_TARGET)
        return s_refuse(self, PROTO_ERROR_uri_too_long, "the request target is too long");
    if (target.size == 0 || !s_good_target(target))
        return s_malformed(self, "the request target is malformed");
    bool asterisk = proto_bytes_is(target, "*");
    if (asterisk && !proto_bytes_is(self->request.method, "OPTIONS"))
        return s_malformed(self, "only OPTIONS has the target *");
    size_t authority = asterisk || target.data[0] == '/' ? 0 : s_absolute(target);
    if (!asterisk && target.data[0] != '/' && authority == 0)
        return s_malformed(self, "the request target is malformed");
    proto_bytes_t rest = {target.data + authority, target.size - authority};
    const uint8_t *mark = rest.size ? memchr(rest.data, '?', rest.size) : NULL;
    size_t path = mark ? (size_t)(mark - rest.data) : rest.size;
    self->request.query = mark ? (proto_bytes_t){mark + 1, rest.size - path - 1} : (proto_bytes_t){0};
    /* An empty path means the root: the slash that the scheme has will do. */
    self->request.path =
        path ? (proto_bytes_t){rest.data, path} : (proto_bytes_t){memchr(target.data, '/', target.size), 1};
    return PROTO_ERROR_none;
}

static proto_error_t s_take_version(gw_http_t *self, proto_bytes_t text)
{
    if (proto_bytes_is(text, "HTTP/1.1") || proto_bytes_is(text, "HTTP/1.0")) {
        self->old = text.data[7] == '0';
        return PROTO_ERROR_none;
    }
    bool some = text.size == 8 && memcmp(text.data, "HTTP/", 5) == 0 && text.data[5] >= '0' &&
                text.data[5] <= '9' && text.data[6] == '.' && text.data[7] >= '0' && text.data[7] <= '9';
    if (some)
        return s_refuse(self, PROTO_ERROR_version_not_supported,
                        "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return s_malformed(self, "the request line is malformed");
}

/* method SP target SP version, with single blanks. */
static proto_error_t s_request_line(gw_http_t *self, const uint8_t *line, size_t size)
{
    size_t method = 0;
    while (method < size && s_is_token(line[method]))
        method++;
    if (method == 0 || method == size || line[method] != ' ')
        return s_malformed(self, "the request line is malformed");
    const uint8_t *target = line + method + 1;
    size_t left = size - method - 1;
    const uint8_t *blank = memchr(target, ' ', left);
    if (!blank)
        return s_malformed(self, "the request line is malformed");
    self->request.method = (proto_bytes_t){line, method};
    self->is_head = proto_bytes_is(self->request.method, "HEAD");
    self->safe = self->is_head || proto_bytes_is(self->request.method, "GET") ||
                 proto_bytes_is(self->request.method, "OPTIONS");
    proto_error_t error =
        s_take_version(self, (proto_bytes_t){blank + 1, left - (size_t)(blank + 1 - target)});
    if (error)
        return error;
    if (proto_bytes_is(self->request.method, "CONNECT"))
        return s_refuse(self, PROTO_ERROR_not_implemented, "this is no proxy");
    if (method > S_METHOD)
        return s_refuse(self, PROTO_ERROR_not_implemented, "this method is unknown");
    return s_take_target(self, (proto_bytes_t){target, (size_t)(blank - target)});
}

static void s_make_room(gw_http_t *self)
{
    uint32_t room = self->header_room ? self->header_room * 2 : S_FIRST_HEADERS;
    self->header_room = room < GW_HTTP_HEADERS ? room : GW_HTTP_HEADERS;
    self->headers = realloc(self->headers, self->header_room * sizeof *self->headers);
    PROTO_ASSERT(self->headers != NULL);
}

static proto_error_t s_fields(gw_http_t *self, uint8_t *at, uint8_t *end)
{
    self->header_count = 0;
    while (at < end) {
        uint8_t *line_end = memchr(at, '\r', (size_t)(end - at));
        if (self->header_count == GW_HTTP_HEADERS)
            return s_refuse(self, PROTO_ERROR_headers_too_large, "there are too many header fields");
        if (self->header_count == self->header_room)
            s_make_room(self);
        if (gw_http_parse_field(at, (size_t)(line_end - at), &self->headers[self->header_count]) < 0)
            return s_malformed(self, "a header field is malformed");
        self->header_count++;
        at = line_end + 2;
    }
    return PROTO_ERROR_none;
}

/* What the fields that frame a message say; counts, so that a doubled one is seen. */
typedef struct s_framing {
    uint32_t hosts, lengths, encodings;
    proto_bytes_t host, length, encoding;
    bool close, keep_alive;
    bool expects, unknown; /* something; something other than 100-continue */
} s_framing_t;

static void s_connection(s_framing_t *framing, proto_bytes_t list)
{
    size_t at = 0;
    while (at < list.size) {
        size_t end = at;
        while (end < list.size && list.data[end] != ',')
            end++;
        size_t from = at, to = end;
        while (from < to && (list.data[from] == ' ' || list.data[from] == '\t'))
            from++;
        while (to > from && (list.data[to - 1] == ' ' || list.data[to - 1] == '\t'))
            to--;
        proto_bytes_t option = {list.data + from, to - from};
        framing->close = framing->close || s_equal_fold(option, "close");
        framing->keep_alive = framing->keep_alive || s_equal_fold(option, "keep-alive");
        at = end + 1;
    }
}

static void s_collect(const gw_http_t *self, s_framing_t *framing)
{
    for (uint32_t i = 0; i < self->header_count; i++) {
        const gw_http_header_t *field = &self->headers[i];
        if (proto_bytes_is(field->name, "host")) {
            framing->host = field->value;
            framing->hosts++;
        } else if (proto_bytes_is(field->name, "content-length")) {
            framing->length = field->value;
            framing->lengths++;
        } else if (proto_bytes_is(field->name, "transfer-encoding")) {
            framing->encoding = field->value;
            framing->encodings++;
        } else if (proto_bytes_is(field->name, "expect")) {
            framing->expects = true;
            framing->unknown = framing->unknown || !s_equal_fold(field->value, "100-continue");
        } else if (proto_bytes_is(field->name, "connection")) {
            s_connection(framing, field->value);
        }
    }
}

static proto_error_t s_take_length(gw_http_t *self, proto_bytes_t text)
{
    size_t length = 0;
    if (text.size == 0)
        return s_malformed(self, "Content-Length is malformed");
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return s_malformed(self, "Content-Length is malformed");
    for (size_t i = 0; i < text.size; i++) {
        length = length * 10 + (size_t)(text.data[i] - '0');
        if (length > UINT32_MAX) /* nobody takes so much; how much is taken the shell says */
            return s_refuse(self, PROTO_ERROR_too_large, "the body is too large");
    }
    self->length = length;
    self->state = length ? GW_HTTP_S_LENGTH : GW_HTTP_S_WHOLE;
    return PROTO_ERROR_none;
}

/* Whether the last of a list of codings is one other than chunked: then nobody can tell where the body ends,
 * which is 400 even if the coding is unknown (RFC 9112 section 6.3). */
static bool s_ends_otherwise(proto_bytes_t list)
{
    const uint8_t *comma = list.size ? memrchr(list.data, ',', list.size) : NULL;
    size_t from = comma ? (size_t)(comma - list.data) + 1 : 0;
    while (from < list.size && (list.data[from] == ' ' || list.data[from] == '\t'))
        from++;
    return !s_equal_fold((proto_bytes_t){list.data + from, list.size - from}, "chunked");
}

/* RFC 9112 section 6: which body follows. */
static proto_error_t s_take_framing(gw_http_t *self, const s_framing_t *framing)
{
    self->state = GW_HTTP_S_WHOLE;
    self->length = 0;
    if (framing->encodings && (framing->lengths || self->old || framing->encodings > 1))
        return s_malformed(self, "Transfer-Encoding stands where it must not");
    if (framing->lengths > 1)
        return s_malformed(self, "there is more than one Content-Length");
    if (framing->encodings && s_ends_otherwise(framing->encoding))
        return s_malformed(self, "chunked must be the last transfer coding");
    if (framing->encodings && !s_equal_fold(framing->encoding, "chunked"))
        return s_refuse(self, PROTO_ERROR_not_implemented, "of transfer codings only chunked is known");
    if (framing->encodings) {
        self->state = GW_HTTP_S_CHUNKED;
        self->part = GW_HTTP_CHUNK_SIZE;
        self->extra = 0;
    }
    return framing->lengths ? s_take_length(self, framing->length) : PROTO_ERROR_none;
}

static proto_error_t s_take_fields(gw_http_t *self)
{
    s_framing_t framing = {0};
    s_collect(self, &framing);
    if (framing.hosts > 1 || (framing.hosts == 0 && !self->old))
        return s_malformed(self, "a request has exactly one Host");
    if (framing.hosts && !s_good_authority(framing.host))
        return s_malformed(self, "Host is malformed");
    proto_error_t error = s_take_framing(self, &framing);
    if (error)
        return error;
    self->close = framing.close || (self->old && !framing.keep_alive);
    if (framing.unknown && !self->old)
        return s_refuse(self, PROTO_ERROR_expectation_failed, "of expectations only 100-continue is known");
    self->continue_due = framing.expects && !self->old && self->state != GW_HTTP_S_WHOLE;
    return PROTO_ERROR_none;
}

/* http-parser stops here: with 2 it takes neither a body nor a further request for granted. */
static int s_headers_complete(http_parser *parser)
{
    *(bool *)parser->data = true;
    return 2;
}

/* How large a head may be is judged before; http-parser's own limit is lower than the configuration's. */
static void s_set_up(void)
{
    http_parser_set_max_header_size(UINT32_MAX);
}

static proto_error_t s_second_opinion(gw_http_t *self)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, s_set_up);
    static const http_parser_settings settings = {.on_headers_complete = s_headers_complete};
    http_parser parser;
    bool complete = false;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &complete;
    size_t read = http_parser_execute(&parser, &settings, (const char *)self->in.data, self->head);
    enum http_errno error = HTTP_PARSER_ERRNO(&parser);
    if (error == HPE_INVALID_METHOD)
        return s_refuse(self, PROTO_ERROR_not_implemented, "this method is unknown");
    bool chunked = parser.flags & F_CHUNKED;
    bool agrees =
        chunked == (self->state == GW_HTTP_S_CHUNKED) &&
        (parser.content_length == self->length || (self->length == 0 && parser.content_length == UINT64_MAX));
    if (error != HPE_OK || !complete || read < self->head || !agrees)
        return s_malformed(self, "the head is malformed");
    return PROTO_ERROR_none;
}

proto_error_t gw_http_parse_head(gw_http_t *self)
{
    uint8_t *line_end = memchr(self->in.data, '\r', self->head);
    self->request = (gw_http_request_t){0};
    proto_error_t error = s_request_line(self, self->in.data, (size_t)(line_end - self->in.data));
    if (!error)
        error = s_fields(self, line_end + 2, self->in.data + self->head - 2);
    if (!error)
        error = s_take_fields(self);
    return error ? error : s_second_opinion(self);
}
