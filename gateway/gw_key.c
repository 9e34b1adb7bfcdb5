/* SPDX-License-Identifier: MPL-2.0 */
/* Idempotency-Key. Thread: the gateway's. */
#include "gw_key.h"

/* "a\"b" (RFC 8941 section 3.3.3), without parameters behind it. */
static bool s_quoted(proto_bytes_t text, proto_buf_t *out)
{
    size_t end = text.size - 1;
    if (end < 1 || text.data[end] != '"')
        return false;
    for (size_t i = 1; i < end; i++) {
        uint8_t c = text.data[i];
        if (c == '\\') {
            c = ++i < end ? text.data[i] : 0;
            if (c != '"' && c != '\\')
                return false;
        } else if (c < 0x20 || c > 0x7e || c == '"') {
            return false;
        }
        proto_buf_byte(out, c);
    }
    return true;
}

/* As most clients write it. A comma would make it a list, a semicolon a parameter. */
static bool s_bare(proto_bytes_t text, proto_buf_t *out)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= 0x20 || text.data[i] > 0x7e || strchr("\",;\\", text.data[i]))
            return false;
    proto_buf_append(out, text.data, text.size);
    return true;
}

static bool s_is_parameter(const proto_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (operation->params[i].source == PROTO_SOURCE_HEADER &&
            strcmp(operation->params[i].name, "idempotency_key") == 0)
            return true;
    return false;
}

bool gw_key_may(const proto_operation_t *operation)
{
    return !(operation->flags & PROTO_OP_READS) && !s_is_parameter(operation);
}

proto_error_t gw_key_take(const proto_operation_t *operation, const gw_http_header_t *headers,
                          uint32_t header_count, proto_buf_t *out, proto_buf_t *detail)
{
    const gw_http_header_t *found = NULL;
    bool twice = false;
    if (operation->flags & PROTO_OP_READS)
        return PROTO_ERROR_none;
    for (uint32_t i = 0; i < header_count; i++)
        if (proto_bytes_is(headers[i].name, "idempotency-key")) {
            twice = found != NULL;
            found = &headers[i];
        }
    if (!found || !gw_key_may(operation))
        return PROTO_ERROR_none;
    size_t before = out->size;
    proto_bytes_t text = found->value;
    bool good = !twice && text.size && (*text.data == '"' ? s_quoted(text, out) : s_bare(text, out));
    if (good && out->size > before && out->size - before <= GW_KEY_MOST)
        return PROTO_ERROR_none;
    out->size = before;
    proto_buf_reset(detail);
    proto_buf_string(detail, twice ? "Idempotency-Key is given more than once"
                                   : "Idempotency-Key must be a string of 1 to 255 printable characters");
    return PROTO_ERROR_malformed;
}
