/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's shell: frames in, batches out. One wake-up takes what has come (up to a bound), then each peer
 * with something to hear gets one frame, a Majordomo peer its messages. Plain libzmq messages: the hot path
 * of everything. Thread: its own. Takes and sends every type of record, and Majordomo's messages. */
#include "broker.h"

#include <pthread.h>

#include "brk_core.h"
#include "brk_frame.h"
#include "brk_route.h"
#include "brk_socket.h"
#include "proto_clock.h"
#include "proto_log.h"

enum { S_BURST = 1000 /* most frames of a socket taken per wake-up */ };

typedef struct s_broker {
    brk_core_t *core;
    brk_mdp_t *mdp;
    zsock_t *pipe;
    void *sockets[2]; /* trusted, open (may be NULL) */
    brk_routes_t routes[2];
    brk_route_t *dirty;
    bool draining, drained, stopping;
    zmq_msg_t parts[BRK_MDP_FRAMES]; /* of the message under way */
    proto_bytes_t frames[BRK_MDP_FRAMES];
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

/* The same for one message of packed frames, which is taken off the front of `packed`. */
static int s_send_message(const brk_route_t *route, proto_bytes_t *packed)
{
    void *socket = route->routes->socket;
    brk_frame_t frame = {.more = true};
    if (zmq_send(socket, route->identity, route->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? 0 : -1;
    while (frame.more && brk_frame_next(packed, &frame))
        if (zmq_send(socket, frame.bytes.data, frame.bytes.size,
                     ZMQ_DONTWAIT | (frame.more ? ZMQ_SNDMORE : 0)) < 0)
            return -1;
    return 1;
}

/* The same for all that a Majordomo peer is to hear. */
static int s_send_messages(brk_route_t *route)
{
    proto_bytes_t left = proto_buf_bytes(&route->out);
    int rc = 1;
    while (rc == 1 && left.size > 0)
        rc = s_send_message(route, &left);
    proto_buf_consume(&route->out, route->out.size - left.size);
    if (route->out.size == 0 && route->out.capacity > PROTO_BATCH_BYTES)
        proto_buf_free(&route->out);
    return rc;
}

static int s_send(brk_route_t *route)
{
    return route->mdp ? s_send_messages(route) : s_send_batch(route);
}

static void s_lose(s_broker_t *self, brk_route_t *route)
{
    proto_buf_free(&route->out);
    route->count = 0;
    brk_core_leave(self->core, proto_clock_ms(), route->peer);
}

/* Sends what is there to make room. A socket that takes no more frames: a peer this slow loses what it was to
 * hear, and is given up when nothing can be kept any more. What it lost it counts as unanswered. */
static void s_make_room(brk_route_t *route)
{
    if (s_send(route) == 1)
        return;
    proto_log(PROTO_LOG_WARN, "broker", "a peer does not take its messages: %zu bytes dropped",
              route->out.size);
    proto_buf_reset(&route->out);
    route->count = 0;
}

static void s_say_mdp(s_broker_t *self, brk_route_t *route, const proto_record_t *record)
{
    if (route->out.size > PROTO_BATCH_BYTES)
        s_make_room(route);
    brk_mdp_write(self->mdp, &route->majordomo, record);
    s_mark(self, route);
}

/* The core speaks: the record joins the peer's batch; a full batch goes out first. */
static void s_say(void *arg, void *tag, const proto_record_t *record)
{
    s_broker_t *self = arg;
    brk_route_t *route = tag;
    proto_record_t native;
    if (route->mdp) {
        s_say_mdp(self, route, record);
        return;
    }
    if (record->flags & BRK_RAW) {
        native = *record;
        brk_mdp_native(&native);
        record = &native;
    }
    if (route->count && !proto_batch_fits(&route->out, route->count, proto_record_size(record)))
        s_make_room(route);
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
    if (route->mdp)
        brk_mdp_forget(self->mdp, &route->majordomo);
    s_mark(self, route); /* its last words go out, then it is freed */
}

static void s_flush(s_broker_t *self)
{
    brk_route_t *later = NULL;
    while (self->dirty) {
        brk_route_t *route = self->dirty;
        self->dirty = route->next_dirty;
        route->dirty = false;
        int rc = route->out.size ? s_send(route) : 1;
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

static void s_join(s_broker_t *self, brk_route_t *route, int64_t now)
{
    route->peer = brk_core_join(self->core, now, route->routes->trusted, route);
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
    proto_buf_reset(&route->out);
    route->count = 0;
    route->mdp = mdp;
}

/* The peer's route; NULL when there are too many peers. */
static brk_route_t *s_route(s_broker_t *self, brk_routes_t *routes, zmq_msg_t *identity, int64_t now,
                            bool mdp)
{
    brk_route_t *route =
        brk_routes_get(routes, (proto_bytes_t){zmq_msg_data(identity), zmq_msg_size(identity)});
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

/* Reads the frames behind the identity; how many. A message of too many or too many bytes is read to its end
 * and counts as one without frames. */
static uint32_t s_read_frames(s_broker_t *self, void *socket, bool more)
{
    uint32_t count = 0;
    size_t bytes = 0;
    bool fits = true;
    while (more) {
        zmq_msg_t spare, *part = count < BRK_MDP_FRAMES ? &self->parts[count] : &spare;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            break;
        }
        more = zmq_msg_more(part);
        bytes += zmq_msg_size(part);
        fits = fits && part != &spare && bytes <= PROTO_RECORD_BYTES + PROTO_BATCH_HEADER;
        if (fits)
            self->frames[count++] = (proto_bytes_t){zmq_msg_data(part), zmq_msg_size(part)};
        else
            zmq_msg_close(part);
    }
    while (!fits && count > 0)
        zmq_msg_close(&self->parts[--count]);
    return count;
}

static void s_take_mdp(s_broker_t *self, brk_route_t *route, int64_t now, const brk_mdp_message_t *message)
{
    brk_mdp_take(self->mdp, now, route->peer, &route->majordomo, message);
    if (route->out.size > PROTO_BATCH_BYTES) /* MMI answers do not pass s_say */
        s_make_room(route);
    if (route->out.size)
        s_mark(self, route);
}

/* Reads one message. True when there was one. What is neither a batch nor Majordomo's is dropped and counted;
 * whoever sent it stays who it was. */
static bool s_receive(s_broker_t *self, brk_routes_t *routes, int64_t now)
{
    zmq_msg_t identity;
    zmq_msg_init(&identity);
    if (zmq_msg_recv(&identity, routes->socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&identity);
        return false;
    }
    uint32_t count = s_read_frames(self, routes->socket, zmq_msg_more(&identity));
    proto_batch_t batch;
    brk_mdp_message_t message;
    brk_route_t *route = NULL;
    if (count == 1 && proto_batch_open(&batch, self->frames[0]) == 0) {
        if ((route = s_route(self, routes, &identity, now, false)))
            s_take_batch(self, route, now, &batch);
    } else if (brk_mdp_read(self->frames, count, &message) == 0) {
        if ((route = s_route(self, routes, &identity, now, true)))
            s_take_mdp(self, route, now, &message);
    }
    if (!route)
        brk_core_malformed(self->core, now, 0, 0);
    for (uint32_t i = 0; i < count; i++)
        zmq_msg_close(&self->parts[i]);
    zmq_msg_close(&identity);
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
    self->mdp = brk_mdp_new(self->core, limits.requests, proto_clock_random(), proto_clock_ms());
    self->sockets[0] = brk_socket_new(config->context);
    self->sockets[1] = config->open_endpoint ? brk_socket_new(config->context) : NULL;
    brk_routes_init(&self->routes[0], self->sockets[0], true);
    brk_routes_init(&self->routes[1], self->sockets[1], false);
    if (!self->sockets[0] || brk_socket_bind(self->sockets[0], config->inside) < 0 ||
        (config->local && brk_socket_bind(self->sockets[0], config->local) < 0))
        return -1;
    if (config->open_endpoint &&
        (!self->sockets[1] || brk_socket_bind(self->sockets[1], config->open_endpoint) < 0))
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
    brk_mdp_free(&self.mdp);
    for (int i = 0; i < 2; i++) {
        if (self.sockets[i])
            zmq_close(self.sockets[i]);
        brk_routes_free(&self.routes[i]);
    }
}
