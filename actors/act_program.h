/* SPDX-License-Identifier: MPL-2.0 */
/* A program: the endpoint files of one folder, parsed. Operations as their files declare them, not yet
 * checked against a database: parameter types may be missing and result columns are unknown until an actor
 * has connected and described them. Immutable once loaded, so all actors of a process share one. A core: no
 * I/O but the reading of files in act_program_load. Thread: any, once loaded. */
#ifndef ACT_PROGRAM_H
#define ACT_PROGRAM_H

#include <stdatomic.h>

#include "proto_catalogue.h"

enum {
    ACT_STATEMENTS = 16,   /* most statements (steps) of an operation */
    ACT_CONDITIONS = 32,   /* most parameters of an operation that lines depend on: bits of a mask */
    ACT_ARGUMENTS = 100,   /* most parameters of an operation, and arguments of a statement */
    ACT_CURSOR_COLUMNS = 8 /* most columns of a @cursor */
};

/* The document an operation answers with, in the order it is written. A shape is a flat list of nodes:
 * constants are MessagePack to be copied, leaves are filled from the result of a statement. */
typedef enum {
    ACT_SHAPE_CONSTANT,   /* `constant`: MessagePack bytes (container heads, keys, literals) */
    ACT_SHAPE_ROWS,       /* array of maps */
    ACT_SHAPE_ROW,        /* map; nil when there is no row */
    ACT_SHAPE_VALUE,      /* first column of the first row; nil when there is none */
    ACT_SHAPE_COUNT,      /* number of rows */
    ACT_SHAPE_COLUMN,     /* column `name` of the first row; nil when there is none */
    ACT_SHAPE_NEXT_CURSOR /* where the next page begins; nil at the end */
} act_shape_kind_t;

typedef struct act_shape_node {
    act_shape_kind_t kind;
    proto_bytes_t constant;
    proto_bytes_t step; /* as written before the dot; empty: the last statement */
    const char *name;   /* COLUMN */
    uint32_t statement; /* the step's number, found when the operation is complete */
} act_shape_node_t;

/* What the statement's text holds a place for: a '$' that becomes $1, $2 ... of the arguments it runs with.
 */
typedef enum {
    ACT_HOLE_PARAM, /* operation->params[index] */
    ACT_HOLE_GIVEN, /* whether the client sent that parameter, even as null: a boolean */
    ACT_HOLE_STEP,  /* column `name` of the first row of statements[index]; NULL when it had none */
    ACT_HOLE_AFTER  /* cursor[index]'s value in the last row of the page before */
} act_hole_kind_t;

typedef struct act_hole {
    act_hole_kind_t kind;
    uint32_t index;
    const char *name; /* STEP */
    uint32_t at;      /* of the '$' in the text */
} act_hole_t;

/* A line that is kept only when its condition holds: its parameter is given (a boolean: true). */
typedef struct act_line {
    uint32_t from, to;  /* bytes of the text */
    uint32_t condition; /* bit of a mask; script->conditions[condition] is the parameter */
} act_line_t;

typedef enum { ACT_EXPECT_ANY, ACT_EXPECT_ONE, ACT_EXPECT_NONE, ACT_EXPECT_SOME } act_expect_t;

/* One statement; a step, when the operation has several. */
typedef struct act_statement {
    const char *step; /* its name; "" without one */
    const char *sql;  /* one statement, no semicolon, holes and all lines in it */
    const act_hole_t *holes;
    uint32_t hole_count;
    const act_line_t *lines;
    uint32_t line_count;
    uint32_t conditions;           /* mask of those its lines have */
    act_expect_t expect;           /* how many rows ... */
    const proto_refusal_t *refuse; /* ... and what another number means */
    uint32_t line;                 /* of the file, where it begins ... */
    uint32_t at;                   /* ... and its first byte there */
} act_statement_t;

/* Where in its file a block says what, for whoever tells mistakes later: lines, 0 for what is not
 * said. */
typedef struct act_places {
    uint32_t first, endpoint, summary, tier, returns, status, location, cursor, writes, claims;
    const uint32_t *params, *refusals; /* a line each; of the statement, for a parameter it alone names */
} act_places_t;

/* An operation's statements and how its answer is made. */
typedef struct act_script {
    const proto_operation_t *operation; /* in the program's catalogue */
    const act_statement_t *statements;  /* none for a @service file */
    uint32_t statement_count;
    uint32_t conditions[ACT_CONDITIONS]; /* parameters that lines depend on */
    uint32_t condition_count;
    const act_shape_node_t *shape; /* empty for @returns none: the document is then nil */
    uint32_t shape_count;
    const char *cursor[ACT_CURSOR_COLUMNS]; /* columns of the result */
    uint32_t cursor_count;                  /* 0: no @cursor */
    uint32_t cursor_statement;              /* whose rows are paged ... */
    uint32_t cursor_param;                  /* ... the parameter with the token ... */
    uint32_t limit_param;                   /* ... and the one that says how many make a page */
    const char *file;                       /* for messages */
    uint32_t line;                          /* of its first statement, or directive */
    act_places_t places;
    bool claims; /* @claims: the transaction knows who asks */
    bool wrong;  /* the block has mistakes, which were told */
} act_script_t;

typedef struct act_program {
    proto_catalogue_t *catalogue; /* owned; hashes are of the files alone, types where declared */
    act_script_t *scripts;        /* one per operation, in the same order; owned */
    uint32_t script_count, room;
    atomic_uint holders;
} act_program_t;

/* Parses one file's text into the program. Every mistake appends a line "file:line: sentence\n" to `errors`;
 * parsing goes on, so all are told at once. -1 when there was one. `file` is copied. */
PROTO_MUST_CHECK int act_program_parse(act_program_t *self, const char *file, proto_bytes_t text,
                                       proto_buf_t *errors);
/* An empty program with one holder. */
act_program_t *act_program_new(void);
/* One holder more; the same program. */
act_program_t *act_program_hold(act_program_t *self);
/* One holder less, the last one frees it. Nulls the pointer. Thread: any. */
void act_program_free(act_program_t **self);
/* Adds an operation with its script (act_parse.c's). */
void act_program_add(act_program_t *self, const proto_operation_t *operation, const act_script_t *script);
/* Checks across files (doubled operations, doubled or ambiguous routes) and computes hashes and generation.
 * Call once, after the last act_program_parse. -1 and lines in `errors` as above. */
PROTO_MUST_CHECK int act_program_finish(act_program_t *self, uint64_t generation, proto_buf_t *errors);
/* Reads every *.sql of `folder`, in name order, and finishes. What has mistakes is among the scripts, too, as
 * `wrong`; each mistake is a line in `errors`. NULL when there is no such folder, or no file in it. */
act_program_t *act_program_read(const char *folder, uint64_t generation, proto_buf_t *errors);
/* The same; NULL with `errors` filled in when anything was wrong. */
act_program_t *act_program_load(const char *folder, uint64_t generation, proto_buf_t *errors);
/* The signature of a script's operation: its own and that of every statement's text. */
uint64_t act_program_signature(const proto_operation_t *operation, const act_script_t *script);

#endif
