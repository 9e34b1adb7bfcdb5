/* SPDX-License-Identifier: MPL-2.0 */
/* Catalogues from peers: every member that can be wrong is refused with its sentence, unknown ones are
 * skipped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "proto_catalogue.h"
#include "proto_json.h"

/* Decodes from memory of exactly the bytes' size, which is gone afterwards. */
static int s_decode(proto_bytes_t bytes, proto_catalogue_t **catalogue, proto_buf_t *why)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    int rc = proto_catalogue_decode((proto_bytes_t){copy, bytes.size}, catalogue, why);
    memset(copy, 0xee, bytes.size);
    free(copy);
    assert_true(rc == 0 ? *catalogue != NULL : rc == -1 && *catalogue == NULL);
    return rc;
}

static void s_expect(proto_bytes_t map, const char *text, const char *wrong)
{
    proto_buf_t why = PROTO_BUF_INIT, want = PROTO_BUF_INIT;
    proto_catalogue_t *read = NULL;
    if (wrong)
        proto_buf_printf(&want, "the catalogue is malformed: %s", wrong);
    int rc = s_decode(map, &read, &why);
    if (rc != (wrong ? -1 : 0) || !proto_bytes_equal(proto_buf_bytes(&why), proto_buf_bytes(&want)))
        fail_msg("%s: %d %s", text, rc, proto_buf_text(&why));
    proto_catalogue_free(&read);
    proto_buf_free(&why);
    proto_buf_free(&want);
}

static void s_json(const char *text, proto_buf_t *out)
{
    proto_json_error_t error;
    if (proto_json_to_value(proto_bytes_of(text), &(proto_json_options_t){0}, out, &error) < 0)
        fail_msg("%s: %s at %zu", text, error.reason, error.offset);
}

static void test_maps(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"operations\": []}", NULL},
        {"{\"later\": {\"a\": [1]}, \"operations\": [], \"generation\": \"x\"}", NULL},
        {"[]", "it is no map with operations"},
        {"{}", "it is no map with operations"},
        {"null", "it is no map with operations"},
        {"{\"operations\": {}}", "a list is none, or too long"},
        {"{\"operations\": null}", "a list is none, or too long"},
        {"{\"operations\": [5]}", "a name is missing"},
        {"{\"operations\": [{}]}", "a name is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t map = PROTO_BUF_INIT;
        s_json(cases[i][0], &map);
        s_expect(proto_buf_bytes(&map), cases[i][0], cases[i][1]);
        proto_buf_free(&map);
    }
    proto_buf_t text = PROTO_BUF_INIT; /* not UTF-8, deep inside */
    proto_write_map(&text, 2);
    proto_write_text(&text, "operations");
    proto_write_array(&text, 0);
    proto_write_text(&text, "x");
    proto_write_text(&text, "\xff");
    s_expect(proto_buf_bytes(&text), "\\xff", "it is no map with operations");
    proto_buf_free(&text);
}

#define S_PARAM "{\"params\": [{\"name\": \"p\", \"source\": \"path\", \"data\": \"text\""

