/* SPDX-License-Identifier: MPL-2.0 */
/* One DEALER, or one spoke, to one broker. Thread: the owner's.
 * In: whatever frames the broker sends. Out: batches of records, HEARTBEAT after 500 ms of silence. */
#include "proto_wire.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "proto_give.h"
#include "proto_lookup.h"

enum {
    S_HIGH_WATER =
        100000, /* frames; the bound on what is under way is the sender's window or pending table */
    S_RECONNECT_MS = 50,
    S_RETRY_MS = 10,
    S_KEEP = 256 << 10,    /* bytes that a batch begins with, if the one before had so many */
    S_LOOK_MS = 5,         /* a name being looked up is asked for so often ... */
    S_LOOK_AGAIN_MS = 200, /* ... and looked up again so long after it was not found */
    S_MAGIC = 0x57495245
};

typedef struct s_batch {
    proto_buf_t bytes;
    uint32_t records;
} s_batch_t;

/* The way to the broker. */
typedef struct s_link {
    void *socket;         /* NULL by a hub */
    void *monitor;        /* tells of connections made and broken; NULL for inproc, where there is none */
    proto_spoke_t *spoke; /* NULL by ZeroMQ */
} s_link_t;

struct proto_wire {
    uint32_t magic;
    void *context;
    s_link_t link;
    const proto_address_t *address;
    s_batch_t batch;    /* being filled */
    s_batch_t *waiting; /* full or refused batches, oldest first */
    size_t waiting_count, waiting_capacity;
    zmq_msg_t frame;        /* the one being read */
    proto_buf_t came;       /* by the hub: the same */
    proto_lookup_t *lookup; /* the broker's name while it is being looked up */
    int64_t look_at;        /* when to do so; INT64_MAX: the socket connects by itself */
    int64_t opened, last_sent, last_heard;
    int64_t retry_at; /* the socket took nothing: not before, unless it is told of */
    bool by_fd;       /* the owner waits for the descriptor, and tells: */
    bool look;        /* the socket may have something */
    bool news;        /* so may the monitor: what breaks a connection wakes the socket, too */
    bool joined;      /* the present connection has passed its handshake */
    bool broken;      /* a connection was lost, whether or not there is another one by now */
    uint64_t put, sent, malformed;
};

