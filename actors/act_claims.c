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
