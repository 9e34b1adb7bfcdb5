/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens that are known already. Thread: the gateway's. */
#include "gw_tokens.h"

#include <stdlib.h>

#include "proto_siphash.h"

enum { S_ROW = 4 /* slots where a token may be; the last used stands first */ };

void gw_tokens_init(gw_tokens_t *self, gw_keys_t *keys, const gw_token_rules_t *rules, const uint64_t seed[2])
{
    *self = (gw_tokens_t){.keys = keys, .rules = *rules, .seed = {seed[0], seed[1]}};
    self->slots = calloc(GW_TOKENS, sizeof *self->slots);
    PROTO_ASSERT(self->slots != NULL);
}

static void s_empty(gw_tokens_t *self, gw_token_t **slot)
{
    if (*slot)
        self->bytes -= (*slot)->size;
    gw_token_drop(slot);
}

static void s_forget(gw_tokens_t *self)
{
    for (uint32_t i = 0; self->slots && i < GW_TOKENS; i++)
        s_empty(self, &self->slots[i]);
}

void gw_tokens_free(gw_tokens_t *self)
{
    s_forget(self);
    free(self->slots);
    self->slots = NULL;
    gw_keys_drop(&self->keys);
}

void gw_tokens_rekey(gw_tokens_t *self, gw_keys_t *keys)
{
    s_forget(self);
    gw_keys_drop(&self->keys);
    self->keys = keys;
}

static gw_token_t **s_row(const gw_tokens_t *self, uint64_t hash)
{
    return self->slots + hash % (GW_TOKENS / S_ROW) * S_ROW;
}

/* Moves what is in one slot of a row to its front. */
static void s_front(gw_token_t **row, int at)
{
    gw_token_t *token = row[at];
    memmove(row + 1, row, (size_t)at * sizeof *row);
    row[0] = token;
}

/* A token that is known and still good. */
static gw_token_t *s_find(gw_tokens_t *self, proto_bytes_t text, uint64_t hash, int64_t now_ms)
{
    gw_token_t **row = s_row(self, hash);
    for (int i = 0; i < S_ROW; i++) {
        if (!row[i] || row[i]->hash != hash || !proto_bytes_equal(row[i]->text, text))
            continue;
        if (row[i]->expires_ms <= now_ms) {
            s_empty(self, &row[i]);
            return NULL;
        }
        s_front(row, i);
        return row[0];
    }
    return NULL;
}

static void s_keep(gw_tokens_t *self, gw_token_t *token)
{
    gw_token_t **row = s_row(self, token->hash);
    while (self->bytes + token->size > GW_TOKENS_BYTES) {
        s_empty(self, &self->slots[self->hand]);
        self->hand = (self->hand + 1) % GW_TOKENS;
    }
    s_empty(self, &row[S_ROW - 1]);
    row[S_ROW - 1] = gw_token_hold(token);
    self->bytes += token->size;
    s_front(row, S_ROW - 1);
}

const char *gw_tokens_take(gw_tokens_t *self, proto_bytes_t text, int64_t now_ms, gw_token_t **token)
{
    const char *refusal = "no token is taken here";
    *token = NULL;
    if (self->keys && text.size <= GW_TOKEN_BYTES) {
        uint64_t hash = proto_siphash(self->seed, text);
        gw_token_t *known = s_find(self, text, hash, now_ms);
        if (known) {
            self->stats.cached++;
            *token = gw_token_hold(known);
            return NULL;
        }
        refusal = gw_token_verify(text, self->keys, &self->rules, now_ms, token);
        if (!refusal) {
            (*token)->hash = hash;
            s_keep(self, *token);
        }
    } else if (self->keys) {
        refusal = "the token is too long";
    }
    self->stats.verified += !refusal;
    self->stats.refused += refusal != NULL;
    return refusal;
}
