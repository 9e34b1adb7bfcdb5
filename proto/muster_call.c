/* SPDX-License-Identifier: MPL-2.0 */
/* Requests of a client: made, waited for, taken. Thread: any. */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "muster_client.h"
#include "proto_clock.h"
#include "proto_json.h"

enum { S_DEADLINE_MS = 30000, S_DEADLINE_MOST_MS = 3600000 };

/* Requests that were refused here have ids above all that were sent. */
static const uint64_t s_refused = UINT64_C(1) << 63;

/* The arguments as MessagePack, in `out` when they had to be made. -1 with a sentence. */
static int s_arguments(const muster_request_t *request, proto_buf_t *out, proto_bytes_t *body,
                       proto_buf_t *why)
{
    static const uint8_t empty_map = 0x80;
    proto_json_error_t error;
    *body = request->args_size ? (proto_bytes_t){request->args, request->args_size}
                               : (proto_bytes_t){&empty_map, 1};
    if (request->args_json) {
        if (proto_json_to_value(proto_bytes_of(request->args_json), &(proto_json_options_t){0}, out, &error) <
            0) {
            proto_buf_printf(why, "The arguments are not JSON: %s at byte %zu", error.reason, error.offset);
            return -1;
        }
        *body = proto_buf_bytes(out);
    }
    proto_reader_t reader = proto_reader(*body);
    proto_value_t head;
    if (proto_value_check(*body) == 0 && proto_value_read(&reader, &head) == 0 && head.kind == PROTO_MAP)
        return 0;
    proto_buf_string(why, "The arguments are no map of names to values");
    return -1;
}

static proto_bytes_t s_text(const char *text, const char *fallback)
{
    return proto_bytes_of(text ? text : fallback);
}

/* Hands a request to the core, under the lock; its id, 0 with a sentence. */
static uint64_t s_ask(muster_client_t *self, const muster_request_t *request, proto_bytes_t body,
                      muster_slot_t *slot, proto_buf_t *why)
{
    uint32_t deadline = request->deadline_ms ? request->deadline_ms : S_DEADLINE_MS;
    const char *service = request->service ? request->service : "";
    const char *operation = request->operation ? request->operation : "";
    if (request->broker < 0 || request->broker > muster_io_brokers(self->io)) {
        proto_buf_printf(why, "There is no broker %d", request->broker);
        return 0;
    }
    proto_record_t record = {
        .service = proto_bytes_of(service),
        .name = proto_bytes_of(operation),
        .subject = s_text(request->subject, self->subject),
        .role = s_text(request->role, self->role),
        .trace = s_text(request->trace, ""),
        .key = s_text(request->key, ""),
        .deadline = deadline < S_DEADLINE_MOST_MS ? deadline : S_DEADLINE_MOST_MS,
        .body = body,
    };
    muster_ask_t ask = {
        .record = &record,
        .reads = request->reads || muster_shelf_reads(&self->shelf, service, operation),
        .repeats = record.key.size && proto_service_keeps_keys(service),
        .only = request->broker - 1,
        .tag = slot,
    };
    uint64_t id = muster_core_ask(&self->core, &ask, proto_clock_ms());
    if (!id)
        proto_buf_string(why, "A name is too long, the arguments are too large, or too much is under way");
    return id;
}

/* Everything up to handing it over; 0 and a problem in *answer when that failed. */
static uint64_t s_begin(muster_client_t *self, const muster_request_t *request, muster_slot_t *slot,
                        muster_answer_t **problem)
{
    proto_buf_t arguments = PROTO_BUF_INIT, why = PROTO_BUF_INIT;
    proto_bytes_t body;
    proto_error_t error = PROTO_ERROR_malformed;
    uint64_t id = 0;
    if (s_arguments(request, &arguments, &body, &why) == 0) {
        muster_io_lock(self->io);
        if (self->core.requests.used == MUSTER_CORE_REQUESTS)
            error = PROTO_ERROR_overloaded;
        id = s_ask(self, request, body, slot, &why);
        muster_io_unlock(self->io);
        muster_io_wake(self->io);
    }
    if (!id)
        *problem = muster_answer_problem(0, error, proto_buf_text(&why));
    proto_buf_free(&arguments);
    proto_buf_free(&why);
    return id;
}

/* Waits for the last answer; pieces before it go to on_answer. */
static muster_answer_t *s_await(muster_client_t *self, muster_slot_t *slot)
{
    for (;;) {
        muster_io_lock(self->io);
        while (!slot->answers.first)
            muster_io_wait(self->io, &slot->came, PROTO_NEVER); /* the core answers in time */
        muster_answer_t *answer = muster_answers_take(&slot->answers);
        muster_io_unlock(self->io);
        if (!answer->more)
            return answer;
        slot->on_answer(answer, slot->arg);
    }
}

int muster_call_request(muster_client_t *self, const muster_request_t *request, muster_answer_t **answer)
{
    muster_slot_t slot = {.waited = true, .on_answer = request->on_answer, .arg = request->arg};
    muster_answers_init(&slot.answers);
    muster_io_condition(&slot.came);
    *answer = NULL;
    if (s_begin(self, request, &slot, answer))
        *answer = s_await(self, &slot);
    pthread_cond_destroy(&slot.came);
    return (*answer)->ok ? 0 : -1;
}

