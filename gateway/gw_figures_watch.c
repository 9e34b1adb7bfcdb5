/* SPDX-License-Identifier: MPL-2.0 */
/* Figures of what guards the gateway: tokens, rates, revocations. Thread: the gateway's. */
#include "gw_figures.h"
#include "gw_limit.h"
#include "gw_redis.h"
#include "gw_revoked.h"
#include "gw_tokens.h"

#define S_ROW(type, field, metric_kind, metric_labels, metric_name, metric_help)                             \
    {                                                                                                        \
        .name = metric_name, .help = metric_help, .kind = metric_kind, .labels = metric_labels,              \
        .at = offsetof(type, field)                                                                          \
    }

#define S_TOKEN(field, label)                                                                                \
    S_ROW(gw_token_stats_t, field, PROTO_COUNTER, "result=\"" label "\"", "muster_tokens_total",             \
          "Bearer tokens judged: cached are good ones that were known from before.")
static const proto_metric_t s_tokens[] = {S_TOKEN(verified, "verified"), S_TOKEN(cached, "cached"),
                                          S_TOKEN(refused, "refused")};

#define S_LIMIT(rate, tier)                                                                                  \
    S_ROW(gw_limit_stats_t, allowed[rate], PROTO_COUNTER, "tier=\"" tier "\",decision=\"allowed\"",          \
          "muster_rate_limit_decisions_total",                                                               \
          "Requests let through and refused by rate limits, by tier; failed authentication that was let "    \
          "through is one failure each."),                                                                   \
        S_ROW(gw_limit_stats_t, refused[rate], PROTO_COUNTER, "tier=\"" tier "\",decision=\"refused\"",      \
              "muster_rate_limit_decisions_total", "")
static const proto_metric_t s_limits[] = {
    S_LIMIT(PROTO_TIER_AUTH, "auth"),        S_LIMIT(PROTO_TIER_WRITE, "write"),
    S_LIMIT(PROTO_TIER_READ, "read"),        S_LIMIT(PROTO_TIER_HEALTH, "health"),
    S_LIMIT(GW_LIMIT_FAILED, "failed_auth"),
};

#define S_REVOKED(field, kind, name, help) S_ROW(gw_revoked_stats_t, field, kind, NULL, name, help)
static const proto_metric_t s_revoked[] = {
    S_REVOKED(keys, PROTO_GAUGE, "muster_revoked_tokens", "Revoked tokens that a gateway thread knows."),
    S_REVOKED(messages, PROTO_COUNTER, "muster_revocation_messages_total",
              "Messages of feeds of revocations."),
    S_REVOKED(gaps, PROTO_COUNTER, "muster_revocation_gaps_total",
              "Messages of feeds missed, and feeds begun anew."),
    S_REVOKED(malformed, PROTO_COUNTER, "muster_revocation_malformed_total",
              "Messages of feeds and lists of revocations that were refused."),
    S_REVOKED(snapshots, PROTO_COUNTER, "muster_revocation_snapshots_total",
              "Lists of revocations fetched whole."),
};

#define S_REDIS(field, kind, name, help) S_ROW(gw_redis_stats_t, field, kind, NULL, name, help)
static const proto_metric_t s_redis[] = {
    S_REDIS(connected, PROTO_GAUGE, "muster_redis_connected",
            "1 while rate limits are shared through Redis."),
    S_REDIS(connects, PROTO_COUNTER, "muster_redis_connects_total", "Connections made to Redis."),
    S_REDIS(losses, PROTO_COUNTER, "muster_redis_losses_total",
            "Connections to Redis lost, and attempts that failed."),
    S_REDIS(exchanges, PROTO_COUNTER, "muster_redis_exchanges_total", "Exchanges of counts with Redis."),
    S_REDIS(keys, PROTO_COUNTER, "muster_redis_keys_total", "Counts told in them."),
};

#define S_TABLE(table)                                                                                       \
    {                                                                                                        \
        table, sizeof table / sizeof *table                                                                  \
    }
static const struct {
    const proto_metric_t *rows;
    uint32_t count;
} s_tables[GW_FIGURES_WATCHED] = {
    [GW_FIGURES_TOKENS] = S_TABLE(s_tokens),
    [GW_FIGURES_LIMITS] = S_TABLE(s_limits),
    [GW_FIGURES_REVOKED] = S_TABLE(s_revoked),
    [GW_FIGURES_REDIS] = S_TABLE(s_redis),
};

void gw_figures_watch(gw_figures_t *self, gw_figures_part_t part, const void *stats)
{
    self->watched[part] = stats;
    if (stats && !self->parts[part])
        self->parts[part] =
            proto_metrics_add(self->metrics, s_tables[part].rows, s_tables[part].count, "", false);
}

void gw_figures_publish(gw_figures_t *self)
{
    proto_metrics_publish(self->own, &self->stats);
    for (int i = 0; i < GW_FIGURES_WATCHED; i++)
        if (self->watched[i])
            proto_metrics_publish(self->parts[i], self->watched[i]);
}
