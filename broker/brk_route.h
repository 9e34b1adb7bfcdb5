/* SPDX-License-Identifier: MPL-2.0 */
/* What the shell keeps of each peer: its ROUTER identity or its spoke of the hub, its number in the core,
 * what it is to be sent. Routes are found by identity in a hash table of each socket, and one of the hub.
 * Thread: the broker's. */
#ifndef BRK_ROUTE_H
#define BRK_ROUTE_H

#include "brk_mdp.h"
#include "brk_rights.h"
#include "proto_hub.h"

enum { BRK_IDENTITY = 255 /* longest routing id of ZeroMQ, bytes */ };

typedef struct brk_route {
    struct brk_route *next;       /* of its bucket */
    struct brk_route *next_dirty; /* of those with something to send */
    struct brk_routes *routes;    /* whose socket reaches it */
    proto_spoke_t *spoke;         /* or this does; held; NULL by a socket */
    uint64_t peer;                /* 0: forgotten by the core, to be freed when its batch is gone */
    uint32_t count;               /* native: records in `out` */
    bool dirty;
    bool mdp;                 /* speaks Majordomo: `out` holds its messages, packed; else a batch */
    brk_mdp_peer_t majordomo; /* then */
    uint8_t identity_size;
    uint8_t identity[BRK_IDENTITY];
    char key[BRK_KEY_TEXT + 1]; /* CURVE key of its connection, "" where there are none */
    bool refused;               /* it has been told in the log that its READY was refused */
    proto_buf_t out;
    int64_t moved_at; /* forgotten: when the socket last took some of `out` */
    size_t sent;      /* Majordomo: so many bytes of it are sent already */
} brk_route_t;

typedef struct brk_routes {
    void *socket;             /* the ROUTER */
    proto_hub_t *hub;         /* or this; borrowed */
    bool look;                /* it may have something to read */
    const brk_right_t *right; /* of all its peers; NULL: each by its key */
    uint64_t seed;
    brk_route_t **buckets;
    uint32_t bucket_count, used;
} brk_routes_t;

void brk_routes_init(brk_routes_t *self, void *socket, const brk_right_t *right);
/* Frees all routes; does not close the socket. */
void brk_routes_free(brk_routes_t *self);
/* The route of that identity; made when there is none, with peer 0. */
brk_route_t *brk_routes_get(brk_routes_t *self, proto_bytes_t identity);
/* Goes through all routes: the one behind `route` (NULL: the first), or NULL. None may be made or removed
 * meanwhile. */
brk_route_t *brk_routes_next(const brk_routes_t *self, const brk_route_t *route);
/* Sends what `out` holds, without waiting: 1 sent, 0 the socket takes nothing now (what was not sent stays),
 * -1 the peer cannot be reached. The socket is to be looked at afterwards: sending may have eaten the edge of
 * its descriptor. */
PROTO_MUST_CHECK int brk_route_send(brk_route_t *route);
/* Whether the batch under way is to be sent before a record of `size` bytes joins it: it is full, or a good
 * start for a peer within this process that has nothing else to do, so that both work at the same time. */
bool brk_route_ripe(const brk_route_t *route, size_t size);
/* Forgets what `out` holds. */
void brk_route_drop(brk_route_t *route);
/* Sends what is there to make room. When the socket takes nothing, the peer is too slow and loses what it was
 * to hear; what it lost it counts as unanswered. */
void brk_route_make_room(brk_route_t *route);
/* Takes a route out and frees it. */
void brk_routes_remove(brk_route_t *route);

#endif
