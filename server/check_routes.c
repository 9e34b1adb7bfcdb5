/* SPDX-License-Identifier: MPL-2.0 */
/* Routes that are never asked, or not the ones that are meant. Thread: main. */
#include "check.h"
#include "gw_endpoint.h"

/* Cuts the next segment off a path; false at the end. */
static bool s_segment(const char **path, proto_bytes_t *segment)
{
    if (**path != '/')
        return false;
    size_t size = strcspn(*path + 1, "/");
    *segment = (proto_bytes_t){(const uint8_t *)*path + 1, size};
    *path += size + 1;
    return true;
}

static bool s_is_hole(proto_bytes_t segment)
{
    return segment.size > 2 && segment.data[0] == '{';
}

/* Whether some path matches both templates and each is the more literal one somewhere: which of them wins
 * depends on the segment that comes first. `example` is such a path. */
static bool s_ambiguous(const char *a, const char *b, proto_buf_t *example)
{
    bool a_more = false, b_more = false;
    proto_bytes_t one, other;
    while (*a && *b) {
        if (!s_segment(&a, &one) || !s_segment(&b, &other))
            return false;
        bool hole = s_is_hole(one), other_hole = s_is_hole(other);
        if (!hole && !other_hole && !proto_bytes_equal(one, other))
            return false;
        a_more = a_more || (!hole && other_hole);
        b_more = b_more || (hole && !other_hole);
        proto_bytes_t shown = hole ? other : one;
        proto_buf_byte(example, '/');
        if (hole && other_hole)
            proto_buf_byte(example, 'x');
        else
            proto_buf_append(example, shown.data, shown.size);
    }
    return !*a && !*b && a_more && b_more;
}

static void s_check_pair(srv_check_t *self, const act_script_t *script, const act_script_t *earlier)
{
    const proto_operation_t *b = script->operation, *a = earlier->operation;
    proto_buf_t example = PROTO_BUF_INIT;
    if (strcmp(a->method, b->method) == 0 && s_ambiguous(a->path, b->path, &example))
        srv_check_tell(self, SRV_MISTAKE, script, script->places.endpoint, "ambiguous_route",
                       "let them differ in a literal segment", "%s %s and %s of %s in %s:%u both match %s",
                       b->method, b->path, a->path, a->name, earlier->file, earlier->places.endpoint,
                       proto_buf_text(&example));
    proto_buf_free(&example);
}

/* What the gateway answers itself, whatever an API says. */
static bool s_built_in(const gw_router_t *router, const char *path)
{
    static const char *const others[] = {"/docs", "/openapi.json"};
    gw_match_t match = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(path, others[i]) == 0)
            return true;
    return gw_router_match(router, proto_bytes_of("GET"), proto_bytes_of(path), &match) == GW_MATCH_FOUND;
}

static void s_check_path(srv_check_t *self, const act_script_t *script, const gw_router_t *router)
{
    const proto_operation_t *operation = script->operation;
    uint32_t segments = 0, holes = 0;
    proto_bytes_t segment;
    for (const char *path = operation->path; s_segment(&path, &segment); segments++)
        holes += s_is_hole(segment);
    if (segments > GW_PATH_SEGMENTS || holes > GW_PATH_PARAMS)
        srv_check_tell(self, SRV_MISTAKE, script, script->places.endpoint, "long_route",
                       "a path has at most 32 segments and 8 parameters", "%s %s is not served",
                       operation->method, operation->path);
    if (strcmp(operation->method, "GET") == 0 && s_built_in(router, operation->path))
        srv_check_tell(self, SRV_MISTAKE, script, script->places.endpoint, "hidden_route",
                       "choose another path", "GET %s is never asked: the server answers it itself",
                       operation->path);
}

void srv_check_routes(srv_check_t *self)
{
    gw_router_t *router = gw_router_new(NULL, 0);
    for (uint32_t i = 0; i < self->operation_count; i++) {
        const act_script_t *script = self->operations[i].script;
        if (!script->operation->path || !script->operation->method)
            continue;
        s_check_path(self, script, router);
        for (uint32_t j = 0; j < i; j++)
            if (self->operations[j].script->operation->path)
                s_check_pair(self, script, self->operations[j].script);
    }
    gw_router_free(&router);
}
