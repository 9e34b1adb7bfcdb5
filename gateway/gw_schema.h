/* SPDX-License-Identifier: MPL-2.0 */
/* JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) of parameters, columns and whole answers, and an example
 * of each. A schema of an answer allows all that PostgreSQL may give: every column may be NULL, and a type
 * that is not known here may be anything. Left out on purpose: NaN and the infinities, which come as texts,
 * and arrays of several dimensions. A core: no I/O. Thread: any. */
#ifndef GW_SCHEMA_H
#define GW_SCHEMA_H

#include "gw_tree.h"
#include "proto_catalogue.h"

/* Appends the schema of a parameter's values as the member `key`; the parameter of a JSON body may be null
 * when it is not required, one in a path, query, header or form cannot be. */
void gw_schema_param(gw_tree_t *tree, const char *key, const proto_param_t *param);
/* Appends a value that this schema takes. */
void gw_schema_param_example(gw_tree_t *tree, const char *key, const proto_param_t *param);
/* Appends the schema of a column, by PostgreSQL's name of its type ("bigint", "text[]"), and an example. */
void gw_schema_column(gw_tree_t *tree, const char *key, const char *sql_type);
void gw_schema_column_example(gw_tree_t *tree, const char *key, const char *sql_type);

/* gw_shape.c: the schema of a successful answer, by operation->returns and its columns, and an example. A
 * shape that is not understood may be anything. */
void gw_shape_schema(gw_tree_t *tree, const char *key, const proto_operation_t *operation);
void gw_shape_example(gw_tree_t *tree, const char *key, const proto_operation_t *operation);

#endif
