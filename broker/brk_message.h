/* SPDX-License-Identifier: MPL-2.0 */
/* Reading one message off a ROUTER, whatever it holds, or a frame off the hub. Thread: the broker's. */
#ifndef BRK_MESSAGE_H
#define BRK_MESSAGE_H

#include <stdbool.h>
#include <zmq.h>

#include "brk_route.h"

/* Its memory is used again for each message. */
typedef struct brk_message {
    proto_bytes_t from; /* the peer's identity */
    zmq_msg_t identity;
    zmq_msg_t parts[BRK_MDP_FRAMES];
    proto_spoke_t *spoke; /* by the hub: whose it is, its number, and the frame */
    uint64_t number;
    proto_buf_t inside;
    proto_bytes_t frames[BRK_MDP_FRAMES];
    uint32_t count;
    size_t bytes; /* of all its frames, those too many as well */
} brk_message_t;

/* Reads one whole message of the socket or hub without waiting; false when there is none. One of too many
 * frames or bytes is read to its end and has none. Close it before the next. */
PROTO_MUST_CHECK bool brk_message_read(brk_message_t *self, const brk_routes_t *routes);
/* The CURVE key that the ZAP handler let in (Z85), "" when there is none. The message has a part. */
void brk_message_key(const brk_message_t *self, char key[BRK_KEY_TEXT + 1]);
void brk_message_close(brk_message_t *self);
/* Frees what is kept for the next one. */
void brk_message_free(brk_message_t *self);

#endif
