/* SPDX-License-Identifier: MPL-2.0 */
/* Claims. Thread: any. */
#include "act_claims.h"

#include "proto_json.h"

static int s_identity(const proto_record_t *request, proto_buf_t *out)
{
    proto_buf_string(out, "{\"sub\":");
    int rc = proto_json_string(out, request->subject);
    if (rc == 0 && request->role.size) {
        proto_buf_string(out, ",\"role\":");
        rc = proto_json_string(out, request->role);
    }
    proto_buf_byte(out, '}');
    return rc;
}

int act_claims_json(const proto_record_t *request, proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(request->claims);
    proto_value_t head;
    int rc = 0;
    proto_buf_reset(out);
    if (request->claims.size == 0 && request->subject.size)
        rc = s_identity(request, out);
    else if (request->claims.size && (proto_value_check(request->claims) < 0 ||
                                      proto_value_read(&reader, &head) < 0 || head.kind != PROTO_MAP))
        return -1;
    else if (request->claims.size)
        rc = proto_json_from_value(request->claims, out);
    return rc < 0 || out->failed ? -1 : 0;
}

/* The next name of a comma list; `at` goes on behind it. */
static proto_bytes_t s_next(const char **at)
{
    size_t size = strcspn(*at, ",");
    proto_bytes_t name = {(const uint8_t *)*at, size};
    *at += size + ((*at)[size] == ',');
    return name;
}

proto_error_t act_claims_role(const proto_record_t *request, const char *roles)
{
    if (request->subject.size == 0)
        return PROTO_ERROR_unauthenticated;
    while (*roles)
        if (proto_bytes_equal(s_next(&roles), request->role))
            return PROTO_ERROR_none;
    return PROTO_ERROR_forbidden;
}

bool act_claims_roles_valid(const char *roles)
{
    size_t size = strlen(roles);
    bool good = size > 0 && roles[size - 1] != ',' && !strpbrk(roles, " \t");
    while (good && *roles) {
        proto_bytes_t name = s_next(&roles);
        good = name.size && name.size < 64 && !proto_bytes_is(name, "none");
    }
    return good;
}
