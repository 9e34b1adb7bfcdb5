/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the broker's core share. Private to broker/. Thread: the broker's. */
#ifndef BRK_INTERNAL_H
#define BRK_INTERNAL_H

#include "brk_core.h"
#include "proto_slab.h"
#include "proto_wheel.h"

enum {
    BRK_SERVICES = 256,
    BRK_OPERATIONS = 32768, /* most operations of a service, the catch-all included */
    BRK_WINDOW = 256,       /* most requests a worker may accept at once */
    BRK_LOADS = BRK_WINDOW + 1,
    BRK_CATALOGUES = 8,          /* most catalogues kept of a service */
    BRK_SWEEP_MS = 100,          /* how often silence is looked at */
    BRK_FEED_BYTES = 65536,      /* longest message of the feed of revoked tokens */
    BRK_MDP_HEARTBEAT_MS = 2000, /* to Majordomo workers: stock ones expect one every 2.5 s ... */
    BRK_MDP_EXPIRY_MS = 10000,   /* ... and say one as often, but not while they work */
    BRK_MDP_WORK_MS = 30000,     /* what a worker has for a request that is no RPC, however long it waited */
    BRK_BUCKETS = 1 << 14,       /* most of requests by their clients' numbers */
    BRK_LATENCIES = 18           /* steps of a histogram: below 1 ms, 2, 4 ... */
};

typedef struct brk_peer brk_peer_t;
typedef struct brk_request brk_request_t;
typedef struct brk_service brk_service_t;

/* The waiting requests of one client for one operation, in order. Lanes of an operation take turns. */
typedef struct brk_lane {
    struct brk_operation *operation;
    brk_request_t *first, *last;
    struct brk_lane *next, *prev;  /* ring of the operation; NULL: empty and off */
    struct brk_lane *next_of_peer; /* all lanes of its client */
} brk_lane_t;

/* An operation that some worker offers or has offered. Index 0 of a service takes what no list names. */
typedef struct brk_operation {
    brk_service_t *service;
    uint32_t index;
    uint64_t hash;
    char *name;
    uint32_t flags;                /* PROTO_OP_... */
    uint32_t workers;              /* how many offer it now */
    struct brk_operation *replica; /* the same at the service NAME.read, whose workers go first; NULL: none */
    brk_lane_t *lanes;             /* whose turn it is; ring */
    brk_request_t *returned, *returned_last; /* given back unstarted: before all lanes */
    uint32_t waiting;
    uint32_t in_flight;
    uint64_t answered, errors;         /* with FINAL; with an error, of the worker's or the broker's */
    uint32_t latencies[BRK_LATENCIES]; /* how long answers took: [n] below 2^n ms, the last one the rest */
    struct brk_operation *next, *prev; /* ring of operations with waiting requests; NULL: none waits */
} brk_operation_t;

typedef struct brk_catalogue {
    uint64_t hash;
    proto_buf_t body;
} brk_catalogue_t;

struct brk_service {
    char *name;
    brk_service_t *primary;  /* of NAME.read: NAME, whose waiting requests its workers may take; else NULL */
    brk_service_t *replicas; /* of NAME: NAME.read, when there is one */
    brk_operation_t **operations;
    uint32_t operation_count;
    uint32_t *by_hash; /* open addressing: index + 1 */
    uint32_t by_hash_size;
    uint32_t workers, any_workers; /* registered; of them, without a list */
    uint32_t any_majordomo;        /* of the latter, those that speak Majordomo */
    brk_peer_t *loads[BRK_LOADS];  /* workers that can take a request, by how many they hold */
    uint64_t filled[(BRK_LOADS + 63) / 64];
    brk_operation_t *waiting; /* whose turn it is; ring */
    uint32_t waiting_count;
    uint64_t waiting_bytes;
    uint32_t in_flight;
    uint64_t answered;
    brk_catalogue_t catalogues[BRK_CATALOGUES]; /* oldest first */
    uint32_t catalogue_count;
};

