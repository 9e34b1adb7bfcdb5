/* SPDX-License-Identifier: MPL-2.0 */
/* What an operation answers: success, refusals, and what all operations share. Thread: see gw_openapi.h. */
#include "gw_openapi_parts.h"

#include <stdio.h>

#include "proto_error.h"

enum { S_STATUSES = 600 };

/* Refusals that follow from what an operation is, not from its file. */
static const struct {
    int status;
    const char *component, *description;
} s_shared[] = {
    {400, "Malformed", "The body is not JSON, or the request is no proper HTTP"},
    {401, "Unauthenticated", "Who asks is not known"},
    {403, "Forbidden", "Who asks may not"},
    {409, "KeyBusy", "A write with this Idempotency-Key is under way: try again"},
    {415, "UnsupportedMediaType", "The body is of another type"},
    {422, "Invalid",
     "An argument has the wrong type or size, or the Idempotency-Key was another request's; `detail` says "
     "which"},
    {429, "TooManyRequests", "This client asks too often"},
    {503, "Unavailable", "Certainly not executed: try again"},
    {504, "Timeout", "No answer in time; a write may have been executed"},
};

static bool s_can_be(const proto_operation_t *operation, int status)
{
    switch (status) {
    case 400:
    case 415:
        return gw_openapi_takes_body(operation);
    case 401:
        return operation->auth != PROTO_AUTH_PUBLIC;
    case 403:
        return operation->auth == PROTO_AUTH_ROLE;
    case 409:
        return gw_key_may(operation);
    case 422:
        return gw_openapi_takes(operation) || gw_key_may(operation);
    case 429:
        return operation->tier != PROTO_TIER_NONE;
    default:
        return true;
    }
}

static void s_ref(gw_tree_t *tree, const char *key, const char *place)
{
    gw_tree_object(tree, key);
    gw_tree_text(tree, "$ref", place);
    gw_tree_end(tree);
}

static void s_shared_ref(gw_tree_t *tree, const char *key, size_t index)
{
    char place[64];
    snprintf(place, sizeof place, "#/components/responses/%s", s_shared[index].component);
    s_ref(tree, key, place);
}

static int s_shared_index(int status)
{
    for (size_t i = 0; i < sizeof s_shared / sizeof *s_shared; i++)
        if (s_shared[i].status == status)
            return (int)i;
    return -1;
}

static void s_problem_content(gw_tree_t *tree)
{
    gw_tree_object(tree, "content");
    gw_tree_object(tree, "application/problem+json");
    s_ref(tree, "schema", "#/components/schemas/Problem");
    gw_tree_end(tree);
    gw_tree_end(tree);
}

/* Appends "name: text" of each refusal with that status; several may share one. */
static void s_describe(const proto_operation_t *operation, int status, proto_buf_t *out)
{
    for (uint32_t i = 0; i < operation->refusal_count; i++)
        if (operation->refusals[i].status == status)
            proto_buf_printf(out, "%s`%s`: %s", out->size ? "; " : "", operation->refusals[i].name,
                             operation->refusals[i].text ? operation->refusals[i].text : "");
}

static void s_refusal(gw_tree_t *tree, const proto_operation_t *operation, int status)
{
    char key[16];
    snprintf(key, sizeof key, "%d", status);
    proto_buf_t text = PROTO_BUF_INIT;
    s_describe(operation, status, &text);
    int shared = s_shared_index(status);
    bool possible = shared >= 0 && s_can_be(operation, status);
    if (text.size == 0 && possible) {
        s_shared_ref(tree, key, (size_t)shared);
    } else if (text.size) {
        if (possible)
            proto_buf_printf(&text, "; or: %s", s_shared[shared].description);
        gw_tree_object(tree, key);
        gw_tree_bytes(tree, "description", proto_buf_bytes(&text));
        s_problem_content(tree);
        gw_tree_end(tree);
    }
    proto_buf_free(&text);
}

static void s_success_headers(gw_tree_t *tree, const proto_operation_t *operation, bool fetch)
{
    gw_tree_object(tree, "headers");
    s_ref(tree, "X-Request-ID", "#/components/headers/X-Request-ID");
    if (operation->location)
        s_ref(tree, "Location", "#/components/headers/Location");
    if (fetch)
        s_ref(tree, "ETag", "#/components/headers/ETag");
    gw_tree_end(tree);
}