static bool s_option(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool s_key(void *socket, int option, const char *key)
{
    return zmq_setsockopt(socket, option, key, strlen(key) + 1) == 0;
}

static bool s_set_up(void *socket, const proto_address_t *address)
{
    /* IMMEDIATE: nothing is queued for a broker that is not there, else it would be run when one comes up. */
    return s_option(socket, ZMQ_IMMEDIATE, 1) && s_option(socket, ZMQ_LINGER, 0) &&
           s_option(socket, ZMQ_SNDHWM, S_HIGH_WATER) && s_option(socket, ZMQ_RCVHWM, S_HIGH_WATER) &&
           s_option(socket, ZMQ_RECONNECT_IVL, S_RECONNECT_MS) &&
           (!address->server_key || (s_key(socket, ZMQ_CURVE_SERVERKEY, address->server_key) &&
                                     s_key(socket, ZMQ_CURVE_PUBLICKEY, address->public_key) &&
                                     s_key(socket, ZMQ_CURVE_SECRETKEY, address->secret_key)));
}

/* A socket that hears when the connection is made and when it breaks. libzmq connects again by itself, to a
 * broker that may have been started anew and knows nothing of what the former one was asked. */
static void *s_watch(void *context, void *socket, const proto_address_t *address)
{
    static atomic_uint number;
    char name[64];
    if (strncmp(address->endpoint, "inproc:", 7) == 0)
        return NULL;
    snprintf(name, sizeof name, "inproc://proto-wire-%u", atomic_fetch_add(&number, 1));
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor &&
        zmq_socket_monitor(socket, name, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0 &&
        s_option(monitor, ZMQ_LINGER, 0) && zmq_connect(monitor, name) == 0)
        return monitor;
    if (monitor) /* out of sockets: then the silence has to tell */
        zmq_close(monitor);
    return NULL;
}

static void s_link_close(s_link_t *self)
{
    if (self->monitor) {
        (void)zmq_socket_monitor(self->socket, NULL, 0);
        zmq_close(self->monitor);
    }
    if (self->socket)
        zmq_close(self->socket);
    proto_spoke_drop(&self->spoke);
    *self = (s_link_t){0};
}

/* By ZeroMQ a socket that connects, watched from before it does; one behind a name once that is looked up. -1
 * with errno. */
static int s_link_open(s_link_t *self, void *context, const proto_address_t *address)
{
    *self = (s_link_t){0};
    if (address->hub) {
        self->spoke = proto_spoke_new(address->hub);
        return self->spoke ? 0 : -1;
    }
    self->socket = zmq_socket(context, ZMQ_DEALER);
    if (self->socket && s_set_up(self->socket, address)) {
        self->monitor = s_watch(context, self->socket, address);
        if (proto_lookup_needed(address->endpoint) || zmq_connect(self->socket, address->endpoint) == 0)
            return 0;
    }
    int why = errno;
    s_link_close(self);
    errno = why;
    return -1;
}

/* Looks the broker's name up, again after a while if there is no such name, and connects. When to go on. */
static int64_t s_reach(proto_wire_t *self, int64_t now)
{
    char endpoint[PROTO_LOOKUP_ENDPOINT];
    if (now < self->look_at)
        return self->look_at;
    if (!self->lookup)
        self->lookup = proto_lookup_start(self->address->endpoint);
    int rc = self->lookup ? proto_lookup_result(self->lookup, endpoint) : -1;
    if (rc == 0)
        return now + S_LOOK_MS;
    proto_lookup_free(&self->lookup);
    self->look = true;
    self->look_at =
        rc > 0 && zmq_connect(self->link.socket, endpoint) == 0 ? INT64_MAX : now + S_LOOK_AGAIN_MS;
    return self->look_at;
}

/* A new socket has to be connected, if that needs a name. What is being looked up already is waited for. */
static void s_reach_anew(proto_wire_t *self, int64_t now)
{
    bool needed = !self->address->hub && proto_lookup_needed(self->address->endpoint);
    self->look_at = needed ? now : INT64_MAX;
    (void)s_reach(self, now);
}

proto_wire_t *proto_wire_open(void *context, const proto_address_t *address, int64_t now)
{
    s_link_t link;
    if (s_link_open(&link, context, address) < 0)
        return NULL;
    proto_wire_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->magic = S_MAGIC;
    self->context = context;
    self->address = address;
    self->link = link;
    self->opened = self->last_sent = now;
    self->last_heard = now - PROTO_EXPIRY_MS;
    self->look = self->news = true;
    zmq_msg_init(&self->frame);
    s_reach_anew(self, now);
    return self;
}

static void s_drop_waiting(proto_wire_t *self)
{
    for (size_t i = 0; i < self->waiting_count; i++)
        proto_buf_free(&self->waiting[i].bytes);
    self->waiting_count = 0;
    proto_buf_reset(&self->batch.bytes);
    self->batch.records = 0;
    self->sent = self->put;
}

void proto_wire_close(proto_wire_t **self_pointer, int linger_ms)
{
    proto_wire_t *self = *self_pointer;
    if (!self)
        return;
    PROTO_ASSERT(self->magic == S_MAGIC);
    *self_pointer = NULL;
    if (self->link.socket)
        (void)s_option(self->link.socket, ZMQ_LINGER, linger_ms);
    s_link_close(&self->link);
    proto_lookup_free(&self->lookup);
    zmq_msg_close(&self->frame);
    proto_buf_free(&self->came);
    s_drop_waiting(self);
    free(self->waiting);
    proto_buf_free(&self->batch.bytes);
    self->magic = 0;
    free(self);
}

static bool s_readable(proto_wire_t *self)
{
    int events = 0;
    size_t size = sizeof events;
    self->look = zmq_getsockopt(self->link.socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
    return self->look;
}

/* An event is two frames, of which the first begins with its number. A connection that ends in its handshake
 * (a key that is not let in) never was one, and a broker that was never heard is not lost. */
static void s_look_broken(proto_wire_t *self, int64_t now)
{
    struct {
        uint16_t event;
        uint8_t rest[254];
    } frame;
    int more = 0;
    size_t size = sizeof more;
    if (self->by_fd && !self->news)
        return;
    self->news = false;
    while (self->link.monitor && zmq_recv(self->link.monitor, &frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
        if (zmq_getsockopt(self->link.monitor, ZMQ_RCVMORE, &more, &size) < 0 || !more)
            continue;
        if (frame.event == ZMQ_EVENT_DISCONNECTED && self->joined)
            self->broken = self->broken || proto_wire_alive(self, now);
        self->joined = frame.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    }
}

bool proto_wire_broken(proto_wire_t *self, int64_t now)
{
    s_look_broken(self, now);
    return self->broken;
}

bool proto_wire_dead(proto_wire_t *self, int64_t now)
{
    s_look_broken(self, now);
    if (self->broken) /* what it said before it went is still to be read */
        return !s_readable(self);
    int64_t since = self->opened > self->last_heard ? self->opened : self->last_heard;
    return now - since >= PROTO_EXPIRY_MS;
}

bool proto_wire_renew(proto_wire_t *self, int64_t now)
{
    if (!proto_wire_dead(self, now))
        return false;
    s_link_t link;
    if (s_link_open(&link, self->context, self->address) < 0) /* out of sockets: the old one has to do */
        return false;
    s_link_close(&self->link); /* its LINGER is 0 */
    self->link = link;
    self->opened = now;
    self->last_heard = now - PROTO_EXPIRY_MS;
    self->broken = self->joined = false;
    self->look = self->news = true;
    s_reach_anew(self, now);
    s_drop_waiting(self);
    return true;
}

void *proto_wire_socket(proto_wire_t *self)
{
    return self->link.socket;
}

int proto_wire_fd(proto_wire_t *self)
{
    if (self->link.spoke)
        return proto_spoke_fd(self->link.spoke);
    int fd = -1;
    size_t size = sizeof fd;
    int rc = zmq_getsockopt(self->link.socket, ZMQ_FD, &fd, &size);
    PROTO_ASSERT(rc == 0);
    self->by_fd = true;
    return fd;
}

void proto_wire_told(proto_wire_t *self)
{
    self->look = self->news = true;
    self->retry_at = 0;
    if (self->link.spoke)
        proto_spoke_woken(self->link.spoke);
}

bool proto_wire_looks(proto_wire_t *self)
{
    return self->link.spoke ? !proto_spoke_sleeps(self->link.spoke) : self->look;
}

bool proto_wire_filled(const proto_wire_t *self)
{
    return !self->link.spoke || proto_spoke_filled(self->link.spoke);
}

/* Moves the batch under way to the end of those that wait. */
static void s_seal(proto_wire_t *self)
{
    if (self->waiting_count == self->waiting_capacity) {
        size_t capacity = self->waiting_capacity ? self->waiting_capacity * 2 : 8;
        s_batch_t *waiting = realloc(self->waiting, capacity * sizeof *waiting);
        PROTO_ASSERT(waiting != NULL);
        self->waiting = waiting;
        self->waiting_capacity = capacity;
    }
    self->waiting[self->waiting_count++] = self->batch;
    self->batch = (s_batch_t){.bytes = PROTO_BUF_INIT};
}

int proto_wire_put(proto_wire_t *self, const proto_record_t *record)
{
    if (!proto_batch_fits(&self->batch.bytes, self->batch.records, proto_record_size(record)))
        s_seal(self);
    if (proto_record_append(&self->batch.bytes, record) < 0)
        return -1;
    self->batch.records++;
    self->put++;
    return 0;
}

int proto_wire_put_large(proto_wire_t *self, const proto_record_t *record, proto_buf_t *body)
{
    proto_buf_t taken = *body;
    *body = PROTO_BUF_INIT;
    if (proto_record_wrap(&taken, record) < 0) {
        proto_buf_free(&taken);
        return -1;
    }
    if (self->batch.records)
        s_seal(self);
    proto_buf_free(&self->batch.bytes);
    self->batch = (s_batch_t){.bytes = taken, .records = 1};
    s_seal(self); /* nothing joins it */
    self->put++;
    return 0;
}

uint64_t proto_wire_put_count(const proto_wire_t *self)
{
    return self->put;
}

uint64_t proto_wire_sent_count(const proto_wire_t *self)
{
    return self->sent;
}

static bool s_send(proto_wire_t *self, s_batch_t *batch, int64_t now)
{
    self->look = true;
    if (self->link.spoke)
        proto_spoke_send(self->link.spoke, &batch->bytes, S_KEEP);
    else if (proto_give(self->link.socket, &batch->bytes, S_KEEP) < 0) {
        self->retry_at = now + S_RETRY_MS;
        return false;
    }
    self->last_sent = now;
    self->sent += batch->records;
    return true;
}

bool proto_wire_flush(proto_wire_t *self, int64_t now)
{
    size_t sent = 0;
    if (self->by_fd && self->waiting_count &&
        now < self->retry_at) /* each try asks for a look: it would spin */
        return false;
    while (sent < self->waiting_count && s_send(self, &self->waiting[sent], now))
        proto_buf_free(&self->waiting[sent++].bytes);
    if (sent) {
        self->waiting_count -= sent;
        memmove(self->waiting, self->waiting + sent, self->waiting_count * sizeof *self->waiting);
    }
    if (self->batch.records == 0)
        return self->waiting_count == 0;
    if (self->waiting_count || !s_send(self, &self->batch, now)) {
        s_seal(self);
        return false;
    }
    self->batch.records = 0;
    return true;
}

/* The next message in the place of the former; of several frames each, empty. */
static bool s_next_frame(proto_wire_t *self, proto_bytes_t *frame)
{
    if (self->link.spoke) {
        bool came = proto_spoke_receive(self->link.spoke, &self->came);
        *frame = proto_buf_bytes(&self->came);
        return came;
    }
    if (self->by_fd && !self->look)
        return false;
    zmq_msg_close(&self->frame);
    zmq_msg_init(&self->frame);
    if (zmq_msg_recv(&self->frame, self->link.socket, ZMQ_DONTWAIT) < 0) {
        self->look = false; /* EAGAIN, or the context is ending: its owner will say so */
        self->news = true;
        return false;
    }
    *frame = zmq_msg_more(&self->frame)
                 ? (proto_bytes_t){0}
                 : (proto_bytes_t){zmq_msg_data(&self->frame), zmq_msg_size(&self->frame)};
    return true;
}

int proto_wire_receive(proto_wire_t *self, int64_t now, proto_batch_t *batch)
{
    for (proto_bytes_t frame; s_next_frame(self, &frame); self->malformed++) {
        self->last_heard = now;
        if (proto_batch_open(batch, frame) == 0)
            return 1;
    }
    return 0;
}

int64_t proto_wire_tick(proto_wire_t *self, int64_t now)
{
    int64_t reach = s_reach(self, now), heartbeat = self->last_sent + PROTO_HEARTBEAT_MS;
    if (heartbeat <= now) {
        const proto_record_t record = {.type = PROTO_HEARTBEAT};
        if (self->batch.records == 0 && self->waiting_count == 0) /* anything waiting says the same */
            PROTO_ASSERT(proto_wire_put(self, &record) == 0);
        heartbeat = now + PROTO_HEARTBEAT_MS;
    }
    return reach < heartbeat ? reach : heartbeat;
}

bool proto_wire_alive(const proto_wire_t *self, int64_t now)
{
    return now - self->last_heard < PROTO_EXPIRY_MS;
}

uint64_t proto_wire_malformed(const proto_wire_t *self)
{
    return self->malformed;
}
