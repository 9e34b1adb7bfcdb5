/* SPDX-License-Identifier: MPL-2.0 */
/* gw_http: however the bytes are cut into pieces, the same requests come out, and nothing comes behind a bad
 * one. */
#include "fuzz.h"
#include "gw_http.h"

static const gw_http_limits_t s_limits = {2048, 4096, 1000, 1000, 1000};

/* Feeds the input in pieces of `step` bytes; a hash over all that was handed out. */
static uint64_t s_feed(const uint8_t *data, size_t size, size_t step)
{
    gw_http_t http;
    gw_http_request_t request;
    uint64_t hash = 1;
    bool bad = false;
    gw_http_init(&http, &s_limits, "", 0);
    for (size_t at = 0; at < size; at += step) {
        gw_http_input(&http, 0, data + at, size - at < step ? size - at : step);
        for (gw_http_result_t result; (result = gw_http_next(&http, 0, &request)) != GW_HTTP_NOTHING;) {
            PROTO_ASSERT(!bad);
            bad = result == GW_HTTP_BAD;
            hash = hash * 31 + (bad ? 1000 + http.error : request.header_count);
            for (size_t i = 0; i < request.body.size; i++)
                hash = hash * 31 + request.body.data[i];
            for (size_t i = 0; i < request.path.size; i++)
                hash = hash * 31 + request.path.data[i];
            gw_http_check(&http);
            gw_http_respond(&http, 0, request.sequence,
                            &(gw_http_response_t){.status = bad ? 400 : 200, .close = bad});
        }
        gw_http_sent(&http, http.out.size);
        gw_http_check(&http);
    }
    gw_http_free(&http);
    return hash;
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
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
