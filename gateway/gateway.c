/* SPDX-License-Identifier: MPL-2.0 */
/* A gateway thread: its loop and its life. Everything that wakes it only gathers work; the turn before each
 * poll does the rest: drain the wires, answer, write each connection once, send one batch to each broker,
 * write the log once. Thread: its own. In and out: what gw_brokers and gw_serve take and send. */
#include "gateway.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "gw_feed.h"
#include "gw_internal.h"
#include "proto_clock.h"
#include "proto_log.h"

/* RFC 9110 section 5.6.7; whatever the locale. */
static void s_date(gw_gateway_t *self)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t second = proto_clock_wall_us() / 1000000;
    if (second == self->date_s)
        return;
    self->date_s = second;
    time_t when = (time_t)second;
    struct tm tm;
    gmtime_r(&when, &tm);
    snprintf(self->date, sizeof self->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday,
             (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon, (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static void s_expire(gw_gateway_t *self)
{
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&self->wheel, gw_now(self)));)
        gw_serve_expired(self, (gw_request_t *)((char *)node - offsetof(gw_request_t, timer)));
    gw_conn_expire(self);
}

/* Tells main once nothing is under way any more. */
static void s_check_drained(gw_gateway_t *self)
{
    if (!self->draining || self->drained)
        return;
    gw_conn_close_idle(self);
    if (self->requests.used || self->conns)
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
    self->commanded = true; /* sending may have eaten the edge of a command */
}

static void s_begin_drain(gw_gateway_t *self)
{
    if (self->draining)
        return;
    self->leaving = self->draining = true;
    gw_conn_stop_listening(self);
}

/* Only when there may be a command: each look costs system calls. */
static void s_drain_pipe(gw_gateway_t *self)
{
    if (!self->commanded)
        return;
    self->commanded = false;
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (!command || strcmp(command, "$TERM") == 0)
            self->stopping = true;
        else if (strcmp(command, "LEAVE") == 0)
            self->leaving = true;
        else if (strcmp(command, "DRAIN") == 0)
            s_begin_drain(self);
        else if (strcmp(command, "KEYS") == 0)
            gw_tokens_rekey(&self->tokens, gw_keyring_hold(self->config->keyring));
        freen(command);
    }
}

static void s_on_timer(uv_timer_t *timer)
{
    (void)timer; /* waking up is enough: the turn does the rest */
}

static void s_set_timer(gw_gateway_t *self, int64_t at)
{
    int64_t wheel = proto_wheel_next(&self->wheel), conns = proto_wheel_next(&self->conn_wheel);
    at = wheel < at ? wheel : at;
    at = conns < at ? conns : at;
    int64_t now = gw_now(self);
    if (at == self->timer_at && at > now)
        return;
    self->timer_at = at;
    uv_timer_start(&self->timer, s_on_timer, at > now ? (uint64_t)(at - now) : 1, 0);
}

static void s_tell_figures(gw_gateway_t *self)
{
    gw_stats_t *stats = &self->figures.stats;
    stats->connections = self->conn_count;
    stats->under_way = self->requests.used;
    stats->brokers_alive = gw_brokers_alive(&self->brokers);
    gw_figures_publish(&self->figures);
}

/* Whether there is more to take, now that the loop is about to wait. */
static bool s_more(gw_gateway_t *self)
{
    if (!gw_brokers_filled(self))
        proto_yield_until(&self->yield, self->requests.used, gw_brokers_filled, self);
    return gw_brokers_have(self);
}

/* Runs right before each poll, so whatever the poll's callbacks, timers or this turn itself brought about is
 * done, and no edge of a wire's descriptor is lost: sending can eat it, hence the second look. Requests go
 * first, since what comes of them takes longest. */
static void s_turn(uv_prepare_t *prepare)
{
    gw_gateway_t *self = prepare->data;
    s_date(self);
    s_drain_pipe(self);
    s_expire(self);
    int64_t due;
    gw_brokers_send(self);
    proto_yield(&self->yield, self->requests.used); /* more comes while the others work */
    (void)gw_brokers_drain(self);
    gw_brokers_look(self);
    gw_feed_turn(self);
    do {
        gw_conn_flush(self);
        due = gw_brokers_flush(self);
    } while (gw_brokers_drain(self) || s_more(self));
    gw_conn_flush(self);
    gw_log_flush(&self->log);
    s_tell_figures(self);
    s_check_drained(self);
    s_drain_pipe(self);
    if (self->stopping)
        uv_stop(&self->loop);
    s_set_timer(self, due);
}

static void s_on_command(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    ((gw_gateway_t *)poll->data)->commanded = true; /* s_turn does the rest */
}

