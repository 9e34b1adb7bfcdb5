/* SPDX-License-Identifier: MPL-2.0 */
/* `muster check`: an API folder judged against a database. What is found is gathered, so that all of it is
 * told at once, in the order of the files. One connection, one transaction, which is rolled back. Thread:
 * main. */
#ifndef SRV_CHECK_H
#define SRV_CHECK_H

#include <libpq-fe.h>

#include "act_mode.h"
#include "act_program.h"
#include "act_types.h"

typedef enum {
    SRV_MISTAKE, /* it will not work, or not as the file says */
    SRV_WARNING, /* it works, and is seldom meant */
    SRV_PLAN,    /* PostgreSQL's plan is slow */
    SRV_FINDING_KINDS
} srv_finding_kind_t;

typedef struct srv_finding {
    srv_finding_kind_t kind;
    const char *file;
    uint32_t line;
    const char *operation;         /* NULL: of no operation, or of one that has no name */
    const char *code;              /* for programs */
    const char *sentence, *advice; /* advice: "" without one */
} srv_finding_t;

typedef struct srv_check_column {
    const char *name;
    uint32_t oid;
} srv_check_column_t;

/* A statement as PostgreSQL describes it with all its lines. */
typedef struct srv_check_stage {
    bool described;
    srv_check_column_t *columns;
    int column_count;
} srv_check_stage_t;

typedef struct srv_check_param {
    uint32_t declared; /* oid; 0: the file gives no type, or one that the database does not have */
    uint32_t inferred; /* oid PostgreSQL makes of it in the statements; 0: unknown */
    uint32_t natural;  /* what it would be without the declaration; 0: unknown */
    uint32_t line;     /* of the file, where it was inferred */
} srv_check_param_t;

typedef struct srv_check_operation {
    const act_script_t *script;
    proto_operation_t operation; /* with the parameters' types filled in */
    srv_check_param_t *params;
    srv_check_stage_t *stages;
    bool types_known; /* the database has all declared types */
    bool described;   /* all stages are */
    act_mode_t mode;
    uint32_t trips; /* to PostgreSQL and back, until it is answered */
} srv_check_operation_t;

enum {
    SRV_CHECK_VALUES = 32, /* most --value */
    SRV_CHECK_TIMES = 10,  /* rows that may be read for one that comes of it ... */
    SRV_CHECK_FEW = 100    /* ... and always */
};

typedef struct srv_check_options {
    const char *dir, *conninfo;
    bool explain, analyze, json, strict;
    uint32_t rows;                        /* a table with more is not to be read whole */
    const char *values[SRV_CHECK_VALUES]; /* NAME=VALUE, of parameters */
    uint32_t value_count;
} srv_check_options_t;

/* Rows that were read, those that came of it, and how often that was run. */
typedef struct srv_check_tally {
    int64_t read, rows, runs;
} srv_check_tally_t;

/* A statement that was run. What it counts or puts together in one value is judged by itself: that comes of
 * all the rows that went in. */
typedef struct srv_check_rows {
    srv_check_tally_t whole;    /* the statement, without that */
    srv_check_tally_t gathered; /* the worst of them */
    bool gathers;               /* there is one */
} srv_check_rows_t;

/* The same with where it comes from. */
typedef struct srv_check_reading {
    struct srv_check_reading *next;
    const char *operation, *step, *with;
    bool deep; /* from the middle of the list */
    srv_check_rows_t rows;
} srv_check_reading_t;

typedef struct srv_check {
    const srv_check_options_t *options;
    proto_arena_t arena; /* texts of what follows */
    PGconn *conn;
    act_program_t *program;
    act_types_t types;
    srv_check_operation_t *operations; /* those without mistakes of form */
    uint32_t operation_count;
    srv_finding_t *findings;
    uint32_t finding_count, finding_room;
    srv_check_reading_t *readings, *last_reading;
    proto_buf_t text; /* of the file `text_of` */
    const char *text_of;
    int64_t started;
    bool progress; /* a line of it stands on the terminal */
} srv_check_t;

/* Checks the folder and prints what was found. 0 nothing wrong, 1 mistakes, -1 with a sentence in `why`. */
PROTO_MUST_CHECK int srv_check(const srv_check_options_t *options, proto_buf_t *why);

/* check_find.c */
/* Remembers a finding; the same one again is ignored. */
void srv_check_tell(srv_check_t *self, srv_finding_kind_t kind, const act_script_t *script, uint32_t line,
                    const char *code, const char *advice, const char *format, ...) PROTO_PRINTF(7, 8);
/* Takes the lines "file:line: sentence" of the parser. */
void srv_check_tell_errors(srv_check_t *self, proto_bytes_t errors);
/* By file and line. */
void srv_check_sort(srv_check_t *self);
uint32_t srv_check_count(const srv_check_t *self, srv_finding_kind_t kind);
/* Shows on a terminal how far it is, when it takes long; done == total takes that away. */
void srv_check_progress(srv_check_t *self, const char *what, uint32_t done, uint32_t total);

