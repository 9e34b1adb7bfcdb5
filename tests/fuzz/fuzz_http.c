/* SPDX-License-Identifier: MPL-2.0 */
/* gw_http: however the bytes are cut into pieces, the same requests come out, and nothing comes behind a bad
 * one. A request's path says what becomes of its body: held, taken in pieces, or refused. */
#include "fuzz.h"
#include "gw_http.h"

static const gw_http_limits_t s_limits = {2048, 4096, 1000, 1000, 1000};

typedef struct s_run {
    gw_http_t http;
    gw_http_request_t request;
    uint64_t hash; /* of all that was handed out */
    bool bad;
} s_run_t;

static void s_mix(s_run_t *run, proto_bytes_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        run->hash = run->hash * 31 + bytes.data[i];
}

static void s_answer(s_run_t *run, int status, bool close)
{
    gw_http_respond(&run->http, 0, run->request.sequence,
                    &(gw_http_response_t){.status = status, .close = close});
}

static void s_head(s_run_t *run)
{
    uint8_t way = run->request.path.data[run->request.path.size - 1];
    run->hash = run->hash * 31 + run->request.sequence;
    if (way == 'r')
        s_answer(run, 404, false);
    else
        gw_http_read_body(&run->http, 0, way == 'p' ? 8192 : 4096, way == 'p');
}

static void s_take(s_run_t *run, gw_http_result_t result)
{
    PROTO_ASSERT(!run->bad);
    run->bad = result == GW_HTTP_BAD;
    gw_http_check(&run->http);
    if (result == GW_HTTP_HEAD) {
        s_head(run);
    } else if (result == GW_HTTP_PIECE) {
        PROTO_ASSERT(run->request.body.size > 0);
        s_mix(run, run->request.body);
    } else {
        run->hash = run->hash * 31 + (run->bad ? 1000 + run->http.error : run->request.header_count);
        s_mix(run, run->request.body);
        s_mix(run, run->request.path);
        s_answer(run, run->bad ? 400 : 200, run->bad);
    }
    gw_http_check(&run->http);
}

/* Feeds the input in pieces of `step` bytes. */
static uint64_t s_feed(const uint8_t *data, size_t size, size_t step)
{
    s_run_t run = {.hash = 1};
    gw_http_init(&run.http, &s_limits, "", 0);
    for (size_t at = 0; at < size; at += step) {
        gw_http_input(&run.http, 0, data + at, size - at < step ? size - at : step);
        for (gw_http_result_t result; (result = gw_http_next(&run.http, 0, &run.request)) != GW_HTTP_NOTHING;)
            s_take(&run, result);
        gw_http_sent(&run.http, run.http.out.size);
        gw_http_check(&run.http);
    }
    gw_http_free(&run.http);
    return run.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = s_feed(data, size, size ? size : 1);
    PROTO_ASSERT(whole == s_feed(data, size, 1));
    PROTO_ASSERT(whole == s_feed(data, size, 7));
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\nGET /d HTTP/1.1\r\nHost: h\r\n\r\n"),
        FUZZ_SEED(
            "POST /a HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nX: y\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n"),
        FUZZ_SEED("PUT /a%20b HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n"
                  "DELETE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
        FUZZ_SEED(
            "\r\nHEAD http://h/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
        FUZZ_SEED(
            "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n012345678POST /r HTTP/1.1\r\nHost: "
            "h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\nPOST /p HTTP/1.1\r\nHost: h\r\n"
            "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;e\r\nc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: "
            "h\r\n\r\n"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
