/* SPDX-License-Identifier: MPL-2.0 */
/* Connections: bytes between sockets and their HTTP cores. One read and one write per turn and connection;
 * what the socket does not take waits in one buffer, and nothing more is read meanwhile. Thread: the
 * gateway's. */
#include "gw_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_BACKLOG = 1024,
    S_REFUSALS =
        1000, /* connections beyond the most that are told so at once; further ones are just closed */
    S_STALL_MS = 20000,     /* a reader that takes nothing for so long is cut off */
    S_LINGER_MS = 1000,     /* after the last answer, for the client to read it */
    S_HALF_CLOSED_MS = 500, /* a client that has shut its side down gets answers for so long */
    S_FRESH_MS = 500        /* at the end, a client that has just connected has so long to send its request */
};

struct gw_conn {
    uv_tcp_t tcp;
    gw_gateway_t *gateway;
    gw_conn_t *next, *prev;
    gw_conn_t *next_dirty;
    bool dirty, reading, writing;
    bool half_closed; /* the client has shut down its side */
    bool lingering;   /* everything is said; waiting for the client's end */
    bool closed;      /* uv_close was called */
    bool counted;     /* among those of its address */
    gw_http_t http;
    gw_request_t *requests; /* unanswered */
    gw_request_t *arriving; /* the one of these whose body is still coming; or NULL */
    proto_wheel_node_t timer;
    int64_t give_up; /* when a stalled write, a lingering or a half-closed connection ends */
    int64_t accepted;
    uint8_t address[16];
    char text[46];
    uv_write_t write;
    proto_buf_t sending; /* given to uv_write */
};

const char *gw_conn_address(const gw_conn_t *conn)
{
    return conn->text;
}

const uint8_t *gw_conn_peer(const gw_conn_t *conn)
{
    return conn->address;
}

gw_request_t **gw_conn_requests(gw_conn_t *conn)
{
    return &conn->requests;
}

static void s_mark(gw_conn_t *conn)
{
    if (conn->dirty || conn->closed)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->gateway->dirty;
    conn->gateway->dirty = conn;
}

static void s_on_closed(uv_handle_t *handle)
{
    gw_conn_t *conn = handle->data;
    gw_gateway_t *self = conn->gateway;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        self->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    self->conn_count--;
    gw_http_free(&conn->http);
    proto_buf_free(&conn->sending);
    free(conn);
}

/* Ends a connection; its requests are given up. */
static void s_close(gw_conn_t *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    gw_request_t *requests = conn->requests;
    conn->requests = conn->arriving = NULL;
    gw_serve_gone(conn->gateway, requests);
    if (conn->counted)
        gw_address_leave(conn->gateway->addresses, conn->address);
    proto_wheel_remove(&conn->gateway->conn_wheel, &conn->timer);
    for (gw_conn_t **at = &conn->gateway->dirty; conn->dirty && *at; at = &(*at)->next_dirty) {
        if (*at == conn) {
            *at = conn->next_dirty;
            break;
        }
    }
    uv_close((uv_handle_t *)&conn->tcp, s_on_closed);
}

/* Keeps the timer at or before the next deadline: moving it later at every request would cost more than
 * looking at it once too early. */
static void s_schedule(gw_conn_t *conn)
{
    proto_wheel_t *wheel = &conn->gateway->conn_wheel;
    int64_t deadline = gw_http_next_deadline(&conn->http);
    if (conn->give_up < deadline)
        deadline = conn->give_up;
    if (deadline == PROTO_NEVER || (proto_wheel_on(&conn->timer) && conn->timer.deadline <= deadline))
        return;
    proto_wheel_remove(wheel, &conn->timer);
    proto_wheel_add(wheel, &conn->timer, deadline);
}

/* Whether somebody here has an answer to come: not a request that never became whole. */
static bool s_owes(const gw_conn_t *conn)
{
    return conn->requests && (conn->requests != conn->arriving || conn->arriving->next_of_conn);
}

static void s_head(gw_conn_t *conn, const gw_http_request_t *http)
{
    conn->arriving = gw_serve_head(conn->gateway, conn, http);
    if (conn->arriving)
        gw_http_read_body(&conn->http, gw_now(conn->gateway), conn->arriving->body_most,
                          conn->arriving->upload != NULL);
}

