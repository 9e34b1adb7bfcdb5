/* SPDX-License-Identifier: MPL-2.0 */
/* The keys that gateways are to use now. Main puts newer ones in after a reload and wakes the gateways; each
 * takes them when it gets to it, and a set lives until nobody holds it. Thread: any. */
#ifndef GW_KEYRING_H
#define GW_KEYRING_H

#include "gw_keys.h"

typedef struct gw_keyring gw_keyring_t;

/* A holder with its first set, which it takes over. */
gw_keyring_t *gw_keyring_new(gw_keys_t **keys);
/* Gives up its set. Twice is harmless. */
void gw_keyring_free(gw_keyring_t **self);
/* Takes a newer set over. */
void gw_keyring_set(gw_keyring_t *self, gw_keys_t **keys);
/* The set of now, held for the caller until gw_keys_drop. */
gw_keys_t *gw_keyring_hold(gw_keyring_t *self);

#endif
