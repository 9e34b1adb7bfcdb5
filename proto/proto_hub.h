/* SPDX-License-Identifier: MPL-2.0 */
/* Frames between threads of one process: a hub (the broker's end) and its spokes (a peer's end each). What a
 * ROUTER and DEALERs over inproc:// do, but a frame is a buffer that changes hands, a look costs no system
 * call, and only a thread that sleeps is woken. Nothing is bounded here: what is under way is bounded by
 * windows and pending tables. Threads: an end belongs to one thread; holds may be dropped by any. */
#ifndef PROTO_HUB_H
#define PROTO_HUB_H

#include "proto_buf.h"

typedef struct proto_hub proto_hub_t;
typedef struct proto_spoke proto_spoke_t;

/* NULL when descriptors ran out. */
proto_hub_t *proto_hub_new(void);
/* Closes the hub and nulls the pointer, once its thread has ended: frames sent to it are dropped from now on,
 * and its memory goes with its last spoke. Twice is harmless. */
void proto_hub_close(proto_hub_t **self);
/* A new spoke, held once: the peer's. NULL when descriptors ran out. */
proto_spoke_t *proto_spoke_new(proto_hub_t *hub);
proto_spoke_t *proto_spoke_hold(proto_spoke_t *self);
/* Lets go and nulls the pointer: what still comes to a spoke that its peer has dropped is never read. Twice
 * is harmless. */
void proto_spoke_drop(proto_spoke_t **self);
/* No two spokes of a hub have the same. */
uint64_t proto_spoke_number(const proto_spoke_t *self);

/* Whether a frame has come that was not received; a guess that costs nothing: one that comes just now may be
 * missed. `hub` is a proto_hub_t *, as proto_yield_until passes it; true without one. */
bool proto_hub_filled(const void *hub);
bool proto_spoke_filled(const proto_spoke_t *self);
/* The hub's thread asks whether the spoke's peer has taken all that was sent to it; a guess, too. */
bool proto_spoke_caught_up(const proto_spoke_t *self);

/* To wait: when `sleeps` says true, poll the descriptor; it is readable once a frame has come, until `woken`
 * is called. False: there are frames already. */
int proto_hub_fd(const proto_hub_t *self);
bool proto_hub_sleeps(proto_hub_t *self);
void proto_hub_woken(proto_hub_t *self);
int proto_spoke_fd(const proto_spoke_t *self);
bool proto_spoke_sleeps(proto_spoke_t *self);
void proto_spoke_woken(proto_spoke_t *self);

/* Hands what the buffer holds to the other end, in order, and leaves it empty, with room for as much again
 * but at most `keep` bytes. */
void proto_spoke_send(proto_spoke_t *self, proto_buf_t *frame, size_t keep);
void proto_hub_send(proto_spoke_t *to, proto_buf_t *frame, size_t keep);
/* The next frame in the place of what `frame` held, which is freed; false when there is none. The hub is told
 * from whom: valid until the next call, unless it is held. */
bool proto_spoke_receive(proto_spoke_t *self, proto_buf_t *frame);
bool proto_hub_receive(proto_hub_t *self, proto_buf_t *frame, proto_spoke_t **from);

#endif
