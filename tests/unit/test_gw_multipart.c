/* SPDX-License-Identifier: MPL-2.0 */
/* multipart/form-data: what browsers and curl send is read as they mean it; whatever two readers could read
 * in two ways is refused; a body that ends anywhere else is refused, too. Every body is read whole and in
 * every two pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gw_multipart.h"

#define S_TYPE "multipart/form-data; boundary=b"
#define S_A    "Content-Disposition: form-data; name=\"a\"\r\n"
/* A body of one part with these header fields. */
#define S_PART(head)         "--b\r\n" head "\r\nx\r\n--b--\r\n"
#define S_DISPOSITION(value) S_PART("Content-Disposition: " value "\r\n")

typedef struct s_case {
    const char *type; /* NULL: S_TYPE */
    const char *body;
    const char *answer; /* the parts, or why it is refused */
} s_case_t;

static gw_multipart_t s_multipart;

/* A part as name[filename](content type)=, without what was not sent. */
static void s_show(proto_buf_t *out)
{
    const gw_part_t *part = &s_multipart.part;
    gw_multipart_unescape(part->name, out);
    if (part->has_filename) {
        proto_buf_byte(out, '[');
        gw_multipart_unescape(part->filename, out);
        proto_buf_byte(out, ']');
    }
    if (part->content_type.size)
        proto_buf_printf(out, "(%.*s)", (int)part->content_type.size, part->content_type.data);
    proto_buf_byte(out, '=');
}

/* Reads a piece and writes down what comes of it; -1 when it is refused. */
static int s_take(proto_bytes_t piece, proto_buf_t *out)
{
    for (;;) {
        proto_bytes_t data = {0};
        switch (gw_multipart_next(&s_multipart, &piece, &data)) {
        case GW_MULTIPART_MORE:
            assert_int_equal(piece.size, 0);
            return 0;
        case GW_MULTIPART_PART:
            s_show(out);
            break;
        case GW_MULTIPART_DATA:
            assert_true(data.size > 0);
            proto_buf_append(out, data.data, data.size);
            break;
        case GW_MULTIPART_DONE:
            proto_buf_byte(out, '\n');
            break;
        case GW_MULTIPART_BAD:
            return -1;
        }
    }
}

/* Parses memory of exactly the pieces' sizes, so that ASan sees any look behind them: the first of `first`
 * bytes, the others of `step`. A line per part, or why it is refused; *read is how far it was read. */
static int s_parse_cut(const char *type, proto_bytes_t body, size_t first, size_t step, proto_buf_t *out,
                       size_t *read)
{
    size_t size = strlen(type);
    uint8_t *field = malloc(size ? size : 1);
    assert_non_null(field);
    memcpy(field, type, size);
    memset(&s_multipart, 0xa5, sizeof s_multipart); /* nothing is expected of the former content */
    proto_buf_reset(out);
    int rc = gw_multipart_begin(&s_multipart, (proto_bytes_t){field, size});
    free(field);
    for (*read = 0; rc == 0 && *read < body.size;) {
        size_t take = *read == 0 && first ? first : step;
        take = body.size - *read < take ? body.size - *read : take;
        uint8_t *copy = malloc(take);
        assert_non_null(copy);
        memcpy(copy, body.data + *read, take);
        rc = s_take((proto_bytes_t){copy, take}, out);
        free(copy);
        *read += take;
    }
    if (rc == 0)
        rc = gw_multipart_end(&s_multipart);
    if (rc < 0) {
        assert_non_null(s_multipart.why);
        proto_buf_reset(out);
        proto_buf_string(out, s_multipart.why);
    }
    return rc;
}

/* Whole, byte by byte, and cut in two at every place of a short body: always the same. */
static int s_parse(const char *type, proto_bytes_t body, proto_buf_t *out)
{
    proto_buf_t pieces = PROTO_BUF_INIT;
    size_t read, most = body.size < 600 ? body.size : 1;
    int rc = s_parse_cut(type, body, 0, body.size, out, &read);
    for (size_t first = 0; first < most; first++) {
        int again = s_parse_cut(type, body, first, first ? body.size : 1, &pieces, &read);
        if (again != rc || !proto_bytes_equal(proto_buf_bytes(out), proto_buf_bytes(&pieces)))
            fail_msg("%.*s\ncut at %zu: %d %.*s", (int)body.size, (const char *)body.data, first, again,
                     (int)pieces.size, (const char *)pieces.data);
    }
    proto_buf_free(&pieces);
    return rc;
}

