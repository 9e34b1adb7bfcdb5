/* SPDX-License-Identifier: MPL-2.0 */
/* Requests handed to the broker and not answered yet: a slab addressed by 64-bit ids that are never used
 * twice, so that a late answer finds nobody. A connection may go away meanwhile; it is named by id too. A
 * core: no I/O. Thread: the gateway thread that owns it. */
#ifndef GW_PENDING_H
#define GW_PENDING_H

#include "gw_endpoint.h"
#include "proto_wheel.h"

enum { GW_TRACE = 64 /* longest request id, bytes */ };

/* What one answer needs. Fixed by gw_pending_add's caller, but for id and index. */
typedef struct gw_request {
    uint64_t id;                      /* as on the wire; 0: free slot */
    proto_wheel_node_t timer;         /* the gateway's own deadline */
    uint64_t connection;              /* id of the connection that asked */
    uint32_t sequence;                /* of the request on its connection */
    gw_builtin_t builtin;             /* whose answer this completes; GW_BUILTIN_NONE: `route`'s operation */
    const gw_route_t *route;          /* NULL for a builtin */
    struct gw_generation *generation; /* keeps `route` alive */
    int64_t started_us;               /* proto_clock_us when it was read */
    int64_t deadline;                 /* ms */
    bool head;                        /* HEAD: answered without body (kept for the log) */
    bool resent;
    uint8_t trace_size;
    char trace[GW_TRACE];  /* request id */
    proto_buf_t line;      /* method and target, for the access log */
    proto_buf_t arguments; /* kept for reads, which may be sent once more */
} gw_request_t;

typedef struct gw_pending {
    gw_request_t **requests; /* by index; never moved, because timers point into them */
    uint32_t *free;          /* indices of free slots, last in first out */
    uint32_t free_count, capacity, used;
    uint32_t most; /* bound on `used` */
    uint64_t sequence;
} gw_pending_t;

void gw_pending_init(gw_pending_t *self, uint32_t most);
void gw_pending_free(gw_pending_t *self);
/* A fresh request with id, and buffers empty but warm; NULL when `most` are under way: shed it (overloaded).
 */
gw_request_t *gw_pending_add(gw_pending_t *self);
/* The request of that id, or NULL when it is answered or never was. */
gw_request_t *gw_pending_find(const gw_pending_t *self, uint64_t id);
/* Frees the slot; the request's timer must be off its wheel. */
void gw_pending_remove(gw_pending_t *self, gw_request_t *request);

#endif
