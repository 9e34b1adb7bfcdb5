/* SPDX-License-Identifier: MPL-2.0 */
/* The listening socket at its end: who has connected can be accepted, and nobody gets half way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gw_internal.h"

/* On the loopback a handshake is over when connect() returns. */
static int s_connect(int listener, int expected_state)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, size) < 0)
        assert_int_equal(errno, EINPROGRESS);
    struct tcp_info info;
    size = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    assert_int_equal(info.tcpi_state, expected_state);
    return fd;
}

static void test_held(void **state)
{
    (void)state;
    gateway_config_t config = {.address = "127.0.0.1"};
    int listener = gw_socket_bound(&config);
    assert_true(listener >= 0);
    assert_int_equal(listen(listener, 16), 0);
    int early = s_connect(listener, TCP_ESTABLISHED);
    gw_socket_hold(listener);
    int late = s_connect(listener, TCP_SYN_SENT); /* has sent nothing that could be lost */

    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(accepted >= 0);
    assert_int_equal(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), -1);
    assert_int_equal(close(listener), 0);
    char byte = 'x';
    assert_int_equal(send(early, &byte, 1, 0), 1); /* the accepted one works as ever, in both directions */
    assert_int_equal(recv(accepted, &byte, 1, 0), 1);
    assert_int_equal(send(accepted, &byte, 1, 0), 1);
    assert_int_equal(recv(early, &byte, 1, 0), 1);
    close(accepted);
    close(early);
    close(late);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
