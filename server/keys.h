/* SPDX-License-Identifier: MPL-2.0 */
/* CURVE keys (ZeroMQ RFC 26) from certificate files, and the brokers that a process speaks to with them. The
 * files are those of czmq's zcert, as `muster keygen` writes them: NAME.cert holds the public key,
 * NAME.cert_secret both. Keys are Z85 texts (RFC 32). Thread: main, before other threads start. */
#ifndef SRV_KEYS_H
#define SRV_KEYS_H

#include "config.h"
#include "proto_wire.h"

enum { SRV_KEY_TEXT = 41, SRV_BROKERS = 16, SRV_ENDPOINT = 256 };

typedef struct srv_keys {
    char public_key[SRV_KEY_TEXT], secret_key[SRV_KEY_TEXT]; /* empty: none was read */
} srv_keys_t;

/* Reads the public and the secret key of a NAME.cert_secret. -1 with a sentence in `why` when it cannot be
 * read, others than its owner may read it, or it does not hold two keys that belong together. */
PROTO_MUST_CHECK int srv_keys_read_secret(srv_keys_t *self, const char *path, proto_buf_t *why);
/* Reads the public key of a NAME.cert or NAME.cert_secret. */
PROTO_MUST_CHECK int srv_keys_read_public(char key[SRV_KEY_TEXT], const char *path, proto_buf_t *why);
/* Wipes the keys from memory. */
void srv_keys_clear(srv_keys_t *self);

/* The brokers of --brokers, with the keys of --cert and --broker-cert for those on tcp. `list` points into
 * the rest, so the struct must stay where it is for as long as wires use it. */
typedef struct srv_addresses {
    proto_address_t list[SRV_BROKERS];
    uint32_t count;
    char endpoints[SRV_BROKERS][SRV_ENDPOINT];
    char broker_keys[SRV_BROKERS][SRV_KEY_TEXT];
    srv_keys_t own;
} srv_addresses_t;

/* Reads them from the settings; without --brokers the one local socket (--ipc). ipc:// goes without keys: the
 * file's mode decides who may open it. tcp:// needs both certificates, except on loopback or with --dev. -1
 * with a sentence in `why`. */
PROTO_MUST_CHECK int srv_addresses_read(srv_addresses_t *self, const srv_config_t *config, proto_buf_t *why);
/* Wipes the keys. Twice is harmless. */
void srv_addresses_free(srv_addresses_t *self);

/* Takes the next item of a comma list, without the blanks around it; false at the end. An empty item is
 * given, too. */
bool srv_list_next(const char **at, proto_bytes_t *item);
/* Whether a tcp:// endpoint can only be of this machine. */
bool srv_endpoint_is_loopback(const char *endpoint);

#endif
