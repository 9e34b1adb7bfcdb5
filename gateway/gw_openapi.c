/* SPDX-License-Identifier: MPL-2.0 */
/* The OpenAPI description: its frame, paths and operations. Thread: the gateway thread that owns the router.
 */
#include "gw_openapi.h"

#include <ctype.h>
#include <stdlib.h>

#include "gw_openapi_parts.h"

/* The gateway's own endpoints; none takes anything. */
static const struct {
    const char *path, *name, *summary;
    bool open;
} s_health[] = {
    {"/health", "health", "How the API and its database are", true},
    {"/health/live", "health_live", "Whether this gateway runs", true},
    {"/health/ready", "health_ready", "Whether requests can be served now; 503 when not", true},
    {"/health/checks", "health_checks", "One check per part", false},
    {"/health/system", "health_system", "Processor, memory and disk of this machine", false},
};

/* An operation under the path that it is described at. */
typedef struct s_entry {
    const proto_operation_t *operation;
    uint32_t order; /* in which they were published */
} s_entry_t;

/* Paths as the router sees them: the names of parameters do not count. Less, equal or greater than 0. */
static int s_compare_paths(const char *a, const char *b)
{
    for (;;) {
        if (*a == '{' && *b == '{') {
            a += strcspn(a, "/");
            b += strcspn(b, "/");
        }
        if (*a != *b || *a == '\0')
            return (uint8_t)*a - (uint8_t)*b;
        a++;
        b++;
    }
}

