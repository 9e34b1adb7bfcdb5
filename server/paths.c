/* SPDX-License-Identifier: MPL-2.0 */
/* Where things are. Thread: main. */
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool s_is_dir(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Looks in the folders above the program: for share/muster/NAME, where it was installed, whatever the prefix
 * has become since it was built, and for api/NAME, where it was built in a source tree. */
static bool s_find_near(const char *name, char *dir, size_t size)
{
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = '\0';
    for (char *slash; (slash = strrchr(program, '/'));) {
        *slash = '\0';
        for (int i = 0; i < 2; i++) {
            int written = snprintf(dir, size, "%s/%s/%s", program, i == 0 ? "share/muster" : "api", name);
            if (written > 0 && (size_t)written < size && s_is_dir(dir))
                return true;
        }
    }
    return false;
}

static bool s_find(const char *name, char *dir, size_t size)
{
    if (s_find_near(name, dir, size))
        return true;
    int written = snprintf(dir, size, "%s/%s", MUSTER_DATADIR, name);
    return written > 0 && (size_t)written < size && s_is_dir(dir);
}

int srv_api_dir(const char *option, char *dir, size_t size, proto_buf_t *why)
{
    if (*option) {
        int written = snprintf(dir, size, "%s", option);
        if (written > 0 && (size_t)written < size && s_is_dir(dir))
            return 0;
        proto_buf_printf(why, "there is no folder %s (--dir)", option);
        return -1;
    }
    if (s_find("gathering", dir, size))
        return 0;
    proto_buf_string(why, "the GatheRing API was not found; name a folder with --dir");
    return -1;
}

int srv_template_dir(char *dir, size_t size, proto_buf_t *why)
{
    if (s_find("template", dir, size))
        return 0;
    proto_buf_string(why, "the template was not found: it is installed as " MUSTER_DATADIR "/template");
    return -1;
}

int srv_ipc_endpoint(const char *path, char *endpoint, size_t size)
{
    char made[256];
    if (!*path) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        if (runtime && *runtime)
            snprintf(made, sizeof made, "%s/muster/broker.sock", runtime);
        else
            snprintf(made, sizeof made, "/tmp/muster-%u/broker.sock", (unsigned)getuid());
        path = made;
    }
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return -1;
    int length = snprintf(endpoint, size, "ipc://%s", path);
    return length > 0 && (size_t)length < size ? 0 : -1;
}
