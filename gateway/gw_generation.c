/* SPDX-License-Identifier: MPL-2.0 */
/* Generations of the catalogue. Thread: the gateway thread that owns them. */
#include "gw_generation.h"

#include <stdlib.h>

gw_generation_t *gw_generation_new(void)
{
    gw_generation_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    self->references = 1;
    self->router = gw_router_new(NULL, 0);
    return self;
}

gw_generation_t *gw_generation_hold(gw_generation_t *self)
{
    self->references++;
    return self;
}

void gw_generation_drop(gw_generation_t **self_pointer)
{
    gw_generation_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self || --self->references > 0)
        return;
    gw_router_free(&self->router);
    proto_buf_free(&self->openapi);
    for (size_t i = 0; i < self->count; i++) {
        proto_catalogue_free(&self->catalogues[i]);
        free(self->services[i]);
        free((void *)self->bodies[i].data);
    }
    free(self);
}

/* Decodes a copy of `body` into the generation: requests may outlive the catalogue they were matched in, so
 * each generation owns its own. */
static int s_add(gw_generation_t *self, proto_bytes_t service, proto_bytes_t body, proto_buf_t *why)
{
    proto_catalogue_t *catalogue;
    if (self->count == GW_CATALOGUES) {
        proto_buf_printf(why, "more than %d services publish a catalogue", GW_CATALOGUES);
        return -1;
    }
    if (proto_catalogue_decode(body, &catalogue, why) < 0)
        return -1;
    uint8_t *copy = malloc(body.size);
    char *name = strndup((const char *)service.data, service.size);
    PROTO_ASSERT(copy != NULL && name != NULL);
    memcpy(copy, body.data, body.size);
    self->bodies[self->count] = (proto_bytes_t){copy, body.size};
    self->services[self->count] = name;
    self->catalogues[self->count++] = catalogue;
    return 0;
}

/* Later catalogues win conflicting routes, so the newest goes last. */
static void s_sort(gw_generation_t *self)
{
    for (size_t i = self->count - 1; i > 0; i--) {
        if (self->catalogues[i]->generation >= self->catalogues[i - 1]->generation)
            break;
        proto_catalogue_t *catalogue = self->catalogues[i];
        char *service = self->services[i];
        proto_bytes_t body = self->bodies[i];
        self->catalogues[i] = self->catalogues[i - 1];
        self->services[i] = self->services[i - 1];
        self->bodies[i] = self->bodies[i - 1];
        self->catalogues[i - 1] = catalogue;
        self->services[i - 1] = service;
        self->bodies[i - 1] = body;
    }
}

gw_generation_t *gw_generation_learn(const gw_generation_t *self, proto_bytes_t service, proto_bytes_t body,
                                     proto_buf_t *why)
{
    gw_generation_t *next = calloc(1, sizeof *next);
    PROTO_ASSERT(next != NULL);
    next->references = 1;
    int rc = 0;
    uint64_t known = 0;
    for (size_t i = 0; i < self->count && rc == 0; i++) {
        if (proto_bytes_is(service, self->services[i]))
            known = self->catalogues[i]->generation;
        else
            rc = s_add(next, proto_bytes_of(self->services[i]), self->bodies[i], why);
    }
    if (rc == 0)
        rc = s_add(next, service, body, why);
    if (rc == 0 && next->catalogues[next->count - 1]->generation <= known)
        rc = -1; /* nothing newer */
    if (rc < 0) {
        gw_generation_drop(&next);
        return NULL;
    }
    s_sort(next);
    next->router = gw_router_new((const proto_catalogue_t *const *)next->catalogues, next->count);
    return next;
}

const proto_operation_t *gw_generation_find(const gw_generation_t *self, const char *name)
{
    for (size_t i = self->count; i > 0; i--) {
        const proto_operation_t *operation = proto_catalogue_find(self->catalogues[i - 1], name);
        if (operation)
            return operation;
    }
    return NULL;
}
