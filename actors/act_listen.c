/* SPDX-License-Identifier: MPL-2.0 */
/* The listener. Thread: its own.
 * In: REQUEST (muster.revoked: snapshot), DISCONNECT. Out: READY, PUBLISH, FINAL, ERROR, RETURN, HEARTBEAT,
 * DISCONNECT. */
#include "act_listen.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>

#include "act_backoff.h"
#include "act_brokers.h"
#include "proto_clock.h"
#include "proto_error.h"
#include "proto_log.h"
#include "proto_value.h"

enum {
    S_WINDOW = 16,
    S_ASKED = 64, /* most snapshots under way: of this registration and of former ones */
    S_KEY = 16,
    S_PAGE = 20000,   /* keys of a page */
    S_MESSAGE = 1000, /* keys of a published message */
    S_EVERY_MS = 1000,
    S_PATIENCE_MS = 5000, /* for the connection, and for each answer of the database */
    S_LINGER_MS = 100
};

typedef enum { S_DOWN, S_CONNECTING, S_SETTLING, S_IDLE, S_READING, S_PAGING } s_phase_t;

/* A page of a snapshot that somebody asked for. */
typedef struct s_asked {
    act_broker_t *from;
    uint64_t token;
    uint32_t epoch;
    uint8_t after[S_KEY];
} s_asked_t;

typedef struct s_listen {
    const act_listen_config_t *config;
    zsock_t *pipe;
    act_brokers_t brokers;
    PGconn *conn;
    s_phase_t phase;
    PostgresPollingStatusType polling;
    act_backoff_t backoff;
    int64_t due;     /* next try, or when an answer is late */
    int64_t read_at; /* the next look at the table */
    bool failed;     /* the statement under way */
    bool absent;     /* there is no such table: nothing can have been revoked */
    bool told_down, told_absent;
    char *seen; /* snapshot of the last look, as PostgreSQL writes it; NULL: none yet */
    uint64_t feed, number;
    s_asked_t asked[S_ASKED];
    uint32_t asked_count;
    bool stopping, drained;
    proto_buf_t body;
} s_listen_t;

/* What the last snapshot did not see, in one row at least, which tells the snapshot of now. */
static const char s_read_sql[] =
    "SELECT pg_current_snapshot(), r.key, (extract(epoch FROM least(r.expires_at, '3000-1-1')) * "
    "1000)::bigint"
    " FROM (SELECT) one LEFT JOIN muster.revocations r"
    " ON r.xid >= pg_snapshot_xmin($1::pg_snapshot) AND NOT pg_visible_in_snapshot(r.xid, $1::pg_snapshot)"
    " AND r.expires_at > now()";
static const char s_page_sql[] =
    "SELECT key, (extract(epoch FROM least(expires_at, '3000-1-1')) * 1000)::bigint FROM muster.revocations"
    " WHERE key > $1::bytea AND expires_at > now() ORDER BY key LIMIT 20000";
_Static_assert(S_PAGE == 20000, "as in s_page_sql");

static void s_put(act_broker_t *broker, const proto_record_t *record)
{
    if (act_brokers_put(broker, record) < 0)
        proto_log(PROTO_LOG_ERROR, "actors", "listener: a %s could not be encoded",
                  proto_type_name(record->type));
}

static void s_ready(void *arg, act_broker_t *broker)
{
    s_listen_t *self = arg;
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 1);
    proto_write_text(&self->body, "version");
    proto_write_text(&self->body, MUSTER_VERSION);
    s_put(broker, &(proto_record_t){.type = PROTO_READY,
                                    .number = broker->share,
                                    .epoch = broker->epoch,
                                    .service = proto_bytes_of(self->brokers.service),
                                    .body = proto_buf_bytes(&self->body)});
}

/* Answers a request, if whoever asked still waits. */
static void s_reply(const s_asked_t *asked, proto_type_t type, uint16_t number, proto_bytes_t body)
{
    if (asked->epoch == asked->from->epoch)
        s_put(asked->from,
              &(proto_record_t){
                  .type = type, .number = number, .id = asked->token, .epoch = asked->epoch, .body = body});
}

static void s_fail(s_listen_t *self, const s_asked_t *asked, proto_error_t error)
{
    proto_buf_reset(&self->body);
    proto_error_body(&self->body, error, NULL);
    s_reply(asked, PROTO_ERROR, (uint16_t)error, proto_buf_bytes(&self->body));
}

/* ---- the connection ---- */

