/* SPDX-License-Identifier: MPL-2.0 */
/* Catalogues: what is written is read back the same, hashes change with what callers notice, and every
 * truncation and thousands of damaged ones are refused or read without harm. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "proto_catalogue.h"

static const char *const s_words[] = {"open", "closed", "h\xc3\xa9"};
static const uint8_t s_default[] = {0x93, 1, 0xc0, 0xa1, 'x'}; /* [1, null, "x"] */

static proto_param_t s_params[] = {
    {.name = "id",
     .source = PROTO_SOURCE_PATH,
     .data = PROTO_DATA_INT8,
     .sql_type = "bigint",
     .required = true},
    {.name = "limit",
     .source = PROTO_SOURCE_QUERY,
     .data = PROTO_DATA_INT4,
     .has_min = true,
     .min = -0.5,
     .has_max = true,
     .max = 9007199254740991.0},
    {.name = "status",
     .source = PROTO_SOURCE_BODY,
     .data = PROTO_DATA_ENUM,
     .sql_type = "goal.status[]",
     .array = true,
     .unit = PROTO_UNIT_ITEMS,
     .has_max = true,
     .max = 50,
     .values = s_words,
     .value_count = 3},
    {.name = "doc", .source = PROTO_SOURCE_WHOLE, .data = PROTO_DATA_JSON, .default_value = {s_default, 5}},
    {.name = "auth.sub", .source = PROTO_SOURCE_AUTH_SUB, .data = PROTO_DATA_TEXT},
    {.name = "name",
     .source = PROTO_SOURCE_ARGUMENT,
     .data = PROTO_DATA_TEXT,
     .unit = PROTO_UNIT_CHARS,
     .has_min = true,
     .min = 0},
};
static proto_refusal_t s_refusals[] = {
    {"not_found", 404, "Goal {id} not found", NULL, NULL},
    {"taken", 409, "", "23505", NULL},
    {"name_taken", 599, "{name} \"x\"", "23505", "goal_name_key"},
};
static proto_column_t s_columns[] = {
    {"id", "bigint", ""}, {"h\xc3\xa9", "goal.status[]", "one"}, {"?column?", "unknown", "two"}};

/* A catalogue with everything in it; changed by the caller, not freed. */
static proto_operation_t s_operations[3];
static proto_catalogue_t s_catalogue;

static void s_fill(void)
{
    s_operations[0] = (proto_operation_t){.hash = UINT64_MAX,
                                          .name = "start_goal",
                                          .service = "db",
                                          .summary = "Starts it",
                                          .method = "POST",
                                          .path = "/goals/{id}/start",
                                          .location = "/goals/{id}",
                                          .returns = "{\"goal\": row}",
                                          .tier = PROTO_TIER_HEALTH,
                                          .auth = PROTO_AUTH_ROLE,
                                          .role = "admin",
                                          .flags = PROTO_OP_ALL,
                                          .status = 299,
                                          .timeout_ms = 86400000,
                                          .params = s_params,
                                          .param_count = 6,
                                          .refusals = s_refusals,
                                          .refusal_count = 3,
                                          .columns = s_columns,
                                          .column_count = 3};
    s_operations[1] = (proto_operation_t){.hash = 1,
                                          .name = "a",
                                          .service = "b",
                                          .summary = "",
                                          .returns = "none",
                                          .status = 200,
                                          .timeout_ms = 1};
    s_operations[2] = s_operations[1];
    s_operations[2].name = "c";
    s_operations[2].hash = 2;
    s_operations[2].flags = PROTO_OP_DEPRECATED;
    s_catalogue =
        (proto_catalogue_t){.generation = UINT64_MAX, .operations = s_operations, .operation_count = 3};
}

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

