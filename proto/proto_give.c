/* SPDX-License-Identifier: MPL-2.0 */
/* Frames from buffers. Thread: the socket's; what is given away is freed in whatever thread ZeroMQ is done
 * with it. */
#include "proto_give.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

enum { S_COPIED = 16384 /* fewer bytes are copied: that is cheaper than memory that changes threads */ };

static void s_free_given(void *data, void *hint)
{
    bool *back = hint;
    if (!*back)
        free(data);
    free(back);
}

/* When the socket does not take the frame, it stays. */
static int s_give(void *socket, const proto_buf_t *buf)
{
    zmq_msg_t frame;
    bool *back = malloc(sizeof *back);
    PROTO_ASSERT(back != NULL);
    *back = false;
    int rc = zmq_msg_init_data(&frame, buf->data, buf->size, s_free_given, back);
    PROTO_ASSERT(rc == 0);
    if (zmq_msg_send(&frame, socket, ZMQ_DONTWAIT) >= 0)
        return 0;
    int why = zmq_errno();
    *back = true;
    zmq_msg_close(&frame);
    errno = why;
    return -1;
}

int proto_give(void *socket, proto_buf_t *buf, size_t keep)
{
    if (buf->size < S_COPIED) {
        if (zmq_send(socket, buf->data, buf->size, ZMQ_DONTWAIT) < 0)
            return -1;
        proto_buf_reset(buf);
    } else {
        if (s_give(socket, buf) < 0)
            return -1;
        (void)proto_buf_take(buf, keep); /* ZeroMQ has it */
    }
    if (buf->capacity > 2 * keep)
        proto_buf_free(buf);
    return 0;
}
