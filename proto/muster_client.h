/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of a client share. Thread: any, under the lock of muster_io. */
#ifndef MUSTER_CLIENT_H
#define MUSTER_CLIENT_H

#include "muster_answer.h"
#include "muster_core.h"
#include "muster_io.h"
#include "muster_shelf.h"

/* Who waits for a request's answers. */
typedef struct muster_slot {
    bool waited;              /* by a thread, which owns the slot and `came`; else the slot is the client's */
    bool lost;                /* pieces were dropped */
    pthread_cond_t came;      /* waited */
    muster_answers_t answers; /* waited */
    muster_answer_fn *on_answer;
    void *arg;
} muster_slot_t;

struct muster_client {
    muster_io_t *io;
    muster_core_t core;
    muster_shelf_t shelf;
    muster_answers_t next, process; /* for muster_next; for muster_process */
    uint64_t refused;               /* ids of requests that never left */
    int fd;                         /* readable while one of them is not empty */
    pthread_cond_t came;            /* something for muster_next, a catalogue, or a broker */
    char subject[MUSTER_NAME], role[MUSTER_NAME];
};

/* Puts an answer where muster_next or muster_process finds it. With the lock held. */
void muster_client_queue(muster_client_t *self, const muster_slot_t *slot, muster_answer_t *answer);

#endif