static bool s_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void s_assert_same_param(const proto_param_t *a, const proto_param_t *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->data, b->data);
    assert_true(s_same_text(a->sql_type, b->sql_type));
    assert_int_equal(a->array, b->array);
    assert_int_equal(a->required, b->required);
    assert_true(proto_bytes_equal(a->default_value, b->default_value));
    assert_int_equal(a->unit, b->unit);
    assert_true(a->has_min == b->has_min && (!a->has_min || a->min == b->min));
    assert_true(a->has_max == b->has_max && (!a->has_max || a->max == b->max));
    assert_int_equal(a->value_count, b->value_count);
    for (uint32_t i = 0; i < a->value_count; i++)
        assert_string_equal(a->values[i], b->values[i]);
}

static void s_assert_same(const proto_operation_t *a, const proto_operation_t *b)
{
    assert_true(a->hash == b->hash);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->service, b->service);
    assert_string_equal(a->summary, b->summary);
    assert_true(s_same_text(a->method, b->method) && s_same_text(a->path, b->path));
    assert_true(s_same_text(a->location, b->location));
    assert_string_equal(a->returns, b->returns);
    assert_true(a->tier == b->tier && a->auth == b->auth && s_same_text(a->role, b->role) &&
                a->flags == b->flags && a->status == b->status);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_true(a->param_count == b->param_count && a->refusal_count == b->refusal_count);
    assert_int_equal(a->column_count, b->column_count);
    for (uint32_t i = 0; i < a->param_count; i++)
        s_assert_same_param(&a->params[i], &b->params[i]);
    for (uint32_t i = 0; i < a->refusal_count; i++) {
        const proto_refusal_t *x = &a->refusals[i], *y = &b->refusals[i];
        assert_true(s_same_text(x->name, y->name) && x->status == y->status && s_same_text(x->text, y->text));
        assert_true(s_same_text(x->sqlstate, y->sqlstate) && s_same_text(x->constraint, y->constraint));
    }
    for (uint32_t i = 0; i < a->column_count; i++)
        assert_true(s_same_text(a->columns[i].name, b->columns[i].name) &&
                    s_same_text(a->columns[i].sql_type, b->columns[i].sql_type) &&
                    s_same_text(a->columns[i].step, b->columns[i].step));
}

