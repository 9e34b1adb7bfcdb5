/* SPDX-License-Identifier: MPL-2.0 */
/* The program that actors are to run now. Main puts a newer one in after a reload and wakes the actors; each
 * takes it when it gets to it, and a program lives until nobody holds it. Thread: any. */
#ifndef ACT_CURRENT_H
#define ACT_CURRENT_H

#include "act_program.h"

typedef struct act_current act_current_t;

/* A holder with its first program, which it takes over. */
act_current_t *act_current_new(act_program_t **program);
/* Gives up its program. All who held one must have let go of the holder. */
void act_current_free(act_current_t **self);
/* Takes a newer program over. */
void act_current_set(act_current_t *self, act_program_t **program);
/* The program of now, held for the caller until act_program_free. */
act_program_t *act_current_hold(act_current_t *self);

#endif
