/* SPDX-License-Identifier: MPL-2.0 */
/* For the tests of gw_bind: a few endpoints, and binding of requests to them. Include it behind cmocka.h. */
#ifndef GW_BIND_ASK_H
#define GW_BIND_ASK_H

#include <stdio.h>
#include <stdlib.h>

#include "act_program.h"
#include "gw_bind.h"
#include "proto_json.h"

static const char ask_endpoints[] =
    "-- @endpoint GET /path/{i}/{t}\n-- @operation in_path\n-- @path i int4 (1..100)\n"
    "-- @path t text (1..5 chars)\nSELECT :i, :t;\n"
    "-- @endpoint GET /query\n-- @operation in_query\n-- @query i2 int2 ?  @query i4 int4 ?  @query i8 int8 "
    "?\n"
    "-- @query f float8 ? (0..1)  @query n numeric ? (-5..5)  @query b bool ?  @query t text ? (2..4 chars)\n"
    "-- @query e text ? in (red, green)  @query u uuid ?  @query d date ?  @query z timestamptz ?\n"
    "-- @query j jsonb ?  @query y bytea ?  @query o inet ?  @query m int4 = 20 (1..500)\n"
    "SELECT :i2, :i4, :i8, :f, :n, :b, :t, :e, :u, :d, :z, :j, :y, :o, :m;\n"
    "-- @endpoint GET /arrays\n-- @operation arrays\n-- @query a int4[] ? (1..3 items)\n"
    "-- @query c text[] = [\"x\"]  @query k jsonb[] ?\nSELECT :a, :c, :k;\n"
    "-- @endpoint GET /required\n-- @operation required\n-- @query r int4\nSELECT :r;\n"
    "-- @endpoint POST /members\n-- @operation members\n-- @body name text (1..10 chars)\n"
    "-- @body age int4 ? (0..150)  @body tags text[] ? (..2 items)  @body doc jsonb ?\n"
    "-- @body kind text = plain in (plain, fancy)  @body ok bool ?  @body price numeric ?\n"
    "SELECT :name, :age, :tags, :doc, :kind, :ok, :price;\n"
    "-- @endpoint POST /optional\n-- @operation optional\n-- @body x int4 ?\nSELECT :x;\n"
    "-- @endpoint POST /whole\n-- @operation whole\n-- @body * doc jsonb\nSELECT :doc;\n"
    "-- @endpoint POST /maybe\n-- @operation maybe\n-- @body * doc jsonb ?\nSELECT :doc;\n"
    "-- @endpoint PUT /mixed/{id}\n-- @operation mixed\n-- @path id int8\n-- @query dry bool ?\n"
    "-- @body name text\nSELECT :id, :dry, :name;\n"
    "-- @endpoint GET /fields\n-- @operation fields\n-- @header x_count int4 (1..)\n"
    "-- @header idempotency_key text ? (..8 chars)  @header tag text[] ?\n"
    "SELECT :x_count, :idempotency_key, :tag;\n"
    "-- @endpoint POST /form\n-- @operation form\n-- @form name text (..10 chars)\n"
    "-- @form age int4 ? (0..150)  @form tags text[] ?\nSELECT :name, :age, :tags;\n"
    "-- @endpoint POST /upload\n-- @operation upload\n-- @file one bytea  @file words text ?  "
    "@file doc jsonb ?\n-- @form one_filename text ? (..8 chars)  @form one_content_type text ?\n"
    "-- @form plain_filename text ?\n"
    "SELECT :one, :words, :doc, :one_filename, :one_content_type, :plain_filename;\n"
    "-- @endpoint POST /album\n-- @operation album\n-- @file pics bytea[] ?\n"
    "-- @form pics_filename text[] ?\nSELECT :pics, :pics_filename;\n"
    "-- @endpoint POST /bounded\n-- @operation bounded\n-- @file pic bytea ? (..10 bytes)\n"
    "-- @file note text ? (..1kB)  @file many bytea[] ? (2..5 bytes)  @form many_filename text[] ?\n"
    "-- @form title text ?  @file any bytea ?\nSELECT :pic, :note, :many, :many_filename, :title, :any;\n"
    "-- @endpoint POST /nothing\n-- @operation nothing\nSELECT 1;\n"
    "-- @endpoint GET /me\n-- @operation me\n-- @query q text ?\nSELECT :q, :auth.sub, :request.id;\n";

typedef struct ask_case {
    const char *method, *target, *type, *body;
    int status;         /* 200: bound */
    const char *answer; /* the arguments as JSON, or the detail */
} ask_case_t;

static act_program_t *ask_program;
static gw_router_t *ask_router;
static gw_binder_t ask_binder; /* one for all, as a gateway has it */
static size_t ask_step = 4096, ask_limit = 65536;

