/* SPDX-License-Identifier: MPL-2.0 */
/* Codec of native records (docs/protocol.md). Thread: any. */
#include "proto_record.h"

#include <endian.h>

/* Offsets of the fixed header. */
enum {
    S_LENGTH = 0,
    S_TYPE = 4,
    S_FLAGS = 5,
    S_NUMBER = 6,
    S_ID = 8,
    S_OPERATION = 16,
    S_EPOCH = 24,
    S_DEADLINE = 28,
    S_NAMES = 32, /* six lengths of one byte: service, name, subject, role, trace, key */
    S_CLAIMS = 38
};

static const char *const s_type_names[PROTO_TYPE_END] = {
    "?",      "REQUEST",   "PARTIAL", "FINAL",      "ERROR",   "RETURN", "READY",
    "CREDIT", "HEARTBEAT", "CANCEL",  "DISCONNECT", "PUBLISH", "HELLO",
};

static uint16_t s_get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return be16toh(value);
}

static uint32_t s_get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t s_get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

static void s_put16(uint8_t *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof value);
}

static void s_put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static void s_put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

const char *proto_type_name(proto_type_t type)
{
    return (unsigned)type < PROTO_TYPE_END ? s_type_names[type] : s_type_names[0];
}

int proto_batch_open(proto_batch_t *self, proto_bytes_t frame)
{
    if (frame.size < PROTO_BATCH_HEADER + PROTO_RECORD_HEADER || frame.data[0] != 'M' ||
        frame.data[1] != 'U' || frame.data[2] != PROTO_RECORD_VERSION || frame.data[3] != 0)
        return -1;
    const uint8_t *end = frame.data + frame.size;
    uint32_t count = 0;
    for (const uint8_t *at = frame.data + PROTO_BATCH_HEADER; at < end; count++) {
        size_t left = (size_t)(end - at);
        if (count == PROTO_BATCH_RECORDS || left < PROTO_RECORD_HEADER)
            return -1;
        uint32_t length = s_get32(at);
        if (length < PROTO_RECORD_HEADER || length > left || length > PROTO_RECORD_BYTES)
            return -1;
        at += length;
    }
    if (count > 1 && frame.size > PROTO_BATCH_BYTES)
        return -1;
    *self = (proto_batch_t){frame.data + PROTO_BATCH_HEADER, end, count};
    return 0;
}

/* Names travel in logs and tables, so they are printable: no control characters, no DEL; UTF-8 is not
 * required to be valid because a name that nobody knows is refused anyway. */