/* A plain operation with members put before its own, of which a reader takes the first. */
static void test_members(void **state)
{
    (void)state;
    static const char plain[] =
        "{\"hash\": 5, \"name\": \"a\", \"service\": \"b\", \"tier\": \"read\", \"auth\": \"user\", "
        "\"timeout_ms\": 5}";
    static const char *const cases[][2] = {
        {"{}", NULL},
        {"{\"new\": {\"key\": [1]}, \"summary\": 5}", NULL}, /* a newer peer's */
        {"{\"flags\": 255, \"deprecated\": 4}", NULL},
        {"{\"method\": \"GET\", \"path\": \"/\"}", NULL},
        {S_PARAM ", \"min\": 1, \"max\": 2.5, \"default\": null}]}", NULL},
        {"{\"name\": \"\"}", "a name is missing"},
        {"{\"name\": 5}", "a name is missing"},
        {"{\"service\": null}", "a name is missing"},
        {"{\"name\": \"a\\u0000b\"}", "a text with NUL"},
        {"{\"summary\": \"\\u0000\"}", "a text with NUL"},
        {"{\"hash\": 0}", "an operation has no hash"},
        {"{\"hash\": -5}", "an operation has no hash"},
        {"{\"hash\": \"5\"}", "an operation has no hash"},
        {"{\"tier\": \"fast\"}", "an unknown enumerator"},
        {"{\"tier\": \"\"}", "an unknown enumerator"},
        {"{\"auth\": \"root\"}", "an unknown enumerator"},
        {"{\"auth\": 1}", "an unknown enumerator"},
        {"{\"status\": 199}", "the status of an operation is none of success"},
        {"{\"status\": 300}", "the status of an operation is none of success"},
        {"{\"status\": 4294967496}", "the status of an operation is none of success"},
        {"{\"timeout_ms\": 0}", "a timeout lies outside 1 ms to a day"},
        {"{\"timeout_ms\": -1}", "a timeout lies outside 1 ms to a day"},
        {"{\"timeout_ms\": 86400001}", "a timeout lies outside 1 ms to a day"},
        {"{\"method\": \"GET\"}", "an endpoint is not a method with a path"},
        {"{\"path\": \"/x\"}", "an endpoint is not a method with a path"},
        {"{\"method\": \"GET\", \"path\": \"x\"}", "an endpoint is not a method with a path"},
        {"{\"params\": 1}", "a list is none, or too long"},
        {"{\"params\": [1]}", "a name is missing"},
        {"{\"params\": [{\"name\": \"p\", \"source\": \"x\"}]}", "an unknown enumerator"},
        {"{\"params\": [{\"name\": \"p\", \"source\": \"path\", \"data\": \"int\"}]}",
         "an unknown enumerator"},
        {S_PARAM ", \"unit\": 4}]}", "an unknown unit"},
        {S_PARAM ", \"unit\": -1}]}", "an unknown unit"},
        {S_PARAM ", \"values\": \"x\"}]}", "a list is none, or too long"},
        {S_PARAM ", \"values\": [\"x\", 1]}]}", "a listed value is no text"},
        {S_PARAM ", \"values\": [\"x\\u0000\"]}]}", "a text with NUL"},
        {"{\"refusals\": [{\"status\": 404}]}", "a name is missing"},
        {"{\"refusals\": [{\"name\": \"e\"}]}", "the status of a refusal is none"},
        {"{\"refusals\": [{\"name\": \"e\", \"status\": 399}]}", "the status of a refusal is none"},
        {"{\"refusals\": [{\"name\": \"e\", \"status\": 600}]}", "the status of a refusal is none"},
        {"{\"refusals\": [{\"name\": \"e\", \"status\": 4294967696}]}", "the status of a refusal is none"},
        {"{\"columns\": [[\"a\", \"b\"]]}", "a column is not three texts"},
        {"{\"columns\": [[\"a\", \"b\", null]]}", "a column is not three texts"},
        {"{\"columns\": [[\"a\", \"b\", \"c\", \"d\"]]}", "a column is not three texts"},
        {"{\"columns\": [\"a\"]}", "a column is not three texts"},
        {"{\"columns\": [[\"a\\u0000\", \"b\", \"\"]]}", "a text with NUL"},
        {"{\"columns\": [[\"a\", \"b\\u0000\", \"\"]]}", "a text with NUL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_buf_t first = PROTO_BUF_INIT, second = PROTO_BUF_INIT, map = PROTO_BUF_INIT;
        s_json(cases[i][0], &first);
        s_json(plain, &second);
        assert_true(first.data[0] >= 0x80 && first.data[0] < 0x88 && second.data[0] < 0x88); /* fixmaps */
        proto_write_map(&map, 1);
        proto_write_text(&map, "operations");
        proto_write_array(&map, 1);
        proto_write_map(&map, (first.data[0] & 15u) + (second.data[0] & 15u));
        proto_buf_append(&map, first.data + 1, first.size - 1);
        proto_buf_append(&map, second.data + 1, second.size - 1);
        s_expect(proto_buf_bytes(&map), cases[i][0], cases[i][1]);
        proto_buf_free(&first);
        proto_buf_free(&second);
        proto_buf_free(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_maps), cmocka_unit_test(test_members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
