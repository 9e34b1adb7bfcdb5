/* SPDX-License-Identifier: MPL-2.0 */
/* Connecting. Thread: the command's. */
#include "connect.h"

#include "paths.h"

enum { S_GREETING_MS = 2000 };

muster_client_t *srv_connect(const srv_config_t *config, proto_buf_t *why)
{
    char local[256], sentence[512];
    const char *brokers = srv_config_text(config, SRV_OPT_brokers);
    if (srv_ipc_endpoint(srv_config_text(config, SRV_OPT_ipc), local, sizeof local) < 0) {
        proto_buf_string(why, "the path of --ipc is too long for a socket");
        return NULL;
    }
    muster_config_t where = {
        .brokers = *brokers ? brokers : local,
        .cert = srv_config_text(config, SRV_OPT_cert),
        .broker_cert = srv_config_text(config, SRV_OPT_broker_cert),
        .role = "admin",
    };
    muster_client_t *client = muster_client_new(&where, sentence, sizeof sentence);
    if (!client)
        proto_buf_string(why, sentence);
    else if (muster_client_wait(client, S_GREETING_MS) == 0)
        return client;
    else
        proto_buf_printf(why,
                         "no broker answers at %s; is `muster serve` running? (--ipc PATH names another)",
                         where.brokers);
    muster_client_destroy(&client);
    return NULL;
}
