/* SPDX-License-Identifier: MPL-2.0 */
/* hostile ENDPOINT SERVICE OPERATION COUNT SEED [ANOTHER]: sends COUNT hostile messages to a broker, the same
 * for the same seed, while a good peer calls an operation one request after the other. Prints how long the
 * good peer waited before and meanwhile. Exit status 1 when a good request was not answered with FINAL, or
 * the broker took nothing any more. ANOTHER is where the hostile messages go instead: so one sees what of the
 * waiting is the machine's, which has to send and take them anyhow. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto_clock.h"
#include "proto_wire.h"

enum {
    S_SOCKETS = 8,
    S_FRAMES = 1000,
    S_DEPTH = 100000,
    S_SAMPLES = 4000000,
    S_PATIENCE_MS = 20000,
    S_BEFORE_MS = 2000,
    S_ANSWERS = 64 /* most read between two messages */
};

static const char *s_endpoint, *s_target, *s_service, *s_operation;
static void *s_context;
static void *s_sockets[S_SOCKETS];
static uint64_t s_state;
static proto_buf_t s_deep;

static uint32_t s_random(uint32_t below)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    s_state ^= s_state << 17;
    return (uint32_t)(s_state >> 32) % below;
}

static void s_give_up(const char *what)
{
    fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
    _exit(1);
}

/* --- One message: frames gathered, then sent --- */

typedef struct s_frame {
    const void *data;
    size_t size;
} s_frame_t;

static s_frame_t s_frames[S_FRAMES];
static int s_frame_count;
static uint8_t s_noise[4096];

static void s_add(const void *data, size_t size)
{
    if (s_frame_count < S_FRAMES)
        s_frames[s_frame_count++] = (s_frame_t){data, size};
}

static void s_add_text(const char *text)
{
    s_add(text, strlen(text));
}

static void s_add_noise(uint32_t most)
{
    uint32_t size = s_random(most + 1);
    s_add(s_noise + s_random(sizeof s_noise - most), size);
}

/* A new socket in the place of one, under a made-up routing id, which another may have already. */
static void s_replace(int i)
{
    static const char *const ids[] = {"a", "worker", "client", "\001\002\003\004"};
    int none = 0, water = 1000;
    if (s_sockets[i])
        zmq_close(s_sockets[i]);
    s_sockets[i] = zmq_socket(s_context, ZMQ_DEALER);
    if (!s_sockets[i])
        s_give_up("zmq_socket");
    zmq_setsockopt(s_sockets[i], ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s_sockets[i], ZMQ_SNDHWM, &water, sizeof water);
    if (s_random(4) == 0) {
        const char *id = ids[s_random(4)];
        zmq_setsockopt(s_sockets[i], ZMQ_ROUTING_ID, id, strlen(id));
    }
    if (zmq_connect(s_sockets[i], s_target) < 0)
        s_give_up(s_target);
}

static void s_read_answers(void *socket)
{
    zmq_msg_t frame;
    for (int i = 0; i < S_ANSWERS; i++) {
        zmq_msg_init(&frame);
        int rc = zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT);
        zmq_msg_close(&frame);
        if (rc < 0)
            return;
    }
}

/* A socket whose routing id another holds is not let in: it is replaced when it takes nothing. */
static void s_send(int64_t *since)
{
    int i = (int)s_random(S_SOCKETS);
    for (;;) {
        s_read_answers(s_sockets[i]);
        int rc = 0;
        for (int k = 0; k < s_frame_count && rc >= 0; k++)
            rc = zmq_send(s_sockets[i], s_frames[k].data, s_frames[k].size,
                          ZMQ_DONTWAIT | (k + 1 < s_frame_count ? ZMQ_SNDMORE : 0));
        if (rc >= 0)
            break;
        if (proto_clock_ms() - *since > S_PATIENCE_MS)
            s_give_up("the broker takes nothing");
        zmq_pollitem_t item = {.socket = s_sockets[i], .events = ZMQ_POLLOUT};
        if (zmq_poll(&item, 1, 100) == 0)
            s_replace(i);
    }
    *since = proto_clock_ms();
}

/* --- Kinds of hostility --- */

static void s_any_frames(void)
{
    uint32_t most = s_random(100) == 0 ? S_FRAMES : s_random(10) == 0 ? 80 : 8;
    for (uint32_t count = 1 + s_random(most); count; count--)
        s_add_noise(s_random(8) == 0 ? 1000 : 16);
}

