/* SPDX-License-Identifier: MPL-2.0 */
/* Services, their operations and catalogues. Only workers make services and operations: a name that a client
 * makes up leaves no trace. Thread: the broker's. */
#include "brk_internal.h"

#include <stdlib.h>

#include "proto_catalogue.h"
#include "proto_value.h"

brk_service_t *brk_service_find(const brk_core_t *self, proto_bytes_t name)
{
    for (uint32_t i = 0; i < self->service_count; i++)
        if (proto_bytes_is(name, self->services[i]->name))
            return self->services[i];
    return NULL;
}

static char *s_copy(proto_bytes_t text)
{
    char *copy = strndup(text.size ? (const char *)text.data : "", text.size);
    PROTO_ASSERT(copy != NULL);
    return copy;
}

static brk_operation_t *s_add(brk_service_t *self, uint64_t hash, proto_bytes_t name, uint32_t flags)
{
    brk_operation_t *operation = calloc(1, sizeof *operation);
    if (self->operation_count % 64 == 0)
        self->operations = realloc(self->operations, (self->operation_count + 64) * sizeof *self->operations);
    PROTO_ASSERT(operation != NULL && self->operations != NULL);
    *operation = (brk_operation_t){
        .service = self, .index = self->operation_count, .hash = hash, .name = s_copy(name), .flags = flags};
    self->operations[self->operation_count++] = operation;
    return operation;
}

/* The service NAME of a service NAME.read; NULL for others. */
static brk_service_t *s_primary(brk_core_t *self, proto_bytes_t name)
{
    static const char suffix[] = ".read";
    size_t size = sizeof suffix - 1;
    if (name.size <= size || memcmp(name.data + name.size - size, suffix, size) != 0)
        return NULL;
    name.size -= size;
    brk_service_t *primary = brk_service_get(self, name);
    return primary && !primary->primary ? primary : NULL; /* no replicas of replicas */
}

brk_service_t *brk_service_get(brk_core_t *self, proto_bytes_t name)
{
    brk_service_t *service = brk_service_find(self, name);
    if (service)
        return service;
    brk_service_t *primary = s_primary(self, name);
    if (self->service_count == BRK_SERVICES || name.size == 0 || proto_bytes_is(name, "muster") ||
        (name.size >= 4 && memcmp(name.data, "mmi.", 4) == 0))
        return NULL;
    service = calloc(1, sizeof *service);
    PROTO_ASSERT(service != NULL);
    service->name = s_copy(name);
    service->primary = primary;
    if (primary)
        primary->replicas = service;
    s_add(service, 0, (proto_bytes_t){0}, 0);
    self->services[self->service_count++] = service;
    return service;
}

void brk_service_free(brk_service_t *self)
{
    for (uint32_t i = 0; i < self->operation_count; i++) {
        free(self->operations[i]->name);
        free(self->operations[i]);
    }
    for (uint32_t i = 0; i < self->catalogue_count; i++)
        proto_buf_free(&self->catalogues[i].body);
    free(self->operations);
    free(self->by_hash);
    free(self->name);
    free(self);
}

/* The place of a hash in the table: its own, or the empty one where it would go. */
static uint32_t *s_place(const brk_service_t *self, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & (self->by_hash_size - 1);
    while (self->by_hash[at] && self->operations[self->by_hash[at] - 1]->hash != hash)
        at = (at + 1) & (self->by_hash_size - 1);
    return &self->by_hash[at];
}

static void s_index(brk_service_t *self, const brk_operation_t *operation)
{
    if (self->operation_count * 2 > self->by_hash_size) {
        free(self->by_hash);
        self->by_hash_size = self->by_hash_size ? self->by_hash_size * 2 : 128;
        self->by_hash = calloc(self->by_hash_size, sizeof *self->by_hash);
        PROTO_ASSERT(self->by_hash != NULL);
        for (uint32_t i = 1; i < self->operation_count; i++)
            *s_place(self, self->operations[i]->hash) = i + 1;
    } else {
        *s_place(self, operation->hash) = operation->index + 1;
    }
}

/* Of several operations of one name the one learnt last that is served; else whichever is there. */
static brk_operation_t *s_by_name(const brk_service_t *self, proto_bytes_t name)
{
    brk_operation_t *unserved = NULL;
    for (uint32_t i = self->operation_count; i > 1; i--) {
        brk_operation_t *operation = self->operations[i - 1];
        if (!proto_bytes_is(name, operation->name))
            continue;
        if (brk_operation_served(operation))
            return operation;
        unserved = operation;
    }
    return unserved;
}

brk_operation_t *brk_operation_find(const brk_service_t *self, uint64_t hash, proto_bytes_t name)
{
    brk_operation_t *operation = NULL;
    if (hash && self->by_hash_size) {
        uint32_t place = *s_place(self, hash);
        operation = place ? self->operations[place - 1] : NULL;
    } else if (hash == 0) {
        operation = s_by_name(self, name);
    }
    return operation ? operation : self->operations[0];
}

/* What the workers of NAME.read offer is asked of NAME, once both services have it. */
static void s_link_replica(const brk_service_t *self, brk_operation_t *operation)
{
    brk_operation_t *asked = operation, *replica = operation;
    if (self->primary)
        asked = brk_operation_find(self->primary, operation->hash, (proto_bytes_t){0});
    else if (self->replicas)
        replica = brk_operation_find(self->replicas, operation->hash, (proto_bytes_t){0});
    if (asked != replica && asked->index && replica->index &&
        (asked->flags & replica->flags & PROTO_OP_REPLICA))
        asked->replica = replica;
}

brk_operation_t *brk_operation_get(brk_service_t *self, uint64_t hash, proto_bytes_t name, uint32_t flags)
{
    brk_operation_t *operation = brk_operation_find(self, hash, name);
    if (operation->index)
        return operation;
    if (self->operation_count == BRK_OPERATIONS || hash == 0)
        return NULL;
    operation = s_add(self, hash, name, flags);
    s_index(self, operation);
    s_link_replica(self, operation);
    return operation;
}

bool brk_operation_served(const brk_operation_t *self)
{
    return self->workers + self->service->any_workers > 0 ||
           (self->replica && brk_operation_served(self->replica));
}

static int64_t s_generation(proto_bytes_t catalogue)
{
    return proto_value_get_int(catalogue, "generation", 0);
}

static void s_forget_catalogue(brk_service_t *self, uint32_t index)
{
    proto_buf_free(&self->catalogues[index].body);
    self->catalogue_count--;
    memmove(&self->catalogues[index], &self->catalogues[index + 1],
            (self->catalogue_count - index) * sizeof self->catalogues[0]);
}

const brk_catalogue_t *brk_service_learn(brk_service_t *self, uint64_t hash, proto_bytes_t body)
{
    for (uint32_t i = 0; i < self->catalogue_count; i++) {
        if (self->catalogues[i].hash != hash)
            continue;
        if (s_generation(body) <= s_generation(proto_buf_bytes(&self->catalogues[i].body)))
            return NULL;
        s_forget_catalogue(self, i); /* what was valid once is so again */
        break;
    }
    if (self->catalogue_count == BRK_CATALOGUES) /* gateways have heard the oldest already */
        s_forget_catalogue(self, 0);
    brk_catalogue_t *catalogue = &self->catalogues[self->catalogue_count++];
    *catalogue = (brk_catalogue_t){.hash = hash};
    proto_buf_append(&catalogue->body, body.data, body.size);
    return catalogue;
}
