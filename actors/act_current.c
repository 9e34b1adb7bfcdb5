/* SPDX-License-Identifier: MPL-2.0 */
/* The program of now. Thread: any. */
#include "act_current.h"

#include <pthread.h>
#include <stdlib.h>

struct act_current {
    pthread_mutex_t mutex;
    act_program_t *program;
};

act_current_t *act_current_new(act_program_t **program)
{
    act_current_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    pthread_mutex_init(&self->mutex, NULL);
    self->program = *program;
    *program = NULL;
    return self;
}

void act_current_free(act_current_t **self_pointer)
{
    act_current_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    pthread_mutex_lock(&self->mutex); /* whoever held it last is seen to have let go */
    act_program_t *program = self->program;
    pthread_mutex_unlock(&self->mutex);
    act_program_free(&program);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

void act_current_set(act_current_t *self, act_program_t **program)
{
    pthread_mutex_lock(&self->mutex);
    act_program_t *former = self->program;
    self->program = *program;
    pthread_mutex_unlock(&self->mutex);
    *program = NULL;
    act_program_free(&former);
}

act_program_t *act_current_hold(act_current_t *self)
{
    pthread_mutex_lock(&self->mutex);
    act_program_t *program = act_program_hold(self->program);
    pthread_mutex_unlock(&self->mutex);
    return program;
}
