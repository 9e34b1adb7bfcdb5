/* SPDX-License-Identifier: MPL-2.0 */
/* A worker's catalogue from JSON, and requests judged by it; and the shelf where clients keep catalogues. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "muster_publish.h"
#include "muster_shelf.h"
#include "proto_json.h"

static const char s_embed[] =
    "[{\"name\": \"embed\", \"method\": \"POST\", \"path\": \"/embed/{space}\", \"auth\": \"admin\","
    " \"params\": [{\"name\": \"text\", \"data\": \"text\", \"required\": true},"
    "              {\"name\": \"scale\", \"data\": \"float8\", \"min\": 0.5, \"max\": 10, \"default\": "
    "1.5}]}]";

static void s_add(muster_publish_t *publish, const char *json)
{
    proto_buf_t why = PROTO_BUF_INIT;
    publish->service = "embed";
    if (muster_publish_add(publish, json, 7, &why) < 0)
        fail_msg("%s", proto_buf_text(&why));
    proto_buf_free(&why);
}

static void test_what_is_left_out_is_understood(void **state)
{
    (void)state;
    muster_publish_t publish = {0};
    s_add(&publish, s_embed);
    s_add(&publish,
          "[{\"name\": \"shelf\", \"method\": \"GET\", \"path\": \"/shelf\", \"flags\": 1,"
          "  \"params\": [{\"name\": \"page\"}]}, {\"name\": \"plain\", \"params\": [{\"name\": \"x\"}]}]");
    const proto_catalogue_t *catalogue = publish.catalogue;
    assert_int_equal(catalogue->operation_count, 3);
    assert_int_equal(catalogue->generation, 7);
    const proto_operation_t *embed = &catalogue->operations[0], *shelf = &catalogue->operations[1],
                            *plain = &catalogue->operations[2];
    assert_string_equal(embed->service, "embed");
    assert_int_equal(embed->auth, PROTO_AUTH_ROLE);
    assert_string_equal(embed->role, "admin");
    assert_int_equal(embed->timeout_ms, 30000);
    assert_int_equal(embed->tier, PROTO_TIER_WRITE);
    assert_int_equal(embed->param_count, 3);
    assert_int_equal(embed->params[0].source, PROTO_SOURCE_BODY);
    assert_true(embed->params[0].required);
    assert_true(embed->params[1].has_min && embed->params[1].min == 0.5 && embed->params[1].max == 10);
    assert_string_equal(embed->params[2].name, "space");
    assert_int_equal(embed->params[2].source, PROTO_SOURCE_PATH);
    assert_int_equal(shelf->flags, PROTO_OP_READS);
    assert_int_equal(shelf->auth, PROTO_AUTH_USER);
    assert_int_equal(shelf->tier, PROTO_TIER_READ);
    assert_int_equal(shelf->params[0].source, PROTO_SOURCE_QUERY);
    assert_int_equal(shelf->params[0].data, PROTO_DATA_TEXT);
    assert_int_equal(plain->tier, PROTO_TIER_NONE);
    assert_int_equal(plain->params[0].source, PROTO_SOURCE_ARGUMENT);
    assert_int_equal(plain->params[0].data, PROTO_DATA_JSON);
    assert_true(embed->hash != shelf->hash && shelf->hash != plain->hash && embed->hash > 1);
    muster_publish_free(&publish);
}

/* What READY says decodes to the same, by what everybody reads catalogues with. */
static void test_ready(void **state)
{
    (void)state;
    muster_publish_t publish = {0};
    proto_buf_t body = PROTO_BUF_INIT;
    proto_bytes_t part;
    muster_publish_ready(&publish, false, &body);
    assert_int_equal(proto_value_get(proto_buf_bytes(&body), "offers", &part),
                     -1); /* serves whatever it is asked */
    s_add(&publish, s_embed);
    proto_buf_reset(&body);
    muster_publish_ready(&publish, false, &body);
    assert_int_equal(proto_value_check(proto_buf_bytes(&body)), 0);
    assert_int_equal(proto_value_get(proto_buf_bytes(&body), "catalogue", &part), 0);
    proto_catalogue_t *catalogue;
    assert_int_equal(proto_catalogue_decode(part, &catalogue, NULL), 0);
    assert_int_equal(catalogue->hash, publish.catalogue->hash);
    proto_catalogue_free(&catalogue);
    proto_buf_reset(&body);
    muster_publish_ready(&publish, true, &body);
    assert_int_equal(proto_value_get(proto_buf_bytes(&body), "offers", &part), 0);
    assert_int_equal(part.size, 1); /* an empty array */
    assert_int_equal(proto_value_get(proto_buf_bytes(&body), "catalogue", &part), -1);
    proto_buf_free(&body);
    muster_publish_free(&publish);
}

