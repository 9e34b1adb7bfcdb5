/* SPDX-License-Identifier: MPL-2.0 */
/* Rate limits of requests: whose bucket, at which endpoint, and the answer when it is empty. Thread: the
 * gateway's. */
#include "gw_internal.h"

/* The bucket of an address for failed authentication belongs to no endpoint. */
#define S_FAILED UINT64_C(0x6661696c65640000)

void gw_rate_client(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http)
{
    if (self->config->limit)
        gw_proxies_client(self->config->proxies, gw_conn_peer(request->conn), http, request->client);
}

/* 429 with Retry-After. */
static void s_refuse(gw_gateway_t *self, gw_request_t *request, const char *what)
{
    char sentence[128];
    const gw_verdict_t *verdict = &request->rate;
    snprintf(sentence, sizeof sentence, "%s: try again in %u second%s", what, verdict->retry,
             verdict->retry == 1 ? "" : "s");
    gw_problem_t problem = gw_problem_of(PROTO_ERROR_rate_limited, proto_bytes_of(sentence));
    self->limit_stats.refused[verdict->rate]++;
    gw_answer_begin(self, request);
    proto_buf_printf(&self->extra, "Retry-After: %u\r\n", verdict->retry);
    gw_answer_problem(self, request, &problem, false);
}

static unsigned s_tier(const gw_route_t *route)
{
    if (route->operation)
        return route->operation->tier;
    return route->builtin < GW_BUILTIN_OPENAPI ? PROTO_TIER_HEALTH : PROTO_TIER_READ;
}

bool gw_rate_admit(gw_gateway_t *self, gw_request_t *request)
{
    gw_limit_t *limit = self->config->limit;
    if (!limit)
        return true;
    uint64_t key = gw_limit_key(limit, request->client, request->route->identity);
    gw_limit_take(limit, key, s_tier(request->route), request->started_us, &request->rate);
    self->limit_stats.untracked += request->rate.untracked;
    if (!request->rate.allowed) {
        s_refuse(self, request, "too many requests to this endpoint");
        return false;
    }
    self->limit_stats.allowed[request->rate.rate]++;
    return true;
}

bool gw_rate_may_authenticate(gw_gateway_t *self, gw_request_t *request)
{
    gw_limit_t *limit = self->config->limit;
    gw_verdict_t verdict;
    if (!limit)
        return true;
    gw_limit_look(limit, gw_limit_key(limit, request->client, S_FAILED), GW_LIMIT_FAILED, request->started_us,
                  &verdict);
    if (verdict.allowed)
        return true;
    request->rate = verdict;
    s_refuse(self, request, "authentication has failed too often");
    return false;
}

void gw_rate_failed(gw_gateway_t *self, const gw_request_t *request)
{
    gw_limit_t *limit = self->config->limit;
    gw_verdict_t verdict;
    if (!limit)
        return;
    gw_limit_take(limit, gw_limit_key(limit, request->client, S_FAILED), GW_LIMIT_FAILED, request->started_us,
                  &verdict);
    self->limit_stats.allowed[GW_LIMIT_FAILED]++;
}