static void test_there_and_back(void **state)
{
    (void)state;
    proto_buf_t once = PROTO_BUF_INIT, twice = PROTO_BUF_INIT, why = PROTO_BUF_INIT;
    proto_catalogue_t *read = NULL;
    s_fill();
    proto_catalogue_seal(&s_catalogue);
    proto_catalogue_encode(&s_catalogue, &once);
    assert_int_equal(proto_value_check(proto_buf_bytes(&once)), 0);
    if (s_decode(proto_buf_bytes(&once), &read, &why) < 0)
        fail_msg("%s", proto_buf_text(&why));
    assert_true(read->generation == s_catalogue.generation && read->hash == s_catalogue.hash);
    assert_int_equal(read->operation_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        s_assert_same(&read->operations[i], &s_operations[i]);
    proto_catalogue_encode(read, &twice);
    assert_true(proto_bytes_equal(proto_buf_bytes(&once), proto_buf_bytes(&twice)));
    uint64_t hash = read->hash;
    proto_catalogue_seal(read);
    assert_true(read->hash == hash);
    assert_ptr_equal(proto_catalogue_find(read, "c"), &read->operations[2]);
    assert_ptr_equal(proto_catalogue_find_hash(read, UINT64_MAX), &read->operations[0]);
    assert_null(proto_catalogue_find(read, "start_goa"));
    assert_null(proto_catalogue_find_hash(read, 3));
    proto_catalogue_free(&read);
    proto_catalogue_free(&read);
    /* An empty one. */
    proto_catalogue_t *empty = proto_catalogue_new();
    proto_buf_reset(&once);
    proto_catalogue_encode(empty, &once);
    assert_int_equal(s_decode(proto_buf_bytes(&once), &read, NULL), 0);
    assert_int_equal(read->operation_count, 0);
    proto_catalogue_free(&read);
    proto_catalogue_free(&empty);
    proto_buf_free(&once);
    proto_buf_free(&twice);
    proto_buf_free(&why);
}

static void test_enumerators(void **state)
{
    (void)state;
    proto_buf_t once = PROTO_BUF_INIT;
    for (int i = 0; i < PROTO_DATA_COUNT; i++)
        for (int source = 0; source < PROTO_SOURCE_COUNT; source++) {
            proto_catalogue_t *read = NULL;
            s_fill();
            proto_param_t param = s_params[0];
            param.data = (proto_data_t)i;
            param.source = (proto_source_t)source;
            s_operations[0].params = &param;
            s_operations[0].param_count = 1;
            s_operations[0].tier = (proto_tier_t)(i % PROTO_TIER_COUNT);
            s_operations[0].auth = (proto_auth_t)(i % PROTO_AUTH_COUNT);
            s_operations[0].role = s_operations[0].auth == PROTO_AUTH_ROLE ? i % 2 ? "admin" : "é" : NULL;
            proto_buf_reset(&once);
            proto_catalogue_encode(&s_catalogue, &once);
            assert_int_equal(s_decode(proto_buf_bytes(&once), &read, NULL), 0);
            s_assert_same(&read->operations[0], &s_operations[0]);
            proto_catalogue_free(&read);
        }
    proto_buf_free(&once);
    for (int i = 0; i < PROTO_TIER_COUNT; i++) {
        proto_tier_t tier = PROTO_TIER_COUNT;
        assert_int_equal(proto_tier_parse(proto_bytes_of(proto_tier_name((proto_tier_t)i)), &tier), 0);
        assert_int_equal(tier, i);
    }
    proto_tier_t tier;
    static const char *const unknown[] = {"", "x", "Read", "read ", "admi"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(proto_tier_parse(proto_bytes_of(unknown[i]), &tier), -1);
    }
}

static void test_whom_an_operation_is_for(void **state)
{
    static const struct {
        const char *text, *role, *written;
        int rc;
        proto_auth_t auth;
    } cases[] = {
        {"public", "", "public", 0, PROTO_AUTH_PUBLIC},
        {"user", "", "user", 0, PROTO_AUTH_USER},
        {"admin", "admin", "admin", 0, PROTO_AUTH_ROLE},
        {"role admin", "admin", "admin", 0, PROTO_AUTH_ROLE},
        {"role editor", "editor", "role editor", 0, PROTO_AUTH_ROLE},
        {"role user", "user", "role user", 0, PROTO_AUTH_ROLE},
        {"role role", "role", "role role", 0, PROTO_AUTH_ROLE},
        {.text = "", .rc = -1},
        {.text = "role", .rc = -1},
        {.text = "role ", .rc = -1},
        {.text = "role  x", .rc = -1},
        {.text = "role x y", .rc = -1},
        {.text = "role x\t", .rc = -1},
        {.text = "Public", .rc = -1},
        {.text = "users", .rc = -1},
        {.text = "admi", .rc = -1},
        {.text = "editor", .rc = -1},
    };
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        proto_operation_t operation = {.name = "x"};
        proto_bytes_t role;
        assert_int_equal(proto_auth_parse(proto_bytes_of(cases[i].text), &operation.auth, &role),
                         cases[i].rc);
        if (cases[i].rc < 0)
            continue;
        assert_int_equal(operation.auth, cases[i].auth);
        assert_true(proto_bytes_is(role, cases[i].role));
        operation.role = cases[i].role;
        proto_buf_reset(&out);
        proto_auth_write(&operation, &out);
        assert_string_equal(proto_buf_text(&out), cases[i].written);
    }
    proto_buf_free(&out);
}

/* ---- hashes ---- */

