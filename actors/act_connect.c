/* SPDX-License-Identifier: MPL-2.0 */
/* The life of the connection: asynchronous connect, loss, back-off. Only the name lookup inside libpq may
 * block, and then this actor alone, which is not registered meanwhile. Thread: the actor's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "act_internal.h"
#include "proto_clock.h"
#include "proto_log.h"

enum { S_CONNECT_MS = 10000 /* until the connection is made and its statements are prepared */ };

/* libpq's own words about the connection may hold the user and host, never a password; one line of them is
 * enough. */
static void s_tell_down(act_db_t *self, const char *message)
{
    self->figures.stats.losses++;
    if (self->told_down)
        return;
    self->told_down = true;
    proto_log(PROTO_LOG_WARN, "actors", "%s %u: the database is away: %.*s", self->config->service,
              self->config->number, (int)strcspn(message, "\n"), message);
}

/* NOTICE and WARNING of functions, which may hold what clients sent: one line, and only for those who look.
 */
static void s_on_notice(void *arg, const PGresult *result)
{
    const act_db_t *self = arg;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    proto_log(PROTO_LOG_DEBUG, "actors", "%s %u: PostgreSQL says: %s", self->config->service,
              self->config->number, text ? text : "");
}

void act_connect_close(act_db_t *self)
{
    if (self->conn)
        PQfinish(self->conn);
    self->conn = NULL;
    self->phase = ACT_PHASE_DOWN;
    act_generation_free_all(self);
    self->writing = self->between = self->cancelling = self->keeps_keys = false;
    self->await_first = self->await_count = self->group = 0;
}

static void s_schedule(act_db_t *self, int64_t now)
{
    self->retry_at = now + act_backoff_failed(&self->backoff, proto_clock_random());
}

void act_connect_start(act_db_t *self, int64_t now)
{
    char application[64];
    snprintf(application, sizeof application, "muster %s %u", self->config->service, self->config->number);
    /* What stands before dbname the conninfo may override. */
    const char *const keywords[] = {
        "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",          "dbname",          "client_encoding",     NULL};
    const char *const values[] = {application, "5", "2", "3", "10000", self->config->conninfo, "UTF8", NULL};
    self->conn = PQconnectStartParams(keywords, values, 1);
    PROTO_ASSERT(self->conn != NULL);
    self->figures.stats.connects++;
    PQsetNoticeReceiver(self->conn, s_on_notice, self);
    if (PQstatus(self->conn) == CONNECTION_BAD) {
        s_tell_down(self, PQerrorMessage(self->conn));
        act_connect_close(self);
        s_schedule(self, now);
        return;
    }
    self->phase = ACT_PHASE_CONNECTING;
    self->polling = PGRES_POLLING_WRITING;
    self->retry_at = now + S_CONNECT_MS;
}

/* With each write libpq moves what it could not send yet to the front: a large upload needs few of them. Over
 * TCP the kernel widens buffers by itself (tcp(7), tcp_wmem). */
static void s_widen(PGconn *conn)
{
    int size = 16 << 20, domain = 0; /* the kernel cuts it down: net.core.wmem_max */
    socklen_t length = sizeof domain;
    if (getsockopt(PQsocket(conn), SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX)
        (void)setsockopt(PQsocket(conn), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void act_connect_poll(act_db_t *self, int64_t now)
{
    self->polling = PQconnectPoll(self->conn);
    if (self->polling == PGRES_POLLING_FAILED) {
        s_tell_down(self, PQerrorMessage(self->conn));
        act_connect_close(self);
        s_schedule(self, now);
    } else if (self->polling == PGRES_POLLING_OK) {
        if (PQsetnonblocking(self->conn, 1) < 0 || PQenterPipelineMode(self->conn) != 1) {
            act_connect_lost(self, now);
            return;
        }
        s_widen(self->conn);
        self->phase = ACT_PHASE_LEARNING;
        act_prepare_session(self);
        act_generation_begin(self);
    }
}

/* Answers a request that was sent and will get no answer. What a replica was asked only reads, so that
 * another worker can run it as if it had never begun: no request fails because replicas go away. What has
 * failed by itself was certainly not executed, nor was what waited for our COMMIT; of a write whose end was
 * sent nobody knows. */
static void s_give_up(act_db_t *self, act_job_t *job)
{
    bool undone = job->failure || (act_job_mode(job) == ACT_MODE_HELD && !job->committing);
    bool reads = job->plan->operation->flags & PROTO_OP_READS;
    if (act_db_is_replica(self))
        act_send_return(self, job);
    else if (reads)
        act_reply_error(self, job, PROTO_ERROR_worker_lost, "The connection to the database was lost");
    else if (undone)
        act_reply_error(self, job, PROTO_ERROR_database_unavailable, "The database went away");
    else
        act_reply_error(self, job, PROTO_ERROR_outcome_unknown,
                        "The connection to the database was lost before it confirmed the change");
}

static void s_give_up_all(act_db_t *self)
{
    while (self->answered) {
        act_job_t *job = self->answered;
        self->answered = job->next;
        s_give_up(self, job);
    }
    self->answered_last = NULL;
    for (uint32_t i = 0; i < self->await_count; i++) { /* a job's last statement stands for it */
        const act_await_t *await = &self->awaited[(self->await_first + i) % self->await_room];
        if (await->kind == ACT_AWAIT_STATEMENT && await->job && await->job != self->held &&
            await->stage + 1 == await->job->sent)
            s_give_up(self, await->job);
    }
    if (self->held)
        s_give_up(self, self->held);
    self->held = NULL;
    self->held_syncs = 0;
}

void act_connect_lost(act_db_t *self, int64_t now)
{
    const char *message = self->conn ? PQerrorMessage(self->conn) : "";
    s_tell_down(self, *message ? message : "the connection was lost");
    s_give_up_all(self);
    act_send_return_waiting(self);
    act_brokers_leave(&self->brokers);
    act_connect_close(self);
    s_schedule(self, now);
}
