/* SPDX-License-Identifier: MPL-2.0 */
/* What a database error or a declared refusal means to a client. Whatever PostgreSQL says stays in the log;
 * the client gets a code, a status and a sentence. A core: no I/O, no libpq. Thread: the actor's. */
#ifndef ACT_REFUSAL_H
#define ACT_REFUSAL_H

#include "proto_catalogue.h"
#include "proto_error.h"

/* What to do about an error. */
typedef enum {
    ACT_REFUSE,   /* tell the client */
    ACT_AGAIN,    /* 40001, 40P01: once more, in a transaction of its own */
    ACT_PREPARE,  /* 0A000, 26000: prepare again, then once more */
    ACT_RECONNECT /* the connection, or the server behind it, is of no use */
} act_verdict_t;

/* Classifies a SQLSTATE ("" when there is none). `writes`: the statement was to write. */
act_verdict_t act_refusal_verdict(const char *sqlstate, bool writes);
/* The error of the table that a SQLSTATE means. */
proto_error_t act_refusal_error(const char *sqlstate);
/* The refusal that the operation declares for a SQLSTATE and constraint (NULL: none); one that names the
 * constraint goes before one that does not. NULL when it declares none. */
const proto_refusal_t *act_refusal_on(const proto_operation_t *operation, const char *sqlstate,
                                      const char *constraint);
const proto_refusal_t *act_refusal_named(const proto_operation_t *operation, proto_bytes_t name);
/* The status that SQLSTATE PTnnn asks for (a function may RAISE it, as PostgREST has it), 0 for any other. */
int act_refusal_raised(const char *sqlstate);

/* Looks up what stands in a refusal's text as {name}: appends it and returns true, or returns false. */
typedef bool(act_refusal_lookup_fn)(void *arg, proto_bytes_t name, proto_buf_t *out);
/* Appends the ERROR body of a declared refusal; what the lookup does not know stays as it is. */
void act_refusal_body(const proto_refusal_t *refusal, act_refusal_lookup_fn *lookup, void *arg,
                      proto_buf_t *out);
/* The ERROR body for a raised status with a function's own message. */
void act_refusal_raised_body(int status, const char *message, proto_buf_t *out);

#endif