/* The end of the closing boundary's mark: nothing of a good body may be missing before. */
static size_t s_closed(const char *body, const char *mark)
{
    size_t closed = 0;
    for (const char *at = body; (at = strstr(at, mark)); at++)
        closed = (size_t)(at - body) + strlen(mark);
    return closed;
}

static void s_check(const s_case_t *cases, size_t count, bool good)
{
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        const char *type = cases[i].type ? cases[i].type : S_TYPE;
        proto_bytes_t body = proto_bytes_of(cases[i].body);
        int rc = s_parse(type, body, &out);
        if ((rc == 0) != good || strcmp(proto_buf_text(&out), cases[i].answer) != 0)
            fail_msg("%s\n%s\n%d %s instead of %s", type, cases[i].body, rc, proto_buf_text(&out),
                     cases[i].answer);
        for (size_t size = 0; size < body.size; size++) {
            size_t read;
            rc = s_parse_cut(type, (proto_bytes_t){body.data, size}, 0, size, &out, &read);
            if (!cases[i].type && good && size < s_closed(cases[i].body, "--b--") && rc == 0)
                fail_msg("%s\ncut at %zu is taken", cases[i].body, size);
        }
    }
    proto_buf_free(&out);
}

#define S_CHECK(cases, good) s_check(cases, sizeof cases / sizeof *cases, good)

static void test_good_bodies(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {NULL, S_PART(S_A), "a=x\n"},
        {NULL, "--b--", ""},     /* a browser's form without fields */
        {NULL, "--b--\r\n", ""}, /* the same, of another make */
        {NULL, "--b\r\n" S_A "\r\n\r\n--b--", "a=\n"},
        {NULL, "--b\r\n" S_A "\r\n--b--", "a=\n"}, /* the empty line ends by the delimiter's CRLF */
        {NULL, "--b\r\n" S_A "\r\n--b\r\n" S_A "\r\ny\r\n--b--", "a=\na=y\n"},
        {NULL, "--b \t\r\n" S_A "\r\nx\r\n--b--\t \r\n", "a=x\n"},
        {NULL, "--b\r\n" S_A "\r\n1\r\n--b\r\n" S_A "\r\n2\r\n--b--", "a=1\na=2\n"},
        {NULL, "nothing\r\n--c\r\n--b\r\n" S_A "\r\nx\r\n--b--", "a=x\n"},
        {NULL, "\r\n--b\r\n" S_A "\r\nx\r\n--b--", "a=x\n"},
        {NULL, S_PART(S_A) "epilogue\r\n--b\r\nnonsense", "a=x\n"},
        /* what looks like a boundary and is none */
        {NULL, "--b\r\n" S_A "\r\n--a\r\n-b\r\n --b\r\nx--b\n--b\r--b\r\n-\r\n--\r\n--b--",
         "a=--a\r\n-b\r\n --b\r\nx--b\n--b\r--b\r\n-\r\n--\n"},
        {NULL, "--b\r\n" S_A "\r\n\r\n\r\nx\r\n\r\n\r\n--b--", "a=\r\n\r\nx\r\n\r\n\n"},
        /* other fields and spellings */
        {NULL, S_PART("X-Y: z\r\n" S_A "content-type:text/plain; charset=utf-8 \t\r\nEmpty:\r\n"),
         "a(text/plain; charset=utf-8)=x\n"},
        {NULL, S_PART("CONTENT-DISPOSITION:Form-Data;NAME=a;Filename=f.txt\r\n"), "a[f.txt]=x\n"},
        {NULL, S_DISPOSITION("form-data ; \t name=\"a\" ; filename=\"f\" ;"), "a[f]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; size=5; filename*=UTF-8''evil"), "a=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"f\"; filename*=UTF-8''evil"), "a[f]=x\n"},
        {NULL, S_PART(S_A "Content-Transfer-Encoding: 8BIT\r\n"), "a=x\n"},
        {NULL, S_PART(S_A "Content-Transfer-Encoding: binary\r\n"), "a=x\n"},
        /* names with everything in them */
        {NULL, S_DISPOSITION("form-data; name=\"\"; filename=\"\""), "[]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"q\\\"s;name=\\\"b\""),
         "a[q\"s;name=\"b]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a%22b\"; filename=\"%22%0A%20%2\""), "a\"b[\"%0A%20%2]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"C:\\dir\\f\""), "a[C:\\dir\\f]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"f\\\\\""), "a[f\\]=x\n"},
        {NULL, S_DISPOSITION("form-data; name=\"\xc3\xa4\"; filename=\"\xf0\x9f\x98\x80\t;=\""),
         "\xc3\xa4[\xf0\x9f\x98\x80\t;=]=x\n"},
    };
    S_CHECK(cases, true);
}

