/* SPDX-License-Identifier: MPL-2.0 */
/* bench_broker [--seconds S] [--rounds N]: what a message through the broker costs, with nothing behind it.
 * Three ways of sending small requests to a worker that echoes them, 64 under way, compared in alternating
 * rounds within one run, within the process and over tcp on loopback:
 * - raw: ROUTER to ROUTER, one frame a message, no broker: what ZeroMQ itself costs, over inproc and tcp
 * - native: records, client - broker - worker and back, by the broker's hub and over tcp; by the hub, where a
 *   flush costs no system call, client and worker flush every 24 records, so that all three work at once
 * - mdp: Majordomo 0.2, one message a request, the same way over inproc and tcp
 *
 * Then the broker's processor time a native request, for 1 to 64 clients, and the latency of
 * one request alone. The client runs in the main thread, worker and broker in threads of their own, each with
 * a ZeroMQ context of its own over tcp, so that a part's I/O thread is counted with it. Run it on a quiet
 * machine. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "proto_clock.h"
#include "proto_wire.h"
#include "proto_yield.h"
#include "tasks.h"
#include "thread.h"

enum { S_WINDOW = 64, S_START = 24, S_PEERS = 64, S_ROUNDS = 99, S_ALONE = 20000, S_PAYLOAD = 16 };

typedef enum { S_RAW, S_NATIVE, S_MDP, S_KINDS } s_kind_t;
static const char *const s_kind_names[] = {"raw", "native", "mdp"};

static double s_seconds = 2;
static int s_rounds = 5;

static void s_fail(const char *what)
{
    fprintf(stderr, "bench_broker: %s: %s\n", what, strerror(errno));
    _exit(1); /* other threads hold sockets: no handlers of exit */
}

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- A set-up: contexts, broker, worker --- */

typedef struct s_stage {
    s_kind_t kind;
    bool tcp;
    void *client_context, *broker_context, *worker_context; /* one and the same over inproc */
    char endpoint[64];
    const char *bound; /* the endpoint, for `config` */
    proto_address_t address;
    proto_hub_t *hub; /* native peers inside; NULL for others */
    broker_config_t config;
    srv_thread_t *broker;
    bench_tasks_t broker_tasks;
    pthread_t worker;
    volatile int ready, stop;
} s_stage_t;

static void *s_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    int none = 0, soon = 100;
    if (!socket)
        s_fail("zmq_socket");
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &soon, sizeof soon);
    return socket;
}

/* Echoes single frames; blocks only when there is nothing. */
static void s_raw_worker(s_stage_t *stage)
{
    void *socket = s_socket(stage->worker_context, ZMQ_ROUTER);
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, "echo", 4);
    if (zmq_bind(socket, stage->endpoint) < 0)
        s_fail(stage->endpoint);
    stage->ready = 1;
    zmq_msg_t identity, frame;
    while (!stage->stop) {
        zmq_msg_init(&identity);
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&identity, socket, 0) >= 0 && zmq_msg_recv(&frame, socket, 0) >= 0) {
            (void)zmq_msg_send(&identity, socket, ZMQ_SNDMORE);
            (void)zmq_msg_send(&frame, socket, 0);
        }
        zmq_msg_close(&identity);
        zmq_msg_close(&frame);
    }
    zmq_close(socket);
}

static void s_put(proto_wire_t *wire, const proto_record_t *record)
{
    if (proto_wire_put(wire, record) < 0)
        s_fail("proto_wire_put");
}

/* After the n-th of many records: what is there goes already, where that costs little. */
static void s_go(const s_stage_t *stage, proto_wire_t *wire, uint64_t n, int64_t now)
{
    if (!stage->tcp && n % S_START == 0)
        (void)proto_wire_flush(wire, now);
}

typedef struct s_wires {
    proto_wire_t *list[S_PEERS];
    int count;
    proto_yield_t yield;
} s_wires_t;

static bool s_filled(const void *arg)
{
    const s_wires_t *wires = arg;
    bool filled = false;
    for (int i = 0; i < wires->count; i++)
        filled = filled || proto_wire_filled(wires->list[i]);
    return filled;
}

/* Waits until one of the wires has something, as gateways do. */
static void s_await(s_wires_t *self, uint64_t under_way, int ms)
{
    struct pollfd items[S_PEERS];
    proto_yield_until(&self->yield, under_way, s_filled, self);
    for (int i = 0; i < self->count; i++) {
        items[i] = (struct pollfd){.fd = proto_wire_fd(self->list[i]), .events = POLLIN};
        if (proto_wire_looks(self->list[i]))
            return;
    }
    (void)poll(items, (nfds_t)self->count, ms);
    for (int i = 0; i < self->count; i++)
        if (items[i].revents)
            proto_wire_told(self->list[i]);
}