struct brk_peer {
    uint64_t id;
    void *tag;                /* the shell's */
    const brk_right_t *right; /* borrowed */
    bool hello;               /* wants catalogues and heartbeats ... */
    int64_t hello_at;         /* ... and said so then */
    bool mdp;                 /* speaks Majordomo */
    int64_t heard, told;
    brk_request_t *requests; /* of this client */
    brk_lane_t *lanes;
    uint32_t waiting; /* of its requests, in all services ... */
    uint64_t waiting_bytes;
    /* as a worker */
    brk_service_t *service; /* NULL: no worker */
    bool any;               /* offers whatever its service is asked for */
    bool given_back;        /* has returned a request: takes nothing until it says CREDIT */
    bool listed;            /* on its service's loads */
    uint16_t window, credit, load;
    uint32_t epoch;
    uint64_t exclusive; /* token of the request it works on alone, and takes nothing meanwhile; 0: none */
    uint64_t *offers;   /* one bit per operation */
    brk_peer_t *next, *prev;
    brk_request_t *working; /* in flight at it */
    uint64_t answered;
};

typedef enum { BRK_FREE, BRK_WAITING, BRK_IN_FLIGHT } brk_state_t;

struct brk_request {
    uint64_t token;
    uint64_t client_id; /* its number at the client */
    brk_state_t state;
    bool reads, exclusive;
    bool is_returned;
    bool raw, opaque;   /* BRK_RAW, BRK_OPAQUE */
    bool kept;          /* in flight: `stored` holds it without its body, for its worker is no gateway */
    brk_peer_t *client; /* NULL: nobody waits for it any more */
    brk_request_t *next_of_client, *prev_of_client;
    brk_request_t *next_by_id, **link_by_id; /* in its bucket of the core's by_id; then what points to it */
    brk_operation_t *operation;
    brk_peer_t *worker;
    brk_request_t *next_of_worker, *prev_of_worker;
    proto_wheel_node_t timer;
    int64_t asked, deadline;
    brk_lane_t *lane; /* while waiting */
    brk_request_t *next_waiting, *prev_waiting;
    proto_buf_t stored; /* while waiting: the whole request, as a batch of one; else see `kept` */
};

struct brk_core {
    brk_limits_t limits;
    brk_send_fn *send;
    void (*forget)(void *arg, void *tag);
    brk_refuse_fn *refuse; /* may be NULL, as may forget */
    void *arg;
    proto_slab_t peers, requests;
    brk_request_t **by_id; /* whose client waits, by it and its number for it: for CANCEL; buckets */
    uint32_t by_id_mask;   /* their number, less one */
    uint64_t seed;         /* of that table, so that nobody can fill one bucket */
    proto_wheel_t wheel;
    brk_service_t *services[BRK_SERVICES];
    uint32_t service_count;
    int64_t sweep_at, read_until;
    const char *settings; /* shown as table `config` */
    uint32_t in_flight, waiting;
    bool draining;
    brk_stats_t stats;
    proto_buf_t body; /* of an answer being made */
};

/* brk_core.c */
void brk_send(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record);
void brk_send_type(brk_core_t *self, int64_t now, brk_peer_t *peer, proto_type_t type);
/* Answers a client by its own number with an error of the table. */
void brk_send_error(brk_core_t *self, int64_t now, brk_peer_t *peer, uint64_t id, proto_error_t error);
/* Tells every greeted client of a catalogue, or one of all. */
void brk_publish(brk_core_t *self, int64_t now, const brk_service_t *service,
                 const brk_catalogue_t *catalogue);

/* brk_service.c */
brk_service_t *brk_service_find(const brk_core_t *self, proto_bytes_t name);
/* Finds or makes it, and with NAME.read the service NAME; NULL when there are too many, or the name is the
 * broker's own. */
