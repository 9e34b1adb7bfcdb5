/* SPDX-License-Identifier: MPL-2.0 */
/* A block of an endpoint file while it is read: one operation's directives and statements. Private to the
 * parser (act_parse.c reads directives, act_block.c statements and what belongs together). Thread: any. */
#ifndef ACT_BLOCK_H
#define ACT_BLOCK_H

#include "act_program.h"

enum { ACT_REFUSALS = 100, ACT_HOLES = ACT_ARGUMENTS, ACT_LINES = 200 };

/* A statement under way or done; its refusal is named, to be found when all are known. */
typedef struct act_block_step {
    act_statement_t statement;
    proto_bytes_t refuse;
    uint32_t refuse_line;
} act_block_step_t;

typedef struct act_block {
    act_program_t *program;
    const char *file;
    proto_buf_t *errors;
    bool failed;         /* the file has a mistake */
    bool wrong;          /* this block has one */
    uint32_t line;       /* of the directive or statement being read */
    uint32_t first_line; /* of the block */
    bool begun;          /* a directive was seen */
    bool has_endpoint, has_operation, reads, writes, has_tier, has_returns, has_cursor;
    bool stepping; /* a @step waits for its statement */
    proto_operation_t operation;
    act_script_t script;
    act_block_step_t steps[ACT_STATEMENTS];
    uint32_t step_count;   /* statements read */
    act_block_step_t next; /* what @step and @empty say of the statement to come */
    proto_param_t params[ACT_ARGUMENTS];
    uint32_t param_lines[ACT_ARGUMENTS], refusal_lines[ACT_REFUSALS];
    bool used[ACT_ARGUMENTS];
    proto_refusal_t refusals[ACT_REFUSALS];
    proto_bytes_t empty; /* name of the refusal */
    uint32_t empty_line, cursor_line, returns_line, replica_line;
    act_places_t places;         /* the others */
    act_hole_t holes[ACT_HOLES]; /* of the statement being read */
    act_line_t lines[ACT_LINES];
    uint32_t hole_count, line_count;
    size_t statement_at; /* where it begins in the text */
    proto_bytes_t text;  /* of the whole file */
    size_t counted_at;   /* lines are counted up to here ... */
    uint32_t counted;    /* ... so many */
} act_block_t;

/* Tells a mistake as "file:line: what: about". */
void act_block_fail(act_block_t *self, uint32_t line, const char *what, proto_bytes_t about);
/* The line of a place in the text. Cheap when places go up. */
uint32_t act_block_line(act_block_t *self, size_t offset);
/* Forgets the operation read last. */
void act_block_begin(act_block_t *self);
proto_param_t *act_block_find_param(act_block_t *self, proto_bytes_t name, uint32_t *index);
/* Another parameter, empty; NULL when there are too many, which is told. */
proto_param_t *act_block_add_param(act_block_t *self);
/* Takes a statement that begins at `at`; the number of bytes it took, all that is left when its end cannot be
 * told. */
size_t act_block_statement(act_block_t *self, size_t at);
/* The block is complete: checks what must fit together and adds the operation to the program. */
void act_block_finish(act_block_t *self);

#endif
