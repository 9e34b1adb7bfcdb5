/* SPDX-License-Identifier: MPL-2.0 */
/* Composite arguments: the text of a record, and sentences about what is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "act_composite.h"
#include "proto_json.h"

enum {
    S_INT = 23,
    S_TEXT = 25,
    S_JSON = 114,
    S_PLACE = 5000,
    S_PLACES,
    S_TRIP,
    S_EMPTY,
    S_ENDLESS,
    S_DOMAIN
};

static act_types_t s_types;

static int s_setup(void **state)
{
    (void)state;
    act_types_add(&s_types, S_INT, "int4", "integer", 'b', 0, 0, ',');
    act_types_add(&s_types, S_TEXT, "text", "text", 'b', 0, 0, ',');
    act_types_add(&s_types, S_JSON, "json", "json", 'b', 0, 0, ',');
    act_types_add(&s_types, S_PLACE, "place", "place", 'c', 0, 0, ',');
    act_types_add(&s_types, S_PLACES, "_place", "place[]", 'b', S_PLACE, 0, ',');
    act_types_add(&s_types, S_TRIP, "trip", "trip", 'c', 0, 0, ',');
    act_types_add(&s_types, S_EMPTY, "empty", "empty", 'c', 0, 0, ',');
    act_types_add(&s_types, S_ENDLESS, "endless", "endless", 'c', 0, 0, ',');
    act_types_add(&s_types, S_DOMAIN, "somewhere", "somewhere", 'd', 0, S_PLACE, ',');
    act_types_add_attribute(&s_types, S_PLACE, "street", S_TEXT);
    act_types_add_attribute(&s_types, S_PLACE, "number", S_INT);
    act_types_add_attribute(&s_types, S_TRIP, "from", S_DOMAIN);
    act_types_add_attribute(&s_types, S_TRIP, "over", S_PLACES);
    act_types_add_attribute(&s_types, S_TRIP, "more", S_JSON);
    act_types_add_attribute(&s_types, S_ENDLESS, "down", S_ENDLESS);
    act_types_add_attribute(&s_types, S_ENDLESS, "text", S_TEXT);
    return 0;
}

static int s_teardown(void **state)
{
    (void)state;
    act_types_clear(&s_types);
    return 0;
}

/* The text, or the sentence; "NULL" for NULL. What stood in the buffers before stays. */
static char *s_text(uint32_t oid, const char *json)
{
    proto_buf_t value = PROTO_BUF_INIT, out = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
    proto_json_error_t error;
    bool null;
    proto_buf_string(&out, "<");
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &value, &error),
                     0);
    const act_type_t *type = act_composite_find(&s_types, oid);
    assert_non_null(type);
    int rc = act_composite_to_text(&s_types, type, "p", proto_buf_bytes(&value), &out, &null, &detail);
    assert_int_equal(rc<0, detail.size> 0);
    char *text = strdup(rc < 0 ? proto_buf_text(&detail) : null ? "NULL" : proto_buf_text(&out) + 1);
    proto_buf_free(&value);
    proto_buf_free(&out);
    proto_buf_free(&detail);
    return text;
}

static void s_expect(uint32_t oid, const char *json, const char *text)
{
    char *got = s_text(oid, json);
    assert_string_equal(got, text);
    free(got);
}

static void test_which_types(void **state)
{
    (void)state;
    assert_int_equal(act_composite_find(&s_types, S_PLACE)->oid, S_PLACE);
    assert_int_equal(act_composite_find(&s_types, S_DOMAIN)->oid, S_PLACE);
    assert_int_equal(act_composite_find(&s_types, S_PLACES)->oid, S_PLACES);
    assert_null(act_composite_find(&s_types, S_TEXT));
    assert_null(act_composite_find(&s_types, S_EMPTY)); /* its fields are not known */
    assert_null(act_composite_find(&s_types, 4711));
}

static void test_records(void **state)
{
    (void)state;
    s_expect(S_PLACE, "{}", "(,)");
    s_expect(S_PLACE, "null", "NULL");
    s_expect(S_PLACE, "{\"number\": 7, \"street\": \"\"}", "(\"\",\"7\")");
    s_expect(S_PLACE, "{\"street\": \"a\\\"b\\\\c,(d)\", \"number\": null}", "(\"a\\\"b\\\\c,(d)\",)");
    s_expect(S_PLACES, "[]", "{}");
    s_expect(S_PLACES, "[null, {\"number\": 1}, {}]", "{NULL,\"(,\\\"1\\\")\",\"(,)\"}");
    s_expect(S_PLACES, "[[{}], [{}]]", "{{\"(,)\"},{\"(,)\"}}");
    s_expect(S_TRIP, "{\"from\": {\"street\": \"a\"}, \"over\": [], \"more\": {\"x\": [null]}}",
             "(\"(\\\"a\\\",)\",\"{}\",\"{\\\"x\\\":[null]}\")");
    s_expect(S_TRIP, "{\"from\": null, \"more\": null}", "(,,)");
}

static void test_sentences(void **state)
{
    (void)state;
    s_expect(S_PLACE, "[]", "p must be an object");
    s_expect(S_PLACES, "{}", "p must be an array");
    s_expect(S_PLACES, "[1]", "p[0] must be an object");
    s_expect(S_PLACES, "[[[[[[[]]]]]]]", "p[0][0][0][0][0][0] must be an array of at most six dimensions");
    s_expect(S_PLACE, "{\"where\": 1}", "p has no field where");
    s_expect(S_PLACE, "{\"number\": 1.5}", "p.number must be an integer");
    s_expect(S_TRIP, "{\"over\": [{}, {\"street\": 7}]}", "p.over[1].street must be a text");
    s_expect(S_TRIP, "{\"from\": {\"number\": true}}", "p.from.number must be an integer");
}

/* Eight records inside one another are written, with quotes doubled each time; a ninth is refused. */
static void test_depth(void **state)
{
    (void)state;
    s_expect(S_ENDLESS,
             "{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{}}}}}}}}}",
             "p.down.down.down.down.down.down.down.down must be nested at most 8 deep");
    char *text =
        s_text(S_ENDLESS, "{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"text\":"
                          "\"\\\"\"}}}}}}}}");
    assert_true(strlen(text) > 512 && strlen(text) < 1024);
    free(text);
}

/* A megabyte of backslashes, eight deep, would be hundreds of them. */
static void test_size(void **state)
{
    (void)state;
    enum { S_SIZE = 1 << 20 };
    static const char open[] =
        "{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"down\":{\"text\":\"";
    static const char close[] = "\"}}}}}}}}";
    proto_buf_t json = PROTO_BUF_INIT;
    proto_buf_string(&json, open);
    for (int i = 0; i < S_SIZE; i++)
        proto_buf_string(&json, "\\\\");
    proto_buf_string(&json, close);
    char *text = s_text(S_ENDLESS, proto_buf_text(&json));
    assert_non_null(strstr(text, " must be smaller"));
    free(text);
    proto_buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_types), cmocka_unit_test(test_records),
                                       cmocka_unit_test(test_sentences), cmocka_unit_test(test_depth),
                                       cmocka_unit_test(test_size)};
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
