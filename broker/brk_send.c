/* SPDX-License-Identifier: MPL-2.0 */
/* Sending a peer what it is to hear: one frame for a native peer, messages of several for a Majordomo one.
 * Thread: the broker's. */
#include <errno.h>
#include <zmq.h>

#include "brk_frame.h"
#include "brk_route.h"
#include "proto_give.h"
#include "proto_log.h"
#include "proto_record.h"

enum {
    S_KEEP = 65536,            /* bytes that a peer's buffer may keep ... */
    S_KEEP_INSIDE = 256 << 10, /* those inside are few, and what goes there is many answers */
    S_START = 24               /* records; see docs/performance.md */
};

static size_t s_keep(const brk_route_t *route)
{
    return route->routes->right ? S_KEEP_INSIDE : S_KEEP;
}

static int s_send_batch(brk_route_t *route)
{
    void *socket = route->routes->socket;
    if (route->spoke) {
        proto_hub_send(route->spoke, &route->out, s_keep(route));
        route->count = 0;
        return 1;
    }
    if (zmq_send(socket, route->identity, route->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EAGAIN ? 0 : -1;
    if (proto_give(socket, &route->out, s_keep(route)) < 0)
        return -1;
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

/* The same for all that a Majordomo peer is to hear. What is sent of megabytes is taken off the front when it
 * is half of them: so each byte is moved about once, however often the socket takes a few. */
static int s_send_messages(brk_route_t *route)
{
    proto_bytes_t left = {route->out.data + route->sent, route->out.size - route->sent};
    int rc = 1;
    while (rc == 1 && left.size > 0)
        rc = s_send_message(route, &left);
    route->sent = route->out.size - left.size;
    if (route->sent >= left.size) {
        proto_buf_consume(&route->out, route->sent);
        route->sent = 0;
    }
    return rc;
}

int brk_route_send(brk_route_t *route)
{
    int rc = route->mdp ? s_send_messages(route) : s_send_batch(route);
    route->routes->look = true;
    if (route->mdp && route->out.size == 0 && route->out.capacity > S_KEEP)
        proto_buf_free(&route->out);
    return rc;
}

bool brk_route_ripe(const brk_route_t *route, size_t size)
{
    return route->count &&
           ((route->count >= S_START && route->spoke && proto_spoke_caught_up(route->spoke)) ||
            !proto_batch_fits(&route->out, route->count, size));
}

void brk_route_drop(brk_route_t *route)
{
    proto_buf_free(&route->out);
    route->count = 0;
    route->sent = 0;
}

void brk_route_make_room(brk_route_t *route)
{
    if (brk_route_send(route) == 1)
        return;
    proto_log(PROTO_LOG_WARN, "broker", "a peer does not take its messages: %zu bytes dropped",
              route->out.size - route->sent);
    brk_route_drop(route);
}
