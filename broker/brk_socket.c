/* SPDX-License-Identifier: MPL-2.0 */
/* ROUTER sockets: their options and endpoints. Thread: the broker's. */
#include "brk_socket.h"

#include <errno.h>
#include <sys/stat.h>
#include <zmq.h>

#include "proto_log.h"
#include "proto_record.h"

enum {
    S_HIGH_WATER = 10000, /* frames */
    S_FRAME_BYTES = PROTO_RECORD_BYTES + PROTO_BATCH_HEADER,
    S_LINGER_MS = 200
};

void *brk_socket_new(void *context)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int on = 1, linger = S_LINGER_MS, water = S_HIGH_WATER, handshake = 2000, heartbeat = 5000, no = 0;
    int64_t most = S_FRAME_BYTES;
    if (!socket)
        return NULL;
    zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_ROUTER_HANDOVER, &no, sizeof no);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &water, sizeof water);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &water, sizeof water);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &heartbeat, sizeof heartbeat);
    return socket;
}

int brk_socket_bind(void *socket, const char *endpoint)
{
    mode_t mask = umask(0177); /* an ipc socket is its user's alone */
    int rc = zmq_bind(socket, endpoint), error = errno;
    umask(mask);
    if (rc < 0)
        proto_log(PROTO_LOG_ERROR, "broker", "cannot bind %s: %s", endpoint, zmq_strerror(error));
    return rc;
}