static void s_empty_frames(void)
{
    for (uint32_t count = 1 + s_random(12); count; count--)
        s_add("", 0);
}

static const char *s_name(void)
{
    static const char *const names[] = {
        "db",   "muster", "mmi.service", "mmi.services", "mmi.nothing", "mmi.xy", "chat",
        "echo", "",       "\001\002"};
    return names[s_random(sizeof names / sizeof *names)];
}

static void s_add_command(uint32_t commands)
{
    static const uint8_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 255};
    s_add(&all[s_random(commands)], 1);
}

/* Majordomo of both versions and sides, with any command; with an address that nobody gave out. */
static void s_mdp(void)
{
    static const char *const heads[] = {"MDPC01", "MDPW01", "MDPC02", "MDPW02", "MDPX02", "MDPC0"};
    uint32_t head = s_random(6);
    if (head < 2 || s_random(8) == 0)
        s_add("", 0);
    s_add_text(heads[head]);
    if (head != 0)
        s_add_command(10);
    if (s_random(2))
        s_add_text(s_name());
    else
        s_add(s_noise + s_random(1000), 12);
    if (s_random(2))
        s_add("", 0);
    for (uint32_t count = s_random(4); count; count--)
        s_add_noise(64);
}

static void s_ready_twice(int64_t *since)
{
    const char *name = s_name();
    bool first = s_random(2);
    for (int i = 0; i < 2; i++) {
        s_frame_count = 0;
        if (first)
            s_add("", 0);
        s_add_text(first ? "MDPW01" : "MDPW02");
        s_add("\001", 1);
        s_add_text(name);
        if (i == 0)
            s_send(since);
    }
}

/* Bodies of MessagePack-RPC that end too early, are too deep, or claim lengths that nobody could send. */
static void s_rpc(void)
{
    static const uint8_t lies[][12] = {
        {0x94, 0x00, 0x01, 0xdb, 0xff, 0xff, 0xff, 0xff, 'x'},
        {0x94, 0x00, 0x01, 0xa1, 'x', 0xdd, 0xff, 0xff, 0xff, 0xff},
        {0xdd, 0xff, 0xff, 0xff, 0xff, 0x00, 0x01},
        {0x94, 0x00, 0x01, 0xa1, 'x', 0x91, 0xdf, 0xff, 0xff, 0xff, 0xff},
        {0x94, 0x00, 0xce, 0xff, 0xff},
        {0x94, 0x01, 0x01, 0xc0, 0x80},
        {0xc6, 0xff, 0xff, 0xff, 0xff},
        {0xc1},
    };
    uint32_t kind = s_random(10);
    if (s_random(2)) {
        s_add("", 0);
        s_add_text("MDPC01");
    } else {
        s_add_text("MDPC02");
        s_add("\001", 1);
    }
    s_add_text(s_name());
    if (kind < 8)
        s_add(lies[kind], 1 + s_random(12));
    else if (kind == 8 && s_random(20) == 0)
        s_add(s_deep.data, s_deep.size);
    else
        s_add_noise(200);
}

/* Native records: sound ones that a stranger may not send, and sound ones with bytes changed. */
static void s_native(void)
{
    static proto_buf_t batch;
    proto_buf_reset(&batch);
    for (uint32_t count = 1 + s_random(3); count; count--) {
        proto_type_t type = (proto_type_t)(1 + s_random(PROTO_TYPE_END - 1));
        proto_record_t record = {
            .type = type,
            .number = (uint16_t)(s_random(4) ? 1 + s_random(300) : 0),
            .id = s_random(4) ? s_random(100) : s_state,
            .operation = s_random(2) ? s_state : 0,
            .epoch = s_random(3),
            .deadline = type == PROTO_REQUEST ? 1 + s_random(1000) : 0,
            .service = proto_bytes_of(s_name()),
            .name = proto_bytes_of(s_random(2) ? "get_provider" : "nothing"),
            .subject = proto_bytes_of("root"),
            .role = proto_bytes_of("admin"),
            .body = {s_noise, s_random(60)},
        };
        if (proto_record_append(&batch, &record) < 0)
            s_give_up("proto_record_append");
    }
    for (uint32_t count = s_random(4); count && batch.size; count--)
        batch.data[s_random((uint32_t)batch.size)] = (uint8_t)s_random(256);
    s_add(batch.data, batch.size);
}

