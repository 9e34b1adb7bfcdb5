/* SPDX-License-Identifier: MPL-2.0 */
/* Questions to the rights of one peer. Thread: any. */
#include "brk_rights_internal.h"

static bool s_matches(const brk_pattern_t *pattern, proto_bytes_t text)
{
    if (!pattern->prefix)
        return proto_bytes_equal(pattern->text, text);
    return text.size >= pattern->text.size &&
           (pattern->text.size == 0 || memcmp(text.data, pattern->text.data, pattern->text.size) == 0);
}

bool brk_right_calls(const brk_right_t *self, proto_bytes_t service, proto_bytes_t operation)
{
    if (self->gateway && proto_bytes_is(service, BRK_FEED))
        return true;
    for (uint32_t i = 0; i < self->services.count && !self->calls_all; i++)
        if (s_matches(&self->services.items[i], service) && s_matches(&self->operations.items[i], operation))
            return true;
    return self->calls_all;
}

bool brk_right_registers(const brk_right_t *self, proto_bytes_t service)
{
    static const brk_pattern_t replicas = {{(const uint8_t *)"db.", 3}, true};
    if (self->spares_db &&
        (proto_bytes_is(service, "db") || proto_bytes_is(service, BRK_FEED) || s_matches(&replicas, service)))
        return false;
    for (uint32_t i = 0; i < self->registers.count && !self->registers_all; i++)
        if (s_matches(&self->registers.items[i], service))
            return true;
    return self->registers_all;
}

bool brk_right_publishes(const brk_right_t *self, proto_bytes_t path)
{
    for (uint32_t i = 0; i < self->paths.count && !self->publishes_all; i++) {
        const brk_pattern_t *prefix = &self->paths.items[i];
        if (s_matches(prefix, path) &&
            (path.size == prefix->text.size || path.data[prefix->text.size] == '/'))
            return true;
    }
    return self->publishes_all;
}

bool brk_right_covers(const brk_right_t *self, const brk_right_t *other)
{
    if (other->publishes_all)
        return self->publishes_all;
    for (uint32_t i = 0; i < other->paths.count; i++)
        if (!brk_right_publishes(self, other->paths.items[i].text))
            return false;
    return true;
}

const brk_right_t *brk_right_all(void)
{
    static const brk_right_t all = {
        .name = {(const uint8_t *)"local", 5},
        .subject = {(const uint8_t *)"local", 5},
        .role = {(const uint8_t *)"admin", 5},
        .calls_all = true,
        .registers_all = true,
        .publishes_all = true,
        .gateway = true,
        .admin = true,
    };
    return &all;
}

#define S_DEV(spares)                                                                                        \
    {                                                                                                        \
        .name = {(const uint8_t *)"dev", 3}, .subject = {(const uint8_t *)"dev", 3},                         \
        .role = {(const uint8_t *)"admin", 5}, .calls_all = true, .registers_all = true,                     \
        .publishes_all = true, .spares_db = (spares), .admin = true,                                         \
    }

const brk_right_t *brk_right_dev(bool database)
{
    static const brk_right_t all = S_DEV(false), but_db = S_DEV(true);
    return database ? &all : &but_db;
}

const brk_right_t *brk_right_none(void)
{
    static const brk_right_t none = {.name = {(const uint8_t *)"nobody", 6}, .denied = true};
    return &none;
}

/* Value of a Z85 digit; 85 for what is none. */
static uint32_t s_digit(uint8_t c)
{
    static const char digits[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (uint32_t)(at - digits) : 85;
}

bool brk_is_key(proto_bytes_t text)
{
    if (text.size != BRK_KEY_TEXT)
        return false;
    for (size_t i = 0; i < text.size; i += 5) { /* five digits are four bytes */
        uint64_t value = 0;
        for (size_t d = 0; d < 5; d++) {
            uint32_t digit = s_digit(text.data[i + d]);
            if (digit == 85)
                return false;
            value = value * 85 + digit;
        }
        if (value > UINT32_MAX)
            return false;
    }
    return true;
}

bool brk_list_next(proto_bytes_t *rest, proto_bytes_t *item)
{
    if (rest->size == 0)
        return false;
    const uint8_t *comma = memchr(rest->data, ',', rest->size);
    size_t size = comma ? (size_t)(comma - rest->data) : rest->size;
    *item = (proto_bytes_t){rest->data, size};
    rest->data += size + (comma != NULL);
    rest->size -= size + (comma != NULL);
    while (item->size && item->data[0] == ' ')
        *item = (proto_bytes_t){item->data + 1, item->size - 1};
    while (item->size && item->data[item->size - 1] == ' ')
        item->size--;
    return true;
}
