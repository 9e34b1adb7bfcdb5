/* SPDX-License-Identifier: MPL-2.0 */
/* Rate limits shared through Redis, with hiredis on the gateway's loop. Thread: the gateway thread that owns
 * it. In: replies. Out: AUTH, SELECT, SET and GET of the seed, then EVAL.
 *
 * Redis keeps for each bucket when it will be full again, by its own clock, so clocks of gateways need not
 * agree. Keys are hashes under a secret seed that the first gateway to come puts there: Redis holds no
 * addresses. */
#include "gw_redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>

#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_KEYS = 256,         /* in one command */
    S_PARTS = 16,         /* commands of one exchange */
    S_PATIENCE_MS = 2000, /* longest silence of a Redis that owes us something */
    S_BACKOFF_MS = 100,
    S_BACKOFF_MOST_MS = 2000,
    S_ARGUMENTS = 3 + 3 * S_KEYS,
    S_TEXT = 40
};

#define S_SEED "muster:rate:seed"
#define S_KEY  "muster:rate:%016" PRIx64

/* ARGV: for each key how many were taken, and what each is worth (us). It answers for each key how long its
 * bucket needs to be full again (us). A bucket that is full needs no key. */
static const char s_script[] =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000000 + t[2]\n"
    "local debts = {}\n"
    "for i, key in ipairs(KEYS) do\n"
    "  local full = tonumber(redis.call('GET', key) or 0) or 0\n"
    "  if full < now then full = now end\n"
    "  full = full + ARGV[2 * i - 1] * ARGV[2 * i]\n"
    "  local debt = full - now\n"
    "  if debt > 0 then\n"
    "    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil(debt / 1000))\n"
    "  end\n"
    "  debts[i] = math.floor(debt)\n"
    "end\n"
    "return debts\n";

typedef enum {
    S_AWAY,      /* until try_at */
    S_RESOLVING, /* its name */
    S_GREETING,  /* connecting, and all up to the seed */
    S_READY
} s_state_t;

struct gw_redis {
    uv_loop_t *loop;
    gw_limit_t *limit;
    const gw_redis_url_t *url;
    uv_timer_t timer;
    uv_getaddrinfo_t resolving;
    redisAsyncContext *context; /* NULL while there is no connection */
    s_state_t state;
    bool closing, told; /* told: the log knows that it is away */
    int64_t since;      /* when it was last asked something, ms */
    int64_t try_at;
    unsigned attempts; /* in vain, one after the other */
    uint32_t pending;  /* commands of the exchange without an answer */
    gw_limit_share_t shares[S_PARTS * S_KEYS];
    uint32_t count; /* of shares */
    char texts[S_ARGUMENTS][S_TEXT];
    gw_redis_stats_t stats;
};

/* hiredis tells which events it waits for; one of these belongs to each connection and ends with it. */
typedef struct s_events {
    uv_poll_t poll;
    redisAsyncContext *context; /* NULL once it is gone */
    int wanted;
} s_events_t;

static void s_on_event(uv_poll_t *poll, int status, int events)
{
    s_events_t *self = poll->data;
    if (self->context && (status < 0 || events & UV_READABLE)) /* reading finds what is wrong with it */
        redisAsyncHandleRead(self->context);
    if (self->context && status == 0 && events & UV_WRITABLE)
        redisAsyncHandleWrite(self->context);
}

static void s_want(s_events_t *self, int events)
{
    self->wanted = events;
    if (events)
        uv_poll_start(&self->poll, events, s_on_event);
    else
        uv_poll_stop(&self->poll);
}

static void s_add_read(void *events)
{
    s_want(events, ((s_events_t *)events)->wanted | UV_READABLE);
}

static void s_del_read(void *events)
{
    s_want(events, ((s_events_t *)events)->wanted & ~UV_READABLE);
}

static void s_add_write(void *events)
{
    s_want(events, ((s_events_t *)events)->wanted | UV_WRITABLE);
}

static void s_del_write(void *events)
{
    s_want(events, ((s_events_t *)events)->wanted & ~UV_WRITABLE);
}

static void s_on_events_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void s_cleanup(void *events)
{
    s_events_t *self = events;
    self->context = NULL;
    uv_close((uv_handle_t *)&self->poll, s_on_events_closed);
}

static int s_attach(redisAsyncContext *context, uv_loop_t *loop)
{
    s_events_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->context = context;
    self->poll.data = self;
    if (uv_poll_init(loop, &self->poll, context->c.fd) < 0) {
        free(self);
        return -1;
    }
    context->ev.data = self;
    context->ev.addRead = s_add_read;
    context->ev.delRead = s_del_read;
    context->ev.addWrite = s_add_write;
    context->ev.delWrite = s_del_write;
    context->ev.cleanup = s_cleanup;
    return 0;
}

