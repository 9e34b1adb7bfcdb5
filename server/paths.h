/* SPDX-License-Identifier: MPL-2.0 */
/* Where things are. Thread: main. */
#ifndef SRV_PATHS_H
#define SRV_PATHS_H

#include "proto_buf.h"

/* The folder with endpoints/ and migrations/: `option` when it is not empty, else the GatheRing API that was
 * installed with this program or is in the source tree that it was built in. -1 with a sentence in `why` when
 * there is none. */
PROTO_MUST_CHECK int srv_api_dir(const char *option, char *dir, size_t size, proto_buf_t *why);
/* The folder whose files `muster new` copies, found the same way. */
PROTO_MUST_CHECK int srv_template_dir(char *dir, size_t size, proto_buf_t *why);
/* The endpoint of the broker's local socket that the option --ipc means (its default when `path` is empty),
 * as "ipc:///path". -1 when the path is too long for a socket (sockaddr_un). */
PROTO_MUST_CHECK int srv_ipc_endpoint(const char *path, char *endpoint, size_t size);

#endif
