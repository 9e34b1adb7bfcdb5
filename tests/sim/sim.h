/* SPDX-License-Identifier: MPL-2.0 */
/* A world of several brokers on virtual time, for test_brokers.c. Its brokers are brk_core with brk_mdp
 * before it, its actors stand at them with the true act_brokers, its clients ask with muster_core; proto_wire
 * is replaced by connections that delay, and lose what is under way when an end dies. Threads: one.
 *
 *   sim_net.c     connections, and proto_wire on them
 *   sim_broker.c  brokers: what broker.c does, without sockets
 *   sim_actor.c   native workers            sim_stock.c   Majordomo workers
 *   sim_client.c  native clients            sim_asker.c   Majordomo clients, which never ask twice
 *   sim_books.c   each request as its client sees it, and the database: what was truly done */
#ifndef SIM_H
#define SIM_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_brokers.h"
#include "brk_frame.h"
#include "brk_mdp.h"
#include "muster_core.h"
#include "proto_clock.h"
#include "proto_value.h"

enum {
    SIM_BROKERS = 3,
    SIM_CLIENTS = 3,
    SIM_ASKERS = 3,
    SIM_ACTORS = 4, /* the last one of the service echo, for whatever is asked of it */
    SIM_STOCKS = 5,
    SIM_REQUESTS = 1 << 14,
    SIM_FRAMES = 16,
    SIM_DELAY_MS = 300, /* longest way of a message */
    SIM_STEP_MS = 100,  /* longest step */
    SIM_SLACK_MS = SIM_STEP_MS + PROTO_WHEEL_SLOT_MS
};

/* ---- Connections (sim_net.c) ---- */

/* Messages on their way, in order; packed frames (brk_frame.h). */
typedef struct sim_message {
    struct sim_message *next;
    int64_t due;
    size_t size;
    uint8_t bytes[];
} sim_message_t;

typedef struct sim_queue {
    sim_message_t *first, *last;
} sim_queue_t;

/* One connection of a peer with a broker. Both ends hold it; whoever lets go last frees it. */
typedef struct sim_conn {
    int broker;
    bool peer_end, broker_end;
    bool cut;         /* nothing passes any more ... */
    int64_t break_at; /* ... which the peer notices now */
    sim_queue_t up, down;
    /* The broker's end. */
    struct sim_conn *next; /* of the broker */
    uint64_t id;           /* in the core; 0: unknown to it */
    bool mdp;
    proto_buf_t out; /* a batch, or packed frames */
    uint32_t count;
    brk_mdp_peer_t majordomo;
} sim_conn_t;

uint32_t sim_random(uint32_t below);
bool sim_chance(uint32_t per_mille);
void sim_queue_put(sim_queue_t *queue, proto_bytes_t packed);
/* Takes a message that has arrived; the caller frees it. */
sim_message_t *sim_queue_take(sim_queue_t *queue);
/* Drops what is not there by `due`. */
void sim_queue_lose(sim_queue_t *queue, int64_t due);
/* NULL when the broker is not there. */
sim_conn_t *sim_conn_open(int broker);
/* The peer's end goes: of what it has sent all or nothing arrives. Nulls the pointer. */
void sim_conn_close(sim_conn_t **conn);
/* Nothing passes any more; a peer may learn that late. */
void sim_conn_cut(sim_conn_t *conn);
/* The peer knows, and has read what had arrived. */
bool sim_conn_broken(const sim_conn_t *conn);
void sim_conn_let_go(sim_conn_t *conn);
/* Reads the frames of a message. */
uint32_t sim_frames(proto_bytes_t packed, proto_bytes_t *frames);
extern const proto_address_t sim_addresses[SIM_BROKERS];

/* ---- Brokers (sim_broker.c) ---- */

typedef struct sim_broker {
    brk_core_t *core; /* NULL: dead */
    brk_mdp_t *mdp;
    sim_conn_t *conns;
    int64_t back_at;      /* dead until then */
    int64_t dies_at;      /* it takes nothing new until then; 0: it does */
    int64_t paused_until; /* it stands still, or stood until then */
} sim_broker_t;

void sim_broker_turn(int broker);
void sim_broker_die(int broker);

/* ---- Requests (sim_books.c) ---- */

typedef enum { SIM_READ, SIM_WRITE, SIM_SLOW, SIM_NONE, SIM_KINDS } sim_kind_t;
typedef enum { SIM_ASKED, SIM_ANSWERED, SIM_CANCELLED, SIM_ABANDONED } sim_state_t;

typedef struct sim_request {
    sim_state_t state;
    const void *client;
    sim_kind_t kind;
    bool native, keyed;
    bool refused; /* whoever works on it says `conflict` and does nothing */
    bool never;   /* its client was told that it was not done */
    int64_t wait, deadline;
    int runs, done;
} sim_request_t;

