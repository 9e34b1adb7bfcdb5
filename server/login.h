/* SPDX-License-Identifier: MPL-2.0 */
/* What the auth worker needs, out of the settings: what it signs with, for how long, who is the admin.
 * Thread: main. */
#ifndef SRV_LOGIN_H
#define SRV_LOGIN_H

#include "act_auth.h"
#include "config.h"

/* Fills in `login`, which borrows from `config` and from `secret`. Without SECRET_KEY its secret is "", and
 * nobody can log in; with --dev one is made up. -1 with a sentence in `why`. */
PROTO_MUST_CHECK int srv_login_read(act_auth_config_t *login, const srv_config_t *config, proto_buf_t *secret,
                                    proto_buf_t *why);
/* Reads SECRET_KEY_FILE again: `secret` is what is to be signed with from now on, empty when there is none.
 * -1 with a sentence. */
PROTO_MUST_CHECK int srv_login_reload(const srv_config_t *config, proto_buf_t *secret, proto_buf_t *why);

#endif
