/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: one DEALER socket, or a spoke of the hub, to one broker, for native peers (gateway, workers,
 * `muster call`). Records put here gather in a batch until flush; frames received are read in place. Keeps
 * the two heartbeats: says one after 500 ms of silence, and knows when the broker was last heard. Thread: the
 * owner's; a wire never crosses threads. */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "proto_hub.h"
#include "proto_record.h"

enum { PROTO_HEARTBEAT_MS = 500, PROTO_EXPIRY_MS = 2000 };

typedef struct proto_wire proto_wire_t;

/* Where a broker is, and by which keys the two know each other (CURVE, ZeroMQ RFC 26; Z85 texts, RFC 32). */
typedef struct proto_address {
    const char *endpoint;                /* inproc://, ipc://, tcp:// */
    proto_hub_t *hub;                    /* of a broker in this process; NULL: by ZeroMQ */
    const char *server_key;              /* the broker's public key; NULL: no CURVE */
    const char *public_key, *secret_key; /* ours; set when server_key is */
} proto_address_t;

/* Opens a DEALER (ZMQ_IMMEDIATE, LINGER 0) in the given ZeroMQ context and connects it. `address` is borrowed
 * until the wire is closed. NULL with errno when the endpoint or a key is malformed or sockets ran out. */
proto_wire_t *proto_wire_open(void *context, const proto_address_t *address, int64_t now);
/* Tries for at most `linger_ms` to hand over what was flushed, then closes. Nulls the pointer. */
void proto_wire_close(proto_wire_t **self, int linger_ms);
/* The socket, for zmq_poll; NULL by a hub. */
void *proto_wire_socket(proto_wire_t *self);
/* Its descriptor, for other loops, which is the socket's until the wire is renewed. From then on the wire
 * only asks its socket after something has hinted that there is something, since each look costs system
 * calls; so say proto_wire_told whenever the descriptor was readable, and do not sleep while
 * proto_wire_looks, but receive until there is no more: what is sent can eat the descriptor's edge
 * (zmq_getsockopt(3), ZMQ_FD). */
int proto_wire_fd(proto_wire_t *self);
void proto_wire_told(proto_wire_t *self);
bool proto_wire_looks(proto_wire_t *self);
/* Whether something has come; true also where that cannot be said without a system call. For
 * proto_yield_until. */
bool proto_wire_filled(const proto_wire_t *self);
/* Adds a record to the batch under way; copies it. -1 when it can never be sent (see proto_record_append). */
PROTO_MUST_CHECK int proto_wire_put(proto_wire_t *self, const proto_record_t *record);
/* The same for a record with the body in `body`, which is taken and not copied: for large ones, that travel
 * alone. On -1, too, it is empty afterwards. */
PROTO_MUST_CHECK int proto_wire_put_large(proto_wire_t *self, const proto_record_t *record,
                                          proto_buf_t *body);
/* Sends what was put. What the socket does not take now (no connection, high-water mark) stays and goes with
 * the next flush, in order; true when nothing is left. */
bool proto_wire_flush(proto_wire_t *self, int64_t now);
/* 1 and the next frame's batch, valid until the next call; 0 when there is none. Malformed frames are counted
 * and skipped. */
PROTO_MUST_CHECK int proto_wire_receive(proto_wire_t *self, int64_t now, proto_batch_t *batch);
/* Puts a HEARTBEAT when it is time, and connects once the broker's name is looked up (proto_lookup.h);
 * returns when to call again (ms). Flush afterwards. */
int64_t proto_wire_tick(proto_wire_t *self, int64_t now);
/* How many records were put in this wire's life, and how many of them the socket has taken. A record that was
 * the n-th put, with n above what the socket has taken, was certainly not sent. */
uint64_t proto_wire_put_count(const proto_wire_t *self);
uint64_t proto_wire_sent_count(const proto_wire_t *self);
/* Whether the broker is to be given up: it was not heard for PROTO_EXPIRY_MS, or the connection broke and
 * everything that had come by it is read. Ask after proto_wire_receive said 0, so that a process that was
 * stopped itself reads what had come. */
bool proto_wire_dead(proto_wire_t *self, int64_t now);
/* Whether the connection broke: what was sent may be lost, and whoever is there now may know nothing of us.
 */
bool proto_wire_broken(proto_wire_t *self, int64_t now);
/* Gives a dead broker up: its socket is closed with LINGER 0, what waits to be sent is dropped (and counts as
 * sent from now on), and a new socket tries to reach it. True when that happened just now: nothing sent so
 * far will be answered, HELLO or READY must be said again, and proto_wire_socket and proto_wire_fd are
 * others. (Else a request sent to a dead broker would be run when it starts again.) */
PROTO_MUST_CHECK bool proto_wire_renew(proto_wire_t *self, int64_t now);
/* Whether the broker was heard, and within PROTO_EXPIRY_MS. */
bool proto_wire_alive(const proto_wire_t *self, int64_t now);
/* Frames refused as malformed so far. */
uint64_t proto_wire_malformed(const proto_wire_t *self);

#endif
