/* SPDX-License-Identifier: MPL-2.0 */
/* Reading SQL just far enough: where a statement ends, and which :name in it is a parameter (PostgreSQL
 * manual, section 4.1 "Lexical Structure": quotes, dollar quotes, comments, casts). A core: no I/O. Thread:
 * any. */
#ifndef ACT_SQLTEXT_H
#define ACT_SQLTEXT_H

#include "proto_buf.h"

/* What is told of while a statement is cut; `offset` is the place in the text. */
typedef struct act_sqltext_hooks {
    /* A parameter: appends what stands for it. -1 refuses it, and ends the cut. */
    int (*param)(void *arg, proto_bytes_t name, size_t offset, proto_buf_t *out);
    /* A line that ends in `--? name`; bytes from..to of `out` are that line. -1 refuses it, and ends the cut.
     */
    int (*condition)(void *arg, proto_bytes_t name, size_t offset, size_t from, size_t to);
    void *arg;
} act_sqltext_hooks_t;

/* Copies one statement from the front of `text` into `out`, parameters replaced, comments and the final
 * ';' left out. 1 and *used bytes (the ';' included) when it was whole; 0 when there is only blank space and
 * comments (*used: all of it); -1 with *used at the place of the mistake and `why` a phrase (unterminated
 * quote, missing ';' ...). */
PROTO_MUST_CHECK int act_sqltext_cut(proto_bytes_t text, const act_sqltext_hooks_t *hooks, proto_buf_t *out,
                                     size_t *used, const char **why);
/* Bytes of the block comment that the text begins with; 0 when it begins with none, or with one that does not
 * end. */
size_t act_sqltext_comment(proto_bytes_t text);
/* Whether the statement is of a kind an endpoint may run: it begins with SELECT, INSERT, UPDATE, DELETE,
 * MERGE, WITH, VALUES or TABLE. Everything that would change the session or the transaction is none of these.
 */
bool act_sqltext_allowed(const char *sql);

#endif
