/* SPDX-License-Identifier: MPL-2.0 */
/* Directives of endpoint files. Thread: any. */
#include "act_directive.h"

#include <ctype.h>
#include <stdlib.h>

#include "act_typename.h"
#include "proto_json.h"
#include "proto_param.h"

enum { S_VALUES = 64 };

proto_bytes_t act_directive_trim(proto_bytes_t text)
{
    while (text.size && isspace(text.data[0]))
        text = (proto_bytes_t){text.data + 1, text.size - 1};
    while (text.size && isspace(text.data[text.size - 1]))
        text.size--;
    return text;
}

static proto_bytes_t s_behind(proto_bytes_t text, size_t size)
{
    return act_directive_trim((proto_bytes_t){text.data + size, text.size - size});
}

proto_bytes_t act_directive_word(proto_bytes_t *text)
{
    size_t size = 0;
    *text = act_directive_trim(*text);
    while (size < text->size && !isspace(text->data[size]))
        size++;
    proto_bytes_t word = {text->data, size};
    *text = s_behind(*text, size);
    return word;
}

bool act_directive_is_name(proto_bytes_t text)
{
    if (text.size == 0 || text.size > 63 || !islower(text.data[0]))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!islower(text.data[i]) && !isdigit(text.data[i]) && text.data[i] != '_')
            return false;
    return true;
}

/* Where this directive's value ends: at the next '@' behind a blank that is not inside something. *open tells
 * that something does not close. */
static size_t s_value_end(proto_bytes_t text, bool *open)
{
    int depth = 0;
    uint8_t quote = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (quote) {
            i += c == '\\' && depth > 0; /* JSON */
            quote = c == quote ? 0 : quote;
            continue;
        }
        if (c == '"' || c == '\'')
            quote = c;
        depth += c == '(' || c == '{' || c == '[';
        depth -= c == ')' || c == '}' || c == ']';
        if (c == '@' && depth <= 0 && i && isspace(text.data[i - 1]))
            return i;
    }
    *open = depth > 0;
    return text.size;
}

bool act_directive_next(proto_bytes_t *line, act_directive_t *directive)
{
    *line = act_directive_trim(*line);
    if (line->size < 2 || line->data[0] != '@' || !isalpha(line->data[1]))
        return false;
    size_t size = 1;
    while (size < line->size && (isalnum(line->data[size]) || line->data[size] == '_'))
        size++;
    directive->key = (proto_bytes_t){line->data + 1, size - 1};
    proto_bytes_t rest = {line->data + size, line->size - size};
    bool whole = proto_bytes_is(directive->key, "summary");
    directive->open = false;
    size_t end = whole ? rest.size : s_value_end(rest, &directive->open);
    directive->value = act_directive_trim((proto_bytes_t){rest.data, end});
    *line = s_behind(rest, end);
    return true;
}

bool act_directive_goes_on(proto_bytes_t line)
{
    act_directive_t directive = {0};
    while (act_directive_next(&line, &directive))
        ;
    return directive.open;
}

static int s_refuse(const char **why, const char *what)
{
    *why = what;
    return -1;
}

/* Bytes of the type at the front: up to ?, =, bounds or `in`. A parenthesis right behind a word is the type's
 * own. */
static size_t s_type_size(proto_bytes_t text)
{
    size_t i = 0;
    while (i < text.size) {
        uint8_t c = text.data[i];
        bool begins = i == 0 || isspace(text.data[i - 1]);
        if (c == '?' || c == '=' || (c == '(' && begins))
            break;
        if (begins && text.size - i > 2 && text.data[i] == 'i' && text.data[i + 1] == 'n' &&
            (isspace(text.data[i + 2]) || text.data[i + 2] == '('))
            break;
        if (c == '(')
            while (i < text.size && text.data[i] != ')')
                i++;
        i++;
    }
    return i < text.size ? i : text.size;
}

/* Bytes of the default at the front: a JSON text or 'text', up to a blank outside of quotes. */
static size_t s_default_size(proto_bytes_t text)
{
    uint8_t quote = 0;
    int depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (quote) {
            i += c == '\\' && quote == '"'; /* JSON */
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else {
            depth += c == '[' || c == '{';
            depth -= c == ']' || c == '}';
            if (depth == 0 && isspace(c))
                return i;
        }
    }
    return text.size;
}

static int s_default(proto_arena_t *arena, proto_bytes_t text, proto_param_t *param, const char **why)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_json_error_t error;
    bool quoted = text.size >= 2 && text.data[0] == '\'' && text.data[text.size - 1] == '\'';
    int rc = 0;
    if (quoted) {
        proto_write_str(&value, (proto_bytes_t){text.data + 1, text.size - 2});
    } else if (proto_json_to_value(text, &(proto_json_options_t){0}, &value, &error) < 0) {
        proto_buf_reset(&value); /* a bare word is a text */
        if (text.size && (isalpha(text.data[0]) || text.data[0] == '_'))
            proto_write_str(&value, text);
        else
            rc = s_refuse(why, "the default is no value");
    }
    bool nothing = value.size == 1 && value.data[0] == 0xc0;
    if (rc == 0 && !nothing)
        param->default_value = proto_arena_bytes(arena, proto_buf_bytes(&value));
    proto_buf_free(&value);
    return rc;
}

