/* SPDX-License-Identifier: MPL-2.0 */
/* Native workers, with the true act_brokers: as act_db.c goes about it, with a list of jobs for a pipeline.
 */
#include "sim.h"

#include "proto_catalogue.h"

enum { S_JOBS = 64 };

static const uint32_t s_flags[] = {PROTO_OP_READS, 0, PROTO_OP_READS | PROTO_OP_EXCLUSIVE};

static sim_told_t *s_told(sim_actor_t *self, const act_broker_t *broker)
{
    return &self->told[broker - self->brokers.list];
}

static bool s_takes_all(const sim_actor_t *self)
{
    return self == &sim.actors[SIM_ACTORS - 1];
}

static void s_write_offers(const sim_actor_t *self, proto_buf_t *out)
{
    uint32_t count = self == &sim.actors[0] ? 2 : 3; /* the first one has no share in slow work */
    proto_write_map(out, 1);
    proto_write_text(out, "offers");
    proto_write_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        proto_write_array(out, 3);
        proto_write_uint(out, i + 1);
        proto_write_text(out, sim_names[i]);
        proto_write_uint(out, s_flags[i]);
    }
}

static void s_ready(void *arg, act_broker_t *broker)
{
    sim_actor_t *self = arg;
    proto_buf_t body = PROTO_BUF_INIT;
    if (!s_takes_all(self))
        s_write_offers(self, &body);
    assert_int_equal(
        act_brokers_put(broker, &(proto_record_t){.type = PROTO_READY,
                                                  .number = broker->share,
                                                  .epoch = broker->epoch,
                                                  .service = proto_bytes_of(self->brokers.service),
                                                  .body = proto_buf_bytes(&body)}),
        0);
    proto_buf_free(&body);
    sim_told_t *told = s_told(self, broker);
    if (told->epoch != broker->epoch)
        *told = (sim_told_t){.epoch = broker->epoch};
    told->most = broker->share > told->most ? broker->share : told->most;
}

static void s_start(sim_actor_t *self)
{
    *self = (sim_actor_t){.lives = true};
    self->brokers = (act_brokers_t){.window = (uint16_t)(1 + sim_random(8)),
                                    .service = s_takes_all(self) ? "echo" : "db",
                                    .ready = s_ready,
                                    .arg = self};
    assert_int_equal(
        act_brokers_open(&self->brokers, NULL, sim_addresses, (uint32_t)sim.broker_count, sim.now), 0);
    act_brokers_register(&self->brokers, sim.now);
}

void sim_actor_die(sim_actor_t *self, bool politely)
{
    if (self->lives && politely)
        act_brokers_close(&self->brokers, sim.now, 0);
    for (uint32_t i = 0; self->lives && i < self->brokers.count; i++)
        proto_wire_close(&self->brokers.list[i].wire, 0);
    self->lives = false;
    self->job_count = 0;
}

/* Between a request's deadline and its being begun a message may be under way twice, and each of those who
 * hand it on may have stood still, but for no longer than goes unnoticed. */
static void s_check_stale(const sim_job_t *job)
{
    const sim_request_t *request = &sim.requests[job->n];
    int64_t paused = 0;
    for (int i = 0; i < sim.broker_count; i++)
        if (sim.brokers[i].paused_until > paused)
            paused = sim.brokers[i].paused_until;
    int64_t from = request->deadline > paused + request->wait ? request->deadline : paused + request->wait;
    assert_true(sim.now <= from + PROTO_EXPIRY_MS + 2 * SIM_DELAY_MS + 2 * SIM_SLACK_MS);
}

static void s_take(sim_actor_t *self, act_broker_t *broker, const proto_record_t *record)
{
    int held = 0;
    if (record->epoch != broker->epoch) {
        sim_counts.stale++;
        return;
    }
    for (int i = 0; i < self->job_count; i++) {
        const sim_job_t *job = &self->jobs[i];
        bool its = job->broker == broker && job->epoch == broker->epoch;
        held += its;
        assert_false(its && job->exclusive);
    }
    assert_true(held < s_told(self, broker)->most);
    assert_false(broker->left); /* nothing comes behind the broker's word that it knows */
    assert_true(self->job_count < S_JOBS);
    sim_job_t *job = &self->jobs[self->job_count++];
    *job = (sim_job_t){.broker = broker,
                       .token = record->id,
                       .epoch = record->epoch,
                       .n = sim_books_number(record->body),
                       .deadline = sim.now + record->deadline,
                       .exclusive = record->flags & PROTO_FLAG_EXCLUSIVE};
    const sim_request_t *request = &sim.requests[job->n];
    assert_true(proto_bytes_is(record->name, sim_names[request->kind]));
    assert_int_equal(record->key.size > 0, request->keyed);
    assert_int_equal(job->exclusive, request->kind == SIM_SLOW);
}

static void s_cancel(sim_actor_t *self, const act_broker_t *broker, uint64_t token)
{
    for (int i = 0; i < self->job_count; i++)
        if (self->jobs[i].broker == broker && self->jobs[i].token == token)
            self->jobs[i].deadline = 0;
}

