/* SPDX-License-Identifier: MPL-2.0 */
/* Who may go on to an endpoint. Everything that is judged before a request's body is looked at stands here,
 * in the order in which it is judged. Thread: the gateway's. */
#include "gw_bearer.h"
#include "gw_internal.h"
#include "proto_clock.h"

/* What a route asks of whoever calls it. */
static const proto_operation_t *s_asked(const gw_route_t *route)
{
    static const proto_operation_t open = {.auth = PROTO_AUTH_PUBLIC}, closed = {.auth = PROTO_AUTH_USER};
    if (route->operation)
        return route->operation;
    return route->builtin == GW_BUILTIN_SYSTEM || route->builtin == GW_BUILTIN_CHECKS ? &closed : &open;
}

/* Finds out who asks. NULL, with an identity or with nobody; else why the token that was shown is none. */
static const char *s_identify(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    proto_bytes_t text;
    gw_bearer_t found = gw_bearer_find(http, &text);
    if (found == GW_BEARER_NONE)
        return NULL;
    if (found == GW_BEARER_BAD)
        return "exactly one bearer token is taken";
    const char *refusal = gw_tokens_take(&self->tokens, text, proto_clock_wall_us() / 1000, &request->token);
    if (refusal)
        return refusal;
    request->identity.subject = request->token->subject;
    request->identity.role = request->token->role;
    request->identity.claims = request->token->claims;
    return NULL;
}

/* Judges the identity by what the route asks. */
static proto_error_t s_authorise(const gw_request_t *request, const char **detail)
{
    const proto_operation_t *asked = s_asked(request->route);
    proto_error_t error = proto_auth_judge(asked, request->identity.subject, request->identity.role);
    *detail = error == PROTO_ERROR_unauthenticated ? "this endpoint needs a bearer token"
                                                   : "your role may not use this endpoint";
    return error;
}

bool gw_admit(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    if (self->config->dev) { /* everybody is this user, with the role that is asked for */
        const char *role = s_asked(request->route)->role;
        request->identity.subject = proto_bytes_of("dev");
        request->identity.role = proto_bytes_of(role ? role : "admin");
        return true;
    }
    const char *refusal = s_identify(self, request, http), *detail;
    proto_error_t error = s_authorise(request, &detail);
    if (!error) /* what is public is so for those whose token has just expired, too */
        return true;
    request->refused_token = refusal != NULL;
    gw_answer_error(self, request, error, proto_bytes_of(refusal ? refusal : detail));
    return false;
}
