/* SPDX-License-Identifier: MPL-2.0 */
/* The figures of one database actor: what it has done, what it has at hand, how its connection stands. A
 * core: no I/O. Thread: the actor's; others read the group (proto_metrics.h). */
#ifndef ACT_FIGURES_H
#define ACT_FIGURES_H

#include "proto_metrics.h"

/* Numbers that the actor's files keep. */
typedef struct act_stats {
    uint64_t requests, statements, failures, retries, cancels; /* all since the start */
    uint64_t connects, losses, busy_ms;
    uint64_t under_way, waiting, awaited, held; /* now */
    uint64_t down, connecting, learning, ready; /* one of them is 1 */
} act_stats_t;

typedef struct act_figures {
    act_stats_t stats;
    proto_metrics_group_t *group;
    int64_t turned; /* when the last turn ended (ms), and whether results were awaited then */
    bool busy;
} act_figures_t;

/* `service` and `number` are the actor's name. */
void act_figures_init(act_figures_t *self, proto_metrics_t *metrics, const char *service, unsigned number);
/* A turn is over: tells the numbers. While results are awaited the actor is busy. */
void act_figures_turn(act_figures_t *self, int64_t now);

#endif
