/* SPDX-License-Identifier: MPL-2.0 */
/* Cutting statements: every quoting form of PostgreSQL 15's section 4.1 keeps its colons, every other :name
 * is a parameter, and whatever does not end is told at its place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "act_sqltext.h"

enum { S_NAMES = 16 };

/* Numbers each name in the order of its first use, as the parser does; refuses `no`. */
typedef struct s_names {
    char names[S_NAMES][64];
    uint32_t count;
    proto_bytes_t text; /* to see that offsets point at the colon */
    proto_buf_t lines;  /* conditional ones */
} s_names_t;

static int s_on_param(void *arg, proto_bytes_t name, size_t offset, proto_buf_t *out)
{
    s_names_t *self = arg;
    assert_true(offset < self->text.size && self->text.data[offset] == ':');
    assert_ptr_equal(self->text.data + offset + 1, name.data);
    if (proto_bytes_is(name, "no"))
        return -1;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!proto_bytes_is(name, self->names[i]))
            continue;
        proto_buf_printf(out, "$%u", i + 1);
        return 0;
    }
    assert_true(self->count < S_NAMES && name.size < sizeof self->names[0]);
    memcpy(self->names[self->count], name.data, name.size);
    self->names[self->count][name.size] = '\0';
    proto_buf_printf(out, "$%u", ++self->count);
    return 0;
}

/* Notes each conditional line as "name=line;". */
static int s_on_condition(void *arg, proto_bytes_t name, size_t offset, size_t from, size_t to)
{
    s_names_t *self = arg;
    assert_true(offset + 3 <= self->text.size && memcmp(self->text.data + offset, "--?", 3) == 0);
    assert_true(from < to);
    if (proto_bytes_is(name, "no"))
        return -1;
    proto_buf_append(&self->lines, name.data, name.size);
    proto_buf_printf(&self->lines, "=%zu-%zu;", from, to);
    return 0;
}

/* Copies text to memory of exactly its size, so that ASan sees any read behind it. */
static uint8_t *s_exact(const char *text, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

typedef struct s_cut {
    int rc;
    size_t used;
    const char *why;
    char sql[512];
    char names[256]; /* with blanks between */
    char lines[256]; /* conditional ones */
} s_cut_t;

static s_cut_t s_cut(const char *text)
{
    s_cut_t cut = {.used = SIZE_MAX, .why = "unset"};
    size_t size = strlen(text);
    uint8_t *copy = s_exact(text, size);
    s_names_t names = {.text = {copy, size}};
    proto_buf_t out = PROTO_BUF_INIT;
    const act_sqltext_hooks_t hooks = {.param = s_on_param, .condition = s_on_condition, .arg = &names};
    cut.rc = act_sqltext_cut(names.text, &hooks, &out, &cut.used, &cut.why);
    snprintf(cut.sql, sizeof cut.sql, "%s", proto_buf_text(&out));
    for (uint32_t i = 0; i < names.count; i++) {
        size_t at = strlen(cut.names);
        snprintf(cut.names + at, sizeof cut.names - at, "%s%s", i ? " " : "", names.names[i]);
    }
    snprintf(cut.lines, sizeof cut.lines, "%s", proto_buf_text(&names.lines));
    proto_buf_free(&names.lines);
    proto_buf_free(&out);
    free(copy);
    return cut;
}

/* A whole statement that takes all of its text. */
typedef struct s_case {
    const char *text, *sql, *names;
} s_case_t;

static void s_check(const s_case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        s_cut_t cut = s_cut(cases[i].text);
        if (cut.rc != 1 || cut.used != strlen(cases[i].text) || strcmp(cut.sql, cases[i].sql) != 0 ||
            strcmp(cut.names, cases[i].names) != 0)
            fail_msg("%s\n gave %d, %zu bytes: %s\n instead of: %s\n names: %s\n instead of: %s",
                     cases[i].text, cut.rc, cut.used, cut.sql, cases[i].sql, cut.names, cases[i].names);
    }
}

#define S_CHECK(...)                                                                                         \
    s_check((const s_case_t[]){__VA_ARGS__}, sizeof((const s_case_t[]){__VA_ARGS__}) / sizeof(s_case_t))

