/* SPDX-License-Identifier: MPL-2.0 */
/* libmuster: clients and workers of Muster in C, over ZeroMQ.
 *
 *     muster_client_t *client = muster_client_new(NULL, NULL, 0);          // the broker of this machine and
 * user muster_answer_t *answer; if (muster_call_json(client, "db", "get_provider", "{\"id\": 1}", 5000,
 * &answer) == 0) puts(muster_answer_json(answer)); else fprintf(stderr, "%s\n",
 * muster_answer_detail(answer)); muster_answer_destroy(&answer); muster_client_destroy(&client);
 *
 * Conventions
 * - Sizes are bytes, times are milliseconds, texts are UTF-8 and end in NUL. JSON is RFC 8259, binary bodies
 * are one MessagePack value each (see "Values" in protocol.md for the two extensions).
 * - What a function takes by `const` it copies before it returns. What it gives as `const` stays the
 * object's. A `**` parameter takes the object over and sets the pointer to NULL; NULL in it is harmless.
 * - Functions return 0 and -1, or an object and NULL, unless they say otherwise.
 * - A client or a worker has one thread of its own, which takes no signals, and keeps heartbeats and
 * connections. All functions of a client may be called from any thread at the same time, except
 * muster_client_destroy, which must be the last. The same holds for workers. There is no global state,
 * nothing is written to stderr, and no signal handler is set. Do not use clients or workers across fork().
 * - Running out of memory aborts the process, as does the breach of an invariant. What peers send never does.
 */
#ifndef MUSTER_H
#define MUSTER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MUSTER_API __attribute__((visibility("default")))
#else
#define MUSTER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": the version of the library that is running. */
MUSTER_API const char *muster_version(void);

/* ---- Where the brokers are, and who we are
 * ------------------------------------------------------------------ */

/* All members may be 0 or NULL, which means the default: `muster_config_t config = {0};`. A NULL instead of
 * the whole struct means all defaults. */
typedef struct muster_config {
    /* ZeroMQ endpoints of one or more brokers, separated by commas:
     * "tcp://10.0.0.1:5555,tcp://10.0.0.2:5555". Default: $MUSTER_BROKERS, else the local socket of this
     * user's broker: $XDG_RUNTIME_DIR/muster/broker.sock or /tmp/muster-UID/broker.sock. At most 16. */
    const char *brokers;
    /* CURVE, which tcp endpoints outside a development set-up ask for. `cert` names the file of one's own
     * secret certificate, as `muster keygen` writes it (NAME.cert_secret; nobody else may be able to read
     * it); `broker_cert` the file or files (comma list: one for all brokers, or one each) with the brokers'
     * public ones. Default: $MUSTER_CERT and $MUSTER_BROKER_CERT; "" for none. */
    const char *cert, *broker_cert;
    /* The same keys as Z85 texts of 40 characters, instead of files. `broker_key` holds for all brokers. */
    const char *public_key, *secret_key, *broker_key;
    /* For whom requests are made, when a request does not say so itself. Brokers take it from peers that may
     * name identities only, as those on the local socket; others get what the broker's rights file says of
     * their key. Default: the name of the user who runs the process, and no role. */
    const char *subject, *role;
    /* How long a request waits for a broker when none answers; default 2000. */
    uint32_t connect_ms;
    void *reserved[4]; /* NULL */
} muster_config_t;

/* ---- Answers
 * ------------------------------------------------------------------------------------------------ */

/* The answer to a request, a piece of one, or the problem there was. Belongs to whoever got it; no two
 * threads may use one at the same time. */
typedef struct muster_answer muster_answer_t;

MUSTER_API void muster_answer_destroy(muster_answer_t **self);
/* What muster_send returned for the request. */
MUSTER_API uint64_t muster_answer_id(const muster_answer_t *self);
/* 1: an answer or a piece of one; 0: a problem. */
MUSTER_API int muster_answer_ok(const muster_answer_t *self);
/* 1: a piece, and more follow; 0: the last there will be for this request. */
MUSTER_API int muster_answer_more(const muster_answer_t *self);
/* The document, as MessagePack or as JSON text; of a problem the map {code, status, title, detail}. */
MUSTER_API const void *muster_answer_body(const muster_answer_t *self, size_t *size);
MUSTER_API const char *muster_answer_json(muster_answer_t *self);
/* What `cursor` must be in the next request for the next page of a list; "" when there is none. */
MUSTER_API const char *muster_answer_cursor(const muster_answer_t *self);
/* Of a problem: its status as in HTTP (404, 503 ...), a code for programs ("provider_not_found", "timeout"),
 * a title, and a sentence for people. Of an answer: 200, "none", "OK", "".
 *
 * 503 means: certainly nothing was changed; try again. `timeout` (504): a read without an answer in time.
 * `outcome_unknown` (504): a write was handed on, and nobody knows whether it was done. protocol.md has the
 * table of codes; those of an operation's own refusals come from its endpoint file. */
