/* SPDX-License-Identifier: MPL-2.0 */
/* The keys of tokens, out of the settings: SECRET_KEY, SECRET_KEY_OLD and the file MUSTER_JWKS. Thread: main.
 */
#ifndef SRV_TOKENS_H
#define SRV_TOKENS_H

#include "config.h"
#include "gw_keyring.h"

/* Reads the keys as they are now (values of NAME_FILE variables once more), and judges them. NULL with a
 * sentence in `why` when there is none, or one that is not safe. */
PROTO_MUST_CHECK gw_keys_t *srv_tokens_keys(const srv_config_t *config, proto_buf_t *why);
/* The same at a reload, into a ring that is in use. -1 with a sentence: the former keys stay. */
PROTO_MUST_CHECK int srv_tokens_reload(gw_keyring_t *ring, const srv_config_t *config, proto_buf_t *why);

#endif
