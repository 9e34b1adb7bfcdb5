/* SPDX-License-Identifier: MPL-2.0 */
/* ROUTER sockets: their options and endpoints. Thread: the broker's. */
#include "brk_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "proto_assert.h"
#include "proto_log.h"

/* Hosts that are gone are the kernel's to notice (tcp(7): keep-alive while nothing is under way, and
 * TCP_USER_TIMEOUT, patient because a stock client that asks for much before it reads is not dead). Not
 * ZMTP's PING: libzmq up to 4.3.5 aborts when one falls due after a peer hung up of whom as much waits as
 * may. */
enum { S_LINGER_MS = 200, S_HANDSHAKE_MS = 2000, S_GONE_MS = 120000, S_IDLE_S = 15 };
static const char s_domain[] = "muster";

static bool s_option(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* While no ZAP handler is there libzmq lets any key in, but then its messages carry no User-Id, and who has
 * none may nothing. */
static bool s_curve(void *socket, const char *secret_key)
{
    return s_option(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, strlen(secret_key) + 1) == 0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, s_domain, sizeof s_domain - 1) == 0;
}

void *brk_socket_new(void *context, const brk_socket_options_t *options)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    if (socket && s_option(socket, ZMQ_ROUTER_MANDATORY, 1) && s_option(socket, ZMQ_ROUTER_HANDOVER, 0) &&
        s_option(socket, ZMQ_LINGER, S_LINGER_MS) && s_option(socket, ZMQ_SNDHWM, options->outbound) &&
        s_option(socket, ZMQ_RCVHWM, options->inbound) &&
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &options->max_message, sizeof options->max_message) == 0 &&
        s_option(socket, ZMQ_HANDSHAKE_IVL, S_HANDSHAKE_MS) && s_option(socket, ZMQ_TCP_KEEPALIVE, 1) &&
        s_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, S_IDLE_S) &&
        s_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, S_IDLE_S) && s_option(socket, ZMQ_TCP_MAXRT, S_GONE_MS) &&
        (!options->secret_key || s_curve(socket, options->secret_key)))
        return socket;
    int why = errno;
    if (socket)
        zmq_close(socket);
    errno = why;
    return NULL;
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

struct pollfd brk_socket_item(void *socket)
{
    struct pollfd item = {.fd = -1, .events = POLLIN}; /* poll passes over -1 */
    size_t size = sizeof item.fd;
    if (socket)
        PROTO_ASSERT(zmq_getsockopt(socket, ZMQ_FD, &item.fd, &size) == 0);
    return item;
}
