/* SPDX-License-Identifier: MPL-2.0 */
/* One DEALER to one broker. Thread: the owner's.
 * In: whatever frames the broker sends. Out: batches of records, HEARTBEAT after 500 ms of silence. */
#include "proto_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

enum {
    S_HIGH_WATER =
        100000, /* frames; the bound on what is under way is the sender's window or pending table */
    S_RECONNECT_MS = 50,
    S_MAGIC = 0x57495245
};

struct proto_wire {
    uint32_t magic;
    void *context, *socket;
    const proto_address_t *address;
    proto_buf_t batch;    /* being filled */
    uint32_t records;     /* in it */
    proto_buf_t *waiting; /* full or refused batches, oldest first */
    size_t waiting_count, waiting_capacity;
    zmq_msg_t frame; /* the one being read */
    int64_t opened, last_sent, last_heard;
    uint64_t malformed;
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

/* A connected socket; NULL with errno. */
static void *s_connect(void *context, const proto_address_t *address)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    if (socket && s_set_up(socket, address) && zmq_connect(socket, address->endpoint) == 0)
        return socket;
    int why = errno;
    if (socket)
        zmq_close(socket);
    errno = why;
    return NULL;
}

proto_wire_t *proto_wire_open(void *context, const proto_address_t *address, int64_t now)
{
    void *socket = s_connect(context, address);
    if (!socket)
        return NULL;
    proto_wire_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->magic = S_MAGIC;
    self->context = context;
    self->address = address;
    self->socket = socket;
    self->opened = self->last_sent = now;
    self->last_heard = now - PROTO_EXPIRY_MS;
    zmq_msg_init(&self->frame);
    return self;
}

static void s_drop_waiting(proto_wire_t *self)
{
    for (size_t i = 0; i < self->waiting_count; i++)
        proto_buf_free(&self->waiting[i]);
    self->waiting_count = 0;
    proto_buf_reset(&self->batch);
    self->records = 0;
}

void proto_wire_close(proto_wire_t **self_pointer, int linger_ms)
{
    proto_wire_t *self = *self_pointer;
    if (!self)
        return;
    PROTO_ASSERT(self->magic == S_MAGIC);
    *self_pointer = NULL;
    (void)s_option(self->socket, ZMQ_LINGER, linger_ms);
    zmq_msg_close(&self->frame);
    zmq_close(self->socket);
    s_drop_waiting(self);
    free(self->waiting);
    proto_buf_free(&self->batch);
    self->magic = 0;
    free(self);
}

bool proto_wire_renew(proto_wire_t *self, int64_t now)
{
    int64_t since = self->opened > self->last_heard ? self->opened : self->last_heard;
    if (now - since < PROTO_EXPIRY_MS)
        return false;
    void *socket = s_connect(self->context, self->address);
    if (!socket) /* out of sockets: the old one has to do until there is room */
        return false;
    zmq_close(self->socket); /* its LINGER is 0 */
    self->socket = socket;
    self->opened = now;
    s_drop_waiting(self);
    return true;
}

void *proto_wire_socket(proto_wire_t *self)
{
    return self->socket;
}

int proto_wire_fd(proto_wire_t *self)
{
    int fd = -1;
    size_t size = sizeof fd;
    int rc = zmq_getsockopt(self->socket, ZMQ_FD, &fd, &size);
    PROTO_ASSERT(rc == 0);
    return fd;
}

/* Moves the batch under way to the end of those that wait. */
static void s_seal(proto_wire_t *self)
{
    if (self->waiting_count == self->waiting_capacity) {
        size_t capacity = self->waiting_capacity ? self->waiting_capacity * 2 : 8;
        proto_buf_t *waiting = realloc(self->waiting, capacity * sizeof *waiting);
        PROTO_ASSERT(waiting != NULL);
        self->waiting = waiting;
        self->waiting_capacity = capacity;
    }
    self->waiting[self->waiting_count++] = self->batch;
    self->batch = PROTO_BUF_INIT;
    self->records = 0;
}

int proto_wire_put(proto_wire_t *self, const proto_record_t *record)
{
    if (!proto_batch_fits(&self->batch, self->records, proto_record_size(record)))
        s_seal(self);
    if (proto_record_append(&self->batch, record) < 0)
        return -1;
    self->records++;
    return 0;
}

static bool s_send(proto_wire_t *self, const proto_buf_t *batch, int64_t now)
{
    if (zmq_send(self->socket, batch->data, batch->size, ZMQ_DONTWAIT) < 0)
        return false;
    self->last_sent = now;
    return true;
}

bool proto_wire_flush(proto_wire_t *self, int64_t now)
{
    size_t sent = 0;
    while (sent < self->waiting_count && s_send(self, &self->waiting[sent], now))
        proto_buf_free(&self->waiting[sent++]);
    if (sent) {
        self->waiting_count -= sent;
        memmove(self->waiting, self->waiting + sent, self->waiting_count * sizeof *self->waiting);
    }
    if (self->records == 0)
        return self->waiting_count == 0;
    if (self->waiting_count || !s_send(self, &self->batch, now)) {
        s_seal(self);
        return false;
    }
    proto_buf_reset(&self->batch);
    self->records = 0;
    return true;
}

int proto_wire_receive(proto_wire_t *self, int64_t now, proto_batch_t *batch)
{
    for (;;) {
        zmq_msg_close(&self->frame);
        zmq_msg_init(&self->frame);
        if (zmq_msg_recv(&self->frame, self->socket, ZMQ_DONTWAIT) < 0)
            return 0; /* EAGAIN, or the context is ending: its owner will say so */
        self->last_heard = now;
        proto_bytes_t bytes = {zmq_msg_data(&self->frame), zmq_msg_size(&self->frame)};
        if (!zmq_msg_more(&self->frame) && proto_batch_open(batch, bytes) == 0)
            return 1;
        self->malformed++;
    }
}

int64_t proto_wire_tick(proto_wire_t *self, int64_t now)
{
    if (now - self->last_sent >= PROTO_HEARTBEAT_MS) {
        proto_record_t heartbeat = {.type = PROTO_HEARTBEAT};
        if (self->records == 0 && self->waiting_count == 0) /* anything waiting says the same */
            PROTO_ASSERT(proto_wire_put(self, &heartbeat) == 0);
        return now + PROTO_HEARTBEAT_MS;
    }
    return self->last_sent + PROTO_HEARTBEAT_MS;
}

bool proto_wire_alive(const proto_wire_t *self, int64_t now)
{
    return now - self->last_heard < PROTO_EXPIRY_MS;
}

uint64_t proto_wire_malformed(const proto_wire_t *self)
{
    return self->malformed;
}
