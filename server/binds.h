/* SPDX-License-Identifier: MPL-2.0 */
/* What a broker opens to others: its endpoints (--bind), its keys (--cert) and the rights file (--rights).
 * Thread: main. */
#ifndef SRV_BINDS_H
#define SRV_BINDS_H

#include "keys.h"

enum { SRV_BINDS = 16 };

typedef struct srv_binds {
    const char *list[SRV_BINDS]; /* into `texts`: the struct must stay where it is */
    uint32_t count;
    char texts[SRV_BINDS][SRV_ENDPOINT];
    bool curve; /* `keys` were read: the endpoints are CURVE servers */
    srv_keys_t keys;
    bool has_rights;
    proto_buf_t rights; /* the file's text, checked; a C string */
} srv_binds_t;

/* Reads all three from the settings. Refused: an endpoint that is not tcp://, tcp:// without keys (except
 * with
 * --dev, on loopback), keys without a rights file, and whatever the files get wrong. -1 with a sentence in
 * `why`. */
PROTO_MUST_CHECK int srv_binds_read(srv_binds_t *self, const srv_config_t *config, proto_buf_t *why);
/* Reads the rights file anew. On -1 `rights` is as it was. */
PROTO_MUST_CHECK int srv_binds_reload(srv_binds_t *self, const srv_config_t *config, proto_buf_t *why);
/* Wipes the keys and frees the text. Twice is harmless. */
void srv_binds_free(srv_binds_t *self);

#endif
