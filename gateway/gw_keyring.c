/* SPDX-License-Identifier: MPL-2.0 */
/* The keys of now. Thread: any. */
#include "gw_keyring.h"

#include <pthread.h>
#include <stdlib.h>

struct gw_keyring {
    pthread_mutex_t mutex;
    gw_keys_t *keys;
};

gw_keyring_t *gw_keyring_new(gw_keys_t **keys)
{
    gw_keyring_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    pthread_mutex_init(&self->mutex, NULL);
    self->keys = *keys;
    *keys = NULL;
    return self;
}

void gw_keyring_free(gw_keyring_t **self_pointer)
{
    gw_keyring_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    gw_keys_drop(&self->keys);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

void gw_keyring_set(gw_keyring_t *self, gw_keys_t **keys)
{
    pthread_mutex_lock(&self->mutex);
    gw_keys_t *former = self->keys;
    self->keys = *keys;
    pthread_mutex_unlock(&self->mutex);
    *keys = NULL;
    gw_keys_drop(&former);
}

gw_keys_t *gw_keyring_hold(gw_keyring_t *self)
{
    pthread_mutex_lock(&self->mutex);
    gw_keys_t *keys = gw_keys_hold(self->keys);
    pthread_mutex_unlock(&self->mutex);
    return keys;
}
