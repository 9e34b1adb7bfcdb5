/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a TCP port is free, and who has it. Thread: main. */
#ifndef SRV_PORT_H
#define SRV_PORT_H

#include <stdint.h>

#include "proto_buf.h"

/* 0 when it can be listened on; -1 with a sentence in `why` that names the holder where /proc tells. Asked
 * before the gateways start, because SO_REUSEPORT would let them share the port of another process of this
 * user. */
PROTO_MUST_CHECK int srv_port_free(const char *address, uint16_t port, proto_buf_t *why);

#endif