static void s_native_worker(s_stage_t *stage)
{
    proto_wire_t *wire = proto_wire_open(stage->worker_context, &stage->address, proto_clock_ms());
    if (!wire)
        s_fail(stage->endpoint);
    s_put(wire, &(proto_record_t){
                    .type = PROTO_READY, .number = 256, .epoch = 1, .service = proto_bytes_of("echo")});
    s_wires_t wires = {.list = {wire}, .count = 1};
    for (uint64_t taken = 0; !stage->stop;) {
        int64_t now = proto_clock_ms();
        (void)proto_wire_tick(wire, now);
        (void)proto_wire_flush(wire, now);
        s_await(&wires, taken, 100);
        taken = 0;
        proto_batch_t batch;
        while (proto_wire_receive(wire, now, &batch) == 1) {
            proto_record_t record;
            for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
                stage->ready = 1; /* the broker's HEARTBEAT says that we are registered */
                if (rc < 0 || record.type != PROTO_REQUEST)
                    continue;
                taken++;
                s_put(wire,
                      &(proto_record_t){
                          .type = PROTO_FINAL, .id = record.id, .epoch = record.epoch, .body = record.body});
                s_go(stage, wire, taken, now);
            }
        }
    }
    proto_wire_close(&wire, 0);
}

static void s_send_frames(void *socket, const proto_bytes_t *frames, int count)
{
    for (int i = 0; i < count; i++)
        if (zmq_send(socket, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0) < 0)
            s_fail("zmq_send");
}

/* MDP 0.2 (RFC 18): REQUEST is answered by FINAL with the same address and body. */
static void s_mdp_worker(s_stage_t *stage)
{
    static const uint8_t window[] = {0x81, 0xa6, 'w', 'i', 'n', 'd', 'o', 'w', 0xcc, S_WINDOW};
    void *socket = s_socket(stage->worker_context, ZMQ_DEALER);
    if (zmq_connect(socket, stage->endpoint) < 0)
        s_fail(stage->endpoint);
    s_send_frames(socket,
                  (proto_bytes_t[]){{(const uint8_t *)"MDPW02", 6},
                                    {(const uint8_t *)"\001", 1},
                                    {(const uint8_t *)"echo", 4},
                                    {window, sizeof window}},
                  4);
    stage->ready = 1;
    zmq_msg_t frames[8];
    while (!stage->stop) {
        int count = 0;
        bool more = true;
        while (more && count < 8) {
            zmq_msg_init(&frames[count]);
            if (zmq_msg_recv(&frames[count], socket, 0) < 0)
                break;
            more = zmq_msg_more(&frames[count++]);
        }
        bool request = count == 5 && *(const char *)zmq_msg_data(&frames[1]) == 2;
        for (int i = 0; i < count && request; i++) {
            if (i == 1)
                (void)zmq_send(socket, "\004", 1, ZMQ_SNDMORE);
            else
                (void)zmq_msg_send(&frames[i], socket, i + 1 < count ? ZMQ_SNDMORE : 0);
        }
        for (int i = 0; i < count; i++)
            zmq_msg_close(&frames[i]);
    }
    zmq_close(socket);
}

static void *s_worker(void *arg)
{
    static void (*const workers[])(s_stage_t *) = {s_raw_worker, s_native_worker, s_mdp_worker};
    s_stage_t *stage = arg;
    workers[stage->kind](stage);
    return NULL;
}

static void s_start(s_stage_t *stage, s_kind_t kind, bool tcp)
{
    static int port = 0;
    *stage = (s_stage_t){.kind = kind, .tcp = tcp, .bound = stage->endpoint};
    stage->broker_context = zmq_ctx_new();
    stage->client_context = tcp ? zmq_ctx_new() : stage->broker_context;
    stage->worker_context = tcp ? zmq_ctx_new() : stage->broker_context;
    snprintf(stage->endpoint, sizeof stage->endpoint, tcp ? "tcp://127.0.0.1:%d" : "inproc://bench",
             20000 + getpid() % 20000 + port++);
    stage->address.endpoint = stage->endpoint;
    stage->address.hub = stage->hub = !tcp && kind == S_NATIVE ? proto_hub_new() : NULL;
    bench_tasks_t before = bench_tasks_now();
    if (kind != S_RAW) {
        stage->config = (broker_config_t){.context = stage->broker_context,
                                          .metrics = proto_metrics_new(),
                                          .hub = stage->hub,
                                          .inside = tcp ? "inproc://inside" : stage->endpoint,
                                          .binds = &stage->bound,
                                          .bind_count = tcp ? 1 : 0,
                                          .queue = 10000,
                                          .peers = 1000,
                                          .max_message = 1 << 20};
        stage->broker = srv_thread_start(broker_actor, &stage->config);
        if (!stage->broker)
            s_fail("the broker did not start");
    }
    stage->broker_tasks = bench_tasks_since(&before);
    if (pthread_create(&stage->worker, NULL, s_worker, stage) != 0)
        s_fail("pthread_create");
    while (!stage->ready)
        usleep(1000);
}