static void s_success(gw_tree_t *tree, const proto_operation_t *operation)
{
    char key[16];
    bool fetch = strcmp(operation->method, "GET") == 0 && operation->status == 200;
    snprintf(key, sizeof key, "%d", operation->status);
    gw_tree_object(tree, key);
    gw_tree_text(tree, "description", proto_error_reason(operation->status));
    s_success_headers(tree, operation, fetch);
    if (operation->status != 204) {
        gw_tree_object(tree, "content");
        gw_tree_object(tree, "application/json");
        if (strcmp(operation->returns, "none") == 0) {
            gw_tree_object(tree, "schema");
            gw_tree_text(tree, "type", "null");
            gw_tree_end(tree);
        } else {
            gw_shape_schema(tree, "schema", operation);
            gw_shape_example(tree, "example", operation);
        }
        gw_tree_end(tree);
        gw_tree_end(tree);
    }
    gw_tree_end(tree);
    if (fetch)
        s_ref(tree, "304", "#/components/responses/NotModified");
}

void gw_openapi_responses(gw_tree_t *tree, const proto_operation_t *operation)
{
    gw_tree_object(tree, "responses");
    s_success(tree, operation);
    for (int status = 400; status < S_STATUSES; status++)
        s_refusal(tree, operation, status);
    gw_tree_end(tree);
}

static void s_member(gw_tree_t *tree, const char *key, const char *type, const char *description)
{
    gw_tree_object(tree, key);
    gw_tree_text(tree, "type", type);
    gw_tree_text(tree, "description", description);
    gw_tree_end(tree);
}

static void s_problem(gw_tree_t *tree)
{
    static const char *const members[] = {"type", "title", "status", "detail", "code", "request_id"};
    static const char *const descriptions[] = {
        "Always about:blank",        "What kind of problem it is",  "The HTTP status again",
        "What is wrong, for people", "What is wrong, for programs", "Names the request in the server's log"};
    gw_tree_object(tree, "schemas");
    gw_tree_object(tree, "Problem");
    gw_tree_text(tree, "type", "object");
    gw_tree_object(tree, "properties");
    for (size_t i = 0; i < 6; i++)
        s_member(tree, members[i], i == 2 ? "integer" : "string", descriptions[i]);
    gw_tree_end(tree);
    gw_tree_array(tree, "required");
    for (size_t i = 0; i < 6; i++)
        gw_tree_text(tree, NULL, members[i]);
    gw_tree_end(tree);
    gw_tree_end(tree);
    gw_tree_end(tree);
}

static void s_responses(gw_tree_t *tree)
{
    gw_tree_object(tree, "responses");
    for (size_t i = 0; i < sizeof s_shared / sizeof *s_shared; i++) {
        gw_tree_object(tree, s_shared[i].component);
        gw_tree_text(tree, "description", s_shared[i].description);
        if (s_shared[i].status == 503 || s_shared[i].status == 429 || s_shared[i].status == 409) {
            gw_tree_object(tree, "headers");
            s_ref(tree, "Retry-After", "#/components/headers/Retry-After");
            gw_tree_end(tree);
        }
        s_problem_content(tree);
        gw_tree_end(tree);
    }
    gw_tree_object(tree, "NotModified");
    gw_tree_text(tree, "description", "The client has this answer already: If-None-Match named its ETag");
    gw_tree_end(tree);
    gw_tree_end(tree);
}

static void s_headers(gw_tree_t *tree)
{
    static const struct {
        const char *name, *type, *description;
    } headers[] = {
        {"X-Request-ID", "string", "Names the request in the server's log"},
        {"Location", "string", "Where that which was made is"},
        {"ETag", "string", "Names this answer, for If-None-Match"},
        {"Retry-After", "integer", "Seconds to wait"},
    };
    gw_tree_object(tree, "headers");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        gw_tree_object(tree, headers[i].name);
        gw_tree_text(tree, "description", headers[i].description);
        gw_tree_object(tree, "schema");
        gw_tree_text(tree, "type", headers[i].type);
        gw_tree_end(tree);
        gw_tree_end(tree);
    }
    gw_tree_end(tree);
}

void gw_openapi_components(gw_tree_t *tree)
{
    gw_tree_object(tree, "components");
    s_problem(tree);
    s_responses(tree);
    s_headers(tree);
    gw_tree_object(tree, "securitySchemes");
    gw_tree_object(tree, "bearerAuth");
    gw_tree_text(tree, "type", "http");
    gw_tree_text(tree, "scheme", "bearer");
    gw_tree_text(tree, "bearerFormat", "JWT");
    gw_tree_end(tree);
    gw_tree_end(tree);
    gw_tree_end(tree);
}
