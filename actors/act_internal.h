/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the database actor share. Private to actors/. Thread: the actor's. */
#ifndef ACT_INTERNAL_H
#define ACT_INTERNAL_H

#include <libpq-fe.h>

#include "act_backoff.h"
#include "act_brokers.h"
#include "act_cancel.h"
#include "act_db.h"
#include "act_figures.h"
#include "act_mode.h"
#include "act_program.h"
#include "act_types.h"
#include "proto_error.h"
#include "proto_trace.h"
#include "proto_yield.h"

enum {
    ACT_VARIANTS = 64,       /* most variants of a statement that stay prepared */
    ACT_KEPT_BYTES = 1 << 20 /* longest answer that is kept under an idempotency key */
};

typedef enum {
    ACT_PHASE_DOWN,       /* waiting to try again */
    ACT_PHASE_CONNECTING, /* PQconnectPoll */
    ACT_PHASE_LEARNING,   /* session settings, types, statements */
    ACT_PHASE_READY
} act_phase_t;

/* A column of a result that is shown. */
typedef struct act_column {
    proto_bytes_t key; /* its name as MessagePack; empty: not shown (it begins with '_') */
    uint32_t oid;
} act_column_t;

/* A statement with the lines of one mask, as this connection has prepared it. */
typedef struct act_variant {
    uint32_t mask;
    char name[24];                /* of the prepared statement */
    bool prepared;                /* Parse was sent; its failure takes that back */
    bool described;               /* the columns are known */
    uint32_t users;               /* requests under way that run it */
    uint64_t chosen;              /* when it was last, counted in choices */
    const act_hole_t **arguments; /* $1... */
    uint32_t argument_count;
    act_column_t *columns;
    int column_count, shown_count;
    int error_column; /* of `_error`; -1: none */
} act_variant_t;

/* A statement of a plan. The first of its variants keeps every line: it tells types and columns. */
typedef struct act_stage {
    const act_statement_t *statement;
    act_variant_t *variants[ACT_VARIANTS];
    uint32_t variant_count;
    bool waits; /* HELD: its result must be known before more is sent */
} act_stage_t;

typedef struct act_generation act_generation_t;

/* An operation as this connection runs it. */
typedef struct act_plan {
    act_generation_t *generation;
    const act_script_t *script;
    proto_operation_t *operation;  /* of the actor's own catalogue, with types */
    const act_type_t **composites; /* per parameter: its type when that is made of fields, else NULL */
    uint32_t declared;             /* where its parameters' declared types begin in act_db_t.declared */
    act_stage_t *stages;
    uint32_t stage_count;
    uint32_t undescribed; /* stages whose columns are not known */
    bool prepared;        /* it can be run */
    uint64_t former;      /* the operation's hash before it had to be prepared anew; 0: none */
    act_mode_t mode;
} act_plan_t;

/* A program as this connection runs it. */
struct act_generation {
    act_generation_t *next; /* an older one, served for a while */
    act_program_t *program; /* held */
    act_types_t types;
    proto_catalogue_t *catalogue; /* the program's, completed with types */
    act_plan_t *plans;            /* one per operation for this actor */
    uint32_t plan_count;
    uint32_t *declared; /* oids of declared parameter types, in their order */
    uint32_t declared_count;
    bool learned, failed; /* types are known; cannot be learned */
    uint32_t pending;     /* first variants whose description has not come */
    uint32_t failed_plans;
    uint32_t users;  /* requests under way that run its plans */
    int64_t drop_at; /* of a former one */
};

/* A request at this actor. */
typedef struct act_job {
    struct act_job *next;   /* of those waiting, answered or free */
    act_broker_t *broker;   /* it came by; its answer goes there, if the epoch is still the same */
    proto_record_t request; /* as it came; its texts stand in `kept`, each followed by a NUL */
    proto_buf_t kept;
    proto_trace_t trace; /* what request.trace says */
    act_plan_t *plan;
    int64_t deadline;
    bool retried;
    bool cancelled;          /* nobody waits for it any more */
    bool alone;              /* run again by itself, after its group failed */
    bool refused_to_write;   /* the server would not begin a transaction that writes */
    bool aborted;            /* something before it in its group failed */
    bool committing;         /* COMMIT is on its way */
    bool keyed;              /* a write with an idempotency key; see act_keys.c */
    bool unclaimed;          /* its key could not be claimed: `failure` is why */
    bool unkept;             /* its answer is too large to be kept */
    PGresult *kept_answer;   /* of the request that had its key before */
    uint32_t sent, received; /* statements */
    act_variant_t *variants[ACT_STATEMENTS];
    PGresult *results[ACT_STATEMENTS];
    PGresult *failure; /* the first error, of whatever was sent for it */
} act_job_t;

