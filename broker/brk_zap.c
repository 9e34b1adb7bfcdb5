/* SPDX-License-Identifier: MPL-2.0 */
/* Answers to ZAP. Thread: the broker's. */
#include "brk_zap.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

#include "proto_log.h"

enum {
    S_FRAME = 256, /* longest frame of a request that means something */
    S_KEY_BYTES = 32,
    S_LOG_MS = 1000
};

/* The frames of a request (RFC 27 section "Request format"). */
enum { S_VERSION, S_ID, S_DOMAIN, S_ADDRESS, S_IDENTITY, S_MECHANISM, S_CREDENTIALS, S_FRAMES };

typedef struct s_request {
    uint8_t frames[S_FRAMES][S_FRAME];
    size_t sizes[S_FRAMES];
    bool sound; /* as many frames as there should be, none too long */
} s_request_t;

int brk_zap_open(brk_zap_t *self, void *context)
{
    int linger = 0;
    *self = (brk_zap_t){.socket = zmq_socket(context, ZMQ_REP)};
    if (self->socket && zmq_setsockopt(self->socket, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
        zmq_bind(self->socket, "inproc://zeromq.zap.01") == 0)
        return 0;
    proto_log(PROTO_LOG_ERROR, "broker", "no handler for CURVE keys: %s", zmq_strerror(errno));
    brk_zap_close(self);
    return -1;
}

void brk_zap_close(brk_zap_t *self)
{
    if (self->socket)
        zmq_close(self->socket);
    self->socket = NULL;
}

/* Reads one whole request; false when there is none. */
static bool s_read(void *socket, s_request_t *request)
{
    int count = 0;
    int more = 1;
    size_t size = sizeof more;
    request->sound = true;
    while (more) {
        uint8_t *to = request->frames[count < S_FRAMES ? count : 0];
        int length = zmq_recv(socket, to, S_FRAME, ZMQ_DONTWAIT);
        if (length < 0)
            return false;
        if (count >= S_FRAMES || length > S_FRAME) {
            request->sound = false;
            length = 0;
        }
        request->sizes[count < S_FRAMES ? count : 0] = (size_t)length;
        count++;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) < 0)
            return false;
    }
    request->sound = request->sound && count == S_FRAMES;
    return true;
}

static proto_bytes_t s_frame(const s_request_t *request, int frame)
{
    return (proto_bytes_t){request->frames[frame], request->sizes[frame]};
}

/* version, request id, status code, status text, user id, metadata (none). */
static void s_reply(void *socket, proto_bytes_t id, const char *code, const char *text, proto_bytes_t user)
{
    const proto_bytes_t frames[] = {proto_bytes_of("1.0"), id,   proto_bytes_of(code),
                                    proto_bytes_of(text),  user, {0}};
    enum { S_LAST = sizeof frames / sizeof frames[0] - 1 };
    for (int i = 0; i <= S_LAST; i++)
        if (zmq_send(socket, frames[i].data, frames[i].size, ZMQ_DONTWAIT | (i < S_LAST ? ZMQ_SNDMORE : 0)) <
            0)
            return; /* the peer that asked is gone */
}

/* At most one line a second: whoever tries keeps trying. Keys are public, so they may be told. */
static void s_log(brk_zap_t *self, int64_t now, const char *key, proto_bytes_t address)
{
    self->unsaid++;
    if (now < self->quiet_until)
        return;
    char others[64] = "";
    if (self->unsaid > 1)
        snprintf(others, sizeof others, "; %llu more since the last such line",
                 (unsigned long long)self->unsaid - 1);
    proto_log(PROTO_LOG_WARN, "broker", "turned away from %.*s: the rights file has no key %s%s",
              (int)address.size, (const char *)address.data, key, others);
    self->unsaid = 0;
    self->quiet_until = now + S_LOG_MS;
}

uint32_t brk_zap_answer(brk_zap_t *self, const brk_rights_t *rights, int64_t now)
{
    s_request_t request = {0};
    uint32_t refused = 0;
    while (s_read(self->socket, &request)) {
        char key[BRK_KEY_TEXT + 1] = "(none)";
        bool curve = request.sound && proto_bytes_is(s_frame(&request, S_MECHANISM), "CURVE") &&
                     request.sizes[S_CREDENTIALS] == S_KEY_BYTES &&
                     zmq_z85_encode(key, request.frames[S_CREDENTIALS], S_KEY_BYTES);
        proto_bytes_t text = {(const uint8_t *)key, BRK_KEY_TEXT};
        bool known = curve && brk_rights_find(rights, text);
        s_reply(self->socket, s_frame(&request, S_ID), known ? "200" : "400", known ? "OK" : "Unknown key",
                known ? text : (proto_bytes_t){0});
        if (known)
            continue;
        refused++;
        s_log(self, now, key, s_frame(&request, S_ADDRESS));
    }
    return refused;
}
