/* SPDX-License-Identifier: MPL-2.0 */
/* Matching of endpoints. Thread: the gateway thread that built the router. */
#include "gw_endpoint.h"

#include <stdlib.h>

#include "proto_log.h"

/* HEAD and OPTIONS are never registered: they follow from the others. */
static const char *const s_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
enum { S_METHODS = sizeof s_methods / sizeof *s_methods, S_BUCKETS = 64 };

typedef struct s_node {
    const struct s_node *parent;
    proto_bytes_t segment;    /* of a literal, as the template spells it */
    struct s_node *next;      /* in its bucket */
    struct s_node *parameter; /* the child that takes any segment */
    gw_route_t *routes[S_METHODS];
} s_node_t;

struct gw_router {
    proto_arena_t arena;
    s_node_t root;
    s_node_t **literals; /* by parent and segment; as many buckets as there are literals, a power of two */
    size_t buckets, literal_count;
    gw_route_t *first;
};

static const struct {
    const char *path;
    gw_builtin_t builtin;
} s_builtins[] = {
    {"/health", GW_BUILTIN_HEALTH},
    {"/health/live", GW_BUILTIN_LIVE},
    {"/health/ready", GW_BUILTIN_READY},
    {"/health/checks", GW_BUILTIN_CHECKS},
    {"/health/system", GW_BUILTIN_SYSTEM},
    {"/openapi.json", GW_BUILTIN_OPENAPI},
    {"/docs", GW_BUILTIN_DOCS},
    {"/docs/app.js", GW_BUILTIN_DOCS_SCRIPT},
    {"/docs/style.css", GW_BUILTIN_DOCS_STYLE},
};

static int s_method_index(proto_bytes_t method)
{
    for (int i = 0; i < S_METHODS; i++)
        if (proto_bytes_is(method, s_methods[i]))
            return i;
    return -1;
}

/* Cuts the next segment off `path` ("/a/b" gives "a" and leaves "/b"); false at the end. */
static bool s_next_segment(proto_bytes_t *path, proto_bytes_t *segment)
{
    if (path->size == 0)
        return false;
    const uint8_t *start = path->data + 1;
    size_t rest = path->size - 1;
    const uint8_t *slash = rest ? memchr(start, '/', rest) : NULL;
    size_t size = slash ? (size_t)(slash - start) : rest;
    *segment = (proto_bytes_t){start, size};
    *path = (proto_bytes_t){start + size, rest - size};
    return true;
}

static s_node_t **s_bucket(const gw_router_t *self, const s_node_t *parent, proto_bytes_t segment)
{
    uint64_t hash =
        proto_hash(proto_hash(PROTO_HASH_SEED, &parent, sizeof parent), segment.data, segment.size);
    return &self->literals[(hash ^ hash >> 32) & (self->buckets - 1)];
}

static s_node_t *s_literal(const gw_router_t *self, const s_node_t *parent, proto_bytes_t segment)
{
    s_node_t *node = *s_bucket(self, parent, segment);
    while (node && !(node->parent == parent && proto_bytes_equal(node->segment, segment)))
        node = node->next;
    return node;
}

static void s_insert(gw_router_t *self, s_node_t *node)
{
    s_node_t **bucket = s_bucket(self, node->parent, node->segment);
    node->next = *bucket;
    *bucket = node;
}

static void s_make_buckets(gw_router_t *self, size_t buckets)
{
    self->buckets = buckets;
    self->literals = calloc(buckets, sizeof *self->literals);
    PROTO_ASSERT(self->literals != NULL);
}

static void s_double_buckets(gw_router_t *self)
{
    s_node_t **former = self->literals;
    size_t count = self->buckets;
    s_make_buckets(self, count * 2);
    for (size_t i = 0; i < count; i++) {
        for (s_node_t *node = former[i], *next; node; node = next) {
            next = node->next;
            s_insert(self, node);
        }
    }
    free(former);
}

static s_node_t *s_literal_child(gw_router_t *self, s_node_t *parent, proto_bytes_t segment)
{
    s_node_t *node = s_literal(self, parent, segment);
    if (node)
        return node;
    if (self->literal_count++ == self->buckets)
        s_double_buckets(self);
    node = proto_arena_alloc(&self->arena, sizeof *node);
    node->parent = parent;
    node->segment = proto_arena_bytes(&self->arena, segment);
    s_insert(self, node);
    return node;
}

static int s_path_param(const proto_operation_t *operation, proto_bytes_t name)
{
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (operation->params[i].source == PROTO_SOURCE_PATH &&
            proto_bytes_is(name, operation->params[i].name))
            return (int)i;
    return -1;
}

/* Goes down the template, adding what is missing; NULL when the template cannot be served. */
static s_node_t *s_grow(gw_router_t *self, const char *template, gw_route_t *route)
{
    s_node_t *node = &self->root;
    proto_bytes_t path = proto_bytes_of(template), segment;
    for (int depth = 0; s_next_segment(&path, &segment); depth++) {
        if (depth == GW_PATH_SEGMENTS)
            return NULL;
        if (segment.size < 3 || segment.data[0] != '{') {
            node = s_literal_child(self, node, segment);
            continue;
        }
        proto_bytes_t name = {segment.data + 1, segment.size - 2};
        int param = route->operation ? s_path_param(route->operation, name) : -1;
        if (param < 0 || route->path_param_count == GW_PATH_PARAMS)
            return NULL;
        route->path_params[route->path_param_count++] = (uint32_t)param;
        if (!node->parameter)
            node->parameter = proto_arena_alloc(&self->arena, sizeof *node);
        node = node->parameter;
    }
    return node;
}

