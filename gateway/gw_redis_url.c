/* SPDX-License-Identifier: MPL-2.0 */
/* Where Redis is. Thread: any. */
#include "gw_redis_url.h"

#include <stdlib.h>

#include "gw_endpoint.h"

enum { S_PORT = 6379, S_DATABASES = 1000000 };

/* Copies `text` decoded; -1 when it is malformed or does not fit. */
static int s_decode(const char *text, size_t size, char *out, size_t room)
{
    proto_buf_t decoded = PROTO_BUF_INIT;
    int rc = gw_percent_decode((proto_bytes_t){(const uint8_t *)text, size}, false, &decoded);
    if (rc == 0 && decoded.size < room && !(decoded.size && memchr(decoded.data, '\0', decoded.size))) {
        if (decoded.size)
            memcpy(out, decoded.data, decoded.size);
        out[decoded.size] = '\0';
    } else {
        rc = -1;
    }
    proto_buf_free(&decoded);
    return rc;
}

/* Decimal digits and nothing else, least..most. */
static int s_number(const char *text, int least, int most, int *number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 7 || text[digits])
        return -1;
    *number = atoi(text);
    return *number >= least && *number <= most ? 0 : -1;
}

static int s_user(gw_redis_url_t *self, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    if (!colon)
        return -1;
    size_t user = (size_t)(colon - text);
    return s_decode(text, user, self->user, sizeof self->user) < 0
               ? -1
               : s_decode(colon + 1, size - user - 1, self->password, sizeof self->password);
}

/* HOST[:PORT] */
static int s_host(gw_redis_url_t *self, const char *text, size_t size)
{
    char host[sizeof self->host + 8];
    if (size == 0 || size >= sizeof host)
        return -1;
    memcpy(host, text, size);
    host[size] = '\0';
    char *start = host, *port = strchr(host, ':');
    if (*host == '[') {
        char *end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return -1;
        port = end[1] ? end + 1 : NULL;
        *end = '\0';
        start++;
    }
    if (port)
        *port++ = '\0';
    if (!*start || strlen(start) >= sizeof self->host ||
        start[strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")])
        return -1;
    strcpy(self->host, start);
    return port ? s_number(port, 1, 65535, &self->port) : 0;
}

static int s_parse(gw_redis_url_t *self, const char *text)
{
    if (strncmp(text, "redis://", 8) != 0)
        return -1;
    text += 8;
    size_t size = strcspn(text, "/");
    const char *slash = text + size, *at = memrchr(text, '@', size);
    if (at && s_user(self, text, (size_t)(at - text)) < 0)
        return -1;
    const char *host = at ? at + 1 : text;
    if (s_host(self, host, (size_t)(slash - host)) < 0)
        return -1;
    return slash[0] && slash[1] ? s_number(slash + 1, 0, S_DATABASES, &self->database) : 0;
}

int gw_redis_url_parse(gw_redis_url_t *self, const char *text, proto_buf_t *why)
{
    *self = (gw_redis_url_t){.port = S_PORT};
    if (!*text || s_parse(self, text) == 0)
        return 0;
    *self = (gw_redis_url_t){.port = S_PORT};
    proto_buf_string(
        why, "the address of Redis is redis://USER:PASSWORD@HOST:PORT/DATABASE, with all but HOST left "
             "out as you like and what is special in the password percent-encoded");
    return -1;
}
