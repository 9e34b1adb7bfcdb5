/* SPDX-License-Identifier: MPL-2.0 */
/* The rights file: what is taken, what each mistake is told as, and every question to the rights. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "brk_rights.h"

#define S_KEY1 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define S_KEY2 "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

/* From memory of exactly its size, so that ASan sees any read behind it. */
static brk_rights_t *s_parse(const char *text, proto_buf_t *why)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    proto_buf_reset(why);
    brk_rights_t *rights = brk_rights_parse((proto_bytes_t){copy, size}, why);
    memset(copy, 'x', size); /* the text is not kept */
    free(copy);
    assert_int_equal(rights != NULL, why->size == 0);
    return rights;
}

static const brk_right_t *s_find(const brk_rights_t *rights, const char *key)
{
    return brk_rights_find(rights, proto_bytes_of(key));
}

static bool s_calls(const brk_right_t *right, const char *service, const char *operation)
{
    return brk_right_calls(right, proto_bytes_of(service), proto_bytes_of(operation));
}

static bool s_registers(const brk_right_t *right, const char *service)
{
    return brk_right_registers(right, proto_bytes_of(service));
}

static bool s_publishes(const brk_right_t *right, const char *path)
{
    return brk_right_publishes(right, proto_bytes_of(path));
}

static void test_a_whole_file(void **state)
{
    (void)state;
    static const char text[] = "# Rights\n"
                               "\n"
                               "peer   # the billing service\n"
                               "    name = billing\n"
                               "    key = \"" S_KEY1 "\"\n"
                               "    subject = 'bill # ing'   # a comment\n"
                               "    role = service\r\n"
                               "    call = \"db/list_*, db/get_provider,embed/*\"\n"
                               "    register = embed, embed-*\n"
                               "    paths = /embed, /more/of/\n"
                               "    # gateway = on\n"
                               "    gateway = off\n"
                               "local\n"
                               "    call = *\n"
                               "    admin = yes\n"
                               "peer\n"
                               "    key = \"" S_KEY2 "\"\n"
                               "    name = gateway\n"
                               "    gateway = 1\n"
                               "    call = \"*/*\"\n"
                               "    register = *\n"
                               "    paths = *";
    proto_buf_t why = PROTO_BUF_INIT;
    brk_rights_t *rights = s_parse(text, &why);
    if (!rights)
        fail_msg("%s", proto_buf_text(&why));
    assert_int_equal(brk_rights_count(rights), 2);
    const brk_right_t *billing = s_find(rights, S_KEY1), *gateway = s_find(rights, S_KEY2);
    assert_true(proto_bytes_is(billing->name, "billing") && proto_bytes_is(billing->subject, "bill # ing"));
    assert_true(proto_bytes_is(billing->role, "service"));
    assert_false(billing->gateway || billing->admin || billing->calls_all || billing->denied);
    assert_true(gateway->gateway && gateway->calls_all && gateway->registers_all && gateway->publishes_all);
    assert_true(!gateway->admin && gateway->subject.size == 0);
    const brk_right_t *local = brk_rights_local(rights);
    assert_true(local->calls_all && local->admin && !local->gateway && !local->registers_all);
    assert_null(s_find(rights, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%ct"));
    assert_null(s_find(rights, ""));
    brk_rights_free(&rights);
    brk_rights_free(&rights);
    proto_buf_free(&why);
}

static void test_questions(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    brk_rights_t *rights = s_parse("peer\n    name = a\n    key = \"" S_KEY1 "\"\n"
                                   "    call = \"db/list_*, db/get_provider, embed/*, x*/do\"\n"
                                   "    register = \"embed, emb-*\"\n"
                                   "    paths = \"/embed, /a/{id}/\"\n",
                                   &why);
    assert_non_null(rights);
    const brk_right_t *a = s_find(rights, S_KEY1);
    assert_true(s_calls(a, "db", "list_") && s_calls(a, "db", "list_goals"));
    assert_true(s_calls(a, "db", "get_provider") && s_calls(a, "embed", "") && s_calls(a, "embed", "any"));
    assert_true(s_calls(a, "x", "do") && s_calls(a, "xyz", "do"));
    assert_false(s_calls(a, "db", "get_providers") || s_calls(a, "db", "get_provide") ||
                 s_calls(a, "db", "list"));
    assert_false(s_calls(a, "db", "") || s_calls(a, "", "") || s_calls(a, "embed2", "x") ||
                 s_calls(a, "y", "do"));
    assert_false(s_calls(a, "x", "do2") || s_calls(a, "DB", "list_goals"));
    assert_true(s_registers(a, "embed") && s_registers(a, "emb-1") && s_registers(a, "emb-"));
    assert_false(s_registers(a, "embed2") || s_registers(a, "db") || s_registers(a, "") ||
                 s_registers(a, "emb"));
    assert_true(s_publishes(a, "/embed") && s_publishes(a, "/embed/") && s_publishes(a, "/embed/x/{y}"));
    assert_true(s_publishes(a, "/a/{id}") && s_publishes(a, "/a/{id}/b"));
    assert_false(s_publishes(a, "/embedded") || s_publishes(a, "/") || s_publishes(a, "") ||
                 s_publishes(a, "/a/b"));
    assert_false(s_publishes(a, "/{any}") || s_publishes(a, "/x/embed") || s_publishes(a, "embed"));
    brk_rights_free(&rights);
    proto_buf_free(&why);
}

static void test_rights_without_a_file(void **state)
{
    (void)state;
    const brk_right_t *all = brk_right_all(), *dev = brk_right_dev(), *none = brk_right_none();
    assert_ptr_equal(brk_rights_local(NULL), all);
    assert_true(s_calls(all, "db", "x") && s_registers(all, "db") && s_publishes(all, "/") && all->gateway);
    assert_true(s_calls(dev, "db", "x") && s_registers(dev, "greeter") && s_registers(dev, "dbx") &&
                dev->admin);
    assert_false(s_registers(dev, "db") || s_registers(dev, "db.read") || dev->gateway || dev->denied);
    assert_true(proto_bytes_is(dev->subject, "dev") && proto_bytes_is(dev->role, "admin"));
    assert_true(proto_bytes_is(all->subject, "local") && proto_bytes_is(all->role, "admin"));
    assert_true(none->denied);
    assert_false(s_calls(none, "db", "x") || s_registers(none, "x") || s_publishes(none, "/x") ||
                 none->gateway || none->admin);
}

/* Whether a worker may stay when its entry was changed. */
static void test_covers(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    brk_rights_t *rights =
        s_parse("peer\n    name = a\n    key = \"" S_KEY1 "\"\n    paths = \"/embed/x, /b\"\n"
                "peer\n    name = b\n    key = \"" S_KEY2 "\"\n    paths = \"/embed, /b, /c\"\n",
                &why);
    assert_non_null(rights);
    const brk_right_t *a = s_find(rights, S_KEY1), *b = s_find(rights, S_KEY2);
    assert_true(brk_right_covers(b, a) && brk_right_covers(a, a) && brk_right_covers(brk_right_all(), b));
    assert_true(brk_right_covers(a, brk_right_none()));
    assert_false(brk_right_covers(a, b) || brk_right_covers(b, brk_right_all()) ||
                 brk_right_covers(brk_right_none(), a));
    brk_rights_free(&rights);
    proto_buf_free(&why);
}

static void test_several_keys_of_one_peer(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    brk_rights_t *rights = s_parse("peer\n    name = a\n    key = \"" S_KEY1 ", " S_KEY2 "\"\n", &why);
    assert_non_null(rights);
    assert_non_null(s_find(rights, S_KEY1));
    assert_ptr_equal(s_find(rights, S_KEY1), s_find(rights, S_KEY2));
    brk_rights_free(&rights);
    rights = s_parse("", &why);
    assert_non_null(rights);
    assert_int_equal(brk_rights_count(rights), 0);
    brk_rights_free(&rights);
    proto_buf_free(&why);
}

#define S_PEER      "peer\n    name = a\n    key = \"" S_KEY1 "\"\n"
#define S_NOT_A_KEY "line 3: key: not a public key of 40 Z85 characters (quotes around it keep a # in it)"
static const struct {
    const char *text, *why;
} s_wrong[] = {
    {"peers\n", "line 1: unknown section peers; there are peer and local"},
    {"peer = a\n", "line 1: a section has no value; its properties stand below, indented"},
    {"\n    name = a\n", "line 2: name: stands outside any section"},
    {"= a\n", "line 1: a name was expected"},
    {"peer\n   name = a\n", "line 2: indent by four blanks"},
    {"peer\n        name = a\n", "line 2: indent by four blanks"},
    {"peer\n\tname = a\n", "line 2: tabs do not indent; a level is four blanks"},
    {"peer\n    name = a\x01\n", "line 2: a control character"},
    {"peer\n    name a\n", "line 2: expected NAME = VALUE"},
    {"peer\n    name\n", "line 2: expected NAME = VALUE"},
    {"peer\n    name = \"a\n", "line 2: a quote without its end"},
    {"peer\n    name = \"a\" b\n", "line 2: something stands behind the quoted value"},
    {"peer\n    nme = a\n", "line 2: unknown property nme"},
    {"peer\n    name =\n", "line 2: name: must not be empty"},
    {"peer\n    name = a\n    name = b\n", "line 3: name: is given twice"},
    {"peer\n    name = a\xff\n", "line 2: name: not UTF-8"},
    {"# x\npeer\n    name = a\n", "line 2: this peer has no key"},
    {"peer\n    key = \"" S_KEY1 "\"\nlocal\n", "line 1: this peer has no name"},
    {"peer\n    name = a\n    key = abc\n", S_NOT_A_KEY},
    {"peer\n    name = a\n    key = \"\"\n", S_NOT_A_KEY},
    {"peer\n    name = a\n    key = \"" S_KEY1 "1\"\n", S_NOT_A_KEY},
    {"peer\n    name = a\n    key = \"" S_KEY1 ",,\"\n", S_NOT_A_KEY},
    {"peer\n    name = a\n    key = \"#####Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[I\"\n",
     S_NOT_A_KEY}, /* overflows */
    {"peer\n    name = a\n    key = \"~ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n", S_NOT_A_KEY},
    {S_PEER "peer\n    name = a\n", "line 5: name: another peer has that name"},
    {S_PEER "peer\n    name = b\n    key = \"" S_KEY1 "\"\n",
     "line 6: key: this key stands in the file already"},
    {"peer\n    name = a\n    key = \"" S_KEY1 "," S_KEY1 "\"\n",
     "line 3: key: this key stands in the file already"},
    {S_PEER "    call = db\n", "line 4: call: an item is SERVICE/OPERATION, SERVICE/* or *"},
    {S_PEER "    call = db/\n", "line 4: call: a * stands at the end of a name, and no name is empty"},
    {S_PEER "    call = /x\n", "line 4: call: a * stands at the end of a name, and no name is empty"},
    {S_PEER "    call = db/*x\n", "line 4: call: a * stands at the end of a name, and no name is empty"},
    {S_PEER "    call = \"db/a,,db/b\"\n", "line 4: call: an empty item"},
    {S_PEER "    register = a*b\n",
     "line 4: register: a * stands at the end of a name, and no name is empty"},
    {S_PEER "    paths = embed\n",
     "line 4: paths: a path prefix begins with / and has no *; a * alone means all"},
    {S_PEER "    paths = /a*\n",
     "line 4: paths: a path prefix begins with / and has no *; a * alone means all"},
    {S_PEER "    admin = maybe\n", "line 4: admin: is on or off (1, 0)"},
    {S_PEER "    gateway =\n", "line 4: gateway: is on or off (1, 0)"},
    {"local\n    name = a\n", "line 2: name: is for peers with a key; local has none"},
    {"local\n    key = \"" S_KEY1 "\"\n", "line 2: key: is for peers with a key; local has none"},
    {"local\nlocal\n", "line 2: there is one section local already"},
};

static void test_mistakes(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof s_wrong / sizeof s_wrong[0]; i++) {
        brk_rights_t *rights = s_parse(s_wrong[i].text, &why);
        if (strcmp(proto_buf_text(&why), s_wrong[i].why) != 0)
            fail_msg("%s\n\"%s\" instead of \"%s\"", s_wrong[i].text, proto_buf_text(&why), s_wrong[i].why);
        assert_null(rights);
    }
    proto_buf_free(&why);
}

static void test_long_values(void **state)
{
    (void)state;
    proto_buf_t why = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    for (int size = 255; size <= 256; size++) {
        proto_buf_reset(&text);
        proto_buf_printf(&text, S_PEER "    subject = %0*d\n", size, 0);
        brk_rights_t *rights = s_parse(proto_buf_text(&text), &why);
        assert_int_equal(rights != NULL, size == 255);
        brk_rights_free(&rights);
    }
    for (int count = 256; count <= 257; count++) {
        proto_buf_reset(&text);
        proto_buf_string(&text, S_PEER "    register = s0");
        for (int i = 1; i < count; i++)
            proto_buf_printf(&text, ",s%d", i);
        brk_rights_t *rights = s_parse(proto_buf_text(&text), &why);
        assert_int_equal(rights != NULL, count == 256);
        assert_true(!rights || s_registers(s_find(rights, S_KEY1), "s255"));
        brk_rights_free(&rights);
    }
    proto_buf_free(&text);
    proto_buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_rights_without_a_file),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_several_keys_of_one_peer),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_long_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