brk_service_t *brk_service_get(brk_core_t *self, proto_bytes_t name);
void brk_service_free(brk_service_t *self);
/* The operation that a hash (or, for 0, a name) means; the catch-all when no list names it. */
brk_operation_t *brk_operation_find(const brk_service_t *self, uint64_t hash, proto_bytes_t name);
/* Finds or makes it, and ties it to its like at NAME or NAME.read. NULL when there are too many. */
brk_operation_t *brk_operation_get(brk_service_t *self, uint64_t hash, proto_bytes_t name, uint32_t flags);
/* Whether anybody who lives offers it, at a replica or else. */
bool brk_operation_served(const brk_operation_t *self);
/* Keeps a catalogue; NULL when it is known already, of this generation or a newer one. */
const brk_catalogue_t *brk_service_learn(brk_service_t *self, uint64_t hash, proto_bytes_t body);

/* brk_operations.c */
/* How long the oldest of its waiting requests has waited (ms); 0 when none waits. */
int64_t brk_operation_oldest(const brk_operation_t *self, int64_t now);
void brk_table_operations(const brk_core_t *self, int64_t now, proto_buf_t *out);
/* The operations of the service that `arguments` name, or of all; -1 for an unknown service. */
PROTO_MUST_CHECK int brk_table_describe(const brk_core_t *self, proto_bytes_t arguments, proto_buf_t *out);

/* brk_worker.c */
/* READY: a registration, or, of a worker that is registered with this service and epoch, other offers,
 * another catalogue and another window while its requests go on. */
void brk_worker_ready(brk_core_t *self, int64_t now, brk_peer_t *peer, const proto_record_t *record);
/* Ends a registration: what is in flight there gets an error. */
void brk_worker_end(brk_core_t *self, int64_t now, brk_peer_t *peer);
bool brk_worker_offers(const brk_peer_t *worker, const brk_operation_t *operation);
/* The least loaded worker that can take one of this operation now, or NULL; `opaque`: see BRK_OPAQUE. */
brk_peer_t *brk_worker_choose(const brk_operation_t *operation, bool opaque);
/* Puts a worker on the list it belongs on, or on none. Call after every change of load, credit, given_back or
 * exclusive. */
void brk_worker_list(brk_peer_t *worker);
/* Takes it off its list. Call before such a change. */
void brk_worker_unlist(brk_peer_t *worker);

/* brk_queue.c */
/* Puts a request at the end of its client's lane (-1: too many, too large, or more than its client's share)
 * or before all lanes. */
PROTO_MUST_CHECK int brk_queue_put(brk_core_t *self, brk_request_t *request, const proto_record_t *record);
PROTO_MUST_CHECK int brk_queue_put_back(brk_core_t *self, brk_request_t *request,
                                        const proto_record_t *record);
void brk_queue_remove(brk_core_t *self, brk_request_t *request);
/* The next waiting request that this worker can take, or NULL. Stays in the queue. */
brk_request_t *brk_queue_next(brk_service_t *service, const brk_peer_t *worker);
void brk_queue_free_lanes(brk_peer_t *peer);
/* The stored request. */
void brk_queue_read(const brk_request_t *request, proto_record_t *record);

/* brk_request.c */
void brk_request_take(brk_core_t *self, int64_t now, brk_peer_t *client, const proto_record_t *record);
void brk_request_answer(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *record);
void brk_request_partial(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *record);
void brk_request_return(brk_core_t *self, int64_t now, brk_peer_t *worker, const proto_record_t *record);
void brk_request_cancel(brk_core_t *self, int64_t now, brk_peer_t *client, uint64_t client_id);
void brk_request_expire(brk_core_t *self, int64_t now, brk_request_t *request);
/* A worker was lost with this request. */
void brk_request_lost(brk_core_t *self, int64_t now, brk_request_t *request);
/* The client is gone. */
void brk_request_orphan(brk_core_t *self, int64_t now, brk_request_t *request);
/* Ends it with an error for its client. */
void brk_request_fail(brk_core_t *self, int64_t now, brk_request_t *request, proto_error_t error);
/* Hands waiting requests to a worker for as long as it takes them. */
void brk_request_feed(brk_core_t *self, int64_t now, brk_peer_t *worker);

#endif
