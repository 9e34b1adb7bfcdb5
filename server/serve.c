/* SPDX-License-Identifier: MPL-2.0 */
/* The parts of a server. Thread: main; it owns every actor's pipe. */
#include "serve.h"

#include <czmq.h>
#include <malloc.h>
#include <stdatomic.h>

#include "act_chat.h"
#include "act_db.h"
#include "act_listen.h"
#include "admin.h"
#include "broker.h"
#include "gateway.h"
#include "proto_clock.h"
#include "thread.h"

enum { S_ACTORS = 256, S_GATEWAYS = 64, S_POLL_MS = 50, S_MMAP_BYTES = 4 << 20 };

struct srv_serve {
    unsigned parts;
    proto_metrics_t *metrics;
    proto_buf_t settings; /* as text, for `muster show config` */
    broker_config_t broker_config;
    gateway_config_t gateway_config;
    gw_limit_t *limit;
    act_chat_config_t chat_config;
    act_auth_config_t auth_config;
    act_listen_config_t listen_config;
    act_db_config_t db_configs[2 * S_ACTORS];
    srv_admin_config_t admin_config;
    srv_thread_t *broker, *chat, *listen, *admin;
    srv_thread_t *auth; /* NULL when nobody can log in */
    srv_thread_t *dbs[2 * S_ACTORS], *gateways[S_GATEWAYS];
    proto_hub_t *hub;       /* between them and the broker, when all are here */
    proto_address_t inside; /* the broker by it */
    int db_count, gateway_count;
    atomic_bool actors_ready, gateways_ready;
};

static int64_t s_number(const srv_plan_t *plan, srv_option_t option)
{
    return srv_config_number(plan->config, option);
}

/* The brokers of those that work a lot: by the hub when there is one. */
static const proto_address_t *s_brokers(const srv_serve_t *self, const srv_plan_t *plan)
{
    return self->hub ? &self->inside : plan->brokers;
}

static int s_start_broker(srv_serve_t *self, const srv_plan_t *plan, void *context)
{
    self->hub = proto_hub_new();
    if (!self->hub)
        return -1;
    self->inside = *plan->brokers;
    self->inside.hub = self->hub;
    srv_config_show(plan->config, &self->settings);
    self->broker_config = (broker_config_t){
        .settings = proto_buf_text(&self->settings),
        .context = context,
        .metrics = self->metrics,
        .hub = self->hub,
        .inside = plan->brokers->endpoint,
        .local = plan->local,
        .binds = plan->binds.list,
        .bind_count = plan->binds.count,
        .secret_key = plan->binds.curve ? plan->binds.keys.secret_key : NULL,
        .rights = plan->binds.has_rights ? (const char *)plan->binds.rights.data : NULL,
        .open_workers = !(plan->parts & SRV_PART_ACTORS),
        .queue = (uint32_t)s_number(plan, SRV_OPT_queue),
        .peers = (uint32_t)s_number(plan, SRV_OPT_peers),
        .max_message = s_number(plan, SRV_OPT_max_message),
    };
    self->broker = srv_thread_start(broker_actor, &self->broker_config);
    return self->broker ? 0 : -1;
}

/* Actors that take @slow work: three quarters unless told, but never all, so that the others keep their
 * latency. */
static int s_slow_share(const srv_plan_t *plan, int actors)
{
    int share = (int)s_number(plan, SRV_OPT_slow_actors);
    if (share == 0)
        share = actors * 3 / 4;
    if (share >= actors)
        share = actors - 1;
    return share < 1 ? 1 : share;
}

/* Starts `count` more database actors of a service. */
static int s_start_dbs(srv_serve_t *self, const act_db_config_t *config, int count, int slow)
{
    for (int i = 0; i < count; i++) {
        act_db_config_t *own = &self->db_configs[self->db_count];
        *own = *config;
        own->takes_slow = i < slow;
        own->number = (unsigned)self->db_count + 1;
        srv_thread_t *actor = srv_thread_start(act_db_actor, own);
        if (!actor)
            return -1;
        self->dbs[self->db_count++] = actor;
    }
    return 0;
}

/* Who logs people in, and who tells gateways of those that were logged out. */
static int s_start_login(srv_serve_t *self, const srv_plan_t *plan, void *context)
{
    self->listen_config = (act_listen_config_t){.context = context,
                                                .brokers = plan->brokers,
                                                .broker_count = plan->broker_count,
                                                .conninfo = srv_config_text(plan->config, SRV_OPT_database)};
    self->listen = srv_thread_start(act_listen_actor, &self->listen_config);
    self->auth_config = plan->login;
    self->auth_config.context = context;
    self->auth_config.brokers = plan->brokers;
    self->auth_config.broker_count = plan->broker_count;
    self->auth_config.programs = plan->programs;
    if (*plan->login.secret)
        self->auth = srv_thread_start(act_auth_actor, &self->auth_config);
    return self->listen && (self->auth || !*plan->login.secret) ? 0 : -1;
}