typedef enum {
    ACT_AWAIT_IGNORE,   /* of no interest */
    ACT_AWAIT_SETTINGS, /* of the session */
    ACT_AWAIT_TYPES,    /* learning ... */
    ACT_AWAIT_LABELS,
    ACT_AWAIT_ATTRIBUTES,
    ACT_AWAIT_DECLARED,
    ACT_AWAIT_PREPARE, /* a variant ... */
    ACT_AWAIT_DESCRIBE,
    ACT_AWAIT_BEGIN, /* a job's transaction ... */
    ACT_AWAIT_CLAIMS,
    ACT_AWAIT_KEY,    /* its key is claimed */
    ACT_AWAIT_ANSWER, /* what was answered under its key is read */
    ACT_AWAIT_STATEMENT,
    ACT_AWAIT_COMMIT,
    ACT_AWAIT_KEYS, /* whether this database keeps keys */
    ACT_AWAIT_SWEEP,
    ACT_AWAIT_SYNC
} act_await_kind_t;

/* One expected result of the pipeline, in order. */
typedef struct act_await {
    act_await_kind_t kind;
    act_job_t *job; /* whose; PREPARE, DESCRIBE: that wanted the variant, or NULL */
    act_plan_t *plan;
    uint32_t stage;
    act_variant_t *variant;
} act_await_t;

typedef struct act_db {
    const act_db_config_t *config;
    zsock_t *pipe;
    int pipe_fd;    /* its edge-triggered descriptor */
    bool commanded; /* it may have something */
    proto_yield_t yield;
    act_brokers_t brokers;
    act_phase_t phase;
    PGconn *conn;
    PostgresPollingStatusType polling;
    bool writing;     /* PQflush has more to send */
    bool between;     /* the result of the first step is complete but for its NULL */
    int64_t retry_at; /* DOWN: when to connect; CONNECTING to PREPARING: when to give up */
    act_backoff_t backoff;
    bool told_down;                           /* the log knows that the database is away */
    act_generation_t *current;                /* what is served; former ones follow it */
    act_generation_t *coming;                 /* being learned and prepared */
    bool reload;                              /* there is a newer program */
    uint64_t published, published_generation; /* of the catalogue told last: its hash and generation */
    act_plan_t **by_hash;                     /* open addressing */
    uint32_t by_hash_size;
    uint64_t names, choices; /* of prepared statements; of variants */
    act_await_t *awaited;    /* ring */
    uint32_t await_first, await_count, await_room;
    act_job_t *waiting, *waiting_last; /* not sent yet */
    uint32_t waiting_count;
    act_job_t *free_jobs;
    uint32_t job_count;                  /* taken */
    act_job_t *answered, *answered_last; /* their results are there, their Sync is not */
    act_job_t *held;                     /* the connection is this one's alone */
    uint32_t held_syncs;                 /* Syncs to come until it is done */
    uint32_t group;                      /* statements sent since the last Sync */
    act_cancel_t *cancel;
    bool cancelling;        /* a cancel for the held job is under way: nothing is sent meanwhile */
    int64_t cancel_again;   /* when the next one may begin */
    int64_t stray_until;    /* a cancel may have come late until then */
    bool stopping, drained; /* drained: main was told */
    int64_t stop_at;        /* when stopping must be over */
    bool keeps_keys;        /* writes with a key can be served */
    bool told_keys;         /* the log knows that they cannot */
    int64_t sweep_at;       /* when answers that are too old go */
    act_figures_t figures;
    proto_buf_t body, text, detail, token, claims, print;
} act_db_t;

/* act_connect.c */
void act_connect_start(act_db_t *self, int64_t now);
void act_connect_poll(act_db_t *self, int64_t now);
/* The connection is of no use: its requests are answered, the worker leaves, a retry is scheduled. */
void act_connect_lost(act_db_t *self, int64_t now);
void act_connect_close(act_db_t *self);

/* act_prepare.c: what is asked before statements can be prepared. */
/* Tells a new connection its settings, and prepares the transaction commands. */
void act_prepare_session(act_db_t *self);
/* Asks for the types of the coming generation. */
void act_prepare_learn(act_db_t *self);
/* Takes an answer to these. */
void act_prepare_result(act_db_t *self, const act_await_t *await, const PGresult *result);

/* act_generation.c */
/* Begins to learn the newest program. */
void act_generation_begin(act_db_t *self);
/* Goes on with what is coming, and gives up what is over. -1 when the connection is of no use. */
PROTO_MUST_CHECK int act_generation_turn(act_db_t *self, int64_t now);
void act_generation_free_all(act_db_t *self);

