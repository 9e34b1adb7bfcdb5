/* SPDX-License-Identifier: MPL-2.0 */
/* The commands' connection to the broker, or brokers. Thread: the command's. */
#ifndef SRV_CONNECT_H
#define SRV_CONNECT_H

#include "config.h"
#include "muster.h"

/* The options that say where the brokers are. */
#define SRV_CONNECT_OPTIONS                                                                                  \
    (SRV_SET(SRV_OPT_ipc) | SRV_SET(SRV_OPT_brokers) | SRV_SET(SRV_OPT_cert) | SRV_SET(SRV_OPT_broker_cert))

/* A client that speaks for the user who runs the command, with the role admin. NULL with a sentence in `why`
 * when the settings are wrong or nobody answers within two seconds. */
muster_client_t *srv_connect(const srv_config_t *config, proto_buf_t *why);

#endif