static int s_number(proto_bytes_t text, double *number)
{
    char digits[64];
    if (!proto_decimal_valid(text) || text.size >= sizeof digits)
        return -1;
    memcpy(digits, text.data, text.size);
    digits[text.size] = '\0';
    *number = strtod(digits, NULL);
    return 0;
}

/* One bound; a number of bytes may be written as 64kB or 10MB, of 1024 and 1024 * 1024 as PostgreSQL has
 * them. */
static int s_bound(proto_bytes_t text, double *number, bool *bytes)
{
    double unit = 1;
    if (text.size > 2 && text.data[text.size - 1] == 'B') {
        uint8_t prefix = text.data[text.size - 2];
        unit = prefix == 'k' ? 1024 : prefix == 'M' ? 1024 * 1024 : 0;
        text.size -= 2;
    }
    if (unit == 0 || s_number(text, number) < 0)
        return -1;
    *bytes = *bytes || unit > 1;
    *number *= unit;
    return 0;
}

/* "1..500", "..100 chars", "0..", "..10MB": what stands between the parentheses. */
static int s_bounds(proto_bytes_t text, proto_param_t *param, const char **why)
{
    static const char refusal[] =
        "bounds are (LEAST..MOST), with chars, items or bytes behind MOST, or sizes such as (1kB..10MB)";
    bool bytes = false;
    const uint8_t *dots = memmem(text.data, text.size, "..", 2);
    if (!dots)
        return s_refuse(why, refusal);
    proto_bytes_t least = act_directive_trim((proto_bytes_t){text.data, (size_t)(dots - text.data)});
    proto_bytes_t rest = s_behind(text, (size_t)(dots - text.data) + 2);
    proto_bytes_t most = {0};
    if (rest.size && !isalpha(rest.data[0]))
        most = act_directive_word(&rest);
    if (proto_bytes_is(rest, "chars"))
        param->unit = PROTO_UNIT_CHARS;
    else if (proto_bytes_is(rest, "items"))
        param->unit = PROTO_UNIT_ITEMS;
    else if (proto_bytes_is(rest, "bytes"))
        param->unit = PROTO_UNIT_BYTES;
    else if (rest.size)
        return s_refuse(why, refusal);
    param->has_min = least.size > 0;
    param->has_max = most.size > 0;
    if ((least.size && s_bound(least, &param->min, &bytes) < 0) ||
        (most.size && s_bound(most, &param->max, &bytes) < 0) ||
        (bytes && rest.size && !proto_bytes_is(rest, "bytes")))
        return s_refuse(why, refusal);
    if (bytes)
        param->unit = PROTO_UNIT_BYTES;
    if (param->has_min && param->has_max && param->min > param->max)
        return s_refuse(why, "the bounds are the wrong way round");
    return 0;
}

static int s_values(proto_arena_t *arena, proto_bytes_t text, proto_param_t *param, const char **why)
{
    const char *values[S_VALUES];
    uint32_t count = 0;
    while (text.size) {
        const uint8_t *comma = memchr(text.data, ',', text.size);
        size_t size = comma ? (size_t)(comma - text.data) : text.size;
        proto_bytes_t item = act_directive_trim((proto_bytes_t){text.data, size});
        if (item.size >= 2 && (item.data[0] == '\'' || item.data[0] == '"') &&
            item.data[item.size - 1] == item.data[0])
            item = (proto_bytes_t){item.data + 1, item.size - 2};
        if (item.size == 0 || count == S_VALUES)
            return s_refuse(why, "in (...) takes 1 to 64 values");
        values[count++] = proto_arena_text(arena, item);
        text = s_behind(text, comma ? size + 1 : size);
    }
    if (count == 0)
        return s_refuse(why, "in (...) takes 1 to 64 values");
    const char **kept = proto_arena_alloc(arena, count * sizeof *kept);
    memcpy(kept, values, count * sizeof *kept);
    param->values = kept;
    param->value_count = count;
    return 0;
}

/* What follows the type: ?, = value, (bounds), in (list), in any order. */
static int s_modifiers(proto_arena_t *arena, proto_bytes_t text, proto_param_t *param, const char **why)
{
    while (text.size) {
        bool list = text.data[0] == 'i' && text.size > 2 && text.data[1] == 'n';
        if (list)
            text = s_behind(text, 2);
        if (text.data[0] == '?' && !list) {
            param->required = false;
            text = s_behind(text, 1);
        } else if (text.data[0] == '=' && !list) {
            param->required = false;
            text = s_behind(text, 1);
            size_t size = s_default_size(text);
            if (s_default(arena, (proto_bytes_t){text.data, size}, param, why) < 0)
                return -1;
            text = s_behind(text, size);
        } else if (text.size && text.data[0] == '(') {
            const uint8_t *end = memchr(text.data, ')', text.size);
            if (!end)
                return s_refuse(why, "a parenthesis does not close");
            proto_bytes_t inside = {text.data + 1, (size_t)(end - text.data - 1)};
            if ((list ? s_values(arena, inside, param, why) : s_bounds(inside, param, why)) < 0)
                return -1;
            text = s_behind(text, inside.size + 2);
        } else {
            return s_refuse(why, "a parameter is: name type, then ?, = default, (bounds) or in (values)");
        }
    }
    return 0;
}