/* Serves what has arrived, as far as the order of answers lets it. */
static void s_pump(gw_conn_t *conn)
{
    gw_http_request_t request;
    gw_request_t *arriving;
    while (!conn->closed) {
        switch (gw_http_next(&conn->http, gw_now(conn->gateway), &request)) {
        case GW_HTTP_NOTHING:
            return;
        case GW_HTTP_HEAD:
            s_head(conn, &request);
            break;
        case GW_HTTP_PIECE:
            if (!gw_upload_take(conn->gateway, conn->arriving, request.body))
                conn->arriving = NULL;
            break;
        case GW_HTTP_REQUEST:
            arriving = conn->arriving;
            conn->arriving = NULL;
            gw_serve(conn->gateway, conn, arriving, &request);
            break;
        case GW_HTTP_BAD:
            arriving = conn->arriving;
            conn->arriving = NULL;
            gw_serve_bad(conn->gateway, conn, arriving, request.sequence, conn->http.error,
                         conn->http.detail);
            break;
        }
    }
}

static void s_on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buf)
{
    (void)wish;
    gw_conn_t *conn = handle->data;
    *buf = uv_buf_init((char *)conn->gateway->read_buffer, GW_READ_BYTES);
}

/* The client has shut down its side. It may still read, so what is under way gets a moment; but mostly it has
 * left.
 */
static void s_on_end(gw_conn_t *conn)
{
    uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->reading = false;
    if (conn->lingering || (!s_owes(conn) && !conn->writing && conn->http.out.size == 0)) {
        s_close(conn);
        return;
    }
    conn->half_closed = true;
    conn->give_up = gw_now(conn->gateway) + S_HALF_CLOSED_MS;
    s_mark(conn);
}

static void s_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    gw_conn_t *conn = stream->data;
    if (size == 0)
        return;
    if (size == UV_EOF) {
        s_on_end(conn);
    } else if (size < 0) {
        s_close(conn);
    } else if (!conn->lingering) { /* what still comes while lingering is dropped */
        conn->gateway->figures.stats.received += (uint64_t)size;
        gw_http_input(&conn->http, gw_now(conn->gateway), buf->base, (size_t)size);
        s_pump(conn);
        s_mark(conn);
    }
}

static void s_set_reading(gw_conn_t *conn, bool on)
{
    if (conn->reading == on || conn->half_closed || conn->closed)
        return;
    conn->reading = on;
    if (on && uv_read_start((uv_stream_t *)&conn->tcp, s_on_alloc, s_on_read) < 0)
        s_close(conn);
    else if (!on)
        uv_read_stop((uv_stream_t *)&conn->tcp);
}

static void s_on_written(uv_write_t *write, int status)
{
    gw_conn_t *conn = write->data;
    conn->writing = false;
    proto_buf_reset(&conn->sending);
    if (status < 0) {
        s_close(conn);
        return;
    }
    if (!conn->half_closed)
        conn->give_up = PROTO_NEVER;
    s_mark(conn);
}

/* Hands the rest to libuv, which writes it as the socket takes it. */
static void s_queue(gw_conn_t *conn)
{
    proto_buf_t swap = conn->sending;
    conn->sending = conn->http.out;
    conn->http.out = swap;
    proto_buf_reset(&conn->http.out);
    uv_buf_t buf = uv_buf_init((char *)conn->sending.data, (unsigned)conn->sending.size);
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, s_on_written) < 0) {
        s_close(conn);
        return;
    }
    conn->writing = true;
    conn->gateway->figures.stats.sent += conn->sending.size;
    if (!conn->half_closed)
        conn->give_up = gw_now(conn->gateway) + S_STALL_MS;
}

static void s_write(gw_conn_t *conn)
{
    if (conn->writing || conn->closed || conn->http.out.size == 0)
        return;
    uv_buf_t buf = uv_buf_init((char *)conn->http.out.data, (unsigned)conn->http.out.size);
    int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        s_close(conn);
        return;
    }
    if (sent > 0) {
        conn->gateway->figures.stats.sent += (uint64_t)sent;
        gw_http_sent(&conn->http, (size_t)sent);
    }
    if (conn->http.out.size)
        s_queue(conn);
}

