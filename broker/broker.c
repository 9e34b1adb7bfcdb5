/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's shell: frames in, batches out. One wake-up takes what has come (up to a bound), then each peer
 * with something to hear gets one frame, a Majordomo peer its messages. Thread: its own. Takes and sends
 * every type of record, and Majordomo's messages. */
#include "broker.h"

#include <poll.h>
#include <pthread.h>

#include "brk_core.h"
#include "brk_figures.h"
#include "brk_message.h"
#include "brk_outbox.h"
#include "brk_socket.h"
#include "brk_zap.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "proto_yield.h"

enum {
    S_BURST = 1000,         /* most messages of a socket taken before others have their turn ... */
    S_BURST_OUT = 64,       /* ... and where anybody may send */
    S_HIGH_WATER = 10000,   /* most frames that wait for a peer of this user ... */
    S_HIGH_WATER_OUT = 256, /* ... and for one from elsewhere */
    S_INBOUND_OUT = 256,    /* ... and of one: libzmq keeps those under another's routing id for ever */
    S_AGAIN_MS = 1,
    S_QUIET_MS = 200, /* nobody has asked for so long: all have heard that it ends */
    S_ROUNDS = 4, /* looks at what the answers brought about before the other sockets have their turn ... */
    S_TURNS = 4   /* ... and turns without asking the kernel, while there is something to do anyhow */
};

/* Its peers' rights differ, so each kind of endpoint has a socket of its own. Those inside come by one, too,
 * or by the hub. */
enum { S_INSIDE, S_LOCAL, S_OUTSIDE, S_SOCKETS, S_HUB = S_SOCKETS, S_WAYS, S_ZAP = S_WAYS, S_PIPE, S_ITEMS };

typedef struct s_broker {
    brk_core_t *core;
    brk_mdp_t *mdp;
    brk_figures_t *figures;
    zsock_t *pipe;
    brk_routes_t routes[S_WAYS]; /* some may have no socket, the last a hub */
    brk_zap_t zap;               /* its socket is NULL without CURVE */
    brk_rights_t *rights;        /* NULL: no file */
    brk_outbox_t out;
    bool draining, drained, stopping;
    int64_t busy_at;       /* draining: when there was something to do, or a request came */
    uint64_t asked;        /* how many had come by then */
    brk_message_t message; /* the one under way */
    int unasked;           /* turns since the descriptors were polled */
    proto_yield_t yield;
} s_broker_t;

static void s_say(void *arg, void *tag, const proto_record_t *record)
{
    s_broker_t *self = arg;
    brk_outbox_say(&self->out, tag, record);
}

static void s_forget(void *arg, void *tag)
{
    s_broker_t *self = arg;
    brk_outbox_forget(&self->out, tag);
}

/* What the peer may do, by the rights of now. */
static const brk_right_t *s_right(const s_broker_t *self, const brk_route_t *route)
{
    if (route->routes->right)
        return route->routes->right;
    const brk_right_t *right = brk_rights_find(self->rights, proto_bytes_of(route->key));
    return right ? right : brk_right_none();
}

/* Whether a peer of a CURVE endpoint chose its routing id itself. Such an id may be another peer's next, with
 * another key, who would then hear what was meant for the first. Those that libzmq makes begin with 0, and
 * are never used again. */
static bool s_chose_identity(const brk_routes_t *routes, proto_bytes_t identity)
{
    return !routes->right && identity.data[0] != 0;
}

static void s_join(s_broker_t *self, brk_route_t *route, int64_t now)
{
    route->peer = brk_core_join(self->core, now, s_right(self, route), route);
    if (route->mdp) {
        route->majordomo = (brk_mdp_peer_t){.out = &route->out};
        brk_core_speaks_mdp(self->core, route->peer);
    }
}

/* Whoever speaks another dialect under a known identity is somebody else. */
static void s_change(s_broker_t *self, brk_route_t *route, int64_t now, bool mdp)
{
    if (route->peer)
        brk_core_leave(self->core, now, route->peer);
    brk_route_drop(route);
    route->mdp = mdp;
}

