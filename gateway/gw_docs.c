/* SPDX-License-Identifier: MPL-2.0 */
/* GET /openapi.json and the documentation page. The description is made when somebody asks for the first
 * time, once per generation of the catalogue. Thread: the gateway's. */
#include "gw_docs.h"

#include "gw_etag.h"
#include "gw_internal.h"
#include "gw_openapi.h"
#include "proto_log.h"

/* Makes the description where it is not there yet. */
static int s_describe(gw_generation_t *generation)
{
    proto_buf_t *out = &generation->openapi;
    if (out->size)
        return 0;
    if (gw_openapi_write(generation->router, (const proto_catalogue_t *const *)generation->catalogues,
                         generation->count, out) < 0) {
        proto_log(PROTO_LOG_ERROR, "gateway", "the API's description could not be made");
        proto_buf_free(out);
        return -1;
    }
    generation->openapi_tag = gw_etag_hash(proto_buf_bytes(out));
    return 0;
}

static void s_openapi(gw_gateway_t *self, gw_request_t *request)
{
    gw_generation_t *generation = request->generation;
    if (generation->count == 0) {
        gw_answer_error(self, request, PROTO_ERROR_not_ready,
                        proto_bytes_of("no worker has told its endpoints yet"));
        return;
    }
    if (s_describe(generation) < 0) {
        gw_answer_error(self, request, PROTO_ERROR_internal, (proto_bytes_t){0});
        return;
    }
    request->tag = generation->openapi_tag;
    gw_answer_begin(self, request);
    gw_answer(self, request, 200, "application/json", proto_buf_bytes(&generation->openapi), false);
}

void gw_docs_serve(gw_gateway_t *self, gw_request_t *request)
{
    if (request->builtin == GW_BUILTIN_OPENAPI) {
        s_openapi(self, request);
        return;
    }
    gw_answer_begin(self, request);
    if (request->builtin == GW_BUILTIN_DOCS_SCRIPT)
        gw_answer(self, request, 200, "text/javascript; charset=utf-8", gw_docs_js, false);
    else if (request->builtin == GW_BUILTIN_DOCS_STYLE)
        gw_answer(self, request, 200, "text/css; charset=utf-8", gw_docs_css, false);
    else
        gw_answer(self, request, 200, "text/html; charset=utf-8", gw_docs_html, false);
}