/* Everything is said: FIN goes out, and what the client still sends is read and dropped for a moment, because
 * a reset would take the last answer from it (RFC 9112 section 9.6). */
static void s_linger(gw_conn_t *conn)
{
    int fd;
    if (conn->half_closed || uv_fileno((uv_handle_t *)&conn->tcp, &fd) < 0 || shutdown(fd, SHUT_WR) < 0) {
        s_close(conn);
        return;
    }
    conn->lingering = true;
    conn->give_up = gw_now(conn->gateway) + S_LINGER_MS;
    s_set_reading(conn, true);
}

static void s_flush(gw_conn_t *conn)
{
    s_pump(conn);
    bool full = conn->http.out.size >= GW_HTTP_OUT;
    s_write(conn);
    if (conn->closed)
        return;
    bool empty = !conn->writing && conn->http.out.size == 0;
    if (empty && !conn->lingering &&
        (gw_http_wants_close(&conn->http) || (conn->half_closed && !s_owes(conn))))
        s_linger(conn);
    else if (!conn->lingering)
        s_set_reading(conn, gw_http_wants_input(&conn->http));
    if (conn->closed)
        return;
    if (full && empty) /* requests were held back until there is room for their answers */
        s_mark(conn);
    s_schedule(conn);
}

void gw_conn_flush(gw_gateway_t *self)
{
    while (self->dirty) {
        gw_conn_t *conn = self->dirty;
        self->dirty = conn->next_dirty;
        conn->dirty = false;
        s_flush(conn);
    }
}

void gw_conn_respond(gw_conn_t *conn, uint32_t sequence, const gw_http_response_t *response)
{
    gw_http_respond(&conn->http, gw_now(conn->gateway), sequence, response);
    s_mark(conn);
}

void gw_conn_expire(gw_gateway_t *self)
{
    int64_t now = gw_now(self);
    for (proto_wheel_node_t *node; (node = proto_wheel_expire(&self->conn_wheel, now));) {
        gw_conn_t *conn = (gw_conn_t *)((char *)node - offsetof(gw_conn_t, timer));
        if (conn->give_up <= now) {
            s_close(conn);
            continue;
        }
        gw_http_tick(&conn->http, now);
        s_mark(conn);
    }
}

/* The peer's address, IPv4 mapped into IPv6 so that both count alike. -1 when it has left already. */
static int s_peer(gw_conn_t *conn)
{
    struct sockaddr_storage peer;
    int size = sizeof peer;
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &size) < 0)
        return -1;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
        conn->address[10] = conn->address[11] = 0xff;
        memcpy(conn->address + 12, &in->sin_addr, 4);
        uv_ip4_name(in, conn->text, sizeof conn->text);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        memcpy(conn->address, &in6->sin6_addr, 16);
        uv_ip6_name(in6, conn->text, sizeof conn->text);
    }
    return 0;
}

/* A connection that was never opened. */
static void s_on_dropped(uv_handle_t *handle)
{
    gw_conn_t *conn = handle->data;
    conn->gateway->conn_count--;
    free(conn);
}

static void s_open(gw_gateway_t *self, gw_conn_t *conn)
{
    gw_http_init(&conn->http, &self->limits, self->date, gw_now(self));
    conn->give_up = PROTO_NEVER;
    conn->accepted = gw_now(self);
    conn->next = self->conns;
    if (self->conns)
        self->conns->prev = conn;
    self->conns = conn;
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    s_set_reading(conn, true);
    if (!conn->closed)
        s_schedule(conn);
}

