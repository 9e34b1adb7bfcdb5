/* SPDX-License-Identifier: MPL-2.0 */
/* Admission. Thread: the actor's. */
#include "act_admit.h"

proto_error_t act_admit(const proto_operation_t *operation, const proto_record_t *request)
{
    proto_error_t error = proto_auth_judge(operation, request->subject, request->role);
    if (!error && request->body.size && proto_value_check(request->body) < 0)
        error = PROTO_ERROR_malformed;
    return error;
}
