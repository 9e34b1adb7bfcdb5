/* SPDX-License-Identifier: MPL-2.0 */
/* The description of the whole API as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1), made from what
 * workers have published. A core: no I/O. Thread: the gateway thread that owns the router. */
#ifndef GW_OPENAPI_H
#define GW_OPENAPI_H

#include "gw_endpoint.h"

/* Appends the JSON text. What `router` does not serve (another catalogue's operation is there, the path is
 * too long) is left out. -1 when it cannot be made; what was appended is then to be discarded. */
PROTO_MUST_CHECK int gw_openapi_write(const gw_router_t *router, const proto_catalogue_t *const *catalogues,
                                      size_t count, proto_buf_t *out);

#endif
