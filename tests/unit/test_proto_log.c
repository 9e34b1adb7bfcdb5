/* SPDX-License-Identifier: MPL-2.0 */
/* Log lines as they arrive on stderr: levels, both forms, escaping, one write per line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <stdio.h>
#include <unistd.h>

#include "proto_json.h"
#include "proto_log.h"

static int s_pipe[2], s_stderr;

static void s_capture(void)
{
    assert_int_equal(pipe2(s_pipe, O_CLOEXEC), 0);
    (void)fcntl(s_pipe[0], F_SETPIPE_SZ, 1 << 20);
    s_stderr = dup(STDERR_FILENO);
    (void)dup2(s_pipe[1], STDERR_FILENO);
    close(s_pipe[1]);
}

/* Gives stderr back and returns what came meanwhile. */
static const char *s_captured(proto_buf_t *out)
{
    (void)dup2(s_stderr, STDERR_FILENO);
    close(s_stderr);
    uint8_t block[4096];
    for (ssize_t got; (got = read(s_pipe[0], block, sizeof block)) > 0;)
        proto_buf_append(out, block, (size_t)got);
    close(s_pipe[0]);
    return proto_buf_text(out);
}

static void test_level_names(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    for (int i = 0; i < 5; i++) {
        proto_log_level_t level = (proto_log_level_t)77;
        assert_int_equal(proto_log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    static const char *const bad[] = {"", "Info", "INFO", "info ", " info", "inf", "infos", "warning", "1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        proto_log_level_t level;
        assert_int_equal(proto_log_level_parse(bad[i], &level), -1);
    }
}

static void test_setup_decides_what_is_written(void **state)
{
    (void)state;
    assert_false(proto_log_enabled(PROTO_LOG_DEBUG)); /* the default, before any setup */
    assert_true(proto_log_enabled(PROTO_LOG_INFO));
    assert_false(proto_log_json());
    for (int least = PROTO_LOG_DEBUG; least <= PROTO_LOG_OFF; least++) {
        proto_log_setup((proto_log_level_t)least, least % 2);
        assert_int_equal(proto_log_json(), least % 2);
        proto_buf_t out = PROTO_BUF_INIT;
        int expected = 0, lines = 0;
        s_capture();
        for (int level = PROTO_LOG_DEBUG; level <= PROTO_LOG_ERROR; level++) {
            proto_log((proto_log_level_t)level, "server", "hello %d", level);
            expected += level >= least;
        }
        for (const char *at = s_captured(&out); *at; at++)
            lines += *at == '\n';
        for (int level = PROTO_LOG_DEBUG; level <= PROTO_LOG_ERROR; level++)
            assert_int_equal(proto_log_enabled((proto_log_level_t)level), level >= least);
        assert_int_equal(lines, expected);
        proto_buf_free(&out);
    }
}

/* Whether a text has the shape 0000-00-00T00:00:00.000Z, where every 0 stands for a digit. */
static bool s_is_time(const char *text)
{
    const char *shape = "0000-00-00T00:00:00.000Z";
    for (; *shape; shape++, text++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return true;
}

static void test_time(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    struct timespec before, after;
    (void)clock_gettime(CLOCK_REALTIME, &before);
    proto_log_time(&out);
    (void)clock_gettime(CLOCK_REALTIME, &after);
    assert_int_equal(out.size, 24);
    assert_true(s_is_time(proto_buf_text(&out)));
    int64_t seconds;
    uint32_t nanoseconds;
    assert_int_equal(proto_json_timestamp_parse(proto_buf_bytes(&out), &seconds, &nanoseconds), 0);
    assert_in_range(seconds, before.tv_sec, after.tv_sec);
    proto_buf_free(&out);
}

static void test_text_line(void **state)
{
    (void)state;
    proto_log_setup(PROTO_LOG_INFO, false);
    proto_buf_t out = PROTO_BUF_INIT;
    s_capture();
    proto_log(PROTO_LOG_WARN, "broker", "%s is %d%%", "load", 99);
    const char *line = s_captured(&out);
    assert_true(s_is_time(line));
    assert_string_equal(line + 24, " warn broker: load is 99%\n");
    proto_buf_free(&out);
}

/* One event, one line, whatever the message quotes. */
static void test_text_line_stays_one_line(void **state)
{
    (void)state;
    proto_log_setup(PROTO_LOG_INFO, false);
    proto_buf_t out = PROTO_BUF_INIT;
    s_capture();
    proto_log(PROTO_LOG_ERROR, "gateway", "a\nb\rc\td\x1b[31me");
    const char *line = s_captured(&out);
    assert_string_equal(line + 24, " error gateway: a b c d [31me\n");
    proto_buf_free(&out);
}

static void test_json_line(void **state)
{
    (void)state;
    proto_log_setup(PROTO_LOG_DEBUG, true);
    proto_buf_t out = PROTO_BUF_INIT, value = PROTO_BUF_INIT;
    s_capture();
    proto_log(PROTO_LOG_DEBUG, "actors", "%s", "say \"hi\" \\ \n \x01 \x7f \xff end");
    const char *line = s_captured(&out);
    assert_int_equal(line[out.size - 1], '\n');
    assert_null(memchr(line, '\n', out.size - 1));
    const proto_json_options_t options = {0};
    proto_json_error_t error;
    assert_int_equal(proto_json_to_value(proto_buf_bytes(&out), &options, &value, &error), 0);
    proto_bytes_t map = proto_buf_bytes(&value);
    assert_true(proto_bytes_is(proto_value_get_str(map, "level", ""), "debug"));
    assert_true(proto_bytes_is(proto_value_get_str(map, "part", ""), "actors"));
    assert_int_equal(proto_value_get_str(map, "time", "").size, 24);
    proto_bytes_t message = proto_value_get_str(map, "message", "");
    assert_true(message.size > 10 && memcmp(message.data, "say \"hi\" \\ \n \x01 \x7f", 16) == 0);
    proto_buf_free(&out);
    proto_buf_free(&value);
}

/* Any single byte, escaped, makes a valid JSON string that holds no control character. */
static void test_every_byte_escapes_into_valid_json(void **state)
{
    (void)state;
    const proto_json_options_t options = {0};
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second += 5) {
            uint8_t text[] = {(uint8_t)first, (uint8_t)second};
            proto_buf_t out = PROTO_BUF_INIT, value = PROTO_BUF_INIT;
            proto_buf_byte(&out, '"');
            proto_log_escape(&out, (proto_bytes_t){text, 2});
            proto_buf_byte(&out, '"');
            proto_json_error_t error;
            assert_int_equal(proto_json_to_value(proto_buf_bytes(&out), &options, &value, &error), 0);
            for (size_t i = 0; i < out.size; i++)
                assert_true(out.data[i] >= 0x20 && out.data[i] != 0x7f);
            proto_buf_free(&out);
            proto_buf_free(&value);
        }
    }
}

/* What the escaped text reads as for whoever parses the line. */
static void s_assert_reads_as(const char *text, const char *expected)
{
    const proto_json_options_t options = {0};
    proto_buf_t out = PROTO_BUF_INIT, value = PROTO_BUF_INIT;
    proto_buf_byte(&out, '"');
    proto_log_escape(&out, proto_bytes_of(text));
    proto_buf_byte(&out, '"');
    proto_json_error_t error;
    int rc = proto_json_to_value(proto_buf_bytes(&out), &options, &value, &error);
    proto_reader_t reader = proto_reader(proto_buf_bytes(&value));
    proto_value_t string = {0};
    bool same = rc == 0 && proto_value_read(&reader, &string) == 0 && proto_bytes_is(string.bytes, expected);
    if (!same)
        print_error("escaped as %s\n", proto_buf_text(&out));
    proto_buf_free(&out);
    proto_buf_free(&value);
    assert_true(same);
}

static void test_escape_keeps_ascii(void **state)
{
    (void)state;
    s_assert_reads_as("", "");
    s_assert_reads_as("plain text / 'quoted'", "plain text / 'quoted'");
    s_assert_reads_as("\"\\\n\t\r\b\f\x01\x1f\x7f", "\"\\\n\t\r\b\f\x01\x1f\x7f");
}

/* Only *invalid* UTF-8 is escaped: a valid text must read back as itself. */
static void test_escape_keeps_valid_utf8(void **state)
{
    (void)state;
    s_assert_reads_as("Zo\xc3\xab", "Zo\xc3\xab");
    s_assert_reads_as("\xe2\x82\xac", "\xe2\x82\xac");
    s_assert_reads_as("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
}

/* "Controls are escaped": so are U+0080..U+009F, which terminals obey (U+009B begins a sequence like ESC [).
 */
static void test_escape_escapes_c1_controls(void **state)
{
    (void)state;
    for (unsigned c = 0x80; c < 0xa0; c++) {
        uint8_t text[] = {0xc2, (uint8_t)c};
        proto_buf_t out = PROTO_BUF_INIT;
        proto_log_escape(&out, (proto_bytes_t){text, sizeof text});
        bool raw = memchr(proto_buf_text(&out), 0xc2, out.size) != NULL;
        proto_buf_free(&out);
        assert_false(raw);
    }
}

static void test_overlong_message_is_cut(void **state)
{
    (void)state;
    static char message[20000];
    memset(message, 'm', sizeof message - 1);
    for (int json = 0; json < 2; json++) {
        proto_log_setup(PROTO_LOG_INFO, json);
        proto_buf_t out = PROTO_BUF_INIT;
        s_capture();
        proto_log(PROTO_LOG_INFO, "server", "%s", message);
        const char *line = s_captured(&out);
        assert_in_range(out.size, 4000, 4300);
        assert_string_equal(line + out.size - (json ? 4 : 2), json ? "m\"}\n" : "m\n");
        proto_buf_free(&out);
    }
}

static void test_finished_line(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT, line = PROTO_BUF_INIT, failed;
    proto_buf_init(&failed, 3);
    proto_buf_string(&failed, "toolong");
    proto_buf_string(&line, "{\"status\":200}");
    s_capture();
    proto_log_line(&line);
    proto_log_line(&failed); /* half a line is worse than none */
    assert_string_equal(s_captured(&out), "{\"status\":200}\n");
    proto_buf_free(&out);
    proto_buf_free(&line);
    proto_buf_free(&failed);
}

enum { S_THREADS = 4, S_LINES = 500 };

static void *s_talk(void *which)
{
    char letter = *(const char *)which, text[61];
    memset(text, letter, 60);
    text[60] = '\0';
    for (int i = 0; i < S_LINES; i++)
        proto_log(PROTO_LOG_INFO, "server", "%s", text);
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    proto_log_setup(PROTO_LOG_INFO, false);
    proto_buf_t out = PROTO_BUF_INIT;
    pthread_t threads[S_THREADS];
    static char letters[S_THREADS + 1] = "abcd";
    s_capture();
    for (int i = 0; i < S_THREADS; i++)
        pthread_create(&threads[i], NULL, s_talk, &letters[i]);
    for (int i = 0; i < S_THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *at = s_captured(&out);
    enum { LINE = 24 + 14 + 60 + 1 };
    assert_int_equal(out.size, (size_t)S_THREADS * S_LINES * LINE);
    for (const char *end = at + out.size; at < end; at += LINE) {
        assert_memory_equal(at + 24, " info server: ", 14);
        for (int i = 1; i < 60; i++)
            assert_true(at[38 + i] == at[38]);
        assert_int_equal(at[LINE - 1], '\n');
    }
    proto_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_names),
        cmocka_unit_test(test_setup_decides_what_is_written),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_text_line_stays_one_line),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_every_byte_escapes_into_valid_json),
        cmocka_unit_test(test_escape_keeps_ascii),
        cmocka_unit_test(test_escape_keeps_valid_utf8),
        cmocka_unit_test(test_escape_escapes_c1_controls),
        cmocka_unit_test(test_overlong_message_is_cut),
        cmocka_unit_test(test_finished_line),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
