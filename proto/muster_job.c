/* SPDX-License-Identifier: MPL-2.0 */
/* Jobs: what a worker's function is asked, and what it answers. Thread: the one that works on it.
 * Out: PARTIAL, FINAL, ERROR. */
#include "muster_worker.h"

#include <stdlib.h>

#include "proto_clock.h"
#include "proto_json.h"

enum { S_UNSENT = 4 * 1024 * 1024, S_WAIT_MS = 100 };

muster_job_t *muster_job_new(muster_worker_t *worker, int broker, const proto_record_t *request, int64_t now)
{
    muster_job_t *self = calloc(1, sizeof *self);
    proto_batch_t batch;
    PROTO_ASSERT(self != NULL);
    self->worker = worker;
    self->broker = broker;
    self->deadline = now + request->deadline;
    int rc = proto_record_append(&self->frame, request); /* as it was read, so it can be written */
    PROTO_ASSERT(rc == 0 && proto_batch_open(&batch, proto_buf_bytes(&self->frame)) == 0 &&
                 proto_batch_next(&batch, &self->record) == 1);
    return self;
}

void muster_job_free(muster_job_t **self_pointer)
{
    muster_job_t *self = *self_pointer;
    *self_pointer = NULL;
    proto_buf_free(&self->frame);
    proto_buf_free(&self->arguments);
    proto_buf_free(&self->json);
    proto_buf_free(&self->detail);
    proto_buf_free(&self->out);
    proto_arena_free(&self->texts);
    free(self);
}

/* Whether its broker still knows it. With the lock held. */
static bool s_wanted(const muster_job_t *self)
{
    return self->worker->posts[self->broker].epoch == self->record.epoch;
}

void muster_job_say(muster_job_t *self, const proto_record_t *record)
{
    if (!s_wanted(self))
        return;
    self->worker->posts[self->broker].unsent += proto_record_size(record);
    (void)muster_io_put(self->worker->io, self->broker, record);
}

/* An answer; -1 when it is too large. With the lock held. */
static int s_answer(muster_job_t *self, proto_type_t type, uint16_t number, proto_bytes_t body)
{
    proto_record_t record = {
        .type = type, .number = number, .id = self->record.id, .epoch = self->record.epoch, .body = body};
    if (self->answered || proto_record_size(&record) > PROTO_RECORD_BYTES)
        return -1;
    self->answered = type != PROTO_PARTIAL;
    muster_job_say(self, &record);
    return 0;
}

void muster_job_refuse(muster_job_t *self, proto_error_t error, const char *detail)
{
    proto_buf_reset(&self->out);
    proto_error_body(&self->out, error, detail);
    (void)s_answer(self, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&self->out));
}

static void s_refuse(muster_job_t *self, proto_error_t error, const char *detail)
{
    muster_io_lock(self->worker->io);
    muster_job_refuse(self, error, detail);
    muster_io_unlock(self->worker->io);
    muster_io_wake(self->worker->io);
}

void muster_job_do(muster_job_t *self)
{
    if (muster_job_left(self) == 0) {
        s_refuse(self, PROTO_ERROR_expired, NULL);
        return;
    }
    proto_error_t error =
        muster_publish_admit(&self->worker->publish, &self->record, &self->arguments, &self->detail);
    if (error) {
        s_refuse(self, error, self->detail.size ? proto_buf_text(&self->detail) : NULL);
        return;
    }
    self->worker->work(self, self->worker->arg);
    if (!self->answered)
        s_refuse(self, PROTO_ERROR_internal, "The worker gave no answer");
}

static const char *s_text(const muster_job_t *self, proto_bytes_t text)
{
    /* The arena is the job's own, and the job its thread's. */
    return proto_arena_text(&((muster_job_t *)self)->texts, text);
}

const char *muster_job_operation(const muster_job_t *self)
{
    return s_text(self, self->record.name);
}

const char *muster_job_subject(const muster_job_t *self)
{
    return s_text(self, self->record.subject);
}

