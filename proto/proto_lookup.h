/* SPDX-License-Identifier: MPL-2.0 */
/* A shell: the address behind the host name of an endpoint, looked up by a thread of its own. getaddrinfo(3)
 * blocks for many seconds while no name server answers, and libzmq asks it in the one thread that serves all
 * its sockets: one name that cannot be found would silence those that can. Thread: the owner's. */
#ifndef PROTO_LOOKUP_H
#define PROTO_LOOKUP_H

#include <stdbool.h>

#include "proto_assert.h"

enum {
    PROTO_LOOKUP_ENDPOINT = 288 /* holds any tcp endpoint with a name (RFC 1035: 253 bytes), and its NUL */
};

typedef struct proto_lookup proto_lookup_t;

/* Whether the endpoint is tcp://NAME:PORT. Addresses of digits, other transports and what is malformed are
 * ZeroMQ's to judge as they are. */
bool proto_lookup_needed(const char *endpoint);
/* Begins to look for an IPv4 address of such an endpoint's host. NULL when there is no thread to be had. */
proto_lookup_t *proto_lookup_start(const char *endpoint);
/* 1 and the endpoint with the address in place of the name; 0 when it is still being looked up; -1 when there
 * is no such name, or nobody who knows. */
PROTO_MUST_CHECK int proto_lookup_result(const proto_lookup_t *self, char endpoint[PROTO_LOOKUP_ENDPOINT]);
/* Waits for nothing: what is under way comes to its end unheard. Nulls the pointer. */
void proto_lookup_free(proto_lookup_t **self);

#endif
