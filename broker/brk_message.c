/* SPDX-License-Identifier: MPL-2.0 */
/* Reading messages. Thread: the broker's. */
#include "brk_message.h"

#include <stdio.h>

#include "proto_record.h"

static bool s_read_inside(brk_message_t *self, proto_hub_t *hub)
{
    if (!proto_hub_receive(hub, &self->inside, &self->spoke))
        return false;
    self->number = proto_spoke_number(self->spoke);
    self->from = (proto_bytes_t){(const uint8_t *)&self->number, sizeof self->number};
    self->frames[0] = proto_buf_bytes(&self->inside);
    self->bytes = self->frames[0].size;
    self->count = 1;
    return true;
}

bool brk_message_read(brk_message_t *self, const brk_routes_t *routes)
{
    void *socket = routes->socket;
    if (routes->hub)
        return s_read_inside(self, routes->hub);
    zmq_msg_init(&self->identity);
    self->spoke = NULL;
    self->count = 0;
    self->bytes = 0;
    if (zmq_msg_recv(&self->identity, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&self->identity);
        return false;
    }
    self->from = (proto_bytes_t){zmq_msg_data(&self->identity), zmq_msg_size(&self->identity)};
    bool more = zmq_msg_more(&self->identity), fits = true;
    while (more) {
        zmq_msg_t spare, *part = self->count < BRK_MDP_FRAMES ? &self->parts[self->count] : &spare;
        zmq_msg_init(part);
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(part);
            break;
        }
        more = zmq_msg_more(part);
        self->bytes += zmq_msg_size(part);
        fits = fits && part != &spare && self->bytes <= PROTO_RECORD_BYTES + PROTO_BATCH_HEADER;
        if (fits)
            self->frames[self->count++] = (proto_bytes_t){zmq_msg_data(part), zmq_msg_size(part)};
        else
            zmq_msg_close(part);
    }
    while (!fits && self->count > 0)
        zmq_msg_close(&self->parts[--self->count]);
    return true;
}

/* libzmq attaches it to every frame that came over the connection, but not always to the one before them with
 * the routing id, which it makes itself. */
void brk_message_key(const brk_message_t *self, char key[BRK_KEY_TEXT + 1])
{
    const char *found = zmq_msg_gets(&self->parts[0], "User-Id");
    snprintf(key, BRK_KEY_TEXT + 1, "%s", found ? found : "");
}

void brk_message_close(brk_message_t *self)
{
    if (self->spoke)
        return;
    for (uint32_t i = 0; i < self->count; i++)
        zmq_msg_close(&self->parts[i]);
    zmq_msg_close(&self->identity);
}

void brk_message_free(brk_message_t *self)
{
    proto_buf_free(&self->inside);
}