static int s_compare(const void *left, const void *right)
{
    const s_entry_t *a = left, *b = right;
    int order = s_compare_paths(a->operation->path, b->operation->path);
    return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

/* Whether the router hands requests for this template to this operation: the template is a path of itself. */
static bool s_is_served(const gw_router_t *router, const proto_operation_t *operation)
{
    gw_match_t match;
    return operation->path &&
           gw_router_match(router, proto_bytes_of(operation->method), proto_bytes_of(operation->path),
                           &match) == GW_MATCH_FOUND &&
           match.route->operation == operation;
}

static s_entry_t *s_collect(const gw_router_t *router, const proto_catalogue_t *const *catalogues,
                            size_t count, uint32_t *entries)
{
    size_t most = 1;
    for (size_t c = 0; c < count; c++)
        most += catalogues[c]->operation_count;
    s_entry_t *list = calloc(most, sizeof *list);
    PROTO_ASSERT(list != NULL);
    *entries = 0;
    for (size_t c = 0; c < count; c++)
        for (uint32_t i = 0; i < catalogues[c]->operation_count; i++)
            if (s_is_served(router, &catalogues[c]->operations[i]))
                list[(*entries)++] = (s_entry_t){&catalogues[c]->operations[i], *entries};
    qsort(list, *entries, sizeof *list, s_compare);
    return list;
}

/* The first segment of the path: "agents" of /agents/{id}. */
static void s_tag(gw_tree_t *tree, const char *path)
{
    size_t size = strcspn(path + 1, "/");
    bool parameter = path[1] == '{' || size == 0;
    gw_tree_array(tree, "tags");
    gw_tree_bytes(tree, NULL,
                  parameter ? proto_bytes_of("api") : (proto_bytes_t){(const uint8_t *)path + 1, size});
    gw_tree_end(tree);
}

/* The names in the list are roles that the token must have (OpenAPI 3.1 section 4.8.30). */
static void s_security(gw_tree_t *tree, bool open, const char *role)
{
    gw_tree_array(tree, "security");
    if (!open) {
        gw_tree_object(tree, NULL);
        gw_tree_array(tree, "bearerAuth");
        if (role)
            gw_tree_text(tree, NULL, role);
        gw_tree_end(tree);
        gw_tree_end(tree);
    }
    gw_tree_end(tree);
}

static void s_operation(gw_tree_t *tree, const proto_operation_t *operation, const char *path)
{
    char method[16] = "";
    for (size_t i = 0; operation->method[i] && i + 1 < sizeof method; i++)
        method[i] = (char)tolower((uint8_t)operation->method[i]);
    gw_tree_object(tree, method);
    gw_tree_text(tree, "operationId", operation->name);
    if (operation->summary && *operation->summary)
        gw_tree_text(tree, "summary", operation->summary);
    s_tag(tree, path);
    if (operation->flags & PROTO_OP_DEPRECATED)
        gw_tree_bool(tree, "deprecated", true);
    s_security(tree, operation->auth == PROTO_AUTH_PUBLIC, operation->role);
    gw_openapi_request(tree, operation, path);
    gw_openapi_responses(tree, operation);
    gw_tree_end(tree);
}

static void s_health_answer(gw_tree_t *tree)
{
    gw_tree_object(tree, "200");
    gw_tree_text(tree, "description", "As the server is now");
    gw_tree_object(tree, "content");
    gw_tree_object(tree, "application/json");
    gw_tree_object(tree, "schema");
    gw_tree_text(tree, "type", "object");
    for (int i = 0; i < 4; i++)
        gw_tree_end(tree);
}

static void s_health_paths(gw_tree_t *tree, const proto_catalogue_t *const *catalogues, size_t count)
{
    for (size_t i = 0; i < sizeof s_health / sizeof *s_health; i++) {
        bool taken = false; /* the name, by an operation: ids are to be unique */
        for (size_t c = 0; c < count; c++)
            taken = taken || proto_catalogue_find(catalogues[c], s_health[i].name);
        gw_tree_object(tree, s_health[i].path);
        gw_tree_object(tree, "get");
        if (!taken)
            gw_tree_text(tree, "operationId", s_health[i].name);
        gw_tree_text(tree, "summary", s_health[i].summary);
        s_tag(tree, s_health[i].path);
        s_security(tree, s_health[i].open, NULL);
        gw_tree_object(tree, "responses");
        s_health_answer(tree);
        gw_tree_end(tree);
        gw_tree_end(tree);
        gw_tree_end(tree);
    }
}

static bool s_is_health(const char *path)
{
    for (size_t i = 0; i < sizeof s_health / sizeof *s_health; i++)
        if (strcmp(s_health[i].path, path) == 0)
            return true;
    return false;
}

static void s_paths(gw_tree_t *tree, const gw_router_t *router, const proto_catalogue_t *const *catalogues,
                    size_t count)
{
    uint32_t entries;
    s_entry_t *list = s_collect(router, catalogues, count, &entries);
    gw_tree_object(tree, "paths");
    s_health_paths(tree, catalogues, count);
    for (uint32_t i = 0; i < entries;) {
        const char *path = list[i].operation->path;
        bool own = s_is_health(path); /* another method of one of ours: left out, its path is there already */
        if (!own)
            gw_tree_object(tree, path);
        for (; i < entries && s_compare_paths(list[i].operation->path, path) == 0; i++)
            if (!own)
                s_operation(tree, list[i].operation, path);
        if (!own)
            gw_tree_end(tree);
    }
    gw_tree_end(tree);
    free(list);
}

int gw_openapi_write(const gw_router_t *router, const proto_catalogue_t *const *catalogues, size_t count,
                     proto_buf_t *out)
{
    gw_tree_t tree;
    gw_tree_init(&tree);
    gw_tree_object(&tree, NULL);
    gw_tree_text(&tree, "openapi", "3.1.0");
    gw_tree_object(&tree, "info");
    gw_tree_text(&tree, "title", "Muster API");
    gw_tree_text(&tree, "version", MUSTER_VERSION);
    gw_tree_text(
        &tree, "description",
        "Made from the endpoint files that are served now. Errors are application/problem+json (RFC 9457).");
    gw_tree_end(&tree);
    gw_tree_array(&tree, "servers");
    gw_tree_object(&tree, NULL);
    gw_tree_text(&tree, "url", "/");
    gw_tree_end(&tree);
    gw_tree_end(&tree);
    s_paths(&tree, router, catalogues, count);
    gw_openapi_components(&tree);
    gw_tree_end(&tree);
    int rc = gw_tree_json(&tree, out);
    gw_tree_free(&tree);
    return rc;
}