static void test_parameters(void **state)
{
    (void)state;
    S_CHECK({"SELECT :a;", "SELECT $1", "a"},
            {"SELECT :a, :b, :a, :c, :b;", "SELECT $1, $2, $1, $3, $2", "a b c"},
            {"SELECT :a_1,:_b,:C9;", "SELECT $1,$2,$3", "a_1 _b C9"},
            {"SELECT :auth.sub, :request.id;", "SELECT $1, $2", "auth.sub request.id"},
            {"SELECT :a.1;", "SELECT $1.1", "a"}, {"SELECT (:a).f, :a . f;", "SELECT ($1).f, $1 . f", "a"},
            {"SELECT :a\n;", "SELECT $1", "a"}, {"SELECT 1;", "SELECT 1", ""},
            {"SELECT:a;", "SELECT $1", "a"},
            {"SELECT 1 LIMIT:a OFFSET:b;", "SELECT 1 LIMIT $1 OFFSET $2", "a b"},
            {"VALUES (:a),(:b);", "VALUES ($1),($2)", "a b"},
            {"SELECT :grö\xc3\x9f"
             "e, :\xc3\xa9;",
             "SELECT $1, $2",
             "grö\xc3\x9f"
             "e \xc3\xa9"});
}

/* Every byte that may stand right before a parameter: operators of section 4.1.3, brackets, commas. */
static void test_parameters_behind_anything(void **state)
{
    (void)state;
    static const char before[] = "+-*/<>=~!@#%^&|`?(,.";
    for (const char *c = before; *c; c++) {
        char text[64], sql[64];
        snprintf(text, sizeof text, "SELECT x %c:a;", *c);
        snprintf(sql, sizeof sql, "SELECT x %c$1", *c);
        s_cut_t cut = s_cut(text);
        if (cut.rc != 1 || strcmp(cut.sql, sql) != 0)
            fail_msg("%s gave %d: %s instead of %s", text, cut.rc, cut.sql, sql);
    }
    S_CHECK({"SELECT a->:k, a->>:k, a#>>:p, a@>:k;", "SELECT a->$1, a->>$1, a#>>$2, a@>$1", "k p"},
            {"SELECT a||:b, a<=:b, a<>:b, a!~:b;", "SELECT a||$1, a<=$1, a<>$1, a!~$1", "b"},
            {"SELECT f(:a,(:b)),x=ANY(:c);", "SELECT f($1,($2)),x=ANY($3)", "a b c"},
            {"SELECT f(n=>:a), f(n:=:b), f(n := :c);", "SELECT f(n=>$1), f(n:=$2), f(n := $3)", "a b c"},
            {"SELECT -:a, +:b, @:c;", "SELECT -$1, +$2, @$3", "a b c"});
}

static void test_casts(void **state)
{
    (void)state;
    S_CHECK(
        {"SELECT :a::int;", "SELECT $1::int", "a"},
        {"SELECT a::int,b :: text;", "SELECT a::int,b :: text", ""},
        {"SELECT :a::int::text||:b::text;", "SELECT $1::int::text||$2::text", "a b"},
        {"SELECT '1'::int, \"x\"::a, (x)::b, $$x$$::c;", "SELECT '1'::int, \"x\"::a, (x)::b, $$x$$::c", ""},
        {"SELECT :a::goal.status[];", "SELECT $1::goal.status[]", "a"}, {"SELECT ::a;", "SELECT ::a", ""},
        {"SELECT a : b, a :1;", "SELECT a : b, a :1", ""},
        {"SELECT int ':a', interval ':b' hour;", "SELECT int ':a', interval ':b' hour", ""});
}

