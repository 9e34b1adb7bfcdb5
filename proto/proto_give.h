/* SPDX-License-Identifier: MPL-2.0 */
/* Sending a buffer as a frame: small ones are copied, large ones change hands. Thread: the socket's. */
#ifndef PROTO_GIVE_H
#define PROTO_GIVE_H

#include "proto_buf.h"

/* Sends what the buffer holds as the last frame of a message, with ZMQ_DONTWAIT, and leaves it empty, with
 * room for as much again but at most about `keep` bytes. -1 with errno of zmq_msg_send(3), and the buffer as
 * it was, when the socket does not take it. */
PROTO_MUST_CHECK int proto_give(void *socket, proto_buf_t *buf, size_t keep);

#endif