static void s_add(gw_router_t *self, const char *method, const char *template, gw_route_t route)
{
    int index = s_method_index(proto_bytes_of(method));
    gw_route_t *kept = proto_arena_alloc(&self->arena, sizeof *kept);
    *kept = route;
    kept->identity =
        proto_hash(proto_hash(PROTO_HASH_SEED, method, strlen(method) + 1), template, strlen(template));
    s_node_t *node = index < 0 ? NULL : s_grow(self, template, kept);
    if (!node) {
        proto_log(PROTO_LOG_WARN, "gateway", "%s %s cannot be served: left out", method, template);
        return;
    }
    node->routes[index] = kept;
    kept->next = self->first;
    self->first = kept;
}

gw_route_t *gw_router_first(const gw_router_t *self)
{
    return self->first;
}

gw_router_t *gw_router_new(const proto_catalogue_t *const *catalogues, size_t count)
{
    gw_router_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    s_make_buckets(self, S_BUCKETS);
    for (size_t c = 0; c < count; c++) {
        for (uint32_t i = 0; i < catalogues[c]->operation_count; i++) {
            const proto_operation_t *operation = &catalogues[c]->operations[i];
            if (operation->path)
                s_add(self, operation->method, operation->path, (gw_route_t){.operation = operation});
        }
    }
    for (size_t i = 0; i < sizeof s_builtins / sizeof *s_builtins; i++)
        s_add(self, "GET", s_builtins[i].path, (gw_route_t){.builtin = s_builtins[i].builtin});
    return self;
}

void gw_router_free(gw_router_t **self)
{
    if (!*self)
        return;
    proto_arena_free(&(*self)->arena);
    free((*self)->literals);
    free(*self);
    *self = NULL;
}

/* The child whose literal a segment means where escapes count as the characters they stand for; NULL when it
 * has none. */
static s_node_t *s_escaped(const gw_router_t *self, const s_node_t *parent, proto_bytes_t segment)
{
    if (!segment.size || !memchr(segment.data, '%', segment.size))
        return NULL;
    proto_buf_t decoded = PROTO_BUF_INIT;
    s_node_t *node = gw_percent_decode(segment, false, &decoded) == 0
                         ? s_literal(self, parent, proto_buf_bytes(&decoded))
                         : NULL;
    proto_buf_free(&decoded);
    return node;
}

static bool s_has_routes(const s_node_t *node)
{
    for (int i = 0; i < S_METHODS; i++)
        if (node->routes[i])
            return true;
    return false;
}

/* Depth-first, literals before the parameter; at most three ways on per segment and GW_PATH_SEGMENTS deep,
 * and templates seldom share more than a prefix, so this stays short even for hostile paths. */
static const s_node_t *s_find(const gw_router_t *self, const s_node_t *node, proto_bytes_t path, int depth,
                              proto_bytes_t *values, uint32_t count)
{
    proto_bytes_t segment;
    if (!s_next_segment(&path, &segment))
        return s_has_routes(node) ? node : NULL;
    if (depth == GW_PATH_SEGMENTS)
        return NULL;
    const s_node_t *ways[] = {s_literal(self, node, segment), s_escaped(self, node, segment)};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const s_node_t *found = ways[i] ? s_find(self, ways[i], path, depth + 1, values, count) : NULL;
        if (found)
            return found;
    }
    if (!node->parameter || segment.size == 0 || count == GW_PATH_PARAMS)
        return NULL;
    values[count] = segment;
    return s_find(self, node->parameter, path, depth + 1, values, count + 1);
}

static void s_allow(const s_node_t *node, char allow[GW_METHODS_TEXT])
{
    char *at = allow;
    for (int i = 0; i < S_METHODS; i++)
        if (node->routes[i])
            at = stpcpy(stpcpy(at, i == 0 ? "GET, HEAD" : s_methods[i]), ", ");
    strcpy(at, "OPTIONS");
}

gw_match_kind_t gw_router_match(const gw_router_t *self, proto_bytes_t method, proto_bytes_t path,
                                gw_match_t *match)
{
    match->route = NULL;
    const s_node_t *node = s_find(self, &self->root, path, 0, match->values, 0);
    if (!node) {
        if (path.size < 2 || path.data[path.size - 1] != '/')
            return GW_MATCH_NOT_FOUND;
        path.size--;
        return s_find(self, &self->root, path, 0, match->values, 0) ? GW_MATCH_SLASH : GW_MATCH_NOT_FOUND;
    }
    int index = proto_bytes_is(method, "HEAD") ? 0 : s_method_index(method);
    if (index >= 0 && node->routes[index]) {
        match->route = node->routes[index];
        return GW_MATCH_FOUND;
    }
    s_allow(node, match->allow);
    return proto_bytes_is(method, "OPTIONS") ? GW_MATCH_OPTIONS : GW_MATCH_METHOD;
}