/* Section 8.15.3 against 4.2.12: a colon in a subscript separates bounds, one in ARRAY[...] does not. */
static void test_slices(void **state)
{
    (void)state;
    S_CHECK({"SELECT a[1:2];", "SELECT a[1:2]", ""}, {"SELECT a[:n];", "SELECT a[:n]", ""},
            {"SELECT a[m:n], a[:], a[1:], a[:2];", "SELECT a[m:n], a[:], a[1:], a[:2]", ""},
            {"SELECT a[m:n][o:p];", "SELECT a[m:n][o:p]", ""},
            {"SELECT a[b[1]:n], a[f(x):n];", "SELECT a[b[1]:n], a[f(x):n]", ""},
            {"SELECT a[\"m\":n], a['1':n];", "SELECT a[\"m\":n], a['1':n]", ""},
            {"SELECT a[m::int:n::int];", "SELECT a[m::int:n::int]", ""},
            {"SELECT a[(:m)], a[(:m):(:n)], a[ :m];", "SELECT a[($1)], a[($1):($2)], a[ $1]", "m n"},
            {"SELECT a[1+:m], a[f(:m, :n)];", "SELECT a[1+$1], a[f($1, $2)]", "m n"},
            {"SELECT a[1:2], :n;", "SELECT a[1:2], $1", "n"}, {"SELECT a[1:2]=:n;", "SELECT a[1:2]=$1", "n"},
            {"SELECT ARRAY[:a, :b];", "SELECT ARRAY[$1, $2]", "a b"},
            {"SELECT array [:a,:b];", "SELECT array [$1,$2]", "a b"},
            {"SELECT ARRAY/* */[:a];", "SELECT ARRAY [$1]", "a"},
            {"SELECT ARRAY[[:a,:b],[:c,:d]];", "SELECT ARRAY[[$1,$2],[$3,$4]]", "a b c d"},
            {"SELECT ARRAY[x[1:n], :a];", "SELECT ARRAY[x[1:n], $1]", "a"},
            {"SELECT x[ARRAY[:a]:n];", "SELECT x[ARRAY[$1]:n]", "a"},
            {"SELECT my_array[:n];", "SELECT my_array[:n]", ""},
            {"SELECT ']'], a[']' || :n];", "SELECT ']'], a[']' || $1]", "n"},
            {"SELECT ]], :n;", "SELECT ]], $1", "n"});
}

/* 4.1.2.1, 4.1.2.2, 4.1.2.3, 4.1.2.5, 4.1.1: nothing inside is a parameter, a comment or an end. */
static void test_strings(void **state)
{
    (void)state;
    S_CHECK({"SELECT ':a', :b;", "SELECT ':a', $1", "b"},
            {"SELECT 'it''s :a', '''', '';", "SELECT 'it''s :a', '''', ''", ""},
            {"SELECT 'a;b', '--', '/*', '$$', '\"';", "SELECT 'a;b', '--', '/*', '$$', '\"'", ""},
            {"SELECT 'a\\', :b, 'c';", "SELECT 'a\\', $1, 'c'", "b"}, /* standard_conforming_strings */
            {"SELECT E'a\\':b', :c;", "SELECT E'a\\':b', $1", "c"},
            {"SELECT e'\\\\', :c, e'\\\\\\'\\':d';", "SELECT e'\\\\', $1, e'\\\\\\'\\':d'", "c"},
            {"SELECT E'it''s\\'s', :c;", "SELECT E'it''s\\'s', $1", "c"},
            {"SELECT e '\\', :c;", "SELECT e '\\', $1", "c"}, /* a blank between: no escape string */
            {"SELECT fe'\\', :c;", "SELECT fe'\\', $1", "c"},
            {"SELECT U&'d\\0061:a', u&'\\', :c;", "SELECT U&'d\\0061:a', u&'\\', $1", "c"},
            {"SELECT U&'d!0061' UESCAPE '!', :c;", "SELECT U&'d!0061' UESCAPE '!', $1", "c"},
            {"SELECT B'1001', b':a', X'1FF', x':a', N':a', :c;",
             "SELECT B'1001', b':a', X'1FF', x':a', N':a', $1", "c"},
            {"SELECT '  two  blanks\n', :c;", "SELECT '  two  blanks\n', $1", "c"},
            {"SELECT '\xc3\xa9:a', :c;", "SELECT '\xc3\xa9:a', $1", "c"});
}

/* "Two string constants that are only separated by whitespace with at least one newline are concatenated and
 * effectively treated as if the string had been written as one constant" (4.1.2.1). */
