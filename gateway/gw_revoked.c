/* SPDX-License-Identifier: MPL-2.0 */
/* Revoked tokens. Thread: the gateway's. */
#include "gw_revoked.h"

#include <stdlib.h>

#include "proto_value.h"

enum {
    S_FEEDS = 16,         /* most feeds listened to; the one silent for longest gives way */
    S_LEAST = 64,         /* slots of the smallest table */
    S_AGAIN_MS = 1000,    /* after a failure */
    S_PATIENCE_MS = 5000, /* how long an answer is waited for */
    S_SWEEP_MS = 60000
};

/* A slot of the table; free when `expires` is 0. */
typedef struct s_entry {
    uint8_t key[GW_REVOKED_KEY];
    int64_t expires; /* ms since 1970 */
} s_entry_t;

typedef struct s_feed {
    uint64_t id, number; /* of its last message */
    int64_t heard;
    bool whole;   /* nothing that it has told so far is missing here */
    bool covered; /* the snapshot under way will make it whole: it was begun after the gap */
} s_feed_t;

struct gw_revoked_set {
    s_entry_t *entries;
    uint32_t mask, used;
    s_feed_t feeds[S_FEEDS];
    uint32_t feed_count;
    bool asking, paging;         /* a page is under way; it was not the last */
    bool full;                   /* a key did not find room */
    int64_t asked_at, ask_again; /* of the page under way; not before */
    int64_t sweep_at;
    uint8_t after[GW_REVOKED_KEY]; /* last key of the page before */
    gw_revoked_stats_t stats;
};

gw_revoked_set_t *gw_revoked_new(void)
{
    gw_revoked_set_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->mask = S_LEAST - 1;
    self->entries = calloc(S_LEAST, sizeof *self->entries);
    PROTO_ASSERT(self->entries != NULL);
    return self;
}

void gw_revoked_free(gw_revoked_set_t **self)
{
    if (*self)
        free((*self)->entries);
    free(*self);
    *self = NULL;
}

/* The slot of that key, or the free one where it belongs: the table is never full. Keys are bytes of a hash,
 * so their first ones are as good as any. */
static s_entry_t *s_slot(const gw_revoked_set_t *self, const uint8_t *key)
{
    uint32_t at;
    memcpy(&at, key, sizeof at);
    for (at &= self->mask; self->entries[at].expires; at = (at + 1) & self->mask)
        if (memcmp(self->entries[at].key, key, GW_REVOKED_KEY) == 0)
            break;
    return &self->entries[at];
}

/* Makes the table anew without what has expired, at most half full. */
static void s_rebuild(gw_revoked_set_t *self, int64_t wall_ms)
{
    s_entry_t *former = self->entries;
    uint32_t former_mask = self->mask, live = 0, slots = S_LEAST;
    for (uint32_t i = 0; i <= former_mask; i++)
        live += former[i].expires > wall_ms;
    while (slots < 2 * (live + 1))
        slots *= 2;
    self->entries = calloc(slots, sizeof *self->entries);
    PROTO_ASSERT(self->entries != NULL);
    self->mask = slots - 1;
    self->used = live;
    for (uint32_t i = 0; i <= former_mask; i++)
        if (former[i].expires > wall_ms)
            *s_slot(self, former[i].key) = former[i];
    free(former);
}

static void s_add(gw_revoked_set_t *self, int64_t wall_ms, const uint8_t *key, int64_t expires)
{
    if (expires <= wall_ms)
        return; /* refused as expired anyway */
    s_entry_t *entry = s_slot(self, key);
    if (!entry->expires) {
        if (self->used == GW_REVOKED_MOST) {
            self->full = true;
            return;
        }
        if (2 * (self->used + 1) > self->mask) {
            s_rebuild(self, wall_ms);
            entry = s_slot(self, key);
        }
        self->used++;
        memcpy(entry->key, key, GW_REVOKED_KEY);
    }
    if (entry->expires < expires)
        entry->expires = expires;
}

/* Whether `bytes` is a list of keys, each with its expiry. Adds them when a set is given. */
static bool s_keys(gw_revoked_set_t *set, int64_t wall_ms, proto_bytes_t bytes, proto_bytes_t *last)
{
    proto_reader_t reader = proto_reader(bytes);
    proto_value_t list, key, expires;
    if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY || list.count % 2)
        return false;
    for (uint32_t i = 0; i < list.count; i += 2) {
        if (proto_value_read(&reader, &key) < 0 || key.kind != PROTO_BIN ||
            key.bytes.size != GW_REVOKED_KEY || proto_value_read(&reader, &expires) < 0 ||
            expires.kind != PROTO_INT)
            return false;
        if (set)
            s_add(set, wall_ms, key.bytes.data, expires.integer);
        *last = key.bytes;
    }
    return true;
}

/* The list of a message or page, when the whole of it is sound. */
static bool s_list(proto_bytes_t body, proto_bytes_t *list)
{
    proto_bytes_t last;
    return proto_value_check(body) == 0 && proto_value_get(body, "revoked", list) == 0 &&
           s_keys(NULL, 0, *list, &last);
}

