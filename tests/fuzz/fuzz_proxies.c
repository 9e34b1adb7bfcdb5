/* SPDX-License-Identifier: MPL-2.0 */
/* Who asks: the first line is a list of trusted proxies, the second the address of Redis, the rest are header
 * fields X-Forwarded-For. A list is taken, or refused with a sentence; the client is the peer's address
 * unless the peer is trusted. */
#include "fuzz.h"
#include "gw_proxies.h"
#include "gw_redis_url.h"

/* Cuts off a line, as a string. */
static char *s_line(proto_bytes_t *rest, char *text, size_t room)
{
    const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->data) : rest->size, kept = size < room ? size : room - 1;
    if (kept)
        memcpy(text, rest->data, kept);
    text[kept] = '\0';
    rest->data += end ? size + 1 : size;
    rest->size -= end ? size + 1 : size;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t trusted[16] = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}, other[16] = {0x20, 1, 2};
    static gw_proxies_t proxies;
    static proto_buf_t why;
    char text[4200];
    proto_bytes_t rest = {data, size};
    proto_buf_reset(&why);
    int rc = gw_proxies_parse(&proxies, s_line(&rest, text, sizeof text), &why);
    PROTO_ASSERT((rc < 0) == (why.size > 0) && proxies.count <= GW_PROXIES);
    gw_redis_url_t url;
    proto_buf_reset(&why);
    rc = gw_redis_url_parse(&url, s_line(&rest, text, sizeof text), &why);
    PROTO_ASSERT((rc < 0) == (why.size > 0) && (rc == 0 || !*url.host) && (rc < 0 || !*text || *url.host));
    rc = gw_proxies_parse(&proxies, "127.0.0.1,10.0.0.0/8", &why);
    gw_http_header_t headers[8];
    gw_http_request_t http = {.headers = headers};
    while (rest.size && http.header_count < 8) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t part = end ? (size_t)(end - rest.data) : rest.size;
        headers[http.header_count++] =
            (gw_http_header_t){proto_bytes_of("x-forwarded-for"), {rest.data, part}};
        rest.data += end ? part + 1 : part;
        rest.size -= end ? part + 1 : part;
    }
    uint8_t client[16];
    gw_proxies_client(&proxies, other, &http, client);
    PROTO_ASSERT(memcmp(client, other, 16) == 0);
    gw_proxies_client(&proxies, trusted, &http, client);
    PROTO_ASSERT(http.header_count || memcmp(client, trusted, 16) == 0);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED(
            "10.0.0.0/8, 2001:db8::/32,127.0.0.1\nredis://u:p%40@[::1]:1/2\n1.2.3.4, 10.0.0.1\n10.2.2.2"),
        FUZZ_SEED("none\nredis://h\n[2001:db8::1]:80, 10.0.0.1:99\n"),
        FUZZ_SEED("::/0,0.0.0.0/0\nredis://:a@b.c:65535/0\n::ffff:10.0.0.1,\t10.0.0.3 \nunknown\n"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
