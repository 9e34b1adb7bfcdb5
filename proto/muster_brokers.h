/* SPDX-License-Identifier: MPL-2.0 */
/* Where the brokers of a client or worker are, with which keys: read from a muster_config_t, the environment
 * and certificate files. A shell: it reads files. Thread: the caller's. */
#ifndef MUSTER_BROKERS_H
#define MUSTER_BROKERS_H

#include "muster.h"
#include "proto_wire.h"

enum { MUSTER_BROKERS = 16, MUSTER_ENDPOINT = 256, MUSTER_KEY_TEXT = 41, MUSTER_NAME = 256 };

/* `list` points into the rest, so the struct must stay where it is while wires use it. */
typedef struct muster_brokers {
    proto_address_t list[MUSTER_BROKERS];
    int count;
    char endpoints[MUSTER_BROKERS][MUSTER_ENDPOINT];
    char broker_keys[MUSTER_BROKERS][MUSTER_KEY_TEXT];
    char public_key[MUSTER_KEY_TEXT], secret_key[MUSTER_KEY_TEXT];
} muster_brokers_t;

/* Reads them; only tcp endpoints get keys. -1 with a sentence in `why`. */
PROTO_MUST_CHECK int muster_brokers_read(muster_brokers_t *self, const muster_config_t *config,
                                         proto_buf_t *why);
/* Wipes the keys. */
void muster_brokers_clear(muster_brokers_t *self);

#endif