/* Published vectors of FNV-1a, 64 bits (draft-eastlake-fnv, appendix C). */
static void test_fnv(void **state)
{
    (void)state;
    assert_true(proto_hash(PROTO_HASH_SEED, "", 0) == 0xcbf29ce484222325u);
    assert_true(proto_hash(PROTO_HASH_SEED, "a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(proto_hash(PROTO_HASH_SEED, "foobar", 6) == 0x85944171f73967e8u);
    assert_true(proto_hash(proto_hash(PROTO_HASH_SEED, "foo", 3), "bar", 3) == 0x85944171f73967e8u);
}

enum { S_CHANGES = 32, S_SILENT = 24 /* those from here on do not change the signature */ };

/* Changes one thing about operation 0; returns the SQL that goes with it. */
static const char *s_change(int which, proto_param_t *param, proto_refusal_t *refusal, proto_column_t *column)
{
    static const char *const fewer[] = {"open", "closed"}, *const other[] = {"open", "closed", "x"};
    proto_operation_t *operation = &s_operations[0];
    /* clang-format off */
    switch (which) {
    case 0: break;
    case 1: return "SELECT 2";
    case 2: operation->name = "start_goals"; break;
    case 3: operation->service = "dc"; break;
    case 4: operation->returns = "row"; break;
    case 5: operation->flags = PROTO_OP_READS; break;
    case 6: operation->param_count--; break;
    case 7: operation->refusal_count--; break;
    case 8: operation->column_count--; break;
    case 9: param->name = "state"; break;
    case 10: param->source = PROTO_SOURCE_QUERY; break;
    case 11: param->data = PROTO_DATA_TEXT; break;
    case 12: param->sql_type = "goal.state[]"; break;
    case 13: param->array = false; break;
    case 14: param->required = true; break;
    case 15: param->unit = PROTO_UNIT_CHARS; break;
    case 16: param->max = 51; break;
    case 17: param->has_min = true; break;
    case 18: param->values = other; break;
    case 19: param->values = fewer; param->value_count = 2; break;
    case 20: param->default_value = (proto_bytes_t){s_default + 1, 1}; break;
    case 21: refusal->constraint = "other_key"; break;
    case 22: column->name = "he"; break;
    case 23: column->sql_type = "text"; break;
    case 24: operation->flags &= ~(uint32_t)PROTO_OP_DEPRECATED; break;
    case 25: operation->summary = "x"; break;
    case 26: operation->path = "/goal/{id}/start"; break;
    case 27: operation->auth = PROTO_AUTH_USER; break;
    case 28: operation->timeout_ms = 5; break;
    case 29: operation->status = 201; break;
    case 30: operation->location = NULL; break;
    case 31: operation->role = "editor"; break;
    default: fail();
    }
    /* clang-format on */
    return "SELECT 1";
}

static void test_hashes_change(void **state)
{
    (void)state;
    uint64_t signatures[S_CHANGES], hashes[S_CHANGES];
    for (int which = 0; which < S_CHANGES; which++) {
        proto_param_t params[6];
        proto_refusal_t refusals[3];
        proto_column_t columns[3];
        memcpy(params, s_params, sizeof params);
        memcpy(refusals, s_refusals, sizeof refusals);
        memcpy(columns, s_columns, sizeof columns);
        s_fill();
        s_operations[0].params = params;
        s_operations[0].refusals = refusals;
        s_operations[0].columns = columns;
        const char *sql = s_change(which, &params[2], &refusals[2], &columns[1]);
        signatures[which] = s_operations[0].hash = proto_operation_signature(&s_operations[0], sql);
        assert_true(signatures[which] != 0);
        assert_true(proto_operation_signature(&s_operations[0], sql) == signatures[which]);
        s_catalogue.generation = (uint64_t)which; /* is not part of it */
        proto_catalogue_seal(&s_catalogue);
        hashes[which] = s_catalogue.hash;
        for (int i = 0; i < which; i++) {
            bool same = (i == 0 || i >= S_SILENT) && which >= S_SILENT;
            if ((signatures[i] == signatures[which]) != same)
                fail_msg("the signatures of the changes %d and %d", i, which);
            if (hashes[i] == hashes[which])
                fail_msg("the hashes of the changes %d and %d", i, which);
        }
    }
    s_fill();
    s_catalogue.generation = 17;
    s_operations[0].hash = signatures[0];
    proto_catalogue_seal(&s_catalogue);
    assert_true(s_catalogue.hash == hashes[0]);
}

/* ---- what peers send ---- */

static void test_every_truncation(void **state)
{
    (void)state;
    proto_buf_t once = PROTO_BUF_INIT;
    proto_catalogue_t *read = NULL;
    s_fill();
    proto_catalogue_encode(&s_catalogue, &once);
    for (size_t size = 0; size < once.size; size++)
        assert_int_equal(s_decode((proto_bytes_t){once.data, size}, &read, NULL), -1);
    proto_buf_byte(&once, 0xc0); /* and something behind it */
    assert_int_equal(s_decode(proto_buf_bytes(&once), &read, NULL), -1);
    proto_buf_free(&once);
}

/* A catalogue that came through holds what its users take for granted. */
static void s_assert_sound(const proto_catalogue_t *read)
{
    for (uint32_t i = 0; i < read->operation_count; i++) {
        const proto_operation_t *operation = &read->operations[i];
        assert_true(operation->hash && *operation->name && *operation->service && operation->summary);
        assert_true(operation->tier < PROTO_TIER_COUNT && operation->auth < PROTO_AUTH_COUNT);
        assert_in_range(operation->status, 200, 299);
        assert_in_range(operation->timeout_ms, 1, 86400000);
        assert_true(operation->flags <= PROTO_OP_ALL && !operation->method == !operation->path);
        for (uint32_t p = 0; p < operation->param_count; p++) {
            const proto_param_t *param = &operation->params[p];
            assert_true(*param->name && param->source < PROTO_SOURCE_COUNT && param->data < PROTO_DATA_COUNT);
            assert_true(param->unit < PROTO_UNIT_COUNT && !param->values == !param->value_count);
        }
        for (uint32_t r = 0; r < operation->refusal_count; r++)
            assert_in_range(operation->refusals[r].status, 400, 599);
    }
}

/* 20,000 seeded changes of one byte each: refused, or read, written and read again the same. */
static void test_mutations(void **state)
{
    (void)state;
    proto_buf_t once = PROTO_BUF_INIT, twice = PROTO_BUF_INIT, thrice = PROTO_BUF_INIT;
    uint64_t random = 20260131;
    uint32_t accepted = 0;
    s_fill();
    proto_catalogue_encode(&s_catalogue, &once);
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint8_t *byte = &once.data[random % once.size], before = *byte;
        proto_catalogue_t *read = NULL, *again = NULL;
        *byte ^= (uint8_t)(1 + (random >> 40) % 255);
        if (s_decode(proto_buf_bytes(&once), &read, NULL) == 0) {
            s_assert_sound(read);
            proto_buf_reset(&twice);
            proto_buf_reset(&thrice);
            proto_catalogue_encode(read, &twice);
            if (s_decode(proto_buf_bytes(&twice), &again, NULL) < 0)
                fail_msg("byte %zu as %02x", (size_t)(byte - once.data), *byte);
            proto_catalogue_encode(again, &thrice);
            assert_true(proto_bytes_equal(proto_buf_bytes(&twice), proto_buf_bytes(&thrice)));
            proto_catalogue_free(&again);
            proto_catalogue_free(&read);
            accepted++;
        }
        *byte = before;
    }
    assert_in_range(accepted, 2000, 18000); /* else this would prove little */
    proto_buf_free(&once);
    proto_buf_free(&twice);
    proto_buf_free(&thrice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_enumerators),
        cmocka_unit_test(test_whom_an_operation_is_for),
        cmocka_unit_test(test_fnv),
        cmocka_unit_test(test_hashes_change),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
