/* SPDX-License-Identifier: MPL-2.0 */
/* Clients: requests go into the core, answers come out of it into lists. Thread: any under the lock of
 * muster_io; callbacks of core and io on the client's own.
 * In: PUBLISH, PARTIAL, FINAL, ERROR. Out: HELLO, REQUEST, CANCEL, DISCONNECT. */
#include "muster_client.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto_clock.h"

enum {
    S_CONNECT_MS = 2000,
    S_QUEUED = 256 * 1024 * 1024 /* bytes of answers that nobody has taken; then pieces are dropped */
};

static void s_greet(void *arg, int broker, int64_t now)
{
    muster_client_t *self = arg;
    (void)now;
    (void)muster_io_put(self->io, broker, &(proto_record_t){.type = PROTO_HELLO});
}

static void s_alive(void *arg, int broker, bool alive, int64_t now)
{
    muster_client_t *self = arg;
    if (!alive) {
        muster_core_down(&self->core, broker, now);
        return;
    }
    muster_core_up(&self->core, broker, now);
    pthread_cond_broadcast(&self->came);
}

static void s_record(void *arg, int broker, const proto_record_t *record, int64_t now)
{
    muster_client_t *self = arg;
    if (record->type == PROTO_PUBLISH) {
        if (muster_shelf_learn(&self->shelf, record))
            pthread_cond_broadcast(&self->came);
    } else {
        muster_core_record(&self->core, broker, record, now);
    }
}

static int64_t s_turn(void *arg, int64_t now)
{
    muster_client_t *self = arg;
    return muster_core_tick(&self->core, now);
}

static void s_send(void *arg, int broker, const proto_record_t *record)
{
    muster_client_t *self = arg;
    (void)muster_io_put(self->io, broker, record); /* the core has encoded it before */
}

void muster_client_queue(muster_client_t *self, const muster_slot_t *slot, muster_answer_t *answer)
{
    if (!self->next.first && !self->process.first)
        (void)eventfd_write(self->fd, 1);
    answer->on_answer = slot->on_answer;
    answer->arg = slot->arg;
    muster_answers_put(slot->on_answer ? &self->process : &self->next, answer);
    if (!slot->on_answer)
        pthread_cond_broadcast(&self->came);
}

static void s_answer(void *arg, uint64_t id, void *tag, const proto_record_t *record)
{
    muster_client_t *self = arg;
    muster_slot_t *slot = tag;
    bool last = record->type != PROTO_PARTIAL;
    muster_answers_t *list = slot->waited ? &slot->answers : &self->next;
    if (!last && (slot->waited && !slot->on_answer)) /* nobody wants pieces */
        return;
    if (!last && list->bytes + self->process.bytes > S_QUEUED) {
        slot->lost = true;
        return;
    }
    muster_answer_t *answer =
        last && slot->lost
            ? muster_answer_problem(id, PROTO_ERROR_result_too_large, "Pieces of it were not taken in time")
            : muster_answer_new(record);
    if (slot->waited) {
        muster_answers_put(&slot->answers, answer);
        pthread_cond_signal(&slot->came);
        return;
    }
    muster_client_queue(self, slot, answer);
    if (last)
        free(slot);
}

/* The one who runs this process. */
static void s_user(char name[MUSTER_NAME])
{
    struct passwd user, *found = NULL;
    char room[4096];
    if (getpwuid_r(getuid(), &user, room, sizeof room, &found) == 0 && found)
        snprintf(name, MUSTER_NAME, "%s", found->pw_name);
    else
        snprintf(name, MUSTER_NAME, "uid-%u", (unsigned)getuid());
}

static int s_set_up(muster_client_t *self, const muster_config_t *config, proto_buf_t *why)
{
    static const muster_io_calls_t io_calls = {
        .greet = s_greet, .alive = s_alive, .record = s_record, .turn = s_turn};
    static const muster_core_calls_t core_calls = {.send = s_send, .answer = s_answer};
    const char *subject = config ? config->subject : NULL, *role = config ? config->role : NULL;
    if ((subject && strlen(subject) >= MUSTER_NAME) || (role && strlen(role) >= MUSTER_NAME)) {
        proto_buf_string(why, "subject and role have at most 255 bytes");
        return -1;
    }
    s_user(self->subject);
    if (subject)
        snprintf(self->subject, sizeof self->subject, "%s", subject);
    if (role)
        snprintf(self->role, sizeof self->role, "%s", role);
    self->io = muster_io_new(config, &io_calls, self, "muster-client", why);
    if (!self->io)
        return -1;
    muster_core_init(&self->core, muster_io_brokers(self->io),
                     config && config->connect_ms ? config->connect_ms : S_CONNECT_MS, &core_calls, self,
                     proto_clock_ms());
    if (self->fd < 0 || muster_io_start(self->io) < 0) {
        proto_buf_string(why, "there are no more threads or file descriptors");
        return -1;
    }
    return 0;
}

muster_client_t *muster_client_new(const muster_config_t *config, char *why, size_t why_size)
{
    muster_client_t *self = calloc(1, sizeof *self);
    proto_buf_t sentence = PROTO_BUF_INIT;
    PROTO_ASSERT(self != NULL);
    muster_answers_init(&self->next);
    muster_answers_init(&self->process);
    muster_io_condition(&self->came);
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s_set_up(self, config, &sentence) < 0)
        muster_client_destroy(&self);
    if (why && why_size)
        snprintf(why, why_size, "%s", proto_buf_text(&sentence));
    proto_buf_free(&sentence);
    return self;
}

/* Cancels everything and takes leave. */
static void s_leave(muster_client_t *self)
{
    void *tag;
    muster_io_lock(self->io);
    for (uint64_t id; (id = muster_core_any(&self->core));)
        if (muster_core_cancel(&self->core, id, &tag))
            free(tag); /* no thread waits any more */
    for (int i = 0; i < muster_io_brokers(self->io); i++)
        (void)muster_io_put(self->io, i, &(proto_record_t){.type = PROTO_DISCONNECT});
    muster_io_unlock(self->io);
}

void muster_client_destroy(muster_client_t **self_pointer)
{
    muster_client_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    if (self->io)
        s_leave(self);
    muster_io_free(&self->io);
    if (self->core.broker_count)
        muster_core_free(&self->core);
    muster_shelf_free(&self->shelf);
    muster_answers_drop(&self->next, 0);
    muster_answers_drop(&self->process, 0);
    pthread_cond_destroy(&self->came);
    if (self->fd >= 0)
        close(self->fd);
    free(self);
}

int muster_client_wait(muster_client_t *self, int64_t wait_ms)
{
    int64_t until = proto_clock_ms() + wait_ms;
    muster_io_lock(self->io);
    while (muster_io_alive_count(self->io) == 0 && proto_clock_ms() < until)
        muster_io_wait(self->io, &self->came, until);
    int rc = muster_io_alive_count(self->io) ? 0 : -1;
    muster_io_unlock(self->io);
    return rc;
}

int muster_client_brokers(muster_client_t *self)
{
    return muster_io_brokers(self->io);
}

const char *muster_client_endpoint(muster_client_t *self, int broker)
{
    return broker >= 0 && broker < muster_io_brokers(self->io) ? muster_io_endpoint(self->io, broker) : "";
}

int muster_client_alive(muster_client_t *self, int broker)
{
    muster_io_lock(self->io);
    int alive = broker >= 0 && broker < muster_io_brokers(self->io) && muster_io_alive(self->io, broker);
    muster_io_unlock(self->io);
    return alive;
}