/* act_plan.c: operations and their variants. */
/* Whether it is an actor of the service "db.read": at a read replica, for what is marked @replica. */
static inline bool act_db_is_replica(const act_db_t *self)
{
    return strcmp(self->config->service, "db.read") == 0;
}
/* Whether an operation is one for this actor. */
static inline bool act_plan_is_mine(const act_db_t *self, const proto_operation_t *operation)
{
    return strcmp(operation->service, "db") == 0 &&
           (!act_db_is_replica(self) || operation->flags & PROTO_OP_REPLICA);
}
/* Makes the plans of all operations for this actor, and sends the first variant of each statement to be
 * prepared. */
void act_plan_all(act_db_t *self, act_generation_t *generation);
/* Lets the server forget a plan's statements. */
PROTO_MUST_CHECK int act_plan_deallocate(act_db_t *self, const act_plan_t *plan);
/* The variant of a stage with the lines of this mask; made when there is none, and another given up when
 * there are too many. */
act_variant_t *act_plan_choose(act_db_t *self, act_plan_t *plan, uint32_t stage, uint32_t mask);
/* Sends Parse and Describe for a variant that `job` (or nobody) waits for. */
PROTO_MUST_CHECK int act_plan_prepare(act_db_t *self, act_plan_t *plan, uint32_t stage,
                                      act_variant_t *variant, act_job_t *job);
/* Parse or Describe has been answered; a failure is the job's, or is told in the log. True when it was kept.
 */
bool act_plan_result(act_db_t *self, const act_await_t *await, PGresult *result);
/* Prepares everything of a plan anew. */
PROTO_MUST_CHECK int act_plan_again(act_db_t *self, act_plan_t *plan);
/* The plan of a hash, present or former, or, for 0, of a name; NULL when there is none. */
act_plan_t *act_plan_find(const act_db_t *self, uint64_t hash, proto_bytes_t name);
/* Finds plans by hash from now on as their hashes are now; the newest generation's first. */
void act_plan_index(act_db_t *self);
void act_plan_free(act_generation_t *generation);

/* act_send.c */
void act_await(act_db_t *self, act_await_t await);
PROTO_MUST_CHECK int act_sync(act_db_t *self);
/* Puts a request from a broker among the waiting. */
void act_send_take(act_db_t *self, int64_t now, act_broker_t *broker, const proto_record_t *record);
/* Sends what waits, as far as the mode of what is under way lets it. */
void act_send_waiting(act_db_t *self, int64_t now);
/* Tells the transaction who asks, from self->claims (of the job sent last), and makes it theirs where roles
 * are set. */
PROTO_MUST_CHECK int act_send_claims(act_db_t *self, act_job_t *job);
/* Sends a held job's next statements, up to the one whose result is needed. */
PROTO_MUST_CHECK int act_send_held(act_db_t *self, act_job_t *job);
/* Puts a job before all that waits, to run by itself. */
void act_send_again(act_db_t *self, act_job_t *job);
/* Gives a request back as it came, for another worker. */
void act_send_return(act_db_t *self, act_job_t *job);
/* Gives everything that waits back to the brokers. */
void act_send_return_waiting(act_db_t *self);

/* act_bind.c: the values of a request's arguments, for as long as a statement of it is sent. */
typedef struct act_bound {
    proto_bytes_t values[ACT_ARGUMENTS];
    bool given[ACT_ARGUMENTS];
    proto_bytes_t after[ACT_CURSOR_COLUMNS]; /* texts, in self->token */
    uint32_t mask;
    uint64_t filter; /* of a @cursor */
} act_bound_t;
/* Judges the arguments. -1 with a sentence in self->detail. */
PROTO_MUST_CHECK int act_bind(act_db_t *self, const act_job_t *job, act_bound_t *bound);
/* What is asked, in one form whatever the order and encoding of the arguments, to `out`: the operation's
 * name, and the text of each argument. -1 when there is no memory. */
PROTO_MUST_CHECK int act_bind_print(act_db_t *self, const act_job_t *job, const act_bound_t *bound,
                                    proto_buf_t *out);
/* What PQsendQueryPrepared takes: NULL for NULL, texts in self->text, bytes where they came. */
typedef struct act_values {
    const char *data[ACT_ARGUMENTS];
    int lengths[ACT_ARGUMENTS], formats[ACT_ARGUMENTS]; /* of bytes: their size, and 1 */
    bool binary;                                        /* whether there are any bytes */
} act_values_t;
/* A variant's arguments. -1 when there is no memory. */
PROTO_MUST_CHECK int act_bind_variant(act_db_t *self, const act_job_t *job, const act_bound_t *bound,
                                      const act_variant_t *variant, act_values_t *values);

/* act_receive.c */
/* Takes what has come from PostgreSQL. -1 when the connection is lost. */
PROTO_MUST_CHECK int act_receive(act_db_t *self);
/* act_receive.c: goes on with the held job behind a cancel. */
PROTO_MUST_CHECK int act_receive_held(act_db_t *self);

