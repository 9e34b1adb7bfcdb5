/* SPDX-License-Identifier: MPL-2.0 */
/* What the admin address answers. Thread: the admin thread. */
#ifndef SRV_ADMIN_SERVE_H
#define SRV_ADMIN_SERVE_H

#include "gw_http.h"
#include "proto_metrics.h"

typedef struct srv_admin_pages {
    proto_metrics_t *metrics;       /* borrowed */
    proto_metrics_group_t *process; /* about this process: filled in before each look */
    bool loopback;                  /* then only names of this machine are taken for its own */
    int64_t started_ms;             /* wall clock */
    proto_buf_t body, extra;        /* of the answer being made */
} srv_admin_pages_t;

void srv_admin_pages_init(srv_admin_pages_t *self, proto_metrics_t *metrics, bool loopback);
void srv_admin_pages_free(srv_admin_pages_t *self);
/* The answer to a request; it borrows from *self until the next call. */
void srv_admin_answer(srv_admin_pages_t *self, const gw_http_request_t *request,
                      gw_http_response_t *response);

/* The files of the status page, as bytes in the program (embed.cmake). */
extern const proto_bytes_t srv_admin_html, srv_admin_js, srv_admin_css;

#endif
