/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoints: which operation a method and path mean, against cases and against a naive model;
 * percent-encoding both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gw_endpoint.h"
#include "proto_log.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

/* A parameter for each {name} of the operation's path. */
static void s_add_params(proto_arena_t *arena, proto_operation_t *operation)
{
    operation->params = proto_arena_alloc(arena, 40 * sizeof *operation->params);
    for (const char *at = operation->path; (at = strchr(at, '{')); at++) {
        proto_bytes_t name = {(const uint8_t *)at + 1, strcspn(at + 1, "}")};
        operation->params[operation->param_count++] = (proto_param_t){
            .name = proto_arena_text(arena, name), .source = PROTO_SOURCE_PATH, .data = PROTO_DATA_TEXT};
    }
}

/* A catalogue of "METHOD /path" endpoints. */
static proto_catalogue_t *s_catalogue(const char *const *endpoints, size_t count)
{
    proto_catalogue_t *self = proto_catalogue_new();
    self->operations = proto_arena_alloc(&self->arena, (count + 1) * sizeof *self->operations);
    for (size_t i = 0; i < count; i++) {
        proto_operation_t *operation = &self->operations[self->operation_count++];
        size_t blank = strcspn(endpoints[i], " ");
        operation->name = endpoints[i];
        operation->method =
            proto_arena_text(&self->arena, (proto_bytes_t){(const uint8_t *)endpoints[i], blank});
        operation->path = endpoints[i] + blank + 1;
        s_add_params(&self->arena, operation);
    }
    return self;
}

static const char *const s_kinds[] = {"found", "not found", "405", "OPTIONS", "slash"};

/* What a router says, as one line: "found GET /a/{id} id=1", "405 GET, HEAD, OPTIONS", "slash". */
static const char *s_ask(const gw_router_t *router, const char *method, const char *path)
{
    static proto_buf_t line;
    gw_match_t match;
    memset(&match, 0xee, sizeof match);
    proto_buf_reset(&line);
    size_t size = strlen(path);
    uint8_t *copy = malloc(size); /* of exactly this size, so that ASan sees a look behind it */
    assert_non_null(copy);
    memcpy(copy, path, size);
    gw_match_kind_t kind =
        gw_router_match(router, proto_bytes_of(method), (proto_bytes_t){copy, size}, &match);
    proto_buf_string(&line, s_kinds[kind]);
    if (kind == GW_MATCH_METHOD || kind == GW_MATCH_OPTIONS)
        proto_buf_printf(&line, " %s", match.allow);
    if (kind == GW_MATCH_FOUND && !match.route->operation)
        proto_buf_printf(&line, " builtin %d", (int)match.route->builtin);
    if (kind == GW_MATCH_FOUND && match.route->operation) {
        const proto_operation_t *operation = match.route->operation;
        proto_buf_printf(&line, " %s", operation->name);
        for (uint32_t i = 0; i < match.route->path_param_count; i++)
            proto_buf_printf(&line, " %s=%.*s", operation->params[match.route->path_params[i]].name,
                             (int)match.values[i].size, (const char *)match.values[i].data);
    }
    free(copy);
    return proto_buf_text(&line);
}

typedef struct question {
    const char *method, *path, *answer;
} question_t;

static void s_ask_all(const gw_router_t *router, const question_t *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer = s_ask(router, questions[i].method, questions[i].path);
        if (strcmp(answer, questions[i].answer) != 0)
            fail_msg("%s %s: \"%s\" instead of \"%s\"", questions[i].method, questions[i].path, answer,
                     questions[i].answer);
    }
}

#define S_COUNT(array) (sizeof(array) / sizeof *(array))

static void s_ask_catalogue(const char *const *endpoints, size_t endpoint_count, const question_t *questions,
                            size_t count)
{
    proto_catalogue_t *catalogue = s_catalogue(endpoints, endpoint_count);
    const proto_catalogue_t *all[] = {catalogue};
    gw_router_t *router = gw_router_new(all, 1);
    s_ask_all(router, questions, count);
    gw_router_free(&router);
    assert_null(router);
    gw_router_free(&router); /* twice is harmless */
    proto_catalogue_free(&catalogue);
}

