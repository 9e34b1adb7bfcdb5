/* SPDX-License-Identifier: MPL-2.0 */
/* Majordomo peers at the broker's core: an input is a script of messages from three of them, with a native
 * client and a native worker beside them. After each message the core's invariants hold, and all that it said
 * is whole messages.
 *
 * A message: a byte for who (0, 1, 2: Majordomo; 3: the native client asks; 4: the native worker says
 * something) and, in its upper bits, how much time has passed; a byte for the number of frames, or what 3 and
 * 4 do; for each frame a byte: below S_WORDS a word of the list below, else that much above it of the bytes
 * that follow. */
#include "brk_frame.h"
#include "brk_mdp.h"
#include "fuzz.h"
#include "proto_rpc.h"

enum { S_MAJORDOMO = 3, S_CLIENT = 3, S_WORKER = 4, S_PEERS = 5, S_REQUESTS = 20 };

typedef struct s_peer {
    uint64_t id;
    proto_buf_t out;
    brk_mdp_peer_t mdp;
} s_peer_t;

static brk_core_t *s_core;
static brk_mdp_t *s_mdp;
static s_peer_t s_peers[S_PEERS];
static int64_t s_now;
static uint8_t s_address[BRK_MDP_ADDRESS]; /* of the request a Majordomo worker heard last */
static proto_buf_t s_reply;                /* the RPC response to it */
static proto_record_t s_held;              /* what the native worker was asked last */
static uint64_t s_asked;

static const uint8_t s_rpc[] = "\x94\x00\x07\xa1o\x92\x80\x81\xa6values\xa6native";
static const uint8_t s_describe[] = "\x94\x00\x07\xa8"
                                    "describe\x90";
static const uint8_t s_options[] = "\x83\xa6window\x02\xa6offers\x91\x93\x05\xa1o\x00\xa9"
                                   "catalogue\x82\xaageneration\x01\xaaoperations\x91\x81\xa4name\xa1o";
static const proto_bytes_t s_words[] = {
    {(const uint8_t *)"", 0},
    {(const uint8_t *)"MDPC01", 6},
    {(const uint8_t *)"MDPC02", 6},
    {(const uint8_t *)"MDPW01", 6},
    {(const uint8_t *)"MDPW02", 6},
    {(const uint8_t *)"\1", 1},
    {(const uint8_t *)"\2", 1},
    {(const uint8_t *)"\3", 1},
    {(const uint8_t *)"\4", 1},
    {(const uint8_t *)"\5", 1},
    {(const uint8_t *)"\6", 1},
    {(const uint8_t *)"m", 1},
    {(const uint8_t *)"n", 1},
    {(const uint8_t *)"muster", 6},
    {(const uint8_t *)"mmi.service", 11},
    {(const uint8_t *)"mmi.services", 12},
    {(const uint8_t *)"mmi.stats", 9},
    {s_rpc, sizeof s_rpc - 1},
    {s_describe, sizeof s_describe - 1},
    {s_options, sizeof s_options - 1},
    {s_address, sizeof s_address},
    {NULL, 0}, /* s_reply */
};
enum { S_WORDS = sizeof s_words / sizeof s_words[0], S_REPLY = S_WORDS - 1 };

static void s_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    s_peer_t *peer = tag;
    if (peer - s_peers < S_MAJORDOMO) {
        brk_mdp_write(s_mdp, &peer->mdp, record);
        return;
    }
    proto_record_t native = *record;
    if (native.flags & BRK_RAW)
        brk_mdp_native(&native);
    PROTO_ASSERT((native.flags & ~PROTO_FLAG_ALL) == 0);
    if (native.type == PROTO_REQUEST)
        s_held = (proto_record_t){.id = native.id, .epoch = native.epoch};
}

static void s_forget(void *arg, void *tag)
{
    (void)arg;
    s_peer_t *peer = tag;
    peer->id = 0;
    if (peer - s_peers < S_MAJORDOMO)
        brk_mdp_forget(s_mdp, &peer->mdp);
}

