/* SPDX-License-Identifier: MPL-2.0 */
/* The types of one database by oid, as pg_type tells them: what a value's text means and how an array, a
 * composite or a domain is made of others. Filled when an actor connects. A core: no I/O. Thread: the
 * actor's. */
#ifndef ACT_TYPES_H
#define ACT_TYPES_H

#include "proto_catalogue.h"

typedef enum { ACT_TYPE_SCALAR, ACT_TYPE_ARRAY, ACT_TYPE_COMPOSITE } act_type_kind_t;

typedef struct act_attribute {
    const char *name;
    uint32_t oid;
    struct act_attribute *next;
} act_attribute_t;

typedef struct act_type {
    uint32_t oid;
    act_type_kind_t kind;
    proto_data_t data;   /* of a scalar; of a domain: its base's */
    const char *name;    /* as format_type() shows it */
    uint32_t element;    /* ARRAY: oid of its items */
    char delimiter;      /* between its items when it is an array's item */
    uint32_t base;       /* of a domain; 0 else */
    const char **labels; /* of an enum, in order */
    uint32_t label_count, label_room;
    act_attribute_t *attributes, *last; /* COMPOSITE, in order */
    struct act_type *next;
} act_type_t;

enum { ACT_TYPE_BUCKETS = 512 };

typedef struct act_types {
    proto_arena_t arena;
    act_type_t *buckets[ACT_TYPE_BUCKETS];
} act_types_t;

/* Forgets everything. */
void act_types_clear(act_types_t *self);
/* A row of pg_type: typtype ('b', 'c', 'd', 'e' ...), the item's oid when it is a true array (else 0), the
 * base's oid of a domain (else 0), the delimiter; texts are copied. */
void act_types_add(act_types_t *self, uint32_t oid, const char *catalogue_name, const char *shown_name,
                   char typtype, uint32_t element, uint32_t base, char delimiter);
/* A label of an enum, an attribute of a composite: in their order. Unknown oids are ignored. */
void act_types_add_label(act_types_t *self, uint32_t oid, const char *label);
void act_types_add_attribute(act_types_t *self, uint32_t oid, const char *name, uint32_t attribute_oid);
/* The type itself, or NULL; and with domains followed to their base. */
const act_type_t *act_types_find(const act_types_t *self, uint32_t oid);
const act_type_t *act_types_base(const act_types_t *self, uint32_t oid);
/* Completes a parameter: its type's name, kind, arrayness and, for an enum, its values. */
void act_types_fill(const act_types_t *self, uint32_t oid, proto_arena_t *arena, proto_param_t *param);

#endif