static void test_strings_that_go_on(void **state)
{
    (void)state;
    S_CHECK({"SELECT 'foo'\n'bar', :c;", "SELECT 'foo'\n'bar', $1", "c"},
            {"SELECT 'foo'  \n\n  'bar';", "SELECT 'foo'\n'bar'", ""},
            {"SELECT 'foo' -- :x\n 'bar';", "SELECT 'foo'\n'bar'", ""},
            {"SELECT 'foo' 'bar';", "SELECT 'foo' 'bar'", ""},
            {"SELECT E'foo'\n'it\\'s :x', :c;", "SELECT E'foo'\n'it\\'s :x', $1", "c"},
            {"SELECT E'a'\n'\\''\n'\\':x', :c;", "SELECT E'a'\n'\\''\n'\\':x', $1", "c"},
            {"SELECT E'a' '\\', :c;", "SELECT E'a' '\\', $1", "c"},
            {"SELECT E'a'\n, '\\', :c;", "SELECT E'a'\n, '\\', $1", "c"},
            {"SELECT E'a' || b\n'\\', :c;", "SELECT E'a' || b '\\', $1", "c"},
            {"SELECT 'a'\n'\\', :c;", "SELECT 'a'\n'\\', $1", "c"}, {"SELECT 'a'\n;", "SELECT 'a'", ""},
            {"SELECT $$a$$\n'b';", "SELECT $$a$$ 'b'", ""}, {"SELECT \"a\"\n'b';", "SELECT \"a\" 'b'", ""});
}

static void test_quoted_names(void **state)
{
    (void)state;
    S_CHECK({"SELECT \":a\", :b;", "SELECT \":a\", $1", "b"},
            {"SELECT \"a\"\":b\", \"\"\"\";", "SELECT \"a\"\":b\", \"\"\"\"", ""},
            {"SELECT \"a\\\", :b;", "SELECT \"a\\\", $1", "b"},
            {"SELECT \"a;--/*$$'\";", "SELECT \"a;--/*$$'\"", ""},
            {"SELECT U&\"d\\0061:a\", :b;", "SELECT U&\"d\\0061:a\", $1", "b"},
            {"SELECT \"e\"'\\', :b;", "SELECT \"e\"'\\', $1", "b"},
            {"SELECT grün:\xc3\xa9, x\xc2\xa0y;", "SELECT grün $1, x\xc2\xa0y", "\xc3\xa9"});
}

/* 4.1.2.4. */
static void test_dollar_quotes(void **state)
{
    (void)state;
    S_CHECK({"SELECT $$it's :a;$$, :b;", "SELECT $$it's :a;$$, $1", "b"},
            {"SELECT $$$$, :b;", "SELECT $$$$, $1", "b"},
            {"SELECT $q$:a $$ $Q$ $qq$ $q$, :b;", "SELECT $q$:a $$ $Q$ $qq$ $q$, $1", "b"},
            {"SELECT $a$ $b$ :x $b$ $a$, :b;", "SELECT $a$ $b$ :x $b$ $a$, $1", "b"},
            {"SELECT $_1$:a$_1$, $\xc3\xa9$:a$\xc3\xa9$, :b;",
             "SELECT $_1$:a$_1$, $\xc3\xa9$:a$\xc3\xa9$, $1", "b"},
            {"SELECT $a$ $$a$, :b;", "SELECT $a$ $$a$, $1", "b"},
            {"SELECT a$b$ , :c;", "SELECT a$b$ , $1", "c"},
            {"SELECT foo$$, :c;", "SELECT foo$$, $1", "c"}, /* part of the name, as the manual has it */
            {"SELECT $$-- /* \\$$, :c;", "SELECT $$-- /* \\$$, $1", "c"});
}

/* 4.1.5. */
static void test_comments(void **state)
{
    (void)state;
    S_CHECK({"-- :a ; '\nSELECT :b;", "SELECT $1", "b"}, {"SELECT 1 -- :a\n, :b;", "SELECT 1 , $1", "b"},
            {"SELECT/* :a ; */1;", "SELECT 1", ""}, {"/* /* :a */ ; ' */ SELECT :b;", "SELECT $1", "b"},
            {"SELECT /*/**//**/*/1;", "SELECT 1", ""}, {"SELECT 1/**/+/*/ */:b;", "SELECT 1 + $1", "b"},
            {"SELECT /* -- */ :b;", "SELECT $1", "b"}, {"SELECT -- /*\n:b;", "SELECT $1", "b"},
            {"SELECT 1 --;\n;", "SELECT 1", ""}, {"SELECT 3--2\n;", "SELECT 3", ""},
            {"SELECT 4 - -:b, 2 * /:c;", "SELECT 4 - -$1, 2 * /$2", "b c"},
            {" \t\r\nSELECT\n\t1 \f;", "SELECT 1", ""});
}