/* There is no connection any more. Full jitter: gateways that lost it together do not come together. */
static void s_gone(gw_redis_t *self, const char *why)
{
    unsigned most = S_BACKOFF_MS << (self->attempts < 5 ? self->attempts : 5);
    if (most > S_BACKOFF_MOST_MS)
        most = S_BACKOFF_MOST_MS;
    self->attempts++;
    self->context = NULL;
    self->state = S_AWAY;
    self->pending = 0;
    self->try_at = (int64_t)uv_now(self->loop) + (int64_t)(proto_clock_random() % most);
    self->stats.connected = 0;
    self->stats.losses++;
    if (!self->told && !self->closing)
        proto_log(PROTO_LOG_WARN, "gateway",
                  "Redis at %s is away: %s; rate limits count in each process alone", self->url->host, why);
    self->told = true;
}

/* Ends a connection that is no use. What it owes comes back as NULL, and is not looked at. */
static void s_drop(gw_redis_t *self, const char *why)
{
    redisAsyncContext *context = self->context;
    char reason[128];
    snprintf(reason, sizeof reason, "%s", why); /* it may lie in the connection */
    s_gone(self, reason);
    if (context)
        redisAsyncFree(context);
}

/* What is common to all replies: false when this one is none, and dealt with. hiredis frees a connection that
 * broke by itself, so it is not to be dropped then. */
static bool s_replied(redisAsyncContext *context, const redisReply *reply)
{
    gw_redis_t *self = context->data;
    if (context != self->context)
        return false;
    if (!reply)
        s_gone(self, context->errstr[0] ? context->errstr : "it closed the connection");
    else if (reply->type == REDIS_REPLY_ERROR)
        s_drop(self, reply->str);
    else
        return true;
    return false;
}

static void s_on_greeted(redisAsyncContext *context, void *reply, void *unused)
{
    (void)unused;
    (void)s_replied(context, reply);
}

/* All make their keys with the seed of whoever came first. */
static void s_on_seed(redisAsyncContext *context, void *data, void *unused)
{
    (void)unused;
    gw_redis_t *self = context->data;
    const redisReply *reply = data;
    if (!s_replied(context, reply))
        return;
    char *end = NULL;
    uint64_t seed =
        reply->type == REDIS_REPLY_STRING && reply->len == 16 ? strtoull(reply->str, &end, 16) : 0;
    if (!end || *end) {
        s_drop(self, "its key " S_SEED " is not ours");
        return;
    }
    if (seed != gw_limit_seed(self->limit))
        gw_limit_set_seed(self->limit, seed);
    self->state = S_READY;
    self->attempts = 0;
    self->told = false;
    self->stats.connected = 1;
    self->stats.connects++;
    proto_log(PROTO_LOG_INFO, "gateway", "rate limits are shared through Redis at %s port %d",
              self->url->host, self->url->port);
}

static void s_on_connected(const redisAsyncContext *context, int status)
{
    gw_redis_t *self = context->data;
    if (status != REDIS_OK && context == self->context)
        s_gone(self, context->errstr);
}

static void s_on_disconnected(const redisAsyncContext *context, int status)
{
    (void)status;
    gw_redis_t *self = context->data;
    if (context == self->context)
        s_gone(self, context->errstr[0] ? context->errstr : "it closed the connection");
}

/* Everything up to the seed goes out at once. */
static int s_greet(gw_redis_t *self)
{
    const gw_redis_url_t *url = self->url;
    redisAsyncContext *context = self->context;
    int rc = REDIS_OK;
    if (*url->user)
        rc |= redisAsyncCommand(context, s_on_greeted, NULL, "AUTH %s %s", url->user, url->password);
    else if (*url->password)
        rc |= redisAsyncCommand(context, s_on_greeted, NULL, "AUTH %s", url->password);
    if (url->database)
        rc |= redisAsyncCommand(context, s_on_greeted, NULL, "SELECT %d", url->database);
    char seed[17];
    snprintf(seed, sizeof seed, "%016" PRIx64, gw_limit_seed(self->limit));
    rc |= redisAsyncCommand(context, s_on_greeted, NULL, "SET " S_SEED " %s NX", seed);
    rc |= redisAsyncCommand(context, s_on_seed, NULL, "GET " S_SEED);
    return rc == REDIS_OK ? 0 : -1;
}

static void s_connect(gw_redis_t *self, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)address, text, sizeof text);
    else
        uv_ip4_name((const struct sockaddr_in *)address, text, sizeof text);
    redisAsyncContext *context = redisAsyncConnect(text, self->url->port);
    PROTO_ASSERT(context != NULL);
    self->state = S_GREETING;
    self->since = (int64_t)uv_now(self->loop);
    self->context = context;
    context->data = self;
    if (context->err || s_attach(context, self->loop) < 0) {
        s_drop(self, context->err ? context->errstr : "its socket cannot be watched");
        return;
    }
    redisAsyncSetConnectCallback(context, s_on_connected);
    redisAsyncSetDisconnectCallback(context, s_on_disconnected);
    if (s_greet(self) < 0)
        s_drop(self, "it cannot be asked");
}

