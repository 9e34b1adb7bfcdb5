/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of one gateway thread share: the thread's state, its requests under way, its connections.
 * Private to gateway/. Thread: the gateway's. */
#ifndef GW_INTERNAL_H
#define GW_INTERNAL_H

#include <uv.h>

#include "gateway.h"
#include "gw_address.h"
#include "gw_bind.h"
#include "gw_brokers.h"
#include "gw_cors.h"
#include "gw_figures.h"
#include "gw_generation.h"
#include "gw_http.h"
#include "gw_limit.h"
#include "gw_log.h"
#include "gw_problem.h"
#include "gw_proxies.h"
#include "gw_redis.h"
#include "gw_revoked.h"
#include "gw_system.h"
#include "gw_tokens.h"
#include "proto_slab.h"
#include "proto_trace.h"
#include "proto_wheel.h"
#include "proto_wire.h"
#include "proto_yield.h"

enum {
    GW_TRACE = 64,         /* longest request id, bytes */
    GW_REQUESTS = 1 << 18, /* most requests under way in one gateway */
    GW_GRACE_MS = 50,    /* the broker answers at the deadline; this much later the gateway does it itself */
    GW_HEALTH_MS = 2000, /* deadline of what the health endpoints ask */
    GW_READ_BYTES = 65536
};

/* What every answer says to browsers: take it for what it says it is, show it in no frame, tell nobody where
 * you come from. */
#define GW_HEADERS_ALWAYS                                                                                    \
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
/* The same for all that is no page: whatever it holds, nothing of it is run or loaded. */
#define GW_HEADERS_CLOSED                                                                                    \
    GW_HEADERS_ALWAYS "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"

/* For the documentation page: scripts, styles and requests of this server's own, and nothing written inline.
 */
#define GW_HEADERS_PAGE                                                                                      \
    GW_HEADERS_ALWAYS "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "   \
                      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"

typedef struct gw_conn gw_conn_t;

/* Who asks, as the record's header says it; all empty for nobody. Borrowed from what lives as long as the
 * request. */
typedef struct gw_identity {
    proto_bytes_t subject, role;
    proto_bytes_t claims; /* MessagePack map, or empty */
} gw_identity_t;

/* A request from its head to its answer. Its id is also its id on the wire. */
typedef struct gw_request {
    uint64_t id;
    proto_wheel_node_t timer; /* on the wheel while the broker has it */
    gw_conn_t *conn;          /* NULL once the client has left */
    struct gw_request *next_of_conn;
    uint32_t sequence;   /* on its connection */
    bool waiting;        /* a broker has it */
    bool resent;         /* once more, and for the last time */
    bool doubted;        /* first the database has to say whether its token was revoked; see gw_feed.h */
    bool perhaps;        /* a write that may have been done already */
    gw_broker_t *broker; /* which: nobody else answers it; NULL before the first */
    uint64_t place;      /* it is the so many-th record on that wire */
    uint32_t tried;      /* mask of those that had it */
    bool fetch;     /* GET or HEAD: its answer may be kept by caches, and asked for again conditionally */
    bool preflight; /* its CORS lines are written already */
    gw_builtin_t builtin;
    const gw_route_t *route;     /* in `generation`; NULL for a builtin or before it is matched */
    gw_generation_t *generation; /* held */
    int64_t started_us, deadline_ms;
    char address[46];     /* of the peer, for the log */
    uint8_t client[16];   /* who is counted: the peer, or whoever asks through a trusted proxy */
    gw_verdict_t rate;    /* of the bucket that it took from, for the answer */
    uint8_t trace_size;   /* of the request id ... */
    uint8_t carried_size; /* ... and with the traceparent behind it: see gw_trace.c */
    bool traced;          /* its trace is the client's own */
    char trace[GW_TRACE + 1 + PROTO_TRACEPARENT]; /* as records carry it */
    proto_buf_t line;                             /* "METHOD target" for the log */
    proto_buf_t kept;       /* header fields that are needed later: If-None-Match, Origin, Idempotency-Key */
    gw_identity_t identity; /* who asks */
    gw_token_t *token;      /* held: what the identity is borrowed from; NULL without one */
    bool refused_token;     /* a token was shown, and is none */
    uint8_t caller[80];     /* claims of who logs in: where from */
    uint32_t origin_at;     /* where in `kept` that begins */
    uint32_t key_at;        /* and the Idempotency-Key of a write, which is last */
    uint64_t tag;           /* hash for the ETag where it is known beforehand, else 0 */
    proto_buf_t arguments;  /* as sent, to be sent once more if need be */
    size_t body_most;       /* bytes that its body may have, while that is coming */
    gw_form_t *upload;      /* takes the body in pieces; NULL: it is held, or is complete */
    size_t upload_bytes;    /* that it counts for among the gateway's */
} gw_request_t;

