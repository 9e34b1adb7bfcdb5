/* SPDX-License-Identifier: MPL-2.0 */
/* The one table of errors. Thread: any. */
#include "proto_error.h"

#include <stddef.h>
#include <string.h>

#include "proto_value.h"

static const struct {
    const char *code;
    int status;
    const char *title;
} s_table[] = {
#define X(name, status, title) {#name, status, title},
    PROTO_ERRORS(X)
#undef X
};

static const struct {
    int status;
    const char *reason;
} s_reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static proto_error_t s_known(proto_error_t error)
{
    return (unsigned)error < PROTO_ERROR_COUNT ? error : PROTO_ERROR_internal;
}

const char *proto_error_code(proto_error_t error)
{
    return s_table[s_known(error)].code;
}

int proto_error_status(proto_error_t error)
{
    return s_table[s_known(error)].status;
}

const char *proto_error_title(proto_error_t error)
{
    return s_table[s_known(error)].title;
}

proto_error_t proto_error_find(const char *code)
{
    for (int i = 0; i < PROTO_ERROR_COUNT; i++)
        if (strcmp(code, s_table[i].code) == 0)
            return (proto_error_t)i;
    return PROTO_ERROR_COUNT;
}

bool proto_error_retryable(proto_error_t error)
{
    return proto_error_status(error) == 503;
}

const char *proto_error_reason(int status)
{
    for (size_t i = 0; i < sizeof s_reasons / sizeof *s_reasons; i++)
        if (s_reasons[i].status == status)
            return s_reasons[i].reason;
    return "Unknown";
}

void proto_error_body(proto_buf_t *out, proto_error_t error, const char *detail)
{
    proto_write_map(out, 4);
    proto_write_text(out, "code");
    proto_write_text(out, proto_error_code(error));
    proto_write_text(out, "status");
    proto_write_int(out, proto_error_status(error));
    proto_write_text(out, "title");
    proto_write_text(out, proto_error_title(error));
    proto_write_text(out, "detail");
    proto_write_text(out, detail ? detail : proto_error_title(error));
}