/* The peer's route; NULL when there are too many peers, or it may have none. */
static brk_route_t *s_route(s_broker_t *self, brk_routes_t *routes, int64_t now, bool mdp)
{
    if (s_chose_identity(routes, self->message.from))
        return NULL;
    brk_route_t *route = brk_routes_get(routes, self->message.from);
    if (self->message.spoke && !route->spoke)
        route->spoke = proto_spoke_hold(self->message.spoke);
    if (!routes->right && !*route->key)
        brk_message_key(&self->message, route->key);
    if (route->mdp != mdp)
        s_change(self, route, now, mdp);
    if (route->peer == 0)
        s_join(self, route, now);
    if (route->peer)
        return route;
    if (!route->dirty) /* one with last words goes when they are said */
        brk_routes_remove(route);
    return NULL;
}

static void s_take_batch(s_broker_t *self, brk_route_t *route, int64_t now, proto_batch_t *batch)
{
    proto_record_t record;
    for (int rc; (rc = proto_batch_next(batch, &record)) != 0;) {
        if (route->peer == 0) /* after a DISCONNECT: what follows it in the frame comes from a new peer */
            s_join(self, route, now);
        if (rc > 0)
            brk_core_record(self->core, now, route->peer, &record);
        else
            brk_core_malformed(self->core, now, route->peer, record.id);
    }
}

static void s_take_mdp(s_broker_t *self, brk_route_t *route, int64_t now, const brk_mdp_message_t *message)
{
    brk_mdp_take(self->mdp, now, route->peer, &route->majordomo, message);
    brk_outbox_make_room(&self->out, route); /* MMI answers do not pass s_say */
    if (route->out.size)
        brk_outbox_mark(&self->out, route);
}

/* Reads one message. True when there was one. What is neither a batch nor Majordomo's is dropped and counted;
 * whoever sent it stays who it was. */
static bool s_receive(s_broker_t *self, brk_routes_t *routes, int64_t now)
{
    brk_message_t *message = &self->message;
    if (!brk_message_read(message, routes))
        return false;
    proto_batch_t batch;
    brk_mdp_message_t majordomo;
    brk_route_t *route = NULL;
    if (message->count == 1 && proto_batch_open(&batch, message->frames[0]) == 0) {
        if ((route = s_route(self, routes, now, false)))
            s_take_batch(self, route, now, &batch);
    } else if (brk_mdp_read(message->frames, message->count, &majordomo) == 0) {
        if ((route = s_route(self, routes, now, true)))
            s_take_mdp(self, route, now, &majordomo);
    }
    if (!route)
        brk_core_malformed(self->core, now, 0, 0);
    brk_message_close(message);
    return true;
}

/* A READY was refused: one line for each connection. */
static void s_refuse(void *arg, void *tag, const char *what, proto_bytes_t name)
{
    const s_broker_t *self = arg;
    brk_route_t *route = tag;
    if (route->refused)
        return;
    route->refused = true;
    proto_bytes_t peer = s_right(self, route)->name;
    proto_log(PROTO_LOG_WARN, "broker", "%.*s may not %s %.*s", (int)peer.size, (const char *)peer.data, what,
              (int)name.size, (const char *)name.data);
}

/* Another rights file: everybody's right is looked up anew. The former rights stay until nobody has one. */
static void s_take_rights(s_broker_t *self, const char *text)
{
    proto_buf_t why = PROTO_BUF_INIT;
    int64_t now = proto_clock_ms();
    brk_rights_t *rights = brk_rights_parse(proto_bytes_of(text), &why);
    if (!rights) {
        proto_log(PROTO_LOG_ERROR, "broker", "the rights stay as they are: %s", proto_buf_text(&why));
        proto_buf_free(&why);
        return;
    }
    brk_rights_t *former = self->rights;
    self->rights = rights;
    self->routes[S_LOCAL].right = brk_rights_local(rights);
    for (int i = S_LOCAL; i <= S_OUTSIDE; i++)
        for (brk_route_t *route = NULL; (route = brk_routes_next(&self->routes[i], route));)
            brk_core_renew(self->core, now, route->peer, s_right(self, route));
    brk_rights_free(&former);
    proto_log(PROTO_LOG_INFO, "broker", "rights of %u peers are in force", brk_rights_count(rights));
}

/* Whether nothing is under way and nobody will ask any more. A write on its way when sockets close has an
 * unknown outcome, so peers of other processes get time to hear of the end; those inside ended before. */
static bool s_quiet(s_broker_t *self, int64_t now)
{
    uint64_t asked = brk_core_stats(self->core)->requests;
    bool alone = self->routes[S_LOCAL].used == 0 && self->routes[S_OUTSIDE].used == 0;
    if (!brk_core_idle(self->core) || asked != self->asked)
        self->busy_at = now;
    self->asked = asked;
    return brk_core_idle(self->core) && (alone || now - self->busy_at >= S_QUIET_MS);
}