MUSTER_API int muster_answer_status(const muster_answer_t *self);
MUSTER_API const char *muster_answer_code(const muster_answer_t *self);
MUSTER_API const char *muster_answer_title(const muster_answer_t *self);
MUSTER_API const char *muster_answer_detail(const muster_answer_t *self);

/* ---- Clients
 * ------------------------------------------------------------------------------------------------ */

typedef struct muster_client muster_client_t;

/* A client of all brokers of `config`, which connects in the background: a broker need not be there yet, and
 * one that dies is noticed within two seconds and taken back when it answers again. NULL when the
 * configuration is wrong, with a sentence in `why` (of `why_size` bytes; may be NULL). */
MUSTER_API muster_client_t *muster_client_new(const muster_config_t *config, char *why, size_t why_size);
/* Cancels what is under way and closes the connections. No other call may be under way or come. */
MUSTER_API void muster_client_destroy(muster_client_t **self);
/* Waits up to `wait_ms` until one of the brokers answers. -1 when none does. Requests need not wait for it.
 */
MUSTER_API int muster_client_wait(muster_client_t *self, int64_t wait_ms);
/* How many brokers there are in the configuration; the endpoint of one (0 to n - 1); 1 when it answers. */
MUSTER_API int muster_client_brokers(muster_client_t *self);
MUSTER_API const char *muster_client_endpoint(muster_client_t *self, int broker);
MUSTER_API int muster_client_alive(muster_client_t *self, int broker);

typedef void muster_answer_fn(muster_answer_t *answer, void *arg);

/* A request with everything that can be said of it: `muster_request_t request = {0};`. */
typedef struct muster_request {
    const char *service;   /* "db"; required */
    const char *operation; /* "get_provider"; "" or NULL for services that have but one */
    const char *args_json; /* the arguments as a JSON object, or ... */
    const void *args;      /* ... as a MessagePack map; neither: none */
    size_t args_size;
    uint32_t deadline_ms; /* the answer is there by then, at the latest a timeout (100 ms later at most); with
                             answers in pieces, each by then after the last. Default 30000, at most an hour */
    int reads; /* 1: the operation changes nothing, so it may be sent again. Needed only for operations that
                  stand in no catalogue */
    const char *key; /* idempotency key, at most 255 bytes. Database actors execute a write with one once, and give
                        the same answer each time the key comes again; other workers do with it what they like */
    const char *subject, *role; /* for whom; default: as configured */
    const char *trace;          /* a name for logs, at most 255 bytes; default: none */
    int broker;                 /* n: only to the n-th of the list, counted from 1; 0: the least busy one */
    muster_answer_fn
        *on_answer; /* see muster_process; for muster_call_request: gets the pieces before the last */
    void *arg;
    void *reserved[4]; /* NULL */
} muster_request_t;

/* Which requests are sent twice: those whose broker or worker died with them, at most once, to another broker
 * where there is one, and only when the operation just reads (its catalogue says so, or `reads`), or is one
 * of the database's with a `key`. All others are reported as they are. */

/* Asks, and waits for the answer. `*answer` is set in every case, also when the request never left
 * (`malformed`: the arguments are none; `not_ready`: no broker answered for connect_ms). 0 when it is an
 * answer, -1 when a problem. When the answer comes in pieces, this is the last one; muster_send gives them
 * all. */
MUSTER_API int muster_call(muster_client_t *self, const char *service, const char *operation,
                           const void *args, size_t args_size, uint32_t deadline_ms,
                           muster_answer_t **answer);
MUSTER_API int muster_call_json(muster_client_t *self, const char *service, const char *operation,
                                const char *args_json, uint32_t deadline_ms, muster_answer_t **answer);
/* The same with everything; on_answer runs on the calling thread. */
MUSTER_API int muster_call_request(muster_client_t *self, const muster_request_t *request,
                                   muster_answer_t **answer);

/* Asks, and returns at once: the id of the request, never 0. It gets one last answer, and pieces before it.
 * Those of requests with `on_answer` go to muster_process, the others to muster_next. */
MUSTER_API uint64_t muster_send(muster_client_t *self, const muster_request_t *request);
/* The next answer to requests without `on_answer`, in the order they came; waits up to `wait_ms` (-1: without
 * end). 0; -1 when none came. */
MUSTER_API int muster_next(muster_client_t *self, muster_answer_t **answer, int64_t wait_ms);
/* Calls `on_answer` for what has come, on the calling thread, without waiting; the answer is then the
 * function's. Returns how many there were. */
MUSTER_API int muster_process(muster_client_t *self);
/* A descriptor that is readable while muster_next or muster_process would find something, for poll, epoll and
 * event loops (level-triggered). Never read or close it. */
MUSTER_API int muster_client_fd(muster_client_t *self);
/* Nobody waits for that request any more: no answer to it comes from now on. Unknown ids are ignored. What a
 * worker has begun it may still finish. */
