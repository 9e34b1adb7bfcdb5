/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoints and keys. Thread: the caller's. */
#include "muster_brokers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { S_FILE = 8192, S_Z85 = 40 };

/* The text given, else what the environment says, else NULL. */
static const char *s_setting(const char *given, const char *variable)
{
    const char *text = given ? given : getenv(variable);
    return text && *text ? text : NULL;
}

/* Takes the next item of a comma list, without the blanks around it; false at the end. */
static bool s_next(const char **at, proto_bytes_t *item)
{
    const char *start = *at;
    if (!start)
        return false;
    size_t size = strcspn(start, ",");
    *at = start[size] ? start + size + 1 : NULL;
    while (size && *start == ' ') {
        start++;
        size--;
    }
    while (size && start[size - 1] == ' ')
        size--;
    *item = proto_bytes_of(start);
    item->size = size;
    return true;
}

static bool s_is_z85(const char *text)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    return strlen(text) == S_Z85 && strspn(text, alphabet) == S_Z85;
}

static int s_take_key(char key[MUSTER_KEY_TEXT], const char *text, const char *what, proto_buf_t *why)
{
    if (!s_is_z85(text)) {
        proto_buf_printf(why, "%s is not a key: those are Z85 texts of 40 characters", what);
        return -1;
    }
    memcpy(key, text, MUSTER_KEY_TEXT);
    return 0;
}

/* The text of a file; -1 with a sentence. A secret one must be its owner's alone. */
static int s_load(const char *path, bool secret, char text[S_FILE], proto_buf_t *why)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */
    ssize_t size = -1;
    if (fd >= 0 && fstat(fd, &status) == 0)
        size = S_ISREG(status.st_mode) ? read(fd, text, S_FILE - 1) : 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    if (size < 0)
        proto_buf_printf(why, "%s cannot be read: %s", path, strerror(error));
    else if (size == 0)
        proto_buf_printf(why, "%s is empty, or no file", path);
    else if (secret && status.st_mode & (S_IRWXG | S_IRWXO))
        proto_buf_printf(why, "%s holds a secret key that others may read: chmod 600 %s", path, path);
    return why->size ? -1 : 0;
}

/* The value of `name = "value"` in a certificate (ZPL, ZeroMQ RFC 4, as czmq's zcert writes it). */
static int s_find_key(const char *text, const char *name, const char *path, char key[MUSTER_KEY_TEXT],
                      proto_buf_t *why)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " \t");
        if (strncmp(at, name, strlen(name)) != 0)
            continue;
        at += strlen(name);
        at += strspn(at, " \t");
        if (*at++ != '=')
            continue;
        at += strspn(at, " \t");
        size_t skip = *at == '"' || *at == '\'';
        if (strlen(at) < skip + S_Z85)
            break;
        memcpy(key, at + skip, S_Z85);
        key[S_Z85] = '\0';
        char after = at[skip + S_Z85];
        if (s_is_z85(key) && (skip ? after == *at : strchr(" \t\r\n", after) != NULL))
            return 0;
        break;
    }
    proto_buf_printf(why, "%s has no %s of 40 characters; is it a certificate of muster keygen?", path, name);
    return -1;
}

static int s_read_own(muster_brokers_t *self, const char *path, proto_buf_t *why)
{
    char text[S_FILE];
    int rc = s_load(path, true, text, why);
    if (rc == 0)
        rc = s_find_key(text, "public-key", path, self->public_key, why);
    if (rc == 0)
        rc = s_find_key(text, "secret-key", path, self->secret_key, why);
    explicit_bzero(text, sizeof text);
    return rc;
}