static void s_lost(s_listen_t *self, int64_t now)
{
    if (!self->told_down) {
        const char *message = PQerrorMessage(self->conn);
        proto_log(PROTO_LOG_WARN, "actors", "listener: the database is away: %.*s",
                  (int)strcspn(message, "\n"), *message ? message : "no answer");
    }
    self->told_down = true;
    for (uint32_t i = 0; i < self->asked_count; i++)
        s_fail(self, &self->asked[i], PROTO_ERROR_database_unavailable);
    self->asked_count = 0;
    act_brokers_leave(&self->brokers);
    PQfinish(self->conn);
    self->conn = NULL;
    free(self->seen);
    self->seen = NULL;
    self->absent = false;
    self->phase = S_DOWN;
    self->due = now + act_backoff_failed(&self->backoff, proto_clock_random());
}

static void s_connect(s_listen_t *self, int64_t now)
{
    /* What stands before dbname the conninfo may override. */
    static const char *const keywords[] = {
        "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",          "dbname",          "client_encoding",     NULL};
    const char *const values[] = {"muster listener",      "5",    "2", "3", "10000",
                                  self->config->conninfo, "UTF8", NULL};
    self->conn = PQconnectStartParams(keywords, values, 1);
    PROTO_ASSERT(self->conn != NULL);
    self->phase = S_CONNECTING;
    self->polling = PGRES_POLLING_WRITING;
    self->due = now + S_PATIENCE_MS;
    if (PQstatus(self->conn) == CONNECTION_BAD)
        s_lost(self, now);
}

/* Sends a statement; what it brings comes to s_result, row by row or at once. */
static void s_query(s_listen_t *self, int64_t now, s_phase_t phase, const char *sql, const char *argument)
{
    bool any = phase != S_SETTLING;
    self->phase = phase;
    self->failed = false;
    self->due = now + S_PATIENCE_MS;
    if (!PQsendQueryParams(self->conn, sql, any, NULL, &argument, NULL, NULL, 0))
        s_lost(self, now);
}

static void s_connecting(s_listen_t *self, int64_t now)
{
    self->polling = PQconnectPoll(self->conn);
    if (self->polling == PGRES_POLLING_FAILED ||
        (self->polling == PGRES_POLLING_OK && PQsetnonblocking(self->conn, 1) < 0))
        s_lost(self, now);
    else if (self->polling == PGRES_POLLING_OK)
        s_query(self, now, S_SETTLING, "LISTEN muster_revoked", NULL);
}

/* ---- what is read ---- */

/* bytea's text form: \x and two digits a byte. False for anything but a key. */
static bool s_key(const char *text, uint8_t key[S_KEY])
{
    unsigned value;
    if (strlen(text) != 2 + 2 * S_KEY)
        return false;
    for (int i = 0; i < S_KEY; i++) {
        if (sscanf(text + 2 + 2 * i, "%2x", &value) != 1)
            return false;
        key[i] = (uint8_t)value;
    }
    return true;
}

/* Rows of key and expiry from column `column` on as list. */
static void s_write_keys(s_listen_t *self, const PGresult *result, int column, int from, int to)
{
    uint8_t key[S_KEY];
    uint32_t count = 0;
    size_t place = proto_write_array_open(&self->body);
    for (int row = from; row < to; row++) {
        if (PQgetisnull(result, row, column) || !s_key(PQgetvalue(result, row, column), key))
            continue;
        proto_write_bin(&self->body, (proto_bytes_t){key, sizeof key});
        proto_write_int(&self->body, strtoll(PQgetvalue(result, row, column + 1), NULL, 10));
        count += 2;
    }
    proto_write_close(&self->body, place, count);
}

/* To every broker that takes it. A gateway that misses one sees a gap. */
static void s_publish(s_listen_t *self, const PGresult *result, int from, int to)
{
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 3);
    proto_write_text(&self->body, "feed");
    proto_write_uint(&self->body, self->feed);
    proto_write_text(&self->body, "number");
    proto_write_uint(&self->body, ++self->number);
    proto_write_text(&self->body, "revoked");
    s_write_keys(self, result, 1, from, to);
    for (uint32_t i = 0; i < self->brokers.count; i++) {
        act_broker_t *broker = &self->brokers.list[i];
        if (broker->registered && broker->alive && !broker->unsent)
            s_put(broker, &(proto_record_t){.type = PROTO_PUBLISH,
                                            .service = proto_bytes_of(self->brokers.service),
                                            .body = proto_buf_bytes(&self->body)});
    }
}

/* The table, seen for the first time on this connection, begins a feed: what was revoked before it is in no
 * message of it. */
static void s_begin_feed(s_listen_t *self)
{
    if (self->told_down)
        proto_log(PROTO_LOG_INFO, "actors", "listener: the database is back");
    self->told_down = false;
    act_backoff_worked(&self->backoff);
    if (!self->brokers.at_work)
        act_brokers_register(&self->brokers, proto_clock_ms());
    self->feed = proto_clock_random() >> 1 | 1;
    self->number = 0;
}