/* Looks at what a Majordomo peer was told, and remembers what a worker is to answer. */
static void s_read_out(s_peer_t *peer)
{
    proto_bytes_t left = proto_buf_bytes(&peer->out);
    brk_frame_t frame = {0};
    uint32_t at = 0;
    bool request = false;
    while (brk_frame_next(&left, &frame)) {
        request = request || (at > 0 && frame.bytes.size == 1 && frame.bytes.data[0] == 2);
        if (request && frame.bytes.size == BRK_MDP_ADDRESS)
            memcpy(s_address, frame.bytes.data, BRK_MDP_ADDRESS);
        proto_rpc_request_t rpc;
        if (request && !frame.more && proto_rpc_read_request(frame.bytes, &rpc) == 0) {
            proto_buf_reset(&s_reply);
            proto_rpc_write_response(&s_reply, true, rpc.msgid, (proto_bytes_t){0}, s_words[S_REPLY - 1],
                                     false);
        }
        at = frame.more ? at + 1 : 0;
    }
    PROTO_ASSERT(!frame.more); /* the last message is whole */
    proto_buf_reset(&peer->out);
}

static uint64_t s_joined(s_peer_t *peer)
{
    if (peer->id)
        return peer->id;
    peer->id = brk_core_join(s_core, s_now, brk_right_all(), peer);
    peer->mdp = (brk_mdp_peer_t){.out = &peer->out};
    if (peer - s_peers < S_MAJORDOMO)
        brk_core_speaks_mdp(s_core, peer->id);
    return peer->id;
}

static void s_say(s_peer_t *peer, proto_record_t record)
{
    brk_core_record(s_core, s_now, s_joined(peer), &record);
}

/* The native client asks one service or the other, the last time with arguments that are none. */
static void s_ask(uint8_t how)
{
    static const uint8_t arguments[] = {0x81, 0xa1, 'a', 0xd6, 0xff, 0, 0, 0, 1}, none[] = {0xc1};
    s_say(&s_peers[S_CLIENT], (proto_record_t){.type = PROTO_REQUEST,
                                               .id = ++s_asked,
                                               .deadline = 1 + how * 10u,
                                               .service = proto_bytes_of(how & 1 ? "m" : "n"),
                                               .name = proto_bytes_of("o"),
                                               .subject = proto_bytes_of(how & 2 ? "ada\xff" : ""),
                                               .body = how % 5 ? (proto_bytes_t){arguments, sizeof arguments}
                                                               : (proto_bytes_t){none, sizeof none}});
}

static void s_work(uint8_t how)
{
    static const proto_type_t types[] = {PROTO_FINAL, PROTO_ERROR, PROTO_PARTIAL, PROTO_RETURN};
    proto_record_t record = s_held;
    if (how & 4) {
        s_say(&s_peers[S_WORKER], (proto_record_t){.type = PROTO_READY,
                                                   .number = 2,
                                                   .epoch = 1,
                                                   .service = proto_bytes_of(how & 8 ? "m" : "n")});
        return;
    }
    record.type = types[how & 3];
    record.number = record.type == PROTO_ERROR ? 7 : 0;
    record.name = proto_bytes_of("o");
    record.body = how & 16 ? s_words[4] : s_words[18];
    s_say(&s_peers[S_WORKER], record);
}

static void s_message(s_peer_t *peer, const proto_bytes_t *frames, uint32_t count)
{
    brk_mdp_message_t message;
    if (brk_mdp_read(frames, count, &message) < 0)
        brk_core_malformed(s_core, s_now, 0, 0);
    else
        brk_mdp_take(s_mdp, s_now, s_joined(peer), &peer->mdp, &message);
}

