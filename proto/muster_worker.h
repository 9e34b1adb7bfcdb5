/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of a worker share. Thread: any, under the lock of muster_io, but for a job that is being
 * worked on: that is its thread's, `cancelled` and `answered` excepted. */
#ifndef MUSTER_WORKER_H
#define MUSTER_WORKER_H

#include <stdatomic.h>

#include "muster_io.h"
#include "muster_publish.h"
#include "proto_arena.h"

struct muster_job {
    muster_worker_t *worker;
    int broker;
    proto_buf_t frame;     /* the request as it came, in a batch of one */
    proto_record_t record; /* points into it; `id` is the broker's token, `epoch` our registration */
    int64_t deadline;
    proto_arena_t texts;
    proto_buf_t arguments, json, detail, out;
    bool cancelled, answered;
    muster_job_t *next; /* waiting, or under way */
};

/* How the worker stands with one broker. */
typedef struct muster_post {
    uint32_t epoch;  /* of the present registration; 0: none */
    uint16_t window; /* as said last */
    size_t unsent;   /* bytes of answers put since the network last took all */
    bool left;       /* ending: everything it had sent has been seen */
} muster_post_t;

struct muster_worker {
    muster_io_t *io;
    char service[MUSTER_NAME];
    muster_work_fn *work;
    void *arg;
    uint32_t window;
    muster_publish_t publish;
    proto_buf_t body;
    muster_post_t posts[MUSTER_BROKERS];
    muster_job_t *waiting, **waiting_end;
    muster_job_t *working;
    uint32_t waiting_count, working_count;
    pthread_cond_t changed; /* a job has come, a turn was made, the worker has left */
    bool started;           /* the thread runs */
    bool stopping, left;    /* gives everything back; has taken leave of all brokers */
    int64_t leave_by;       /* at the latest */
    atomic_bool stop;       /* muster_worker_stop */
};

/* muster_job.c: */
/* A job for a REQUEST, which is copied. */
muster_job_t *muster_job_new(muster_worker_t *worker, int broker, const proto_record_t *request, int64_t now);
void muster_job_free(muster_job_t **self);
/* Does it, on the calling thread and without the lock. */
void muster_job_do(muster_job_t *self);
/* With the lock held: says something of it to its broker, when that still wants to hear. */
void muster_job_say(muster_job_t *self, const proto_record_t *record);
void muster_job_refuse(muster_job_t *self, proto_error_t error, const char *detail);

#endif
