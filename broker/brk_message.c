/* SPDX-License-Identifier: MPL-2.0 */
/* Reading messages. Thread: the broker's. */
#include "brk_message.h"

#include "proto_record.h"

bool brk_message_read(brk_message_t *self, void *socket)
{
    zmq_msg_init(&self->identity);
    self->count = 0;
    if (zmq_msg_recv(&self->identity, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&self->identity);
        return false;
    }
    bool more = zmq_msg_more(&self->identity), fits = true;
    size_t bytes = 0;
    while (more) {
        zmq_msg_t spare, *part = self->count < BRK_MDP_FRAMES ? &self->parts[self->count] : &spare;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            break;
        }
        more = zmq_msg_more(part);
        bytes += zmq_msg_size(part);
        fits = fits && part != &spare && bytes <= PROTO_RECORD_BYTES + PROTO_BATCH_HEADER;
        if (fits)
            self->frames[self->count++] = (proto_bytes_t){zmq_msg_data(part), zmq_msg_size(part)};
        else
            zmq_msg_close(part);
    }
    while (!fits && self->count > 0)
        zmq_msg_close(&self->parts[--self->count]);
    return true;
}

void brk_message_close(brk_message_t *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        zmq_msg_close(&self->parts[i]);
    zmq_msg_close(&self->identity);
    self->count = 0;
}
