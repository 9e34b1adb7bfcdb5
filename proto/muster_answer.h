/* SPDX-License-Identifier: MPL-2.0 */
/* Answers as their user sees them, and lists of them. A core: no I/O. Thread: the owner's. */
#ifndef MUSTER_ANSWER_H
#define MUSTER_ANSWER_H

#include "muster.h"
#include "proto_error.h"
#include "proto_record.h"

struct muster_answer {
    uint64_t id;
    bool ok, more;
    int status;
    char *code, *title, *detail, *cursor;
    proto_buf_t body, json;
    muster_answer_fn *on_answer; /* whom it is for */
    void *arg;
    muster_answer_t *next; /* in its list */
};

typedef struct muster_answers {
    muster_answer_t *first, **end;
    size_t bytes;
} muster_answers_t;

/* From a FINAL, PARTIAL or ERROR, which is copied. A body that is no MessagePack makes it a problem. */
muster_answer_t *muster_answer_new(const proto_record_t *record);
/* A problem of our own; `detail` may be NULL. */
muster_answer_t *muster_answer_problem(uint64_t id, proto_error_t error, const char *detail);
/* An answer with this body. */
muster_answer_t *muster_answer_of(proto_bytes_t body);

void muster_answers_init(muster_answers_t *self);
/* Puts one at the end, which takes it over; takes the first, NULL when there is none. */
void muster_answers_put(muster_answers_t *self, muster_answer_t *answer);
muster_answer_t *muster_answers_take(muster_answers_t *self);
/* Destroys those to one request, or all (id 0). */
void muster_answers_drop(muster_answers_t *self, uint64_t id);

#endif
