/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the database actor share. Private to actors/. Thread: the actor's. */
#ifndef ACT_INTERNAL_H
#define ACT_INTERNAL_H

#include <libpq-fe.h>

#include "act_backoff.h"
#include "act_db.h"
#include "act_types.h"
#include "proto_error.h"
#include "proto_wire.h"

enum { ACT_ARGUMENTS = 100 /* most arguments of a statement */ };

typedef enum {
    ACT_PHASE_DOWN,       /* waiting to try again */
    ACT_PHASE_CONNECTING, /* PQconnectPoll */
    ACT_PHASE_LEARNING,   /* session settings, types */
    ACT_PHASE_PREPARING,  /* statements */
    ACT_PHASE_READY
} act_phase_t;

/* How a statement is run; see docs/architecture.md, "Execution modes". */
typedef enum {
    ACT_MODE_SHARED, /* a read: shares one Sync with its neighbours */
    ACT_MODE_SINGLE, /* a write that cannot be refused by its result: its own Sync, its own transaction */
    ACT_MODE_HELD,   /* a write whose result decides over COMMIT or ROLLBACK: nothing else meanwhile */
    ACT_MODE_SLOW    /* a slow read: nothing else meanwhile, and what waits behind goes back */
} act_mode_t;

/* A column of a result that is shown. */
typedef struct act_column {
    proto_bytes_t key; /* its name as MessagePack; empty: not shown (it begins with '_') */
    uint32_t oid;
} act_column_t;

/* A statement as this connection has prepared it. */
typedef struct act_plan {
    const act_statement_t *statement;
    proto_operation_t *operation; /* of the actor's own catalogue, with types */
    char name[32];                /* of the prepared statement */
    bool prepared;
    uint64_t former; /* the operation's hash before the statement had to be prepared anew; 0: none */
    act_mode_t mode;
    act_column_t *columns;
    int column_count, shown_count;
    int error_column; /* of `_error`; -1: none */
} act_plan_t;

/* A request at this actor. */
typedef struct act_job {
    struct act_job *next;   /* of those waiting, answered or free */
    proto_record_t request; /* as it came; its texts stand in `kept`, each followed by a NUL */
    proto_buf_t kept;
    act_plan_t *plan;
    int64_t deadline;
    bool retried;
    bool alone;            /* run again by itself, after its group failed */
    bool refused_to_write; /* the server would not begin a transaction that writes */
    bool finished;         /* the statement's own result has come */
    PGresult *result;      /* that, or the error before it */
} act_job_t;

typedef enum {
    ACT_STEP_IGNORE, /* of no interest, unless it fails */
    ACT_STEP_TYPES,  /* learning ... */
    ACT_STEP_LABELS,
    ACT_STEP_ATTRIBUTES,
    ACT_STEP_DECLARED,
    ACT_STEP_PREPARE, /* preparing ... */
    ACT_STEP_DESCRIBE,
    ACT_STEP_BEGIN,     /* a job's permission to write ... */
    ACT_STEP_STATEMENT, /* ... and statement */
    ACT_STEP_COMMIT,    /* a held job's */
    ACT_STEP_SYNC
} act_step_kind_t;

/* One expected result of the pipeline, in order. */
typedef struct act_step {
    act_step_kind_t kind;
    act_job_t *job;
    act_plan_t *plan;
} act_step_t;

