/* SPDX-License-Identifier: MPL-2.0 */
/* Admission. Thread: the actor's. */
#include "act_admit.h"

static proto_error_t s_authorise(const proto_operation_t *operation, const proto_record_t *request)
{
    if (operation->auth == PROTO_AUTH_PUBLIC)
        return PROTO_ERROR_none;
    if (request->subject.size == 0)
        return PROTO_ERROR_unauthenticated;
    if (operation->auth == PROTO_AUTH_ADMIN && !proto_bytes_is(request->role, "admin"))
        return PROTO_ERROR_forbidden;
    return PROTO_ERROR_none;
}

proto_error_t act_admit(const proto_operation_t *operation, const proto_record_t *request)
{
    proto_error_t error = s_authorise(operation, request);
    if (!error && request->body.size && proto_value_check(request->body) < 0)
        error = PROTO_ERROR_malformed;
    return error;
}
