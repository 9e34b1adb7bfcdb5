/* SPDX-License-Identifier: MPL-2.0 */
/* JSON: what is taken is well-formed MessagePack, and its JSON form means the same when it is read again. */
#include "fuzz.h"
#include "proto_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static proto_buf_t value, json, again;
    proto_json_error_t error;
    const proto_json_options_t options = {0};
    proto_buf_reset(&value);
    proto_buf_reset(&json);
    proto_buf_reset(&again);
    if (proto_json_to_value((proto_bytes_t){data, size}, &options, &value, &error) < 0) {
        PROTO_ASSERT(error.offset <= size && error.reason);
        return 0;
    }
    PROTO_ASSERT(proto_value_check(proto_buf_bytes(&value)) == 0);
    PROTO_ASSERT(proto_json_from_value(proto_buf_bytes(&value), &json) == 0);
    PROTO_ASSERT(proto_json_to_value(proto_buf_bytes(&json), &options, &again, &error) == 0);
    PROTO_ASSERT(proto_bytes_equal(proto_buf_bytes(&value), proto_buf_bytes(&again)));
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED("{\"a\":[1,-2.50,1e400,true,false,null],\"b\":{\"c\":\"\\u00e9\\ud83d\\ude00\\n\"}}"),
        FUZZ_SEED("[18446744073709551615,-9223372036854775808,123456789012345678901234567890,0.1,-0]"),
        FUZZ_SEED("\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""),
        FUZZ_SEED(" [[[[[[[[{\"x\":[[]]}]]]]]]]] "),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
