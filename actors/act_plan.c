/* SPDX-License-Identifier: MPL-2.0 */
/* Operations as one connection runs them: their statements prepared, described and found again. Of a
 * statement with conditional lines each combination is a prepared statement of its own, with a plan of its
 * own. Thread: the actor's. */
#include <stdio.h>
#include <stdlib.h>

#include "act_composite.h"
#include "act_internal.h"
#include "act_variant.h"
#include "proto_log.h"
#include "proto_value.h"

static void s_rename(act_db_t *self, act_variant_t *variant)
{
    snprintf(variant->name, sizeof variant->name, "m%llu", (unsigned long long)++self->names);
    variant->prepared = variant->described = false;
}

static act_variant_t *s_add_variant(act_db_t *self, act_stage_t *stage, uint32_t mask)
{
    act_variant_t *variant = calloc(1, sizeof *variant);
    PROTO_ASSERT(variant != NULL);
    variant->mask = mask;
    variant->error_column = -1;
    s_rename(self, variant);
    stage->variants[stage->variant_count++] = variant;
    return variant;
}

static void s_free_variant(act_variant_t *variant)
{
    for (int i = 0; i < variant->column_count; i++)
        free((void *)variant->columns[i].key.data);
    free(variant->columns);
    free(variant->arguments);
    free(variant);
}

void act_plan_free(act_generation_t *generation)
{
    for (uint32_t i = 0; i < generation->plan_count; i++) {
        act_plan_t *plan = &generation->plans[i];
        for (uint32_t s = 0; s < plan->stage_count; s++)
            for (uint32_t v = 0; v < plan->stages[s].variant_count; v++)
                s_free_variant(plan->stages[s].variants[v]);
        free(plan->stages);
        free(plan->composites);
    }
    free(generation->plans);
}

/* Only what is known to be there: the failure of a DEALLOCATE would take its neighbours along. */
static int s_deallocate(act_db_t *self, const act_variant_t *variant)
{
    char sql[64];
    snprintf(sql, sizeof sql, "DEALLOCATE %s", variant->name);
    if (!variant->described)
        return 0;
    if (PQsendQueryParams(self->conn, sql, 0, NULL, NULL, NULL, NULL, 0) != 1)
        return -1;
    act_await(self, (act_await_t){.kind = ACT_AWAIT_IGNORE});
    return 0;
}

int act_plan_deallocate(act_db_t *self, const act_plan_t *plan)
{
    int rc = 0;
    for (uint32_t s = 0; s < plan->stage_count; s++)
        for (uint32_t v = 0; v < plan->stages[s].variant_count && rc == 0; v++)
            rc = s_deallocate(self, plan->stages[s].variants[v]);
    return rc;
}

/* Gives up the variant that was chosen longest ago and that nobody runs; false when all are run. */
static bool s_evict(act_db_t *self, act_stage_t *stage)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < stage->variant_count; i++)
        if (stage->variants[i]->users == 0 &&
            (oldest == 0 || stage->variants[i]->chosen < stage->variants[oldest]->chosen))
            oldest = i;
    if (oldest == 0)
        return false;
    act_variant_t *variant = stage->variants[oldest];
    if (s_deallocate(self, variant) < 0)
        return false;
    s_free_variant(variant);
    stage->variants[oldest] = stage->variants[--stage->variant_count];
    return true;
}

act_variant_t *act_plan_choose(act_db_t *self, act_plan_t *plan, uint32_t index, uint32_t mask)
{
    act_stage_t *stage = &plan->stages[index];
    act_variant_t *variant = NULL;
    mask &= stage->statement->conditions;
    for (uint32_t i = 0; i < stage->variant_count && !variant; i++)
        if (stage->variants[i]->mask == mask)
            variant = stage->variants[i];
    if (!variant && stage->variant_count == ACT_VARIANTS && !s_evict(self, stage))
        return NULL;
    if (!variant)
        variant = s_add_variant(self, stage, mask);
    variant->chosen = ++self->choices;
    return variant;
}

