/* SPDX-License-Identifier: MPL-2.0 */
/* The record codec: the layout byte by byte, round trips, limits, truncation and mutation of whole batches.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "proto_record.h"

static uint64_t s_state;

static uint64_t s_random(void)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    return s_state ^= s_state << 17;
}

static proto_record_t s_sample(void)
{
    return (proto_record_t){
        .type = PROTO_REQUEST,
        .flags = PROTO_FLAG_READ,
        .number = 0x0102,
        .id = 0x1112131415161718,
        .operation = 0x2122232425262728,
        .epoch = 0x31323334,
        .deadline = 0x41424344,
        .service = proto_bytes_of("goal"),
        .name = proto_bytes_of("start"),
        .subject = proto_bytes_of("ann"),
        .role = proto_bytes_of("user"),
        .trace = proto_bytes_of("t-1"),
        .key = proto_bytes_of("k"),
        .claims = proto_bytes_of("CC"),
        .body = proto_bytes_of("body!"),
    };
}

/* Both records say the same. */
static void s_assert_same(const proto_record_t *a, const proto_record_t *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->number, b->number);
    assert_true(a->id == b->id);
    assert_true(a->operation == b->operation);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->deadline, b->deadline);
    assert_true(proto_bytes_equal(a->service, b->service));
    assert_true(proto_bytes_equal(a->name, b->name));
    assert_true(proto_bytes_equal(a->subject, b->subject));
    assert_true(proto_bytes_equal(a->role, b->role));
    assert_true(proto_bytes_equal(a->trace, b->trace));
    assert_true(proto_bytes_equal(a->key, b->key));
    assert_true(proto_bytes_equal(a->claims, b->claims));
    assert_true(proto_bytes_equal(a->body, b->body));
}

static void test_layout(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        'M',  'U',  1,    0,                            /* batch */
        0,    0,    0,    67,   1,    1,    1,    2,    /* length, type, flags, number */
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, /* id */
        0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, /* operation */
        0x31, 0x32, 0x33, 0x34, 0x41, 0x42, 0x43, 0x44, /* epoch, deadline */
        4,    5,    3,    4,    3,    1,    0,    2,    /* lengths of the names, of the claims */
        'g',  'o',  'a',  'l',  's',  't',  'a',  'r',  't', 'a', 'n', 'n', 'u', 's',
        'e',  'r',  't',  '-',  '1',  'k',  'C',  'C',  'b', 'o', 'd', 'y', '!',
    };
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample();
    assert_int_equal(proto_record_size(&record), sizeof expected - 4);
    assert_int_equal(proto_record_append(&out, &record), 0);
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    proto_buf_free(&out);
}

static void test_type_names(void **state)
{
    (void)state;
    static const char *const names[] = {"REQUEST", "PARTIAL",   "FINAL",  "ERROR",      "RETURN",  "READY",
                                        "CREDIT",  "HEARTBEAT", "CANCEL", "DISCONNECT", "PUBLISH", "HELLO"};
    for (int i = 0; i < 12; i++)
        assert_string_equal(proto_type_name((proto_type_t)(i + 1)), names[i]);
    assert_int_equal(PROTO_TYPE_END, 13);
    const int none[] = {0, 13, 14, 255, 256, INT32_MAX, -1};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(proto_type_name((proto_type_t)none[i]), "?");
}

/* A batch of many records of all types comes back in order. */
static void test_round_trip_of_all_types(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    for (uint32_t i = 0; i < PROTO_BATCH_RECORDS; i++) {
        proto_record_t record = s_sample();
        record.type = (proto_type_t)(1 + i % 12);
        record.flags = (uint8_t)(i % 4);
        record.id = i;
        record.body.size = i % 6;
        assert_true(proto_batch_fits(&out, i, proto_record_size(&record)));
        assert_int_equal(proto_record_append(&out, &record), 0);
    }
    proto_batch_t batch;
    proto_record_t got;
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    for (uint32_t i = 0; i < PROTO_BATCH_RECORDS; i++) {
        proto_record_t record = s_sample();
        record.type = (proto_type_t)(1 + i % 12);
        record.flags = (uint8_t)(i % 4);
        record.id = i;
        record.body.size = i % 6;
        assert_int_equal(proto_batch_next(&batch, &got), 1);
        s_assert_same(&record, &got);
    }
    assert_int_equal(proto_batch_next(&batch, &got), 0);
    assert_int_equal(proto_batch_next(&batch, &got), 0);
    proto_buf_free(&out);
}

