/* SPDX-License-Identifier: MPL-2.0 */
/* The commands' connection to the broker, or brokers. Thread: the command's. */
#ifndef SRV_CONNECT_H
#define SRV_CONNECT_H

#include "config.h"
#include "muster.h"

/* A client of the brokers that the settings of SRV_SET_CLIENT name. It speaks for the user who runs the
 * command, with the role admin. NULL with a sentence in `why` when the settings are wrong or nobody answers
 * within two seconds. */
muster_client_t *srv_connect(const srv_config_t *config, proto_buf_t *why);

#endif