/* The type a hole is sent with; 0 leaves it to PostgreSQL. */
static Oid s_hole_type(const act_plan_t *plan, const act_hole_t *hole)
{
    if (hole->kind == ACT_HOLE_GIVEN)
        return 16; /* boolean */
    if (hole->kind != ACT_HOLE_PARAM)
        return 0;
    const proto_param_t *param = &plan->script->operation->params[hole->index];
    if (!param->sql_type)
        return param->source >= PROTO_SOURCE_AUTH_SUB ? 25 /* text */ : 0;
    uint32_t at = plan->declared;
    for (uint32_t i = 0; i < hole->index; i++)
        at += plan->script->operation->params[i].sql_type != NULL;
    return at < plan->generation->declared_count ? plan->generation->declared[at] : 0;
}

int act_plan_prepare(act_db_t *self, act_plan_t *plan, uint32_t stage, act_variant_t *variant, act_job_t *job)
{
    const act_hole_t *arguments[ACT_ARGUMENTS];
    Oid types[ACT_ARGUMENTS];
    proto_buf_t sql = PROTO_BUF_INIT;
    uint32_t count = act_variant_render(plan->stages[stage].statement, variant->mask, &sql, arguments);
    for (uint32_t i = 0; i < count; i++)
        types[i] = s_hole_type(plan, arguments[i]);
    free(variant->arguments);
    variant->arguments = calloc(count + 1, sizeof *variant->arguments);
    PROTO_ASSERT(variant->arguments != NULL);
    memcpy(variant->arguments, arguments, count * sizeof *arguments);
    variant->argument_count = count;
    int rc = PQsendPrepare(self->conn, variant->name, proto_buf_text(&sql), (int)count, types) == 1 ? 0 : -1;
    proto_buf_free(&sql);
    act_await_t await = {
        .kind = ACT_AWAIT_PREPARE, .job = job, .plan = plan, .stage = stage, .variant = variant};
    if (rc == 0)
        act_await(self, await);
    if (rc < 0 || PQsendDescribePrepared(self->conn, variant->name) != 1)
        return -1;
    await.kind = ACT_AWAIT_DESCRIBE;
    act_await(self, await);
    variant->prepared = true;
    return 0;
}

static proto_bytes_t s_key(const char *name)
{
    proto_buf_t key = PROTO_BUF_INIT; /* its bytes become the variant's */
    proto_write_text(&key, name);
    PROTO_ASSERT(!key.failed);
    return proto_buf_bytes(&key);
}

static void s_describe_columns(act_variant_t *variant, const PGresult *result)
{
    for (int i = 0; i < variant->column_count; i++)
        free((void *)variant->columns[i].key.data);
    free(variant->columns);
    variant->column_count = PQnfields(result);
    variant->shown_count = 0;
    variant->error_column = -1;
    variant->columns = calloc((size_t)variant->column_count + 1, sizeof *variant->columns);
    PROTO_ASSERT(variant->columns != NULL);
    for (int i = 0; i < variant->column_count; i++) {
        const char *name = PQfname(result, i);
        variant->columns[i].oid = PQftype(result, i);
        if (strcmp(name, "_error") == 0)
            variant->error_column = i;
        if (name[0] == '_')
            continue;
        variant->columns[i].key = s_key(name);
        variant->shown_count++;
    }
    variant->described = true;
}

/* The parameters' types, from what PostgreSQL made of the statement with all its lines. */
static void s_describe_params(act_plan_t *plan, const act_variant_t *variant, const PGresult *result)
{
    const act_types_t *types = &plan->generation->types;
    for (int i = 0; i < PQnparams(result) && i < (int)variant->argument_count; i++) {
        const act_hole_t *hole = variant->arguments[i];
        if (hole->kind != ACT_HOLE_PARAM)
            continue;
        act_types_fill(types, PQparamtype(result, i), &plan->generation->catalogue->arena,
                       &plan->operation->params[hole->index]);
        plan->composites[hole->index] = act_composite_find(types, PQparamtype(result, i));
    }
}

/* The key of a column as text: what follows the head of the MessagePack string. */
static proto_bytes_t s_key_text(const act_column_t *column)
{
    proto_reader_t reader = proto_reader(column->key);
    proto_value_t value;
    int rc = proto_value_read(&reader, &value);
    PROTO_ASSERT(rc == 0 && value.kind == PROTO_STR);
    return value.bytes;
}

