/* SPDX-License-Identifier: MPL-2.0 */
/* Workers: registration, the jobs that wait, the end. Thread: any under the lock; callbacks on its own.
 * In: REQUEST, CANCEL, FINAL and ERROR (of the last question). Out: READY, RETURN, ERROR, REQUEST (the last
 * question), DISCONNECT; see muster_job.c for answers. */
#include "muster_worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto_clock.h"
#include "proto_json.h"

enum {
    S_WINDOW = 256,
    S_JOBS = 4096, /* more than all windows together: brokers that send more are refused */
    S_LEAVE_MS = 1000,
    S_LAST_QUESTION = 1
};

/* This broker's part of the window; `broker` counts as one that answers. */
static uint16_t s_share(const muster_worker_t *self, int broker)
{
    uint32_t alive = (uint32_t)muster_io_alive_count(self->io) + !muster_io_alive(self->io, broker);
    uint32_t share = self->window / alive;
    return (uint16_t)(share ? share : 1);
}

/* READY in the present epoch. */
static void s_ready(muster_worker_t *self, int broker)
{
    muster_post_t *post = &self->posts[broker];
    proto_buf_reset(&self->body);
    muster_publish_ready(&self->publish, self->stopping, &self->body);
    (void)muster_io_put(
        self->io, broker,
        &(proto_record_t){.type = PROTO_READY,
                          .number = post->window,
                          .epoch = post->epoch,
                          .service = proto_bytes_of(self->service),
                          .operation = self->publish.catalogue ? self->publish.catalogue->hash : 0,
                          .body = proto_buf_bytes(&self->body)});
}

static void s_greet(void *arg, int broker, int64_t now)
{
    muster_worker_t *self = arg;
    muster_post_t *post = &self->posts[broker];
    (void)now;
    if (self->stopping)
        return;
    post->epoch = (uint32_t)proto_clock_random() | 1;
    post->window = s_share(self, broker);
    s_ready(self, broker);
}

/* Drops the waiting jobs of a broker, which has answered them itself by now. */
static void s_drop_jobs(muster_worker_t *self, int broker)
{
    muster_job_t **at = &self->waiting;
    while (*at) {
        muster_job_t *job = *at;
        if (job->broker != broker) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        self->waiting_count--;
        muster_job_free(&job);
    }
    self->waiting_end = at;
}

static void s_alive(void *arg, int broker, bool alive, int64_t now)
{
    muster_worker_t *self = arg;
    (void)now;
    if (!alive) {
        self->posts[broker].epoch = 0;
        s_drop_jobs(self, broker);
    }
    for (int i = 0; i < muster_io_brokers(self->io); i++) {
        uint16_t share = s_share(self, i);
        if (!muster_io_alive(self->io, i) || self->posts[i].window == share || self->stopping)
            continue;
        self->posts[i].window = share;
        s_ready(self, i);
    }
}

/* Gives a job back that was not begun. */
static void s_return(muster_job_t *job)
{
    proto_record_t record = job->record;
    record.type = PROTO_RETURN;
    record.flags = 0;
    record.deadline = 0;
    muster_job_say(job, &record);
}

static void s_take(muster_worker_t *self, int broker, const proto_record_t *record, int64_t now)
{
    if (record->epoch == 0 || record->epoch != self->posts[broker].epoch)
        return; /* of an earlier registration: the broker has answered it */
    muster_job_t *job = muster_job_new(self, broker, record, now);
    if (self->stopping) {
        s_return(job);
        muster_job_free(&job);
    } else if (self->waiting_count + self->working_count >= S_JOBS) {
        muster_job_refuse(job, PROTO_ERROR_overloaded, NULL);
        muster_job_free(&job);
    } else {
        job->next = NULL;
        *self->waiting_end = job;
        self->waiting_end = &job->next;
        self->waiting_count++;
        pthread_cond_signal(&self->changed);
    }
}

static bool s_is(const muster_job_t *job, int broker, const proto_record_t *record)
{
    return job->broker == broker && job->record.id == record->id && job->record.epoch == record->epoch;
}

/* Nobody waits for it: what has not been begun need not be, but the broker is owed an answer. */
static void s_cancel(muster_worker_t *self, int broker, const proto_record_t *record)
{
    for (muster_job_t *job = self->working; job; job = job->next)
        if (s_is(job, broker, record))
            job->cancelled = true;
    for (muster_job_t *job = self->waiting; job; job = job->next)
        if (s_is(job, broker, record))
            job->cancelled = true;
}

