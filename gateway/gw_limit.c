/* SPDX-License-Identifier: MPL-2.0 */
/* Rate limits. Thread: any; the one that shares counts for what says so.
 *
 * A key may lie in one of the S_WAYS slots of its set. Whoever changes a slot's time does so by compare and
 * exchange from the time it has read *before* it looked at the key; a slot is given to another key only
 * between two such exchanges (S_MOVING and back). So a request never counts for a key that has just moved in.
 * Two threads that meet a newcomer at the same moment may each give it a slot. The first of the two is found
 * from then on: one request more than the limit, once. */
#include "gw_limit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { S_WAYS = 8, S_TRIES = 16, S_TEXT = 112, S_WORD = 64 };
/* Of an unsent word: the rate stands above the count. */
enum { S_COUNT_BITS = 28, S_COUNT_MASK = (1 << S_COUNT_BITS) - 1 };
#define S_MOVING    UINT64_MAX /* in the place of the time: the slot changes hands */
#define S_MINUTE_NS UINT64_C(60000000000)
#define S_SECOND_NS UINT64_C(1000000000)
/* Longest debt that is believed: an hour. Who shares with us may be wrong. */
#define S_DEBT_US INT64_C(3600000000)

typedef struct s_slot {
    _Atomic uint64_t key;     /* 0: never used */
    _Atomic uint64_t full_at; /* when the bucket is full again, ns; or S_MOVING */
} s_slot_t;

typedef struct s_rate {
    uint32_t limit;
    uint64_t step;     /* ns that one request is worth */
    uint64_t depth;    /* of the bucket: limit * step */
    char text[S_TEXT]; /* header lines up to the first number that changes */
    size_t text_size;
} s_rate_t;

struct gw_limit {
    s_slot_t *slots;          /* aligned to a cache line */
    _Atomic uint32_t *unsent; /* per slot: rate and count; NULL when not shared */
    _Atomic uint64_t *dirty;  /* a bit per slot with something unsent */
    uint64_t mask;            /* sets - 1 */
    uint32_t entries;
    uint32_t sweep; /* word of `dirty` where the next collection begins */
    _Atomic uint64_t seed;
    atomic_flag claimed;
    s_rate_t rates[GW_LIMIT_RATES];
};

static const char *s_name(unsigned rate)
{
    return rate == GW_LIMIT_FAILED ? "failed_auth" : proto_tier_name((proto_tier_t)rate);
}

static void s_init_rate(s_rate_t *self, unsigned rate, uint32_t limit)
{
    PROTO_ASSERT(limit <= GW_LIMIT_MOST);
    if (limit == 0)
        return;
    self->limit = limit;
    self->step = S_MINUTE_NS / limit;
    self->depth = self->step * limit;
    int size = snprintf(self->text, S_TEXT,
                        "RateLimit-Policy: \"%s\";q=%u;w=60\r\nX-RateLimit-Limit: %u\r\n"
                        "X-RateLimit-Remaining: ",
                        s_name(rate), limit, limit);
    PROTO_ASSERT(size > 0 && size < S_TEXT);
    self->text_size = (size_t)size;
}

gw_limit_t *gw_limit_new(const gw_limit_config_t *config)
{
    gw_limit_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL && config->entries <= GW_LIMIT_MOST_ENTRIES);
    self->entries = GW_LIMIT_LEAST_ENTRIES;
    while (self->entries < config->entries)
        self->entries *= 2;
    self->mask = self->entries / S_WAYS - 1;
    size_t size = self->entries * sizeof *self->slots;
    self->slots = aligned_alloc(64, size);
    PROTO_ASSERT(self->slots != NULL);
    memset((void *)self->slots, 0, size);
    if (config->shared) {
        self->unsent = calloc(self->entries, sizeof *self->unsent);
        self->dirty = calloc(self->entries / S_WORD, sizeof *self->dirty);
        PROTO_ASSERT(self->unsent != NULL && self->dirty != NULL);
    }
    atomic_init(&self->seed, config->seed);
    for (unsigned i = 0; i < GW_LIMIT_RATES; i++)
        s_init_rate(&self->rates[i], i, config->per_minute[i]);
    return self;
}

void gw_limit_free(gw_limit_t **self_pointer)
{
    gw_limit_t *self = *self_pointer;
    if (!self)
        return;
    *self_pointer = NULL;
    free((void *)self->slots);
    free((void *)self->unsent);
    free((void *)self->dirty);
    free(self);
}

