/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data: however a body is cut, the same parts come out, or the same refusal; written anew it
 * is read as the same parts. The first line of an input is the Content-Type. */
#include "fuzz.h"
#include "gw_multipart.h"
#include "proto_value.h"

#define S_ANOTHER "another-boundary-that-no-input-has"

/* A part as a strict sender writes it, or its end. */
static void s_write_head(const gw_part_t *part, proto_buf_t *out)
{
    proto_buf_string(out, "--" S_ANOTHER "\r\nContent-Disposition: form-data; name=\"");
    proto_buf_append(out, part->name.data, part->name.size);
    if (part->has_filename) {
        proto_buf_string(out, "\"; filename=\"");
        proto_buf_append(out, part->filename.data, part->filename.size);
    }
    proto_buf_string(out, "\"\r\n");
    if (part->content_type.size) {
        proto_buf_string(out, "Content-Type: ");
        proto_buf_append(out, part->content_type.data, part->content_type.size);
        proto_buf_string(out, "\r\n");
    }
    proto_buf_string(out, "\r\n");
}

static void s_check_part(const gw_part_t *part)
{
    static proto_buf_t text;
    proto_buf_reset(&text);
    gw_multipart_unescape(part->filename, &text);
    PROTO_ASSERT(text.size <= part->filename.size && proto_utf8_valid(proto_buf_bytes(&text)));
}

/* Reads on; false when it is refused. */
static bool s_take(gw_multipart_t *multipart, proto_bytes_t piece, proto_buf_t *out)
{
    for (;;) {
        proto_bytes_t data;
        switch (gw_multipart_next(multipart, &piece, &data)) {
        case GW_MULTIPART_MORE:
            PROTO_ASSERT(piece.size == 0);
            return true;
        case GW_MULTIPART_PART:
            s_check_part(&multipart->part);
            s_write_head(&multipart->part, out);
            break;
        case GW_MULTIPART_DATA:
            PROTO_ASSERT(data.size > 0);
            proto_buf_append(out, data.data, data.size);
            break;
        case GW_MULTIPART_DONE:
            proto_buf_string(out, "\r\n");
            break;
        case GW_MULTIPART_BAD:
            return false;
        }
    }
}

/* Reads the body in pieces of `step` bytes and writes it anew: NULL, or why it is refused. */
static const char *s_read(proto_bytes_t type, proto_bytes_t body, size_t step, proto_buf_t *out)
{
    static gw_multipart_t multipart;
    proto_buf_reset(out);
    if (gw_multipart_begin(&multipart, type) < 0)
        return multipart.why;
    for (size_t at = 0; at < body.size; at += step)
        if (!s_take(&multipart,
                    (proto_bytes_t){body.data + at, body.size - at < step ? body.size - at : step}, out))
            return multipart.why;
    proto_buf_string(out, "--" S_ANOTHER "--\r\n");
    return gw_multipart_end(&multipart) < 0 ? multipart.why : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_buf_t whole, pieces;
    static const size_t steps[] = {1, 7, 64};
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t line = newline ? (size_t)(newline - data) : size, from = newline ? line + 1 : size;
    proto_bytes_t type = {data, line}, body = {data + from, size - from};
    const char *why = s_read(type, body, size ? size : 1, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        PROTO_ASSERT(s_read(type, body, steps[i], &pieces) == why);
        PROTO_ASSERT(why || proto_bytes_equal(proto_buf_bytes(&whole), proto_buf_bytes(&pieces)));
    }
    if (why)
        return 0;
    PROTO_ASSERT(!s_read(proto_bytes_of("multipart/form-data; boundary=" S_ANOTHER), proto_buf_bytes(&whole),
                         13, &pieces));
    PROTO_ASSERT(proto_bytes_equal(proto_buf_bytes(&whole), proto_buf_bytes(&pieces)));
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("multipart/form-data; boundary=b\n--b\r\nContent-Disposition: form-data; "
                  "name=\"a\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; "
                  "filename=\"q\\\"%22.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                  "\r\n--\r\n-b\r\n--b--\r\n"),
        FUZZ_SEED(
            "multipart/form-data; charset=x; boundary=\"a b\"\npreamble\r\n--a b \r\n"
            "content-disposition:form-data;name=n;filename*=UTF-8''x\r\nX: y\r\n\r\n--a b--\r\nepilogue"),
        FUZZ_SEED("multipart/form-data;boundary=----W\n------W\r\nContent-Transfer-Encoding: binary\r\n"
                  "Content-Disposition: form-data; name=\"\xc3\xa4\"; filename=\"\"\r\n\r\n\r\n------W--"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