static void test_matching(void **state)
{
    (void)state;
    static const char *const endpoints[] = {
        "GET /",
        "GET /a",
        "POST /a",
        "GET /a/{id}",
        "DELETE /a/{id}",
        "PUT /a/{id}",
        "PATCH /a/{id}",
        "POST /a/{id}",
        "GET /a/new",
        "GET /a/{id}/b",
        "GET /a/new/c",
        "POST /a/x/{y}/z",
        "GET /p/{a}/{b}",
        "GET /p/1/{b}",
        "GET /p/{a}/2",
        "POST /only/post",
        "GET /deep/a/b/c/d",
        "GET /q/{x}/r",
        "GET /q/s/{y}/t",
        "GET /caf\xc3\xa9 x",
    };
    static const question_t questions[] = {
        /* plain */
        {"GET", "/", "found GET /"},
        {"GET", "/a", "found GET /a"},
        {"POST", "/a", "found POST /a"},
        {"GET", "/a/7", "found GET /a/{id} id=7"},
        {"GET", "/deep/a/b/c/d", "found GET /deep/a/b/c/d"},
        {"GET", "/deep/a/b/c", "not found"},
        {"GET", "/deep", "not found"},
        {"GET", "/b", "not found"},
        {"GET", "/A", "not found"},
        {"GET", "/aa", "not found"},
        {"GET", "/a/7/b/c", "not found"},
        /* the longest literal wins, whatever stands first; what leads nowhere is given up */
        {"GET", "/a/new", "found GET /a/new"},
        {"GET", "/a/new/b", "found GET /a/{id}/b id=new"},
        {"GET", "/a/new/c", "found GET /a/new/c"},
        {"GET", "/a/newer", "found GET /a/{id} id=newer"},
        {"GET", "/a/x", "found GET /a/{id} id=x"},
        {"GET", "/a/x/b", "found GET /a/{id}/b id=x"},
        {"POST", "/a/x/b/z", "found POST /a/x/{y}/z y=b"},
        {"GET", "/p/1/2", "found GET /p/1/{b} b=2"},
        {"GET", "/p/3/2", "found GET /p/{a}/2 a=3"},
        {"GET", "/p/3/4", "found GET /p/{a}/{b} a=3 b=4"},
        {"GET", "/q/s/r", "found GET /q/{x}/r x=s"},
        {"GET", "/q/s/r/t", "found GET /q/s/{y}/t y=r"},
        {"GET", "/q/s", "not found"},
        /* a literal wins also where it has not the method */
        {"DELETE", "/a/new", "405 GET, HEAD, OPTIONS"},
        /* methods */
        {"HEAD", "/a", "found GET /a"},
        {"HEAD", "/a/7", "found GET /a/{id} id=7"},
        {"HEAD", "/only/post", "405 POST, OPTIONS"},
        {"GET", "/only/post", "405 POST, OPTIONS"},
        {"PUT", "/a", "405 GET, HEAD, POST, OPTIONS"},
        {"TRACE", "/a/7", "405 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
        {"get", "/a", "405 GET, HEAD, POST, OPTIONS"},
        {"PROPFIND", "/nowhere", "not found"},
        {"OPTIONS", "/a", "OPTIONS GET, HEAD, POST, OPTIONS"},
        {"OPTIONS", "/a/7", "OPTIONS GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
        {"OPTIONS", "/only/post", "OPTIONS POST, OPTIONS"},
        {"OPTIONS", "/nowhere", "not found"},
        /* a slash too many */
        {"GET", "/a/", "slash"},
        {"POST", "/a/7/", "slash"},
        {"TRACE", "/a/", "slash"},
        {"GET", "/a//", "not found"},
        {"GET", "//", "slash"},
        {"GET", "/nowhere/", "not found"},
        /* empty segments match nothing */
        {"GET", "//a", "not found"},
        {"GET", "/a//b", "not found"},
        {"GET", "/p//2", "not found"},
        {"GET", "/p/1/", "not found"},
        /* escapes stand for their characters in literals and stay as they are in values */
        {"GET", "/%61", "found GET /a"},
        {"GET", "/a/n%65w", "found GET /a/new"},
        {"GET", "/a/%6e%65%77", "found GET /a/new"},
        {"GET", "/a/%31", "found GET /a/{id} id=%31"},
        {"GET", "/a/b%2Fc", "found GET /a/{id} id=b%2Fc"},
        {"GET", "/a%2F7", "not found"},
        {"GET", "/%2561", "not found"},
        {"GET", "/a%00", "not found"},
        {"GET", "/caf%C3%A9%20x", "found GET /caf\xc3\xa9 x"},
        {"GET", "/caf%c3%a9%20x", "found GET /caf\xc3\xa9 x"},
        {"GET", "/a/..", "found GET /a/{id} id=.."},
        {"GET", "/a/%", "found GET /a/{id} id=%"}, /* gw_http refuses it before, gw_bind behind */
        {"GET", "/{id}", "not found"},
        {"GET", "/a/{id}", "found GET /a/{id} id={id}"},
        /* the gateway's own */
        {"GET", "/health", "found builtin 1"},
        {"HEAD", "/health/live", "found builtin 2"},
        {"GET", "/health/ready", "found builtin 3"},
        {"GET", "/health/checks", "found builtin 4"},
        {"GET", "/health/system", "found builtin 5"},
        {"POST", "/health", "405 GET, HEAD, OPTIONS"},
        {"GET", "/health/", "slash"},
        {"GET", "/health/nothing", "not found"},
    };
    s_ask_catalogue(endpoints, S_COUNT(endpoints), questions, S_COUNT(questions));
}

static void test_no_catalogue_at_all(void **state)
{
    (void)state;
    gw_router_t *router = gw_router_new(NULL, 0);
    static const question_t questions[] = {
        {"GET", "/", "not found"}, {"GET", "/a/", "not found"}, {"GET", "/health", "found builtin 1"}};
    s_ask_all(router, questions, S_COUNT(questions));
    gw_router_free(&router);
}

/* Of two catalogues the later wins; parameters are those of the operation that won. */
static void test_conflicts(void **state)
{
    (void)state;
    static const char *const first[] = {"GET /a", "GET /b/{id}", "DELETE /b/{id}", "GET /c/{x}/{y}",
                                        "GET /d"};
    static const char *const second[] = {"GET /a", "GET /b/{other}", "GET /c/{y}/{x}", "POST /health",
                                         "GET /health"};
    proto_catalogue_t *old = s_catalogue(first, S_COUNT(first)), *new = s_catalogue(second, S_COUNT(second));
    for (int turn = 0; turn < 2; turn++) {
        const proto_catalogue_t *all[] = {turn ? new : old, turn ? old : new};
        gw_router_t *router = gw_router_new(all, 2);
        gw_match_t match;
        assert_int_equal(gw_router_match(router, proto_bytes_of("GET"), proto_bytes_of("/a"), &match),
                         GW_MATCH_FOUND);
        assert_ptr_equal(match.route->operation, &(turn ? old : new)->operations[0]);
        const question_t questions[] = {
            {"GET", "/b/1", turn ? "found GET /b/{id} id=1" : "found GET /b/{other} other=1"},
            {"DELETE", "/b/1", "found DELETE /b/{id} id=1"},
            {"GET", "/c/1/2", turn ? "found GET /c/{x}/{y} x=1 y=2" : "found GET /c/{y}/{x} y=1 x=2"},
            {"GET", "/d", "found GET /d"},
            {"GET", "/health", "found builtin 1"}, /* nobody takes it from the gateway */
            {"POST", "/health", "found POST /health"},
        };
        s_ask_all(router, questions, S_COUNT(questions));
        gw_router_free(&router);
    }
    proto_catalogue_free(&old);
    proto_catalogue_free(&new);
}

/* What cannot be served is left out, and the rest is served all the same. */
static void test_left_out(void **state)
{
    (void)state;
    static const char *const endpoints[] = {
        "GET /p/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}",
        "GET /q/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
        "GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32",
        "GET /2/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/33",
        "HEAD /head",
        "OPTIONS /options",
        "BREW /brew",
        "get /lower",
        "GET /last",
    };
    static const question_t questions[] = {
        {"GET", "/p/1/2/3/4/5/6/7/8",
         "found GET /p/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h} a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8"},
        {"GET", "/q/1/2/3/4/5/6/7/8/9", "not found"},
        {"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32",
         "found GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32"},
        {"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/",
         "slash"},
        {"GET", "/2/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/31/32/33",
         "not found"},
        {"GET", "/head", "not found"}, /* HEAD and OPTIONS follow from the others */
        {"HEAD", "/head", "not found"},
        {"GET", "/options", "not found"},
        {"GET", "/brew", "not found"},
        {"BREW", "/brew", "not found"},
        {"GET", "/lower", "not found"},
        {"GET", "/last", "found GET /last"},
    };
    s_ask_catalogue(endpoints, S_COUNT(endpoints), questions, S_COUNT(questions));
}

/* A template whose parameter the operation does not have cannot be bound. */
static void test_a_parameter_that_is_none(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"GET /a/{id}", "GET /b"};
    proto_catalogue_t *catalogue = s_catalogue(endpoints, S_COUNT(endpoints));
    catalogue->operations[0].params[0].source = PROTO_SOURCE_QUERY;
    const proto_catalogue_t *all[] = {catalogue};
    gw_router_t *router = gw_router_new(all, 1);
    assert_string_equal(s_ask(router, "GET", "/a/1"), "not found");
    assert_string_equal(s_ask(router, "GET", "/b"), "found GET /b");
    gw_router_free(&router);
    proto_catalogue_free(&catalogue);
}

static void test_very_long_paths(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"GET /{a}", "GET /{a}/{b}", "GET /x/{b}/{c}"};
    static char path[20001];
    proto_catalogue_t *catalogue = s_catalogue(endpoints, S_COUNT(endpoints));
    const proto_catalogue_t *all[] = {catalogue};
    gw_router_t *router = gw_router_new(all, 1);
    memset(path, '/', sizeof path - 1);
    assert_string_equal(s_ask(router, "GET", path), "not found");
    for (size_t i = 1; i < sizeof path - 1; i += 2)
        path[i] = 'x';
    assert_string_equal(s_ask(router, "GET", path), "not found");
    memset(path + 1, 'y', sizeof path - 2);
    assert_int_equal(strlen(s_ask(router, "GET", path)), strlen("found GET /{a} a=") + sizeof path - 2);
    gw_router_free(&router);
    proto_catalogue_free(&catalogue);
}

