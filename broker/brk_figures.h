/* SPDX-License-Identifier: MPL-2.0 */
/* The broker's figures for others: what brk_core counts, and how each service stands. They are looked at
 * twice a second and copied, so that a request costs nothing. A core: no I/O. Thread: the broker's; others
 * read the groups (proto_metrics.h). */
#ifndef BRK_FIGURES_H
#define BRK_FIGURES_H

#include "brk_core.h"
#include "proto_metrics.h"

typedef struct brk_figures brk_figures_t;

/* `metrics` is borrowed. */
brk_figures_t *brk_figures_new(proto_metrics_t *metrics);
void brk_figures_free(brk_figures_t **self);
/* Tells what there is, when it is time to. Call at every turn. */
void brk_figures_turn(brk_figures_t *self, int64_t now, const brk_core_t *core);

#endif