static void test_the_end_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        size_t used;
        const char *sql;
    } cases[] = {
        {"SELECT 1; SELECT 2;", 1, 9, "SELECT 1"},
        {"SELECT ';';\n", 1, 11, "SELECT ';'"},
        {"SELECT 1;-- x", 1, 9, "SELECT 1"},
        {"", 0, 0, ""},
        {" \n-- x\n/* y */", 0, 14, ""},
        {"-- x", 0, 4, ""},
        {";", 0, 1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_cut_t cut = s_cut(cases[i].text);
        if (cut.rc != cases[i].rc || cut.used != cases[i].used || strcmp(cut.sql, cases[i].sql) != 0)
            fail_msg("\"%s\" gave %d, %zu bytes: %s", cases[i].text, cut.rc, cut.used, cut.sql);
    }
}

/* What does not end is told where it begins. */
static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why; /* NULL: the callback has refused */
    } cases[] = {
        {"SELECT 'a", 7, "a string does not end"},
        {"SELECT 'a''", 7, "a string does not end"},
        {"SELECT '", 7, "a string does not end"},
        {"SELECT E'a\\'", 7, "a string does not end"},
        {"SELECT E'a\\", 7, "a string does not end"},
        {"SELECT E'a'\n'b\\';", 12, "a string does not end"},
        {"SELECT e'", 7, "a string does not end"},
        {"SELECT U&'a", 9, "a string does not end"},
        {"SELECT B'1", 8, "a string does not end"},
        {"SELECT X'1", 8, "a string does not end"},
        {"SELECT \"a", 7, "a quoted name does not end"},
        {"SELECT \"a\"\"", 7, "a quoted name does not end"},
        {"SELECT $$a$", 7, "a dollar-quoted string does not end"},
        {"SELECT $$", 7, "a dollar-quoted string does not end"},
        {"SELECT $t$a$$;$T$", 7, "a dollar-quoted string does not end"},
        {"SELECT $t$a$t", 7, "a dollar-quoted string does not end"},
        {"SELECT /* a", 7, "a comment does not end"},
        {"SELECT /* /* */ a;", 7, "a comment does not end"},
        {"SELECT /*/", 7, "a comment does not end"},
        {"/*", 0, "a comment does not end"},
        {"SELECT $1;", 7, "parameters are written :name, not $1"},
        {"SELECT $1$x$1$;", 7, "parameters are written :name, not $1"},
        {"SELECT $;", 7, "parameters are written :name, not $1"},
        {"SELECT $a;", 7, "parameters are written :name, not $1"},
        {"SELECT :no;", 7, NULL},
        {"SELECT a, :no", 10, NULL},
        {"SELECT a\n--? q\n;", 9, "nothing stands before --?"},
        {"SELECT a\n  --? q\n;", 11, "nothing stands before --?"},
        {"--? q\nSELECT a;", 0, "nothing stands before --?"},
        {"SELECT 'a'\n --? q\n;", 12, "nothing stands before --?"},
        {"SELECT a -- b\n--? q\n;", 14, "nothing stands before --?"},
        {"SELECT a /*\n*/ --? q\n;", 15, "nothing stands before --?"},
        {"SELECT a --? no\n, :b;", 9, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_cut_t cut = s_cut(cases[i].text);
        bool same = cut.why && cases[i].why ? strcmp(cut.why, cases[i].why) == 0 : cut.why == cases[i].why;
        if (cut.rc != -1 || cut.used != cases[i].at || !same)
            fail_msg("%s gave %d at %zu: %s", cases[i].text, cut.rc, cut.used, cut.why ? cut.why : "nothing");
    }
    static const char *const endless[] = {"SELECT 1", "SELECT 1 -- ;", "SELECT 1 /* ; */", "SELECT :a",
                                          "x\n\n"};
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        s_cut_t cut = s_cut(endless[i]);
        assert_int_equal(cut.rc, -1);
        assert_string_equal(cut.why, "the statement does not end with ;");
        assert_true(cut.used < strlen(endless[i]));
    }
}