static void s_seen(s_listen_t *self, const PGresult *result)
{
    int rows = PQntuples(result), at = 0;
    if (!self->seen)
        s_begin_feed(self);
    free(self->seen);
    self->seen = strdup(PQgetvalue(result, 0, 0));
    PROTO_ASSERT(self->seen != NULL);
    self->absent = false;
    do {
        int to = at + S_MESSAGE < rows ? at + S_MESSAGE : rows;
        s_publish(self, result, at, to);
        at = to;
    } while (at < rows);
}

/* A database that Muster was never set up in has nothing to revoke. */
static void s_absent(s_listen_t *self)
{
    if (!self->told_absent)
        proto_log(PROTO_LOG_INFO, "actors",
                  "the database has no table muster.revocations: tokens cannot be revoked (muster migrate "
                  "makes it)");
    self->told_absent = true;
    if (!self->absent)
        s_begin_feed(self);
    self->absent = true;
    free(self->seen);
    self->seen = NULL;
    s_publish(self, NULL, 0, 0);
}

static void s_page(s_listen_t *self, const PGresult *result)
{
    int rows = result ? PQntuples(result) : 0;
    proto_buf_reset(&self->body);
    proto_write_map(&self->body, 2);
    proto_write_text(&self->body, "more");
    proto_write_bool(&self->body, rows == S_PAGE);
    proto_write_text(&self->body, "revoked");
    s_write_keys(self, result, 0, 0, rows);
    s_reply(&self->asked[0], PROTO_FINAL, 0, proto_buf_bytes(&self->body));
}

/* One result. What fails for another reason than a missing table loses the connection, once all of it is
 * read. */
static void s_result(s_listen_t *self, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool rows = PQresultStatus(result) == PGRES_TUPLES_OK;
    bool absent = state && strcmp(state, "42P01") == 0;
    if (self->phase == S_READING && rows)
        s_seen(self, result);
    else if (self->phase == S_READING && absent)
        s_absent(self);
    else if (self->phase == S_PAGING && (rows || absent))
        s_page(self, rows ? result : NULL);
    else if (PQresultStatus(result) != PGRES_COMMAND_OK)
        self->failed = true;
}

/* The statement is done. */
static void s_done(s_listen_t *self, int64_t now)
{
    if (self->failed) {
        s_lost(self, now);
        return;
    }
    if (self->phase == S_SETTLING)
        self->read_at = now;
    else if (self->phase == S_PAGING)
        memmove(self->asked, self->asked + 1, --self->asked_count * sizeof *self->asked);
    self->phase = S_IDLE;
}

static void s_input(s_listen_t *self, int64_t now)
{
    PGresult *result;
    if (PQflush(self->conn) < 0 || !PQconsumeInput(self->conn)) {
        s_lost(self, now);
        return;
    }
    while (self->phase > S_IDLE || self->phase == S_SETTLING) {
        if (PQisBusy(self->conn))
            break;
        if ((result = PQgetResult(self->conn)))
            s_result(self, result);
        else
            s_done(self, now);
        PQclear(result);
        if (!self->conn)
            return;
    }
    for (PGnotify *notify; (notify = PQnotifies(self->conn)); PQfreemem(notify))
        self->read_at = now;
}

/* What is to be done next when nothing is under way: a page somebody waits for, or the next look. */
static void s_next(s_listen_t *self, int64_t now)
{
    static const char digits[] = "0123456789abcdef";
    char after[2 + 2 * S_KEY + 1] = "\\x";
    if (self->phase != S_IDLE)
        return;
    if (now >= self->read_at) {
        self->read_at = now + S_EVERY_MS;
        s_query(self, now, S_READING, s_read_sql, self->seen);
    } else if (self->asked_count) {
        for (int i = 0; i < 2 * S_KEY; i++)
            after[2 + i] = digits[self->asked[0].after[i / 2] >> (i % 2 ? 0 : 4) & 15];
        s_query(self, now, S_PAGING, s_page_sql, after);
    }
}

/* ---- brokers, main ---- */

