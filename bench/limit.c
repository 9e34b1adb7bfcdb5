/* SPDX-License-Identifier: MPL-2.0 */
/* bench_limit: what a decision of the rate limiter costs. A million requests of 1,000 addresses at 100
 * endpoints, in an order without a pattern, ten microseconds apart, so that the table is as cold as it will
 * be; the best of five rounds. Prints the microseconds of key and decision, and those of the header lines.
 * One thread. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gw_limit.h"

enum { S_REQUESTS = 1000000, S_ADDRESSES = 1000, S_ENDPOINTS = 100, S_ROUNDS = 5 };

static double s_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Seconds for all; of the decisions alone, or with their header lines. */
static double s_round(gw_limit_t *limit, int64_t *clock, proto_buf_t *headers)
{
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    uint32_t random = 1;
    gw_verdict_t verdict;
    double from = s_now();
    for (int i = 0; i < S_REQUESTS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t host = (random >> 8) % S_ADDRESSES;
        memcpy(&address[13], &host, 2);
        uint64_t key = gw_limit_key(limit, address, 0x9e3779b97f4a7c15 * (1 + (random >> 20) % S_ENDPOINTS));
        gw_limit_take(limit, key, PROTO_TIER_READ, *clock += 10, &verdict);
        if (headers) {
            proto_buf_reset(headers);
            gw_limit_headers(limit, &verdict, headers);
        }
    }
    return s_now() - from;
}

int main(void)
{
    gw_limit_config_t config = {.entries = 1 << 17, .seed = 7};
    int64_t clock = 1000000000;
    proto_buf_t headers = PROTO_BUF_INIT;
    config.per_minute[PROTO_TIER_READ] = 120;
    gw_limit_t *limit = gw_limit_new(&config);
    double decision = 1e9, both = 1e9;
    for (int i = 0; i < S_ROUNDS; i++) {
        double seconds = s_round(limit, &clock, NULL);
        decision = seconds < decision ? seconds : decision;
        seconds = s_round(limit, &clock, &headers);
        both = seconds < both ? seconds : both;
    }
    double each = 1e6 / S_REQUESTS;
    printf("decision %.4f headers %.4f\n", decision * each, (both - decision) * each);
    proto_buf_free(&headers);
    gw_limit_free(&limit);
    return 0;
}
