/* SPDX-License-Identifier: MPL-2.0 */
#include "thread.h"

#include <pthread.h>

struct srv_thread {
    pthread_t id;
    zactor_fn *run;
    void *config;
    zsock_t *pipe, *inside; /* ours, and the thread's end */
};

static void *s_run(void *arg)
{
    srv_thread_t *self = arg;
    self->run(self->inside, self->config);
    return NULL;
}

static void s_free(srv_thread_t *self)
{
    zsock_destroy(&self->pipe);
    zsock_destroy(&self->inside);
    free(self);
}

srv_thread_t *srv_thread_start(zactor_fn *run, void *config)
{
    srv_thread_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->run = run;
    self->config = config;
    self->pipe = zsys_create_pipe(&self->inside);
    if (!self->pipe || pthread_create(&self->id, NULL, s_run, self) != 0) {
        s_free(self);
        return NULL;
    }
    zsock_set_sndtimeo(self->pipe, 0);
    if (zsock_wait(self->pipe) != 0)
        srv_thread_end(&self);
    return self;
}

zsock_t *srv_thread_pipe(const srv_thread_t *self)
{
    return self->pipe;
}

void srv_thread_stop(const srv_thread_t *self)
{
    zstr_send(self->pipe, "$TERM");
}

void srv_thread_end(srv_thread_t **self_pointer)
{
    srv_thread_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    srv_thread_stop(self);
    pthread_join(self->id, NULL);
    s_free(self);
}