static void test_number_of_records_is_limited(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = PROTO_HEARTBEAT};
    for (uint32_t i = 0; i < PROTO_BATCH_RECORDS; i++)
        assert_int_equal(proto_record_append(&out, &record), 0);
    proto_batch_t batch;
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    assert_false(proto_batch_fits(&out, PROTO_BATCH_RECORDS, proto_record_size(&record)));
    uint8_t extra[PROTO_RECORD_HEADER];
    memcpy(extra, out.data + PROTO_BATCH_HEADER, sizeof extra);
    proto_buf_append(&out, extra, sizeof extra);
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), -1);
    proto_buf_free(&out);
}

static void test_frames_that_are_no_batch(void **state)
{
    (void)state;
    proto_batch_t batch;
    assert_int_equal(proto_batch_open(&batch, (proto_bytes_t){NULL, 0}), -1);
    assert_int_equal(proto_batch_open(&batch, proto_bytes_of("MU")), -1);
    assert_int_equal(proto_batch_open(&batch, (proto_bytes_t){(const uint8_t *)"MU\1\0", 4}), -1);
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample();
    assert_int_equal(proto_record_append(&out, &record), 0);
    for (size_t i = 0; i < PROTO_BATCH_HEADER; i++) {
        for (int bit = 0; bit < 8; bit++) {
            out.data[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), -1);
            out.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    proto_buf_free(&out);
}

/* Copies bytes to memory of exactly their size, so that ASan sees any read behind them. */
static proto_bytes_t s_exact(proto_bytes_t bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    return (proto_bytes_t){copy, bytes.size};
}

static void test_truncated_everywhere(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample();
    size_t whole[3] = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(proto_record_append(&out, &record), 0);
        whole[i] = out.size;
    }
    proto_buf_byte(&out, 0); /* a stray byte behind the last record is as bad as a missing one */
    for (size_t size = 0; size <= out.size; size++) {
        proto_bytes_t part = s_exact((proto_bytes_t){out.data, size});
        proto_batch_t batch;
        bool good = size == whole[0] || size == whole[1] || size == whole[2];
        assert_int_equal(proto_batch_open(&batch, part), good ? 0 : -1);
        free((void *)(uintptr_t)part.data);
    }
    proto_buf_free(&out);
}

static void s_set_length(proto_buf_t *out, uint32_t length)
{
    for (int i = 0; i < 4; i++)
        out->data[PROTO_BATCH_HEADER + i] = (uint8_t)(length >> (24 - 8 * i));
}

static void test_length_that_lies(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample();
    proto_batch_t batch;
    assert_int_equal(proto_record_append(&out, &record), 0);
    uint32_t right = (uint32_t)proto_record_size(&record);
    const uint32_t lies[] = {0,         1,          39,         40,         right - 1, right + 1,
                             right * 2, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffffc0};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        s_set_length(&out, lies[i]);
        assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), -1);
    }
    s_set_length(&out, right);
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    proto_buf_free(&out);
}

/* A batch of a good record, one damaged at `offset`, and a good one: the middle one alone is refused. */
static void s_assert_refused(size_t offset, uint8_t byte)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample(), got;
    size_t size = proto_record_size(&record);
    for (uint64_t id = 1; id <= 3; id++) {
        record.id = id;
        assert_int_equal(proto_record_append(&out, &record), 0);
    }
    out.data[PROTO_BATCH_HEADER + size + offset] = byte;
    proto_batch_t batch;
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    assert_int_equal(proto_batch_next(&batch, &got), 1);
    assert_int_equal(proto_batch_next(&batch, &got), -1);
    assert_int_equal(got.id, 2);
    assert_int_equal(proto_batch_next(&batch, &got), 1);
    assert_int_equal(got.id, 3);
    s_assert_same(&record, &got);
    assert_int_equal(proto_batch_next(&batch, &got), 0);
    proto_buf_free(&out);
}

