/* SPDX-License-Identifier: MPL-2.0 */
/* Connections per address: a chained hash table, seeded so that nobody can aim at one bucket.
 * Thread: the gateway thread that owns it. */
#include "gw_address.h"

#include <stdlib.h>
#include <string.h>

#include "proto_clock.h"

enum { S_BUCKETS = 1024 };

typedef struct s_entry {
    struct s_entry *next;
    uint8_t address[16];
    uint32_t count;
} s_entry_t;

struct gw_address {
    uint64_t seed;
    s_entry_t *buckets[S_BUCKETS];
};

gw_address_t *gw_address_new(void)
{
    gw_address_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->seed = proto_clock_random();
    return self;
}

void gw_address_free(gw_address_t **self_pointer)
{
    gw_address_t *self = *self_pointer;
    if (!self)
        return;
    for (int i = 0; i < S_BUCKETS; i++) {
        while (self->buckets[i]) {
            s_entry_t *entry = self->buckets[i];
            self->buckets[i] = entry->next;
            free(entry);
        }
    }
    free(self);
    *self_pointer = NULL;
}

/* Where the entry hangs, or would hang. */
static s_entry_t **s_find(const gw_address_t *self, const uint8_t address[16])
{
    uint64_t parts[2];
    memcpy(parts, address, 16);
    uint64_t hash = (parts[0] ^ self->seed) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ parts[1]) * 0x9e3779b97f4a7c15u;
    s_entry_t **at = (s_entry_t **)&self->buckets[hash >> 54];
    while (*at && memcmp((*at)->address, address, 16) != 0)
        at = &(*at)->next;
    return at;
}

int gw_address_enter(gw_address_t *self, const uint8_t address[16], uint32_t most)
{
    s_entry_t **at = s_find(self, address);
    if (!*at) {
        s_entry_t *entry = calloc(1, sizeof *entry);
        PROTO_ASSERT(entry != NULL);
        memcpy(entry->address, address, 16);
        *at = entry;
    }
    if ((*at)->count >= most)
        return -1;
    (*at)->count++;
    return 0;
}

void gw_address_leave(gw_address_t *self, const uint8_t address[16])
{
    s_entry_t **at = s_find(self, address);
    PROTO_ASSERT(*at != NULL && (*at)->count > 0);
    if (--(*at)->count > 0)
        return;
    s_entry_t *entry = *at;
    *at = entry->next;
    free(entry);
}

uint32_t gw_address_count(const gw_address_t *self, const uint8_t address[16])
{
    s_entry_t *const *at = s_find(self, address);
    return *at ? (*at)->count : 0;
}
