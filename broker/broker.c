/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's shell: frames in, batches out. One wake-up takes what has come (up to a bound), then each peer
 * with something to hear gets one frame. Plain libzmq messages: the hot path of everything. Thread: its own.
 * Takes and sends every type of record. */
#include "broker.h"

#include <pthread.h>
#include <sys/stat.h>

#include "brk_core.h"
#include "brk_route.h"
#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_BURST = 1000,       /* most frames of a socket taken per wake-up */
    S_HIGH_WATER = 10000, /* frames */
    S_FRAME_BYTES = PROTO_RECORD_BYTES + PROTO_BATCH_HEADER,
    S_LINGER_MS = 200
};

typedef struct s_broker {
    brk_core_t *core;
    zsock_t *pipe;
    void *sockets[2]; /* trusted, open (may be NULL) */
    brk_routes_t routes[2];
    brk_route_t *dirty;
    bool draining, drained, stopping;
} s_broker_t;

static void s_mark(s_broker_t *self, brk_route_t *route)
{
    if (route->dirty)
        return;
    route->dirty = true;
    route->next_dirty = self->dirty;
    self->dirty = route;
}

/* 1 sent, 0 the socket takes nothing now, -1 the peer cannot be reached. */
static int s_send_batch(brk_route_t *route)
{
    void *socket = route->routes->socket;
    if (zmq_send(socket, route->identity, route->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? 0 : -1;
    if (zmq_send(socket, route->out.data, route->out.size, ZMQ_DONTWAIT) < 0)
        return -1;
    proto_buf_reset(&route->out);
    if (route->out.capacity > PROTO_BATCH_BYTES)
        proto_buf_free(&route->out);
    route->count = 0;
    return 1;
}

static void s_lose(s_broker_t *self, brk_route_t *route)
{
    proto_buf_free(&route->out);
    route->count = 0;
    brk_core_leave(self->core, proto_clock_ms(), route->peer);
}

/* The core speaks: the record joins the peer's batch; a full batch goes out first. */
static void s_say(void *arg, void *tag, const proto_record_t *record)
{
    s_broker_t *self = arg;
    brk_route_t *route = tag;
    if (route->count && !proto_batch_fits(&route->out, route->count, proto_record_size(record)) &&
        s_send_batch(route) != 1) {
        /* A socket that takes no more frames: a client this slow loses what it was to hear, and is given up
         * when nothing can be kept any more. What it lost it counts as unanswered. */
        proto_log(PROTO_LOG_WARN, "broker", "a peer does not take its messages: %zu bytes dropped",
                  route->out.size);
        proto_buf_reset(&route->out);
        route->count = 0;
    }
    if (proto_record_append(&route->out, record) < 0) {
        proto_log(PROTO_LOG_ERROR, "broker", "a %s could not be encoded", proto_type_name(record->type));
        return;
    }
    route->count++;
    s_mark(self, route);
}

static void s_forget(void *arg, void *tag)
{
    s_broker_t *self = arg;
    brk_route_t *route = tag;
    route->peer = 0;
    s_mark(self, route); /* its last words go out, then it is freed */
}

static void s_flush(s_broker_t *self)
{
    brk_route_t *later = NULL;
    while (self->dirty) {
        brk_route_t *route = self->dirty;
        self->dirty = route->next_dirty;
        route->dirty = false;
        int rc = route->count ? s_send_batch(route) : 1;
        if (rc < 0 && route->peer) {
            s_lose(self, route); /* marks it again, to be freed */
        } else if (rc == 0 && route->peer) {
            route->next_dirty = later;
            later = route;
        } else if (route->peer == 0) {
            brk_routes_remove(route);
        }
    }
    self->dirty = later; /* s_run tries again soon */
    for (; later; later = later->next_dirty)
        later->dirty = true;
}

/* The peer's route; NULL when there are too many peers. */
static brk_route_t *s_route(s_broker_t *self, brk_routes_t *routes, zmq_msg_t *identity, int64_t now)
{
    brk_route_t *route =
        brk_routes_get(routes, (proto_bytes_t){zmq_msg_data(identity), zmq_msg_size(identity)});
    if (route->peer == 0)
        route->peer = brk_core_join(self->core, now, routes->trusted, route);
    if (route->peer || route->dirty) /* one with last words goes when they are said */
        return route;
    brk_routes_remove(route);
    return NULL;
}

static void s_take(s_broker_t *self, brk_route_t *route, int64_t now, proto_bytes_t frame)
{
    proto_batch_t batch;
    if (proto_batch_open(&batch, frame) < 0) {
        brk_core_malformed(self->core, now, route->peer, 0);
        return;
    }
    proto_record_t record;
    for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
        if (route->peer == 0) /* after a DISCONNECT: what follows it in the frame comes from a new peer */
            route->peer = brk_core_join(self->core, now, route->routes->trusted, route);
        if (rc > 0)
            brk_core_record(self->core, now, route->peer, &record);
        else
            brk_core_malformed(self->core, now, route->peer, record.id);
    }
}

/* Reads one message. True when there was one. Anything but one native frame is dropped and counted. */
static bool s_receive(s_broker_t *self, brk_routes_t *routes, int64_t now)
{
    zmq_msg_t identity, frame;
    zmq_msg_init(&identity);
    if (zmq_msg_recv(&identity, routes->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&identity);
        return false;
    }
    int frames = 0;
    bool more = zmq_msg_more(&identity);
    zmq_msg_init(&frame);
    while (more) {
        if (zmq_msg_recv(&frame, routes->socket, ZMQ_DONTWAIT) < 0)
            break;
        frames++;
        more = zmq_msg_more(&frame);
    }
    brk_route_t *route = frames == 1 ? s_route(self, routes, &identity, now) : NULL;
    if (route) {
        s_take(self, route, now, (proto_bytes_t){zmq_msg_data(&frame), zmq_msg_size(&frame)});
    } else {
        brk_core_malformed(self->core, now, 0, 0);
    }
    zmq_msg_close(&identity);
    zmq_msg_close(&frame);
    return true;
}

static void s_command(s_broker_t *self)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (!command || strcmp(command, "$TERM") == 0) {
            self->stopping = true;
        } else if (strcmp(command, "DRAIN") == 0) {
            self->draining = true;
            brk_core_drain(self->core);
        }
        freen(command);
    }
    if (self->draining && !self->drained && brk_core_idle(self->core)) {
        self->drained = true;
        zstr_send(self->pipe, "DRAINED");
    }
}

