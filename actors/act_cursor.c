/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens of @cursor. Thread: the actor's. */
#include "act_cursor.h"

#include "proto_json.h"

uint64_t act_cursor_filter(const act_script_t *script, const proto_bytes_t *values)
{
    uint64_t hash = PROTO_HASH_SEED;
    for (uint32_t i = 0; i < script->operation->param_count; i++) {
        if (i == script->cursor_param || i == script->limit_param)
            continue;
        hash = proto_hash(hash, &values[i].size, sizeof values[i].size);
        hash = proto_hash(hash, values[i].data, values[i].size);
    }
    return hash;
}

/* Over all that a token is for: a changed character is noticed, and so is a token of another list. */
static uint64_t s_check(const act_script_t *script, uint64_t hash, uint64_t filter,
                        const proto_bytes_t *texts)
{
    uint64_t check = proto_hash(PROTO_HASH_SEED, &hash, sizeof hash);
    check = proto_hash(check, &filter, sizeof filter);
    for (uint32_t i = 0; i < script->cursor_count; i++) {
        check = proto_hash(check, &texts[i].size, sizeof texts[i].size);
        check = proto_hash(check, texts[i].data, texts[i].size);
    }
    return check;
}

void act_cursor_write(const act_script_t *script, uint64_t hash, uint64_t filter, const proto_bytes_t *texts,
                      proto_buf_t *out)
{
    proto_buf_t plain = PROTO_BUF_INIT;
    proto_write_array(&plain, 1 + script->cursor_count);
    proto_write_uint(&plain, s_check(script, hash, filter, texts));
    for (uint32_t i = 0; i < script->cursor_count; i++)
        proto_write_str(&plain, texts[i]);
    size_t from = out->size;
    proto_base64_encode(out, proto_buf_bytes(&plain));
    for (size_t i = from; i < out->size; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    while (out->size > from && out->data[out->size - 1] == '=')
        out->size--;
    proto_buf_free(&plain);
}

/* The standard alphabet with padding, which the strict decoder takes; -1 for characters of neither. */
static int s_standard(proto_bytes_t token, proto_buf_t *out)
{
    for (size_t i = 0; i < token.size; i++) {
        uint8_t c = token.data[i];
        if (c == '+' || c == '/' || c == '=')
            return -1;
        proto_buf_byte(out, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (out->size % 4)
        proto_buf_byte(out, '=');
    return 0;
}

static bool s_is_hash(const proto_value_t *value, uint64_t expected)
{
    if (value->kind == PROTO_UINT)
        return value->unsigned_integer == expected;
    return value->kind == PROTO_INT && value->integer >= 0 && (uint64_t)value->integer == expected;
}

int act_cursor_read(const act_script_t *script, uint64_t hash, uint64_t filter, proto_bytes_t token,
                    proto_buf_t *scratch, proto_bytes_t texts[ACT_CURSOR_COLUMNS])
{
    proto_buf_t standard = PROTO_BUF_INIT;
    proto_buf_reset(scratch);
    int rc = s_standard(token, &standard);
    if (rc == 0)
        rc = proto_base64_decode(scratch, proto_buf_bytes(&standard));
    proto_buf_free(&standard);
    proto_reader_t reader = proto_reader(proto_buf_bytes(scratch));
    proto_value_t head, check, text;
    if (rc < 0 || proto_value_check(proto_buf_bytes(scratch)) < 0 || proto_value_read(&reader, &head) < 0 ||
        head.kind != PROTO_ARRAY || head.count != 1 + script->cursor_count ||
        proto_value_read(&reader, &check) < 0)
        return -1;
    for (uint32_t i = 0; i < script->cursor_count; i++) {
        if (proto_value_read(&reader, &text) < 0 || text.kind != PROTO_STR ||
            (text.bytes.size && memchr(text.bytes.data, '\0', text.bytes.size)))
            return -1;
        texts[i] = text.bytes;
    }
    return s_is_hash(&check, s_check(script, hash, filter, texts)) ? 0 : -1;
}