static void s_record(void *arg, int broker, const proto_record_t *record, int64_t now)
{
    muster_worker_t *self = arg;
    if (record->type == PROTO_REQUEST)
        s_take(self, broker, record, now);
    else if (record->type == PROTO_CANCEL)
        s_cancel(self, broker, record);
    else if ((record->type == PROTO_FINAL || record->type == PROTO_ERROR) && record->id == S_LAST_QUESTION)
        self->posts[broker].left = true;
}

/* Offers nothing any more and gives back what waits. Then it asks something: what a broker has sent before it
 * saw that arrives before its answer, and is given back, too. */
static void s_stop(muster_worker_t *self, int64_t now)
{
    self->stopping = true;
    self->leave_by = now + S_LEAVE_MS;
    for (int i = 0; i < muster_io_brokers(self->io); i++) {
        self->posts[i].left = !muster_io_alive(self->io, i);
        if (self->posts[i].left)
            continue;
        s_ready(self, i);
        (void)muster_io_put(self->io, i,
                            &(proto_record_t){.type = PROTO_REQUEST,
                                              .id = S_LAST_QUESTION,
                                              .deadline = S_LEAVE_MS,
                                              .service = proto_bytes_of("muster"),
                                              .name = proto_bytes_of("services")});
    }
    for (muster_job_t *job; (job = self->waiting); muster_job_free(&job)) {
        self->waiting = job->next;
        s_return(job);
    }
    self->waiting_end = &self->waiting;
    self->waiting_count = 0;
}

/* Takes leave once all brokers know, and all that was begun is answered. */
static void s_leave(muster_worker_t *self, int64_t now)
{
    bool all = true;
    for (int i = 0; i < muster_io_brokers(self->io); i++)
        all = all && (self->posts[i].left || !muster_io_alive(self->io, i));
    if (self->working_count || (!all && now < self->leave_by))
        return;
    self->left = true;
    for (int i = 0; i < muster_io_brokers(self->io); i++)
        (void)muster_io_put(self->io, i, &(proto_record_t){.type = PROTO_DISCONNECT});
}

static int64_t s_turn(void *arg, int64_t now)
{
    muster_worker_t *self = arg;
    for (int i = 0; i < muster_io_brokers(self->io); i++)
        if (muster_io_clear(self->io, i))
            self->posts[i].unsent = 0;
    if (atomic_load(&self->stop) && !self->stopping)
        s_stop(self, now);
    if (self->stopping && !self->left)
        s_leave(self, now);
    if (self->working_count || self->stopping)
        pthread_cond_broadcast(&self->changed);
    return self->stopping && !self->left && !self->working_count ? self->leave_by : PROTO_NEVER;
}

static int s_set_up(muster_worker_t *self, const muster_config_t *config, const char *service,
                    proto_buf_t *why)
{
    static const muster_io_calls_t calls = {
        .forgets = true, .greet = s_greet, .alive = s_alive, .record = s_record, .turn = s_turn};
    if (!service || !*service || strlen(service) >= MUSTER_NAME)
        proto_buf_string(why, "the name of a service has 1 to 255 bytes");
    else if (self->window < 1 || self->window > S_WINDOW)
        proto_buf_printf(why, "the window lies between 1 and %d", S_WINDOW);
    else if (!self->work)
        proto_buf_string(why, "a worker needs a function");
    if (why->size)
        return -1;
    snprintf(self->service, sizeof self->service, "%s", service);
    self->publish.service = self->service;
    self->io = muster_io_new(config, &calls, self, "muster-worker", why);
    return self->io ? 0 : -1;
}

static void s_tell(char *why, size_t why_size, proto_buf_t *sentence)
{
    if (why && why_size)
        snprintf(why, why_size, "%s", proto_buf_text(sentence));
    proto_buf_free(sentence);
}

muster_worker_t *muster_worker_new(const muster_config_t *config, const char *service, muster_work_fn *work,
                                   void *arg, uint32_t window, char *why, size_t why_size)
{
    proto_buf_t sentence = PROTO_BUF_INIT;
    muster_worker_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->work = work;
    self->arg = arg;
    self->window = window;
    self->waiting_end = &self->waiting;
    muster_io_condition(&self->changed);
    if (s_set_up(self, config, service, &sentence) < 0)
        muster_worker_destroy(&self);
    s_tell(why, why_size, &sentence);
    return self;
}