struct gw_gateway {
    const gateway_config_t *config;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_poll_t pipe_poll;
    uv_prepare_t prepare;
    uv_timer_t timer;
    zsock_t *pipe;
    bool commanded; /* the pipe may have something */
    proto_yield_t yield;
    gw_brokers_t brokers;
    gw_generation_t *generation;
    proto_slab_t requests;
    gw_request_t spare;       /* answers what no slot is left for */
    proto_wheel_t wheel;      /* deadlines of requests */
    proto_wheel_t conn_wheel; /* of connections */
    gw_conn_t *conns;         /* all of them */
    uint32_t conn_count;
    gw_conn_t *dirty; /* those with something to write or close this turn */
    gw_address_t *addresses;
    gw_tokens_t tokens;
    gw_limit_stats_t limit_stats;
    gw_redis_t *redis; /* in the one thread that shares counts, else NULL */
    gw_http_limits_t limits;
    uint8_t *read_buffer; /* one for all connections: what is read is taken at once */
    int64_t timer_at;
    gw_binder_t binder;
    gw_cors_t cors;
    proto_buf_t json, extra; /* body and header lines of the answer being made */
    gw_log_t log;
    gw_figures_t figures;
    gw_system_sample_t cpu;
    gw_revoked_set_t *revoked;
    uint64_t snapshot_id, snapshot_count; /* of the snapshot under way; 0: of none */
    char date[32];                        /* IMF-fixdate of this second */
    int64_t date_s;
    int64_t started_ms;
    uint64_t trace_seed, trace_count;
    size_t upload_bytes; /* of all requests with a form in pieces, until they are answered */
    bool leaving;        /* serves, but says that it is not ready, and closes behind each answer */
    bool draining, drained, stopping;
};

static inline int64_t gw_now(gw_gateway_t *self)
{
    return (int64_t)uv_now(&self->loop);
}

/* gw_serve.c: from a request to its answer. */
/* A head whose body is still to come: the request that waits for it, with body_most and upload set; NULL when
 * it is refused already. */
gw_request_t *gw_serve_head(gw_gateway_t *self, gw_conn_t *conn, const gw_http_request_t *http);
/* A complete request; `arriving` is what gw_serve_head returned for it, NULL when it has no body. */
void gw_serve(gw_gateway_t *self, gw_conn_t *conn, gw_request_t *arriving, const gw_http_request_t *http);
/* A request that broke HTTP: answered with the error, then the connection closes. */
void gw_serve_bad(gw_gateway_t *self, gw_conn_t *conn, gw_request_t *arriving, uint32_t sequence,
                  proto_error_t error, const char *detail);
/* Forgets the requests of a connection that is gone, and tells the broker. */
void gw_serve_gone(gw_gateway_t *self, gw_request_t *first);
/* One record from a broker. */
void gw_serve_record(gw_gateway_t *self, gw_broker_t *broker, const proto_record_t *record);
/* A broker has forgotten us, or died: of the requests that it had none will be answered. Those behind place
 * `sent` it never got; they are lost, too, when what waited to be sent was `dropped`, else still on their
 * way. */
void gw_serve_lost(gw_gateway_t *self, const gw_broker_t *broker, uint64_t sent, bool dropped);
/* The gateway's own deadline of a request has passed. */
void gw_serve_expired(gw_gateway_t *self, gw_request_t *request);

/* gw_admit.c: whether this request may go on to its endpoint, and as whom: request->identity is set. When it
 * may not, it has been answered. */
PROTO_MUST_CHECK bool gw_admit(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http);

/* gw_rate.c: how often. Without limits (config->limit is NULL) all of these do nothing. */
/* Finds out who is counted; before the others. */
void gw_rate_client(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http);
/* Before a token, or a password, is verified: whether this address may try. When it may not, it has been
 * answered. */
PROTO_MUST_CHECK bool gw_rate_may_authenticate(gw_gateway_t *self, gw_request_t *request);
/* After one was refused. */
void gw_rate_failed(gw_gateway_t *self, const gw_request_t *request);
/* Whether this address may ask this endpoint once more. When it may not, it has been answered. */
PROTO_MUST_CHECK bool gw_rate_admit(gw_gateway_t *self, gw_request_t *request);

/* gw_trace.c: request ids and trace contexts. */
/* A request id that nobody has had before; borrows `trace`. */
proto_bytes_t gw_trace_new(gw_gateway_t *self, char trace[GW_TRACE]);
/* Fills in request->trace from the header fields (NULL: there are none). */
void gw_trace_begin(gw_gateway_t *self, gw_request_t *request, const gw_http_request_t *http);

/* gw_upload.c: bodies that are taken in pieces. The errors of these have their sentence in
 * self->binder.detail. */
/* Begins one of `length` bytes, SIZE_MAX when that is not known. */
PROTO_MUST_CHECK proto_error_t gw_upload_begin(gw_gateway_t *self, gw_request_t *request,
                                               proto_bytes_t content_type, size_t length);