static void s_command(s_broker_t *self)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (!command || strcmp(command, "$TERM") == 0) {
            self->stopping = true;
        } else if (strcmp(command, "DRAIN") == 0) {
            self->draining = true;
            self->busy_at = proto_clock_ms();
            brk_core_drain(self->core, self->busy_at);
            brk_outbox_flush(&self->out);
        } else if (strcmp(command, "RIGHTS") == 0) {
            char *text = zstr_recv(self->pipe);
            if (text)
                s_take_rights(self, text);
            freen(text);
        }
        freen(command);
    }
}

/* Tells main once nothing is under way any more. */
static void s_check_drained(s_broker_t *self)
{
    if (!self->draining || self->drained || !s_quiet(self, proto_clock_ms()))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
    s_command(self); /* sending may have eaten the edge of a command */
}

static bool s_look(const s_broker_t *self)
{
    bool look = false;
    for (int i = 0; i < S_WAYS; i++)
        look = look || self->routes[i].look;
    return look;
}

/* Takes a burst from each socket that may have something, and says what there is to say. A large message
 * takes its time, so it ends its burst: everybody hears from the broker in between, and who is heard next, or
 * waits behind it, does not seem to have been silent. */
static void s_serve(s_broker_t *self, int64_t now)
{
    int64_t began = now;
    bool cut = false;
    for (int i = 0; i < S_WAYS; i++) {
        brk_routes_t *routes = &self->routes[i];
        int burst = i == S_OUTSIDE ? S_BURST_OUT : S_BURST;
        bool large = false;
        while (routes->look && !large && burst-- > 0) {
            routes->look = s_receive(self, routes, now);
            large = routes->look && self->message.bytes > PROTO_BATCH_BYTES;
        }
        if (large)
            now = proto_clock_ms();
        cut = cut || large;
    }
    if (!cut)
        brk_core_read_until(self->core, began);
    if (now >= brk_core_next_deadline(self->core))
        brk_core_tick(self->core, now);
    brk_outbox_flush(&self->out);
}

/* Waits until something comes, or `due`. */
static void s_wait(s_broker_t *self, struct pollfd *items, int64_t now, int64_t due)
{
    proto_hub_t *hub = self->routes[S_HUB].hub;
    if (hub && !proto_hub_sleeps(hub))
        self->routes[S_HUB].look = true;
    bool look = s_look(self);
    if (look && ++self->unasked < S_TURNS)
        return;
    self->unasked = 0;
    int timeout = look || due <= now ? 0 : (int)(due - now);
    if (poll(items, S_ITEMS, timeout) <= 0)
        return;
    for (int i = 0; i < S_WAYS; i++)
        self->routes[i].look = self->routes[i].look || items[i].revents;
    if (items[S_HUB].revents)
        proto_hub_woken(hub);
    for (uint32_t n = items[S_ZAP].revents ? brk_zap_answer(&self->zap, self->rights, now) : 0; n; n--)
        brk_core_denied(self->core);
    if (items[S_PIPE].revents)
        s_command(self);
}

/* Sockets are polled by their descriptors: zmq_poll would ask each of them twice, with three system calls a
 * time. The descriptors are edge-triggered, and sending can eat an edge (zmq_getsockopt(3), ZMQ_FD): so the
 * loop sleeps only after each socket was found empty since something was sent there. */
static void s_run(s_broker_t *self)
{
    struct pollfd items[S_ITEMS];
    for (int i = 0; i < S_WAYS; i++)
        items[i] = brk_socket_item(self->routes[i].socket);
    if (self->routes[S_HUB].hub)
        items[S_HUB] = (struct pollfd){.fd = proto_hub_fd(self->routes[S_HUB].hub), .events = POLLIN};
    items[S_ZAP] = brk_socket_item(self->zap.socket);
    items[S_PIPE] = brk_socket_item(zsock_resolve(self->pipe));
    s_command(self); /* only who has found it empty hears of the next command */
    while (!self->stopping) {
        int64_t now = proto_clock_ms(); /* a full socket is tried again soon */
        int64_t due = self->out.dirty ? now + S_AGAIN_MS : brk_core_next_deadline(self->core);
        proto_yield_until(&self->yield, brk_core_under_way(self->core), proto_hub_filled,
                          self->routes[S_HUB].hub);
        s_wait(self, items, now, due);
        for (int round = 0; round < S_ROUNDS && (round == 0 || s_look(self)); round++)
            s_serve(self, proto_clock_ms());
        brk_figures_turn(self->figures, proto_clock_ms(), self->core);
        s_check_drained(self);
    }
    brk_outbox_flush(&self->out);
}