/* ---- a naive model ---- */

/* How well a template fits a path: a digit per segment, 1 for a literal, 0 for a parameter; false: not. */
static bool s_fits(const char *template, const char *path, char *fit)
{
    while (*template && *path) {
        size_t ours = strcspn(++template, "/"), theirs = strcspn(++path, "/");
        bool parameter = template[0] == '{';
        if (parameter ? theirs == 0 : ours != theirs || strncmp(template, path, ours) != 0)
            return false;
        *fit++ = parameter ? '0' : '1';
        template += ours;
        path += theirs;
    }
    *fit = '\0';
    return !*template && !*path;
}

/* The endpoint of the best fit that has the method, or "405", or "not found". The last of equals wins. */
static const char *s_model(const char *const *endpoints, size_t count, const char *path)
{
    char best[64] = "", fit[64];
    const char *found = "not found";
    for (size_t i = 0; i < count; i++)
        if (s_fits(strchr(endpoints[i], '/'), path, fit) && strcmp(fit, best) >= 0)
            strcpy(best, fit);
    for (size_t i = 0; i < count && *best; i++) {
        if (!s_fits(strchr(endpoints[i], '/'), path, fit) || strcmp(fit, best) != 0)
            continue;
        if (strncmp(endpoints[i], "GET ", 4) == 0)
            found = endpoints[i];
        else if (found[0] != 'G')
            found = "405";
    }
    return found;
}