const char *muster_job_role(const muster_job_t *self)
{
    return s_text(self, self->record.role);
}

const char *muster_job_trace(const muster_job_t *self)
{
    return s_text(self, self->record.trace);
}

const char *muster_job_key(const muster_job_t *self)
{
    return s_text(self, self->record.key);
}

const void *muster_job_args(const muster_job_t *self, size_t *size)
{
    *size = self->arguments.size;
    return self->arguments.data;
}

const char *muster_job_json(muster_job_t *self)
{
    if (self->json.size == 0 && proto_json_from_value(proto_buf_bytes(&self->arguments), &self->json) < 0) {
        proto_buf_reset(&self->json); /* cannot be: the arguments were checked */
        proto_buf_string(&self->json, "{}");
    }
    return proto_buf_text(&self->json);
}

int64_t muster_job_left(const muster_job_t *self)
{
    muster_io_lock(self->worker->io);
    bool wanted = s_wanted(self) && !self->cancelled;
    muster_io_unlock(self->worker->io);
    int64_t left = self->deadline - proto_clock_ms();
    return wanted && left > 0 ? left : 0;
}

/* Sends a document, a piece of one when the network keeps up. */
static int s_document(muster_job_t *self, proto_type_t type, proto_bytes_t body)
{
    muster_worker_t *worker = self->worker;
    if (body.size && proto_value_check(body) < 0)
        return -1;
    muster_io_lock(worker->io);
    while (type == PROTO_PARTIAL && s_wanted(self) && worker->posts[self->broker].unsent > S_UNSENT)
        muster_io_wait(worker->io, &worker->changed, proto_clock_ms() + S_WAIT_MS);
    int rc = s_answer(self, type, 0, body);
    muster_io_unlock(worker->io);
    muster_io_wake(worker->io);
    return rc;
}

static int s_json(muster_job_t *self, proto_type_t type, const char *json)
{
    proto_json_error_t error;
    proto_buf_reset(&self->out);
    if (proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &self->out, &error) < 0)
        return -1;
    return s_document(self, type, proto_buf_bytes(&self->out));
}

int muster_reply(muster_job_t *self, const void *body, size_t size)
{
    return s_document(self, PROTO_FINAL, (proto_bytes_t){body, size});
}

int muster_reply_json(muster_job_t *self, const char *json)
{
    return s_json(self, PROTO_FINAL, json);
}

int muster_partial(muster_job_t *self, const void *body, size_t size)
{
    return s_document(self, PROTO_PARTIAL, (proto_bytes_t){body, size});
}

int muster_partial_json(muster_job_t *self, const char *json)
{
    return s_json(self, PROTO_PARTIAL, json);
}

int muster_fail(muster_job_t *self, int status, const char *code, const char *detail)
{
    proto_buf_t body = PROTO_BUF_INIT;
    if (!code || !*code || !proto_utf8_valid(proto_bytes_of(code)))
        code = proto_error_code(PROTO_ERROR_declared);
    if (detail && !proto_utf8_valid(proto_bytes_of(detail)))
        detail = NULL;
    if (status < 400 || status > 599)
        status = 500;
    proto_error_t error = proto_error_find(code);
    if (error == PROTO_ERROR_none || error == PROTO_ERROR_declared || error == PROTO_ERROR_COUNT) {
        error = PROTO_ERROR_declared;
        proto_write_map(&body, 4);
        proto_write_text(&body, "code");
        proto_write_text(&body, code);
        proto_write_text(&body, "status");
        proto_write_int(&body, status);
        proto_write_text(&body, "title");
        proto_write_text(&body, proto_error_reason(status));
        proto_write_text(&body, "detail");
        proto_write_text(&body, detail ? detail : proto_error_reason(status));
    } else {
        proto_error_body(&body, error, detail);
    }
    muster_io_lock(self->worker->io);
    int rc = s_answer(self, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&body));
    muster_io_unlock(self->worker->io);
    muster_io_wake(self->worker->io);
    proto_buf_free(&body);
    return rc;
}
