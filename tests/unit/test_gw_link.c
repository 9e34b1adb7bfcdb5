/* SPDX-License-Identifier: MPL-2.0 */
/* Links to the next page, from every kind of target. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_link.h"

static void s_expect(const char *target, const char *cursor, const char *expected)
{
    proto_buf_t out = PROTO_BUF_INIT, whole = PROTO_BUF_INIT;
    gw_link_next(proto_bytes_of(target), proto_bytes_of(cursor), &out);
    proto_buf_printf(&whole, "Link: <%s>; rel=\"next\"\r\n", expected);
    assert_string_equal(proto_buf_text(&out), proto_buf_text(&whole));
    proto_buf_free(&out);
    proto_buf_free(&whole);
}

static void test_the_cursor_is_added(void **state)
{
    (void)state;
    s_expect("/books", "abc", "/books?cursor=abc");
    s_expect("/books?", "abc", "/books?cursor=abc");
    s_expect("/books?limit=5&shelf=a%20b", "abc", "/books?limit=5&shelf=a%20b&cursor=abc");
    s_expect("/", "abc", "/?cursor=abc");
    s_expect("/b?x=1?y", "a", "/b?x=1?y&cursor=a");
}

static void test_the_old_one_goes(void **state)
{
    (void)state;
    s_expect("/books?cursor=old", "new", "/books?cursor=new");
    s_expect("/books?cursor=old&limit=5", "new", "/books?limit=5&cursor=new");
    s_expect("/books?limit=5&cursor=old&cursor=older&&x", "new", "/books?limit=5&x&cursor=new");
    s_expect("/books?c%75rsor=old&cursor", "new", "/books?cursor=new");
    s_expect("/books?cursors=1&xcursor=2&cursor_=3&c%zz=4", "new",
             "/books?cursors=1&xcursor=2&cursor_=3&c%zz=4&cursor=new");
}

static void test_nothing_breaks_out(void **state)
{
    (void)state;
    s_expect("/b", "a/b+c=&\"<>\r\n\xff", "/b?cursor=a%2Fb%2Bc%3D%26%22%3C%3E%0D%0A%FF");
    s_expect("/b>;rel=x?y=<\"\x01\xc3\xa9", "a", "/b%3E;rel=x?y=%3C%22%01%C3%A9&cursor=a");
    s_expect("//elsewhere/b", "a", "/.//elsewhere/b?cursor=a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cursor_is_added),
        cmocka_unit_test(test_the_old_one_goes),
        cmocka_unit_test(test_nothing_breaks_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