static void test_mistakes_are_told_and_change_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "nonsense",
        "{}",
        "[1]",
        "[{}]",
        "[{\"name\": \"\"}]",
        "[{\"name\": \"embed\"}]", /* is there already */
        "[{\"name\": \"a\"}, {\"name\": \"a\"}]",
        "[{\"name\": \"a\", \"params\": {}}]",
        "[{\"name\": \"a\", \"params\": [1]}]",
        "[{\"name\": \"a\", \"params\": [{\"name\": \"p\", \"data\": \"integer\"}]}]",
        "[{\"name\": \"a\", \"auth\": \"everybody\"}]",
        "[{\"name\": \"a\", \"method\": \"GET\"}]",
        "[{\"name\": \"a\", \"method\": \"GET\", \"path\": \"x\"}]",
        "[{\"name\": \"a\", \"timeout_ms\": 0}]",
        "[{\"name\": \"a\", \"refusals\": [{\"name\": \"r\", \"status\": 200}]}]",
    };
    muster_publish_t publish = {0};
    s_add(&publish, s_embed);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        proto_buf_t why = PROTO_BUF_INIT;
        assert_int_equal(muster_publish_add(&publish, wrong[i], 8, &why), -1);
        assert_true(why.size > 0);
        assert_int_equal(publish.catalogue->operation_count, 1);
        proto_buf_free(&why);
    }
    s_add(&publish, "[{\"name\": \"after\"}]");
    assert_int_equal(publish.catalogue->operation_count, 2);
    muster_publish_free(&publish);
}

/* The error, and the arguments as JSON in `out`. */
static proto_error_t s_admit(const muster_publish_t *publish, const char *name, const char *role,
                             const char *json, proto_buf_t *out)
{
    proto_buf_t given = PROTO_BUF_INIT, arguments = PROTO_BUF_INIT, detail = PROTO_BUF_INIT;
    proto_json_error_t error;
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &given, &error),
                     0);
    proto_record_t request = {.type = PROTO_REQUEST,
                              .name = proto_bytes_of(name),
                              .subject = proto_bytes_of(*role ? "ada" : ""),
                              .role = proto_bytes_of(role),
                              .body = proto_buf_bytes(&given)};
    proto_error_t rc = muster_publish_admit(publish, &request, &arguments, &detail);
    proto_buf_reset(out);
    if (!rc)
        assert_int_equal(proto_json_from_value(proto_buf_bytes(&arguments), out), 0);
    proto_buf_free(&given);
    proto_buf_free(&arguments);
    proto_buf_free(&detail);
    return rc;
}