static void s_list_columns(act_plan_t *plan)
{
    proto_arena_t *arena = &plan->generation->catalogue->arena;
    proto_operation_t *operation = plan->operation;
    uint32_t count = 0;
    for (uint32_t s = 0; s < plan->stage_count; s++)
        count += (uint32_t)plan->stages[s].variants[0]->shown_count;
    operation->columns = proto_arena_alloc(arena, count * sizeof *operation->columns);
    operation->column_count = 0;
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        const act_variant_t *variant = plan->stages[s].variants[0];
        for (int i = 0; i < variant->column_count; i++) {
            const act_type_t *type = act_types_find(&plan->generation->types, variant->columns[i].oid);
            if (variant->columns[i].key.size == 0)
                continue;
            operation->columns[operation->column_count++] = (proto_column_t){
                .name = proto_arena_text(arena, s_key_text(&variant->columns[i])),
                .sql_type = type ? type->name : "unknown",
                .step = plan->stages[s].statement->step,
            };
        }
    }
}

/* How the operation is run, now that its columns are known. */
static void s_decide_mode(act_plan_t *plan)
{
    bool errors[ACT_STATEMENTS], waits[ACT_STATEMENTS];
    for (uint32_t s = 0; s < plan->stage_count; s++)
        errors[s] = plan->stages[s].variants[0]->error_column >= 0;
    plan->mode = act_mode_decide(plan->script, errors, waits);
    for (uint32_t s = 0; s < plan->stage_count; s++)
        plan->stages[s].waits = waits[s];
}

/* Every statement is described: the operation can be offered, or has changed under its peers. */
static void s_complete(act_db_t *self, act_plan_t *plan)
{
    s_list_columns(plan);
    s_decide_mode(plan);
    uint64_t hash = act_program_signature(plan->operation, plan->script);
    bool changed = plan->prepared && hash != plan->operation->hash;
    if (changed)
        plan->former = plan->operation->hash;
    plan->operation->hash = hash;
    plan->prepared = true;
    if (changed) { /* peers go on with the former hash until they have heard of the new one */
        act_plan_index(self);
        proto_catalogue_seal(plan->generation->catalogue);
        act_db_announce(self);
    }
}

static void s_describe(act_db_t *self, const act_await_t *await, const PGresult *result)
{
    act_variant_t *variant = await->variant;
    bool first = variant == await->plan->stages[await->stage].variants[0] && !variant->described;
    s_describe_columns(variant, result);
    if (!first)
        return;
    s_describe_params(await->plan, variant, result);
    if (--await->plan->undescribed == 0)
        s_complete(self, await->plan);
}

bool act_plan_result(act_db_t *self, const act_await_t *await, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (await->kind == ACT_AWAIT_DESCRIBE && await->plan->generation == self->coming)
        self->coming->pending--;
    if (status == PGRES_COMMAND_OK) {
        if (await->kind == ACT_AWAIT_DESCRIBE)
            s_describe(self, await, result);
        return false;
    }
    await->variant->prepared = false;
    if (status == PGRES_PIPELINE_ABORTED)
        return false; /* what aborted it has been told */
    if (await->job && !await->job->failure) {
        await->job->failure = result;
        return true;
    }
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    await->plan->generation->failed_plans++;
    proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: %s", await->plan->script->file,
              await->plan->stages[await->stage].statement->line, await->plan->operation->name,
              message ? message : "not prepared");
    return false;
}

/* Sends the first variant of each statement, each with a Sync of its own, so that one mistake does not take
 * the others along. */
static int s_send_first(act_db_t *self, act_plan_t *plan)
{
    int rc = 0;
    plan->undescribed = plan->stage_count;
    for (uint32_t s = 0; s < plan->stage_count && rc == 0; s++) {
        rc = act_plan_prepare(self, plan, s, plan->stages[s].variants[0], NULL);
        plan->generation->pending += rc == 0;
        if (rc == 0)
            rc = act_sync(self);
    }
    return rc;
}

int act_plan_again(act_db_t *self, act_plan_t *plan)
{
    for (uint32_t s = 0; s < plan->stage_count; s++)
        for (uint32_t v = 0; v < plan->stages[s].variant_count; v++)
            s_rename(self, plan->stages[s].variants[v]); /* the old one may still be there */
    return s_send_first(self, plan);
}

