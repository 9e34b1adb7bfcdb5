/* SPDX-License-Identifier: MPL-2.0 */
/* Binding of paths and queries: what each type, bound and list lets through as which argument, and the status
 * and phrase for what it does not. Bodies: test_gw_bind_body.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_bind_ask.h"

static void test_path(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_GET("/path/1/a", 200, "{\"i\":1,\"t\":\"a\"}"),
        ASK_GET("/path/%31%30/%C3%A4%20+%2F", 200, "{\"i\":10,\"t\":\"\xc3\xa4 +/\"}"),
        ASK_GET("/path/100/abcde?i=5&t=x", 200, "{\"i\":100,\"t\":\"abcde\"}"),
        ASK_GET("/path/0/a", 422, "i must be at least 1"),
        ASK_GET("/path/101/a", 422, "i must be at most 100"),
        ASK_GET("/path/-1/a", 422, "i must be at least 1"),
        ASK_GET("/path/x/a", 422, "i must be an integer"),
        ASK_GET("/path/1.0/a", 422, "i must be an integer"),
        ASK_GET("/path/+1/a", 422, "i must be an integer"),
        ASK_GET("/path/%201/a", 422, "i must be an integer"),
        ASK_GET("/path/1%00/a", 422, "i must be an integer"),
        ASK_GET("/path/2147483648/a", 422, "i must lie between -2147483648 and 2147483647"),
        ASK_GET("/path/99999999999999999999/a", 422, "i must be an integer of 64 bits"),
        ASK_GET("/path/999999999999999999999/a", 422, "i must be an integer of 64 bits"),
        ASK_GET("/path/1/abcdef", 422, "t must have at most 5 characters"),
        ASK_GET("/path/1/%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4", 200,
                "{\"i\":1,\"t\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}"),
        ASK_GET("/path/1/a%00b", 422, "t must not hold the character U+0000"),
        ASK_GET("/path/1/%ff", 400, "the path is not UTF-8"),
        ASK_GET("/path/1/%ed%a0%80", 400, "the path is not UTF-8"),
        ASK_GET("/path/1/%c0%af", 400, "the path is not UTF-8"),
        ASK_GET("/path/1/%4", 400, "the path holds a malformed percent-escape"),
    };
    ASK_CHECK(cases);
}

static void test_query_types(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_GET("/query", 200, "{}"),
        ASK_QUERY("", 200, "{}"),
        ASK_QUERY("i2=-32768&i4=-2147483648&i8=-9223372036854775808", 200,
                  "{\"i2\":-32768,\"i4\":-2147483648,\"i8\":-9223372036854775808}"),
        ASK_QUERY("i8=9223372036854775807", 200, "{\"i8\":9223372036854775807}"),
        ASK_QUERY("i8=9223372036854775808", 422, "i8 must be an integer of 64 bits"),
        ASK_QUERY("i2=32768", 422, "i2 must lie between -32768 and 32767"),
        ASK_QUERY("i4=-2147483649", 422, "i4 must lie between -2147483648 and 2147483647"),
        ASK_QUERY("i4=", 422, "i4 must be an integer"),
        ASK_QUERY("i4", 422, "i4 must be an integer"),
        ASK_QUERY("i4=-", 422, "i4 must be an integer"),
        ASK_QUERY("i4=0x10", 422, "i4 must be an integer"),
        ASK_QUERY("i4=1e3", 422, "i4 must be an integer"),
        ASK_QUERY("f=0.25", 200, "{\"f\":0.25}"),
        ASK_QUERY("f=1.5", 422, "f must be at most 1"),
        ASK_QUERY("f=NaN", 422, "f must be at least 0"),
        ASK_QUERY("f=x", 422, "f must be a number"),
        ASK_QUERY("f=.5", 422, "f must be a number"),
        ASK_QUERY("n=-4.999999999999999999999", 200, "{\"n\":-4.999999999999999999999}"),
        ASK_QUERY("n=-5.1", 422, "n must be at least -5"),
        ASK_QUERY("n=1e400", 422, "n must be at most 5"),
        ASK_QUERY("b=TRUE", 200, "{\"b\":true}"),
        ASK_QUERY("b=0", 200, "{\"b\":false}"),
        ASK_QUERY("b=maybe", 422, "b must be true or false"),
        ASK_QUERY("b=", 422, "b must be true or false"),
        ASK_QUERY("t=a+b", 200, "{\"t\":\"a b\"}"),
        ASK_QUERY("t=a%2Bb", 200, "{\"t\":\"a+b\"}"),
        ASK_QUERY("t=a=b", 200, "{\"t\":\"a=b\"}"),
        ASK_QUERY("t=a%26b", 200, "{\"t\":\"a&b\"}"),
        ASK_QUERY("t=a", 422, "t must have at least 2 characters"),
        ASK_QUERY("t=", 422, "t must have at least 2 characters"),
        ASK_QUERY("t=%F0%9F%98%80%F0%9F%98%80", 200, "{\"t\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"}"),
        ASK_QUERY("t=abcde", 422, "t must have at most 4 characters"),
        ASK_QUERY("t=a%00b", 422, "t must not hold the character U+0000"),
        ASK_QUERY("t=%ff", 400, "the query is not UTF-8"),
        ASK_QUERY("t=%zz", 400, "the query holds a malformed percent-escape"),
        ASK_QUERY("e=red", 200, "{\"e\":\"red\"}"),
        ASK_QUERY("e=Red", 422, "e must be one of red, green"),
        ASK_QUERY("e=", 422, "e must be one of red, green"),
        ASK_QUERY("u=123e4567-e89b-12d3-a456-426614174000", 200,
                  "{\"u\":\"123e4567-e89b-12d3-a456-426614174000\"}"),
        ASK_QUERY("u=123e4567", 422, "u must be a UUID"),
        ASK_QUERY("d=2024-02-29", 200, "{\"d\":\"2024-02-29\"}"),
        ASK_QUERY("d=2023-02-29", 422, "d must be a date, as 2026-01-31"),
        ASK_QUERY("z=2026-01-31T12:00:00%2B01:00", 200, "{\"z\":\"2026-01-31T12:00:00+01:00\"}"),
        ASK_QUERY("z=2026-01-31T12:00:00", 422,
                  "z must be a date-time with its zone, as 2026-01-31T12:00:00Z"),
        ASK_QUERY("j={\"a\":[1,null]}", 200, "{\"j\":{\"a\":[1,null]}}"),
        ASK_QUERY("j=null", 200, "{\"j\":null}"),
        ASK_QUERY("j=\"%5cu0000\"", 422, "j must not hold the character U+0000"),
        ASK_QUERY("y=AAEC", 200, "{\"y\":\"AAEC\"}"),
        ASK_QUERY("y=AAE", 422, "y must be bytes in base64"),
        ASK_QUERY("o=anything", 200, "{\"o\":\"anything\"}"), /* PostgreSQL's to judge */
        ASK_QUERY("o=%00", 422, "o must not hold the character U+0000"),
        ASK_QUERY("m=500", 200, "{\"m\":500}"),
        ASK_QUERY("m=501", 422, "m must be at most 500"),
        ASK_QUERY("m=0", 422, "m must be at least 1"),
    };
    ASK_CHECK(cases);
}