static void s_random_path(char *path, bool template)
{
    static const char names[] = "abc";
    size_t segments = 1 + s_random() % 5, at = 0;
    for (size_t i = 0; i < segments; i++) {
        path[at++] = '/';
        if (template && s_random() % 3 == 0)
            at += (size_t)sprintf(path + at, "{p%zu}", i);
        else if (template || s_random() % 20)
            path[at++] = names[s_random() % 3];
    }
    path[at] = '\0';
}

static void test_random_catalogues_match_a_model(void **state)
{
    (void)state;
    enum { ENDPOINTS = 40 };
    static char texts[ENDPOINTS][64];
    const char *endpoints[ENDPOINTS];
    size_t found = 0, refused = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        s_state = seed;
        for (int i = 0; i < ENDPOINTS; i++) {
            size_t method = (size_t)sprintf(texts[i], "%s ", s_random() % 3 ? "GET" : "DELETE");
            s_random_path(texts[i] + method, true);
            endpoints[i] = texts[i];
        }
        proto_catalogue_t *catalogue = s_catalogue(endpoints, ENDPOINTS);
        const proto_catalogue_t *all[] = {catalogue};
        gw_router_t *router = gw_router_new(all, 1);
        for (int i = 0; i < 500; i++) {
            char path[64];
            s_random_path(path, false);
            const char *expected = s_model(endpoints, ENDPOINTS, path), *answer = s_ask(router, "GET", path);
            bool good = expected[0] == 'G' ? strncmp(answer, "found ", 6) == 0 &&
                                                 strncmp(answer + 6, expected, strlen(expected)) == 0
                        : expected[0] == '4' ? strncmp(answer, "405 ", 4) == 0
                                             : !strcmp(answer, "not found") || !strcmp(answer, "slash");
            if (!good)
                fail_msg("seed %d, %s: \"%s\" instead of \"%s\"", (int)seed, path, answer, expected);
            found += expected[0] == 'G';
            refused += expected[0] == '4';
        }
        gw_router_free(&router);
        proto_catalogue_free(&catalogue);
    }
    assert_true(found > 2000 && refused > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_no_catalogue_at_all),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_a_parameter_that_is_none),
        cmocka_unit_test(test_very_long_paths),
        cmocka_unit_test(test_random_catalogues_match_a_model),
    };
    proto_log_setup(PROTO_LOG_OFF, false); /* what is left out is told in the log */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
