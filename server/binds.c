/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoints, keys and rights of a broker. Thread: main. */
#include "binds.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "brk_rights.h"

enum { S_RIGHTS_BYTES = 1 << 20 };
static const char s_dev_bind[] = "tcp://127.0.0.1:5555";

static int s_read_endpoints(srv_binds_t *self, const char *list, proto_buf_t *why)
{
    proto_bytes_t item;
    while (srv_list_next(&list, &item)) {
        if (self->count == SRV_BINDS) {
            proto_buf_printf(why, "--bind names more than %d endpoints", SRV_BINDS);
            return -1;
        }
        char *text = self->texts[self->count];
        if (item.size < SRV_ENDPOINT)
            memcpy(text, item.data, item.size);
        if (item.size >= SRV_ENDPOINT || strncmp(text, "tcp://", 6) != 0 || !strchr(text + 6, ':')) {
            proto_buf_printf(why, "--bind: %.*s is no endpoint, as tcp://10.0.0.1:5555", (int)item.size,
                             (const char *)item.data);
            return -1;
        }
        self->list[self->count++] = text;
    }
    return 0;
}

/* Without keys everybody may come in, so only --dev goes without, and stays inside the machine. */
static int s_check_open(const srv_binds_t *self, const srv_config_t *config, proto_buf_t *why)
{
    if (!srv_config_number(config, SRV_OPT_dev)) {
        proto_buf_string(why, "--bind needs --cert and --rights (muster keygen makes keys), or --dev");
        return -1;
    }
    for (uint32_t i = 0; i < self->count && !srv_config_number(config, SRV_OPT_any_address); i++) {
        if (srv_endpoint_is_loopback(self->list[i]))
            continue;
        proto_buf_printf(why, "--dev binds loopback only, not %s (--dev-any-address lets it)", self->list[i]);
        return -1;
    }
    return 0;
}

/* The whole file, up to a megabyte. */
static int s_read_text(int fd, proto_buf_t *text)
{
    ssize_t size = 1;
    while (size > 0 && text->size <= S_RIGHTS_BYTES) {
        uint8_t bytes[16384];
        do
            size = read(fd, bytes, sizeof bytes);
        while (size < 0 && errno == EINTR);
        proto_buf_append(text, bytes, size > 0 ? (size_t)size : 0);
    }
    return size < 0 ? -1 : 0;
}

static int s_read_file(const char *path, proto_buf_t *text, proto_buf_t *why)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) < 0)
        proto_buf_printf(why, "the rights file %s cannot be read: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        proto_buf_printf(why, "the rights file %s is no file", path);
    else if (status.st_mode & S_IWOTH)
        proto_buf_printf(why, "everybody may write to the rights file %s; chmod o-w %s", path, path);
    else if (s_read_text(fd, text) < 0)
        proto_buf_printf(why, "the rights file %s cannot be read: %s", path, strerror(errno));
    else if (text->size > S_RIGHTS_BYTES)
        proto_buf_printf(why, "the rights file %s is longer than %d bytes", path, S_RIGHTS_BYTES);
    if (fd >= 0)
        close(fd);
    return why->size ? -1 : 0;
}

int srv_binds_reload(srv_binds_t *self, const srv_config_t *config, proto_buf_t *why)
{
    const char *path = srv_config_text(config, SRV_OPT_rights);
    proto_buf_t text = PROTO_BUF_INIT, sentence = PROTO_BUF_INIT;
    if (!*path)
        return 0;
    if (s_read_file(path, &text, why) < 0) {
        proto_buf_free(&text);
        return -1;
    }
    brk_rights_t *rights = brk_rights_parse(proto_buf_bytes(&text), &sentence);
    int rc = rights ? 0 : -1;
    if (rights) {
        proto_buf_free(&self->rights);
        self->rights = text;
        (void)proto_buf_text(&self->rights);
        self->has_rights = true;
    } else {
        proto_buf_printf(why, "the rights file %s, %s", path, proto_buf_text(&sentence));
        proto_buf_free(&text);
    }
    brk_rights_free(&rights);
    proto_buf_free(&sentence);
    return rc;
}

int srv_binds_read(srv_binds_t *self, const srv_config_t *config, proto_buf_t *why)
{
    const char *bind = srv_config_text(config, SRV_OPT_bind), *cert = srv_config_text(config, SRV_OPT_cert);
    *self = (srv_binds_t){0};
    if (!*bind && srv_config_number(config, SRV_OPT_dev))
        bind = s_dev_bind;
    if (*bind && strcmp(bind, "none") != 0 && s_read_endpoints(self, bind, why) < 0)
        return -1;
    if (srv_binds_reload(self, config, why) < 0)
        return -1;
    if (self->count == 0)
        return 0;
    if (!*cert)
        return s_check_open(self, config, why);
    if (!self->has_rights) {
        proto_buf_string(why, "--bind with --cert needs --rights: who may connect, and do what");
        return -1;
    }
    self->curve = true;
    return srv_keys_read_secret(&self->keys, cert, why);
}

void srv_binds_free(srv_binds_t *self)
{
    srv_keys_clear(&self->keys);
    proto_buf_free(&self->rights);
    self->count = 0;
}