typedef struct act_db {
    const act_db_config_t *config;
    zsock_t *pipe;
    proto_wire_t *wire;
    act_phase_t phase;
    PGconn *conn;
    PostgresPollingStatusType polling;
    bool writing;     /* PQflush has more to send */
    bool between;     /* the result of the first step is complete but for its NULL */
    int64_t retry_at; /* DOWN: when to connect; CONNECTING to PREPARING: when to give up */
    act_backoff_t backoff;
    bool told_down; /* the log knows that the database is away */
    act_types_t types;
    proto_catalogue_t *catalogue; /* as published */
    uint64_t published;           /* its hash */
    act_plan_t *plans;            /* one per statement of "db" */
    uint32_t plan_count;
    uint32_t *by_hash, by_hash_size; /* open addressing: index + 1 */
    uint32_t *declared;              /* oids of declared parameter types, in their order */
    uint32_t declared_count;
    uint32_t failed_plans;
    act_step_t *steps; /* ring */
    uint32_t step_first, step_count, step_room;
    act_job_t *waiting, *waiting_last; /* not sent yet */
    uint32_t waiting_count;
    act_job_t *free_jobs;
    uint32_t job_count;                  /* taken */
    act_job_t *answered, *answered_last; /* their results are there, their Sync is not */
    act_job_t *held;                     /* the connection is this one's alone */
    uint32_t held_syncs;                 /* Syncs to come until it is done */
    uint32_t group;                      /* statements sent since the last Sync */
    uint16_t owed;                       /* credit to give back for what was returned */
    bool registered, stopping;
    int64_t registered_at, register_at; /* when READY was said last, and is to be said again (PROTO_NEVER) */
    int64_t stop_at;                    /* when stopping must be over */
    uint32_t epoch;
    int64_t ticked; /* when the loop went round last, to notice a long stop */
    proto_buf_t body, text, detail;
} act_db_t;

/* act_connect.c */
void act_connect_start(act_db_t *self, int64_t now);
void act_connect_poll(act_db_t *self, int64_t now);
/* The connection is of no use: its requests are answered, the worker leaves, a retry is scheduled. */
void act_connect_lost(act_db_t *self, int64_t now);
void act_connect_close(act_db_t *self);

/* act_prepare.c */
/* Sends session settings and the questions about types. */
void act_prepare_learn(act_db_t *self);
/* Takes a result of learning or preparing. */
void act_prepare_result(act_db_t *self, const act_step_t *step, const PGresult *result);
/* A Sync has come back while learning or preparing. */
void act_prepare_synced(act_db_t *self, int64_t now);
/* Prepares one statement anew. */
PROTO_MUST_CHECK int act_prepare_again(act_db_t *self, act_plan_t *plan);
void act_prepare_free(act_db_t *self);

/* act_send.c */
void act_step_push(act_db_t *self, act_step_kind_t kind, act_job_t *job, act_plan_t *plan);
PROTO_MUST_CHECK int act_sync(act_db_t *self);
/* Puts a request from the broker among the waiting. */
void act_send_take(act_db_t *self, int64_t now, const proto_record_t *record);
/* Sends what waits, as far as the mode of what is under way lets it. */
void act_send_waiting(act_db_t *self, int64_t now);
/* Puts a job before all that waits, to run by itself. */
void act_send_again(act_db_t *self, act_job_t *job);
/* Nobody waits for it any more: drops it if it was not sent. */
void act_send_cancel(act_db_t *self, uint64_t token);
/* Gives everything that waits back to the broker. */
void act_send_return_waiting(act_db_t *self);
act_plan_t *act_plan_find(const act_db_t *self, uint64_t hash, proto_bytes_t name);

/* act_receive.c */
/* Takes what has come from PostgreSQL. -1 when the connection is lost. */
PROTO_MUST_CHECK int act_receive(act_db_t *self, int64_t now);
/* Answers a job and gives it back. */
void act_reply_error(act_db_t *self, act_job_t *job, proto_error_t error, const char *detail);
void act_reply_body(act_db_t *self, act_job_t *job, proto_type_t type, proto_error_t error);
void act_job_free(act_db_t *self, act_job_t *job);

/* act_document.c */
/* Appends the answer's document to `out`. -1 when it cannot be made. */
PROTO_MUST_CHECK int act_document_write(const act_db_t *self, const act_plan_t *plan, const PGresult *result,
                                        proto_buf_t *out);
/* The refusal that a result means, or NULL: no row, or `_error`. */
const proto_refusal_t *act_document_refusal(const act_plan_t *plan, const PGresult *result, bool *unknown);

/* act_db.c */
/* Says READY, as a worker that begins: what it held belongs to an epoch that is over. */
void act_db_register(act_db_t *self, int64_t now);
/* Says READY once more, with what is served now; what is under way goes on. */
void act_db_announce(act_db_t *self);
void act_db_put(act_db_t *self, const proto_record_t *record);

#endif
