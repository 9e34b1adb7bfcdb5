/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data: what is taken lies in the body, and written anew it is read as the same parts. The
 * first line of an input is the Content-Type. */
#include "fuzz.h"
#include "gw_multipart.h"
#include "proto_value.h"

static void s_inside(proto_bytes_t part, proto_bytes_t whole)
{
    PROTO_ASSERT(part.size == 0 ||
                 (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

/* The parts as a strict sender writes them. */
static void s_write(const gw_multipart_t *multipart, const char *boundary, proto_buf_t *out)
{
    for (uint32_t i = 0; i < multipart->count; i++) {
        const gw_part_t *part = &multipart->parts[i];
        proto_buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary);
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
        proto_buf_append(out, part->content.data, part->content.size);
        proto_buf_string(out, "\r\n");
    }
    proto_buf_printf(out, "--%s--\r\n", boundary);
}

static void s_again(const gw_multipart_t *multipart)
{
    static const char boundary[] = "another-boundary-that-no-input-has";
    static proto_buf_t body;
    static gw_multipart_t again;
    proto_buf_reset(&body);
    s_write(multipart, boundary, &body);
    PROTO_ASSERT(gw_multipart_parse(
                     &again,
                     proto_bytes_of("multipart/form-data; boundary=\"another-boundary-that-no-input-has\""),
                     proto_buf_bytes(&body)) == 0);
    PROTO_ASSERT(again.count == multipart->count);
    for (uint32_t i = 0; i < again.count; i++) {
        const gw_part_t *a = &again.parts[i], *b = &multipart->parts[i];
        PROTO_ASSERT(proto_bytes_equal(a->name, b->name) && proto_bytes_equal(a->filename, b->filename));
        PROTO_ASSERT(proto_bytes_equal(a->content_type, b->content_type) &&
                     proto_bytes_equal(a->content, b->content) && a->has_filename == b->has_filename);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gw_multipart_t multipart;
    static proto_buf_t text;
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    size_t line = newline ? (size_t)(newline - data) : size, from = newline ? line + 1 : size;
    proto_bytes_t body = {data + from, size - from};
    if (gw_multipart_parse(&multipart, (proto_bytes_t){data, line}, body) < 0) {
        PROTO_ASSERT(multipart.count == 0 && multipart.why);
        return 0;
    }
    for (uint32_t i = 0; i < multipart.count; i++) {
        const gw_part_t *part = &multipart.parts[i];
        s_inside(part->name, body);
        s_inside(part->filename, body);
        s_inside(part->content_type, body);
        s_inside(part->content, body);
        proto_buf_reset(&text);
        gw_multipart_unescape(part->filename, &text);
        PROTO_ASSERT(text.size <= part->filename.size && proto_utf8_valid(proto_buf_bytes(&text)));
    }
    s_again(&multipart);
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