/* What has come of it; false when the request is answered for it. */
PROTO_MUST_CHECK bool gw_upload_take(gw_gateway_t *self, gw_request_t *request, proto_bytes_t piece);
/* All of it has come. */
PROTO_MUST_CHECK proto_error_t gw_upload_end(gw_gateway_t *self, gw_request_t *request);
/* It is bound: its arguments become the request's. */
void gw_upload_finish(gw_request_t *request);
/* The request is answered. */
void gw_upload_forget(gw_gateway_t *self, gw_request_t *request);

/* gw_answer.c: writing answers. self->extra holds further header lines; gw_answer_begin starts them,
 * gw_answer adds those of every answer: security, CORS, caching. */
void gw_answer_begin(gw_gateway_t *self, const gw_request_t *request);
/* Sends the answer, logs it and frees the request. A 200 to GET or HEAD gets its ETag here, and becomes a 304
 * when the client has that body already. */
void gw_answer(gw_gateway_t *self, gw_request_t *request, int status, const char *content_type,
               proto_bytes_t body, bool close);
/* The same for a problem; adds Retry-After to a 503 and WWW-Authenticate to a 401. */
void gw_answer_problem(gw_gateway_t *self, gw_request_t *request, const gw_problem_t *problem, bool close);
void gw_answer_error(gw_gateway_t *self, gw_request_t *request, proto_error_t error, proto_bytes_t detail);
/* The answer of an operation's FINAL: its document, and, as its key, the cursor of the next page. */
void gw_answer_final(gw_gateway_t *self, gw_request_t *request, const proto_record_t *record);

/* gw_send.c: handing requests to a broker. */
/* Sends the request with its arguments (MessagePack map) to its operation. Then it is waiting, or the error
 * is why not. */
PROTO_MUST_CHECK proto_error_t gw_send(gw_gateway_t *self, gw_request_t *request);
/* Asks a service for an operation by name, at a broker that was not asked yet. */
PROTO_MUST_CHECK proto_error_t gw_send_named(gw_gateway_t *self, gw_request_t *request, const char *service,
                                             const char *name, proto_bytes_t arguments);
/* The same without arguments (builtins). */
PROTO_MUST_CHECK proto_error_t gw_send_name(gw_gateway_t *self, gw_request_t *request, const char *service,
                                            const char *name);
/* The idempotency key of a write; empty: none. */
static inline proto_bytes_t gw_request_key(const gw_request_t *request)
{
    return (proto_bytes_t){request->kept.data + request->key_at, request->kept.size - request->key_at};
}
/* Whether a request only reads. */
bool gw_send_reads(const gw_request_t *request);
/* Sends an operation's request once more where that does no harm: after an error, or after its broker was
 * lost (`unsent`: certainly before it had gone out). False when it may not be, or cannot. */
PROTO_MUST_CHECK bool gw_send_after_error(gw_gateway_t *self, gw_request_t *request, proto_error_t error);
PROTO_MUST_CHECK bool gw_send_after_loss(gw_gateway_t *self, gw_request_t *request, bool unsent);

/* gw_health.c: the health endpoints. */
void gw_health_serve(gw_gateway_t *self, gw_request_t *request);
/* Completes one with what the broker said: FINAL's document, or empty bytes and the problem. */
void gw_health_finish(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document,
                      const gw_problem_t *problem);

/* gw_docs.c: the API's description and the page that shows it. */
void gw_docs_serve(gw_gateway_t *self, gw_request_t *request);

/* gw_socket.c: a socket bound to the address of HTTP, which shares its port with the other gateway threads;
 * the kernel spreads connections over them. -1 with errno. */
PROTO_MUST_CHECK int gw_socket_bound(const gateway_config_t *config);
/* Nobody new gets a connection from this listening socket, as if his first packet were lost; those that are
 * there can be accepted. Where the kernel cannot do that, all is as before. */
void gw_socket_hold(int fd);

/* gw_conn.c: connections. */
/* Listens; -1 with a logged reason. */
PROTO_MUST_CHECK int gw_conn_listen(gw_gateway_t *self);
/* Takes in who has connected, then closes the port. */
void gw_conn_stop_listening(gw_gateway_t *self);
/* Hands an answer to the connection's HTTP core; it is written at the end of the turn. */
void gw_conn_respond(gw_conn_t *conn, uint32_t sequence, const gw_http_response_t *response);
const char *gw_conn_address(const gw_conn_t *conn);
/* 16 bytes, IPv4 mapped into IPv6. */
const uint8_t *gw_conn_peer(const gw_conn_t *conn);
gw_request_t **gw_conn_requests(gw_conn_t *conn);
/* Looks at the connections whose time has come. */
void gw_conn_expire(gw_gateway_t *self);
/* Writes what this turn has to say, and takes requests that had to wait for it. */
void gw_conn_flush(gw_gateway_t *self);
/* Closes connections with nothing under way (draining), or all. A connection just made is not idle: its
 * client could not know, and the first request of each is served. */
void gw_conn_close_idle(gw_gateway_t *self);
void gw_conn_close_all(gw_gateway_t *self);

#endif
