/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoint files: any text is a program or has mistakes with a line number; and array texts of PostgreSQL. */
#include "act_program.h"
#include "act_value.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static act_types_t types;
    static proto_buf_t errors, value;
    if (!types.buckets[23]) {
        act_types_add(&types, 23, "int4", "integer", 'b', 0, 0, ',');
        act_types_add(&types, 1007, "_int4", "integer[]", 'b', 23, 0, ',');
        act_types_add(&types, 9000, "pair", "pair", 'c', 0, 0, ',');
        act_types_add_attribute(&types, 9000, "a", 23);
        act_types_add_attribute(&types, 9000, "b", 1007);
    }
    for (uint32_t oid = 1007; oid; oid = oid == 1007 ? 9000 : 0) {
        proto_buf_reset(&value);
        if (act_value_from_text(&types, oid, (proto_bytes_t){data, size}, &value) == 0 &&
            proto_utf8_valid((proto_bytes_t){data, size}))
            PROTO_ASSERT(proto_value_check(proto_buf_bytes(&value)) == 0);
    }
    act_program_t *program = act_program_new();
    proto_buf_reset(&errors);
    int rc = act_program_parse(program, "f.sql", (proto_bytes_t){data, size}, &errors);
    PROTO_ASSERT((rc < 0) == (errors.size > 0));
    if (rc == 0)
        (void)!act_program_finish(program, 1, &errors);
    act_program_free(&program);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED(
            "-- @endpoint GET /a/{id}\n-- @operation a\n-- @query b int4 = 5 (1..10)  @query c text ? in (x, "
            "y)\n"
            "-- @error e 404 \"no {id}\" on 23505 c\n-- @empty e\n-- @returns {\"a\": rows, \"n\": count}\n"
            "SELECT :id, :b::int, :c, 'it''s :x', $q$ :y $q$ /* /* :z */ */ FROM t[1:2];\n"),
        FUZZ_SEED("-- @operation b\n-- @param p int8[] (1..5 items)\n-- @writes @auth admin @timeout 5s "
                  "@status 201\n"
                  "-- @returns none\nINSERT INTO t VALUES (:p, E'\\'', \"q\"\"u\");\n-- @operation c\n-- "
                  "@service d\n"),
        FUZZ_SEED("{{1,NULL},{\"3\",4}}"),
        FUZZ_SEED("(1,\"{2,\"\"3\"\"}\")"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
