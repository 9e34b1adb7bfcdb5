/* SPDX-License-Identifier: MPL-2.0 */
/* Frames between threads: a mailbox with a lock at each end. Threads: see proto_hub.h. */
#include "proto_hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct s_frame {
    struct s_frame *next;
    proto_spoke_t *from; /* held; NULL towards a spoke */
    proto_buf_t bytes;
} s_frame_t;

typedef struct s_box {
    pthread_mutex_t lock;
    s_frame_t *first, **last; /* what has come */
    atomic_bool filled;       /* whether there is any */
    bool asleep;              /* the reader waits, or will soon: it is to be woken, once */
    bool closed;              /* there is no reader any more */
    int fd;
    s_frame_t *taken; /* the reader's: what it has taken out and not read yet */
} s_box_t;

struct proto_hub {
    atomic_uint holders;
    atomic_ullong spokes; /* so far */
    s_box_t box;
    proto_spoke_t *from; /* of the frame read last; held */
};

struct proto_spoke {
    atomic_uint holders;
    uint64_t number;
    proto_hub_t *hub; /* held */
    s_box_t box;
};

static bool s_box_open(s_box_t *self)
{
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->fd < 0)
        return false;
    pthread_mutex_init(&self->lock, NULL);
    self->last = &self->first;
    return true;
}

static void s_frame_free(s_frame_t *frame)
{
    proto_spoke_drop(&frame->from);
    proto_buf_free(&frame->bytes);
    free(frame);
}

static void s_frames_free(s_frame_t *frames)
{
    for (s_frame_t *frame = frames, *next; frame; frame = next) {
        next = frame->next;
        s_frame_free(frame);
    }
}

/* The reader reads no more. */
static void s_box_close(s_box_t *self)
{
    pthread_mutex_lock(&self->lock);
    s_frame_t *left = self->first;
    self->first = NULL;
    self->last = &self->first;
    self->closed = true;
    pthread_mutex_unlock(&self->lock);
    s_frames_free(left);
    s_frames_free(self->taken);
    self->taken = NULL;
}

static void s_box_free(s_box_t *self)
{
    close(self->fd);
    pthread_mutex_destroy(&self->lock);
}

static void s_box_put(s_box_t *self, s_frame_t *frame)
{
    pthread_mutex_lock(&self->lock);
    bool taken = !self->closed, wake = self->asleep;
    if (taken) {
        *self->last = frame;
        self->last = &frame->next;
        self->asleep = false;
        atomic_store_explicit(&self->filled, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&self->lock);
    if (!taken)
        s_frame_free(frame);
    else if (wake)
        (void)eventfd_write(self->fd, 1);
}

static s_frame_t *s_box_next(s_box_t *self)
{
    if (!self->taken) {
        pthread_mutex_lock(&self->lock);
        self->taken = self->first;
        self->first = NULL;
        self->last = &self->first;
        self->asleep = false;
        atomic_store_explicit(&self->filled, false, memory_order_relaxed);
        pthread_mutex_unlock(&self->lock);
    }
    s_frame_t *frame = self->taken;
    if (frame)
        self->taken = frame->next;
    return frame;
}

static bool s_box_filled(const s_box_t *self)
{
    return self->taken || atomic_load_explicit(&self->filled, memory_order_relaxed);
}

static bool s_box_sleeps(s_box_t *self)
{
    if (self->taken)
        return false;
    pthread_mutex_lock(&self->lock);
    self->asleep = self->first == NULL;
    bool asleep = self->asleep;
    pthread_mutex_unlock(&self->lock);
    return asleep;
}

static void s_box_woken(s_box_t *self)
{
    eventfd_t count;
    (void)eventfd_read(self->fd, &count);
}

proto_hub_t *proto_hub_new(void)
{
    proto_hub_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    atomic_init(&self->holders, 1);
    if (s_box_open(&self->box))
        return self;
    free(self);
    return NULL;
}

static void s_hub_drop(proto_hub_t *self)
{
    if (atomic_fetch_sub(&self->holders, 1) > 1)
        return;
    s_box_free(&self->box);
    free(self);
}

void proto_hub_close(proto_hub_t **self_pointer)
{
    proto_hub_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    s_box_close(&self->box); /* its frames hold spokes, and these the hub */
    proto_spoke_drop(&self->from);
    s_hub_drop(self);
}

proto_spoke_t *proto_spoke_new(proto_hub_t *hub)
{
    proto_spoke_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    if (!s_box_open(&self->box)) {
        free(self);
        return NULL;
    }
    atomic_init(&self->holders, 1);
    atomic_fetch_add(&hub->holders, 1);
    self->hub = hub;
    self->number = atomic_fetch_add(&hub->spokes, 1) + 1;
    return self;
}

proto_spoke_t *proto_spoke_hold(proto_spoke_t *self)
{
    atomic_fetch_add(&self->holders, 1);
    return self;
}

void proto_spoke_drop(proto_spoke_t **self_pointer)
{
    proto_spoke_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self || atomic_fetch_sub(&self->holders, 1) > 1)
        return;
    s_box_close(&self->box);
    s_box_free(&self->box);
    s_hub_drop(self->hub);
    free(self);
}