MUSTER_API void muster_cancel(muster_client_t *self, uint64_t id);
/* The catalogue that workers published for a service, or for all together (NULL): operations with their
 * parameters, as protocol.md describes it. Waits up to `wait_ms` for one. As muster_call; a problem when
 * there is none. */
MUSTER_API int muster_catalogue(muster_client_t *self, const char *service, int64_t wait_ms,
                                muster_answer_t **answer);

/* ---- Workers
 * ------------------------------------------------------------------------------------------------ */

typedef struct muster_worker muster_worker_t;
/* A request at a worker; valid while its function runs. */
typedef struct muster_job muster_job_t;

/* Does one job and answers it with muster_reply..., or muster_fail, before it returns. It may take as long as
 * it likes, since heartbeats go on. A job left without an answer gets `internal`. */
typedef void muster_work_fn(muster_job_t *job, void *arg);

/* A worker for `service`: registers at all brokers of `config`, again when one was restarted. It takes up to
 * `window` requests at once (1 to 256, divided among the brokers that answer) and keeps those that are not
 * being worked on. Nothing is connected before muster_worker_run. NULL with a sentence in `why`. */
MUSTER_API muster_worker_t *muster_worker_new(const muster_config_t *config, const char *service,
                                              muster_work_fn *work, void *arg, uint32_t window, char *why,
                                              size_t why_size);
/* Publishes an operation, and with an endpoint ("POST /embed", "GET /shelves/{id}"; NULL: none) an HTTP path
 * for it, before the worker runs. `params` is a JSON array of parameters as in protocol.md's catalogue, NULL
 * for none. Left out, `source` is what suits the endpoint (path, query or body), `data` is "json" in a body
 * and else "text"; `required` and `array` may be true. A worker that publishes is only given what it
 * publishes, arguments that are wrong are refused for it, defaults are filled in, and names that no parameter
 * has are left out. -1 with a sentence in `why`. */
MUSTER_API int muster_worker_endpoint(muster_worker_t *self, const char *endpoint, const char *operation,
                                      const char *params, char *why, size_t why_size);
/* The same for whole operations with all keys of protocol.md: a JSON array of maps, each with `name` at
 * least. Left out are understood: `hash`, `service`, `tier` (of an endpoint: read for a GET, else
 * write), `auth` user, `timeout_ms` 30000. */
MUSTER_API int muster_worker_catalogue(muster_worker_t *self, const char *operations, char *why,
                                       size_t why_size);
/* Works until muster_worker_stop, then gives back what was not begun and returns 0. Several threads may call
 * it, and then as many jobs are worked on at once. */
MUSTER_API int muster_worker_run(muster_worker_t *self);
/* Makes muster_worker_run return after the jobs under way. May be called from a signal handler, too, and
 * before muster_worker_run. A worker that was stopped stays so. */
MUSTER_API void muster_worker_stop(muster_worker_t *self);
/* At how many brokers it is registered now: 0 while none answers, or all refuse it for lack of rights. */
MUSTER_API int muster_worker_registered(muster_worker_t *self);
/* After muster_worker_run has returned in all threads. */
MUSTER_API void muster_worker_destroy(muster_worker_t **self);

/* What is asked: operation, arguments (a MessagePack map, or JSON), who asks ("" for nobody), and the
 * request's trace and idempotency key ("" for none). All stay valid until the job's function returns. */
MUSTER_API const char *muster_job_operation(const muster_job_t *self);
MUSTER_API const void *muster_job_args(const muster_job_t *self, size_t *size);
MUSTER_API const char *muster_job_json(muster_job_t *self);
MUSTER_API const char *muster_job_subject(const muster_job_t *self);
MUSTER_API const char *muster_job_role(const muster_job_t *self);
MUSTER_API const char *muster_job_trace(const muster_job_t *self);
MUSTER_API const char *muster_job_key(const muster_job_t *self);
/* How long the client still waits, in milliseconds; 0 when it has given up, or its broker is gone: the work
 * may then be broken off, and no answer is needed. */
MUSTER_API int64_t muster_job_left(const muster_job_t *self);

/* Answers: the last or only one, or a piece of it (as many as one likes before the last). -1 when the
 * document is no MessagePack or JSON, or too large (64 MiB), or the job has been answered; a wrong document
 * can be followed by a right one. 0 also when nobody waits any more. muster_partial waits while the network
 * does not keep up. */
MUSTER_API int muster_reply(muster_job_t *self, const void *body, size_t size);
MUSTER_API int muster_reply_json(muster_job_t *self, const char *json);
MUSTER_API int muster_partial(muster_job_t *self, const void *body, size_t size);
MUSTER_API int muster_partial_json(muster_job_t *self, const char *json);
/* Answers with a problem: a status (400 to 599), a code for programs and a sentence for people. Codes of
 * protocol.md's table go with their own status; say 503 only when certainly nothing was changed. */
MUSTER_API int muster_fail(muster_job_t *self, int status, const char *code, const char *detail);

#ifdef __cplusplus
}
#endif
#endif
