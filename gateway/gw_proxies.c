/* SPDX-License-Identifier: MPL-2.0 */
/* Trusted proxies. Thread: any, once parsed. */
#include "gw_proxies.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { S_ADDRESS = 48 /* room for a numeric address with a port */ };

/* A numeric address, IPv4 mapped into IPv6; how many bits it has, 0 when it is none. */
static int s_address(const char *text, uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET6, text, address) == 1)
        return 128;
    memcpy(address, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, address + 12) == 1 ? 32 : 0;
}

static int s_network(const char *text, gw_network_t *network)
{
    char copy[S_ADDRESS];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    if (size >= sizeof copy)
        return -1;
    memcpy(copy, text, size);
    copy[size] = '\0';
    int most = s_address(copy, network->address), bits = most;
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits])
            return -1;
        bits = atoi(slash + 1);
    }
    if (most == 0 || bits > most)
        return -1;
    network->bits = (uint8_t)(128 - most + bits);
    return 0;
}

int gw_proxies_parse(gw_proxies_t *self, const char *text, proto_buf_t *why)
{
    *self = (gw_proxies_t){0};
    if (strcmp(text, "none") == 0)
        return 0;
    char *copy = strdup(text), *rest = copy;
    PROTO_ASSERT(copy != NULL);
    for (char *item; why->size == 0 && (item = strsep(&rest, ","));) {
        item += strspn(item, " \t");
        size_t size = strcspn(item, " \t");
        if (!item[size + strspn(item + size, " \t")]) /* else a blank inside: no address */
            item[size] = '\0';
        if (!*item)
            continue;
        if (self->count == GW_PROXIES)
            proto_buf_printf(why, "there are more than %d networks", GW_PROXIES);
        else if (s_network(item, &self->networks[self->count++]) < 0)
            proto_buf_printf(why, "%s is no address or network, as 10.0.0.0/8 or 2001:db8::1", item);
    }
    free(copy);
    return why->size ? -1 : 0;
}

static bool s_within(const gw_network_t *network, const uint8_t address[16])
{
    size_t bytes = network->bits / 8;
    unsigned rest = network->bits % 8u;
    if (memcmp(network->address, address, bytes) != 0)
        return false;
    return rest == 0 || ((network->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

static bool s_trusted(const gw_proxies_t *self, const uint8_t address[16])
{
    for (uint32_t i = 0; i < self->count; i++)
        if (s_within(&self->networks[i], address))
            return true;
    return false;
}

/* What a proxy has noted: an address; some add the port, then IPv6 stands in brackets. -1 when it is none. */
static int s_noted(proto_bytes_t item, uint8_t address[16])
{
    char text[S_ADDRESS + 8];
    if (item.size == 0 || item.size >= sizeof text)
        return -1;
    memcpy(text, item.data, item.size);
    text[item.size] = '\0';
    if (strlen(text) != item.size)
        return -1; /* a NUL inside */
    char *start = text, *colon = strchr(text, ':');
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return -1;
        *end = '\0';
        start++;
    } else if (colon && !strchr(colon + 1, ':')) { /* one colon: IPv4 and a port */
        *colon = '\0';
    }
    return s_address(start, address) ? 0 : -1;
}

/* Cuts the last item off a comma list. */
static proto_bytes_t s_last(proto_bytes_t *list)
{
    size_t start = list->size;
    while (start > 0 && list->data[start - 1] != ',')
        start--;
    proto_bytes_t item = {list->data + start, list->size - start};
    list->size = start > 0 ? start - 1 : 0;
    while (item.size && (*item.data == ' ' || *item.data == '\t'))
        item.data++, item.size--;
    while (item.size && (item.data[item.size - 1] == ' ' || item.data[item.size - 1] == '\t'))
        item.size--;
    return item;
}

void gw_proxies_client(const gw_proxies_t *self, const uint8_t peer[16], const gw_http_request_t *http,
                       uint8_t client[16])
{
    memcpy(client, peer, 16);
    if (!s_trusted(self, peer))
        return;
    int hops = 0;
    uint8_t address[16];
    for (uint32_t i = http->header_count; i > 0; i--) { /* several fields are one list */
        if (!proto_bytes_is(http->headers[i - 1].name, "x-forwarded-for"))
            continue;
        for (proto_bytes_t list = http->headers[i - 1].value; list.size;) {
            if (s_noted(s_last(&list), address) < 0 || ++hops > GW_PROXIES_HOPS) {
                memcpy(client, peer, 16);
                return;
            }
            memcpy(client, address, 16);
            if (!s_trusted(self, client))
                return;
        }
    }
}