static inline uint64_t s_turn(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void s_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = s_turn(v[1], 13) ^ v[0], v[3] = s_turn(v[3], 16) ^ v[2];
    v[0] = s_turn(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = s_turn(v[1], 17) ^ v[2], v[3] = s_turn(v[3], 21) ^ v[0];
    v[2] = s_turn(v[2], 32);
}

/* SipHash-2-4 of two words (Aumasson and Bernstein, 2012): a keyed hash that stays unpredictable whatever
 * messages are chosen. Its key is made of the seed. */
static uint64_t s_hash(uint64_t seed, uint64_t first, uint64_t second)
{
    const uint64_t words[3] = {first, second, UINT64_C(16) << 56}; /* the last one tells the length */
    uint64_t other = seed * 0x9e3779b97f4a7c15u;
    uint64_t v[4] = {seed ^ 0x736f6d6570736575u, other ^ 0x646f72616e646f6du, seed ^ 0x6c7967656e657261u,
                     other ^ 0x7465646279746573u};
    for (int i = 0; i < 3; i++) {
        v[3] ^= words[i];
        s_round(v), s_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        s_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* A host has all of an IPv6 /64 to choose addresses from. An IPv4 address is one host, and looks like a /64
 * that is not assigned to anybody. */
static uint64_t s_network(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint64_t network = 0;
    if (memcmp(address, mapped, sizeof mapped) == 0)
        memcpy(&network, address + 8, 8);
    else
        memcpy(&network, address, 8);
    return network;
}

uint64_t gw_limit_key(const gw_limit_t *self, const uint8_t address[16], uint64_t endpoint)
{
    uint64_t key = s_hash(gw_limit_seed(self), s_network(address), endpoint);
    return key ? key : 1; /* 0 marks an empty slot */
}

static s_slot_t *s_set(const gw_limit_t *self, uint64_t key)
{
    return &self->slots[(key & self->mask) * S_WAYS];
}

/* The key's slot and its time, or NULL. The time is read before the key: see above. */
static s_slot_t *s_find(s_slot_t *set, uint64_t key, uint64_t *full_at)
{
    for (int i = 0; i < S_WAYS; i++) {
        uint64_t at = atomic_load_explicit(&set[i].full_at, memory_order_acquire);
        if (atomic_load_explicit(&set[i].key, memory_order_acquire) == key && at != S_MOVING) {
            *full_at = at;
            return &set[i];
        }
    }
    return NULL;
}

/* Of a set without the key, the slot to give to it: empty, or full again, or nearest to it. */
static s_slot_t *s_victim(s_slot_t *set, uint64_t *full_at)
{
    s_slot_t *best = NULL;
    *full_at = S_MOVING;
    for (int i = 0; i < S_WAYS; i++) {
        uint64_t at = atomic_load_explicit(&set[i].full_at, memory_order_acquire);
        if (at < *full_at) {
            *full_at = at;
            best = &set[i];
        }
    }
    return best;
}

static uint32_t s_seconds(uint64_t ns)
{
    return (uint32_t)((ns + S_SECOND_NS - 1) / S_SECOND_NS);
}

/* What a bucket says that is full again at `full_at`; the time it gets when one is taken, 0 when none may. */
static uint64_t s_judge(const s_rate_t *rate, uint64_t full_at, uint64_t now, bool take,
                        gw_verdict_t *verdict)
{
    uint64_t owed = full_at > now ? full_at - now : 0;
    verdict->allowed = owed + rate->step <= rate->depth;
    verdict->retry = verdict->allowed ? 0 : s_seconds(owed + rate->step - rate->depth);
    if (verdict->allowed && take)
        owed += rate->step;
    verdict->remaining = owed < rate->depth ? (uint32_t)((rate->depth - owed) / rate->step) : 0;
    verdict->reset = s_seconds(owed);
    return verdict->allowed ? now + owed : 0;
}

/* One more that others have not heard of. When nobody has heard of any for long, no bucket owes more than
 * GW_LIMIT_MOST. The rate differs only when the tier of an endpoint has changed. */
static void s_note(gw_limit_t *self, const s_slot_t *slot, unsigned rate)
{
    if (!self->unsent)
        return;
    size_t index = (size_t)(slot - self->slots);
    uint32_t before = atomic_fetch_add_explicit(&self->unsent[index], 1, memory_order_relaxed);
    if (before >> S_COUNT_BITS != rate)
        atomic_store_explicit(&self->unsent[index], rate << S_COUNT_BITS | 1, memory_order_relaxed);
    else if ((before & S_COUNT_MASK) >= GW_LIMIT_MOST)
        atomic_fetch_sub_explicit(&self->unsent[index], 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&self->dirty[index / S_WORD], UINT64_C(1) << index % S_WORD,
                             memory_order_release);
}

/* Gives a slot to the key, with this time. False when another thread was quicker. */
static bool s_move_in(gw_limit_t *self, s_slot_t *slot, uint64_t key, unsigned rate, uint64_t former,
                      uint64_t full_at)
{
    if (!atomic_compare_exchange_strong(&slot->full_at, &former, S_MOVING))
        return false;
    atomic_store_explicit(&slot->key, key, memory_order_release);
    if (self->unsent)
        atomic_store_explicit(&self->unsent[slot - self->slots], rate << S_COUNT_BITS, memory_order_relaxed);
    atomic_store_explicit(&slot->full_at, full_at, memory_order_release);
    return true;
}

static bool s_begin(const gw_limit_t *self, unsigned rate, gw_verdict_t *verdict)
{
    PROTO_ASSERT(rate < GW_LIMIT_RATES);
    *verdict = (gw_verdict_t){.limit = self->rates[rate].limit, .rate = (uint8_t)rate, .allowed = true};
    return verdict->limit > 0;
}

void gw_limit_take(gw_limit_t *self, uint64_t key, unsigned rate, int64_t now_us, gw_verdict_t *verdict)
{
    if (!s_begin(self, rate, verdict))
        return;
    uint64_t now = (uint64_t)now_us * 1000, former;
    s_slot_t *set = s_set(self, key);
    for (int i = 0; i < S_TRIES; i++) {
        s_slot_t *slot = s_find(set, key, &former);
        uint64_t next = s_judge(&self->rates[rate], slot ? former : 0, now, true, verdict);
        if (!next)
            return;
        bool done = slot ? atomic_compare_exchange_strong(&slot->full_at, &former, next)
                         : (slot = s_victim(set, &former)) && s_move_in(self, slot, key, rate, former, next);
        if (done) {
            s_note(self, slot, rate);
            return;
        }
    }
    verdict->untracked = true;
}

void gw_limit_look(gw_limit_t *self, uint64_t key, unsigned rate, int64_t now_us, gw_verdict_t *verdict)
{
    uint64_t full_at = 0;
    if (!s_begin(self, rate, verdict))
        return;
    (void)s_find(s_set(self, key), key, &full_at);
    (void)s_judge(&self->rates[rate], full_at, (uint64_t)now_us * 1000, false, verdict);
}

static void s_number(proto_buf_t *out, const char *before, uint32_t number)
{
    char digits[10];
    size_t at = sizeof digits;
    proto_buf_append(out, before, strlen(before));
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    proto_buf_append(out, digits + at, sizeof digits - at);
}

void gw_limit_headers(const gw_limit_t *self, const gw_verdict_t *verdict, proto_buf_t *out)
{
    if (!verdict->limit)
        return;
    const s_rate_t *rate = &self->rates[verdict->rate];
    proto_buf_append(out, rate->text, rate->text_size);
    s_number(out, "", verdict->remaining);
    s_number(out, "\r\nX-RateLimit-Reset: ", verdict->reset);
    proto_buf_append(out, "\r\nRateLimit: \"", 14);
    proto_buf_string(out, s_name(verdict->rate));
    s_number(out, "\";r=", verdict->remaining);
    s_number(out, ";t=", verdict->reset);
    proto_buf_append(out, "\r\n", 2);
}

bool gw_limit_claim(gw_limit_t *self)
{
    return !atomic_flag_test_and_set(&self->claimed);
}

uint64_t gw_limit_seed(const gw_limit_t *self)
{
    return atomic_load_explicit(&self->seed, memory_order_relaxed);
}

void gw_limit_set_seed(gw_limit_t *self, uint64_t seed)
{
    atomic_store_explicit(&self->seed, seed, memory_order_relaxed);
}

/* What slot `index` has not told yet. Of many requests over a long time most have flowed back: no more is
 * told than the bucket owes. */
static bool s_collect(gw_limit_t *self, size_t index, uint64_t now, gw_limit_share_t *share)
{
    uint32_t unsent = atomic_exchange_explicit(&self->unsent[index], 0, memory_order_relaxed);
    uint64_t full_at = atomic_load_explicit(&self->slots[index].full_at, memory_order_acquire);
    const s_rate_t *rate = &self->rates[unsent >> S_COUNT_BITS];
    if (!rate->limit || full_at == S_MOVING || full_at <= now)
        return false;
    uint64_t owed = (full_at - now + rate->step - 1) / rate->step;
    share->key = atomic_load_explicit(&self->slots[index].key, memory_order_acquire);
    share->count = unsent & S_COUNT_MASK;
    if (share->count > owed)
        share->count = (uint32_t)owed;
    share->step_us = (uint32_t)(rate->step / 1000);
    return share->count > 0;
}

uint32_t gw_limit_collect(gw_limit_t *self, int64_t now_us, gw_limit_share_t *shares, uint32_t most)
{
    uint32_t words = self->entries / S_WORD, count = 0;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t word = (self->sweep + i) % words;
        if (count + S_WORD > most) { /* the rest goes first the next time */
            self->sweep = word;
            return count;
        }
        if (!atomic_load_explicit(&self->dirty[word], memory_order_relaxed))
            continue;
        uint64_t bits = atomic_exchange_explicit(&self->dirty[word], 0, memory_order_acquire);
        for (; bits; bits &= bits - 1) {
            size_t index = (size_t)word * S_WORD + (size_t)__builtin_ctzll(bits);
            if (s_collect(self, index, (uint64_t)now_us * 1000, &shares[count]))
                count++;
        }
    }
    return count;
}

void gw_limit_learn(gw_limit_t *self, uint64_t key, int64_t debt_us, int64_t now_us)
{
    if (debt_us <= 0 || !key)
        return;
    if (debt_us > S_DEBT_US)
        debt_us = S_DEBT_US;
    uint64_t former, next = (uint64_t)(now_us + debt_us) * 1000;
    for (int i = 0; i < S_TRIES; i++) {
        s_slot_t *slot = s_find(s_set(self, key), key, &former);
        if (!slot || former >= next || atomic_compare_exchange_strong(&slot->full_at, &former, next))
            return;
    }
}