static void test_boundaries(void **state)
{
    (void)state;
#define S_70 "0123456789012345678901234567890123456789012345678901234567890123456789"
    static const s_case_t good[] = {
        {"multipart/form-data;boundary=\"b\"", S_PART(S_A), "a=x\n"},
        {"Multipart/Form-Data; charset=utf-8; BOUNDARY=b ; x=\"y;boundary=z\"", S_PART(S_A), "a=x\n"},
        {"multipart/form-data; ; boundary=b;", S_PART(S_A), "a=x\n"},
        {"multipart/form-data; boundary=\"a b'()+_,-./:=?\"",
         "--a b'()+_,-./:=?\r\n" S_A "\r\nx\r\n--a b'()+_,-./:=?--", "a=x\n"},
        {"multipart/form-data; boundary=a'()+_,-./:=?",
         "--a'()+_,-./:=?\r\n" S_A "\r\nx\r\n--a'()+_,-./:=?--", "a=x\n"},
        {"multipart/form-data; boundary=--", "----\r\n" S_A "\r\nx\r\n------", "a=x\n"},
        {"multipart/form-data; boundary=" S_70, "--" S_70 "\r\n" S_A "\r\nx\r\n--" S_70 "--", "a=x\n"},
    };
    static const s_case_t bad[] = {
        {"multipart/form-data", S_PART(S_A), "its Content-Type has no boundary"},
        {"multipart/form-data;", S_PART(S_A), "its Content-Type has no boundary"},
        {"multipart/form-data; bound=b", S_PART(S_A), "its Content-Type has no boundary"},
        {"multipart/form-data; boundary", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary =b", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary= b", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=b c", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=b x=y", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=b, x", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=b@", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=\"b", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=\"b\"c", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=\"\"", S_PART(S_A), "its boundary is malformed"},
        {"multipart/form-data; boundary=\"b \"", S_PART(S_A), "its boundary is malformed"},
        {"multipart/form-data; boundary=\"b\\\\\"", S_PART(S_A), "its boundary is malformed"},
        {"multipart/form-data; boundary=\"b@\"", S_PART(S_A), "its boundary is malformed"},
        {"multipart/form-data; boundary=\xc3\xa4", S_PART(S_A), "its Content-Type is malformed"},
        {"multipart/form-data; boundary=" S_70 "0", S_PART(S_A), "its boundary is malformed"},
        {"multipart/form-data; boundary=b; boundary=b", S_PART(S_A), "its Content-Type has two boundaries"},
        {"multipart/form-data; boundary=b; boundary=c", S_PART(S_A), "its Content-Type has two boundaries"},
    };
    S_CHECK(good, true);
    S_CHECK(bad, false);
}