/* A declared type that the database does not have cannot be sent. */
static bool s_types_known(const act_plan_t *plan)
{
    const proto_operation_t *operation = plan->script->operation;
    uint32_t at = plan->declared;
    for (uint32_t i = 0; i < operation->param_count; i++) {
        if (!operation->params[i].sql_type)
            continue;
        if (at >= plan->generation->declared_count || plan->generation->declared[at] == 0) {
            proto_log(PROTO_LOG_ERROR, "actors", "%s:%u: %s: the database has no type %s", plan->script->file,
                      plan->script->line, operation->params[i].name, operation->params[i].sql_type);
            return false;
        }
        at++;
    }
    return true;
}

static void s_make(act_db_t *self, act_generation_t *generation, act_plan_t *plan, uint32_t script,
                   uint32_t declared)
{
    const act_script_t *source = &generation->program->scripts[script];
    plan->generation = generation;
    plan->script = source;
    plan->operation = &generation->catalogue->operations[script];
    plan->declared = declared;
    plan->stage_count = source->statement_count;
    plan->stages = calloc(plan->stage_count + 1, sizeof *plan->stages);
    plan->composites = calloc(plan->operation->param_count + 1, sizeof *plan->composites);
    PROTO_ASSERT(plan->stages != NULL && plan->composites != NULL);
    for (uint32_t s = 0; s < plan->stage_count; s++) {
        plan->stages[s].statement = &source->statements[s];
        (void)s_add_variant(self, &plan->stages[s], source->statements[s].conditions);
    }
}

void act_plan_all(act_db_t *self, act_generation_t *generation)
{
    const act_program_t *program = generation->program;
    uint32_t declared = 0;
    generation->plans = calloc(program->script_count + 1, sizeof *generation->plans);
    PROTO_ASSERT(generation->plans != NULL);
    for (uint32_t i = 0; i < program->script_count; i++) {
        const proto_operation_t *operation = program->scripts[i].operation;
        if (!act_plan_is_mine(self, operation))
            continue;
        act_plan_t *plan = &generation->plans[generation->plan_count++];
        s_make(self, generation, plan, i, declared);
        for (uint32_t p = 0; p < operation->param_count; p++)
            declared += operation->params[p].sql_type != NULL;
        if (!s_types_known(plan) || s_send_first(self, plan) < 0)
            generation->failed_plans++;
    }
}

static void s_index_hash(act_db_t *self, uint64_t hash, act_plan_t *plan)
{
    uint32_t at = (uint32_t)hash & (self->by_hash_size - 1);
    while (self->by_hash[at])
        at = (at + 1) & (self->by_hash_size - 1);
    self->by_hash[at] = plan;
}

void act_plan_index(act_db_t *self)
{
    uint32_t count = 0;
    for (const act_generation_t *g = self->current; g; g = g->next)
        count += g->plan_count;
    free(self->by_hash);
    self->by_hash_size = 64;
    while (self->by_hash_size < count * 4)
        self->by_hash_size *= 2;
    self->by_hash = calloc(self->by_hash_size, sizeof *self->by_hash);
    PROTO_ASSERT(self->by_hash != NULL);
    for (const act_generation_t *g = self->current; g; g = g->next) {
        for (uint32_t i = 0; i < g->plan_count; i++) {
            s_index_hash(self, g->plans[i].operation->hash, &g->plans[i]);
            if (g->plans[i].former)
                s_index_hash(self, g->plans[i].former, &g->plans[i]);
        }
    }
}

act_plan_t *act_plan_find(const act_db_t *self, uint64_t hash, proto_bytes_t name)
{
    for (const act_generation_t *g = self->current; g && hash == 0; g = g->next)
        for (uint32_t i = 0; i < g->plan_count; i++)
            if (proto_bytes_is(name, g->plans[i].operation->name))
                return &g->plans[i];
    for (uint32_t at = (uint32_t)hash; hash; at++) {
        act_plan_t *plan = self->by_hash[at & (self->by_hash_size - 1)];
        if (!plan || ((plan->operation->hash == hash || plan->former == hash) && plan->prepared))
            return plan;
    }
    return NULL;
}
