/* SPDX-License-Identifier: MPL-2.0 */
/* How many connections each peer address holds. A core: no I/O. Thread: the gateway thread that owns it. */
#ifndef GW_ADDRESS_H
#define GW_ADDRESS_H

#include <stdint.h>

#include "proto_assert.h"

typedef struct gw_address gw_address_t;

/* An empty table. */
gw_address_t *gw_address_new(void);
void gw_address_free(gw_address_t **self);
/* One more connection of this address (16 bytes, IPv4 mapped into IPv6); -1 when it has `most` already. */
PROTO_MUST_CHECK int gw_address_enter(gw_address_t *self, const uint8_t address[16], uint32_t most);
/* One less; it must have entered. */
void gw_address_leave(gw_address_t *self, const uint8_t address[16]);
/* Connections of this address. */
uint32_t gw_address_count(const gw_address_t *self, const uint8_t address[16]);

#endif