bool proto_record_plain(proto_bytes_t text)
{
    if (text.size > 255)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

/* Cuts the variable fields out of `rest`; false when their lengths pass the record's end. */
static bool s_fields(proto_record_t *record, const uint8_t *header, proto_bytes_t rest)
{
    proto_bytes_t *const names[] = {&record->service, &record->name,  &record->subject,
                                    &record->role,    &record->trace, &record->key};
    size_t total = s_get16(header + S_CLAIMS);
    for (size_t i = 0; i < 6; i++)
        total += header[S_NAMES + i];
    if (total > rest.size)
        return false;
    for (size_t i = 0; i < 6; i++) {
        *names[i] = (proto_bytes_t){rest.data, header[S_NAMES + i]};
        rest.data += names[i]->size;
        if (!proto_record_plain(*names[i]))
            return false;
    }
    record->claims = (proto_bytes_t){rest.data, s_get16(header + S_CLAIMS)};
    rest.data += record->claims.size;
    record->body = (proto_bytes_t){rest.data, rest.size - total};
    return true;
}

int proto_batch_next(proto_batch_t *self, proto_record_t *record)
{
    if (self->left == 0)
        return 0;
    const uint8_t *at = self->at;
    uint32_t length = s_get32(at);
    self->at += length;
    self->left--;

    *record = (proto_record_t){
        .type = (proto_type_t)at[S_TYPE],
        .flags = at[S_FLAGS],
        .number = s_get16(at + S_NUMBER),
        .id = s_get64(at + S_ID),
        .operation = s_get64(at + S_OPERATION),
        .epoch = s_get32(at + S_EPOCH),
        .deadline = s_get32(at + S_DEADLINE),
    };
    if (record->type < PROTO_REQUEST || record->type >= PROTO_TYPE_END || (record->flags & ~PROTO_FLAG_ALL))
        return -1;
    if (record->type == PROTO_REQUEST && record->deadline == 0)
        return -1;
    proto_bytes_t rest = {at + PROTO_RECORD_HEADER, length - PROTO_RECORD_HEADER};
    return s_fields(record, at, rest) ? 1 : -1;
}

size_t proto_record_size(const proto_record_t *record)
{
    return PROTO_RECORD_HEADER + record->service.size + record->name.size + record->subject.size +
           record->role.size + record->trace.size + record->key.size + record->claims.size +
           record->body.size;
}

bool proto_batch_fits(const proto_buf_t *out, uint32_t count, size_t size)
{
    return count == 0 || (count < PROTO_BATCH_RECORDS && out->size + size <= PROTO_BATCH_BYTES);
}

static uint8_t *s_copy(uint8_t *to, proto_bytes_t bytes)
{
    if (bytes.size)
        memcpy(to, bytes.data, bytes.size);
    return to + bytes.size;
}

/* Whether the record can be written at all. */
static bool s_writable(const proto_record_t *record)
{
    const proto_bytes_t names[] = {record->service, record->name,  record->subject,
                                   record->role,    record->trace, record->key};
    if (proto_record_size(record) > PROTO_RECORD_BYTES || record->claims.size > UINT16_MAX)
        return false;
    for (size_t i = 0; i < 6; i++)
        if (names[i].size > UINT8_MAX)
            return false;
    return true;
}

/* Writes everything but the body; where that begins. */
static uint8_t *s_write_head(uint8_t *at, const proto_record_t *record)
{
    const proto_bytes_t names[] = {record->service, record->name,  record->subject,
                                   record->role,    record->trace, record->key};
    s_put32(at + S_LENGTH, (uint32_t)proto_record_size(record));
    at[S_TYPE] = (uint8_t)record->type;
    at[S_FLAGS] = record->flags;
    s_put16(at + S_NUMBER, record->number);
    s_put64(at + S_ID, record->id);
    s_put64(at + S_OPERATION, record->operation);
    s_put32(at + S_EPOCH, record->epoch);
    s_put32(at + S_DEADLINE, record->deadline);
    s_put16(at + S_CLAIMS, (uint16_t)record->claims.size);
    uint8_t *to = at + PROTO_RECORD_HEADER;
    for (size_t i = 0; i < 6; i++) {
        at[S_NAMES + i] = (uint8_t)names[i].size;
        to = s_copy(to, names[i]);
    }
    return s_copy(to, record->claims);
}

static const uint8_t s_batch_header[PROTO_BATCH_HEADER] = {'M', 'U', PROTO_RECORD_VERSION, 0};

int proto_record_append(proto_buf_t *out, const proto_record_t *record)
{
    size_t size = proto_record_size(record), before = out->size;
    bool failed = out->failed;
    if (!s_writable(record) || (before && before + size > PROTO_BATCH_BYTES))
        return -1;
    if (before == 0)
        proto_buf_append(out, s_batch_header, sizeof s_batch_header);
    uint8_t *at = proto_buf_extend(out, size);
    if (!at) {
        out->size = before;
        out->failed = failed;
        return -1;
    }
    (void)s_copy(s_write_head(at, record), record->body);
    return 0;
}

int proto_record_wrap(proto_buf_t *body, const proto_record_t *record)
{
    proto_record_t whole = *record;
    whole.body = proto_buf_bytes(body);
    size_t size = body->size, head = PROTO_BATCH_HEADER + proto_record_size(&whole) - size;
    if (!s_writable(&whole) || !proto_buf_extend(body, head))
        return -1;
    memmove(body->data + head, body->data, size);
    memcpy(body->data, s_batch_header, sizeof s_batch_header);
    (void)s_write_head(body->data + PROTO_BATCH_HEADER, &whole);
    return 0;
}