static void s_begin(void)
{
    const brk_limits_t limits = {.peers = S_PEERS,
                                 .requests = S_REQUESTS,
                                 .queue_count = 5,
                                 .queue_bytes = 5000,
                                 .queue_ms = 500,
                                 .deadline_ms = 20000};
    s_now = 1000;
    s_asked = 0;
    s_held = (proto_record_t){0};
    s_core = brk_core_new(&limits, s_send, NULL, s_now);
    s_mdp = brk_mdp_new(s_core, S_REQUESTS, 1, s_now);
    brk_core_on_forget(s_core, s_forget);
    for (int i = 0; i < S_PEERS; i++)
        s_peers[i].id = 0;
}

/* Takes one message of the script. */
static void s_step(const uint8_t **at, const uint8_t *end)
{
    proto_bytes_t frames[80];
    uint8_t who = (*at)[0] & 7, count = (*at)[1] % 80;
    s_now += ((*at)[0] >> 3) * 100;
    *at += 2;
    for (uint32_t i = 0; i < count && who < S_MAJORDOMO; i++) {
        uint8_t kind = *at < end ? *(*at)++ : 0;
        size_t size = kind < S_WORDS ? 0 : (size_t)kind - S_WORDS;
        if (size > (size_t)(end - *at))
            size = (size_t)(end - *at);
        frames[i] = kind == S_REPLY  ? proto_buf_bytes(&s_reply)
                    : kind < S_WORDS ? s_words[kind]
                                     : (proto_bytes_t){*at, size};
        *at += size;
    }
    if (who < S_MAJORDOMO)
        s_message(&s_peers[who], frames, count);
    else if (who == S_CLIENT)
        s_ask(count);
    else
        s_work(count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    s_begin();
    while (end - data >= 2) {
        s_step(&data, end);
        if (s_now >= brk_core_next_deadline(s_core))
            brk_core_tick(s_core, s_now);
        brk_core_check(s_core);
        for (int i = 0; i < S_MAJORDOMO; i++)
            s_read_out(&s_peers[i]);
    }
    brk_mdp_free(&s_mdp);
    brk_core_free(&s_core);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    /* Words: 0 "", 1 MDPC01, 2 MDPC02, 3 MDPW01, 4 MDPW02, 5..10 commands 1..6, 11 m, 12 n, 13 muster, 14..16
     * mmi, 17 RPC, 18 describe, 19 options of READY, 20 the address heard last, 21 the answer to it. */
    static const fuzz_seed_t seeds[] = {
        /* 0.1 worker, 0.1 client, reply of any frames */
        FUZZ_SEED("\0\4\0\3\5\13"
                  "\1\4\0\1\13\21"
                  "\0\7\0\3\7\24\0\25\0"
                  "\0\3\0\3\10"),
        /* 0.2 worker with options, native client, answer, doubled; describe */
        FUZZ_SEED("\0\4\4\5\13\23"
                  "\3\41"
                  "\0\5\4\10\24\0\25"
                  "\0\5\4\10\24\0\25"
                  "\1\4\2\5\13\22"),
        /* partials, then silence until all are given up */
        FUZZ_SEED("\0\3\4\5\13"
                  "\1\4\2\5\13\21"
                  "\0\5\4\7\24\0\25"
                  "\0\5\4\7\24\0\25"
                  "\370\0\370\0\370\0\370\0\370\0"),
        /* Majordomo client, native worker, which gives back, then answers; a body without RPC */
        FUZZ_SEED("\4\4"
                  "\1\4\2\5\14\21"
                  "\4\3"
                  "\4\4"
                  "\4\0"
                  "\1\5\0\1\14\0\0"
                  "\4\1"),
        /* native and Majordomo workers of one service; given back from one to the other */
        FUZZ_SEED("\4\14"
                  "\1\4\2\5\13\21"
                  "\0\3\4\5\13"
                  "\4\3"
                  "\0\5\4\10\24\0\25"
                  "\2\4\0\1\13\0"),
        /* the broker's own, and second READY, DISCONNECT */
        FUZZ_SEED("\1\4\0\1\16\13"
                  "\1\4\0\1\17\0"
                  "\1\4\2\5\20\0"
                  "\1\4\2\5\15\22"
                  "\0\3\4\5\13\0\3\4\5\13\0\2\4\12"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