/* act_reply.c */
/* Answers a job and gives it back: with the document of its results, or the refusal that they are; with its
 * failure; with what was answered under its key before. */
void act_reply_success(act_db_t *self, act_job_t *job);
void act_reply_failure(act_db_t *self, act_job_t *job);
void act_reply_kept(act_db_t *self, act_job_t *job);
/* The refusal that the results of a job mean, the first one's, of `stage`; NULL when there is none.
 * `unknown`: one that its file does not declare. */
const proto_refusal_t *act_reply_judge(const act_job_t *job, uint32_t *stage, bool *unknown);
/* The token of the next page, in self->token; none when this one is not full. -1 when it cannot be made. */
PROTO_MUST_CHECK int act_reply_cursor(act_db_t *self, const act_job_t *job, proto_bytes_t *token);
/* What a client is told in the place of PostgreSQL's words. */
const char *act_reply_detail(proto_error_t error);
/* Answers a job and gives it back. */
void act_reply_error(act_db_t *self, act_job_t *job, proto_error_t error, const char *detail);
void act_reply_body(act_db_t *self, act_job_t *job, proto_type_t type, proto_error_t error);
void act_job_free(act_db_t *self, act_job_t *job);

/* act_document.c */
/* Appends the answer's document to `out`. -1 when it cannot be made. `next_cursor` may be empty. */
PROTO_MUST_CHECK int act_document_write(const act_job_t *job, proto_bytes_t next_cursor, proto_buf_t *out);
/* The number of the result's column of exactly that name, or -1. (PQfnumber folds capitals.) */
int act_document_column(const PGresult *result, const char *name);
/* The refusal that a statement's result means, or NULL: a number of rows, or `_error`. */
const proto_refusal_t *act_document_refusal(const act_job_t *job, uint32_t stage, bool *unknown);

/* Whether its broker still waits for the answer. */
static inline bool act_job_is_due(const act_job_t *job)
{
    return job->request.epoch == job->broker->epoch;
}

/* How a job is run: a keyed one holds the connection, for its answer is stored before its COMMIT. */
static inline act_mode_t act_job_mode(const act_job_t *job)
{
    return job->keyed ? ACT_MODE_HELD : job->plan->mode;
}

/* act_keys.c: writes with an idempotency key. */
/* Asks a new connection whether its database keeps keys. */
void act_keys_ask(act_db_t *self);
/* Claims the key of a job whose transaction has begun. */
PROTO_MUST_CHECK int act_keys_claim(act_db_t *self, act_job_t *job, const act_bound_t *bound);
/* Stores the answer of a job whose statements have all been run; `body` is its document. */
PROTO_MUST_CHECK int act_keys_store(act_db_t *self, act_job_t *job, proto_bytes_t body, proto_bytes_t cursor);
/* Reads what was answered under the key, where another request had it; behind the ROLLBACK. */
PROTO_MUST_CHECK int act_keys_recall(act_db_t *self, act_job_t *job);
/* What such a job is to be told. */
typedef enum { ACT_KEY_GONE, ACT_KEY_BUSY, ACT_KEY_REUSED, ACT_KEY_KEPT } act_key_t;
/* ... ACT_KEY_KEPT: the document and the cursor of the answer, borrowed from the job. ACT_KEY_GONE: nobody
 * has the key any more. */
act_key_t act_keys_answer(const act_job_t *job, proto_bytes_t *body, proto_bytes_t *cursor);
/* Takes the results of ACT_AWAIT_KEYS and ACT_AWAIT_SWEEP. */
void act_keys_result(act_db_t *self, act_await_kind_t kind, const PGresult *result);
/* Sends the sweep that is due; only between two Syncs, while no job holds the connection. */
PROTO_MUST_CHECK int act_keys_sweep(act_db_t *self, int64_t now);

/* act_abort.c: what nobody waits for any more. */
/* CANCEL: what was not sent is dropped; what has the connection to itself is cancelled in PostgreSQL; all
 * else runs to its end. */
void act_abort_job(act_db_t *self, const act_broker_t *broker, uint64_t token);
/* Begins the cancel that is due; returns when to call again. Call when all was flushed. */
int64_t act_abort_turn(act_db_t *self, int64_t now);
/* Takes the end of a cancel, if there is one: the held job goes on. -1 when the connection is lost. */
PROTO_MUST_CHECK int act_abort_done(act_db_t *self, int64_t now);

/* act_db.c */
void act_db_put(act_db_t *self, act_broker_t *broker, const proto_record_t *record);
/* Says READY once more to all brokers, with what is served now; what is under way goes on. */
void act_db_announce(act_db_t *self);

#endif
