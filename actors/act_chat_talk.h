/* SPDX-License-Identifier: MPL-2.0 */
/* What a conversation turn says to the database, and at last to its client: the bodies of messages. A core:
 * no I/O. Thread: the chat worker's.
 *
 * A turn with an idempotency key claims it first (chat_claim), keeps its answer together with both messages
 * (chat_keep), and gives the claim back when it fails (chat_release); one that dies with the process ends by
 * itself at the request's deadline. */
#ifndef ACT_CHAT_TALK_H
#define ACT_CHAT_TALK_H

#include "proto_catalogue.h"

typedef struct act_talk {
    int64_t agent_id, tokens;
    char key[256];     /* "": none */
    char claim[33];    /* this turn's, which nobody else has */
    proto_buf_t print; /* what is asked: other arguments under the same key are refused */
    proto_buf_t message, context, content, model, answer;
} act_talk_t;

/* What a claim came to. */
typedef enum { ACT_CLAIM_MINE, ACT_CLAIM_BUSY, ACT_CLAIM_REUSED, ACT_CLAIM_ANSWERED } act_claim_t;

void act_talk_reset(act_talk_t *self);
void act_talk_free(act_talk_t *self);
/* Takes a checked request: its arguments, and its values in the operation's order. */
void act_talk_take(act_talk_t *self, const proto_operation_t *operation, proto_bytes_t key,
                   proto_bytes_t arguments, const proto_bytes_t *values);
/* The arguments of chat_claim for so many milliseconds, of chat_context, chat_store or, with a key,
 * chat_keep, and of chat_release, in the place of what is in `out`. */
void act_talk_write_claim(const act_talk_t *self, int64_t left_ms, proto_buf_t *out);
void act_talk_write_context(const act_talk_t *self, proto_buf_t *out);
void act_talk_write_store(const act_talk_t *self, proto_buf_t *out);
void act_talk_write_release(const act_talk_t *self, proto_buf_t *out);
/* Reads the answer of chat_claim. ACT_CLAIM_ANSWERED: `body` is the document that was answered before; it
 * borrows. */
act_claim_t act_talk_read_claim(proto_bytes_t document, proto_bytes_t *body);
/* Makes the turn's answer, in self->answer. */
void act_talk_finish(act_talk_t *self, int64_t duration_ms);

#endif