static inline int ask_set_up(void **state)
{
    (void)state;
    proto_buf_t errors = PROTO_BUF_INIT;
    ask_program = act_program_new();
    if (act_program_parse(ask_program, "f.sql", proto_bytes_of(ask_endpoints), &errors) < 0 ||
        act_program_finish(ask_program, 1, &errors) < 0)
        fail_msg("%s", proto_buf_text(&errors));
    proto_buf_free(&errors);
    const proto_catalogue_t *all[] = {ask_program->catalogue};
    ask_router = gw_router_new(all, 1);
    gw_binder_init(&ask_binder);
    return 0;
}

static inline int ask_tear_down(void **state)
{
    (void)state;
    gw_binder_free(&ask_binder);
    gw_router_free(&ask_router);
    act_program_free(&ask_program);
    return 0;
}

/* Binds as a gateway does: a body in pieces by way of a form, here in pieces of ask_step bytes. The arguments
 * are in the binder afterwards. */
static inline proto_error_t ask_body(const gw_route_t *route, gw_input_t *input)
{
    bool pieces = false;
    proto_error_t error = PROTO_ERROR_none;
    if (input->length)
        error = gw_bind_media(&ask_binder, route->operation, input, &pieces);
    if (error)
        return error;
    if (!pieces)
        return gw_bind(&ask_binder, route, input);
    input->form = gw_form_new(route->operation, ask_limit);
    error = gw_form_begin(input->form, input->content_type);
    for (size_t at = 0; !error && at < input->length; at += ask_step) {
        size_t left = input->length - at;
        error = gw_form_take(input->form,
                             (proto_bytes_t){input->body.data + at, left < ask_step ? left : ask_step});
    }
    if (!error)
        error = gw_form_end(input->form);
    if (error) {
        proto_buf_reset(&ask_binder.detail);
        proto_buf_append(&ask_binder.detail, input->form->detail.data, input->form->detail.size);
    } else {
        error = gw_bind(&ask_binder, route, input);
        proto_buf_reset(&ask_binder.arguments);
        proto_buf_append(&ask_binder.arguments, input->form->arguments.data, input->form->arguments.size);
    }
    gw_form_free(&input->form);
    return error;
}

/* Binds a request from memory of exactly its size, so that ASan sees any look behind it. */
static inline proto_error_t ask_bind(const char *method, const char *target, const char *type,
                                     const char *encoding, proto_bytes_t body)
{
    size_t size = strlen(target), path = strcspn(target, "?");
    char *copy = malloc(size), *content = malloc(body.size ? body.size : 1);
    assert_true(copy && content);
    memcpy(copy, target, size);
    if (body.size)
        memcpy(content, body.data, body.size);
    gw_match_t match;
    proto_bytes_t at = {(const uint8_t *)copy, path};
    if (gw_router_match(ask_router, proto_bytes_of(method), at, &match) != GW_MATCH_FOUND)
        fail_msg("%s %s does not exist", method, target);
    gw_input_t input = {
        .path_values = match.values,
        .content_type = proto_bytes_of(type ? type : ""),
        .content_encoding = proto_bytes_of(encoding ? encoding : ""),
        .length = body.size,
        .body = {(const uint8_t *)content, body.size},
    };
    if (path < size)
        input.query = (proto_bytes_t){at.data + path + 1, size - path - 1};
    proto_error_t error = ask_body(match.route, &input);
    if (error)
        assert_true(ask_binder.detail.size > 0 && ask_binder.detail.data[ask_binder.detail.size - 1] != '.');
    else
        assert_int_equal(proto_value_check(proto_buf_bytes(&ask_binder.arguments)), 0);
    free(copy);
    free(content);
    return error;
}

static inline void ask_check(const ask_case_t *cases, size_t count)
{
    proto_buf_t json = PROTO_BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        const ask_case_t *one = &cases[i];
        proto_bytes_t body = proto_bytes_of(one->body ? one->body : "");
        proto_error_t error = ask_bind(one->method, one->target, one->type, NULL, body);
        proto_buf_reset(&json);
        if (!error)
            assert_int_equal(proto_json_from_value(proto_buf_bytes(&ask_binder.arguments), &json), 0);
        const char *answer = error ? proto_buf_text(&ask_binder.detail) : proto_buf_text(&json);
        if (proto_error_status(error) != one->status || strcmp(answer, one->answer) != 0)
            fail_msg("%s %s %s: %d %s instead of %d %s", one->method, one->target, one->body ? one->body : "",
                     proto_error_status(error), answer, one->status, one->answer);
    }
    proto_buf_free(&json);
}

#define ASK_CHECK(cases) ask_check(cases, sizeof cases / sizeof *cases)
#define ASK_GET(target, status, answer)                                                                      \
    {                                                                                                        \
        "GET", target, NULL, NULL, status, answer                                                            \
    }
#define ASK_QUERY(query, status, answer) ASK_GET("/query?" query, status, answer)
#define ASK_POST(path, body, status, answer)                                                                 \
    {                                                                                                        \
        "POST", path, "application/json", body, status, answer                                               \
    }

#endif
