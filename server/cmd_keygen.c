/* SPDX-License-Identifier: MPL-2.0 */
/* `muster keygen NAME`: a pair of CURVE keys as two certificate files of czmq's zcert. The secret one is
 * created with its mode, so that it is never readable for others. Thread: main. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "commands.h"
#include "keys.h"

enum { S_PATH = 4096, S_NAME = 64 };

typedef struct s_keygen {
    const char *name, *dir;
    bool force;
    char public_path[S_PATH], secret_path[S_PATH];
} s_keygen_t;

static void s_help(void)
{
    puts("usage: muster keygen NAME [--dir DIR] [--force]\n"
         "\n"
         "Makes a pair of CURVE keys for a broker, or for a peer of one: NAME.cert with the public key, and\n"
         "NAME.cert_secret with both, which only you can read. Prints the public key, and an entry for the "
         "broker's\n"
         "rights file (muster serve --rights).\n"
         "  --dir DIR  where to put them (default: here)\n"
         "  --force    replace those that are there\n"
         "\n"
         "Exit status: 0 made, 1 not made, 2 not begun.\n"
         "Example: muster keygen billing --dir /etc/muster");
}

static int s_parse(s_keygen_t *self, int argc, char **argv, proto_buf_t *why)
{
    for (int i = 1; i < argc && !why->size; i++) {
        if (strcmp(argv[i], "--force") == 0)
            self->force = true;
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            self->dir = argv[++i];
        else if (strncmp(argv[i], "--dir=", 6) == 0)
            self->dir = argv[i] + 6;
        else if (argv[i][0] == '-')
            proto_buf_printf(
                why, strcmp(argv[i], "--dir") == 0 ? "%s needs a value: DIR" : "unknown option %s", argv[i]);
        else if (self->name)
            proto_buf_printf(why, "unknown argument %s", argv[i]);
        else
            self->name = argv[i];
    }
    if (!self->name && !why->size)
        proto_buf_string(why, "usage: muster keygen NAME");
    if (why->size)
        return -1;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t size = strlen(self->name);
    if (size > S_NAME || size == 0 || self->name[0] == '.' || strspn(self->name, plain) != size)
        proto_buf_printf(why, "a name is at most %d letters, digits, '-', '_' and '.'; --dir says where",
                         S_NAME);
    else if (strlen(self->dir) + size + sizeof "/.cert_secret" > S_PATH)
        proto_buf_string(why, "the path is too long");
    snprintf(self->public_path, S_PATH, "%s/%s.cert", self->dir, self->name);
    snprintf(self->secret_path, S_PATH, "%s/%s.cert_secret", self->dir, self->name);
    return why->size ? -1 : 0;
}

/* Writes a file that must not be there, with its mode from the start. */
static int s_write(const char *path, mode_t mode, const proto_buf_t *text, proto_buf_t *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 && errno == EEXIST) {
        proto_buf_printf(why, "%s is there already; --force replaces it", path);
        return -1;
    }
    bool good = fd >= 0 && fchmod(fd, mode) == 0 && /* whatever the umask took */
                write(fd, text->data, text->size) == (ssize_t)text->size && fsync(fd) == 0;
    int error = errno;
    good = (fd < 0 || close(fd) == 0) && good;
    if (good)
        return 0;
    proto_buf_printf(why, "%s cannot be written: %s", path, strerror(error));
    if (fd >= 0)
        unlink(path);
    return -1;
}

static void s_certificate(proto_buf_t *out, const char *kind, const srv_keys_t *keys, bool secret)
{
    proto_buf_printf(out, "# ZeroMQ CURVE %s certificate, made by muster keygen\n\nmetadata\ncurve\n", kind);
    proto_buf_printf(out, "    public-key = \"%s\"\n", keys->public_key);
    if (secret)
        proto_buf_printf(out, "    secret-key = \"%s\"\n", keys->secret_key);
}

static int s_write_both(const s_keygen_t *self, const srv_keys_t *keys, proto_buf_t *why)
{
    proto_buf_t secret = PROTO_BUF_INIT, public = PROTO_BUF_INIT;
    s_certificate(&secret, "secret", keys, true);
    s_certificate(&public, "public", keys, false);
    struct stat status;
    if (!self->force && lstat(self->public_path, &status) == 0) /* before the secret one is made */
        proto_buf_printf(why, "%s is there already; --force replaces it", self->public_path);
    if (self->force) {
        unlink(self->secret_path);
        unlink(self->public_path);
    }
    int rc = why->size ? -1 : s_write(self->secret_path, 0600, &secret, why);
    if (rc == 0 && (rc = s_write(self->public_path, 0644, &public, why)) < 0)
        unlink(self->secret_path);
    explicit_bzero(secret.data, secret.size);
    proto_buf_free(&secret);
    proto_buf_free(&public);
    return rc;
}

static void s_tell(const s_keygen_t *self, const srv_keys_t *keys)
{
    printf("%s: the public key, for everybody\n"
           "%s: both keys, for the process itself (--cert)\n"
           "\n"
           "public key: %s\n"
           "\n"
           "For the broker's rights file:\n"
           "\n"
           "peer\n"
           "    name = %s\n"
           "    key = \"%s\"\n"
           "    subject = %s       # its requests are made for this subject ...\n"
           "    role = service     # ... with this role\n"
           "    call = \"\"          # operations it may call: \"db/get_provider, db/list_*\", \"*\"\n"
           "    register = \"\"      # services it may answer for\n"
           "    paths = \"\"         # HTTP paths that it may publish: \"/%s\"\n"
           "    gateway = off      # whether it may name other subjects\n"
           "    admin = off        # whether it may look into the broker\n",
           self->public_path, self->secret_path, keys->public_key, self->name, keys->public_key, self->name,
           self->name);
}

int srv_cmd_keygen(int argc, char **argv)
{
    s_keygen_t keygen = {.dir = "."};
    srv_keys_t keys;
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (s_parse(&keygen, argc, argv, &why) == 0) {
        rc = 1;
        if (zmq_curve_keypair(keys.public_key, keys.secret_key) < 0)
            proto_buf_printf(&why, "no keys: %s", zmq_strerror(errno));
        else if (s_write_both(&keygen, &keys, &why) == 0)
            rc = 0;
        if (rc == 0)
            s_tell(&keygen, &keys);
        srv_keys_clear(&keys);
    }
    if (why.size)
        fprintf(stderr, "muster keygen: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