/* "--? name" at the end of a line tells of that line: name=from-to of the copy, the blank behind included. */
static void test_conditional_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sql, *lines;
    } cases[] = {
        {"SELECT 1\n, 2 --? q\n, 3;", "SELECT 1 , 2 , 3", "q=9-13;"},
        {"SELECT 1\n  , 2    --?q  \n, 3;", "SELECT 1 , 2 , 3", "q=9-13;"},
        {"SELECT 1\n, 2--? q\n, 3;", "SELECT 1 , 2 , 3", "q=9-12;"},
        {"SELECT 1\r\n, 2 --? q\r\n, 3;\r\n", "SELECT 1 , 2 , 3", "q=9-13;"},
        {"SELECT 1\n, 2 --?\tq\n\n\n, 3;", "SELECT 1 , 2 , 3", "q=9-13;"},
        /* several; the first; the last, before a ; of its own line */
        {"SELECT 1 --? a\n, 2 --? b\n, 3 --? a\n;", "SELECT 1 , 2 , 3", "a=0-9;b=9-13;a=13-17;"},
        {"SELECT --? a\n1;", "SELECT 1", "a=0-7;"},
        {"SELECT :x, 1 --? a\n, :y --? b\n;", "SELECT $1, 1 , $2", "a=0-13;b=13-18;"},
        /* a line goes to the comment's end, whatever is in it */
        {"SELECT 1\n, 2 --? q ; 'x\n, 3;", "SELECT 1 , 2 , 3", "q ; 'x=9-13;"},
        {"SELECT 1\n, 2 --? a --? b\n;", "SELECT 1 , 2", "a --? b=9-13;"},
        {"SELECT 1\n, 2 --?\n;", "SELECT 1 , 2", "=9-13;"},
        {"SELECT 1 --? q", "SELECT 1", "q=0-9;"},
        /* only behind --, only right behind it */
        {"SELECT '--? q', \"--? q\", $$--? q\n$$ /* --? q\n */, 1 -- ? q\n, 2 -- --? q\n;",
         "SELECT '--? q', \"--? q\", $$--? q\n$$ , 1 , 2", ""},
        /* in parentheses and brackets, which may open in one line and close in another */
        {"SELECT f(1\n, 2 --? q\n), (3 --? r\n);", "SELECT f(1 , 2 ), (3 )", "q=11-15;r=15-21;"},
        {"SELECT ARRAY[1\n, :x --? q\n];", "SELECT ARRAY[1 , $1 ]", "q=15-20;"},
        /* a string that spans lines is one with its line; a comment that does is not */
        {"SELECT 1\n, 'a\nb' --? q\n, 2;", "SELECT 1 , 'a\nb'\n, 2", "q=9-17;"},
        {"SELECT 1\n, $$a\nb$$ --? q\n, 2;", "SELECT 1 , $$a\nb$$ , 2", "q=9-19;"},
        {"SELECT 1 /* x\n y */ , 2 --? q\n, 3;", "SELECT 1 , 2 , 3", "q=9-13;"},
        {"SELECT 1/* x\n y */, 2 --? q\n, 3;", "SELECT 1 , 2 , 3", "q=9-13;"},
        {"SELECT 1 /* x */ , 2 --? q\n, 3;", "SELECT 1 , 2 , 3", "q=0-13;"},
        {"SELECT 1, -- x\n2 --? q\n, 3;", "SELECT 1, 2 , 3", "q=10-12;"},
        /* the newline that joins two strings */
        {"SELECT 'a'\n'b' --? q\n, 2;", "SELECT 'a'\n'b'\n, 2", "q=11-15;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s_cut_t cut = s_cut(cases[i].text);
        bool whole = strchr(cases[i].text, ';') != NULL;
        if (cut.rc != (whole ? 1 : -1) || strcmp(cut.sql, cases[i].sql) != 0 ||
            strcmp(cut.lines, cases[i].lines) != 0)
            fail_msg("%s\n gave %d: %s\n instead of: %s\n lines: %s\n instead of: %s", cases[i].text, cut.rc,
                     cut.sql, cases[i].sql, cut.lines, cases[i].lines);
    }
}