/* check_place.c */
/* The line of the file where byte `offset` of a statement's text stands. */
uint32_t srv_check_line(srv_check_t *self, const act_script_t *script, const act_statement_t *statement,
                        uint32_t offset);
/* The byte of a statement's text that byte `offset` of its variant is. */
uint32_t srv_check_unrender(const act_statement_t *statement, uint32_t mask, uint32_t offset);
/* Appends what a parameter of the statement is called in the file: ":name", ":step.column" ... */
void srv_check_hole_name(const act_script_t *script, const act_hole_t *hole, proto_buf_t *out);
/* Appends PostgreSQL's words, with $1 by the name that the file gives it; the number of the first one, or 0.
 */
uint32_t srv_check_name_parameters(const act_script_t *script, const char *message,
                                   const act_hole_t *const *arguments, uint32_t count, proto_buf_t *out);
/* Appends which conditions of a variant hold: "with status, agent_id". */
void srv_check_mask_name(const act_script_t *script, const act_statement_t *statement, uint32_t mask,
                         proto_buf_t *out);
/* Whether the word stands in the statement outside of strings and quoted names; any case. */
bool srv_check_has_word(const char *sql, const char *word);

/* check_session.c */
/* Connects, begins the transaction, learns the types. -1 with a sentence in `why`. */
PROTO_MUST_CHECK int srv_check_connect(srv_check_t *self, proto_buf_t *why);
/* Runs SQL; on an error the transaction goes on as if it had not been run. The caller clears the result. */
PGresult *srv_check_query(srv_check_t *self, const char *sql, int count, const char *const *values);
/* Undoes what has been run, and an error with it. */
void srv_check_undo(srv_check_t *self);
const char *srv_check_type_name(const srv_check_t *self, uint32_t oid);

/* check_prepare.c */
void srv_check_types(srv_check_t *self, srv_check_operation_t *operation);
void srv_check_prepare(srv_check_t *self, srv_check_operation_t *operation);
/* The type a hole is sent with; 0 leaves it to PostgreSQL. */
uint32_t srv_check_hole_type(const srv_check_operation_t *operation, const act_hole_t *hole);
/* Tells an error of PostgreSQL about the variant. */
void srv_check_tell_postgres(srv_check_t *self, const srv_check_operation_t *operation,
                             const act_statement_t *statement, uint32_t mask, const PGresult *result);

/* check_params.c, check_answer.c, check_routes.c, check_habits.c: what does not fit together. */
void srv_check_params(srv_check_t *self, const srv_check_operation_t *operation);
void srv_check_answer(srv_check_t *self, const srv_check_operation_t *operation);
void srv_check_routes(srv_check_t *self);
void srv_check_habits(srv_check_t *self, const srv_check_operation_t *operation);
int srv_check_find_column(const srv_check_stage_t *stage, const char *name);

/* check_explain.c: plans. */
void srv_check_explain(srv_check_t *self, const srv_check_operation_t *operation);

/* check_sample.c: values to run statements with. */
/* What a cursor holds, as texts; NULL where it is not known. */
typedef struct srv_check_place {
    const char *columns[ACT_CURSOR_COLUMNS];
    bool known;
} srv_check_place_t;
/* EXECUTE of a prepared statement, with a value for each argument: appends "NAME(...)" as SQL. `limit`
 * replaces the value of the parameter that says how many rows make a page; 0 leaves it. */
void srv_check_execute(srv_check_t *self, const srv_check_operation_t *operation, const char *name,
                       const act_hole_t *const *arguments, uint32_t count, const srv_check_place_t *place,
                       uint32_t limit, proto_buf_t *sql);
/* The middle of the list that a paged statement makes with these lines: of its first 100,000 rows. */
srv_check_place_t srv_check_middle(srv_check_t *self, const srv_check_operation_t *operation,
                                   const act_statement_t *statement, uint32_t mask);

/* check_rows.c: what a statement has read. */
/* Adds up a plan that was run: EXPLAIN's object "Plan". Rows are those that scans took from tables, or their
 * filters dropped, and pairs that joins dropped. */
srv_check_rows_t srv_check_rows(proto_bytes_t plan);
/* Whether more than SRV_CHECK_TIMES rows were read for each that came of it (or for each run, where nothing
 * did), and more than SRV_CHECK_FEW. */
bool srv_check_reads_much(srv_check_tally_t tally);

/* check_nodes.c */
/* A table that is read whole, or a filter that drops most of what is read. */
typedef struct srv_check_node {
    char what[400]; /* "Seq Scan on goals, 20000 rows, filter (...)" */
    char key[200];  /* by which findings of several variants are one */
    const char *advice;
} srv_check_node_t;
enum { SRV_CHECK_NODES = 16 };
/* Looks through EXPLAIN's JSON; the number of nodes found. `rows`, unless NULL: of a statement that was run.
 */
uint32_t srv_check_nodes(srv_check_t *self, const char *json, srv_check_node_t nodes[SRV_CHECK_NODES],
                         srv_check_rows_t *rows);

/* check_report.c */
void srv_check_report(srv_check_t *self);
void srv_check_report_json(srv_check_t *self);

#endif
