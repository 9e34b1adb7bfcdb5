/* SPDX-License-Identifier: MPL-2.0 */
/* Connecting. Thread: the command's. */
#include "connect.h"

#include "keys.h"

enum { S_GREETING_MS = 2000 };

/* Brokers and certificates as libmuster takes them; -1 with a sentence when there is something wrong about
 * them. */
static int s_read(const srv_config_t *config, muster_config_t *where, char local[SRV_ENDPOINT],
                  proto_buf_t *why)
{
    srv_addresses_t addresses;
    const char *brokers = srv_config_text(config, SRV_OPT_brokers);
    if (srv_addresses_read(&addresses, config, why) < 0)
        return -1;
    bool keys = false;
    for (uint32_t i = 0; i < addresses.count; i++)
        keys = keys || addresses.list[i].server_key;
    memcpy(local, addresses.endpoints[0], SRV_ENDPOINT);
    srv_addresses_free(&addresses);
    *where = (muster_config_t){
        .brokers = *brokers ? brokers : local,
        .cert = keys ? srv_config_text(config, SRV_OPT_cert) : "",
        .broker_cert = keys ? srv_config_text(config, SRV_OPT_broker_cert) : "",
        .role = "admin",
    };
    return 0;
}

muster_client_t *srv_connect(const srv_config_t *config, proto_buf_t *why)
{
    char local[SRV_ENDPOINT], sentence[512];
    muster_config_t where;
    if (s_read(config, &where, local, why) < 0)
        return NULL;
    muster_client_t *client = muster_client_new(&where, sentence, sizeof sentence);
    if (!client)
        proto_buf_string(why, sentence);
    else if (muster_client_wait(client, S_GREETING_MS) == 0)
        return client;
    else
        proto_buf_printf(why, "no broker answers at %s; %s", where.brokers,
                         *where.cert ? "does it run, and does its rights file have the key of --cert?"
                                     : "is `muster serve` running? (--ipc PATH names another)");
    muster_client_destroy(&client);
    return NULL;
}