/* Tells one connection too many so, and ends it as any other, so that its client gets to read that. */
static void s_refuse(gw_gateway_t *self, gw_conn_t *conn)
{
    char trace[GW_TRACE];
    proto_bytes_t id = gw_trace_new(self, trace);
    self->figures.stats.refused++;
    gw_problem_t problem =
        gw_problem_of(PROTO_ERROR_overloaded, proto_bytes_of("there are too many connections"));
    proto_buf_reset(&self->json);
    gw_problem_write(&problem, id, &self->json);
    proto_buf_printf(&conn->http.out,
                     "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " GW_PROBLEM_TYPE "\r\n"
                     "Content-Length: %zu\r\nX-Request-ID: %.*s\r\nRetry-After: 1\r\n" GW_HEADERS_CLOSED
                     "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                     self->json.size, (int)id.size, trace);
    proto_buf_append(&conn->http.out, self->json.data, self->json.size);
    conn->http.closing = true;
    s_mark(conn);
}

/* A connection without a socket yet; NULL when there is no memory for it. */
static gw_conn_t *s_new(gw_gateway_t *self)
{
    gw_conn_t *conn = calloc(1, sizeof *conn);
    if (!conn || uv_tcp_init(&self->loop, &conn->tcp) < 0) {
        free(conn);
        return NULL;
    }
    conn->gateway = self;
    conn->tcp.data = conn;
    self->figures.stats.accepted++;
    self->conn_count++;
    return conn;
}

/* Begins with a connection that has got its socket (`rc` 0), or has not. */
static void s_let_in(gw_gateway_t *self, gw_conn_t *conn, int rc)
{
    if (rc < 0 || s_peer(conn) < 0 || self->conn_count > self->config->connections + S_REFUSALS) {
        self->figures.stats.refused++;
        uv_close((uv_handle_t *)&conn->tcp, s_on_dropped);
        return;
    }
    conn->counted = self->conn_count <= self->config->connections &&
                    gw_address_enter(self->addresses, conn->address, self->config->per_address) == 0;
    s_open(self, conn);
    if (!conn->counted && !conn->closed)
        s_refuse(self, conn);
}

static void s_on_connection(uv_stream_t *listener, int status)
{
    gw_gateway_t *self = listener->data;
    gw_conn_t *conn = status < 0 ? NULL : s_new(self);
    if (conn)
        s_let_in(self, conn, uv_accept(listener, (uv_stream_t *)&conn->tcp));
}

/* Lets in who has connected and was not accepted yet, and nobody more: who connected between the last accept
 * and the close would be reset, with a request perhaps sent. So his SYN is dropped, and the next one, a
 * second later, is refused (or goes to another process on this port). At most what the kernel has kept, where
 * it cannot do that. */
static void s_accept_all(gw_gateway_t *self)
{
    int listener, fd, left = S_BACKLOG;
    if (uv_fileno((uv_handle_t *)&self->listener, &listener) < 0)
        return;
    gw_socket_hold(listener);
    while (left-- && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        gw_conn_t *conn = s_new(self);
        int rc = conn ? uv_tcp_open(&conn->tcp, fd) : -1;
        if (rc < 0)
            close(fd);
        if (conn)
            s_let_in(self, conn, rc);
    }
}

int gw_conn_listen(gw_gateway_t *self)
{
    const gateway_config_t *config = self->config;
    int fd = gw_socket_bound(config), rc = fd < 0 ? -errno : 0;
    if (rc == 0)
        rc = uv_tcp_init(&self->loop, &self->listener);
    if (rc == 0)
        rc = uv_tcp_open(&self->listener, fd);
    self->listener.data = self;
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&self->listener, S_BACKLOG, s_on_connection);
    if (rc == 0)
        return 0;
    proto_log(PROTO_LOG_ERROR, "gateway", "cannot listen on %s port %u: %s", config->address, config->port,
              uv_strerror(rc));
    return -1;
}

void gw_conn_stop_listening(gw_gateway_t *self)
{
    if (uv_is_closing((uv_handle_t *)&self->listener))
        return;
    s_accept_all(self); /* closing the socket would reset them */
    uv_close((uv_handle_t *)&self->listener, NULL);
}

void gw_conn_close_idle(gw_gateway_t *self)
{
    for (gw_conn_t *conn = self->conns; conn; conn = conn->next) {
        bool fresh = conn->http.next == 0 && gw_now(self) - conn->accepted < S_FRESH_MS;
        if (!s_owes(conn) && !conn->writing && conn->http.out.size == 0 && !fresh &&
            !gw_http_receiving(&conn->http))
            s_close(conn);
    }
}

void gw_conn_close_all(gw_gateway_t *self)
{
    for (gw_conn_t *conn = self->conns; conn; conn = conn->next)
        s_close(conn);
}
