/* SPDX-License-Identifier: MPL-2.0 */
/* The files of the documentation page, as bytes in the program (made from gw_docs.html, .js and .css by
 * embed.cmake). Thread: any. */
#ifndef GW_DOCS_H
#define GW_DOCS_H

#include "proto_buf.h"

extern const proto_bytes_t gw_docs_html, gw_docs_js, gw_docs_css;

#endif