static void s_receive(sim_actor_t *self)
{
    act_broker_t *broker;
    proto_record_t record;
    while (act_brokers_receive(&self->brokers, sim.now, &broker, &record) == 1) {
        if (record.type == PROTO_REQUEST)
            s_take(self, broker, &record);
        else if (record.type == PROTO_CANCEL)
            s_cancel(self, broker, record.id);
        else if (record.type == PROTO_DISCONNECT)
            act_brokers_refused(&self->brokers, sim.now, broker);
    }
}

static void s_answer(const sim_job_t *job, proto_error_t error)
{
    proto_buf_t body = PROTO_BUF_INIT;
    if (error)
        proto_error_body(&body, error, NULL);
    else
        sim_books_body(job->n, &body);
    assert_int_equal(act_brokers_put(job->broker, &(proto_record_t){.type = error ? PROTO_ERROR : PROTO_FINAL,
                                                                    .number = (uint16_t)error,
                                                                    .id = job->token,
                                                                    .epoch = job->epoch,
                                                                    .body = proto_buf_bytes(&body)}),
                     0);
    proto_buf_free(&body);
}

static void s_say_partial(const sim_job_t *job)
{
    proto_buf_t body = PROTO_BUF_INIT;
    sim_books_body(job->n, &body);
    assert_int_equal(act_brokers_put(job->broker, &(proto_record_t){.type = PROTO_PARTIAL,
                                                                    .id = job->token,
                                                                    .epoch = job->epoch,
                                                                    .body = proto_buf_bytes(&body)}),
                     0);
    proto_buf_free(&body);
}

static void s_return(const sim_actor_t *self, const sim_job_t *job)
{
    const sim_request_t *request = &sim.requests[job->n];
    proto_buf_t body = PROTO_BUF_INIT;
    sim_books_body(job->n, &body);
    job->broker->owed++;
    assert_int_equal(
        act_brokers_put(job->broker, &(proto_record_t){.type = PROTO_RETURN,
                                                       .id = job->token,
                                                       .epoch = job->epoch,
                                                       .service = proto_bytes_of(self->brokers.service),
                                                       .name = proto_bytes_of(sim_names[request->kind]),
                                                       .key = proto_bytes_of(request->keyed ? "key" : ""),
                                                       .body = proto_buf_bytes(&body)}),
        0);
    proto_buf_free(&body);
}

/* One thing done to a job; whether it is over. */
static bool s_work(const sim_actor_t *self, sim_job_t *job)
{
    bool current = job->epoch == job->broker->epoch;
    if (job->done && !current && !sim.ending && sim_chance(980))
        return false;
    if (job->done) { /* one of an earlier registration mostly stays unsaid; the broker must not take it */
        if (current || sim_chance(500))
            s_answer(job, job->refused ? PROTO_ERROR_conflict : PROTO_ERROR_none);
        return true;
    }
    if (!current) {
        sim_counts.dropped_jobs++;
        return true;
    }
    if (job->deadline <= sim.now) {
        sim_counts.expired_unrun++;
        s_answer(job, PROTO_ERROR_expired);
        return true;
    }
    if (self->brokers.leaving || sim_chance(60)) {
        s_return(self, job);
        return true;
    }
    s_check_stale(job);
    job->refused = !sim_books_do(job->n);
    job->done = true;
    if (!job->refused && sim_chance(50))
        s_say_partial(job);
    return false;
}

static void s_work_all(sim_actor_t *self)
{
    for (int i = 0; i < self->job_count;) {
        if (sim_chance(250) && s_work(self, &self->jobs[i]))
            self->jobs[i] = self->jobs[--self->job_count];
        else
            i++;
    }
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        act_broker_t *broker = &self->brokers.list[i];
        if (!broker->owed || sim_chance(900))
            continue;
        assert_int_equal(act_brokers_put(broker, &(proto_record_t){.type = PROTO_CREDIT,
                                                                   .number = broker->owed,
                                                                   .epoch = broker->epoch}),
                         0);
        broker->owed = 0;
    }
}

/* The brokers that live have the window, all of it, and equal parts of it. */
static void s_check_shares(const sim_actor_t *self)
{
    uint32_t sum = 0, live = 0, least = UINT16_MAX, most = 0;
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        const act_broker_t *broker = &self->brokers.list[i];
        if (!broker->alive)
            continue;
        live++;
        sum += broker->share;
        least = broker->share < least ? broker->share : least;
        most = broker->share > most ? broker->share : most;
    }
    if (live)
        assert_true(sum == (self->brokers.window > live ? self->brokers.window : live) && most <= least + 1);
}

/* Goes when all brokers know, and nothing is left to do. */
static void s_leave(sim_actor_t *self)
{
    if (self->job_count || !act_brokers_withdrawn(&self->brokers, sim.now))
        return;
    sim_actor_die(self, true);
    sim_counts.actor_leaves++;
}

void sim_actor_turn(sim_actor_t *self)
{
    if (sim.now < self->away_until)
        return;
    if (!self->lives)
        s_start(self);
    act_brokers_turn(&self->brokers, sim.now);
    s_receive(self);
    s_work_all(self);
    act_brokers_tick(&self->brokers, sim.now);
    act_brokers_flush(&self->brokers, sim.now);
    s_check_shares(self);
    s_leave(self);
}
