/* SPDX-License-Identifier: MPL-2.0 */
/* What libmuster reads: answers and catalogues of peers, and the operations that a worker's author wrote as
 * JSON. */
#include <stdlib.h>

#include "fuzz.h"
#include "muster_answer.h"
#include "muster_publish.h"
#include "muster_shelf.h"

static void s_answer(proto_bytes_t body)
{
    static const proto_type_t types[] = {PROTO_PARTIAL, PROTO_FINAL, PROTO_ERROR};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        proto_record_t record = {.type = types[i], .id = 1, .number = (uint16_t)body.size, .body = body};
        muster_answer_t *answer = muster_answer_new(&record);
        size_t size;
        PROTO_ASSERT(muster_answer_body(answer, &size) && size && *muster_answer_json(answer));
        PROTO_ASSERT(!muster_answer_ok(answer) || types[i] != PROTO_ERROR);
        PROTO_ASSERT(muster_answer_ok(answer) || muster_answer_status(answer) >= 400);
        PROTO_ASSERT(muster_answer_code(answer) && muster_answer_title(answer) &&
                     muster_answer_detail(answer));
        muster_answer_destroy(&answer);
    }
}

static void s_learn(proto_bytes_t body)
{
    muster_shelf_t shelf = {0};
    proto_record_t record = {.type = PROTO_PUBLISH, .service = proto_bytes_of("s"), .body = body};
    if (muster_shelf_learn(&shelf, &record)) {
        proto_buf_t out = PROTO_BUF_INIT;
        proto_catalogue_t *catalogue;
        (void)muster_shelf_reads(&shelf, "s", "a");
        PROTO_ASSERT(muster_shelf_show(&shelf, NULL, &out) == 0);
        PROTO_ASSERT(proto_catalogue_decode(proto_buf_bytes(&out), &catalogue, NULL) == 0);
        proto_catalogue_free(&catalogue);
        proto_buf_free(&out);
    }
    muster_shelf_free(&shelf);
}

/* What is accepted must be accepted by everybody who hears of it. */
static void s_publish(const char *json, proto_bytes_t arguments)
{
    muster_publish_t publish = {.service = "s"};
    proto_buf_t why = PROTO_BUF_INIT, body = PROTO_BUF_INIT, out = PROTO_BUF_INIT;
    if (muster_publish_add(&publish, json, 1, &why) == 0) {
        proto_bytes_t part;
        muster_publish_ready(&publish, false, &body);
        PROTO_ASSERT(proto_value_check(proto_buf_bytes(&body)) == 0);
        PROTO_ASSERT(proto_value_get(proto_buf_bytes(&body), "catalogue", &part) == 0);
        s_learn(part);
        proto_record_t request = {
            .name = proto_bytes_of("a"), .subject = proto_bytes_of("x"), .body = arguments};
        proto_error_t error = muster_publish_admit(&publish, &request, &out, &why);
        PROTO_ASSERT(error || proto_value_check(proto_buf_bytes(&out)) == 0);
    } else {
        PROTO_ASSERT(why.size > 0);
    }
    proto_buf_free(&why);
    proto_buf_free(&body);
    proto_buf_free(&out);
    muster_publish_free(&publish);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    proto_bytes_t bytes = {data, size};
    char *text = strndup(size ? (const char *)data : "", size);
    PROTO_ASSERT(text != NULL);
    s_answer(bytes);
    s_learn(bytes);
    s_publish(text, bytes);
    s_publish("[{\"name\":\"a\",\"params\":[{\"name\":\"p\",\"data\":\"int4\",\"default\":1}]}]", bytes);
    free(text);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("[{\"name\":\"a\",\"method\":\"POST\",\"path\":\"/a/"
                  "{b}\",\"params\":[{\"name\":\"c\",\"data\":\"text\","
                  "\"required\":true,\"values\":[\"x\"],\"min\":1.5,\"unit\":1,\"default\":\"x\"}]}]"),
        FUZZ_SEED("[{\"name\":\"a\",\"flags\":1,\"refusals\":[{\"name\":\"r\",\"status\":404}],"
                  "\"columns\":[[\"x\",\"text\",\"\"]],\"timeout_ms\":5}]"),
        FUZZ_SEED("\x81\xa1p\x05"),
        FUZZ_SEED("\x84\xa4"
                  "code\xa1x\xa6status\xcd\x01\xf8\xa5title\xa1t\xa6"
                  "detail\xa1"
                  "d"),
        FUZZ_SEED("\x82\xaageneration\x01\xaaoperations\x91\x86\xa4hash\x05\xa4name\xa1"
                  "a\xa7service\xa1s\xa4tier\xa4none"
                  "\xa4"
                  "auth\xa4user\xaatimeout_ms\x05"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
