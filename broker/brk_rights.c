/* SPDX-License-Identifier: MPL-2.0 */
/* Reading a rights file. Thread: any. */
#include "brk_rights.h"

#include <stdlib.h>

#include "brk_rights_internal.h"
#include "brk_zpl.h"
#include "proto_utf8.h"

enum { S_KEYS = 4096, S_TEXT = 255, S_PATTERNS = 256, S_PROPERTIES = 9 };

typedef struct s_key {
    proto_bytes_t text;
    brk_right_t *right;
} s_key_t;

struct brk_rights {
    proto_arena_t arena;
    s_key_t keys[S_KEYS];
    uint32_t key_count;
    brk_right_t *peers[S_KEYS];
    uint32_t peer_count;
    brk_right_t *local; /* NULL: no such section */
};

/* The section being read. */
typedef struct s_section {
    brk_rights_t *rights;
    brk_right_t *right; /* NULL: before the first */
    bool local;
    uint32_t line;
    bool given[S_PROPERTIES]; /* by their place in s_properties */
    proto_bytes_t value;      /* of the property being read */
    const char *property;
    proto_buf_t *why;
    uint32_t at; /* line of it */
} s_section_t;

static int s_wrong(const s_section_t *self, const char *sentence)
{
    proto_buf_printf(self->why, "line %u: %s: %s", self->at, self->property, sentence);
    return -1;
}