static int s_start_actors(srv_serve_t *self, const srv_plan_t *plan, void *context)
{
    int count = (int)s_number(plan, SRV_OPT_actors), readers = (int)s_number(plan, SRV_OPT_replica_actors);
    act_db_config_t config = {
        .context = context,
        .metrics = self->metrics,
        .brokers = s_brokers(self, plan),
        .broker_count = plan->broker_count,
        .service = "db",
        .conninfo = srv_config_text(plan->config, SRV_OPT_database),
        .programs = plan->programs,
        .window = (uint16_t)s_number(plan, SRV_OPT_window),
        .statement_timeout = s_number(plan, SRV_OPT_statement_timeout),
        .claims_roles = srv_config_text(plan->config, SRV_OPT_claims_role),
        .key_ttl = s_number(plan, SRV_OPT_idempotency_ttl),
        .ready = &self->actors_ready,
    };
    if (s_start_dbs(self, &config, count, s_slow_share(plan, count)) < 0)
        return -1;
    config.service = "db.read";
    config.conninfo = srv_config_text(plan->config, SRV_OPT_replica_url);
    if (*config.conninfo && s_start_dbs(self, &config, readers, s_slow_share(plan, readers)) < 0)
        return -1;
    self->chat_config = (act_chat_config_t){.context = context,
                                            .brokers = plan->brokers,
                                            .broker_count = plan->broker_count,
                                            .programs = plan->programs,
                                            .provider = act_provider_echo()};
    self->chat = srv_thread_start(act_chat_actor, &self->chat_config);
    return self->chat ? s_start_login(self, plan, context) : -1;
}

/* One table for all gateway threads. */
static gw_limit_t *s_limit(const srv_plan_t *plan)
{
    return gw_limit_new(&(gw_limit_config_t){
        .per_minute = {[PROTO_TIER_AUTH] = (uint32_t)s_number(plan, SRV_OPT_rate_auth),
                       [PROTO_TIER_WRITE] = (uint32_t)s_number(plan, SRV_OPT_rate_write),
                       [PROTO_TIER_READ] = (uint32_t)s_number(plan, SRV_OPT_rate_read),
                       [PROTO_TIER_HEALTH] = (uint32_t)s_number(plan, SRV_OPT_rate_health),
                       [GW_LIMIT_FAILED] = (uint32_t)s_number(plan, SRV_OPT_rate_failed_auth)},
        .entries = (uint32_t)s_number(plan, SRV_OPT_rate_table),
        .seed = proto_clock_random(),
        .shared = *plan->redis.host != '\0',
    });
}

static int s_start_gateways(srv_serve_t *self, const srv_plan_t *plan, void *context)
{
    if (plan->limits)
        self->limit = s_limit(plan);
    self->gateway_config = (gateway_config_t){
        .context = context,
        .metrics = self->metrics,
        .brokers = s_brokers(self, plan),
        .broker_count = plan->broker_count,
        .ready = &self->gateways_ready,
        .address = plan->address,
        .port = plan->port,
        .dev = s_number(plan, SRV_OPT_dev) != 0,
        .keyring = plan->keyring,
        .token_rules = {.audience = srv_config_text(plan->config, SRV_OPT_token_audience),
                        .issuer = srv_config_text(plan->config, SRV_OPT_token_issuer)},
        .cors_origins = plan->cors_origins,
        .access_log = strcmp(srv_config_text(plan->config, SRV_OPT_access_log), "on") == 0,
        .connections = (uint32_t)s_number(plan, SRV_OPT_connections),
        .per_address = (uint32_t)s_number(plan, SRV_OPT_per_address),
        .max_head = (uint32_t)s_number(plan, SRV_OPT_max_head),
        .max_body = (uint32_t)s_number(plan, SRV_OPT_max_body),
        .max_upload = (uint32_t)s_number(plan, SRV_OPT_max_upload),
        .uploads = (size_t)s_number(plan, SRV_OPT_uploads),
        .head_timeout = s_number(plan, SRV_OPT_head_timeout),
        .body_timeout = s_number(plan, SRV_OPT_body_timeout),
        .idle_timeout = s_number(plan, SRV_OPT_idle_timeout),
        .limit = self->limit,
        .proxies = &plan->proxies,
        .redis = *plan->redis.host ? &plan->redis : NULL,
    };
    self->gateway_count = (int)s_number(plan, SRV_OPT_gateways);
    for (int i = 0; i < self->gateway_count; i++)
        if (!(self->gateways[i] = srv_thread_start(gateway_actor, &self->gateway_config)))
            return -1;
    return 0;
}

static int s_start_admin(srv_serve_t *self, const srv_plan_t *plan)
{
    self->admin_config = (srv_admin_config_t){
        .metrics = self->metrics, .address = plan->admin_address, .port = plan->admin_port};
    self->admin = srv_thread_start(srv_admin_actor, &self->admin_config);
    return self->admin ? 0 : -1;
}