/* Any prefix of a statement full of quotes is told, and never read past its end (ASan). */
static void test_every_prefix(void **state)
{
    (void)state;
    static const char text[] =
        "SELECT 'a''b', E'\\'', U&'x', \"n\"\"m\", $q$ $ $q$, /* /* */ */ :a::int, b[1:2] -- c\n"
        ", ARRAY[:b];";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char prefix[sizeof text];
        memcpy(prefix, text, size);
        prefix[size] = '\0';
        s_cut_t cut = s_cut(prefix);
        assert_int_equal(cut.rc, size ? -1 : 0);
        assert_true(cut.used <= size);
    }
    assert_int_equal(s_cut(text).rc, 1);
}

static void test_comment_at_the_front(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {{"/**/", 4},  {"/* a */ b", 7}, {"/* /* */ */", 11}, {"/* -- */", 8}, {"/* ' */", 7},
                 {"", 0},      {"/", 0},         {"/*", 0},           {"/*/", 0},      {"/* /* */", 0},
                 {" /**/", 0}, {"-- /**/", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *copy = s_exact(cases[i].text, strlen(cases[i].text));
        if (act_sqltext_comment((proto_bytes_t){copy, strlen(cases[i].text)}) != cases[i].size)
            fail_msg("%s", cases[i].text);
        free(copy);
    }
}

static void test_allowed(void **state)
{
    (void)state;
    static const char *const yes[] = {"SELECT 1",
                                      "select",
                                      "InSeRt INTO t",
                                      "UPDATE t",
                                      "DELETE FROM t",
                                      "MERGE INTO t",
                                      "WITH a AS (SELECT 1) SELECT",
                                      "VALUES (1)",
                                      "TABLE t",
                                      "(SELECT 1)",
                                      " ( ( VALUES(1)))",
                                      "SELECT'a'",
                                      "SELECT\"a\"",
                                      "VALUES(1)",
                                      "SELECT*"};
    static const char *const no[] = {"",
                                     "(",
                                     "SELECTX 1",
                                     "select_1",
                                     "SELECT$1",
                                     "selecté",
                                     "SELEC",
                                     "BEGIN",
                                     "COMMIT",
                                     "ROLLBACK",
                                     "SAVEPOINT a",
                                     "SET x = 1",
                                     "RESET ALL",
                                     "DISCARD ALL",
                                     "LISTEN a",
                                     "NOTIFY a",
                                     "LOCK t",
                                     "COPY t TO STDOUT",
                                     "CALL p()",
                                     "DO $$ $$",
                                     "EXPLAIN SELECT 1",
                                     "PREPARE a AS SELECT 1",
                                     "EXECUTE a",
                                     "DEALLOCATE a",
                                     "DECLARE c CURSOR",
                                     "FETCH c",
                                     "CREATE TABLE t()",
                                     "DROP TABLE t",
                                     "ALTER TABLE t",
                                     "TRUNCATE t",
                                     "GRANT a TO b",
                                     "VACUUM",
                                     "\"select\" 1",
                                     "1 SELECT"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!act_sqltext_allowed(yes[i]))
            fail_msg("\"%s\" is refused", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (act_sqltext_allowed(no[i]))
            fail_msg("\"%s\" is allowed", no[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),   cmocka_unit_test(test_parameters_behind_anything),
        cmocka_unit_test(test_casts),        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_strings),      cmocka_unit_test(test_strings_that_go_on),
        cmocka_unit_test(test_quoted_names), cmocka_unit_test(test_dollar_quotes),
        cmocka_unit_test(test_comments),     cmocka_unit_test(test_the_end_is_found),
        cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_conditional_lines),
        cmocka_unit_test(test_every_prefix), cmocka_unit_test(test_comment_at_the_front),
        cmocka_unit_test(test_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