static void s_message(int64_t *since)
{
    s_frame_count = 0;
    uint32_t kind = s_random(100);
    if (kind < 15)
        s_any_frames();
    else if (kind < 20)
        s_empty_frames();
    else if (kind < 45)
        s_mdp();
    else if (kind < 50)
        s_ready_twice(since);
    else if (kind < 70)
        s_rpc();
    else
        s_native();
    s_send(since);
    if (s_random(2000) == 0)
        s_replace((int)s_random(S_SOCKETS));
}

/* --- The good peer --- */

typedef struct s_good {
    volatile int stop;
    double *times;
    size_t count;
} s_good_t;

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool s_answered(proto_wire_t *wire, uint64_t id)
{
    proto_batch_t batch;
    proto_record_t record;
    bool answered = false;
    while (proto_wire_receive(wire, proto_clock_ms(), &batch) == 1)
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
            if (rc < 0 || record.id != id)
                continue;
            if (record.type != PROTO_FINAL)
                s_give_up("a good request was refused");
            answered = true;
        }
    return answered;
}

static void *s_be_good(void *arg)
{
    s_good_t *self = arg;
    proto_address_t address = {.endpoint = s_endpoint};
    proto_wire_t *wire = proto_wire_open(s_context, &address, proto_clock_ms());
    if (!wire)
        s_give_up(s_endpoint);
    for (uint64_t id = 1; !self->stop; id++) {
        double from = s_now();
        if (proto_wire_put(wire, &(proto_record_t){.type = PROTO_REQUEST,
                                                   .id = id,
                                                   .deadline = S_PATIENCE_MS,
                                                   .service = proto_bytes_of(s_service),
                                                   .name = proto_bytes_of(s_operation)}) < 0)
            s_give_up("proto_wire_put");
        while (!s_answered(wire, id)) {
            if (s_now() - from > S_PATIENCE_MS / 1e3)
                s_give_up("a good request got no answer");
            (void)proto_wire_flush(wire, proto_clock_ms());
            zmq_pollitem_t item = {.socket = proto_wire_socket(wire), .events = ZMQ_POLLIN};
            (void)zmq_poll(&item, 1, 10);
        }
        if (self->count < S_SAMPLES)
            self->times[self->count++] = s_now() - from;
    }
    proto_wire_close(&wire, 0);
    return NULL;
}

static int s_by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void s_report(const char *when, double *times, size_t count)
{
    qsort(times, count, sizeof *times, s_by_size);
    if (count)
        printf("%s: %zu good requests, p50 %.0f us, p99 %.0f us, most %.0f us\n", when, count,
               times[count / 2] * 1e6, times[count * 99 / 100] * 1e6, times[count - 1] * 1e6);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) {
        fputs("usage: hostile ENDPOINT SERVICE OPERATION COUNT SEED [ANOTHER]\n", stderr);
        return 2;
    }
    s_endpoint = argv[1];
    s_target = argv[argc == 7 ? 6 : 1];
    s_service = argv[2];
    s_operation = argv[3];
    long count = atol(argv[4]);
    s_state = strtoull(argv[5], NULL, 10) * 0x9e3779b97f4a7c15ull | 1;
    s_context = zmq_ctx_new();
    for (size_t i = 0; i < sizeof s_noise; i++)
        s_noise[i] = (uint8_t)s_random(256);
    proto_buf_string(&s_deep, "\x94");
    proto_buf_append(&s_deep, "\0\1\xa1x", 4);
    for (int i = 0; i < S_DEPTH; i++)
        proto_buf_byte(&s_deep, 0x91);
    for (int i = 0; i < S_SOCKETS; i++)
        s_replace(i);

    s_good_t good = {.times = calloc(S_SAMPLES, sizeof(double))};
    pthread_t thread;
    if (!good.times || pthread_create(&thread, NULL, s_be_good, &good) != 0)
        s_give_up("pthread_create");
    usleep(S_BEFORE_MS * 1000);
    size_t before = good.count; /* a little race: which side of the border a sample falls on */
    int64_t since = proto_clock_ms();
    for (long i = 0; i < count; i++) {
        s_message(&since);
        if (i % 10000 == 0)
            fprintf(stderr, "\r%ld", i);
    }
    good.stop = 1;
    pthread_join(thread, NULL);
    for (int i = 0; i < S_SOCKETS; i++)
        zmq_close(s_sockets[i]);
    fprintf(stderr, "\r");
    printf("%ld hostile messages sent\n", count);
    s_report("before", good.times, before);
    s_report("meanwhile", good.times + before, good.count - before);
    zmq_ctx_term(s_context);
    proto_buf_free(&s_deep);
    free(good.times);
    return 0;
}
