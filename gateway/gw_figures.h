/* SPDX-License-Identifier: MPL-2.0 */
/* The figures of one gateway thread: requests and how long they took, by operation; refusals by code;
 * connections, bytes, brokers. An operation's group is found by its route, so a request costs a few plain
 * stores. Groups stay for as long as the process runs: an operation that comes back goes on where it was, and
 * beyond GW_FIGURES_OPERATIONS names further ones share the group "(other)". A core: no I/O.
 * Thread: the gateway thread that owns it; others read the groups (proto_metrics.h). */
#ifndef GW_FIGURES_H
#define GW_FIGURES_H

#include "gw_endpoint.h"
#include "proto_error.h"

enum { GW_FIGURES_OPERATIONS = 1 << 14 /* most operations told apart */ };

/* Numbers that the gateway's files keep; told at the end of each turn. */
typedef struct gw_stats {
    uint64_t accepted, refused; /* connections */
    uint64_t received, sent;    /* bytes */
    uint64_t resent, replayed;  /* requests */
    uint64_t connections, under_way, brokers_alive;
} gw_stats_t;

/* Parts of a gateway that keep numbers of their own: a gw_token_stats_t and so on. */
typedef enum {
    GW_FIGURES_TOKENS,
    GW_FIGURES_LIMITS,
    GW_FIGURES_REVOKED,
    GW_FIGURES_REDIS,
    GW_FIGURES_WATCHED
} gw_figures_part_t;

typedef struct gw_figures {
    proto_metrics_t *metrics; /* borrowed */
    gw_stats_t stats;
    proto_metrics_group_t *own, *problems;
    proto_metrics_group_t *none, *builtin, *other; /* requests of no operation; of the gateway's own */
    proto_metrics_group_t *parts[GW_FIGURES_WATCHED];
    const void *watched[GW_FIGURES_WATCHED]; /* their numbers; NULL: there is no such part */
    proto_metrics_group_t **by_name;         /* open addressing */
    uint32_t used, room;
} gw_figures_t;

void gw_figures_init(gw_figures_t *self, proto_metrics_t *metrics);
void gw_figures_free(gw_figures_t *self);
/* Gives the routes of a new router their groups. */
void gw_figures_learn(gw_figures_t *self, const gw_router_t *router);
/* An answer has been written: `route` is NULL where none was found; 499 means that the client had left. */
void gw_figures_answer(gw_figures_t *self, const gw_route_t *route, int status, int64_t microseconds);
/* One of these answers was a problem. */
void gw_figures_problem(gw_figures_t *self, proto_error_t error);
/* A part's numbers are told, too, and from where they stand: until NULL is said. */
void gw_figures_watch(gw_figures_t *self, gw_figures_part_t part, const void *stats);
/* Tells self->stats and those of the parts. */
void gw_figures_publish(gw_figures_t *self);

#endif
