/* SPDX-License-Identifier: MPL-2.0 */
/* The database actor's loop: broker and PostgreSQL are both only ever polled. One wake-up: take results, take
 * requests, send, flush both. Thread: its own. In: REQUEST, CANCEL, DISCONNECT, HEARTBEAT. Out: READY,
 * HEARTBEAT, DISCONNECT and what act_send, act_receive say. */
#include "act_db.h"

#include <pthread.h>
#include <stdlib.h>

#include "act_internal.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "proto_value.h"

enum { S_STOP_MS = 2000, S_LINGER_MS = 100, S_POLL_MS = 1000 };

void act_db_put(act_db_t *self, const proto_record_t *record)
{
    if (proto_wire_put(self->wire, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "db %u: a %s could not be encoded", self->config->number,
                  proto_type_name(record->type));
}

static bool s_offers(const act_db_t *self, const act_plan_t *plan)
{
    return plan->prepared && (self->config->takes_slow || !(plan->operation->flags & PROTO_OP_EXCLUSIVE));
}

static void s_write_offer(proto_buf_t *out, const act_plan_t *plan, uint64_t hash)
{
    proto_write_array(out, 3);
    proto_write_uint(out, hash);
    proto_write_text(out, plan->operation->name);
    proto_write_uint(out, plan->operation->flags);
}

/* What is served, present hashes and former ones. */
static void s_write_offers(const act_db_t *self, proto_buf_t *out)
{
    uint32_t count = 0;
    proto_write_text(out, "offers");
    size_t place = proto_write_array_open(out);
    for (const act_generation_t *g = self->current; g; g = g->next) {
        for (uint32_t i = 0; i < g->plan_count; i++) {
            const act_plan_t *plan = &g->plans[i];
            if (!s_offers(self, plan))
                continue;
            if (plan->former)
                s_write_offer(out, plan, plan->former);
            s_write_offer(out, plan, plan->operation->hash);
            count += plan->former ? 2 : 1;
        }
    }
    proto_write_close(out, place, count);
}

void act_db_announce(act_db_t *self)
{
    proto_buf_t *body = &self->body;
    proto_catalogue_t *catalogue = self->current->catalogue;
    if (catalogue->hash != self->published && catalogue->generation <= self->published_generation)
        catalogue->generation = (uint64_t)proto_clock_wall_us(); /* the database has changed: newer wins */
    self->published = catalogue->hash;
    self->published_generation = catalogue->generation;
    proto_buf_reset(body);
    proto_write_map(body, 3);
    proto_write_text(body, "version");
    proto_write_text(body, MUSTER_VERSION);
    s_write_offers(self, body);
    proto_write_text(body, "catalogue");
    proto_catalogue_encode(catalogue, body);
    act_db_put(self, &(proto_record_t){
                         .type = PROTO_READY,
                         .number = self->config->window,
                         .operation = catalogue->hash,
                         .epoch = self->epoch,
                         .service = proto_bytes_of("db"),
                         .body = proto_buf_bytes(body),
                     });
    proto_buf_free(body);
}

void act_db_register(act_db_t *self, int64_t now)
{
    self->epoch = (uint32_t)proto_clock_random();
    self->registered = true;
    self->registered_at = now;
    self->register_at = PROTO_NEVER;
    self->owed = 0;
    act_db_announce(self);
}

/* The broker has forgotten this worker, and given its requests up; or it refuses it: then not at once again.
 */
static void s_on_disconnect(act_db_t *self, int64_t now)
{
    if (!self->registered || self->stopping)
        return;
    int64_t soonest = self->registered_at + PROTO_HEARTBEAT_MS;
    if (now >= soonest)
        act_db_register(self, now);
    else
        self->register_at = soonest;
}

static void s_record(act_db_t *self, int64_t now, const proto_record_t *record)
{
    switch (record->type) {
    case PROTO_REQUEST:
        act_send_take(self, now, record);
        break;
    case PROTO_CANCEL:
        act_send_cancel(self, record->id);
        break;
    case PROTO_DISCONNECT:
        s_on_disconnect(self, now);
        break;
    default:
        break;
    }
}

static void s_drain_wire(act_db_t *self, int64_t now)
{
    proto_batch_t batch;
    while (proto_wire_receive(self->wire, now, &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;)
            if (rc > 0)
                s_record(self, now, &record);
    }
}

static void s_drain_pipe(act_db_t *self, int64_t now)
{
    while (zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if ((!command || strcmp(command, "$TERM") == 0) && !self->stopping) {
            self->stopping = true;
            self->stop_at = now + S_STOP_MS;
        } else if (command && strcmp(command, "RELOAD") == 0) {
            self->reload = true;
        }
        bool interrupted = !command;
        freen(command);
        if (interrupted)
            return;
    }
}

static short s_conn_events(const act_db_t *self)
{
    if (self->phase == ACT_PHASE_CONNECTING)
        return self->polling == PGRES_POLLING_WRITING ? ZMQ_POLLOUT : ZMQ_POLLIN;
    return (short)(ZMQ_POLLIN | (self->writing ? ZMQ_POLLOUT : 0));
}

static void s_on_conn(act_db_t *self, int64_t now)
{
    if (self->phase == ACT_PHASE_CONNECTING)
        act_connect_poll(self, now);
    else if (PQconsumeInput(self->conn) != 1 || act_receive(self) < 0)
        act_connect_lost(self, now);
}

/* What is due: another READY, a new connection, or giving up on one that does not come about. */
static void s_on_time(act_db_t *self, int64_t now)
{
    if (self->registered && now >= self->register_at)
        act_db_register(self, now);
    if (self->phase == ACT_PHASE_READY || now < self->retry_at)
        return;
    if (self->phase == ACT_PHASE_DOWN)
        act_connect_start(self, now);
    else
        act_connect_lost(self, now);
}

static void s_flush_conn(act_db_t *self, int64_t now)
{
    if (!self->conn || self->phase == ACT_PHASE_CONNECTING)
        return;
    int rc = PQflush(self->conn);
    self->writing = rc == 1;
    if (rc < 0)
        act_connect_lost(self, now);
}

/* A process that was stopped for longer than its expiry is not who the broker knows any more: what it finds
 * queued was given up long ago. */
static void s_notice_stop(act_db_t *self, int64_t now)
{
    if (self->registered && now - self->ticked > PROTO_EXPIRY_MS)
        act_db_register(self, now);
    self->ticked = now;
}

static int64_t s_timeout(act_db_t *self, int64_t now)
{
    int64_t at = now + S_POLL_MS;
    if (self->registered) {
        int64_t tick = proto_wire_tick(self->wire, now);
        at = tick < at ? tick : at;
        at = self->register_at < at ? self->register_at : at;
    }
    if (self->phase != ACT_PHASE_READY && self->retry_at < at)
        at = self->retry_at;
    if (self->stopping && self->stop_at < at)
        at = self->stop_at;
    return at > now ? at - now : 0;
}

static void s_turn(act_db_t *self)
{
    int64_t now = proto_clock_ms();
    int64_t timeout = s_timeout(self, now);
    if (!proto_wire_flush(self->wire, now) && timeout > 10)
        timeout = 10;
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
                              {.socket = proto_wire_socket(self->wire), .events = ZMQ_POLLIN},
                              {.fd = self->conn ? PQsocket(self->conn) : -1, .events = s_conn_events(self)}};
    bool polled = self->conn && items[2].fd >= 0;
    (void)zmq_poll(items, polled ? 3 : 2, (long)timeout);
    now = proto_clock_ms();
    s_notice_stop(self, now);
    if (items[0].revents)
        s_drain_pipe(self, now);
    if (polled && items[2].revents)
        s_on_conn(self, now);
    s_drain_wire(self, now);
    s_on_time(self, now);
    if (self->phase >= ACT_PHASE_LEARNING && act_generation_turn(self, now) < 0)
        act_connect_lost(self, now);
    if (self->phase == ACT_PHASE_READY)
        act_send_waiting(self, now);
    s_flush_conn(self, now);
}

