/* SPDX-License-Identifier: MPL-2.0 */
/* The token in a request's header: RFC 6750 section 2.1. A core: no I/O. Thread: the gateway's. */
#ifndef GW_BEARER_H
#define GW_BEARER_H

#include "gw_http.h"

typedef enum {
    GW_BEARER_NONE,  /* no credentials, or some of another scheme */
    GW_BEARER_TOKEN, /* one token, not looked at yet */
    GW_BEARER_BAD    /* more than one header field, or no token behind the scheme */
} gw_bearer_t;

/* Finds the token, borrowed from the request. */
gw_bearer_t gw_bearer_find(const gw_http_request_t *http, proto_bytes_t *token);

#endif
