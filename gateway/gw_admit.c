/* SPDX-License-Identifier: MPL-2.0 */
/* Who may go on to an endpoint. Everything that is judged before a request's body is looked at stands here,
 * in the order in which it is judged. Thread: the gateway's. */
#include "gw_internal.h"

/* What a route asks of whoever calls it. */
static proto_auth_t s_auth(const gw_route_t *route)
{
    if (route->operation)
        return route->operation->auth;
    bool closed = route->builtin == GW_BUILTIN_SYSTEM || route->builtin == GW_BUILTIN_CHECKS;
    return closed ? PROTO_AUTH_USER : PROTO_AUTH_PUBLIC;
}

bool gw_admit(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    bool tries = !self->config->dev && gw_http_header(http, "authorization").size > 0;
    gw_rate_client(self, request, http);
    if (tries && !gw_rate_may_authenticate(self, request))
        return false;
    if (self->config->dev) { /* everybody is this user */
        request->identity.subject = proto_bytes_of("dev");
        request->identity.role = proto_bytes_of("admin");
        return gw_rate_admit(self, request);
    }
    if (s_auth(request->route) == PROTO_AUTH_PUBLIC)
        return gw_rate_admit(self, request);
    if (tries)
        gw_rate_failed(self, request);
    gw_answer_error(self, request, PROTO_ERROR_unauthenticated,
                    proto_bytes_of("this endpoint needs a bearer token"));
    return false;
}