uint64_t proto_spoke_number(const proto_spoke_t *self)
{
    return self->number;
}

int proto_hub_fd(const proto_hub_t *self)
{
    return self->box.fd;
}

bool proto_hub_filled(const void *hub)
{
    const proto_hub_t *self = hub;
    return !self || s_box_filled(&self->box);
}

bool proto_hub_sleeps(proto_hub_t *self)
{
    return s_box_sleeps(&self->box);
}

void proto_hub_woken(proto_hub_t *self)
{
    s_box_woken(&self->box);
}

int proto_spoke_fd(const proto_spoke_t *self)
{
    return self->box.fd;
}

bool proto_spoke_filled(const proto_spoke_t *self)
{
    return s_box_filled(&self->box);
}

bool proto_spoke_caught_up(const proto_spoke_t *self)
{
    return !atomic_load_explicit(&self->box.filled, memory_order_relaxed);
}

bool proto_spoke_sleeps(proto_spoke_t *self)
{
    return s_box_sleeps(&self->box);
}

void proto_spoke_woken(proto_spoke_t *self)
{
    s_box_woken(&self->box);
}

/* The buffer's bytes as a frame. */
static s_frame_t *s_frame(proto_buf_t *from, size_t keep)
{
    s_frame_t *frame = calloc(1, sizeof *frame);
    PROTO_ASSERT(frame != NULL);
    frame->bytes = proto_buf_take(from, keep);
    return frame;
}

void proto_spoke_send(proto_spoke_t *self, proto_buf_t *bytes, size_t keep)
{
    s_frame_t *frame = s_frame(bytes, keep);
    frame->from = proto_spoke_hold(self);
    s_box_put(&self->hub->box, frame);
}

void proto_hub_send(proto_spoke_t *to, proto_buf_t *bytes, size_t keep)
{
    s_box_put(&to->box, s_frame(bytes, keep));
}

bool proto_spoke_receive(proto_spoke_t *self, proto_buf_t *bytes)
{
    s_frame_t *frame = s_box_next(&self->box);
    proto_buf_free(bytes);
    if (!frame)
        return false;
    *bytes = frame->bytes;
    free(frame);
    return true;
}

bool proto_hub_receive(proto_hub_t *self, proto_buf_t *bytes, proto_spoke_t **from)
{
    s_frame_t *frame = s_box_next(&self->box);
    proto_spoke_drop(&self->from);
    proto_buf_free(bytes);
    if (!frame)
        return false;
    *bytes = frame->bytes;
    *from = self->from = frame->from;
    free(frame);
    return true;
}
