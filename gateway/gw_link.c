/* SPDX-License-Identifier: MPL-2.0 */
/* Links between pages. Thread: any. */
#include "gw_link.h"

#include "gw_endpoint.h"

/* As it came, but for what ends the link or the header line. The path and query are checked for
 * percent-escapes when they are read, not for these. */
static void s_append(proto_bytes_t text, proto_buf_t *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
            proto_buf_printf(out, "%%%02X", c);
        else
            proto_buf_byte(out, c);
    }
}

/* Whether "name=value" names the cursor, however it is escaped: the binder takes it for the cursor, too. */
static bool s_is_cursor(proto_bytes_t pair)
{
    const uint8_t *equals = pair.size ? memchr(pair.data, '=', pair.size) : NULL;
    proto_bytes_t name = {pair.data, equals ? (size_t)(equals - pair.data) : pair.size};
    if (!name.size || !memchr(name.data, '%', name.size))
        return proto_bytes_is(name, "cursor");
    proto_buf_t decoded = PROTO_BUF_INIT;
    bool is =
        gw_percent_decode(name, true, &decoded) == 0 && proto_bytes_is(proto_buf_bytes(&decoded), "cursor");
    proto_buf_free(&decoded);
    return is;
}

/* The parameters but the cursor, each with its separator; the separator that comes next. */
static char s_others(proto_bytes_t query, proto_buf_t *out)
{
    char separator = '?';
    while (query.size) {
        const uint8_t *end = memchr(query.data, '&', query.size);
        proto_bytes_t pair = {query.data, end ? (size_t)(end - query.data) : query.size};
        if (pair.size && !s_is_cursor(pair)) {
            proto_buf_byte(out, (uint8_t)separator);
            s_append(pair, out);
            separator = '&';
        }
        size_t used = pair.size + (end ? 1 : 0);
        query = (proto_bytes_t){query.data + used, query.size - used};
    }
    return separator;
}

void gw_link_next(proto_bytes_t target, proto_bytes_t cursor, proto_buf_t *out)
{
    const uint8_t *mark = target.size ? memchr(target.data, '?', target.size) : NULL;
    proto_bytes_t path = {target.data, mark ? (size_t)(mark - target.data) : target.size};
    proto_bytes_t query = {mark ? mark + 1 : target.data, mark ? target.size - path.size - 1 : 0};
    proto_buf_string(out, "Link: <");
    if (path.size > 1 && path.data[1] == '/') /* "//host" would name another server */
        proto_buf_string(out, "/.");
    s_append(path, out);
    proto_buf_byte(out, (uint8_t)s_others(query, out));
    proto_buf_string(out, "cursor=");
    gw_percent_encode(cursor, out);
    proto_buf_string(out, ">; rel=\"next\"\r\n");
}
