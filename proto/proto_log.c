/* SPDX-License-Identifier: MPL-2.0 */
/* Log lines. Thread: any; settings are written once at start-up, before there are threads. */
#include "proto_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "proto_clock.h"
#include "proto_mask.h"
#include "proto_utf8.h"

enum { S_LONGEST = 4096 };

static proto_log_level_t s_least = PROTO_LOG_INFO;
static bool s_json;
static const char *const s_names[] = {"debug", "info", "warn", "error", "off"};

void proto_log_setup(proto_log_level_t least, bool json)
{
    s_least = least;
    s_json = json;
}

int proto_log_level_parse(const char *name, proto_log_level_t *level)
{
    for (int i = 0; i <= PROTO_LOG_OFF; i++) {
        if (strcmp(name, s_names[i]) == 0) {
            *level = (proto_log_level_t)i;
            return 0;
        }
    }
    return -1;
}

bool proto_log_enabled(proto_log_level_t level)
{
    return level >= s_least;
}

bool proto_log_json(void)
{
    return s_json;
}

void proto_log_time(proto_buf_t *out)
{
    int64_t now = proto_clock_wall_us();
    time_t seconds = (time_t)(now / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    proto_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(now / 1000 % 1000));
}

void proto_log_line(proto_buf_t *line)
{
    proto_buf_byte(line, '\n');
    if (!line->failed && write(STDERR_FILENO, line->data, line->size) < 0)
        return; /* nobody left to tell */
}

void proto_log_escape(proto_buf_t *out, proto_bytes_t text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        size_t length = proto_utf8_length(text.data + i, text.data + text.size);
        if (length == 2 && c == 0xc2 && text.data[i + 1] < 0xa0) { /* U+0080 to U+009F: terminals obey some */
            proto_buf_printf(out, "\\u%04x", text.data[++i]);
        } else if (length > 1) {
            proto_buf_append(out, text.data + i, length);
            i += length - 1;
        } else if (c == '"' || c == '\\')
            proto_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            proto_buf_printf(out, "\\u%04x", c);
        else
            proto_buf_byte(out, c);
    }
}

void proto_log_trace(proto_buf_t *out, const proto_trace_t *trace)
{
    if (!trace->parent.size)
        return;
    proto_buf_string(out, ",\"trace_id\":\"");
    proto_buf_append(out, trace->trace_id.data, trace->trace_id.size);
    proto_buf_string(out, "\",\"span_id\":\"");
    proto_buf_append(out, trace->span_id.data, trace->span_id.size);
    proto_buf_byte(out, '"');
}

static void s_json_line(proto_buf_t *line, proto_bytes_t message, const proto_trace_t *about)
{
    proto_log_escape(line, message);
    proto_buf_byte(line, '"');
    if (about) {
        proto_buf_string(line, ",\"request_id\":\"");
        proto_log_escape(line, about->request_id);
        proto_buf_byte(line, '"');
        proto_log_trace(line, about);
    }
    proto_buf_byte(line, '}');
}

static void s_text_line(proto_buf_t *line, proto_bytes_t message, const proto_trace_t *about)
{
    size_t before = line->size;
    proto_buf_append(line, message.data, message.size);
    if (about) {
        proto_buf_string(line, " (request ");
        proto_buf_append(line, about->request_id.data, about->request_id.size);
        proto_buf_byte(line, ')');
    }
    for (size_t i = before; i < line->size; i++) /* one event, one line, whatever the message quotes */
        if (line->data[i] < 0x20)
            line->data[i] = ' ';
}

static void s_log(proto_log_level_t level, const char *part, const proto_trace_t *about, const char *format,
                  va_list arguments)
{
    char message[S_LONGEST];
    int length = vsnprintf(message, sizeof message, format, arguments);
    size_t size = length < 0 ? 0 : (size_t)length < sizeof message ? (size_t)length : sizeof message - 1;
    proto_buf_t line = PROTO_BUF_INIT, masked = PROTO_BUF_INIT;
    proto_mask((proto_bytes_t){(const uint8_t *)message, size}, &masked);
    proto_bytes_t bytes = proto_buf_bytes(&masked);
    if (s_json)
        proto_buf_string(&line, "{\"time\":\"");
    proto_log_time(&line);
    proto_buf_printf(&line, s_json ? "\",\"level\":\"%s\",\"part\":\"%s\",\"message\":\"" : " %s %s: ",
                     s_names[level], part);
    if (s_json)
        s_json_line(&line, bytes, about);
    else
        s_text_line(&line, bytes, about);
    proto_log_line(&line);
    proto_buf_free(&line);
    proto_buf_free(&masked);
}

void proto_log(proto_log_level_t level, const char *part, const char *format, ...)
{
    if (!proto_log_enabled(level))
        return;
    va_list arguments;
    va_start(arguments, format);
    s_log(level, part, NULL, format, arguments);
    va_end(arguments);
}

void proto_log_about(proto_log_level_t level, const char *part, proto_bytes_t trace, const char *format, ...)
{
    if (!proto_log_enabled(level))
        return;
    proto_trace_t about;
    proto_trace_read(trace, &about);
    va_list arguments;
    va_start(arguments, format);
    s_log(level, part, &about, format, arguments);
    va_end(arguments);
}