extern const char *const sim_names[SIM_KINDS];

/* A new request; its number, -1 when there are enough. */
int sim_books_ask(const void *client, bool native, sim_kind_t kind, int64_t wait);
/* The map of its arguments. */
void sim_books_body(int n, proto_buf_t *out);
int sim_books_number(proto_bytes_t body);
/* The last answer has come to this client: all that it promises is checked. `number`: none for FINAL. */
void sim_books_answer(const void *client, int n, proto_error_t number);
/* A worker does it. False when it refuses. */
bool sim_books_do(int n);
/* The client is gone, or the connection by which it would have heard. */
void sim_books_abandon(const void *client);
/* Nobody who stayed has waited for too long. */
void sim_books_check(void);

/* ---- Peers ---- */

typedef struct sim_job {
    act_broker_t *broker;
    uint64_t token;
    uint32_t epoch;
    int n;
    int64_t deadline;
    bool exclusive, done, refused;
} sim_job_t;

/* The largest share that a broker was told in this epoch. */
typedef struct sim_told {
    uint32_t epoch;
    uint16_t most;
} sim_told_t;

typedef struct sim_actor {
    act_brokers_t brokers;
    bool lives;
    sim_told_t told[SIM_BROKERS];
    int64_t away_until; /* dead or standing still */
    sim_job_t jobs[64];
    int job_count;
} sim_actor_t;

void sim_actor_turn(sim_actor_t *self);
void sim_actor_die(sim_actor_t *self, bool politely);

/* A worker as the RFCs have it: one request at a time, silent meanwhile. */
typedef struct sim_stock {
    int version; /* 1, 2 */
    const char *service;
    int broker;
    sim_conn_t *conn;
    bool busy, done, ready;
    uint8_t address[BRK_MDP_ADDRESS];
    proto_buf_t body; /* packed frames of the request */
    int64_t until;    /* works so long */
    int64_t heard, beat_at, away_until;
} sim_stock_t;

void sim_stock_turn(sim_stock_t *self);
void sim_stock_die(sim_stock_t *self);

typedef struct sim_post {
    proto_wire_t *wire;
    bool alive, greeted;
    int64_t greet_at, greeted_at;
} sim_post_t;

typedef struct sim_client {
    bool lives;
    muster_core_t core;
    sim_post_t posts[SIM_BROKERS];
    uint64_t ids[256]; /* some of those asked, to be cancelled */
    int64_t away_until;
} sim_client_t;

void sim_client_turn(sim_client_t *self);
void sim_client_die(sim_client_t *self, bool politely);

typedef struct sim_asker {
    int version, broker;
    sim_conn_t *conn;
} sim_asker_t;

void sim_asker_turn(sim_asker_t *self);
void sim_asker_die(sim_asker_t *self);

/* ---- The world (test_brokers.c) ---- */

typedef struct sim_world {
    int64_t now;
    uint64_t random;
    bool ending; /* nothing new happens */
    int broker_count;
    sim_broker_t brokers[SIM_BROKERS];
    sim_actor_t actors[SIM_ACTORS];
    sim_stock_t stocks[SIM_STOCKS];
    sim_client_t clients[SIM_CLIENTS];
    sim_asker_t askers[SIM_ASKERS];
    sim_request_t requests[SIM_REQUESTS];
    int request_count, first_open;
} sim_world_t;

/* How often what happened, over all seeds. */
#define SIM_COUNTS(X)                                                                                        \
    X(asked)                                                                                                 \
    X(finals)                                                                                                \
    X(partials)                                                                                              \
    X(cancelled)                                                                                             \
    X(twice_read)                                                                                            \
    X(again_keyed)                                                                                           \
    X(returned)                                                                                              \
    X(late)                                                                                                  \
    X(expired_unrun)                                                                                         \
    X(broker_deaths)                                                                                         \
    X(broker_pauses)                                                                                         \
    X(cuts)                                                                                                  \
    X(actor_deaths)                                                                                          \
    X(actor_leaves)                                                                                          \
    X(drains)                                                                                                \
    X(actor_stops)                                                                                           \
    X(dropped_jobs)                                                                                          \
    X(stale)                                                                                                 \
    X(client_deaths)                                                                                         \
    X(client_stops)                                                                                          \
    X(stock_deaths)                                                                                          \
    X(stock_stops)                                                                                           \
    X(asker_deaths)                                                                                          \
    X(mdp_finals)                                                                                            \
    X(stock_jobs)                                                                                            \
    X(opaque)                                                                                                \
    X(done)                                                                                                  \
    X(unheard)                                                                                               \
    X(refused)
typedef struct sim_counts {
#define X(name) uint64_t name;
    SIM_COUNTS(X)
#undef X
    uint64_t errors[PROTO_ERROR_COUNT];
} sim_counts_t;

extern sim_world_t sim;
extern sim_counts_t sim_counts;

#endif
