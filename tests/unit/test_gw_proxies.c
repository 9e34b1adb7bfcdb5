/* SPDX-License-Identifier: MPL-2.0 */
/* Trusted proxies: their list, and whom X-Forwarded-For makes the client. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "gw_proxies.h"

static void s_address(const char *text, uint8_t address[16])
{
    memset(address, 0, 16);
    if (inet_pton(AF_INET6, text, address) == 1)
        return;
    address[10] = address[11] = 0xff;
    assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
}

static void test_clients(void **state)
{
    (void)state;
    static const char trusted[] = "127.0.0.1, 10.0.0.0/8 ,192.168.4.0/23,2001:db8:1::/48,fd00::7";
    static const struct {
        const char *peer, *first, *second, *client; /* up to two fields X-Forwarded-For */
    } cases[] = {
        {"203.0.113.9", NULL, NULL, "203.0.113.9"},
        {"203.0.113.9", "198.51.100.1", NULL, "203.0.113.9"}, /* anybody can write that */
        {"127.0.0.1", NULL, NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1", NULL, "198.51.100.1"},
        {"127.0.0.2", "198.51.100.1", NULL, "127.0.0.2"},
        {"127.0.0.1", "1.2.3.4, 198.51.100.1", NULL, "198.51.100.1"}, /* the client lied */
        {"127.0.0.1", "1.2.3.4, 198.51.100.1,10.1.2.3 ,\t10.9.9.9", NULL, "198.51.100.1"},
        {"127.0.0.1", "1.2.3.4, 198.51.100.1", "10.1.2.3", "198.51.100.1"},
        {"127.0.0.1", "10.0.0.1, 10.0.0.2", NULL, "10.0.0.1"}, /* all are ours: the first of them asks */
        {"127.0.0.1", "nonsense, 198.51.100.1", NULL, "198.51.100.1"},
        {"127.0.0.1", "198.51.100.1, nonsense", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1, nonsense, 10.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1,", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1,,10.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "", NULL, "127.0.0.1"},
        {"127.0.0.1", "unknown", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1:4711", NULL, "198.51.100.1"},
        {"127.0.0.1", "[2001:db8::5]:80", NULL, "2001:db8::5"},
        {"127.0.0.1", "[2001:db8::5]", NULL, "2001:db8::5"},
        {"127.0.0.1", "[2001:db8::5", NULL, "127.0.0.1"},
        {"127.0.0.1", "[2001:db8::5]x", NULL, "127.0.0.1"},
        {"127.0.0.1", "2001:db8::5", NULL, "2001:db8::5"},
        {"127.0.0.1", "::ffff:198.51.100.1", NULL, "198.51.100.1"}, /* IPv4 all the same */
        {"127.0.0.1", "198.51.100.1, ::ffff:10.0.0.1", NULL, "198.51.100.1"},
        {"127.0.0.1", "198.51.100.256", NULL, "127.0.0.1"},
        {"127.0.0.1", "0x7f.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.1 10.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd", NULL, "127.0.0.1"},
        {"192.168.5.255", "198.51.100.1", NULL, "198.51.100.1"},
        {"192.168.6.0", "198.51.100.1", NULL, "192.168.6.0"},
        {"192.168.3.255", "198.51.100.1", NULL, "192.168.3.255"},
        {"2001:db8:1:ffff::1", "198.51.100.1", NULL, "198.51.100.1"},
        {"2001:db8:2::1", "198.51.100.1", NULL, "2001:db8:2::1"},
        {"fd00::7", "2001:db8:9::1", NULL, "2001:db8:9::1"},
        {"fd00::8", "2001:db8:9::1", NULL, "fd00::8"},
        {"::7f00:1", "198.51.100.1", NULL, "::7f00:1"}, /* 127.0.0.1 as nobody maps it */
    };
    gw_proxies_t proxies;
    proto_buf_t why = PROTO_BUF_INIT;
    assert_int_equal(gw_proxies_parse(&proxies, trusted, &why), 0);
    assert_int_equal(proxies.count, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gw_http_header_t headers[4] = {{proto_bytes_of("host"), proto_bytes_of("a")}};
        gw_http_request_t http = {.headers = headers, .header_count = 1};
        const char *fields[] = {cases[i].first, cases[i].second};
        for (int k = 0; k < 2; k++)
            if (fields[k])
                headers[http.header_count++] =
                    (gw_http_header_t){proto_bytes_of("x-forwarded-for"), proto_bytes_of(fields[k])};
        headers[http.header_count++] =
            (gw_http_header_t){proto_bytes_of("forwarded"), proto_bytes_of("for=1.1.1.1")};
        uint8_t peer[16], client[16], expected[16];
        s_address(cases[i].peer, peer);
        s_address(cases[i].client, expected);
        gw_proxies_client(&proxies, peer, &http, client);
        if (memcmp(client, expected, 16) != 0)
            fail_msg("case %zu: %s, %s", i, cases[i].peer, cases[i].first ? cases[i].first : "(none)");
    }
}

static void test_too_many_hops(void **state)
{
    (void)state;
    gw_proxies_t proxies;
    proto_buf_t why = PROTO_BUF_INIT, list = PROTO_BUF_INIT;
    assert_int_equal(gw_proxies_parse(&proxies, "0.0.0.0/0", &why), 0);
    for (int hops = 1; hops <= GW_PROXIES_HOPS + 1; hops++) {
        proto_buf_printf(&list, "%s10.0.0.%d", hops > 1 ? "," : "", hops);
        gw_http_header_t header = {proto_bytes_of("x-forwarded-for"), proto_buf_bytes(&list)};
        gw_http_request_t http = {.headers = &header, .header_count = 1};
        uint8_t peer[16], client[16], first[16];
        s_address("10.9.9.9", peer);
        s_address("10.0.0.1", first);
        gw_proxies_client(&proxies, peer, &http, client);
        assert_memory_equal(client, hops <= GW_PROXIES_HOPS ? first : peer, 16);
    }
    proto_buf_free(&list);
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x",           "10.0.0.0/33",
        "10.0.0.0/",   "10.0.0.0/-1",
        "10.0.0.0/8x", "::/129",
        "10.0.0",      "10.0.0.0/8 127.0.0.1",
        "localhost",   "10.0.0.0/0008",
        "/8",          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd"};
    static const char *const good[] = {"", "none", ",", " ", "10.0.0.0/0", "::/0", "::1/128", "1.2.3.4/32,,"};
    proto_buf_t why = PROTO_BUF_INIT;
    gw_proxies_t proxies;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (gw_proxies_parse(&proxies, good[i], &why) < 0)
            fail_msg("%s: %s", good[i], proto_buf_text(&why));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        proto_buf_reset(&why);
        if (gw_proxies_parse(&proxies, bad[i], &why) == 0)
            fail_msg("%s", bad[i]);
    }
    proto_buf_t many = PROTO_BUF_INIT;
    for (int i = 0; i <= GW_PROXIES; i++)
        proto_buf_printf(&many, "10.0.0.%d,", i);
    proto_buf_reset(&why);
    assert_int_equal(gw_proxies_parse(&proxies, proto_buf_text(&many), &why), -1);
    assert_string_equal(proto_buf_text(&why), "there are more than 64 networks");
    proto_buf_free(&many);
    proto_buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_too_many_hops),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
