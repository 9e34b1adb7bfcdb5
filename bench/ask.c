/* SPDX-License-Identifier: MPL-2.0 */
/* bench_ask ENDPOINT SECONDS UNDER_WAY: GET /one/{id} without HTTP. Asks the broker at a ZeroMQ endpoint for
 * `get_one` of random ids through libmuster, keeps so many requests under way, and prints how many were
 * answered and in what time. One thread, beside libmuster's own. Any problem ends it with status 1. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "muster.h"

enum { S_ROWS = 10000 };

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* {"id": 1 to 10000}, as MessagePack. */
static void s_ask(muster_client_t *client)
{
    unsigned id = 1 + (unsigned)rand() % S_ROWS;
    unsigned char args[] = {0x81, 0xa2, 'i', 'd', 0xcd, (unsigned char)(id >> 8), (unsigned char)id};
    muster_request_t request = {
        .service = "db", .operation = "get_one", .args = args, .args_size = sizeof args, .reads = 1};
    muster_send(client, &request);
}

static void s_take(muster_client_t *client)
{
    muster_answer_t *answer;
    size_t size = 0;
    if (muster_next(client, &answer, -1) < 0 || !muster_answer_ok(answer)) {
        fprintf(stderr, "bench_ask: %s: %s\n", muster_answer_code(answer), muster_answer_detail(answer));
        exit(1);
    }
    const unsigned char *body = muster_answer_body(answer, &size);
    if (size < 20 || body[0] != 0x83) { /* a map of id, name and number */
        fprintf(stderr, "bench_ask: not a row\n");
        exit(1);
    }
    muster_answer_destroy(&answer);
}

int main(int argc, char **argv)
{
    double seconds = argc == 4 ? atof(argv[2]) : 0;
    int under_way = argc == 4 ? atoi(argv[3]) : 0;
    char why[256];
    if (seconds <= 0 || under_way <= 0) {
        fprintf(stderr, "usage: bench_ask ENDPOINT SECONDS UNDER_WAY\n");
        return 2;
    }
    muster_client_t *client = muster_client_new(&(muster_config_t){.brokers = argv[1]}, why, sizeof why);
    if (!client || muster_client_wait(client, 5000) < 0) {
        fprintf(stderr, "bench_ask: %s\n", client ? "no broker answers" : why);
        return 1;
    }
    srand((unsigned)time(NULL));
    unsigned long answered = 0;
    double from = s_now(), now = from;
    for (int i = 0; i < under_way; i++)
        s_ask(client);
    for (; now < from + seconds; now = s_now()) {
        for (int i = 0; i < under_way; i++, answered++) {
            s_take(client);
            s_ask(client);
        }
    }
    printf("requests %lu seconds %.6f\n", answered, now - from);
    for (int i = 0; i < under_way; i++)
        s_take(client);
    muster_client_destroy(&client);
    return 0;
}