static int s_start_loop(gw_gateway_t *self)
{
    if (uv_loop_init(&self->loop) < 0)
        return -1;
    self->started_ms = gw_now(self);
    uv_prepare_init(&self->loop, &self->prepare);
    self->prepare.data = self;
    uv_prepare_start(&self->prepare, s_turn);
    uv_timer_init(&self->loop, &self->timer);
    const gateway_config_t *config = self->config;
    if (config->limit && config->redis && gw_limit_claim(config->limit))
        self->redis = gw_redis_open(&self->loop, config->limit, config->redis);
    if (self->redis)
        gw_figures_watch(&self->figures, GW_FIGURES_REDIS, gw_redis_stats(self->redis));
    if (gw_conn_listen(self) < 0 || gw_brokers_watch(self) < 0 ||
        uv_poll_init(&self->loop, &self->pipe_poll, (int)zsock_fd(self->pipe)) < 0)
        return -1;
    self->pipe_poll.data = self;
    uv_poll_start(&self->pipe_poll, UV_READABLE, s_on_command);
    self->commanded = true;
    return 0;
}

static int s_init_cors(gw_gateway_t *self)
{
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = gw_cors_parse(&self->cors, self->config->cors_origins, &why);
    if (rc < 0)
        proto_log(PROTO_LOG_ERROR, "gateway", "%s", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}

static int s_init(gw_gateway_t *self, zsock_t *pipe, const gateway_config_t *config)
{
    int64_t now = proto_clock_ms();
    self->config = config;
    self->pipe = pipe;
    self->limits = (gw_http_limits_t){
        .head_bytes = config->max_head,
        .body_bytes = config->max_body,
        .head_ms = config->head_timeout,
        .body_ms = config->body_timeout,
        .idle_ms = config->idle_timeout,
    };
    self->trace_seed = proto_clock_random();
    gw_tokens_init(&self->tokens, config->keyring ? gw_keyring_hold(config->keyring) : NULL,
                   &config->token_rules, (uint64_t[]){proto_clock_random(), proto_clock_random()});
    self->generation = gw_generation_new();
    gw_figures_init(&self->figures, config->metrics);
    gw_figures_watch(&self->figures, GW_FIGURES_TOKENS, &self->tokens.stats);
    gw_figures_watch(&self->figures, GW_FIGURES_LIMITS, &self->limit_stats);
    gw_figures_learn(&self->figures, self->generation->router);
    self->addresses = gw_address_new();
    self->read_buffer = malloc(GW_READ_BYTES);
    PROTO_ASSERT(self->read_buffer != NULL);
    proto_slab_init(&self->requests, sizeof(gw_request_t), GW_REQUESTS);
    proto_wheel_init(&self->wheel, now);
    proto_wheel_init(&self->conn_wheel, now);
    gw_binder_init(&self->binder);
    self->revoked = gw_revoked_new();
    gw_figures_watch(&self->figures, GW_FIGURES_REVOKED, gw_revoked_stats(self->revoked));
    if (s_init_cors(self) < 0)
        return -1;
    gw_log_init(&self->log, config->access_log);
    return gw_brokers_open(self, now);
}

static void s_finish_request(void *item)
{
    gw_request_t *request = item;
    proto_buf_free(&request->line);
    proto_buf_free(&request->arguments);
    proto_buf_free(&request->kept);
    gw_form_free(&request->upload);
    gw_generation_drop(&request->generation);
    gw_token_drop(&request->token);
}

static void s_close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void s_stop_loop(gw_gateway_t *self)
{
    gw_conn_close_all(self);
    gw_redis_close(self->redis);
    gw_brokers_unwatch(self);
    uv_prepare_stop(&self->prepare);
    uv_walk(&self->loop, s_close_handle, NULL);
    while (uv_run(&self->loop, UV_RUN_DEFAULT) != 0)
        continue;
    uv_loop_close(&self->loop);
}

static void s_free(gw_gateway_t *self)
{
    gw_brokers_close(self);
    proto_slab_free(&self->requests, s_finish_request);
    s_finish_request(&self->spare);
    gw_generation_drop(&self->generation);
    gw_address_free(&self->addresses);
    gw_tokens_free(&self->tokens);
    gw_redis_free(&self->redis);
    gw_binder_free(&self->binder);
    gw_revoked_free(&self->revoked);
    gw_cors_free(&self->cors);
    gw_figures_free(&self->figures);
    gw_log_flush(&self->log);
    gw_log_free(&self->log);
    proto_buf_free(&self->json);
    proto_buf_free(&self->extra);
    free(self->read_buffer);
    free(self);
}

void gateway_actor(zsock_t *pipe, void *config)
{
    gw_gateway_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    pthread_setname_np(pthread_self(), "gateway");
    bool started = s_init(self, pipe, config) == 0;
    bool looping = started && s_start_loop(self) == 0;
    zsock_signal(pipe, looping ? 0 : 1);
    if (looping)
        uv_run(&self->loop, UV_RUN_DEFAULT);
    if (started)
        s_stop_loop(self);
    s_free(self);
}
