/* SPDX-License-Identifier: MPL-2.0 */
/* Checks before the start. Thread: main. */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "act_claims.h"
#include "database.h"
#include "gw_cors.h"
#include "login.h"
#include "paths.h"
#include "port.h"
#include "proto_log.h"
#include "tokens.h"

static int s_setup_log(const srv_config_t *config, proto_buf_t *why)
{
    proto_log_level_t level;
    const char *format = srv_config_text(config, SRV_OPT_log_format);
    const char *access = srv_config_text(config, SRV_OPT_access_log);
    if (proto_log_level_parse(srv_config_text(config, SRV_OPT_log_level), &level) < 0)
        proto_buf_string(why, "--log-level is debug, info, warn, error or off");
    else if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        proto_buf_string(why, "--log-format is text or json");
    else if (strcmp(access, "on") != 0 && strcmp(access, "off") != 0)
        proto_buf_string(why, "--access-log is on or off");
    else
        proto_log_setup(level, strcmp(format, "json") == 0);
    return why->size ? -1 : 0;
}

/* Whether a port is free; the sentence names `instead`, the flag by which another can be chosen. */
static int s_check_port(const char *address, uint16_t port, const char *instead, proto_buf_t *why)
{
    if (srv_port_free(address, port, why) == 0)
        return 0;
    const uint8_t *flag = memmem(why->data, why->size, "--http ADDRESS:PORT", 19);
    if (flag)
        why->size = (size_t)(flag - why->data);
    proto_buf_string(why, instead);
    return -1;
}

/* The ports of tcp endpoints are checked beforehand, so that their holder can be named. */
static int s_check_open_ports(const srv_plan_t *self, proto_buf_t *why)
{
    char address[64];
    uint16_t port;
    for (uint32_t i = 0; i < self->binds.count; i++) {
        if (srv_split_address(self->binds.list[i] + strlen("tcp://"), address, &port) == 0 &&
            s_check_port(address, port, "--bind tcp://ADDRESS:PORT, or none with --bind none", why) < 0)
            return -1;
    }
    return 0;
}

/* Makes the socket's folder, for its user alone, and makes sure that nobody answers there already. */
static int s_check_local(const char *endpoint, proto_buf_t *why)
{
    const char *path = endpoint + strlen("ipc://");
    char folder[SRV_ENDPOINT];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
            proto_buf_printf(why, "the folder %s of the broker's socket cannot be made: %s", folder,
                             strerror(errno));
            return -1;
        }
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    if (answered)
        proto_buf_printf(why, "another broker answers at %s; name a socket of its own with --ipc PATH", path);
    return answered ? -1 : 0;
}

static int s_plan_broker(srv_plan_t *self, proto_buf_t *why)
{
    if (srv_ipc_endpoint(srv_config_text(self->config, SRV_OPT_ipc), self->local, sizeof self->local) < 0) {
        proto_buf_string(why, "the path of --ipc is too long for a socket");
        return -1;
    }
    return srv_binds_read(&self->binds, self->config, why);
}

/* Front ends under development run on this machine, at ports of their own. */
static int s_check_cors(srv_plan_t *self, proto_buf_t *why)
{
    gw_cors_t cors;
    const char *origins = srv_config_text(self->config, SRV_OPT_cors_origins);
    self->cors_origins = *origins || !srv_config_number(self->config, SRV_OPT_dev) ? origins : GW_CORS_DEV;
    proto_buf_t sentence = PROTO_BUF_INIT;
    int rc = gw_cors_parse(&cors, self->cors_origins, &sentence);
    if (rc < 0)
        proto_buf_printf(why, "--cors-origins: %s", proto_buf_text(&sentence));
    proto_buf_free(&sentence);
    gw_cors_free(&cors);
    return rc;
}

static int s_plan_keys(srv_plan_t *self, proto_buf_t *why)
{
    if (srv_config_number(self->config, SRV_OPT_dev))
        return 0;
    gw_keys_t *keys = srv_tokens_keys(self->config, why);
    if (!keys)
        return -1;
    self->keyring = gw_keyring_new(&keys);
    return 0;
}