/* Steps over what `from` opens and `to` closes with nothing but `allowed` in between; false when it is not
 * so. */
static bool s_enclosed(proto_bytes_t text, size_t *at, char from, char to, const char *allowed)
{
    if (*at >= text.size || text.data[*at] != from)
        return true; /* there is none */
    for (++*at; *at < text.size && text.data[*at] != to; ++*at)
        if (!text.data[*at] || !strchr(allowed, text.data[*at]))
            return false;
    return (*at)++ < text.size;
}

/* Whether PostgreSQL can read it as the name of a type: [schema.]words, (n[,n]), words, []. One that it
 * cannot would take the question about all the others along. */
static bool s_is_type(proto_bytes_t text)
{
    size_t at = 0;
    bool quoted = false, good = true;
    while (at < text.size && good && (quoted || !strchr("([", text.data[at]))) {
        uint8_t c = text.data[at++];
        quoted = quoted != (c == '"');
        good = quoted || isalnum(c) || c >= 0x80 || strchr("_. \"", c);
    }
    good = good && !quoted && at > 0 && !isdigit(text.data[0]) &&
           s_enclosed(text, &at, '(', ')', "0123456789, ");
    while (at < text.size && good && (isalpha(text.data[at]) || text.data[at] == ' '))
        at++;
    while (at < text.size && good && text.data[at] == '[')
        good = s_enclosed(text, &at, '[', ']', "0123456789");
    return good && at == text.size;
}

int act_directive_param(proto_arena_t *arena, proto_bytes_t value, proto_param_t *param, const char **why)
{
    proto_bytes_t name = act_directive_word(&value);
    if (proto_bytes_is(name, "*")) {
        param->source = PROTO_SOURCE_WHOLE;
        name = act_directive_word(&value);
    }
    if (!act_directive_is_name(name))
        return s_refuse(why, "a parameter's name is made of lower-case letters, digits and _");
    param->name = proto_arena_text(arena, name);
    param->required = true;
    size_t size = s_type_size(value);
    proto_bytes_t type = act_directive_trim((proto_bytes_t){value.data, size});
    if (type.size && !s_is_type(type))
        return s_refuse(why, "this is not the name of a type");
    if (type.size) {
        param->sql_type = proto_arena_text(arena, type);
        param->data = act_typename_data(type, &param->array);
    }
    return s_modifiers(arena, s_behind(value, size), param, why);
}

static bool s_is_sqlstate(proto_bytes_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isdigit(text.data[i]) && !isupper(text.data[i]))
            return false;
    return text.size == 5;
}

int act_directive_refusal(proto_arena_t *arena, proto_bytes_t value, proto_refusal_t *refusal,
                          const char **why)
{
    static const char form[] = "@error is: name status \"text\" [on SQLSTATE [constraint]]";
    proto_bytes_t name = act_directive_word(&value), status = act_directive_word(&value);
    if (!act_directive_is_name(name) || status.size != 3 || value.size < 2 || value.data[0] != '"')
        return s_refuse(why, form);
    for (int i = 0; i < 3; i++) {
        if (!isdigit(status.data[i]))
            return s_refuse(why, form);
        refusal->status = refusal->status * 10 + (status.data[i] - '0');
    }
    if (refusal->status < 400 || refusal->status > 599)
        return s_refuse(why, "the status of an @error lies between 400 and 599");
    const uint8_t *end = memchr(value.data + 1, '"', value.size - 1);
    if (!end)
        return s_refuse(why, form);
    refusal->name = proto_arena_text(arena, name);
    refusal->text = proto_arena_text(arena, (proto_bytes_t){value.data + 1, (size_t)(end - value.data - 1)});
    value = s_behind(value, (size_t)(end - value.data) + 1);
    if (value.size == 0)
        return 0;
    proto_bytes_t on = act_directive_word(&value), state = act_directive_word(&value);
    if (!proto_bytes_is(on, "on") || !s_is_sqlstate(state))
        return s_refuse(why, form);
    refusal->sqlstate = proto_arena_text(arena, state);
    proto_bytes_t constraint = act_directive_word(&value);
    if (constraint.size)
        refusal->constraint = proto_arena_text(arena, constraint);
    return value.size ? s_refuse(why, form) : 0;
}

int act_directive_duration(proto_bytes_t value, uint32_t *ms)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < value.size && i < 8 && isdigit(value.data[i]); i++)
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    proto_bytes_t unit = {value.data + i, value.size - i};
    if (i == 0)
        return -1;
    if (proto_bytes_is(unit, "s"))
        number *= 1000;
    else if (proto_bytes_is(unit, "m"))
        number *= 60000;
    else if (!proto_bytes_is(unit, "ms"))
        return -1;
    if (number < 1 || number > 3600000)
        return -1;
    *ms = (uint32_t)number;
    return 0;
}