/* The broker's socket for one kind of endpoint, bound to all of them. */
static int s_bind(s_broker_t *self, const broker_config_t *config, int kind, const char *const *endpoints,
                  uint32_t count)
{
    const brk_socket_options_t options = {
        .max_message = config->max_message,
        .outbound = kind == S_OUTSIDE ? S_HIGH_WATER_OUT : S_HIGH_WATER,
        .inbound = kind == S_OUTSIDE ? S_INBOUND_OUT : S_HIGH_WATER,
        .secret_key = kind == S_OUTSIDE ? config->secret_key : NULL,
    };
    void *socket = self->routes[kind].socket = brk_socket_new(config->context, &options);
    if (!socket)
        proto_log(PROTO_LOG_ERROR, "broker", "no socket: %s", zmq_strerror(errno));
    for (uint32_t i = 0; i < count && socket; i++)
        if (brk_socket_bind(socket, endpoints[i]) < 0)
            return -1;
    return socket ? 0 : -1;
}

static int s_open_rights(s_broker_t *self, const broker_config_t *config)
{
    proto_buf_t why = PROTO_BUF_INIT;
    if (config->rights)
        self->rights = brk_rights_parse(proto_bytes_of(config->rights), &why);
    if (why.size)
        proto_log(PROTO_LOG_ERROR, "broker", "the rights file: %s", proto_buf_text(&why));
    int rc = why.size ? -1 : 0;
    proto_buf_free(&why);
    if (rc == 0 && config->secret_key) {
        PROTO_ASSERT(self->rights != NULL);
        rc = brk_zap_open(&self->zap, config->context);
    }
    return rc;
}

static int s_open(s_broker_t *self, const broker_config_t *config)
{
    const brk_limits_t limits = {.peers = config->peers,
                                 .requests = 1 << 20,
                                 .queue_count = config->queue,
                                 .queue_bytes = 256ull * 1024 * 1024,
                                 .queue_ms = 10000,
                                 .deadline_ms = 3600000};
    self->core = brk_core_new(&limits, s_say, self, proto_clock_ms());
    self->figures = brk_figures_new(config->metrics);
    brk_core_on_forget(self->core, s_forget);
    brk_core_on_refuse(self->core, s_refuse);
    brk_core_settings(self->core, config->settings);
    self->out.core = self->core;
    self->out.mdp = self->mdp =
        brk_mdp_new(self->core, limits.requests, proto_clock_random(), proto_clock_ms());
    int rc = s_open_rights(self, config);
    brk_routes_init(&self->routes[S_HUB], NULL, brk_right_all());
    self->routes[S_HUB].hub = config->hub;
    brk_routes_init(&self->routes[S_INSIDE], NULL, brk_right_all());
    brk_routes_init(&self->routes[S_LOCAL], NULL, brk_rights_local(self->rights));
    brk_routes_init(&self->routes[S_OUTSIDE], NULL,
                    config->secret_key ? NULL : brk_right_dev(config->open_workers));
    if (rc < 0 || s_bind(self, config, S_INSIDE, &config->inside, 1) < 0 ||
        (config->local && s_bind(self, config, S_LOCAL, &config->local, 1) < 0) ||
        (config->bind_count && s_bind(self, config, S_OUTSIDE, config->binds, config->bind_count) < 0))
        rc = -1;
    return rc;
}

static void s_close(s_broker_t *self)
{
    brk_core_free(&self->core);
    brk_figures_free(&self->figures);
    brk_mdp_free(&self->mdp);
    for (int i = 0; i < S_WAYS; i++) {
        if (self->routes[i].socket)
            zmq_close(self->routes[i].socket);
        brk_routes_free(&self->routes[i]);
    }
    brk_message_free(&self->message);
    brk_zap_close(&self->zap);
    brk_rights_free(&self->rights);
}

void broker_actor(zsock_t *pipe, void *config)
{
    s_broker_t self = {.pipe = pipe};
    pthread_setname_np(pthread_self(), "broker");
    bool open = s_open(&self, config) == 0;
    zsock_signal(pipe, open ? 0 : 1);
    if (open)
        s_run(&self);
    s_close(&self);
}