static void test_bad_frames(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {NULL, "", "its boundary is not in it"},
        {NULL, "a=1", "its boundary is not in it"},
        {NULL, "-b--", "its boundary is not in it"},
        {NULL, "--B--", "its boundary is not in it"},
        {NULL, "x--b--", "its boundary is not in it"},
        {NULL, "x\n--b--", "its boundary is not in it"},
        {NULL, "--b", "it does not end with its boundary"},
        {NULL, "--b \t", "it does not end with its boundary"},
        {NULL, "--b\r", "something stands behind a boundary"},
        {NULL, "--b-", "something stands behind a boundary"},
        {NULL, "--b\n" S_A "\r\nx\r\n--b--", "something stands behind a boundary"},
        {NULL, "--bc\r\n" S_A "\r\nx\r\n--b--", "something stands behind a boundary"},
        {NULL, "--b\rx" S_A "\r\nx\r\n--b--", "something stands behind a boundary"},
        {NULL, "--b--\rx", "something stands behind a boundary"},
        {NULL, "--b--c", "something stands behind a boundary"},
        {NULL, "--b--\n", "something stands behind a boundary"},
        {NULL, "--b---", "something stands behind a boundary"},
        {NULL, "--b\r\n" S_A "\r\nx", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\r\n--a--", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx--b--", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\n--b--", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\r--b--", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\r\n--b", "it does not end with its boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\r\n--b-", "something stands behind a boundary"},
        {NULL, "--b\r\n" S_A "\r\nx\r\n--b1\r\n--b--", "something stands behind a boundary"},
        {NULL, "--b\r\n", "it ends within a part's header fields"},
        {NULL, "--b\r\n" S_A, "it ends within a part's header fields"},
        {NULL, "--b\r\n" S_A "\r", "it ends within a part's header fields"},
        {NULL, "--b\r\n\r\nx\r\n--b--", "a part has no Content-Disposition"},
        {NULL, "--b\r\n\r\n--b--", "a part has no Content-Disposition"},
        {NULL, "--b\r\n--b--\r\n", "a boundary stands within a part's header fields"},
        {NULL, "--b\r\n" S_A "--b: x\r\n\r\nx\r\n--b--", "a boundary stands within a part's header fields"},
        {NULL, "--b\r\n" S_A "--b--\r\n", "a boundary stands within a part's header fields"},
    };
    S_CHECK(cases, false);
}

static void test_bad_fields(void **state)
{
    (void)state;
    static const s_case_t cases[] = {
        {NULL, S_PART(S_A "nonsense\r\n"), "a part has a malformed header field"},
        {NULL, S_PART(S_A ": x\r\n"), "a part has a malformed header field"},
        {NULL, S_PART(S_A "X : y\r\n"), "a part has a malformed header field"},
        {NULL, S_PART(S_A " folded\r\n"), "a part has a malformed header field"},
        {NULL, S_PART(S_A "\tX: folded\r\n"), "a part has a malformed header field"},
        {NULL, S_PART(S_A "X\xc3\xa4: y\r\n"), "a part has a malformed header field"},
        {NULL, S_PART("Content-Disposition: form-data; name=a\nX: y\r\n"),
         "a part's header fields hold a control character"},
        {NULL, S_PART("Content-Disposition: form-data; name=a\rX: y\r\n"),
         "a part's header fields hold a control character"},
        {NULL, S_PART(S_A "X: \x01\r\n"), "a part's header fields hold a control character"},
        {NULL, S_PART(S_A "X: \x7f\r\n"), "a part's header fields hold a control character"},
        {NULL, S_PART("X: y\r\n"), "a part has no Content-Disposition"},
        {NULL, S_PART("X-Content-Disposition: form-data; name=a\r\n"), "a part has no Content-Disposition"},
        {NULL, S_PART(S_A S_A), "a part has a header field twice"},
        {NULL, S_PART(S_A "Content-Type: a/b\r\ncontent-type: a/b\r\n"), "a part has a header field twice"},
        {NULL, S_PART(S_A "Content-Type: Multipart/mixed; boundary=c\r\n"), "a part is multipart itself"},
        {NULL, S_PART(S_A "Content-Type: a/b; x=\"\xff\"\r\n"), "a part's Content-Type is not UTF-8"},
        {NULL, S_PART(S_A "Content-Transfer-Encoding: base64\r\n"), "a part has a Content-Transfer-Encoding"},
        {NULL, S_PART(S_A "Content-Transfer-Encoding:\r\n"), "a part has a Content-Transfer-Encoding"},
        {NULL, S_DISPOSITION(""), "a part is no form-data"},
        {NULL, S_DISPOSITION("; name=\"a\""), "a part is no form-data"},
        {NULL, S_DISPOSITION("file; name=\"a\""), "a part is no form-data"},
        {NULL, S_DISPOSITION("form-data name=\"a\""), "a part is no form-data"},
        {NULL, S_DISPOSITION("form-data"), "a part has no name"},
        {NULL, S_DISPOSITION("form-data; filename=\"a\""), "a part has no name"},
        {NULL, S_DISPOSITION("form-data; name*=UTF-8''a"), "a part has no name"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; name=\"a\""), "a part has two names"},
        {NULL, S_DISPOSITION("form-data; name=\"\"; name=\"a\""), "a part has two names"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"\"; filename=\"b\""),
         "a part has two filenames"},
        {NULL, S_DISPOSITION("form-data; name"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name="), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; =a"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name = \"a\""), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"a"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"a\\\""), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"b"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"a\", filename=b"),
         "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"a\" filename=b"),
         "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=a b"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name='a\""), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\xc3\xa4"), "a part's Content-Disposition is malformed"},
        {NULL, S_DISPOSITION("form-data; name=\"\xff\""), "a part's name is not UTF-8"},
        {NULL, S_DISPOSITION("form-data; name=\"a\"; filename=\"\xc3\""), "a part's filename is not UTF-8"},
    };
    S_CHECK(cases, false);
}