static bool s_is_utf8(proto_bytes_t text)
{
    const uint8_t *at = text.data, *end = at + text.size;
    while (at < end) {
        size_t size = proto_utf8_length(at, end);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

/* A text as it may stand in a record. */
static int s_text(s_section_t *self, proto_bytes_t *text)
{
    if (self->value.size > S_TEXT)
        return s_wrong(self, "longer than 255 bytes");
    if (!s_is_utf8(self->value))
        return s_wrong(self, "not UTF-8");
    *text = proto_arena_bytes(&self->rights->arena, self->value);
    return 0;
}

static int s_name(s_section_t *self)
{
    if (self->value.size == 0)
        return s_wrong(self, "must not be empty");
    for (uint32_t i = 0; i < self->rights->peer_count; i++)
        if (proto_bytes_equal(self->rights->peers[i]->name, self->value))
            return s_wrong(self, "another peer has that name");
    return s_text(self, &self->right->name);
}

static int s_subject(s_section_t *self)
{
    return s_text(self, &self->right->subject);
}

static int s_role(s_section_t *self)
{
    return s_text(self, &self->right->role);
}

static int s_one_key(s_section_t *self, proto_bytes_t key)
{
    brk_rights_t *rights = self->rights;
    if (!brk_is_key(key))
        return s_wrong(self, "not a public key of 40 Z85 characters (quotes around it keep a # in it)");
    if (brk_rights_find(rights, key))
        return s_wrong(self, "this key stands in the file already");
    if (rights->key_count == S_KEYS)
        return s_wrong(self, "more than 4096 keys");
    rights->keys[rights->key_count++] = (s_key_t){proto_arena_bytes(&rights->arena, key), self->right};
    return 0;
}

static int s_keys(s_section_t *self)
{
    proto_bytes_t rest = self->value, key = rest;
    do { /* no key at all is no key, either */
        (void)brk_list_next(&rest, &key);
        if (s_one_key(self, key) < 0)
            return -1;
    } while (rest.size);
    return 0;
}

/* The items of a comma list; their number, -1 for an empty one or too many. */
static int s_items(s_section_t *self, proto_bytes_t items[S_PATTERNS])
{
    proto_bytes_t rest = self->value, item;
    int count = 0;
    while (brk_list_next(&rest, &item)) {
        if (count == S_PATTERNS)
            return s_wrong(self, "more than 256 items");
        if (item.size == 0 || item.size > S_TEXT)
            return s_wrong(self, item.size ? "an item longer than 255 bytes" : "an empty item");
        items[count++] = item;
    }
    return count;
}

/* `name` or `name*`. */
static int s_pattern(s_section_t *self, proto_bytes_t text, brk_pattern_t *pattern)
{
    bool prefix = text.size && text.data[text.size - 1] == '*';
    if (prefix)
        text.size--;
    if ((text.size == 0 && !prefix) || memchr(text.data, '*', text.size))
        return s_wrong(self, "a * stands at the end of a name, and no name is empty");
    *pattern = (brk_pattern_t){proto_arena_bytes(&self->rights->arena, text), prefix};
    return 0;
}

static bool s_is_all(const brk_pattern_t *pattern)
{
    return pattern->prefix && pattern->text.size == 0;
}

static int s_call(s_section_t *self)
{
    proto_bytes_t items[S_PATTERNS];
    int count = s_items(self, items);
    size_t room = count > 0 ? (size_t)count * sizeof(brk_pattern_t) : 0;
    brk_pattern_t *services = proto_arena_alloc(&self->rights->arena, room);
    brk_pattern_t *operations = proto_arena_alloc(&self->rights->arena, room);
    for (int i = 0; i < count; i++) {
        const uint8_t *slash = memchr(items[i].data, '/', items[i].size);
        bool all = proto_bytes_is(items[i], "*");
        if (!slash && !all)
            return s_wrong(self, "an item is SERVICE/OPERATION, SERVICE/* or *");
        size_t size = all ? 1 : (size_t)(slash - items[i].data);
        proto_bytes_t operation = {slash ? slash + 1 : items[i].data, all ? 1 : items[i].size - size - 1};
        if (s_pattern(self, (proto_bytes_t){items[i].data, size}, &services[i]) < 0 ||
            s_pattern(self, operation, &operations[i]) < 0)
            return -1;
        if (s_is_all(&services[i]) && s_is_all(&operations[i]))
            self->right->calls_all = true;
    }
    self->right->services = (brk_patterns_t){services, count > 0 ? (uint32_t)count : 0};
    self->right->operations = (brk_patterns_t){operations, self->right->services.count};
    return count < 0 ? -1 : 0;
}

static int s_register(s_section_t *self)
{
    proto_bytes_t items[S_PATTERNS];
    int count = s_items(self, items);
    brk_pattern_t *patterns =
        proto_arena_alloc(&self->rights->arena, count > 0 ? (size_t)count * sizeof *patterns : 0);
    for (int i = 0; i < count; i++) {
        if (s_pattern(self, items[i], &patterns[i]) < 0)
            return -1;
        self->right->registers_all = self->right->registers_all || s_is_all(&patterns[i]);
    }
    self->right->registers = (brk_patterns_t){patterns, count > 0 ? (uint32_t)count : 0};
    return count < 0 ? -1 : 0;
}

static int s_paths(s_section_t *self)
{
    proto_bytes_t items[S_PATTERNS];
    int count = s_items(self, items);
    brk_pattern_t *patterns =
        proto_arena_alloc(&self->rights->arena, count > 0 ? (size_t)count * sizeof *patterns : 0);
    for (int i = 0; i < count; i++) {
        proto_bytes_t path = items[i];
        if (proto_bytes_is(path, "*"))
            path.size = 0; /* the prefix of everything */
        else if (path.data[0] != '/' || memchr(path.data, '*', path.size))
            return s_wrong(self, "a path prefix begins with / and has no *; a * alone means all");
        while (path.size && path.data[path.size - 1] == '/')
            path.size--;
        if (path.size == 0)
            self->right->publishes_all = true;
        patterns[i] = (brk_pattern_t){proto_arena_bytes(&self->rights->arena, path), true};
    }
    self->right->paths = (brk_patterns_t){patterns, count > 0 ? (uint32_t)count : 0};
    return count < 0 ? -1 : 0;
}

static int s_switch(s_section_t *self, bool *on)
{
    static const char *const words[] = {"0", "1", "off", "on", "no", "yes", "false", "true"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (proto_bytes_is(self->value, words[i])) {
            *on = i % 2;
            return 0;
        }
    }
    return s_wrong(self, "is on or off (1, 0)");
}

static int s_gateway(s_section_t *self)
{
    return s_switch(self, &self->right->gateway);
}

static int s_admin(s_section_t *self)
{
    return s_switch(self, &self->right->admin);
}

static const struct {
    const char *name;
    bool peers_only;
    int (*take)(s_section_t *self);
} s_properties[S_PROPERTIES] = {
    {"name", true, s_name},    {"key", true, s_keys},         {"subject", false, s_subject},
    {"role", false, s_role},   {"call", false, s_call},       {"register", false, s_register},
    {"paths", false, s_paths}, {"gateway", false, s_gateway}, {"admin", false, s_admin},
};

static int s_property(s_section_t *self, const brk_zpl_item_t *item)
{
    for (unsigned i = 0; i < S_PROPERTIES; i++) {
        if (!proto_bytes_is(item->name, s_properties[i].name))
            continue;
        self->property = s_properties[i].name;
        self->value = item->value;
        if (!self->right)
            return s_wrong(self, "stands outside any section");
        if (s_properties[i].peers_only && self->local)
            return s_wrong(self, "is for peers with a key; local has none");
        if (self->given[i])
            return s_wrong(self, "is given twice");
        self->given[i] = true;
        return s_properties[i].take(self);
    }
    proto_buf_printf(self->why, "line %u: unknown property %.*s", self->at, (int)item->name.size,
                     (const char *)item->name.data);
    return -1;
}

/* A peer has a name and a key. */
static int s_end_section(const s_section_t *self)
{
    if (!self->right || self->local || (self->given[0] && self->given[1]))
        return 0;
    proto_buf_printf(self->why, "line %u: this peer has no %s", self->line, self->given[0] ? "key" : "name");
    return -1;
}

static int s_begin_section(s_section_t *self, const brk_zpl_item_t *item)
{
    brk_rights_t *rights = self->rights;
    bool local = proto_bytes_is(item->name, "local");
    if (!local && !proto_bytes_is(item->name, "peer"))
        proto_buf_printf(self->why, "line %u: unknown section %.*s; there are peer and local", self->at,
                         (int)item->name.size, (const char *)item->name.data);
    else if (local && rights->local)
        proto_buf_printf(self->why, "line %u: there is one section local already", self->at);
    else if (!local && rights->peer_count == S_KEYS)
        proto_buf_printf(self->why, "line %u: more than %d peers", self->at, S_KEYS);
    if (self->why->size)
        return -1;
    brk_right_t *right = proto_arena_alloc(&rights->arena, sizeof *right);
    *self = (s_section_t){
        .rights = rights, .right = right, .local = local, .line = self->at, .at = self->at, .why = self->why};
    if (local) {
        right->name = proto_bytes_of("local");
        rights->local = right;
    } else {
        rights->peers[rights->peer_count++] = right;
    }
    return 0;
}

brk_rights_t *brk_rights_parse(proto_bytes_t text, proto_buf_t *why)
{
    brk_rights_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    s_section_t section = {.rights = self, .why = why};
    brk_zpl_t zpl = {.rest = text};
    brk_zpl_item_t item;
    int rc;
    while ((rc = brk_zpl_next(&zpl, &item, why)) > 0) {
        section.at = zpl.line;
        if (item.section && (s_end_section(&section) < 0 || s_begin_section(&section, &item) < 0))
            break;
        if (!item.section && s_property(&section, &item) < 0)
            break;
    }
    if (rc != 0 || s_end_section(&section) < 0)
        brk_rights_free(&self);
    return self;
}

void brk_rights_free(brk_rights_t **self)
{
    if (*self)
        proto_arena_free(&(*self)->arena);
    free(*self);
    *self = NULL;
}

const brk_right_t *brk_rights_find(const brk_rights_t *self, proto_bytes_t key)
{
    for (uint32_t i = 0; i < self->key_count; i++)
        if (proto_bytes_equal(self->keys[i].text, key))
            return self->keys[i].right;
    return NULL;
}

const brk_right_t *brk_rights_local(const brk_rights_t *self)
{
    return self && self->local ? self->local : brk_right_all();
}

uint32_t brk_rights_count(const brk_rights_t *self)
{
    return self->peer_count;
}