/* The brokers' keys: one file for all, or one for each. */
static int s_read_broker_keys(muster_brokers_t *self, const char *list, proto_buf_t *why)
{
    int count = 0;
    proto_bytes_t item;
    char path[4096], text[S_FILE];
    while (s_next(&list, &item)) {
        snprintf(path, sizeof path, "%.*s", (int)item.size, (const char *)item.data);
        if (count == self->count) {
            proto_buf_string(why, "there are more certificates of brokers than brokers");
            return -1;
        }
        if (s_load(path, false, text, why) < 0 ||
            s_find_key(text, "public-key", path, self->broker_keys[count], why) < 0)
            return -1;
        count++;
    }
    if (count != 1 && count != self->count) {
        proto_buf_string(why, "broker_cert names one certificate for all brokers, or one for each");
        return -1;
    }
    for (int i = count; i < self->count; i++)
        memcpy(self->broker_keys[i], self->broker_keys[0], MUSTER_KEY_TEXT);
    return 0;
}

/* Whether an endpoint needs keys at all: who may open a local socket its mode decides. */
static bool s_is_tcp(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0;
}

static bool s_any_tcp(const muster_brokers_t *self)
{
    for (int i = 0; i < self->count; i++)
        if (s_is_tcp(self->endpoints[i]))
            return true;
    return false;
}

static int s_read_keys(muster_brokers_t *self, const muster_config_t *config, proto_buf_t *why)
{
    const char *cert = s_setting(config->cert, "MUSTER_CERT");
    const char *broker_cert = s_setting(config->broker_cert, "MUSTER_BROKER_CERT");
    if (config->public_key || config->secret_key || config->broker_key) {
        if (!config->public_key || !config->secret_key || !config->broker_key) {
            proto_buf_string(why, "public_key, secret_key and broker_key go together");
            return -1;
        }
        for (int i = 0; i < self->count; i++)
            if (s_take_key(self->broker_keys[i], config->broker_key, "broker_key", why) < 0)
                return -1;
        if (s_take_key(self->public_key, config->public_key, "public_key", why) < 0)
            return -1;
        return s_take_key(self->secret_key, config->secret_key, "secret_key", why);
    }
    if (!cert && !broker_cert)
        return 0;
    if (!cert || !broker_cert) {
        proto_buf_printf(why, "one's own certificate and the brokers' go together: %s is missing",
                         cert ? "broker_cert" : "cert");
        return -1;
    }
    if (s_read_own(self, cert, why) < 0)
        return -1;
    return s_read_broker_keys(self, broker_cert, why);
}

static void s_local(char local[MUSTER_ENDPOINT])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime)
        snprintf(local, MUSTER_ENDPOINT, "ipc://%s/muster/broker.sock", runtime);
    else
        snprintf(local, MUSTER_ENDPOINT, "ipc:///tmp/muster-%u/broker.sock", (unsigned)getuid());
}

static int s_read_endpoints(muster_brokers_t *self, const char *list, proto_buf_t *why)
{
    proto_bytes_t item;
    while (s_next(&list, &item)) {
        if (self->count == MUSTER_BROKERS) {
            proto_buf_printf(why, "more than %d brokers", MUSTER_BROKERS);
            return -1;
        }
        if (item.size == 0 || item.size >= MUSTER_ENDPOINT) {
            proto_buf_string(why, "an endpoint is empty or too long");
            return -1;
        }
        memcpy(self->endpoints[self->count], item.data, item.size);
        self->count++;
    }
    return 0;
}

int muster_brokers_read(muster_brokers_t *self, const muster_config_t *config, proto_buf_t *why)
{
    static const muster_config_t none;
    char local[MUSTER_ENDPOINT];
    *self = (muster_brokers_t){0};
    if (!config)
        config = &none;
    const char *list = s_setting(config->brokers, "MUSTER_BROKERS");
    s_local(local);
    if (s_read_endpoints(self, list ? list : local, why) < 0 ||
        (s_any_tcp(self) && s_read_keys(self, config, why) < 0)) {
        muster_brokers_clear(self);
        return -1;
    }
    for (int i = 0; i < self->count; i++) {
        proto_address_t *address = &self->list[i];
        address->endpoint = self->endpoints[i];
        if (!*self->secret_key || !s_is_tcp(address->endpoint))
            continue;
        address->server_key = self->broker_keys[i];
        address->public_key = self->public_key;
        address->secret_key = self->secret_key;
    }
    return 0;
}

void muster_brokers_clear(muster_brokers_t *self)
{
    explicit_bzero(self, sizeof *self);
}
