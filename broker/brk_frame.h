/* SPDX-License-Identifier: MPL-2.0 */
/* The frames of a message, packed one after another: a length of 31 bits and a bit that says whether more
 * follow, in the machine's order, then the bytes. So a Majordomo body of any number of frames is one run of
 * bytes inside the broker, and so are messages that wait to be sent. Never on the wire. A core: no I/O.
 * Thread: any. */
#ifndef BRK_FRAME_H
#define BRK_FRAME_H

#include "proto_buf.h"

enum { BRK_FRAME_HEAD = 4 /* bytes before each frame */ };

typedef struct brk_frame {
    proto_bytes_t bytes;
    bool more; /* of the same message */
} brk_frame_t;

/* Appends a frame of less than 2 GiB. */
void brk_frame_put(proto_buf_t *out, proto_bytes_t bytes, bool more);
/* Appends frames, the last of which ends the message. */
void brk_frame_put_all(proto_buf_t *out, const proto_bytes_t *frames, uint32_t count);
/* Takes the next frame off the front of what was packed here; false at the end. */
bool brk_frame_next(proto_bytes_t *packed, brk_frame_t *frame);
/* The bytes of a message that has exactly one frame; -1 when it has more. */
PROTO_MUST_CHECK int brk_frame_only(proto_bytes_t packed, proto_bytes_t *bytes);

#endif
