/* SPDX-License-Identifier: MPL-2.0 */
/* The thread and its wires. */
#include "muster_io.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto_clock.h"

enum { S_LINGER_MS = 200 };

typedef struct s_link {
    proto_wire_t *wire;
    bool greeted;     /* we have introduced ourselves; */
    bool alive;       /* it has answered since */
    bool clear;       /* the network took everything */
    int64_t greet_at; /* when to introduce ourselves (again); PROTO_NEVER */
    int64_t greeted_at;
} s_link_t;

struct muster_io {
    muster_io_calls_t calls;
    void *arg;
    char name[16];
    pthread_mutex_t lock;
    pthread_t thread;
    bool started;
    atomic_bool ending;
    void *context;
    int wake; /* eventfd */
    muster_brokers_t brokers;
    s_link_t links[MUSTER_BROKERS];
    int64_t ticked;
};

static int s_open(muster_io_t *self, proto_buf_t *why)
{
    int64_t now = proto_clock_ms();
    self->ticked = now;
    for (int i = 0; i < self->brokers.count; i++) {
        s_link_t *link = &self->links[i];
        *link = (s_link_t){.wire = proto_wire_open(self->context, &self->brokers.list[i], now),
                           .greet_at = now,
                           .greeted_at = now - PROTO_HEARTBEAT_MS};
        if (!link->wire) {
            proto_buf_printf(why, "cannot connect to %s: %s", self->brokers.list[i].endpoint,
                             zmq_strerror(zmq_errno()));
            return -1;
        }
    }
    return 0;
}

muster_io_t *muster_io_new(const muster_config_t *config, const muster_io_calls_t *calls, void *arg,
                           const char *name, proto_buf_t *why)
{
    muster_io_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->calls = *calls;
    self->arg = arg;
    snprintf(self->name, sizeof self->name, "%s", name);
    pthread_mutex_init(&self->lock, NULL);
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->context = zmq_ctx_new();
    if (self->wake < 0 || !self->context)
        proto_buf_string(why, "there are no more file descriptors");
    else if (muster_brokers_read(&self->brokers, config, why) == 0 && s_open(self, why) == 0)
        return self;
    muster_io_free(&self);
    return NULL;
}

void muster_io_lock(muster_io_t *self)
{
    pthread_mutex_lock(&self->lock);
}

void muster_io_unlock(muster_io_t *self)
{
    pthread_mutex_unlock(&self->lock);
}

void muster_io_wake(muster_io_t *self)
{
    int error = errno; /* a signal handler leaves it alone */
    (void)eventfd_write(self->wake, 1);
    errno = error;
}

void muster_io_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void muster_io_wait(muster_io_t *self, pthread_cond_t *condition, int64_t until)
{
    struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    if (until == PROTO_NEVER)
        pthread_cond_wait(condition, &self->lock);
    else
        pthread_cond_timedwait(condition, &self->lock, &at);
}

int muster_io_brokers(const muster_io_t *self)
{
    return self->brokers.count;
}

const char *muster_io_endpoint(const muster_io_t *self, int broker)
{
    return self->brokers.endpoints[broker];
}

bool muster_io_alive(const muster_io_t *self, int broker)
{
    return self->links[broker].alive;
}

int muster_io_alive_count(const muster_io_t *self)
{
    int count = 0;
    for (int i = 0; i < self->brokers.count; i++)
        count += self->links[i].alive;
    return count;
}

bool muster_io_put(muster_io_t *self, int broker, const proto_record_t *record)
{
    return proto_wire_put(self->links[broker].wire, record) == 0;
}

bool muster_io_clear(const muster_io_t *self, int broker)
{
    return self->links[broker].clear;
}

static void s_set_alive(muster_io_t *self, int broker, bool alive, int64_t now)
{
    s_link_t *link = &self->links[broker];
    if (link->alive == alive)
        return;
    link->alive = alive;
    self->calls.alive(self->arg, broker, alive, now);
}

/* It knows nothing of us any more. A greeting that was refused is not said again at once. */
static void s_forgotten(muster_io_t *self, int broker, int64_t now)
{
    s_link_t *link = &self->links[broker];
    link->greeted = false;
    link->greet_at = link->greeted_at + PROTO_HEARTBEAT_MS;
    s_set_alive(self, broker, false, now);
}

