/* SPDX-License-Identifier: MPL-2.0 */
/* Who may go on to an endpoint. Everything that is judged before a request's body is looked at stands here,
 * in the order in which it is judged. Thread: the gateway's. */
#include "gw_bearer.h"
#include "gw_feed.h"
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

/* At a public endpoint a token that is not certainly good stands for nobody. */
static void s_forget_revoked(gw_gateway_t *self, gw_request_t *request)
{
    if (request->token && gw_revoked_check(self->revoked, request->token->key, gw_now(self)) != GW_REVOKED_NO)
        request->identity = (gw_identity_t){0};
}

/* Where logins come from, for those who look through the attempts. */
static void s_tell_caller(gw_request_t *request)
{
    const proto_operation_t *operation = request->route->operation;
    if (!operation || operation->tier != PROTO_TIER_AUTH || request->identity.subject.size)
        return;
    proto_buf_t claims = PROTO_BUF_INIT;
    proto_write_map(&claims, 1);
    proto_write_text(&claims, "muster:address");
    proto_write_text(&claims, request->address);
    if (claims.size <= sizeof request->caller) {
        memcpy(request->caller, claims.data, claims.size);
        request->identity.claims = (proto_bytes_t){request->caller, claims.size};
    }
    proto_buf_free(&claims);
}

bool gw_admit(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    bool tries = !self->config->dev && gw_http_header(http, "authorization").size > 0;
    gw_rate_client(self, request, http);
    if (tries && !gw_rate_may_authenticate(self, request))
        return false;
    if (self->config->dev) { /* everybody is this user, with the role that is asked for */
        const char *role = s_asked(request->route)->role;
        request->identity.subject = proto_bytes_of("dev");
        request->identity.role = proto_bytes_of(role ? role : "admin");
        return gw_rate_admit(self, request);
    }
    const char *refusal = s_identify(self, request, http), *detail;
    proto_error_t error = s_authorise(request, &detail);
    if (refusal)
        gw_rate_failed(self, request);
    if (s_asked(request->route)->auth ==
        PROTO_AUTH_PUBLIC) { /* so it is for those whose token has just expired, too */
        s_forget_revoked(self, request);
        s_tell_caller(request);
        return gw_rate_admit(self, request);
    }
    if (!refusal && request->token && !gw_feed_admit(self, request))
        return false;
    if (!error)
        return gw_rate_admit(self, request);
    request->refused_token = refusal != NULL;
    gw_answer_error(self, request, error, proto_bytes_of(refusal ? refusal : detail));
    return false;
}
