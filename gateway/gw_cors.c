/* SPDX-License-Identifier: MPL-2.0 */
/* CORS. Thread: any. */
#include "gw_cors.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* What a client of this API may have to send, in lower case. */
static const char *const s_headers[] = {
    "accept",       "accept-language", "authorization", "content-language",
    "content-type", "idempotency-key", "if-none-match", "prefer",
    "traceparent",  "tracestate",      "x-request-id",  "x-request-timeout",
};

static bool s_good_port(const char *text)
{
    if (strcmp(text, "*") == 0)
        return true;
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= 65535;
}

/* SCHEME://HOST[:PORT], the host a name, an IPv4 address or an [IPv6 address]. */
static bool s_good_origin(const char *text)
{
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0)
        return false;
    const char *host = text + scheme + 3;
    size_t size =
        *host == '[' ? strcspn(host, "]") + 1 : strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
    if (size == 0 || size > strlen(host) ||
        (*host == '[' && (size < 4 || strspn(host + 1, "0123456789abcdef:.") != size - 2)))
        return false;
    return host[size] == '\0' || (host[size] == ':' && s_good_port(host + size + 1));
}

static int s_add(gw_cors_t *self, char *text, proto_buf_t *why)
{
    size_t size = strcspn(text, " \t");
    if (text[size + strspn(text + size, " \t")])
        size = strlen(text); /* a blank inside: told below */
    else
        text[size] = '\0';
    for (char *at = text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (strcmp(text, "*") == 0) {
        self->any = true;
        return 0;
    }
    if (!s_good_origin(text)) {
        proto_buf_printf(why, "%s is no origin, as https://app.example or http://localhost:3000", text);
        return -1;
    }
    if (self->count == GW_CORS_ORIGINS) {
        proto_buf_printf(why, "there are more than %d origins", GW_CORS_ORIGINS);
        return -1;
    }
    self->origins[self->count++] = (proto_bytes_t){(const uint8_t *)text, size};
    return 0;
}

int gw_cors_parse(gw_cors_t *self, const char *text, proto_buf_t *why)
{
    *self = (gw_cors_t){0};
    if (strcmp(text, "none") == 0)
        return 0;
    self->text = strdup(text);
    PROTO_ASSERT(self->text != NULL);
    char *rest = self->text;
    for (char *item; (item = strsep(&rest, ","));) {
        item += strspn(item, " \t");
        if (*item && s_add(self, item, why) < 0)
            return -1;
    }
    return 0;
}

void gw_cors_free(gw_cors_t *self)
{
    free(self->text);
    *self = (gw_cors_t){0};
}

/* "http://localhost:*" is http://localhost at any port, the scheme's own included, which browsers leave out.
 */
static bool s_same(proto_bytes_t allowed, proto_bytes_t origin)
{
    if (allowed.size < 2 || memcmp(allowed.data + allowed.size - 2, ":*", 2) != 0)
        return proto_bytes_equal(allowed, origin);
    size_t size = allowed.size - 2;
    if (origin.size < size || memcmp(origin.data, allowed.data, size) != 0)
        return false;
    if (origin.size == size)
        return true;
    size_t digits = size + 1;
    while (digits < origin.size && isdigit(origin.data[digits]))
        digits++;
    return origin.data[size] == ':' && digits > size + 1 && digits == origin.size;
}

bool gw_cors_allows(const gw_cors_t *self, proto_bytes_t origin)
{
    if (origin.size == 0 || self->any)
        return origin.size > 0;
    for (uint32_t i = 0; i < self->count; i++)
        if (s_same(self->origins[i], origin))
            return true;
    return false;
}

static void s_origin(const gw_cors_t *self, proto_bytes_t origin, proto_buf_t *out)
{
    if (self->any) {
        proto_buf_string(out, "Access-Control-Allow-Origin: *\r\n");
    } else {
        proto_buf_string(out, "Access-Control-Allow-Origin: ");
        proto_buf_append(out, origin.data, origin.size);
        proto_buf_string(out, "\r\n");
    }
}

/* With a list the answer depends on who asks, so caches must know, also when nobody's origin was sent. */
void gw_cors_answer(const gw_cors_t *self, proto_bytes_t origin, proto_buf_t *out)
{
    if (self->count && !self->any)
        proto_buf_string(out, "Vary: Origin\r\n");
    if (!gw_cors_allows(self, origin))
        return;
    s_origin(self, origin, out);
    proto_buf_string(
        out, "Access-Control-Expose-Headers: X-Request-ID, Location, Link, ETag, Retry-After, "
             "Idempotency-Replayed, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, "
             "RateLimit-Policy\r\n");
}

static bool s_known_header(proto_bytes_t name)
{
    for (size_t i = 0; i < sizeof s_headers / sizeof *s_headers; i++)
        if (strlen(s_headers[i]) == name.size &&
            strncasecmp(s_headers[i], (const char *)name.data, name.size) == 0)
            return true;
    return false;
}

/* Whether the operation has a parameter of that header field: _ in its name stands for -. */
static bool s_is_parameter(const proto_operation_t *operation, proto_bytes_t name)
{
    for (uint32_t i = 0; operation && i < operation->param_count; i++) {
        const char *known = operation->params[i].name;
        if (operation->params[i].source != PROTO_SOURCE_HEADER || strlen(known) != name.size)
            continue;
        size_t at = 0;
        while (at < name.size &&
               tolower(name.data[at]) == (known[at] == '_' ? '-' : tolower((uint8_t)known[at])))
            at++;
        if (at == name.size)
            return true;
    }
    return false;
}

static void s_allow_headers(proto_bytes_t wanted, const proto_operation_t *operation, proto_buf_t *out)
{
    size_t start = out->size, at = 0;
    while (at < wanted.size && out->size - start < GW_CORS_HEADERS) {
        size_t end = at;
        while (end < wanted.size && wanted.data[end] != ',' && wanted.data[end] != ' ')
            end++;
        proto_bytes_t name = {wanted.data + at, end - at};
        at = end + 1;
        if (!name.size || (!s_known_header(name) && !s_is_parameter(operation, name)))
            continue;
        proto_buf_string(out, out->size == start ? "Access-Control-Allow-Headers: " : ", ");
        proto_buf_append(out, name.data, name.size);
    }
    if (out->size > start)
        proto_buf_string(out, "\r\n");
}

void gw_cors_preflight(const gw_cors_t *self, proto_bytes_t origin, const char *methods, proto_bytes_t wanted,
                       const proto_operation_t *operation, proto_buf_t *out)
{
    if (self->count || self->any)
        proto_buf_string(out,
                         "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n");
    if (!gw_cors_allows(self, origin))
        return;
    s_origin(self, origin, out);
    proto_buf_printf(out, "Access-Control-Allow-Methods: %s\r\n", methods);
    s_allow_headers(wanted, operation, out);
    proto_buf_string(out, "Access-Control-Max-Age: 600\r\n");
}
