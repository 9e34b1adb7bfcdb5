/* SPDX-License-Identifier: MPL-2.0 */
/* What an operation takes: parameters and body. Thread: see gw_openapi.h. */
#include "gw_openapi_parts.h"

static const char *const s_places[PROTO_SOURCE_COUNT] = {
    [PROTO_SOURCE_PATH] = "path", [PROTO_SOURCE_QUERY] = "query", [PROTO_SOURCE_HEADER] = "header"};

typedef enum { S_NO_BODY, S_MEMBERS, S_WHOLE, S_FORM, S_FILES } s_body_t;

static s_body_t s_body(const proto_operation_t *operation)
{
    s_body_t body = S_NO_BODY;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        proto_source_t source = operation->params[i].source;
        s_body_t found = source == PROTO_SOURCE_BODY    ? S_MEMBERS
                         : source == PROTO_SOURCE_WHOLE ? S_WHOLE
                         : source == PROTO_SOURCE_FORM  ? S_FORM
                         : source == PROTO_SOURCE_FILE  ? S_FILES
                                                        : S_NO_BODY;
        body = found > body ? found : body;
    }
    return body;
}

bool gw_openapi_takes_body(const proto_operation_t *operation)
{
    return s_body(operation) != S_NO_BODY;
}

bool gw_openapi_takes(const proto_operation_t *operation)
{
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (s_places[operation->params[i].source])
            return true;
    return gw_openapi_takes_body(operation);
}

/* The name in `path` at the place where the operation's own template has `name`. */
static proto_bytes_t s_path_name(const proto_operation_t *operation, const char *name, const char *path)
{
    const char *own = operation->path;
    size_t size = strlen(name);
    while ((own = strchr(own, '{')) && (path = strchr(path, '{'))) {
        own++;
        path++;
        if (strncmp(own, name, size) == 0 && own[size] == '}')
            return (proto_bytes_t){(const uint8_t *)path, strcspn(path, "}")};
    }
    return proto_bytes_of(name);
}

/* The name that HTTP knows a parameter by; of a header field with - for _. */
static void s_name(gw_tree_t *tree, const proto_operation_t *operation, const proto_param_t *param,
                   const char *path)
{
    char name[256];
    proto_bytes_t text = param->source == PROTO_SOURCE_PATH ? s_path_name(operation, param->name, path)
                                                            : proto_bytes_of(param->name);
    size_t size = text.size < sizeof name ? text.size : sizeof name - 1;
    for (size_t i = 0; i < size; i++)
        name[i] = param->source == PROTO_SOURCE_HEADER && text.data[i] == '_' ? '-' : (char)text.data[i];
    gw_tree_bytes(tree, "name", (proto_bytes_t){(const uint8_t *)name, size});
}

/* What every write takes beside what its file says. */
static void s_key(gw_tree_t *tree)
{
    gw_tree_object(tree, NULL);
    gw_tree_text(tree, "name", "Idempotency-Key");
    gw_tree_text(tree, "in", "header");
    gw_tree_bool(tree, "required", false);
    gw_tree_text(tree, "description",
                 "Names this write: sent again with the same key, it is executed once and answered alike");
    gw_tree_object(tree, "schema");
    gw_tree_text(tree, "type", "string");
    gw_tree_int(tree, "minLength", 1);
    gw_tree_int(tree, "maxLength", GW_KEY_MOST);
    gw_tree_end(tree);
    gw_tree_end(tree);
}

static void s_parameters(gw_tree_t *tree, const proto_operation_t *operation, const char *path)
{
    bool any = false;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        const proto_param_t *param = &operation->params[i];
        if (!s_places[param->source])
            continue;
        if (!any)
            gw_tree_array(tree, "parameters");
        any = true;
        gw_tree_object(tree, NULL);
        s_name(tree, operation, param, path);
        gw_tree_text(tree, "in", s_places[param->source]);
        gw_tree_bool(tree, "required", param->source == PROTO_SOURCE_PATH || param->required);
        gw_schema_param(tree, "schema", param);
        gw_schema_param_example(tree, "example", param);
        gw_tree_end(tree);
    }
    if (gw_key_may(operation)) {
        if (!any)
            gw_tree_array(tree, "parameters");
        any = true;
        s_key(tree);
    }
    if (any)
        gw_tree_end(tree);
}

static bool s_is_member(const proto_param_t *param, s_body_t body)
{
    return body == S_MEMBERS ? param->source == PROTO_SOURCE_BODY
                             : param->source == PROTO_SOURCE_FORM || param->source == PROTO_SOURCE_FILE;
}

static bool s_any_required(const proto_operation_t *operation, s_body_t body)
{
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (s_is_member(&operation->params[i], body) && operation->params[i].required)
            return true;
    return false;
}

static void s_members(gw_tree_t *tree, const proto_operation_t *operation, s_body_t body)
{
    gw_tree_object(tree, "schema");
    gw_tree_text(tree, "type", "object");
    gw_tree_object(tree, "properties");
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (s_is_member(&operation->params[i], body))
            gw_schema_param(tree, operation->params[i].name, &operation->params[i]);
    gw_tree_end(tree);
    if (s_any_required(operation, body)) {
        gw_tree_array(tree, "required");
        for (uint32_t i = 0; i < operation->param_count; i++)
            if (s_is_member(&operation->params[i], body) && operation->params[i].required)
                gw_tree_text(tree, NULL, operation->params[i].name);
        gw_tree_end(tree);
    }
    gw_tree_end(tree);
    gw_tree_object(tree, "example");
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (s_is_member(&operation->params[i], body))
            gw_schema_param_example(tree, operation->params[i].name, &operation->params[i]);
    gw_tree_end(tree);
}

static void s_content(gw_tree_t *tree, const proto_operation_t *operation, s_body_t body, const char *type)
{
    gw_tree_object(tree, type);
    if (body == S_WHOLE) {
        for (uint32_t i = 0; i < operation->param_count; i++) {
            if (operation->params[i].source != PROTO_SOURCE_WHOLE)
                continue;
            gw_schema_param(tree, "schema", &operation->params[i]);
            gw_schema_param_example(tree, "example", &operation->params[i]);
            break;
        }
    } else {
        s_members(tree, operation, body);
    }
    gw_tree_end(tree);
}

static bool s_body_required(const proto_operation_t *operation, s_body_t body)
{
    if (body != S_WHOLE)
        return s_any_required(operation, body);
    for (uint32_t i = 0; i < operation->param_count; i++)
        if (operation->params[i].source == PROTO_SOURCE_WHOLE)
            return operation->params[i].required;
    return false;
}

void gw_openapi_request(gw_tree_t *tree, const proto_operation_t *operation, const char *path)
{
    s_parameters(tree, operation, path);
    s_body_t body = s_body(operation);
    if (body == S_NO_BODY)
        return;
    gw_tree_object(tree, "requestBody");
    gw_tree_bool(tree, "required", s_body_required(operation, body));
    gw_tree_object(tree, "content");
    if (body == S_FORM)
        s_content(tree, operation, body, "application/x-www-form-urlencoded");
    s_content(tree, operation, body, body >= S_FORM ? "multipart/form-data" : "application/json");
    gw_tree_end(tree);
    gw_tree_end(tree);
}
