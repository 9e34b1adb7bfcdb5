/* SPDX-License-Identifier: MPL-2.0 */
/* The helper thread of cancels. Thread: its own and the owner's, see below.
 * In: a PGcancel, under the mutex. Out: a count in the eventfd. */
#include "act_cancel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "proto_log.h"

enum { S_END_SECONDS = 1 };

struct act_cancel {
    pthread_mutex_t mutex; /* of all below but `done` and `thread` */
    pthread_cond_t changed;
    PGcancel *wanted; /* to be taken by the thread */
    bool busy;        /* one was wanted, and its end not taken */
    bool ended;       /* it has returned */
    bool ending, over, abandoned;
    int done; /* eventfd */
    bool started;
    pthread_t thread;
};

static void s_destroy(act_cancel_t *self)
{
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    close(self->done);
    free(self);
}

act_cancel_t *act_cancel_new(void)
{
    int done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (done < 0)
        return NULL;
    act_cancel_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->done = done;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return self;
}

static void s_cancel(PGcancel *wanted)
{
    char why[256];
    if (!PQcancel(wanted, why, sizeof why))
        proto_log(PROTO_LOG_DEBUG, "actors", "a cancel did not reach PostgreSQL: %s", why);
    PQfreeCancel(wanted);
}

static void *s_run(void *arg)
{
    act_cancel_t *self = arg;
    pthread_setname_np(pthread_self(), "db cancel");
    pthread_mutex_lock(&self->mutex);
    while (!self->ending) {
        PGcancel *wanted = self->wanted;
        self->wanted = NULL;
        if (!wanted) {
            pthread_cond_wait(&self->changed, &self->mutex);
            continue;
        }
        pthread_mutex_unlock(&self->mutex);
        s_cancel(wanted);
        pthread_mutex_lock(&self->mutex);
        self->ended = true;
        (void)eventfd_write(self->done, 1); /* a count of 1 always fits: it is read before the next cancel */
    }
    self->over = true;
    bool abandoned = self->abandoned;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    if (abandoned)
        s_destroy(self);
    return NULL;
}

int act_cancel_start(act_cancel_t *self, PGconn *conn)
{
    if (!self->started && pthread_create(&self->thread, NULL, s_run, self) != 0)
        return -1;
    self->started = true;
    PGcancel *wanted = PQgetCancel(conn);
    if (!wanted)
        return -1;
    pthread_mutex_lock(&self->mutex);
    bool free = !self->busy;
    if (free) {
        self->busy = true;
        self->wanted = wanted;
        pthread_cond_signal(&self->changed);
    }
    pthread_mutex_unlock(&self->mutex);
    if (!free)
        PQfreeCancel(wanted);
    return free ? 0 : -1;
}

bool act_cancel_busy(act_cancel_t *self)
{
    pthread_mutex_lock(&self->mutex);
    bool busy = self->busy;
    pthread_mutex_unlock(&self->mutex);
    return busy;
}

int act_cancel_fd(const act_cancel_t *self)
{
    return self->done;
}

bool act_cancel_take(act_cancel_t *self)
{
    eventfd_t count;
    pthread_mutex_lock(&self->mutex);
    bool ended = self->ended;
    if (ended) {
        self->ended = self->busy = false;
        (void)eventfd_read(self->done, &count);
    }
    pthread_mutex_unlock(&self->mutex);
    return ended;
}

/* Whether the thread is over within a second; else it is to clean up by itself. */
static bool s_await_end(act_cancel_t *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += S_END_SECONDS;
    pthread_mutex_lock(&self->mutex);
    self->ending = true;
    pthread_cond_signal(&self->changed);
    while (!self->over && pthread_cond_timedwait(&self->changed, &self->mutex, &until) != ETIMEDOUT)
        ;
    bool over = self->over;
    self->abandoned = !over;
    pthread_mutex_unlock(&self->mutex);
    return over;
}

void act_cancel_free(act_cancel_t **self_pointer)
{
    act_cancel_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    pthread_t thread = self->thread; /* else the thread may have freed it */
    if (self->started && !s_await_end(self)) {
        pthread_detach(thread);
        return;
    }
    if (self->started)
        pthread_join(self->thread, NULL);
    if (self->wanted)
        PQfreeCancel(self->wanted);
    s_destroy(self);
}
