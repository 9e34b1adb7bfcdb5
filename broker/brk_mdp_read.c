/* SPDX-License-Identifier: MPL-2.0 */
/* Reading Majordomo's frames. Frame numbers, as the RFCs count them, stand at each layout. Thread: any. */
#include "brk_frame.h"
#include "brk_mdp.h"

/* What each command byte means. */
static const brk_mdp_command_t s_commands[2][7] = {
    {0, BRK_MDP_READY, BRK_MDP_REQUEST, BRK_MDP_FINAL, BRK_MDP_HEARTBEAT, BRK_MDP_DISCONNECT, 0},
    {0, BRK_MDP_READY, BRK_MDP_REQUEST, BRK_MDP_PARTIAL, BRK_MDP_FINAL, BRK_MDP_HEARTBEAT,
     BRK_MDP_DISCONNECT},
};

static bool s_fits(const proto_bytes_t *frames, uint32_t count)
{
    size_t left = BRK_MDP_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        if (frames[i].size + BRK_FRAME_HEAD > left)
            return false;
        left -= frames[i].size + BRK_FRAME_HEAD;
    }
    return count <= BRK_MDP_FRAMES;
}

/* Finds the header and what stands before it; the number of the frame behind the header, 0 for none. */
static uint32_t s_header(const proto_bytes_t *frames, uint32_t count, brk_mdp_message_t *message)
{
    uint32_t at = 0;
    size_t bytes = 0;
    message->version = 2;
    if (!proto_bytes_is(frames[0], "MDPC02") && !proto_bytes_is(frames[0], "MDPW02")) {
        message->version = 1;
        while (at < count && frames[at].size > 0 && at < BRK_MDP_ENVELOPE)
            bytes += frames[at++].size;
        if (at + 1 >= count || frames[at].size > 0 || bytes > BRK_MDP_ENVELOPE_BYTES)
            return 0;
        message->envelope = frames;
        message->envelope_count = ++at;
        if (!proto_bytes_is(frames[at], "MDPC01") && !proto_bytes_is(frames[at], "MDPW01"))
            return 0;
    }
    message->worker = frames[at].data[3] == 'W';
    return at + 1;
}

static int s_service(proto_bytes_t frame, brk_mdp_message_t *message)
{
    message->service = frame;
    return frame.size > 0 && proto_record_plain(frame) ? 0 : -1;
}

/* Client, 0.1: 2 service, 3+ body. 0.2: 1 command, 2 service, 3+ body. */
static int s_client(const proto_bytes_t *rest, uint32_t count, brk_mdp_message_t *message)
{
    message->command = BRK_MDP_REQUEST;
    if (message->version ==
        2) { /* a client says neither PARTIAL nor FINAL, and there is no way to tell it so */
        if (count == 0 || !proto_bytes_is(rest[0], "\1"))
            return -1;
        rest++;
        count--;
    }
    if (count < 2 || s_service(rest[0], message) < 0)
        return -1;
    message->body = rest + 1;
    message->body_count = count - 1;
    return 0;
}

/* Worker, 0.1: 2 command, 0.2: 1 command; then as the command has it. */
static int s_worker(const proto_bytes_t *rest, uint32_t count, brk_mdp_message_t *message)
{
    if (message->envelope_count > 1 || count == 0 || rest[0].size != 1 || rest[0].data[0] > 6)
        return -1;
    message->command = s_commands[message->version - 1][rest[0].data[0]];
    switch (message->command) {
    case BRK_MDP_READY: /* service, and one frame of ours */
        message->body = rest + 2;
        message->body_count = count - 2;
        return count >= 2 && count <= 3 ? s_service(rest[1], message) : -1;
    case BRK_MDP_REQUEST:
    case BRK_MDP_PARTIAL:
    case BRK_MDP_FINAL: /* client address, empty, body */
        if (count < 4 || rest[2].size > 0)
            return -1;
        message->address = rest[1];
        message->body = rest + 3;
        message->body_count = count - 3;
        return 0;
    case BRK_MDP_HEARTBEAT:
    case BRK_MDP_DISCONNECT:
        return count == 1 ? 0 : -1;
    default:
        return -1;
    }
}

int brk_mdp_read(const proto_bytes_t *frames, uint32_t count, brk_mdp_message_t *message)
{
    *message = (brk_mdp_message_t){0};
    uint32_t at = count && s_fits(frames, count) ? s_header(frames, count, message) : 0;
    if (at == 0)
        return -1;
    return message->worker ? s_worker(frames + at, count - at, message)
                           : s_client(frames + at, count - at, message);
}
