/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a port is free. Thread: main. */
#include "port.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The inode of whoever listens on the port, from one of the kernel's tables (proc(5), /proc/net/tcp); 0:
 * nobody. */
static unsigned long s_listener(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    unsigned long inode = 0;
    while (file && inode == 0 && fgets(line, sizeof line, file)) {
        unsigned local_port, state;
        unsigned long found;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu", &local_port,
                   &state, &found) == 3 &&
            local_port == port && state == 0x0a)
            inode = found;
    }
    if (file)
        fclose(file);
    return inode;
}

static bool s_holds(const char *pid, const char *wanted)
{
    char path[300], target[64];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    bool holds = false;
    for (struct dirent *entry; dir && !holds && (entry = readdir(dir));) {
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        holds = strcmp(target, wanted) == 0;
    }
    if (dir)
        closedir(dir);
    return holds;
}

static void s_name(const char *pid, char name[64])
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(name, 64, file))
        strcpy(name, "?");
    name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
}

/* Appends ", held by NAME (process N)" when it can be found out. */
static void s_tell_holder(uint16_t port, proto_buf_t *why)
{
    unsigned long inode = s_listener("/proc/net/tcp", port);
    if (inode == 0)
        inode = s_listener("/proc/net/tcp6", port);
    DIR *dir = inode ? opendir("/proc") : NULL;
    char wanted[64], name[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !s_holds(entry->d_name, wanted))
            continue;
        s_name(entry->d_name, name);
        proto_buf_printf(why, ", held by %s (process %s)", name, entry->d_name);
        break;
    }
    if (dir)
        closedir(dir);
}

int srv_port_free(const char *address, uint16_t port, proto_buf_t *why)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool six = strchr(address, ':') != NULL;
    int on = 1;
    if (inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr) !=
        1) {
        proto_buf_printf(why, "--http %s: not a numeric address", address);
        return -1;
    }
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* the gateway will tell */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int rc = bind(fd, six ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, six ? sizeof in6 : sizeof in);
    int error = errno;
    close(fd);
    if (rc == 0)
        return 0;
    proto_buf_printf(why, "port %u of %s cannot be listened on: %s", port, address, strerror(error));
    if (error == EADDRINUSE)
        s_tell_holder(port, why);
    proto_buf_string(why, "; choose another with --http ADDRESS:PORT");
    return -1;
}
