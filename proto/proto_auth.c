/* SPDX-License-Identifier: MPL-2.0 */
/* Whom an operation is for. Thread: any. */
#include "proto_catalogue.h"

static const char s_role[] = "role ", s_admin[] = "admin";

int proto_auth_parse(proto_bytes_t text, proto_auth_t *auth, proto_bytes_t *role)
{
    size_t word = sizeof s_role - 1;
    *role = (proto_bytes_t){0};
    if (proto_bytes_is(text, "public")) {
        *auth = PROTO_AUTH_PUBLIC;
        return 0;
    }
    if (proto_bytes_is(text, "user")) {
        *auth = PROTO_AUTH_USER;
        return 0;
    }
    if (proto_bytes_is(text, s_admin))
        *role = proto_bytes_of(s_admin);
    else if (text.size > word && memcmp(text.data, s_role, word) == 0)
        *role = (proto_bytes_t){text.data + word, text.size - word};
    if (role->size == 0 || role->size > 255)
        return -1;
    for (size_t i = 0; i < role->size; i++)
        if (role->data[i] <= ' ' || role->data[i] == 0x7f)
            return -1;
    *auth = PROTO_AUTH_ROLE;
    return 0;
}

void proto_auth_write(const proto_operation_t *operation, proto_buf_t *out)
{
    static const char *const names[] = {"public", "user"};
    if (operation->auth != PROTO_AUTH_ROLE) {
        proto_buf_string(out, names[operation->auth]);
        return;
    }
    if (strcmp(operation->role, s_admin) != 0)
        proto_buf_string(out, s_role);
    proto_buf_string(out, operation->role);
}

proto_error_t proto_auth_judge(const proto_operation_t *operation, proto_bytes_t subject, proto_bytes_t role)
{
    if (operation->auth == PROTO_AUTH_PUBLIC)
        return PROTO_ERROR_none;
    if (subject.size == 0)
        return PROTO_ERROR_unauthenticated;
    bool short_of = operation->auth == PROTO_AUTH_ROLE && !proto_bytes_is(role, operation->role);
    return short_of ? PROTO_ERROR_forbidden : PROTO_ERROR_none;
}