static void s_free(act_db_t *self)
{
    act_connect_close(self);
    free(self->awaited);
    while (self->free_jobs) {
        act_job_t *job = self->free_jobs;
        self->free_jobs = job->next;
        proto_buf_free(&job->kept);
        free(job);
    }
    proto_buf_free(&self->body);
    proto_buf_free(&self->text);
    proto_buf_free(&self->detail);
    proto_buf_free(&self->token);
    proto_buf_free(&self->claims);
    free(self);
}

void act_db_actor(zsock_t *pipe, void *config)
{
    act_db_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->config = config;
    self->pipe = pipe;
    pthread_setname_np(pthread_self(), "db actor");
    zsock_signal(pipe, 0);
    self->ticked = proto_clock_ms();
    self->wire = proto_wire_open(self->config->context, self->config->brokers, self->ticked);
    zsock_signal(pipe, self->wire ? 0 : 1);
    if (self->wire) {
        while (!self->stopping || (self->job_count && proto_clock_ms() < self->stop_at))
            s_turn(self);
        if (self->conn && self->job_count)
            act_connect_lost(self, proto_clock_ms()); /* answers what is left */
        else if (self->registered)
            act_db_put(self, &(proto_record_t){.type = PROTO_DISCONNECT});
        (void)proto_wire_flush(self->wire, proto_clock_ms());
        proto_wire_close(&self->wire, S_LINGER_MS);
    }
    s_free(self);
}