static void s_end(s_stage_t *stage)
{
    stage->stop = 1;
    pthread_join(stage->worker, NULL);
    srv_thread_end(&stage->broker);
    proto_hub_close(&stage->hub);
    proto_metrics_free(&stage->config.metrics);
    if (stage->tcp) {
        zmq_ctx_term(stage->client_context);
        zmq_ctx_term(stage->worker_context);
    }
    zmq_ctx_term(stage->broker_context);
}

/* --- Clients: each keeps a window of requests under way until the time is up; the requests answered --- */

static uint64_t s_raw_client(s_stage_t *stage)
{
    void *socket = s_socket(stage->client_context, ZMQ_ROUTER);
    char payload[PROTO_RECORD_HEADER + S_PAYLOAD] = {0};
    int on = 1;
    uint64_t answered = 0;
    zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_CONNECT_ROUTING_ID, "echo", 4);
    if (zmq_connect(socket, stage->endpoint) < 0)
        s_fail(stage->endpoint);
    for (int i = 0; i < S_WINDOW;) {
        if (zmq_send(socket, "echo", 4, ZMQ_SNDMORE) < 0)
            usleep(1000); /* not connected yet */
        else if (zmq_send(socket, payload, sizeof payload, 0) >= 0)
            i++;
    }
    zmq_msg_t identity, frame;
    for (double until = s_now() + s_seconds; answered % 64 || s_now() < until; answered++) {
        zmq_msg_init(&identity);
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&identity, socket, 0) < 0 || zmq_msg_recv(&frame, socket, 0) < 0)
            s_fail("raw: no answer");
        (void)zmq_msg_send(&identity, socket, ZMQ_SNDMORE);
        (void)zmq_msg_send(&frame, socket, 0);
    }
    zmq_close(socket);
    return answered;
}

static void s_ask(proto_wire_t *wire, uint64_t id)
{
    static const uint8_t payload[S_PAYLOAD] = {0xc4, S_PAYLOAD - 2}; /* MessagePack: bin */
    s_put(wire, &(proto_record_t){.type = PROTO_REQUEST,
                                  .flags = PROTO_FLAG_READ,
                                  .id = id,
                                  .deadline = 30000,
                                  .service = proto_bytes_of("echo"),
                                  .name = proto_bytes_of("echo"),
                                  .body = {payload, sizeof payload}});
}

/* Answers what has come with as many new requests; how many. */
static uint64_t s_turn(const s_stage_t *stage, proto_wire_t *wire, int64_t now)
{
    uint64_t answers = 0;
    proto_batch_t batch;
    while (proto_wire_receive(wire, now, &batch) == 1) {
        proto_record_t record;
        for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;) {
            if (record.type == PROTO_ERROR)
                s_fail("native: an ERROR");
            if (record.type != PROTO_FINAL)
                continue;
            s_ask(wire, record.id);
            s_go(stage, wire, ++answers, now);
        }
    }
    (void)proto_wire_flush(wire, now);
    return answers;
}

static uint64_t s_native_clients(s_stage_t *stage, int peers, int window)
{
    s_wires_t wires = {.count = peers};
    uint64_t answered = 0;
    for (int i = 0; i < peers; i++) {
        if (!(wires.list[i] = proto_wire_open(stage->client_context, &stage->address, proto_clock_ms())))
            s_fail(stage->endpoint);
        for (int k = 1; k <= window; k++)
            s_ask(wires.list[i], (uint64_t)k);
        while (!proto_wire_flush(wires.list[i], proto_clock_ms()))
            usleep(1000); /* not connected yet */
    }
    for (double until = s_now() + s_seconds; s_now() < until;) {
        int64_t now = proto_clock_ms();
        s_await(&wires, (uint64_t)(peers * window), 100);
        for (int i = 0; i < peers; i++)
            answered += s_turn(stage, wires.list[i], now);
    }
    for (int i = 0; i < peers; i++)
        proto_wire_close(&wires.list[i], 0);
    return answered;
}

