/* SPDX-License-Identifier: MPL-2.0 */
/* The admin address: a loop, a listening socket, a few connections. Thread: its own. */
#include "admin.h"

#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "admin_serve.h"
#include "config.h"
#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_CONNECTIONS = 32,
    S_BACKLOG = 16,
    S_READ_BYTES = 8192,
    S_TICK_MS = 250,
    S_STALL_MS = 10000, /* a reader that takes nothing for so long is cut off */
    S_LINGER_MS = 1000  /* after the last answer, for the client to read it */
};

typedef struct s_admin s_admin_t;

typedef struct s_conn {
    uv_tcp_t tcp;
    s_admin_t *admin;
    struct s_conn *next;
    gw_http_t http;
    bool writing, lingering, closing;
    int64_t give_up; /* PROTO_NEVER, or when a stalled write or a lingering connection ends */
    uv_write_t write;
    uv_shutdown_t shutdown;
    proto_buf_t sending;
} s_conn_t;

struct s_admin {
    const srv_admin_config_t *config;
    zsock_t *pipe;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_poll_t pipe_poll;
    uv_prepare_t prepare;
    uv_timer_t timer;
    s_conn_t *conns;
    uint32_t conn_count;
    gw_http_limits_t limits;
    srv_admin_pages_t pages;
    char read_buffer[S_READ_BYTES];
};

static void s_on_closed(uv_handle_t *handle)
{
    s_conn_t *conn = handle->data;
    s_conn_t **at = &conn->admin->conns;
    while (*at != conn)
        at = &(*at)->next;
    *at = conn->next;
    conn->admin->conn_count--;
    gw_http_free(&conn->http);
    proto_buf_free(&conn->sending);
    free(conn);
}

static void s_close(s_conn_t *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    uv_close((uv_handle_t *)&conn->tcp, s_on_closed);
}

static void s_on_shut(uv_shutdown_t *shutdown, int status)
{
    if (status < 0)
        s_close(shutdown->data);
}

/* Answers what has come. */
static void s_pump(s_conn_t *conn)
{
    gw_http_request_t request;
    gw_http_response_t response;
    gw_http_result_t result;
    int64_t now = proto_clock_ms();
    while ((result = gw_http_next(&conn->http, now, &request)) != GW_HTTP_NOTHING) {
        if (result == GW_HTTP_REQUEST)
            srv_admin_answer(&conn->admin->pages, &request, &response);
        else
            response = (gw_http_response_t){.status = proto_error_status(conn->http.error),
                                            .content_type = "text/plain; charset=utf-8",
                                            .body = proto_bytes_of(conn->http.detail),
                                            .close = true};
        gw_http_respond(&conn->http, now, request.sequence, &response);
    }
}

static void s_flush(s_conn_t *conn);

static void s_on_written(uv_write_t *write, int status)
{
    s_conn_t *conn = write->data;
    conn->writing = false;
    conn->give_up = PROTO_NEVER;
    proto_buf_reset(&conn->sending);
    if (status < 0)
        s_close(conn);
    else
        s_flush(conn);
}

static void s_write(s_conn_t *conn)
{
    proto_buf_t swap = conn->sending;
    conn->sending = conn->http.out;
    conn->http.out = swap;
    uv_buf_t buf = uv_buf_init((char *)conn->sending.data, (unsigned)conn->sending.size);
    conn->write.data = conn;
    conn->writing = uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, s_on_written) == 0;
    conn->give_up = proto_clock_ms() + S_STALL_MS;
    if (!conn->writing)
        s_close(conn);
}

/* Writes one answer after the other: what comes meanwhile waits in the core, and then in the socket. */
static void s_flush(s_conn_t *conn)
{
    if (conn->writing || conn->lingering || conn->closing)
        return;
    s_pump(conn);
    if (conn->http.out.size) {
        s_write(conn);
    } else if (gw_http_wants_close(&conn->http)) {
        conn->lingering = true;
        conn->give_up = proto_clock_ms() + S_LINGER_MS;
        conn->shutdown.data = conn;
        if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, s_on_shut) < 0)
            s_close(conn);
    }
}

static void s_on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buf)
{
    (void)wish;
    s_conn_t *conn = handle->data;
    *buf = uv_buf_init(conn->admin->read_buffer, S_READ_BYTES);
}

static void s_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    s_conn_t *conn = stream->data;
    if (size < 0) {
        s_close(conn);
    } else if (size > 0 && !conn->lingering) {
        if (!gw_http_wants_input(&conn->http)) { /* more than a client that waits for answers ever sends */
            s_close(conn);
            return;
        }
        gw_http_input(&conn->http, proto_clock_ms(), buf->base, (size_t)size);
        s_flush(conn);
    }
}