static void s_run(s_broker_t *self)
{
    int count = self->sockets[1] ? 3 : 2;
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
                              {.socket = self->sockets[0], .events = ZMQ_POLLIN},
                              {.socket = self->sockets[1], .events = ZMQ_POLLIN}};
    while (!self->stopping) {
        int64_t now = proto_clock_ms(), due = brk_core_next_deadline(self->core);
        if (self->dirty) /* a full socket is tried again soon */
            due = now + 10;
        if (zmq_poll(items, count, due > now ? (long)(due - now) : 0) < 0 && errno != EINTR)
            break;
        now = proto_clock_ms();
        for (int i = 1; i < count; i++)
            for (int n = 0; n < S_BURST && s_receive(self, &self->routes[i - 1], now); n++)
                continue;
        if (now >= brk_core_next_deadline(self->core))
            brk_core_tick(self->core, now);
        s_flush(self);
        s_command(self);
    }
    s_flush(self);
}

static void *s_socket(void *context)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int on = 1, linger = S_LINGER_MS, water = S_HIGH_WATER, handshake = 2000, heartbeat = 5000, no = 0;
    int64_t most = S_FRAME_BYTES;
    if (!socket)
        return NULL;
    zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_ROUTER_HANDOVER, &no, sizeof no);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &water, sizeof water);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &water, sizeof water);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &heartbeat, sizeof heartbeat);
    return socket;
}

static int s_bind(void *socket, const char *endpoint)
{
    mode_t mask = umask(0177); /* an ipc socket is its user's alone */
    int rc = zmq_bind(socket, endpoint), error = errno;
    umask(mask);
    if (rc < 0)
        proto_log(PROTO_LOG_ERROR, "broker", "cannot bind %s: %s", endpoint, zmq_strerror(error));
    return rc;
}

static int s_open(s_broker_t *self, const broker_config_t *config)
{
    const brk_limits_t limits = {
        .peers = 65536,
        .requests = 1 << 20,
        .queue_count = config->queue,
        .queue_bytes = 256ull * 1024 * 1024,
        .queue_ms = 10000,
        .deadline_ms = 3600000,
        .subject = config->open_subject ? config->open_subject : "",
        .role = config->open_role ? config->open_role : "",
    };
    self->core = brk_core_new(&limits, s_say, self, proto_clock_ms());
    brk_core_on_forget(self->core, s_forget);
    brk_core_settings(self->core, config->settings);
    self->sockets[0] = s_socket(config->context);
    self->sockets[1] = config->open_endpoint ? s_socket(config->context) : NULL;
    brk_routes_init(&self->routes[0], self->sockets[0], true);
    brk_routes_init(&self->routes[1], self->sockets[1], false);
    if (!self->sockets[0] || s_bind(self->sockets[0], config->inside) < 0 ||
        (config->local && s_bind(self->sockets[0], config->local) < 0))
        return -1;
    if (config->open_endpoint && (!self->sockets[1] || s_bind(self->sockets[1], config->open_endpoint) < 0))
        return -1;
    return 0;
}

void broker_actor(zsock_t *pipe, void *config)
{
    s_broker_t self = {.pipe = pipe};
    pthread_setname_np(pthread_self(), "broker");
    zsock_signal(pipe, 0);
    bool open = s_open(&self, config) == 0;
    zsock_signal(pipe, open ? 0 : 1);
    if (open)
        s_run(&self);
    brk_core_free(&self.core);
    for (int i = 0; i < 2; i++) {
        if (self.sockets[i])
            zmq_close(self.sockets[i]);
        brk_routes_free(&self.routes[i]);
    }
}
