/* SPDX-License-Identifier: MPL-2.0 */
/* Lines of ZPL. Thread: any. */
#include "brk_zpl.h"

static bool s_is_name(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Takes one line off, without its end. */
static proto_bytes_t s_line(brk_zpl_t *self)
{
    const uint8_t *end = memchr(self->rest.data, '\n', self->rest.size);
    size_t size = end ? (size_t)(end - self->rest.data) : self->rest.size;
    proto_bytes_t line = {self->rest.data, size};
    self->rest.data += size + (end != NULL);
    self->rest.size -= size + (end != NULL);
    self->line++;
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

static proto_bytes_t s_skip(proto_bytes_t text, size_t size)
{
    return (proto_bytes_t){text.data + size, text.size - size};
}

static proto_bytes_t s_trim(proto_bytes_t text)
{
    while (text.size && text.data[0] == ' ')
        text = s_skip(text, 1);
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static bool s_is_comment(proto_bytes_t text)
{
    return text.size == 0 || text.data[0] == '#';
}

static const char *s_control(proto_bytes_t line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] < 0x20 || line.data[i] == 0x7f)
            return line.data[i] == '\t' ? "tabs do not indent; a level is four blanks"
                                        : "a control character";
    return NULL;
}

/* What stands behind the `=`; a sentence when it is no value. */
static const char *s_value(proto_bytes_t text, proto_bytes_t *value)
{
    if (text.size && (text.data[0] == '"' || text.data[0] == '\'')) {
        const uint8_t *end = memchr(text.data + 1, text.data[0], text.size - 1);
        if (!end)
            return "a quote without its end";
        *value = (proto_bytes_t){text.data + 1, (size_t)(end - text.data - 1)};
        proto_bytes_t rest = s_trim(s_skip(text, value->size + 2));
        return s_is_comment(rest) ? NULL : "something stands behind the quoted value";
    }
    const uint8_t *comment = text.size ? memchr(text.data, '#', text.size) : NULL;
    if (comment)
        text.size = (size_t)(comment - text.data);
    *value = s_trim(text);
    return NULL;
}

/* One line that is not empty; NULL, or what is wrong with it. */
static const char *s_item(proto_bytes_t line, brk_zpl_item_t *item)
{
    size_t blanks = 0, name = 0;
    while (line.data[blanks] == ' ')
        blanks++;
    proto_bytes_t rest = s_skip(line, blanks);
    while (name < rest.size && s_is_name(rest.data[name]))
        name++;
    *item = (brk_zpl_item_t){.section = blanks == 0, .name = {rest.data, name}};
    if (name == 0)
        return "a name was expected";
    rest = s_trim(s_skip(rest, name));
    if (blanks != 0 && blanks != 4)
        return "indent by four blanks";
    if (blanks == 0)
        return s_is_comment(rest) ? NULL : "a section has no value; its properties stand below, indented";
    if (rest.size == 0 || rest.data[0] != '=')
        return "expected NAME = VALUE";
    return s_value(s_trim(s_skip(rest, 1)), &item->value);
}

int brk_zpl_next(brk_zpl_t *self, brk_zpl_item_t *item, proto_buf_t *why)
{
    while (self->rest.size) {
        proto_bytes_t line = s_line(self);
        const char *wrong = s_control(line);
        if (!wrong && s_is_comment(s_trim(line)))
            continue;
        if (!wrong)
            wrong = s_item(line, item);
        if (!wrong)
            return 1;
        proto_buf_printf(why, "line %u: %s", self->line, wrong);
        return -1;
    }
    return 0;
}