static void test_requests_are_judged(void **state)
{
    (void)state;
    muster_publish_t publish = {0};
    proto_buf_t out = PROTO_BUF_INIT;
    const char *good = "{\"space\": \"s\", \"text\": \"t\", \"unknown\": 1}";
    assert_int_equal(s_admit(&publish, "anything", "", good, &out), PROTO_ERROR_none);
    assert_string_equal(proto_buf_text(&out), "{\"space\":\"s\",\"text\":\"t\",\"unknown\":1}");
    s_add(&publish, s_embed);
    assert_int_equal(s_admit(&publish, "embed", "admin", good, &out), PROTO_ERROR_none);
    assert_string_equal(proto_buf_text(&out), "{\"text\":\"t\",\"scale\":1.5,\"space\":\"s\"}");
    assert_int_equal(s_admit(&publish, "embed", "user", good, &out), PROTO_ERROR_forbidden);
    assert_int_equal(s_admit(&publish, "embed", "", good, &out), PROTO_ERROR_unauthenticated);
    assert_int_equal(s_admit(&publish, "other", "admin", good, &out), PROTO_ERROR_no_worker);
    assert_int_equal(s_admit(&publish, "embed", "admin", "{\"space\": \"s\"}", &out), PROTO_ERROR_invalid);
    assert_int_equal(
        s_admit(&publish, "embed", "admin", "{\"space\":\"s\",\"text\":\"t\",\"scale\":0.1}", &out),
        PROTO_ERROR_invalid);
    proto_record_t broken = {.name = proto_bytes_of("embed"), .body = {(const uint8_t *)"\xc1", 1}};
    proto_buf_t detail = PROTO_BUF_INIT;
    assert_int_equal(muster_publish_admit(&publish, &broken, &out, &detail), PROTO_ERROR_malformed);
    proto_buf_free(&detail);
    proto_buf_free(&out);
    muster_publish_free(&publish);
}

/* A PUBLISH of what is given. */
static bool s_learn(muster_shelf_t *shelf, const char *service, const char *json, uint64_t generation)
{
    muster_publish_t publish = {.service = service};
    proto_buf_t body = PROTO_BUF_INIT;
    assert_int_equal(muster_publish_add(&publish, json, generation, &body), 0);
    proto_catalogue_encode(publish.catalogue, &body);
    proto_record_t record = {
        .type = PROTO_PUBLISH, .service = proto_bytes_of(service), .body = proto_buf_bytes(&body)};
    bool learned = muster_shelf_learn(shelf, &record);
    proto_buf_free(&body);
    muster_publish_free(&publish);
    return learned;
}

static void test_the_shelf(void **state)
{
    (void)state;
    muster_shelf_t shelf = {0};
    proto_buf_t out = PROTO_BUF_INIT;
    proto_catalogue_t *catalogue;
    assert_int_equal(muster_shelf_show(&shelf, NULL, &out), -1);
    assert_false(muster_shelf_reads(&shelf, "one", "b"));
    assert_true(
        s_learn(&shelf, "one", "[{\"name\":\"c\"},{\"name\":\"b\",\"flags\":1},{\"name\":\"a\"}]", 5));
    assert_true(s_learn(&shelf, "two", "[{\"name\":\"b\"}]", 6));
    assert_false(s_learn(&shelf, "one", "[{\"name\":\"b\"}]", 5)); /* nothing newer */
    assert_false(s_learn(&shelf, "one", "[{\"name\":\"b\"}]", 4));
    assert_true(muster_shelf_reads(&shelf, "one", "b"));
    assert_false(muster_shelf_reads(&shelf, "one", "a"));
    assert_false(muster_shelf_reads(&shelf, "two", "b"));
    assert_int_equal(muster_shelf_show(&shelf, "three", &out), -1);
    assert_int_equal(muster_shelf_show(&shelf, NULL, &out), 0);
    assert_int_equal(proto_catalogue_decode(proto_buf_bytes(&out), &catalogue, NULL), 0);
    assert_int_equal(catalogue->operation_count, 4);
    assert_int_equal(catalogue->generation, 6);
    proto_catalogue_free(&catalogue);
    assert_true(s_learn(&shelf, "one", "[{\"name\":\"b\"}]", 7));
    assert_false(muster_shelf_reads(&shelf, "one", "b"));
    proto_record_t broken = {.service = proto_bytes_of("x"), .body = {(const uint8_t *)"\xc1", 1}};
    assert_false(muster_shelf_learn(&shelf, &broken));
    proto_buf_free(&out);
    muster_shelf_free(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_out_is_understood),
        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_mistakes_are_told_and_change_nothing),
        cmocka_unit_test(test_requests_are_judged),
        cmocka_unit_test(test_the_shelf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