static void test_query_names(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_QUERY("unknown=1&i4=2&I4=3&i44=4", 200, "{\"i4\":2}"),
        ASK_QUERY("unknown=%ff", 200, "{}"), /* nobody looks at it */
        ASK_QUERY("&&i4=2&&", 200, "{\"i4\":2}"),
        ASK_QUERY("=1&i4=2", 200, "{\"i4\":2}"),
        ASK_QUERY("i%34=2", 200, "{\"i4\":2}"),
        ASK_QUERY("%69%34=%32", 200, "{\"i4\":2}"),
        ASK_QUERY("i4=1&i4=1", 422, "i4 is given more than once"),
        ASK_QUERY("i4=1&i%34=2", 422, "i4 is given more than once"),
        ASK_QUERY("i4=1&t=ab&i4=2", 422, "i4 is given more than once"),
        ASK_QUERY("i4=1;i8=2", 422, "i4 must be an integer"),
        ASK_QUERY("%ff=1&i4=2", 400, "the query is not UTF-8"),
        ASK_GET("/required", 422, "r is required"),
        ASK_GET("/required?", 422, "r is required"),
        ASK_GET("/required?R=1", 422, "r is required"),
        ASK_GET("/required?r=1", 200, "{\"r\":1}"),
        ASK_GET("/required?r=null", 422, "r must be an integer"),
        ASK_GET("/me?q=x&sub=evil&auth.sub=evil&request_id=evil&auth_sub=evil", 200, "{\"q\":\"x\"}"),
    };
    ASK_CHECK(cases);
}

static void test_query_arrays(void **state)
{
    (void)state;
    static const ask_case_t cases[] = {
        ASK_GET("/arrays", 200, "{}"),
        ASK_GET("/arrays?a=1", 200, "{\"a\":[1]}"),
        ASK_GET("/arrays?a=3&c=x&a=1&c=&a=2", 200, "{\"a\":[3,1,2],\"c\":[\"x\",\"\"]}"),
        ASK_GET("/arrays?a=1&a=2&a=3&a=4", 422, "a must have at most 3 items"),
        ASK_GET("/arrays?a=1&a=x", 422, "a must be an integer"),
        ASK_GET("/arrays?a=1,2", 422, "a must be an integer"),
        ASK_GET("/arrays?a=", 422, "a must be an integer"),
        ASK_GET("/arrays?a=1&a=2147483648", 422, "a must lie between -2147483648 and 2147483647"),
        ASK_GET("/arrays?c=a%00", 422, "c must not hold the character U+0000"),
        ASK_GET("/arrays?k=[1]&k={}", 200, "{\"k\":[[1],{}]}"),
    };
    ASK_CHECK(cases);
}

static void test_too_many_parameters(void **state)
{
    (void)state;
    static proto_param_t params[GW_PARAMS + 1];
    static char names[GW_PARAMS + 1][16];
    for (int i = 0; i <= GW_PARAMS; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        params[i] = (proto_param_t){.name = names[i], .source = PROTO_SOURCE_QUERY, .data = PROTO_DATA_TEXT};
    }
    for (uint32_t count = GW_PARAMS; count <= GW_PARAMS + 1; count++) {
        proto_operation_t operation = {.params = params, .param_count = count};
        gw_route_t route = {.operation = &operation};
        gw_input_t input = {.query = proto_bytes_of("p0=a&p127=b&p128=c")};
        proto_error_t error = gw_bind(&ask_binder, &route, &input);
        assert_int_equal(error, count > GW_PARAMS ? PROTO_ERROR_internal : PROTO_ERROR_none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_query_types),
        cmocka_unit_test(test_query_names),
        cmocka_unit_test(test_query_arrays),
        cmocka_unit_test(test_too_many_parameters),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