srv_serve_t *srv_serve_start(const srv_plan_t *plan, proto_buf_t *why)
{
    /* Left alone, glibc raises it up to 32 MiB; then buffers of uploads would be copied as they grow. Set, it
     * leaves the other at 128 KiB, and each batch of large answers would be given back to the kernel. */
    mallopt(M_MMAP_THRESHOLD, S_MMAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, S_MMAP_BYTES);
    srv_serve_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    void *context = zsys_init();
    int rc = context ? 0 : -1;
    self->parts = plan->parts;
    self->metrics = proto_metrics_new();
    if (rc == 0 && plan->admin_port)
        rc = s_start_admin(self, plan);
    if (rc == 0 && (plan->parts & SRV_PART_BROKER))
        rc = s_start_broker(self, plan, context);
    if (rc == 0 && (plan->parts & SRV_PART_ACTORS))
        rc = s_start_actors(self, plan, context);
    if (rc == 0 && (plan->parts & SRV_PART_GATEWAYS))
        rc = s_start_gateways(self, plan, context);
    if (rc < 0) {
        proto_buf_string(why, "not everything could be started; the log says why");
        srv_serve_stop(&self);
    }
    return self;
}

bool srv_serve_ready(const srv_serve_t *self)
{
    return (!(self->parts & SRV_PART_ACTORS) || atomic_load(&self->actors_ready)) &&
           (!(self->parts & SRV_PART_GATEWAYS) || atomic_load(&self->gateways_ready));
}

void srv_serve_reload(srv_serve_t *self)
{
    for (int i = 0; i < self->db_count; i++)
        zstr_send(srv_thread_pipe(self->dbs[i]), "RELOAD");
    zstr_send(srv_thread_pipe(self->chat), "RELOAD");
    if (self->auth)
        zstr_send(srv_thread_pipe(self->auth), "RELOAD");
}

void srv_serve_renew_rights(srv_serve_t *self, const srv_binds_t *binds)
{
    zstr_sendx(srv_thread_pipe(self->broker), "RIGHTS", (const char *)binds->rights.data, NULL);
}

void srv_serve_renew_keys(srv_serve_t *self)
{
    for (int i = 0; i < self->gateway_count; i++)
        zstr_send(srv_thread_pipe(self->gateways[i]), "KEYS");
}

void srv_serve_renew_secret(srv_serve_t *self, const char *secret)
{
    if (self->auth)
        zstr_sendx(srv_thread_pipe(self->auth), "SECRET", secret, NULL);
}

/* Waits until `count` actors have said DRAINED, or the time is up. */
static void s_await(srv_thread_t *const *actors, int count, int64_t until, bool (*interrupted)(void))
{
    for (int i = 0; i < count; i++)
        zstr_send(srv_thread_pipe(actors[i]), "DRAIN");
    for (int i = 0; i < count; i++) {
        zmq_pollitem_t item = {.socket = zsock_resolve(srv_thread_pipe(actors[i])), .events = ZMQ_POLLIN};
        while (proto_clock_ms() < until && !interrupted()) {
            if (zmq_poll(&item, 1, S_POLL_MS) <= 0)
                continue;
            char *said = zstr_recv(srv_thread_pipe(actors[i]));
            freen(said);
            break;
        }
    }
}

void srv_serve_leave(srv_serve_t *self)
{
    for (int i = 0; i < self->gateway_count; i++)
        zstr_send(srv_thread_pipe(self->gateways[i]), "LEAVE");
}

void srv_serve_drain(srv_serve_t *self, int64_t drain_ms, bool (*interrupted)(void))
{
    int64_t until = proto_clock_ms() + drain_ms;
    s_await(self->gateways, self->gateway_count, until, interrupted);
    if (self->broker) /* then actors have nothing left */
        s_await(&self->broker, 1, until, interrupted);
    else if (self->chat) /* which asks the others, as the next does */
        s_await(&self->chat, 1, until, interrupted);
    if (!self->broker && self->auth)
        s_await(&self->auth, 1, until, interrupted);
    if (!self->broker && self->listen)
        s_await(&self->listen, 1, until, interrupted);
    if (!self->broker)
        s_await(self->dbs, self->db_count, until, interrupted);
}

/* Tells all at once to end, then waits for each. */
static void s_end(srv_thread_t **actors, int count)
{
    for (int i = 0; i < count; i++)
        if (actors[i])
            srv_thread_stop(actors[i]);
    for (int i = 0; i < count; i++)
        srv_thread_end(&actors[i]);
}

void srv_serve_stop(srv_serve_t **self_pointer)
{
    srv_serve_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    s_end(self->gateways, self->gateway_count);
    gw_limit_free(&self->limit);
    s_end(&self->chat, 1);
    s_end(&self->auth, 1);
    s_end(&self->listen, 1);
    s_end(self->dbs, self->db_count);
    s_end(&self->broker, 1);
    proto_hub_close(&self->hub);
    s_end(&self->admin, 1);
    proto_metrics_free(&self->metrics);
    proto_buf_free(&self->settings);
    free(self);
}
