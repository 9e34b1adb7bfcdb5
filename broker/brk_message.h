/* SPDX-License-Identifier: MPL-2.0 */
/* Reading one message off a ROUTER, whatever it holds. Thread: the broker's. */
#ifndef BRK_MESSAGE_H
#define BRK_MESSAGE_H

#include <stdbool.h>
#include <zmq.h>

#include "brk_mdp.h"

/* Its memory is used again for each message. */
typedef struct brk_message {
    zmq_msg_t identity; /* of the peer */
    zmq_msg_t parts[BRK_MDP_FRAMES];
    proto_bytes_t frames[BRK_MDP_FRAMES]; /* what the parts hold */
    uint32_t count;
} brk_message_t;

/* Reads one whole message without waiting; false when there is none. One of too many frames or bytes is read
 * to its end and has none. Close it before the next. */
PROTO_MUST_CHECK bool brk_message_read(brk_message_t *self, void *socket);
void brk_message_close(brk_message_t *self);

#endif