static void test_one_bad_record_does_not_spoil_the_batch(void **state)
{
    (void)state;
    s_assert_refused(4, 0); /* type */
    for (unsigned type = PROTO_TYPE_END; type < 256; type++)
        s_assert_refused(4, (uint8_t)type);
    for (unsigned flags = PROTO_FLAG_ALL + 1; flags < 256; flags++)
        s_assert_refused(5, (uint8_t)flags);
    for (size_t name = 0; name < 6; name++)
        for (unsigned length = 60; length < 256; length++)
            s_assert_refused(32 + name, (uint8_t)length); /* beyond the record */
    s_assert_refused(38, 1);                              /* claims of 258 bytes */
    s_assert_refused(38, 255);
    s_assert_refused(39, 8); /* one byte more than names and body leave */
    for (size_t at = 40; at < 60; at++) {
        for (unsigned c = 0; c < 0x20; c++)
            s_assert_refused(at, (uint8_t)c);
        s_assert_refused(at, 0x7f);
    }
}

/* How a lone record with this type and deadline reads. */
static int s_read_with_deadline(proto_type_t type, uint32_t deadline)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = type, .id = 5, .deadline = deadline}, got;
    proto_batch_t batch;
    assert_int_equal(proto_record_append(&out, &record), 0);
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    int rc = proto_batch_next(&batch, &got);
    assert_int_equal(got.id, 5);
    proto_buf_free(&out);
    return rc;
}

static void test_deadlines(void **state)
{
    (void)state;
    assert_int_equal(s_read_with_deadline(PROTO_REQUEST, 0), -1);
    assert_int_equal(s_read_with_deadline(PROTO_REQUEST, 1), 1);
    assert_int_equal(s_read_with_deadline(PROTO_REQUEST, UINT32_MAX), 1);
    assert_int_equal(s_read_with_deadline(PROTO_FINAL, 0), 1);
    assert_int_equal(s_read_with_deadline(PROTO_HEARTBEAT, 0), 1);
    assert_int_equal(s_read_with_deadline(PROTO_CANCEL, 0), 1);
}

static void test_claims_and_body_may_be_any_bytes(void **state)
{
    (void)state;
    uint8_t all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = s_sample(), got;
    record.claims = record.body = (proto_bytes_t){all, sizeof all};
    record.service = proto_bytes_of("\x80\xff caf\xc3\xa9 ~"); /* names: anything but controls */
    proto_batch_t batch;
    assert_int_equal(proto_record_append(&out, &record), 0);
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    assert_int_equal(proto_batch_next(&batch, &got), 1);
    s_assert_same(&record, &got);
    proto_buf_free(&out);
}

static uint8_t s_big[PROTO_RECORD_BYTES + 1];

/* Appends a record with one field of `size` letters to a batch that has one already; checks that a refusal
 * leaves the batch as it was. */
static int s_append_with(size_t which, size_t size)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = PROTO_HEARTBEAT}, got;
    assert_int_equal(proto_record_append(&out, &record), 0);
    proto_bytes_t *const fields[] = {&record.service, &record.name, &record.subject, &record.role,
                                     &record.trace,   &record.key,  &record.claims};
    *fields[which] = (proto_bytes_t){s_big, size};
    size_t before = out.size;
    int rc = proto_record_append(&out, &record);
    assert_int_equal(out.size, rc == 0 ? before + proto_record_size(&record) : before);
    assert_false(out.failed);
    proto_batch_t batch;
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    assert_int_equal(proto_batch_next(&batch, &got), 1);
    assert_int_equal(proto_batch_next(&batch, &got), rc == 0 ? 1 : 0);
    if (rc == 0)
        s_assert_same(&record, &got);
    proto_buf_free(&out);
    return rc;
}