int muster_worker_catalogue(muster_worker_t *self, const char *operations, char *why, size_t why_size)
{
    proto_buf_t sentence = PROTO_BUF_INIT;
    int rc = -1;
    muster_io_lock(self->io);
    if (self->started)
        proto_buf_string(&sentence, "the worker runs already");
    else
        rc = muster_publish_add(&self->publish, operations, (uint64_t)proto_clock_wall_us(), &sentence);
    muster_io_unlock(self->io);
    s_tell(why, why_size, &sentence);
    return rc;
}

int muster_worker_endpoint(muster_worker_t *self, const char *endpoint, const char *operation,
                           const char *params, char *why, size_t why_size)
{
    proto_buf_t json = PROTO_BUF_INIT, sentence = PROTO_BUF_INIT;
    const char *blank = endpoint ? strchr(endpoint, ' ') : NULL;
    int rc = -1;
    proto_buf_string(&json, "[{\"name\":");
    if (proto_json_string(&json, proto_bytes_of(operation ? operation : "")) < 0 || (endpoint && !blank)) {
        proto_buf_string(&sentence, "an endpoint is a method, a blank and a path; names are UTF-8");
        s_tell(why, why_size, &sentence);
    } else {
        if (blank) {
            proto_buf_string(&json, ",\"method\":");
            proto_bytes_t method = {(const uint8_t *)endpoint, (size_t)(blank - endpoint)};
            rc = proto_json_string(&json, method);
            proto_buf_string(&json, ",\"path\":");
            rc = proto_json_string(&json, proto_bytes_of(blank + 1)) < 0 ? -1 : rc;
            if (proto_bytes_is(method, "GET"))
                proto_buf_string(&json, ",\"flags\":1");
        }
        proto_buf_printf(&json, ",\"params\":%s}]", params ? params : "[]");
        rc = muster_worker_catalogue(self, proto_buf_text(&json), why, why_size);
    }
    proto_buf_free(&json);
    return rc;
}

/* One job after the other, until the end. With the lock held, but for the work itself. */
static void s_work(muster_worker_t *self)
{
    while (!self->stopping) {
        muster_job_t *job = self->waiting;
        if (!job) {
            muster_io_wait(self->io, &self->changed, PROTO_NEVER);
            continue;
        }
        self->waiting = job->next;
        if (!self->waiting)
            self->waiting_end = &self->waiting;
        self->waiting_count--;
        job->next = self->working;
        self->working = job;
        self->working_count++;
        muster_io_unlock(self->io);
        muster_job_do(job);
        muster_io_lock(self->io);
        muster_job_t **at = &self->working;
        while (*at != job)
            at = &(*at)->next;
        *at = job->next;
        self->working_count--;
        muster_job_free(&job);
    }
    muster_io_wake(self->io); /* the last one gone, it may take leave */
}

int muster_worker_run(muster_worker_t *self)
{
    muster_io_lock(self->io);
    if (!self->started && !atomic_load(&self->stop)) {
        if (muster_io_start(self->io) < 0) {
            muster_io_unlock(self->io);
            return -1;
        }
        self->started = true;
    }
    if (self->started) {
        s_work(self);
        while (!self->left)
            muster_io_wait(self->io, &self->changed, PROTO_NEVER);
    }
    muster_io_unlock(self->io);
    return 0;
}

void muster_worker_stop(muster_worker_t *self)
{
    atomic_store(&self->stop, true);
    muster_io_wake(self->io);
}

int muster_worker_registered(muster_worker_t *self)
{
    muster_io_lock(self->io);
    int count = self->left ? 0 : muster_io_alive_count(self->io);
    muster_io_unlock(self->io);
    return count;
}

void muster_worker_destroy(muster_worker_t **self_pointer)
{
    muster_worker_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    muster_io_free(&self->io);
    while (self->waiting) {
        muster_job_t *job = self->waiting;
        self->waiting = job->next;
        muster_job_free(&job);
    }
    muster_publish_free(&self->publish);
    proto_buf_free(&self->body);
    pthread_cond_destroy(&self->changed);
    free(self);
}