int muster_call(muster_client_t *self, const char *service, const char *operation, const void *args,
                size_t args_size, uint32_t deadline_ms, muster_answer_t **answer)
{
    muster_request_t request = {.service = service,
                                .operation = operation,
                                .args = args,
                                .args_size = args_size,
                                .deadline_ms = deadline_ms};
    return muster_call_request(self, &request, answer);
}

int muster_call_json(muster_client_t *self, const char *service, const char *operation, const char *args_json,
                     uint32_t deadline_ms, muster_answer_t **answer)
{
    muster_request_t request = {
        .service = service, .operation = operation, .args_json = args_json, .deadline_ms = deadline_ms};
    return muster_call_request(self, &request, answer);
}

uint64_t muster_send(muster_client_t *self, const muster_request_t *request)
{
    muster_slot_t *slot = calloc(1, sizeof *slot);
    PROTO_ASSERT(slot != NULL);
    slot->on_answer = request->on_answer;
    slot->arg = request->arg;
    muster_slot_t kept = *slot;
    muster_answer_t *problem = NULL;
    uint64_t id = s_begin(self, request, slot, &problem);
    if (id)
        return id;
    free(slot);
    muster_io_lock(self->io);
    id = problem->id = s_refused | ++self->refused;
    muster_client_queue(self, &kept, problem);
    muster_io_unlock(self->io);
    return id;
}

/* Takes the first of a list, under the lock. */
static muster_answer_t *s_take(muster_client_t *self, muster_answers_t *list)
{
    muster_answer_t *answer = muster_answers_take(list);
    eventfd_t count;
    if (answer && !self->next.first && !self->process.first)
        (void)eventfd_read(self->fd, &count);
    return answer;
}

int muster_next(muster_client_t *self, muster_answer_t **answer, int64_t wait_ms)
{
    int64_t now = proto_clock_ms();
    int64_t until = wait_ms < 0 || wait_ms > PROTO_NEVER - now ? PROTO_NEVER : now + wait_ms;
    muster_io_lock(self->io);
    while (!self->next.first && proto_clock_ms() < until)
        muster_io_wait(self->io, &self->came, until);
    *answer = s_take(self, &self->next);
    muster_io_unlock(self->io);
    return *answer ? 0 : -1;
}

int muster_process(muster_client_t *self)
{
    int done = 0, count = 0;
    muster_io_lock(self->io); /* only what is there now: the functions may send more, or cancel */
    for (const muster_answer_t *answer = self->process.first; answer; answer = answer->next)
        count++;
    muster_io_unlock(self->io);
    for (; done < count; done++) {
        muster_io_lock(self->io);
        muster_answer_t *answer = s_take(self, &self->process);
        muster_io_unlock(self->io);
        if (!answer)
            break;
        answer->on_answer(answer, answer->arg);
    }
    return done;
}

int muster_client_fd(muster_client_t *self)
{
    return self->fd;
}

/* The one who waited is told, where a thread did. */
static void s_give_up(uint64_t id, muster_slot_t *slot)
{
    if (!slot->waited) {
        free(slot);
        return;
    }
    muster_answers_put(&slot->answers, muster_answer_problem(id, PROTO_ERROR_outcome_unknown, "Cancelled"));
    pthread_cond_signal(&slot->came);
}

void muster_cancel(muster_client_t *self, uint64_t id)
{
    void *tag = NULL;
    eventfd_t count;
    if (!id)
        return;
    muster_io_lock(self->io);
    if (muster_core_cancel(&self->core, id, &tag))
        s_give_up(id, tag);
    muster_answers_drop(&self->next, id);
    muster_answers_drop(&self->process, id);
    if (!self->next.first && !self->process.first)
        (void)eventfd_read(self->fd, &count);
    muster_io_unlock(self->io);
    muster_io_wake(self->io);
}

int muster_catalogue(muster_client_t *self, const char *service, int64_t wait_ms, muster_answer_t **answer)
{
    proto_buf_t body = PROTO_BUF_INIT;
    int64_t until = proto_clock_ms() + wait_ms;
    muster_io_lock(self->io);
    int rc = muster_shelf_show(&self->shelf, service, &body);
    while (rc < 0 && proto_clock_ms() < until) {
        muster_io_wait(self->io, &self->came, until);
        rc = muster_shelf_show(&self->shelf, service, &body);
    }
    bool alive = muster_io_alive_count(self->io) > 0;
    muster_io_unlock(self->io);
    if (rc == 0)
        *answer = muster_answer_of(proto_buf_bytes(&body));
    else if (alive)
        *answer = muster_answer_problem(0, PROTO_ERROR_not_found, "No catalogue was published");
    else
        *answer = muster_answer_problem(0, PROTO_ERROR_not_ready, "No broker answers");
    proto_buf_free(&body);
    return rc;
}

const char *muster_version(void)
{
    return MUSTER_VERSION;
}
