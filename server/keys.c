/* SPDX-License-Identifier: MPL-2.0 */
/* Keys and addresses. czmq's zcert_load is not used: it prefers a NAME_secret beside the file that was named,
 * and does not look at the file's mode. Thread: main. */
#include "keys.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"

enum { S_FILE_BYTES = 8192, S_KEY_BYTES = 32 };

/* Overwrites what held a secret; the compiler must not see that nobody reads it again. */
static void s_wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
}

/* The whole file as text. */
static int s_read_file(const char *path, bool secret, char text[S_FILE_BYTES], proto_buf_t *why)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold the start */
    if (fd < 0 || fstat(fd, &status) < 0) {
        proto_buf_printf(why, "the certificate %s cannot be read: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        proto_buf_printf(why, "the certificate %s is no file", path);
    } else if (secret && status.st_mode & 077) {
        proto_buf_printf(why, "the secret key in %s can be read by others; chmod 600 %s", path, path);
    } else {
        ssize_t size = read(fd, text, S_FILE_BYTES - 1);
        text[size > 0 ? size : 0] = '\0';
        if (size < 0)
            proto_buf_printf(why, "the certificate %s cannot be read: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return why->size ? -1 : 0;
}

/* A Z85 text of 32 bytes, copied. */
static bool s_take_key(zconfig_t *root, const char *place, char key[SRV_KEY_TEXT])
{
    uint8_t bytes[S_KEY_BYTES];
    const char *text = zconfig_get(root, place, "");
    bool sound = strlen(text) == SRV_KEY_TEXT - 1 && zmq_z85_decode(bytes, text);
    if (sound)
        memcpy(key, text, SRV_KEY_TEXT);
    s_wipe(bytes, sizeof bytes);
    return sound;
}

static void s_wipe_config(zconfig_t *root)
{
    zconfig_t *secret = root ? zconfig_locate(root, "curve/secret-key") : NULL;
    char *value = secret ? zconfig_value(secret) : NULL;
    if (value)
        s_wipe(value, strlen(value));
}

static int s_read(srv_keys_t *self, const char *path, bool secret, proto_buf_t *why)
{
    char text[S_FILE_BYTES] = "", derived[SRV_KEY_TEXT];
    *self = (srv_keys_t){0};
    if (s_read_file(path, secret, text, why) < 0)
        return -1;
    zconfig_t *root = zconfig_str_load(text);
    if (!root || !s_take_key(root, "curve/public-key", self->public_key))
        proto_buf_printf(why, "%s holds no public key; muster keygen makes certificates", path);
    else if (secret && !s_take_key(root, "curve/secret-key", self->secret_key))
        proto_buf_printf(why, "%s holds no secret key; its name should end in .cert_secret", path);
    else if (secret &&
             (zmq_curve_public(derived, self->secret_key) < 0 || strcmp(derived, self->public_key) != 0))
        proto_buf_printf(why, "the two keys in %s do not belong together", path);
    s_wipe_config(root);
    zconfig_destroy(&root);
    s_wipe(text, sizeof text);
    if (why->size)
        srv_keys_clear(self);
    return why->size ? -1 : 0;
}

int srv_keys_read_secret(srv_keys_t *self, const char *path, proto_buf_t *why)
{
    return s_read(self, path, true, why);
}

int srv_keys_read_public(char key[SRV_KEY_TEXT], const char *path, proto_buf_t *why)
{
    srv_keys_t keys;
    int rc = s_read(&keys, path, false, why);
    memcpy(key, keys.public_key, SRV_KEY_TEXT);
    return rc;
}

void srv_keys_clear(srv_keys_t *self)
{
    s_wipe(self, sizeof *self);
}

bool srv_list_next(const char **at, proto_bytes_t *item)
{
    if (!*at)
        return false;
    const char *end = *at + strcspn(*at, ","), *from = *at, *to = end;
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    *item = (proto_bytes_t){(const uint8_t *)from, (size_t)(to - from)};
    *at = *end ? end + 1 : NULL;
    return true;
}

bool srv_endpoint_is_loopback(const char *endpoint)
{
    return strncmp(endpoint, "tcp://127.", 10) == 0 || strncmp(endpoint, "tcp://[::1]:", 12) == 0 ||
           strncmp(endpoint, "tcp://localhost:", 16) == 0;
}

static bool s_is_tcp(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0;
}

static int s_read_endpoints(srv_addresses_t *self, const char *list, proto_buf_t *why)
{
    proto_bytes_t item;
    while (srv_list_next(&list, &item)) {
        if (self->count == SRV_BROKERS) {
            proto_buf_printf(why, "--brokers names more than %d endpoints", SRV_BROKERS);
            return -1;
        }
        char *endpoint = self->endpoints[self->count];
        snprintf(endpoint, SRV_ENDPOINT, "%.*s", (int)item.size, (const char *)item.data);
        bool known = strncmp(endpoint, "ipc://", 6) == 0 ||
                     (s_is_tcp(endpoint) && strchr(endpoint + 6, ':') && !strchr(endpoint, '*'));
        if (!known || item.size >= SRV_ENDPOINT) {
            proto_buf_printf(why, "--brokers: %s is no endpoint, as tcp://10.0.0.1:5555 or ipc:///path",
                             endpoint);
            return -1;
        }
        self->list[self->count++].endpoint = endpoint;
    }
    return 0;
}

/* One certificate for all brokers, or one for each. */
static int s_read_broker_keys(srv_addresses_t *self, const char *list, proto_buf_t *why)
{
    uint32_t count = 0;
    proto_bytes_t item;
    while (srv_list_next(&list, &item)) {
        char path[4096];
        snprintf(path, sizeof path, "%.*s", (int)item.size, (const char *)item.data);
        if (count < self->count && srv_keys_read_public(self->broker_keys[count], path, why) < 0)
            return -1;
        count++;
    }
    if (count != 1 && count != self->count) {
        proto_buf_printf(why, "--broker-cert names %u certificates for %u brokers; give one, or one for each",
                         count, self->count);
        return -1;
    }
    for (uint32_t i = count; i < self->count; i++)
        memcpy(self->broker_keys[i], self->broker_keys[0], SRV_KEY_TEXT);
    return 0;
}

static int s_read_keys(srv_addresses_t *self, const srv_config_t *config, proto_buf_t *why)
{
    const char *cert = srv_config_text(config, SRV_OPT_cert);
    const char *broker_cert = srv_config_text(config, SRV_OPT_broker_cert);
    bool tcp = false, far = false;
    for (uint32_t i = 0; i < self->count; i++) {
        tcp = tcp || s_is_tcp(self->endpoints[i]);
        far = far || (s_is_tcp(self->endpoints[i]) && !srv_endpoint_is_loopback(self->endpoints[i]));
    }
    if (!tcp)
        return 0;
    if (!*broker_cert && (!far || srv_config_number(config, SRV_OPT_dev)))
        return 0;
    if (!*cert || !*broker_cert) {
        proto_buf_printf(why, "tcp:// brokers need %s; without keys only loopback, or --dev",
                         *cert          ? "--broker-cert, their public certificate"
                         : *broker_cert ? "--cert, the keys of this process"
                                        : "--cert and --broker-cert");
        return -1;
    }
    if (srv_keys_read_secret(&self->own, cert, why) < 0 || s_read_broker_keys(self, broker_cert, why) < 0)
        return -1;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!s_is_tcp(self->endpoints[i]))
            continue;
        self->list[i].server_key = self->broker_keys[i];
        self->list[i].public_key = self->own.public_key;
        self->list[i].secret_key = self->own.secret_key;
    }
    return 0;
}

int srv_addresses_read(srv_addresses_t *self, const srv_config_t *config, proto_buf_t *why)
{
    const char *brokers = srv_config_text(config, SRV_OPT_brokers);
    *self = (srv_addresses_t){0};
    int rc = 0;
    if (!*brokers) {
        if (srv_ipc_endpoint(srv_config_text(config, SRV_OPT_ipc), self->endpoints[0], SRV_ENDPOINT) < 0) {
            proto_buf_string(why, "the path of --ipc is too long for a socket");
            rc = -1;
        }
        self->list[0].endpoint = self->endpoints[0];
        self->count = 1;
    } else if (s_read_endpoints(self, brokers, why) < 0 || s_read_keys(self, config, why) < 0) {
        rc = -1;
    }
    if (rc < 0)
        srv_addresses_free(self);
    return rc;
}

void srv_addresses_free(srv_addresses_t *self)
{
    srv_keys_clear(&self->own);
    self->count = 0;
}