static void s_on_connection(uv_stream_t *listener, int status)
{
    s_admin_t *self = listener->data;
    s_conn_t *conn = status < 0 ? NULL : calloc(1, sizeof *conn);
    if (!conn)
        return;
    conn->admin = self;
    conn->tcp.data = conn;
    conn->next = self->conns;
    self->conns = conn;
    self->conn_count++;
    conn->give_up = PROTO_NEVER;
    gw_http_init(&conn->http, &self->limits, "", proto_clock_ms());
    int rc = uv_tcp_init(&self->loop, &conn->tcp);
    PROTO_ASSERT(rc == 0);
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0 || self->conn_count > S_CONNECTIONS ||
        uv_read_start((uv_stream_t *)&conn->tcp, s_on_alloc, s_on_read) < 0)
        s_close(conn);
}

static void s_on_tick(uv_timer_t *timer)
{
    s_admin_t *self = timer->data;
    int64_t now = proto_clock_ms();
    for (s_conn_t *conn = self->conns; conn; conn = conn->next) {
        if (conn->give_up <= now)
            s_close(conn);
        else if (!conn->lingering && now >= gw_http_next_deadline(&conn->http))
            gw_http_tick(&conn->http, now);
        s_flush(conn);
    }
}

static void s_on_pipe(uv_poll_t *poll, int status, int events)
{
    (void)poll, (void)status, (void)events; /* s_turn looks */
}

/* Before each poll: the pipe's descriptor is edge-triggered. */
static void s_turn(uv_prepare_t *prepare)
{
    s_admin_t *self = prepare->data;
    while (zsock_events(self->pipe) & ZMQ_POLLIN) {
        char *command = zstr_recv(self->pipe);
        bool stop = !command || strcmp(command, "$TERM") == 0;
        freen(command);
        if (stop) {
            uv_stop(&self->loop);
            return;
        }
    }
}

static int s_listen(s_admin_t *self)
{
    struct sockaddr_storage address = {0};
    const srv_admin_config_t *config = self->config;
    int rc = strchr(config->address, ':')
                 ? uv_ip6_addr(config->address, config->port, (struct sockaddr_in6 *)&address)
                 : uv_ip4_addr(config->address, config->port, (struct sockaddr_in *)&address);
    if (rc == 0)
        rc = uv_tcp_init(&self->loop, &self->listener);
    self->listener.data = self;
    if (rc == 0)
        rc = uv_tcp_bind(&self->listener, (struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&self->listener, S_BACKLOG, s_on_connection);
    if (rc < 0)
        proto_log(PROTO_LOG_ERROR, "admin", "cannot listen on %s port %u: %s", config->address, config->port,
                  uv_strerror(rc));
    return rc < 0 ? -1 : 0;
}

static int s_start(s_admin_t *self)
{
    self->limits = (gw_http_limits_t){
        .head_bytes = 8192, .body_bytes = 1024, .head_ms = 5000, .body_ms = 5000, .idle_ms = 60000};
    srv_admin_pages_init(&self->pages, self->config->metrics, srv_is_loopback(self->config->address));
    if (uv_prepare_init(&self->loop, &self->prepare) < 0 || uv_timer_init(&self->loop, &self->timer) < 0 ||
        uv_poll_init(&self->loop, &self->pipe_poll, (int)zsock_fd(self->pipe)) < 0)
        return -1;
    self->prepare.data = self->timer.data = self;
    uv_prepare_start(&self->prepare, s_turn);
    uv_timer_start(&self->timer, s_on_tick, S_TICK_MS, S_TICK_MS);
    uv_poll_start(&self->pipe_poll, UV_READABLE, s_on_pipe);
    return s_listen(self);
}

static void s_close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void s_stop(s_admin_t *self)
{
    for (s_conn_t *conn = self->conns; conn; conn = conn->next)
        s_close(conn);
    uv_walk(&self->loop, s_close_handle, NULL);
    while (uv_run(&self->loop, UV_RUN_DEFAULT) != 0)
        continue;
    uv_loop_close(&self->loop);
    srv_admin_pages_free(&self->pages);
}

void srv_admin_actor(zsock_t *pipe, void *config)
{
    s_admin_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->config = config;
    self->pipe = pipe;
    pthread_setname_np(pthread_self(), "admin");
    int rc = uv_loop_init(&self->loop);
    PROTO_ASSERT(rc == 0);
    rc = s_start(self);
    zsock_signal(pipe, rc == 0 ? 0 : 1);
    if (rc == 0)
        uv_run(&self->loop, UV_RUN_DEFAULT);
    s_stop(self);
    free(self);
}
