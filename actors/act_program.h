/* SPDX-License-Identifier: MPL-2.0 */
/* A program: the endpoint files of one folder, parsed. Operations as their files declare them, not yet
 * checked against a database: parameter types may be missing and result columns are unknown until an actor
 * has connected and described them. Immutable once loaded, so all actors of a process share one. A core: no
 * I/O but the reading of files in act_program_load. Thread: any, once loaded. */
#ifndef ACT_PROGRAM_H
#define ACT_PROGRAM_H

#include "proto_catalogue.h"

/* The document an operation answers with, in the order it is written. A shape is a flat list of nodes:
 * constants are MessagePack to be copied, leaves are filled from the result. */
typedef enum {
    ACT_SHAPE_CONSTANT, /* `constant`: MessagePack bytes (container heads, keys, literals) */
    ACT_SHAPE_ROWS,     /* array of maps */
    ACT_SHAPE_ROW,      /* map; nil when there is no row */
    ACT_SHAPE_VALUE,    /* first column of the first row; nil when there is none */
    ACT_SHAPE_COUNT     /* number of rows */
} act_shape_kind_t;

typedef struct act_shape_node {
    act_shape_kind_t kind;
    proto_bytes_t constant;
} act_shape_node_t;

/* One statement and how its answer is made. */
typedef struct act_statement {
    const proto_operation_t *operation; /* in the program's catalogue */
    const char *sql;                    /* with $1..$n, one statement, no semicolon; "" for a @service file */
    const uint32_t *arguments;          /* $i is operation->params[arguments[i - 1]] */
    uint32_t argument_count;            /* n */
    const act_shape_node_t *shape;      /* empty for @returns none: the document is then nil */
    uint32_t shape_count;
    const proto_refusal_t *empty; /* no row is this refusal; NULL: it is not one */
    const char *file;             /* for messages */
    uint32_t line;                /* of the first line of SQL */
} act_statement_t;

typedef struct act_program {
    proto_catalogue_t *catalogue; /* owned; hashes are of the files alone, types where declared */
    act_statement_t *statements;  /* one per operation, in the same order; in the catalogue's arena */
    uint32_t statement_count;
} act_program_t;

/* Parses one file's text into the program. Every mistake appends a line "file:line: sentence\n" to `errors`;
 * parsing goes on, so all are told at once. -1 when there was one. `file` is copied. */
PROTO_MUST_CHECK int act_program_parse(act_program_t *self, const char *file, proto_bytes_t text,
                                       proto_buf_t *errors);
/* An empty program; free with act_program_free, which nulls the pointer. */
act_program_t *act_program_new(void);
void act_program_free(act_program_t **self);
/* Checks across files (doubled operations, doubled or ambiguous routes) and computes hashes and generation.
 * Call once, after the last act_program_parse. -1 and lines in `errors` as above. */
PROTO_MUST_CHECK int act_program_finish(act_program_t *self, uint64_t generation, proto_buf_t *errors);
/* Reads every *.sql below `folder`, in name order, and finishes. NULL with `errors` filled in when anything
 * was wrong. */
act_program_t *act_program_load(const char *folder, uint64_t generation, proto_buf_t *errors);

#endif
