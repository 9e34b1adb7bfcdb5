/* SPDX-License-Identifier: MPL-2.0 */
/* Endpoint files: any text is a program or has mistakes with a line number; and array texts of PostgreSQL. */
#include "act_program.h"
#include "act_value.h"
#include "act_variant.h"
#include "fuzz.h"

/* Every statement with all its lines, with none, and with some. */
static void s_render(const act_program_t *program)
{
    static const uint32_t masks[] = {UINT32_MAX, 0, 0x55555555, 0xaaaaaaaa};
    static proto_buf_t sql;
    const act_hole_t *arguments[ACT_ARGUMENTS];
    for (uint32_t i = 0; i < program->script_count; i++) {
        const act_script_t *script = &program->scripts[i];
        for (uint32_t s = 0; s < script->statement_count; s++) {
            for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
                proto_buf_reset(&sql);
                uint32_t count = act_variant_render(&script->statements[s], masks[m], &sql, arguments);
                PROTO_ASSERT(!sql.failed && count <= script->statements[s].hole_count);
                PROTO_ASSERT(sql.size && !memchr(sql.data, '\0', sql.size));
            }
        }
    }
}

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
    if (rc == 0) {
        (void)!act_program_finish(program, 1, &errors);
        s_render(program);
    }
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
        FUZZ_SEED(
            "-- @operation e @error n 404 \"\" @error m 409 \"{x}\"\n-- @body a int4 ? @body b bool = true\n"
            "-- @returns {\"x\": s.row, \"y\": t.value, \"z\": s.id, \"n\": t.count}\n"
            "-- @step s expect one else n\nSELECT :a.given, id FROM t WHERE true\n AND a = :a --? a\n"
            " AND f('x\ny', :b) --? b\n /* c\n */ FOR UPDATE --? a\n;\n"
            "-- @step t expect none else m\nUPDATE t SET a = :s.id --? a\nWHERE id = :s.id RETURNING 1;\n"
            "-- @operation f\nSELECT 1;\n"),
        FUZZ_SEED("-- @endpoint GET /l\n-- @operation l\n-- @query q text ? @query limit int4 = 5 (1..9)\n"
                  "-- @cursor at desc, id asc, x\n-- @returns {\"l\": rows, \"next\": next_cursor}\n"
                  "SELECT at, id, x FROM t WHERE q = :q --? q\n"
                  "AND (at, id, x) < (:after.at, :after.id, :after.x) --? after\nLIMIT :limit;\n"),
        FUZZ_SEED("{{1,NULL},{\"3\",4}}"),
        FUZZ_SEED("(1,\"{2,\"\"3\"\"}\")"),
    };
    *count = sizeof seeds / sizeof seeds[0];
    return seeds;
}