static void s_receive(muster_io_t *self, int broker, int64_t now)
{
    s_link_t *link = &self->links[broker];
    proto_batch_t batch;
    while (proto_wire_receive(link->wire, now, &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
            if (rc < 0)
                continue;
            if (record.type == PROTO_DISCONNECT) {
                s_forgotten(self, broker, now);
                continue;
            }
            if (link->greeted)
                s_set_alive(self, broker, true, now);
            self->calls.record(self->arg, broker, &record, now);
        }
    }
}

/* Takes what has come from a broker, and looks whether it still lives. */
static void s_look(muster_io_t *self, int broker, int64_t now)
{
    s_link_t *link = &self->links[broker];
    s_receive(self, broker, now);
    if (proto_wire_renew(link->wire, now)) {
        link->greeted = false;
        link->greet_at = now;
    }
    if (!proto_wire_alive(link->wire, now))
        s_set_alive(self, broker, false, now);
    if (now >= link->greet_at) {
        link->greeted = true;
        link->greeted_at = now;
        link->greet_at = PROTO_NEVER;
        self->calls.greet(self->arg, broker, now);
    }
}

/* Keeps the heartbeat and sends what was put; when to come again. */
static int64_t s_flush(muster_io_t *self, int broker, int64_t now)
{
    s_link_t *link = &self->links[broker];
    int64_t due = proto_wire_tick(link->wire, now);
    link->clear = proto_wire_flush(link->wire, now);
    return link->greet_at < due ? link->greet_at : due;
}

/* One time around, but for the wait; when to go around again. */
static int64_t s_turn(muster_io_t *self)
{
    int64_t now = proto_clock_ms();
    if (self->calls.forgets &&
        now - self->ticked > PROTO_EXPIRY_MS) /* stopped for long: all have given us up */
        for (int i = 0; i < self->brokers.count; i++)
            s_forgotten(self, i, now);
    self->ticked = now;
    for (int i = 0; i < self->brokers.count; i++)
        s_look(self, i, now);
    int64_t due = self->calls.turn(self->arg, now);
    for (int i = 0; i < self->brokers.count; i++) {
        int64_t at = s_flush(self, i, now);
        due = at < due ? at : due;
    }
    return due;
}

static void s_poll(muster_io_t *self, int64_t due)
{
    zmq_pollitem_t items[MUSTER_BROKERS + 1];
    int64_t wait = due - proto_clock_ms();
    for (int i = 0; i < self->brokers.count; i++) {
        s_link_t *link = &self->links[i];
        items[i] = (zmq_pollitem_t){.socket = proto_wire_socket(link->wire),
                                    .events = (short)(link->clear ? ZMQ_POLLIN : ZMQ_POLLIN | ZMQ_POLLOUT)};
    }
    items[self->brokers.count] = (zmq_pollitem_t){.fd = self->wake, .events = ZMQ_POLLIN};
    (void)zmq_poll(items, self->brokers.count + 1, wait > 0 ? (long)wait : 0);
    eventfd_t count;
    (void)eventfd_read(self->wake, &count);
}

static void *s_run(void *arg)
{
    muster_io_t *self = arg;
    pthread_setname_np(pthread_self(), self->name);
    pthread_mutex_lock(&self->lock);
    while (!atomic_load(&self->ending)) {
        int64_t due = s_turn(self);
        pthread_mutex_unlock(&self->lock);
        s_poll(self, due);
        pthread_mutex_lock(&self->lock);
    }
    (void)s_turn(self); /* last words */
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

int muster_io_start(muster_io_t *self)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the program's own */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    self->started = pthread_create(&self->thread, NULL, s_run, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return self->started ? 0 : -1;
}

void muster_io_free(muster_io_t **self_pointer)
{
    muster_io_t *self = *self_pointer;
    if (!self)
        return;
    if (self->started) {
        atomic_store(&self->ending, true);
        muster_io_wake(self);
        pthread_join(self->thread, NULL);
    }
    *self_pointer = NULL; /* only now: its last turn calls the owner */
    for (int i = 0; i < self->brokers.count; i++)
        proto_wire_close(&self->links[i].wire, S_LINGER_MS);
    if (self->context)
        zmq_ctx_term(self->context);
    if (self->wake >= 0)
        close(self->wake);
    muster_brokers_clear(&self->brokers);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
