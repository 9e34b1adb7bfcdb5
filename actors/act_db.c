/* SPDX-License-Identifier: MPL-2.0 */
/* The database actor's loop: broker and PostgreSQL are both only ever polled. One wake-up: take results, take
 * requests, send, flush both. Thread: its own. In: REQUEST, CANCEL, DISCONNECT, HEARTBEAT. Out: READY,
 * HEARTBEAT, DISCONNECT and what act_send, act_receive say. */
#include "act_db.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "act_internal.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "proto_value.h"

enum {
    S_STOP_MS = 2000,
    S_LINGER_MS = 100,
    S_POLL_MS = 1000,
    S_DRAIN_BYTES = 4 << 20 /* taken in a turn, so that uploads do not keep results and heartbeats waiting */
};

void act_db_put(act_db_t *self, act_broker_t *broker, const proto_record_t *record)
{
    if (act_brokers_put(broker, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "%s %u: a %s could not be encoded", self->config->service,
                  self->config->number, proto_type_name(record->type));
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

/* The catalogue is for the actors of "db" to tell: gateways know but one service of these operations. */
static uint64_t s_write_catalogue(act_db_t *self, proto_buf_t *out)
{
    proto_catalogue_t *catalogue = self->current->catalogue;
    if (act_db_is_replica(self))
        return 0;
    if (catalogue->hash != self->published && catalogue->generation <= self->published_generation)
        catalogue->generation = (uint64_t)proto_clock_wall_us(); /* the database has changed: newer wins */
    self->published = catalogue->hash;
    self->published_generation = catalogue->generation;
    proto_write_text(out, "catalogue");
    proto_catalogue_encode(catalogue, out);
    return catalogue->hash;
}

/* Says READY to one broker. */
static void s_ready(void *arg, act_broker_t *broker)
{
    act_db_t *self = arg;
    proto_buf_t *body = &self->body;
    proto_buf_reset(body);
    proto_write_map(body, act_db_is_replica(self) ? 2 : 3);
    proto_write_text(body, "version");
    proto_write_text(body, MUSTER_VERSION);
    s_write_offers(self, body);
    uint64_t hash = s_write_catalogue(self, body);
    act_db_put(self, broker,
               &(proto_record_t){
                   .type = PROTO_READY,
                   .number = broker->share,
                   .operation = hash,
                   .epoch = broker->epoch,
                   .service = proto_bytes_of(self->config->service),
                   .body = proto_buf_bytes(body),
               });
    proto_buf_free(body);
}

void act_db_announce(act_db_t *self)
{
    act_brokers_announce(&self->brokers);
}

static void s_record(act_db_t *self, int64_t now, act_broker_t *broker, const proto_record_t *record)
{
    switch (record->type) {
    case PROTO_REQUEST:
        act_send_take(self, now, broker, record);
        break;
    case PROTO_CANCEL:
        act_abort_job(self, broker, record->id);
        break;
    case PROTO_DISCONNECT:
        if (!self->stopping)
            act_brokers_refused(&self->brokers, now, broker);
        break;
    case PROTO_HEARTBEAT: /* only those whom it knows hear that of a broker */
        if (broker->registered)
            atomic_store(self->config->ready, true);
        break;
    default:
        break;
    }
}

static void s_drain_brokers(act_db_t *self, int64_t now)
{
    act_broker_t *broker;
    proto_record_t record;
    size_t bytes = 0;
    for (; bytes < S_DRAIN_BYTES && act_brokers_receive(&self->brokers, now, &broker, &record) == 1;
         bytes += record.body.size)
        s_record(self, now, broker, &record);
}

/* Only when there may be a command: each look costs system calls. */
static void s_drain_pipe(act_db_t *self, int64_t now)
{
    self->commanded = false;
    while (zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if ((!command || strcmp(command, "$TERM") == 0) && !self->stopping) {
            self->stopping = true;
            self->stop_at = now + S_STOP_MS;
        } else if (command && strcmp(command, "RELOAD") == 0) {
            self->reload = true;
        } else if (command && strcmp(command, "DRAIN") == 0) {
            act_brokers_withdraw(&self->brokers);
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
        return self->polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    return (short)(POLLIN | (self->writing ? POLLOUT : 0));
}

static void s_on_conn(act_db_t *self, int64_t now)
{
    if (self->phase == ACT_PHASE_CONNECTING)
        act_connect_poll(self, now);
    else if (PQconsumeInput(self->conn) != 1 || act_receive(self) < 0)
        act_connect_lost(self, now);
}

/* What is due: a new connection, or giving up on one that does not come about. */
static void s_on_time(act_db_t *self, int64_t now)
{
    if (self->phase == ACT_PHASE_READY || now < self->retry_at)
        return;
    if (self->phase == ACT_PHASE_DOWN)
        act_connect_start(self, now);
    else
        act_connect_lost(self, now);
}

/* A socket that took no more is not tried before it can take something: libpq moves what is left each time.
 */
static void s_flush_conn(act_db_t *self, int64_t now, bool writable)
{
    if (!self->conn || self->phase == ACT_PHASE_CONNECTING || (self->writing && !writable))
        return;
    int rc = PQflush(self->conn);
    self->writing = rc == 1;
    if (rc < 0)
        act_connect_lost(self, now);
}

typedef struct s_come {
    bool cancelled, answers, writable;
} s_come_t;

/* Waits until something happens, at most until `at`. What poll(2) does not fill in says no. */
static void s_wait(act_db_t *self, int64_t now, int64_t at, s_come_t *come)
{
    enum { S_PIPE, S_CANCEL, S_CONN, S_BROKERS };
    struct pollfd items[S_BROKERS + ACT_BROKERS] = {
        [S_PIPE] = {.fd = self->pipe_fd, .events = POLLIN},
        [S_CANCEL] = {.fd = act_cancel_fd(self->cancel), .events = POLLIN},
        [S_CONN] = {.fd = self->conn ? PQsocket(self->conn) : -1, .events = s_conn_events(self)},
    };
    bool at_once = act_brokers_watch(&self->brokers, items + S_BROKERS) || self->commanded || at <= now;
    if (poll(items, S_BROKERS + self->brokers.count, at_once ? 0 : (int)(at - now)) <= 0)
        return;
    act_brokers_told(&self->brokers, items + S_BROKERS);
    self->commanded = self->commanded || items[S_PIPE].revents;
    come->cancelled = items[S_CANCEL].revents;
    short conn = items[S_CONN].revents;
    come->writable = conn & POLLOUT;
    come->answers = self->phase == ACT_PHASE_CONNECTING ? conn : conn & ~POLLOUT;
}

/* When the next thing is due, `at` or before. */
static int64_t s_next_time(const act_db_t *self, int64_t at)
{
    if (self->phase != ACT_PHASE_READY && self->retry_at < at)
        at = self->retry_at;
    if (self->stopping && self->stop_at < at)
        at = self->stop_at;
    return at;
}

/* What has come: results, whose answers leave at once, then requests. */
static void s_take(act_db_t *self, int64_t now, const s_come_t *come)
{
    if (come->answers)
        s_on_conn(self, now);
    if (come->cancelled && act_abort_done(self, now) < 0)
        act_connect_lost(self, now);
    act_brokers_flush(&self->brokers, now);
    s_drain_brokers(self, now);
    s_on_time(self, now);
}

/* Tells main once nothing is under way, and nothing more can come. */
static void s_check_drained(act_db_t *self, int64_t now)
{
    if (self->drained || self->job_count || !act_brokers_withdrawn(&self->brokers, now))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
    self->commanded = true; /* sending may have eaten the edge of a command */
}

static void s_tell_figures(act_db_t *self, int64_t now)
{
    act_stats_t *stats = &self->figures.stats;
    stats->under_way = self->job_count;
    stats->waiting = self->waiting_count;
    stats->awaited = self->await_count;
    stats->held = self->held != NULL;
    stats->down = self->phase == ACT_PHASE_DOWN;
    stats->connecting = self->phase == ACT_PHASE_CONNECTING;
    stats->learning = self->phase == ACT_PHASE_LEARNING;
    stats->ready = self->phase == ACT_PHASE_READY;
    act_figures_turn(&self->figures, now);
}

static void s_turn(act_db_t *self)
{
    s_come_t come = {0};
    int64_t now = proto_clock_ms(), at = now + S_POLL_MS;
    int64_t tick = act_brokers_tick(&self->brokers, now), abort = act_abort_turn(self, now);
    act_brokers_flush(&self->brokers, now);
    int64_t again = act_brokers_again(&self->brokers, now);
    proto_yield(&self->yield, self->job_count); /* more comes while the others work */
    at = tick < at ? tick : at;
    at = abort < at ? abort : at;
    at = again < at ? again : at;
    s_wait(self, now, s_next_time(self, at), &come);
    now = proto_clock_ms();
    act_brokers_turn(&self->brokers, now);
    if (self->commanded)
        s_drain_pipe(self, now);
    s_take(self, now, &come);
    if (self->phase >= ACT_PHASE_LEARNING && act_generation_turn(self, now) < 0)
        act_connect_lost(self, now);
    if (self->phase == ACT_PHASE_READY)
        act_send_waiting(self, now);
    s_flush_conn(self, now, come.writable);
    s_check_drained(self, now);
    s_tell_figures(self, now);
}

static void s_free(act_db_t *self)
{
    act_connect_close(self);
    act_cancel_free(&self->cancel);
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
    proto_buf_free(&self->print);
    free(self);
}

static void s_end(act_db_t *self)
{
    int64_t now = proto_clock_ms();
    if (self->conn && self->job_count)
        act_connect_lost(self, now); /* answers what is left */
    act_brokers_close(&self->brokers, now, S_LINGER_MS);
}

void act_db_actor(zsock_t *pipe, void *config)
{
    act_db_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->config = config;
    self->pipe = pipe;
    self->pipe_fd = (int)zsock_fd(pipe);
    self->commanded = true;
    pthread_setname_np(pthread_self(), "db actor");
    self->cancel = act_cancel_new();
    act_figures_init(&self->figures, self->config->metrics, self->config->service, self->config->number);
    self->brokers = (act_brokers_t){
        .window = self->config->window, .service = self->config->service, .ready = s_ready, .arg = self};
    bool begun =
        self->cancel && act_brokers_open(&self->brokers, self->config->context, self->config->brokers,
                                         self->config->broker_count, proto_clock_ms()) == 0;
    zsock_signal(pipe, begun ? 0 : 1);
    while (begun && (!self->stopping || (self->job_count && proto_clock_ms() < self->stop_at)))
        s_turn(self);
    s_end(self);
    s_free(self);
}
