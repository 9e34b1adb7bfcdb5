/* SPDX-License-Identifier: MPL-2.0 */
/* Percent-encoding (RFC 3986 section 2.1). Thread: any. */
#include "gw_endpoint.h"

static int s_hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int gw_percent_decode(proto_bytes_t text, bool form, proto_buf_t *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            if (text.size - i < 3)
                return -1;
            int high = s_hex(text.data[i + 1]), low = s_hex(text.data[i + 2]);
            if (high < 0 || low < 0)
                return -1;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        proto_buf_byte(out, c);
    }
    return 0;
}

static bool s_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void gw_percent_encode(proto_bytes_t text, proto_buf_t *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (s_unreserved(text.data[i]))
            proto_buf_byte(out, text.data[i]);
        else
            proto_buf_printf(out, "%%%02X", text.data[i]);
    }
}