static void test_longest_fields(void **state)
{
    (void)state;
    for (size_t name = 0; name < 6; name++) {
        assert_int_equal(s_append_with(name, 255), 0);
        assert_int_equal(s_append_with(name, 256), -1);
        assert_int_equal(s_append_with(name, 65535), -1);
    }
    assert_int_equal(s_append_with(6, 65535), 0);
    assert_int_equal(s_append_with(6, 65536), -1);
}

/* A frame made in the memory of its body is the one that is made of a copy. */
static void test_wrap(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 39, 40, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        proto_buf_t body = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
        for (size_t j = 0; j < sizes[i]; j++)
            proto_buf_byte(&body, (uint8_t)(j % 251));
        proto_record_t record = {.type = PROTO_REQUEST, .id = 7, .operation = 8, .deadline = 9};
        record.service = proto_bytes_of("db");
        record.name = proto_bytes_of("operation");
        record.claims = proto_bytes_of("claims");
        record.body = proto_buf_bytes(&body);
        assert_int_equal(proto_record_append(&out, &record), 0);
        record.body = (proto_bytes_t){0};
        assert_int_equal(proto_record_wrap(&body, &record), 0);
        assert_true(proto_bytes_equal(proto_buf_bytes(&body), proto_buf_bytes(&out)));
        record.claims.size = UINT16_MAX + 1;
        assert_int_equal(proto_record_wrap(&body, &record), -1);
        proto_buf_free(&body);
        proto_buf_free(&out);
    }
}

static void test_largest_record(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = PROTO_FINAL}, got;
    record.body = (proto_bytes_t){s_big, PROTO_RECORD_BYTES - PROTO_RECORD_HEADER + 1};
    assert_int_equal(proto_record_append(&out, &record), -1);
    assert_int_equal(out.size, 0);
    assert_false(out.failed);
    record.body.size--;
    assert_int_equal(proto_record_append(&out, &record), 0);
    proto_batch_t batch;
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), 0);
    assert_int_equal(proto_batch_next(&batch, &got), 1);
    assert_int_equal(got.body.size, PROTO_RECORD_BYTES - PROTO_RECORD_HEADER);
    proto_buf_byte(&out, 'x');
    s_set_length(&out, PROTO_RECORD_BYTES + 1);
    assert_int_equal(proto_batch_open(&batch, proto_buf_bytes(&out)), -1);
    proto_buf_free(&out);
}

/* Two records of exactly `total` bytes with their header: read or refused. */
static int s_open_pair(size_t total)
{
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = PROTO_FINAL};
    assert_int_equal(proto_record_append(&out, &record), 0);
    size_t size = out.size;
    size_t more = total - size; /* a second record by hand: the writer may rightly refuse it */
    proto_buf_append(&out, s_big, more);
    uint8_t *at = out.data + size;
    memcpy(at, out.data + PROTO_BATCH_HEADER, PROTO_RECORD_HEADER);
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(more >> (24 - 8 * i));
    proto_batch_t batch;
    int rc = proto_batch_open(&batch, proto_buf_bytes(&out));
    proto_buf_free(&out);
    return rc;
}

static void test_several_records_share_a_mebibyte(void **state)
{
    (void)state;
    assert_int_equal(s_open_pair(PROTO_BATCH_BYTES), 0);
    assert_int_equal(s_open_pair(PROTO_BATCH_BYTES + 1), -1);
    proto_buf_t out = PROTO_BUF_INIT;
    assert_true(proto_batch_fits(&out, 0, PROTO_RECORD_BYTES)); /* a large one travels alone */
    proto_record_t record = {.type = PROTO_FINAL};
    assert_int_equal(proto_record_append(&out, &record), 0);
    size_t left = PROTO_BATCH_BYTES - out.size;
    assert_true(proto_batch_fits(&out, 1, left));
    assert_false(proto_batch_fits(&out, 1, left + 1));
    assert_true(proto_batch_fits(&out, PROTO_BATCH_RECORDS - 1, left));
    assert_false(proto_batch_fits(&out, PROTO_BATCH_RECORDS, PROTO_RECORD_HEADER));
    proto_buf_free(&out);
}

