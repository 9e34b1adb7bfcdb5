/* SPDX-License-Identifier: MPL-2.0 */
/* Bearer tokens in header fields. Thread: the gateway's. */
#include "gw_bearer.h"

#include <strings.h>

static gw_bearer_t s_read(proto_bytes_t value, proto_bytes_t *token)
{
    static const char scheme[] = "Bearer";
    size_t at = sizeof scheme - 1;
    if (value.size < at || strncasecmp((const char *)value.data, scheme, at) != 0)
        return GW_BEARER_NONE;
    if (value.size == at)
        return GW_BEARER_BAD;
    if (value.data[at] != ' ') /* a longer word */
        return GW_BEARER_NONE;
    while (at < value.size && value.data[at] == ' ')
        at++;
    *token = (proto_bytes_t){value.data + at, value.size - at};
    return token->size ? GW_BEARER_TOKEN : GW_BEARER_BAD;
}

gw_bearer_t gw_bearer_find(const gw_http_request_t *http, proto_bytes_t *token)
{
    gw_bearer_t found = GW_BEARER_NONE;
    bool seen = false;
    *token = (proto_bytes_t){0};
    for (uint32_t i = 0; i < http->header_count; i++) {
        if (!proto_bytes_is(http->headers[i].name, "authorization"))
            continue;
        if (seen)
            return GW_BEARER_BAD;
        seen = true;
        found = s_read(http->headers[i].value, token);
    }
    return found;
}