static void s_on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *list)
{
    gw_redis_t *self = resolving->data;
    if (self->closing)
        self->state = S_AWAY;
    else if (status < 0 || !list)
        s_gone(self, status < 0 ? uv_strerror(status) : "its name has no address");
    else
        s_connect(self, list->ai_addr);
    uv_freeaddrinfo(list);
}

/* hiredis would look the name up itself, and block. */
static void s_resolve(gw_redis_t *self)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    self->state = S_RESOLVING;
    self->resolving.data = self;
    int rc = uv_getaddrinfo(self->loop, &self->resolving, s_on_resolved, self->url->host, NULL, &hints);
    if (rc < 0)
        s_gone(self, uv_strerror(rc));
}

static void s_on_debts(redisAsyncContext *context, void *data, void *part)
{
    gw_redis_t *self = context->data;
    const redisReply *reply = data;
    if (!s_replied(context, reply))
        return;
    uint32_t first = (uint32_t)(uintptr_t)part * S_KEYS;
    uint32_t count = self->count - first < S_KEYS ? self->count - first : S_KEYS;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count) {
        s_drop(self, "its answer is not ours");
        return;
    }
    int64_t now = proto_clock_us();
    for (uint32_t i = 0; i < count; i++)
        if (reply->element[i]->type == REDIS_REPLY_INTEGER)
            gw_limit_learn(self->limit, self->shares[first + i].key, reply->element[i]->integer, now);
    if (--self->pending == 0)
        self->stats.exchanges++;
}

/* One command for the shares from `first` on; their texts are borrowed only until it is formatted. */
static int s_tell(gw_redis_t *self, uint32_t part)
{
    const gw_limit_share_t *shares = &self->shares[part * S_KEYS];
    uint32_t left = self->count - part * S_KEYS, count = left < S_KEYS ? left : S_KEYS;
    const char *argv[S_ARGUMENTS] = {"EVAL", s_script};
    size_t sizes[S_ARGUMENTS] = {4, sizeof s_script - 1};
    snprintf(self->texts[2], S_TEXT, "%u", count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(self->texts[3 + i], S_TEXT, S_KEY, shares[i].key);
        snprintf(self->texts[3 + count + 2 * i], S_TEXT, "%u", shares[i].count);
        snprintf(self->texts[4 + count + 2 * i], S_TEXT, "%u", shares[i].step_us);
    }
    int argc = 3 + 3 * (int)count;
    for (int i = 2; i < argc; i++) {
        argv[i] = self->texts[i];
        sizes[i] = strlen(argv[i]);
    }
    int rc = redisAsyncCommandArgv(self->context, s_on_debts, (void *)(uintptr_t)part, argc, argv, sizes);
    return rc == REDIS_OK ? 0 : -1;
}

static void s_exchange(gw_redis_t *self)
{
    self->count = gw_limit_collect(self->limit, proto_clock_us(), self->shares, S_PARTS * S_KEYS);
    self->since = (int64_t)uv_now(self->loop);
    for (uint32_t part = 0; part * S_KEYS < self->count; part++) {
        if (s_tell(self, part) < 0) {
            s_drop(self, "it cannot be asked");
            return;
        }
        self->pending++;
    }
    self->stats.keys += self->count;
}

static void s_on_timer(uv_timer_t *timer)
{
    gw_redis_t *self = timer->data;
    int64_t now = (int64_t)uv_now(self->loop);
    bool late = now - self->since > S_PATIENCE_MS;
    if (self->state == S_AWAY && now >= self->try_at)
        s_resolve(self);
    else if (late && (self->state == S_GREETING || self->pending))
        s_drop(self, "it does not answer");
    else if (self->state == S_READY && !self->pending)
        s_exchange(self);
}

gw_redis_t *gw_redis_open(uv_loop_t *loop, gw_limit_t *limit, const gw_redis_url_t *url)
{
    gw_redis_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->loop = loop;
    self->limit = limit;
    self->url = url;
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    uv_timer_start(&self->timer, s_on_timer, 0, GW_REDIS_EXCHANGE_MS);
    return self;
}

void gw_redis_close(gw_redis_t *self)
{
    if (!self || self->closing)
        return;
    self->closing = true;
    uv_close((uv_handle_t *)&self->timer, NULL);
    if (self->state == S_RESOLVING)
        uv_cancel((uv_req_t *)&self->resolving);
    if (self->context)
        s_drop(self, "");
}

void gw_redis_free(gw_redis_t **self)
{
    free(*self);
    *self = NULL;
}

const gw_redis_stats_t *gw_redis_stats(const gw_redis_t *self)
{
    return &self->stats;
}
