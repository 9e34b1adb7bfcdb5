/* SPDX-License-Identifier: MPL-2.0 */
/* Generations of the program at one connection. A coming one is learned and prepared while the current one is
 * served; then it takes its place, and the former stays for those who still ask for it. Thread: the actor's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "act_current.h"
#include "act_internal.h"
#include "proto_log.h"

enum { S_GRACE_MS = 60000 /* how long former statements stay prepared */ };

static void s_free(act_db_t *self, act_generation_t **generation_pointer)
{
    act_generation_t *generation = *generation_pointer;
    *generation_pointer = NULL;
    if (!generation)
        return;
    if (self->coming == generation)
        self->coming = NULL;
    act_plan_free(generation);
    free(generation->declared);
    proto_catalogue_free(&generation->catalogue);
    act_types_clear(&generation->types);
    act_program_free(&generation->program);
    free(generation);
}

void act_generation_begin(act_db_t *self)
{
    act_generation_t *generation = self->coming;
    s_free(self, &generation);
    generation = calloc(1, sizeof *generation);
    PROTO_ASSERT(generation != NULL);
    generation->program = act_current_hold(self->config->programs);
    self->coming = generation;
    self->reload = false;
    act_prepare_learn(self);
}

void act_generation_free_all(act_db_t *self)
{
    act_generation_t *coming = self->coming;
    s_free(self, &coming);
    while (self->current) {
        act_generation_t *generation = self->current;
        self->current = generation->next;
        s_free(self, &generation);
    }
    free(self->by_hash);
    self->by_hash = NULL;
    self->by_hash_size = 0;
}

/* The actor's own copy of the program's operations, to be completed with types. Texts stay the program's. */
static void s_copy_catalogue(act_generation_t *self)
{
    const proto_catalogue_t *program = self->program->catalogue;
    proto_catalogue_t *copy = self->catalogue = proto_catalogue_new();
    copy->generation = program->generation;
    copy->operation_count = program->operation_count;
    copy->operations = proto_arena_alloc(&copy->arena, copy->operation_count * sizeof *copy->operations);
    for (uint32_t i = 0; i < copy->operation_count; i++) {
        proto_operation_t *operation = &copy->operations[i];
        *operation = program->operations[i];
        size_t size = operation->param_count * sizeof *operation->params;
        operation->params = proto_arena_alloc(&copy->arena, size);
        if (size)
            memcpy(operation->params, program->operations[i].params, size);
    }
}

/* Everything is described: the coming generation is the current one. */
static void s_complete(act_db_t *self, int64_t now)
{
    act_generation_t *generation = self->coming;
    self->coming = NULL;
    proto_catalogue_seal(generation->catalogue);
    generation->next = self->current;
    if (generation->next)
        generation->next->drop_at = now + S_GRACE_MS;
    self->current = generation;
    act_plan_index(self);
    if (generation->failed_plans)
        proto_log(PROTO_LOG_ERROR, "actors", "%s %u: %u of %u operations are not served, see above",
                  self->config->service, self->config->number, generation->failed_plans,
                  generation->plan_count);
    if (self->phase == ACT_PHASE_READY) {
        act_db_announce(self);
        return;
    }
    if (self->told_down)
        proto_log(PROTO_LOG_INFO, "actors", "%s %u: the database is back", self->config->service,
                  self->config->number);
    self->told_down = false;
    self->phase = ACT_PHASE_READY;
    act_backoff_worked(&self->backoff);
    act_db_register(self, now);
}

/* Lets the server forget what a generation had prepared. */
static int s_deallocate(act_db_t *self, const act_generation_t *generation)
{
    int rc = 0;
    for (uint32_t i = 0; i < generation->plan_count && rc == 0; i++)
        rc = act_plan_deallocate(self, &generation->plans[i]);
    return rc == 0 ? act_sync(self) : -1;
}

/* Former generations go when their time is over and nobody runs them. */
static int s_drop_former(act_db_t *self, int64_t now)
{
    bool any = false;
    int rc = 0;
    for (act_generation_t **at = self->current ? &self->current->next : NULL; at && *at && rc == 0;) {
        act_generation_t *generation = *at;
        if (generation->users || now < generation->drop_at) {
            at = &generation->next;
            continue;
        }
        *at = generation->next;
        rc = s_deallocate(self, generation);
        s_free(self, &generation);
        any = true;
    }
    if (any && rc == 0) {
        act_plan_index(self);
        act_db_announce(self);
    }
    return rc;
}

int act_generation_turn(act_db_t *self, int64_t now)
{
    act_generation_t *coming = self->coming;
    if (self->held) /* the connection is one request's alone */
        return 0;
    if (coming && coming->failed) {
        s_free(self, &coming);
        return self->phase == ACT_PHASE_READY ? 0 : -1;
    }
    if (coming && coming->learned && !coming->catalogue) {
        s_copy_catalogue(coming);
        act_plan_all(self, coming);
    }
    if (coming && coming->catalogue && coming->pending == 0)
        s_complete(self, now);
    if (self->phase != ACT_PHASE_READY)
        return 0;
    if (self->reload && !self->coming)
        act_generation_begin(self);
    return s_drop_former(self, now);
}
