/* SPDX-License-Identifier: MPL-2.0 */
/* Where Redis is. A core: no I/O. Thread: any. */
#ifndef GW_REDIS_URL_H
#define GW_REDIS_URL_H

#include <stdbool.h>

#include "proto_buf.h"

typedef struct gw_redis_url {
    char host[256];                /* a name or numeric address; "" for no Redis */
    char user[128], password[512]; /* "" for none */
    int port, database;
} gw_redis_url_t;

/* Reads redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], as IANA's provisional scheme redis has it; what is
 * special in user and password is percent-encoded, IPv6 addresses stand in brackets. "" is no Redis. -1 with
 * a sentence in `why` that quotes nothing of it: it may hold a password. */
PROTO_MUST_CHECK int gw_redis_url_parse(gw_redis_url_t *self, const char *text, proto_buf_t *why);

#endif