/* "-1 when [...] it does not fit this batch": what append lets through, the peer must not refuse. */
static void test_append_refuses_what_does_not_fit_the_batch(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    proto_record_t record = {.type = PROTO_FINAL};
    assert_int_equal(proto_record_append(&out, &record), 0);
    size_t before = out.size;
    record.body = (proto_bytes_t){s_big, PROTO_BATCH_BYTES};
    assert_false(proto_batch_fits(&out, 1, proto_record_size(&record)));
    int rc = proto_record_append(&out, &record);
    size_t after = out.size;
    proto_buf_free(&out);
    assert_int_equal(rc, -1);
    assert_int_equal(after, before);
}

/* "`out` is unchanged": a smaller record still goes in after a refused one. */
static void test_refusal_by_the_buffer_changes_nothing(void **state)
{
    (void)state;
    proto_buf_t out;
    proto_buf_init(&out, 200);
    proto_record_t record = {.type = PROTO_FINAL}, large = record;
    large.body = (proto_bytes_t){s_big, 300};
    assert_int_equal(proto_record_append(&out, &large), -1);
    assert_int_equal(out.size, 0);
    bool failed = out.failed;
    int rc = proto_record_append(&out, &record);
    proto_buf_free(&out);
    assert_false(failed);
    assert_int_equal(rc, 0);
}

static proto_bytes_t s_random_field(const uint8_t *text, size_t most)
{
    size_t size = s_random() % 8 == 0 ? s_random() % (most + 1) : s_random() % 12;
    return (proto_bytes_t){text + s_random() % 100, size < most ? size : most};
}

static proto_record_t s_random_record(const uint8_t *names, const uint8_t *bytes)
{
    return (proto_record_t){
        .type = (proto_type_t)(1 + s_random() % 12),
        .flags = (uint8_t)(s_random() % 4),
        .number = (uint16_t)s_random(),
        .id = s_random(),
        .operation = s_random(),
        .epoch = (uint32_t)s_random(),
        .deadline = (uint32_t)s_random() | 1,
        .service = s_random_field(names, 255),
        .name = s_random_field(names, 255),
        .subject = s_random_field(names, 255),
        .role = s_random_field(names, 255),
        .trace = s_random_field(names, 255),
        .key = s_random_field(names, 255),
        .claims = s_random_field(bytes, 1000),
        .body = s_random_field(bytes, 1000),
    };
}

static uint8_t s_names[400], s_bytes[1200];

static void s_fill(void)
{
    for (size_t i = 0; i < sizeof s_names; i++)
        s_names[i] = (uint8_t)(0x20 + s_random() % 0x5f);
    for (size_t i = 0; i < sizeof s_bytes; i++)
        s_bytes[i] = (uint8_t)s_random();
}

static void test_random_batches_round_trip(void **state)
{
    (void)state;
    s_state = 4;
    s_fill();
    for (int round = 0; round < 300; round++) {
        proto_record_t records[20], got;
        uint32_t count = 1 + (uint32_t)(s_random() % 20);
        proto_buf_t out = PROTO_BUF_INIT;
        size_t total = PROTO_BATCH_HEADER;
        for (uint32_t i = 0; i < count; i++) {
            records[i] = s_random_record(s_names, s_bytes);
            total += proto_record_size(&records[i]);
            assert_int_equal(proto_record_append(&out, &records[i]), 0);
        }
        assert_int_equal(out.size, total);
        proto_bytes_t frame = s_exact(proto_buf_bytes(&out));
        proto_batch_t batch;
        assert_int_equal(proto_batch_open(&batch, frame), 0);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(proto_batch_next(&batch, &got), 1);
            s_assert_same(&records[i], &got);
        }
        assert_int_equal(proto_batch_next(&batch, &got), 0);
        free((void *)(uintptr_t)frame.data);
        proto_buf_free(&out);
    }
}

