/* SPDX-License-Identifier: MPL-2.0 */
/* Types by oid. Thread: the actor's. */
#include "act_types.h"

#include "act_typename.h"

void act_types_clear(act_types_t *self)
{
    proto_arena_free(&self->arena);
    *self = (act_types_t){0};
}

static act_type_t **s_bucket(const act_types_t *self, uint32_t oid)
{
    return (act_type_t **)&self->buckets[oid % ACT_TYPE_BUCKETS];
}

const act_type_t *act_types_find(const act_types_t *self, uint32_t oid)
{
    const act_type_t *type = *s_bucket(self, oid);
    while (type && type->oid != oid)
        type = type->next;
    return type;
}

const act_type_t *act_types_base(const act_types_t *self, uint32_t oid)
{
    const act_type_t *type = act_types_find(self, oid);
    for (int depth = 0; type && type->base && depth < 32; depth++)
        type = act_types_find(self, type->base);
    return type;
}

void act_types_add(act_types_t *self, uint32_t oid, const char *catalogue_name, const char *shown_name,
                   char typtype, uint32_t element, uint32_t base, char delimiter)
{
    act_type_t *type = proto_arena_alloc(&self->arena, sizeof *type);
    bool array;
    *type = (act_type_t){
        .oid = oid,
        .kind = element          ? ACT_TYPE_ARRAY
                : typtype == 'c' ? ACT_TYPE_COMPOSITE
                                 : ACT_TYPE_SCALAR,
        .data = typtype == 'e'   ? PROTO_DATA_ENUM
                : typtype == 'b' ? act_typename_data(proto_bytes_of(catalogue_name), &array)
                                 : PROTO_DATA_OTHER,
        .name = proto_arena_text(&self->arena, proto_bytes_of(shown_name)),
        .element = element,
        .base = base,
        .delimiter = delimiter,
        .next = *s_bucket(self, oid),
    };
    if (strcmp(catalogue_name, "char") == 0) /* the one-byte type: like text, but it must not be cut */
        type->data = PROTO_DATA_OTHER;
    *s_bucket(self, oid) = type;
}

void act_types_add_label(act_types_t *self, uint32_t oid, const char *label)
{
    act_type_t *type = (act_type_t *)act_types_find(self, oid);
    if (!type)
        return;
    if (type->label_count == type->label_room) {
        uint32_t room = type->label_room ? type->label_room * 2 : 8;
        const char **labels = proto_arena_alloc(&self->arena, room * sizeof *labels);
        if (type->label_count)
            memcpy(labels, type->labels, type->label_count * sizeof *labels);
        type->labels = labels;
        type->label_room = room;
    }
    type->labels[type->label_count++] = proto_arena_text(&self->arena, proto_bytes_of(label));
}

void act_types_add_attribute(act_types_t *self, uint32_t oid, const char *name, uint32_t attribute_oid)
{
    act_type_t *type = (act_type_t *)act_types_find(self, oid);
    if (!type)
        return;
    act_attribute_t *attribute = proto_arena_alloc(&self->arena, sizeof *attribute);
    attribute->name = proto_arena_text(&self->arena, proto_bytes_of(name));
    attribute->oid = attribute_oid;
    if (type->last)
        type->last->next = attribute;
    else
        type->attributes = attribute;
    type->last = attribute;
}

/* The labels of an enum become the parameter's values, unless the file has listed fewer. */
static void s_fill_values(const act_type_t *type, proto_arena_t *arena, proto_param_t *param)
{
    if (param->values || type->label_count == 0)
        return;
    const char **values = proto_arena_alloc(arena, type->label_count * sizeof *values);
    for (uint32_t i = 0; i < type->label_count; i++)
        values[i] = proto_arena_text(arena, proto_bytes_of(type->labels[i]));
    param->values = values;
    param->value_count = type->label_count;
}

void act_types_fill(const act_types_t *self, uint32_t oid, proto_arena_t *arena, proto_param_t *param)
{
    const act_type_t *type = act_types_find(self, oid);
    if (!type)
        return;
    param->sql_type = proto_arena_text(arena, proto_bytes_of(type->name));
    type = act_types_base(self, oid);
    param->array = type && type->kind == ACT_TYPE_ARRAY;
    if (param->array)
        type = act_types_base(self, type->element);
    param->data = type ? type->data : PROTO_DATA_OTHER;
    if (type && type->kind == ACT_TYPE_COMPOSITE && type->attributes)
        param->data = PROTO_DATA_COMPOSITE;
    if (type)
        s_fill_values(type, arena, param);
}
