/* SPDX-License-Identifier: MPL-2.0 */
/* Batches and values: whatever decodes encodes to the same record again; values are checked and shown. */
#include "fuzz.h"
#include "proto_catalogue.h"
#include "proto_json.h"
#include "proto_record.h"

static void s_record(const proto_record_t *record)
{
    static proto_buf_t out, json;
    proto_buf_reset(&out);
    PROTO_ASSERT(proto_record_append(&out, record) == 0);
    proto_batch_t batch;
    proto_record_t again;
    PROTO_ASSERT(proto_batch_open(&batch, proto_buf_bytes(&out)) == 0 &&
                 proto_batch_next(&batch, &again) == 1);
    PROTO_ASSERT(again.id == record->id && again.type == record->type && again.deadline == record->deadline);
    PROTO_ASSERT(proto_bytes_equal(again.body, record->body) && proto_bytes_equal(again.name, record->name));
    proto_buf_reset(&json);
    if (proto_value_check(record->body) == 0 && proto_json_from_value(record->body, &json) == 0)
        PROTO_ASSERT(proto_utf8_valid(proto_buf_bytes(&json)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    proto_batch_t batch;
    proto_catalogue_t *catalogue;
    if (proto_catalogue_decode((proto_bytes_t){data, size}, &catalogue, NULL) == 0)
        proto_catalogue_free(&catalogue);
    if (proto_batch_open(&batch, (proto_bytes_t){data, size}) < 0)
        return 0;
    proto_record_t record;
    for (int rc; (rc = proto_batch_next(&batch, &record)) != 0;)
        if (rc > 0)
            s_record(&record);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static proto_buf_t batch, catalogue;
    static fuzz_seed_t seeds[2];
    static const uint8_t body[] = {0x82, 0xa1, 'a', 0x01, 0xa1, 'b', 0xd7, 0xff, 0, 0, 0, 0, 1, 2, 3, 4};
    if (!batch.size) {
        proto_record_t record = {.type = PROTO_REQUEST,
                                 .id = 7,
                                 .deadline = 1000,
                                 .service = proto_bytes_of("db"),
                                 .name = proto_bytes_of("get"),
                                 .body = {body, sizeof body}};
        proto_operation_t operation = {.hash = 9,
                                       .name = "get",
                                       .service = "db",
                                       .summary = "s",
                                       .method = "GET",
                                       .path = "/a/{id}",
                                       .returns = "row",
                                       .auth = PROTO_AUTH_USER,
                                       .status = 200,
                                       .timeout_ms = 1000};
        proto_param_t param = {
            .name = "id", .data = PROTO_DATA_INT8, .required = true, .has_max = true, .max = 9};
        operation.params = &param;
        operation.param_count = 1;
        proto_catalogue_t whole = {.operations = &operation, .operation_count = 1, .generation = 1};
        PROTO_ASSERT(proto_record_append(&batch, &record) == 0);
        record.type = PROTO_FINAL;
        record.deadline = 0;
        PROTO_ASSERT(proto_record_append(&batch, &record) == 0);
        proto_catalogue_encode(&whole, &catalogue);
    }
    seeds[0] = (fuzz_seed_t){batch.data, batch.size};
    seeds[1] = (fuzz_seed_t){catalogue.data, catalogue.size};
    *count = 2;
    return seeds;
}