/* Every byte of the field lies in the frame. */
static void s_assert_inside(proto_bytes_t field, proto_bytes_t frame)
{
    assert_true(field.size == 0 ||
                (field.data >= frame.data && field.data + field.size <= frame.data + frame.size));
}

/* Reads a frame as a careful peer does. Whatever decodes must be within bounds, and written again must give
 * the same bytes. Returns whether the frame was a batch. */
static bool s_read_anything(proto_bytes_t frame, uint32_t *good)
{
    proto_batch_t batch;
    if (proto_batch_open(&batch, frame) < 0)
        return false;
    proto_record_t record;
    uint32_t count = 0;
    for (int rc; (rc = proto_batch_next(&batch, &record)) != 0; count++) {
        assert_true(rc == 1 || rc == -1);
        assert_true(count < PROTO_BATCH_RECORDS);
        if (rc < 0)
            continue;
        ++*good;
        s_assert_inside(record.service, frame);
        s_assert_inside(record.key, frame);
        s_assert_inside(record.claims, frame);
        s_assert_inside(record.body, frame);
        proto_buf_t again = PROTO_BUF_INIT;
        assert_int_equal(proto_record_append(&again, &record), 0);
        const uint8_t *end = record.body.data + record.body.size;
        size_t size = again.size - PROTO_BATCH_HEADER;
        assert_memory_equal(again.data + PROTO_BATCH_HEADER, end - size, size);
        proto_buf_free(&again);
    }
    assert_true(count > 0);
    return true;
}

static void s_mutate(proto_buf_t *frame)
{
    for (uint64_t n = 1 + s_random() % 4; n > 0 && frame->size > 0; n--) {
        size_t at = s_random() % frame->size;
        switch (s_random() % 5) {
        case 0:
            frame->size = at;
            break;
        case 1:
            frame->data[at] ^= (uint8_t)(1 << s_random() % 8);
            break;
        case 2:
            frame->data[at] = (uint8_t)s_random();
            break;
        case 3: /* the header of the first record is the interesting part */
            at = PROTO_BATCH_HEADER + s_random() % PROTO_RECORD_HEADER;
            if (at < frame->size)
                frame->data[at] = (uint8_t)s_random();
            break;
        default:
            proto_buf_append(frame, s_bytes, s_random() % 50);
            break;
        }
    }
}

static void test_mutated_batches_are_refused_or_decode(void **state)
{
    (void)state;
    s_state = 5;
    s_fill();
    uint32_t refused = 0, good = 0;
    proto_buf_t out = PROTO_BUF_INIT;
    for (int round = 0; round < 20000; round++) {
        proto_buf_reset(&out);
        for (uint64_t n = 1 + s_random() % 4; n > 0; n--) {
            proto_record_t record = s_random_record(s_names, s_bytes);
            record.body.size %= 40;
            assert_int_equal(proto_record_append(&out, &record), 0);
        }
        s_mutate(&out);
        proto_bytes_t frame = s_exact(proto_buf_bytes(&out));
        refused += !s_read_anything(frame, &good);
        free((void *)(uintptr_t)frame.data);
    }
    proto_buf_free(&out);
    assert_in_range(refused, 2000, 19000); /* both ways were really taken */
    assert_true(good > 2000);
}

int main(void)
{
    memset(s_big, 'n', sizeof s_big);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_round_trip_of_all_types),
        cmocka_unit_test(test_number_of_records_is_limited),
        cmocka_unit_test(test_frames_that_are_no_batch),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_length_that_lies),
        cmocka_unit_test(test_one_bad_record_does_not_spoil_the_batch),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_claims_and_body_may_be_any_bytes),
        cmocka_unit_test(test_longest_fields),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_largest_record),
        cmocka_unit_test(test_several_records_share_a_mebibyte),
        cmocka_unit_test(test_append_refuses_what_does_not_fit_the_batch),
        cmocka_unit_test(test_refusal_by_the_buffer_changes_nothing),
        cmocka_unit_test(test_random_batches_round_trip),
        cmocka_unit_test(test_mutated_batches_are_refused_or_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