static uint64_t s_mdp_client(s_stage_t *stage)
{
    static const proto_bytes_t request[] = {{(const uint8_t *)"MDPC02", 6},
                                            {(const uint8_t *)"\001", 1},
                                            {(const uint8_t *)"echo", 4},
                                            {(const uint8_t *)"a payload of 16B", S_PAYLOAD}};
    void *socket = s_socket(stage->client_context, ZMQ_DEALER);
    uint64_t answered = 0;
    if (zmq_connect(socket, stage->endpoint) < 0)
        s_fail(stage->endpoint);
    for (int i = 0; i < S_WINDOW; i++)
        s_send_frames(socket, request, 4);
    for (double until = s_now() + s_seconds; answered % 64 || s_now() < until; answered++) {
        zmq_msg_t frame;
        bool more = true;
        while (more) {
            zmq_msg_init(&frame);
            if (zmq_msg_recv(&frame, socket, 0) < 0)
                s_fail("mdp: no answer");
            more = zmq_msg_more(&frame);
            zmq_msg_close(&frame);
        }
        s_send_frames(socket, request, 4);
    }
    zmq_close(socket);
    return answered;
}

/* --- Reports --- */

static int s_by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double s_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, s_by_size);
    return values[count / 2];
}

static double s_rate(s_kind_t kind, bool tcp)
{
    s_stage_t stage;
    s_start(&stage, kind, tcp);
    double from = s_now();
    uint64_t answered = kind == S_RAW      ? s_raw_client(&stage)
                        : kind == S_NATIVE ? s_native_clients(&stage, 1, S_WINDOW)
                                           : s_mdp_client(&stage);
    double rate = (double)answered / (s_now() - from);
    s_end(&stage);
    return rate;
}

static void s_compare(bool tcp)
{
    double rates[S_KINDS][S_ROUNDS];
    for (int round = 0; round < s_rounds; round++) {
        for (int kind = 0; kind < S_KINDS; kind++) {
            rates[kind][round] = s_rate((s_kind_t)kind, tcp);
            fprintf(stderr, "\r%s: round %d of %d: %-6s", tcp ? "tcp" : "inproc", round + 1, s_rounds,
                    s_kind_names[kind]);
        }
    }
    fputs("\r                                        \r", stderr);
    double raw = s_median(rates[S_RAW], s_rounds);
    for (int kind = 0; kind < S_KINDS; kind++) {
        double rate = s_median(rates[kind], s_rounds);
        printf("%-6s  %-6s  %9.0f requests/s  %.2f times raw\n", tcp ? "tcp" : "inproc", s_kind_names[kind],
               rate, rate / raw);
    }
    fflush(stdout);
}

static void s_cost(bool tcp, int peers, int window)
{
    s_stage_t stage;
    s_start(&stage, S_NATIVE, tcp);
    double before = bench_tasks_seconds(&stage.broker_tasks);
    uint64_t answered = s_native_clients(&stage, peers, window);
    double cost = (bench_tasks_seconds(&stage.broker_tasks) - before) * 1e6 / (double)answered;
    s_end(&stage);
    printf("%-6s  broker's processor time, %2d clients with %2d under way: %.2f us a request\n",
           tcp ? "tcp" : "inproc", peers, window, cost);
    fflush(stdout);
}

static void s_alone(bool tcp)
{
    static double times[S_ALONE];
    s_stage_t stage;
    s_start(&stage, S_NATIVE, tcp);
    proto_wire_t *wire = proto_wire_open(stage.client_context, &stage.address, proto_clock_ms());
    if (!wire)
        s_fail(stage.endpoint);
    s_wires_t wires = {.list = {wire}, .count = 1};
    s_ask(wire, 1);
    for (int i = 0; i < S_ALONE; i++) {
        double from = s_now();
        while (!proto_wire_flush(wire, proto_clock_ms()))
            usleep(1000);
        while (s_turn(&stage, wire, proto_clock_ms()) == 0)
            s_await(&wires, 1, 1000);
        times[i] = s_now() - from;
    }
    proto_wire_close(&wire, 0);
    s_end(&stage);
    double median = s_median(times, S_ALONE);
    printf("%-6s  one request alone: p50 %.0f us, p99 %.0f us\n", tcp ? "tcp" : "inproc", median * 1e6,
           times[S_ALONE * 99 / 100] * 1e6);
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            s_seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--rounds") == 0)
            s_rounds = atoi(argv[i + 1]);
        else
            argc = 0;
    }
    if (argc % 2 == 0 || s_seconds <= 0 || s_rounds < 1 || s_rounds > S_ROUNDS) {
        fputs("usage: bench_broker [--seconds S] [--rounds N]\n", stderr);
        return 2;
    }
    zsys_init();
    zsys_handler_set(NULL); /* Ctrl-C ends it at once */
    for (int tcp = 0; tcp < 2; tcp++)
        s_compare(tcp);
    for (int tcp = 0; tcp < 2; tcp++) {
        for (int peers = 1; peers <= S_PEERS; peers *= 4)
            s_cost(tcp, peers, S_WINDOW);
        s_cost(tcp, S_PEERS, 1);
    }
    for (int tcp = 0; tcp < 2; tcp++)
        s_alone(tcp);
    return 0;
}