static s_feed_t *s_feed(gw_revoked_set_t *self, uint64_t id)
{
    s_feed_t *oldest = &self->feeds[0];
    for (uint32_t i = 0; i < self->feed_count; i++) {
        if (self->feeds[i].id == id)
            return &self->feeds[i];
        if (self->feeds[i].heard < oldest->heard)
            oldest = &self->feeds[i];
    }
    if (self->feed_count < S_FEEDS)
        oldest = &self->feeds[self->feed_count++];
    *oldest = (s_feed_t){.id = id};
    return oldest;
}

/* With several brokers each message comes by each of them: those that came already are no gap. */
static void s_heard(gw_revoked_set_t *self, int64_t now_ms, uint64_t id, uint64_t number)
{
    s_feed_t *feed = s_feed(self, id);
    if (number <= feed->number)
        return;
    if (number != feed->number + 1 || feed->number == 0) {
        feed->whole = feed->covered = false;
        self->stats.gaps++;
    }
    feed->number = number;
    feed->heard = now_ms;
}

static int s_malformed(gw_revoked_set_t *self)
{
    self->stats.malformed++;
    return -1;
}

int gw_revoked_message(gw_revoked_set_t *self, int64_t now_ms, int64_t wall_ms, proto_bytes_t body)
{
    proto_bytes_t list, last;
    if (!s_list(body, &list))
        return s_malformed(self);
    int64_t id = proto_value_get_int(body, "feed", 0), number = proto_value_get_int(body, "number", 0);
    if (id <= 0 || number <= 0)
        return s_malformed(self);
    if (now_ms >= self->sweep_at) {
        s_rebuild(self, wall_ms);
        self->sweep_at = now_ms + S_SWEEP_MS;
    }
    (void)s_keys(self, wall_ms, list, &last);
    s_heard(self, now_ms, (uint64_t)id, (uint64_t)number);
    self->stats.messages++;
    self->stats.keys = self->used;
    return 0;
}

static bool s_fresh(const s_feed_t *feed, int64_t now_ms)
{
    return now_ms - feed->heard < GW_REVOKED_STALE_MS;
}

gw_revoked_t gw_revoked_check(const gw_revoked_set_t *self, const uint8_t key[GW_REVOKED_KEY], int64_t now_ms)
{
    if (s_slot(self, key)->expires)
        return GW_REVOKED_YES;
    if (!self->full)
        for (uint32_t i = 0; i < self->feed_count; i++)
            if (self->feeds[i].whole && s_fresh(&self->feeds[i], now_ms))
                return GW_REVOKED_NO;
    return GW_REVOKED_UNKNOWN;
}

bool gw_revoked_wants(const gw_revoked_set_t *self, int64_t now_ms)
{
    if (self->asking ? now_ms - self->asked_at < S_PATIENCE_MS : now_ms < self->ask_again)
        return false;
    if (self->paging || self->full)
        return true;
    for (uint32_t i = 0; i < self->feed_count; i++)
        if (!self->feeds[i].whole && s_fresh(&self->feeds[i], now_ms))
            return true;
    return false;
}

void gw_revoked_ask(gw_revoked_set_t *self, int64_t now_ms, proto_buf_t *arguments)
{
    if (self->asking) /* and no answer came */
        self->paging = false;
    if (!self->paging) {
        memset(self->after, 0, sizeof self->after);
        self->full = false; /* some may have expired by now; if not, it says so again */
        for (uint32_t i = 0; i < self->feed_count; i++)
            self->feeds[i].covered = true;
    }
    self->asking = true;
    self->asked_at = now_ms;
    proto_write_map(arguments, 1);
    proto_write_text(arguments, "after");
    proto_write_bin(arguments, (proto_bytes_t){self->after, sizeof self->after});
}

static void s_complete(gw_revoked_set_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < self->feed_count; i++)
        self->feeds[i].whole = self->feeds[i].whole || self->feeds[i].covered;
    self->stats.snapshots++;
    if (self->full)
        self->ask_again = now_ms + S_SWEEP_MS;
}

int gw_revoked_snapshot(gw_revoked_set_t *self, int64_t now_ms, int64_t wall_ms, proto_bytes_t body)
{
    proto_bytes_t list, last = {0};
    bool more = proto_value_get_bool(body, "more", false);
    if (!self->asking || !s_list(body, &list)) {
        gw_revoked_failed(self, now_ms);
        return s_malformed(self);
    }
    (void)s_keys(self, wall_ms, list, &last);
    self->stats.keys = self->used;
    self->asking = false;
    self->paging = more && last.size && !self->full;
    if (self->paging)
        memcpy(self->after, last.data, sizeof self->after);
    else
        s_complete(self, now_ms);
    return 0;
}

void gw_revoked_failed(gw_revoked_set_t *self, int64_t now_ms)
{
    self->asking = self->paging = false;
    self->ask_again = now_ms + S_AGAIN_MS;
}

const gw_revoked_stats_t *gw_revoked_stats(const gw_revoked_set_t *self)
{
    return &self->stats;
}
