/* SPDX-License-Identifier: MPL-2.0 */
/* Which peers are our own proxies, and who asks through them. Only what a trusted peer has written of others
 * is believed (X-Forwarded-For), for anybody can send that header field. A core: no I/O. Thread: any, once
 * parsed. */
#ifndef GW_PROXIES_H
#define GW_PROXIES_H

#include "gw_http.h"

enum {
    GW_PROXIES = 64,     /* most networks */
    GW_PROXIES_HOPS = 32 /* most proxies between a client and us */
};

typedef struct gw_network {
    uint8_t address[16]; /* IPv4 mapped into IPv6 */
    uint8_t bits;        /* of it that count, 0..128 */
} gw_network_t;

typedef struct gw_proxies {
    gw_network_t networks[GW_PROXIES];
    uint32_t count;
} gw_proxies_t;

/* Reads a comma list of addresses and networks: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32. "" and "none" are none.
 * -1 with a sentence in `why`. */
PROTO_MUST_CHECK int gw_proxies_parse(gw_proxies_t *self, const char *text, proto_buf_t *why);
/* The address of the client (16 bytes, IPv4 mapped into IPv6): the peer's, unless that is trusted. Then the
 * last address in X-Forwarded-For that is not, or the first one, when all are. What cannot be read there
 * leaves it at the peer's. */
void gw_proxies_client(const gw_proxies_t *self, const uint8_t peer[16], const gw_http_request_t *http,
                       uint8_t client[16]);

#endif
