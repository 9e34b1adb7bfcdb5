/* SPDX-License-Identifier: MPL-2.0 */
/* Errors and refusals (PostgreSQL manual, appendix A "Error Codes"). Thread: the actor's. */
#include "act_refusal.h"

#include <ctype.h>

#include "proto_value.h"

static bool s_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, strlen(class)) == 0;
}

act_verdict_t act_refusal_verdict(const char *sqlstate, bool writes)
{
    if (s_class(sqlstate, "40001") || s_class(sqlstate, "40P01"))
        return ACT_AGAIN;
    if (s_class(sqlstate, "0A000") || s_class(sqlstate, "26000"))
        return ACT_PREPARE;
    if (s_class(sqlstate, "08") || s_class(sqlstate, "57P") || (writes && s_class(sqlstate, "25006")))
        return ACT_RECONNECT;
    return ACT_REFUSE;
}

proto_error_t act_refusal_error(const char *sqlstate)
{
    static const struct {
        const char *class;
        proto_error_t error;
    } table[] = {
        {"22", PROTO_ERROR_invalid},
        {"23502", PROTO_ERROR_invalid},
        {"23514", PROTO_ERROR_invalid},
        {"23505", PROTO_ERROR_conflict},
        {"23503", PROTO_ERROR_conflict},
        {"23P01", PROTO_ERROR_conflict},
        {"23001", PROTO_ERROR_conflict},
        {"40001", PROTO_ERROR_conflict},
        {"40P01", PROTO_ERROR_conflict},
        {"55P03", PROTO_ERROR_conflict},
        {"57014", PROTO_ERROR_timeout},
        {"08", PROTO_ERROR_database_unavailable},
        {"57P", PROTO_ERROR_database_unavailable},
        {"53", PROTO_ERROR_database_unavailable},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (s_class(sqlstate, table[i].class))
            return table[i].error;
    return PROTO_ERROR_internal;
}

const proto_refusal_t *act_refusal_on(const proto_operation_t *operation, const char *sqlstate,
                                      const char *constraint)
{
    const proto_refusal_t *any = NULL;
    for (uint32_t i = 0; i < operation->refusal_count; i++) {
        const proto_refusal_t *refusal = &operation->refusals[i];
        if (!refusal->sqlstate || strcmp(refusal->sqlstate, sqlstate) != 0)
            continue;
        if (refusal->constraint && constraint && strcmp(refusal->constraint, constraint) == 0)
            return refusal;
        if (!refusal->constraint && !any)
            any = refusal;
    }
    return any;
}

const proto_refusal_t *act_refusal_named(const proto_operation_t *operation, proto_bytes_t name)
{
    for (uint32_t i = 0; i < operation->refusal_count; i++)
        if (proto_bytes_is(name, operation->refusals[i].name))
            return &operation->refusals[i];
    return NULL;
}

int act_refusal_raised(const char *sqlstate)
{
    if (strncmp(sqlstate, "PT", 2) != 0 || !isdigit(sqlstate[2]) || !isdigit(sqlstate[3]) ||
        !isdigit(sqlstate[4]))
        return 0;
    int status = (sqlstate[2] - '0') * 100 + (sqlstate[3] - '0') * 10 + (sqlstate[4] - '0');
    return status >= 400 && status <= 599 ? status : 0;
}

static void s_body(const char *code, int status, proto_bytes_t detail, proto_buf_t *out)
{
    proto_write_map(out, 4);
    proto_write_text(out, "code");
    proto_write_text(out, code);
    proto_write_text(out, "status");
    proto_write_int(out, status);
    proto_write_text(out, "title");
    proto_write_text(out, proto_error_reason(status));
    proto_write_text(out, "detail");
    proto_write_str(out, detail);
}

void act_refusal_body(const proto_refusal_t *refusal, act_refusal_lookup_fn *lookup, void *arg,
                      proto_buf_t *out)
{
    proto_buf_t detail = PROTO_BUF_INIT;
    for (const char *at = refusal->text; *at;) {
        size_t size = *at == '{' ? strcspn(at, "}") : 0;
        proto_bytes_t name = {(const uint8_t *)at + 1, size ? size - 1 : 0};
        if (size > 1 && at[size] == '}' && lookup(arg, name, &detail))
            at += size + 1;
        else
            proto_buf_byte(&detail, (uint8_t)*at++);
    }
    s_body(refusal->name, refusal->status, proto_buf_bytes(&detail), out);
    proto_buf_free(&detail);
}

void act_refusal_raised_body(int status, const char *message, proto_buf_t *out)
{
    s_body("raised", status, proto_bytes_of(message), out);
}
