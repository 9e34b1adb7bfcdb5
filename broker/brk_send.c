/* SPDX-License-Identifier: MPL-2.0 */
/* What a peer is to hear goes out: a batch, or Majordomo's messages. Thread: the broker's. */
#include <errno.h>
#include <zmq.h>

#include "brk_frame.h"
#include "brk_route.h"
#include "proto_record.h"

/* The batch of a native peer. */
static int s_send_batch(brk_route_t *route)
{
    void *socket = route->routes->socket;
    if (zmq_send(socket, route->identity, route->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? 0 : -1;
    if (zmq_send(socket, route->out.data, route->out.size, ZMQ_DONTWAIT) < 0)
        return -1;
    proto_buf_reset(&route->out);
    if (route->out.capacity > PROTO_BATCH_BYTES)
        proto_buf_free(&route->out);
    route->count = 0;
    return 1;
}

/* The same for one message of packed frames, which is taken off the front of `packed`. */
static int s_send_message(const brk_route_t *route, proto_bytes_t *packed)
{
    void *socket = route->routes->socket;
    brk_frame_t frame = {.more = true};
    if (zmq_send(socket, route->identity, route->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? 0 : -1;
    while (frame.more && brk_frame_next(packed, &frame))
        if (zmq_send(socket, frame.bytes.data, frame.bytes.size,
                     ZMQ_DONTWAIT | (frame.more ? ZMQ_SNDMORE : 0)) < 0)
            return -1;
    return 1;
}

/* The same for all that a Majordomo peer is to hear. */
static int s_send_messages(brk_route_t *route)
{
    proto_bytes_t left = proto_buf_bytes(&route->out);
    int rc = 1;
    while (rc == 1 && left.size > 0)
        rc = s_send_message(route, &left);
    proto_buf_consume(&route->out, route->out.size - left.size);
    if (route->out.size == 0 && route->out.capacity > PROTO_BATCH_BYTES)
        proto_buf_free(&route->out);
    return rc;
}

int brk_route_send(brk_route_t *route)
{
    return route->mdp ? s_send_messages(route) : s_send_batch(route);
}
