/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoint files, loaded and loaded again while the server runs. Thread: main. */
#ifndef SRV_RELOAD_H
#define SRV_RELOAD_H

#include "act_current.h"

typedef struct srv_reload {
    char folder[4096]; /* of the endpoint files */
    act_current_t *programs;
    uint64_t seen; /* fingerprint of the files as they were looked at last */
} srv_reload_t;

/* Loads the files of an API folder (`dir` as --dir has it). -1 with every mistake on standard error and a
 * sentence in `why`. */
PROTO_MUST_CHECK int srv_reload_open(srv_reload_t *self, const char *dir, proto_buf_t *why);
void srv_reload_close(srv_reload_t *self);
/* Whether files have come, gone or changed since the last look. */
bool srv_reload_changed(srv_reload_t *self);
/* Loads the files anew. 0 and `programs` has the newer program; -1 when they have mistakes, which the log
 * then tells, and the former program stays. */
PROTO_MUST_CHECK int srv_reload_again(srv_reload_t *self);

#endif
