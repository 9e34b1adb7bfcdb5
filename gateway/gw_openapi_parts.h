/* SPDX-License-Identifier: MPL-2.0 */
/* The parts of the OpenAPI description, shared by gw_openapi*.c. A core: no I/O. Thread: see gw_openapi.h. */
#ifndef GW_OPENAPI_PARTS_H
#define GW_OPENAPI_PARTS_H

#include "gw_key.h"
#include "gw_schema.h"

/* gw_openapi_request.c: "parameters" and "requestBody" of an operation that take something. `path` is the key
 * that the operation stands under: its {names} are used for path parameters, whatever the operation calls
 * them. */
void gw_openapi_request(gw_tree_t *tree, const proto_operation_t *operation, const char *path);
/* Whether a client can send it anything. */
bool gw_openapi_takes(const proto_operation_t *operation);
/* The same for a JSON body or a form. */
bool gw_openapi_takes_body(const proto_operation_t *operation);

/* gw_openapi_answer.c: "responses" of an operation, and what is shared by all of them: "components". */
void gw_openapi_responses(gw_tree_t *tree, const proto_operation_t *operation);
void gw_openapi_components(gw_tree_t *tree);

#endif