static void s_request(s_listen_t *self, act_broker_t *from, const proto_record_t *record)
{
    proto_bytes_t bytes;
    proto_value_t after = {.kind = PROTO_NIL};
    s_asked_t asked = {.from = from, .token = record->id, .epoch = record->epoch};
    if (record->epoch != from->epoch)
        return;
    if (self->brokers.leaving) { /* it was on its way: for another worker */
        proto_record_t given_back = *record;
        given_back.type = PROTO_RETURN;
        given_back.flags = 0;
        given_back.deadline = 0;
        s_put(from, &given_back);
        return;
    }
    if (proto_value_check(record->body) == 0 && proto_value_get(record->body, "after", &bytes) == 0) {
        proto_reader_t reader = proto_reader(bytes);
        if (proto_value_read(&reader, &after) < 0)
            after.kind = PROTO_NIL;
    }
    if (!proto_bytes_is(record->name, "snapshot") || after.kind != PROTO_BIN || after.bytes.size != S_KEY) {
        s_fail(self, &asked, PROTO_ERROR_invalid);
    } else if (!self->conn || self->asked_count == S_ASKED) {
        s_fail(self, &asked, self->conn ? PROTO_ERROR_overloaded : PROTO_ERROR_database_unavailable);
    } else {
        memcpy(asked.after, after.bytes.data, S_KEY);
        self->asked[self->asked_count++] = asked;
    }
}

static void s_drain_brokers(s_listen_t *self, int64_t now)
{
    act_broker_t *from;
    proto_record_t record;
    while (act_brokers_receive(&self->brokers, now, &from, &record) == 1) {
        if (record.type == PROTO_REQUEST)
            s_request(self, from, &record);
        else if (record.type == PROTO_DISCONNECT && !self->stopping)
            act_brokers_refused(&self->brokers, now, from);
    }
}

static void s_drain_pipe(s_listen_t *self)
{
    while (!self->stopping && zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        if (!command || strcmp(command, "$TERM") == 0)
            self->stopping = true;
        else if (strcmp(command, "DRAIN") == 0)
            act_brokers_withdraw(&self->brokers);
        freen(command);
    }
}

static void s_check_drained(s_listen_t *self, int64_t now)
{
    if (self->drained || self->asked_count || !act_brokers_withdrawn(&self->brokers, now))
        return;
    self->drained = true;
    zstr_send(self->pipe, "DRAINED");
}

/* What the connection is waited for; fd -1 when there is none. */
static zmq_pollitem_t s_poll_conn(const s_listen_t *self)
{
    zmq_pollitem_t item = {.fd = self->conn ? PQsocket(self->conn) : -1, .events = ZMQ_POLLIN};
    if (self->phase == S_CONNECTING && self->polling == PGRES_POLLING_WRITING)
        item.events = ZMQ_POLLOUT;
    else if (self->phase > S_CONNECTING && PQflush(self->conn) == 1)
        item.events |= ZMQ_POLLOUT;
    return item;
}

static int64_t s_due(const s_listen_t *self)
{
    return self->phase == S_IDLE ? self->read_at : self->due;
}

/* The database's turn: `readable` when its socket has something to say. */
static void s_database(s_listen_t *self, int64_t now, bool readable)
{
    if (self->phase == S_DOWN && now >= self->due && !self->stopping)
        s_connect(self, now);
    else if (self->phase == S_CONNECTING && readable)
        s_connecting(self, now);
    else if (self->phase > S_CONNECTING && readable)
        s_input(self, now);
    if (self->conn && self->phase != S_IDLE && now >= self->due)
        s_lost(self, now);
    s_next(self, now);
}

static void s_turn(s_listen_t *self)
{
    zmq_pollitem_t items[2 + ACT_BROKERS] = {{.socket = zsock_resolve(self->pipe), .events = ZMQ_POLLIN},
                                             s_poll_conn(self)};
    int64_t now = proto_clock_ms(), at = act_brokers_tick(&self->brokers, now);
    act_brokers_flush(&self->brokers, now);
    act_brokers_poll(&self->brokers, items + 2);
    if (s_due(self) < at)
        at = s_due(self);
    if (items[1].fd < 0) /* libzmq does not take it: the pipe once more instead */
        items[1] = items[0];
    (void)zmq_poll(items, 2 + (int)self->brokers.count, at > now ? (long)(at - now) : 0);
    now = proto_clock_ms();
    act_brokers_turn(&self->brokers, now);
    s_drain_pipe(self);
    s_drain_brokers(self, now);
    s_database(self, now, items[1].revents != 0);
    s_check_drained(self, now);
}

void act_listen_actor(zsock_t *pipe, void *config)
{
    pthread_setname_np(pthread_self(), "listener");
    s_listen_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->config = config;
    self->pipe = pipe;
    self->brokers =
        (act_brokers_t){.window = S_WINDOW, .service = "muster.revoked", .ready = s_ready, .arg = self};
    bool begun = act_brokers_open(&self->brokers, self->config->context, self->config->brokers,
                                  self->config->broker_count, proto_clock_ms()) == 0;
    zsock_signal(pipe, begun ? 0 : 1);
    while (begun && !self->stopping)
        s_turn(self);
    act_brokers_close(&self->brokers, proto_clock_ms(), S_LINGER_MS);
    if (self->conn)
        PQfinish(self->conn);
    free(self->seen);
    proto_buf_free(&self->body);
    free(self);
}