/* Content may hold every byte; header fields may not hold NUL. */
static void test_every_byte(void **state)
{
    (void)state;
    proto_buf_t body = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    proto_buf_string(&body, "--b\r\n" S_A "\r\n");
    size_t at = body.size;
    for (int i = 0; i < 256; i++)
        proto_buf_byte(&body, (uint8_t)i);
    proto_buf_string(&body, "\r\n--b--");
    assert_int_equal(s_parse(S_TYPE, proto_buf_bytes(&body), &out), 0);
    assert_int_equal(out.size, 256 + 3);
    assert_memory_equal(out.data + 2, body.data + at, 256);
    body.data[at - 5] = '\0'; /* the name's second quote */
    assert_int_equal(s_parse(S_TYPE, proto_buf_bytes(&body), &out), -1);
    assert_string_equal(proto_buf_text(&out), "a part's header fields hold a control character");
    proto_buf_free(&body);
    proto_buf_free(&out);
}

static void s_check_limit(const char *before, const char *unit, int count, const char *behind,
                          const char *why)
{
    proto_buf_t body = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    proto_buf_string(&body, before);
    for (int i = 0; i < count; i++)
        proto_buf_string(&body, unit);
    proto_buf_string(&body, behind);
    int rc = s_parse(S_TYPE, proto_buf_bytes(&body), &out);
    if (rc != (why ? -1 : 0) || (why && strcmp(proto_buf_text(&out), why) != 0))
        fail_msg("%d times %s: %d %s", count, unit, rc, proto_buf_text(&out));
    proto_buf_free(&body);
    proto_buf_free(&out);
}

static void test_limits(void **state)
{
    (void)state;
    static const char part[] = "\r\n--b\r\n" S_A "\r\nx", field[] = "X: y\r\n", end[] = "\r\nx\r\n--b--";
    s_check_limit("", part, 100, "\r\n--b--", NULL);
    s_check_limit("", part, 101, "\r\n--b--", "it has too many parts");
    s_check_limit("--b\r\n" S_A, field, 19, end, NULL);
    s_check_limit("--b\r\n" S_A, field, 20, end, "a part has too many header fields");
    int room = GW_MULTIPART_HEAD - (int)strlen(S_A "X: \r\n\r\n");
    s_check_limit("--b\r\n" S_A "X: ", "y", room, "\r\n\r\nx\r\n--b--", NULL);
    s_check_limit("--b\r\n" S_A "X: ", "y", room + 1, "\r\n\r\nx\r\n--b--",
                  "a part's header fields are too long");
    s_check_limit("--b\r\n" S_A, "y", 100000, "\r\n\r\nx\r\n--b--", "a part's header fields are too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_bodies), cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_bad_frames),  cmocka_unit_test(test_bad_fields),
        cmocka_unit_test(test_every_byte),  cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