static int s_check_limits(srv_plan_t *self, proto_buf_t *why)
{
    const char *limits = srv_config_text(self->config, SRV_OPT_rate_limits);
    self->limits = *limits ? strcmp(limits, "on") == 0 : !srv_config_number(self->config, SRV_OPT_dev);
    if (*limits && !self->limits && strcmp(limits, "off") != 0) {
        proto_buf_string(why, "--rate-limits is on or off");
        return -1;
    }
    proto_buf_t sentence = PROTO_BUF_INIT;
    int rc =
        gw_proxies_parse(&self->proxies, srv_config_text(self->config, SRV_OPT_trusted_proxies), &sentence);
    if (rc < 0)
        proto_buf_printf(why, "--trusted-proxies: %s", proto_buf_text(&sentence));
    proto_buf_free(&sentence);
    return rc < 0 ? -1
                  : gw_redis_url_parse(&self->redis, srv_config_text(self->config, SRV_OPT_redis_url), why);
}

static int s_plan_gateways(srv_plan_t *self, proto_buf_t *why)
{
    const srv_config_t *config = self->config;
    if (srv_split_address(srv_config_text(config, SRV_OPT_http), self->address, &self->port) < 0)
        proto_buf_string(why, "--http is ADDRESS:PORT, as 127.0.0.1:8000");
    else if (srv_config_number(config, SRV_OPT_dev) && !srv_is_loopback(self->address) &&
             !srv_config_number(config, SRV_OPT_any_address))
        proto_buf_printf(why, "--dev binds loopback only, not %s (--dev-any-address lets it)", self->address);
    else
        return s_check_cors(self, why) < 0 || s_check_limits(self, why) < 0 ? -1 : s_plan_keys(self, why);
    return -1;
}

static int s_plan_admin(srv_plan_t *self, proto_buf_t *why)
{
    const char *text = srv_config_text(self->config, SRV_OPT_admin);
    if (!*text)
        return 0;
    if (srv_split_address(text, self->admin_address, &self->admin_port) == 0 && self->admin_port)
        return 0;
    proto_buf_string(why, "--admin is ADDRESS:PORT, as 127.0.0.1:9100");
    return -1;
}

static int s_plan_actors(srv_plan_t *self, proto_buf_t *why)
{
    const char *replica = srv_config_text(self->config, SRV_OPT_replica_url);
    const char *roles = srv_config_text(self->config, SRV_OPT_claims_role);
    if (*roles && !act_claims_roles_valid(roles)) {
        proto_buf_string(why, "--claims-role is a comma list of database roles, as user,editor");
        return -1;
    }
    if (srv_database_check(srv_config_text(self->config, SRV_OPT_database), why) < 0 ||
        srv_login_read(&self->login, self->config, &self->secret, why) < 0)
        return -1;
    if (!*replica || srv_database_check(replica, why) == 0)
        return 0;
    proto_buf_string(why, " (--replica-url)");
    return -1;
}

static int s_plan_brokers(srv_plan_t *self, proto_buf_t *why)
{
    static const proto_address_t inside = {.endpoint = "inproc://muster-broker"};
    if (self->parts & SRV_PART_BROKER) {
        self->brokers = &inside;
        self->broker_count = 1;
        return 0;
    }
    if (srv_addresses_read(&self->addresses, self->config, why) < 0)
        return -1;
    self->brokers = self->addresses.list;
    self->broker_count = self->addresses.count;
    return 0;
}

int srv_plan_make(srv_plan_t *self, const srv_config_t *config, unsigned parts, proto_buf_t *why)
{
    bool broker = parts & SRV_PART_BROKER, gateways = parts & SRV_PART_GATEWAYS;
    *self = (srv_plan_t){.config = config, .parts = parts};
    if (s_setup_log(config, why) < 0 || ((parts & SRV_PART_ACTORS) && s_plan_actors(self, why) < 0) ||
        (gateways && s_plan_gateways(self, why) < 0) || (broker && s_plan_broker(self, why) < 0) ||
        s_plan_brokers(self, why) < 0 || s_plan_admin(self, why) < 0)
        return -1;
    /* What the machine has to say comes last. */
    if ((self->admin_port &&
         s_check_port(self->admin_address, self->admin_port, "--admin ADDRESS:PORT", why) < 0) ||
        (gateways && srv_port_free(self->address, self->port, why) < 0) ||
        (broker && (s_check_open_ports(self, why) < 0 || s_check_local(self->local, why) < 0)))
        return -1;
    return 0;
}

void srv_plan_free(srv_plan_t *self)
{
    srv_addresses_free(&self->addresses);
    srv_binds_free(&self->binds);
    gw_keyring_free(&self->keyring);
    if (self->secret.data)
        explicit_bzero(self->secret.data, self->secret.capacity);
    proto_buf_free(&self->secret);
}
