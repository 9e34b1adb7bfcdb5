/* SPDX-License-Identifier: MPL-2.0 */
/* A new API folder from the template. Thread: main. */
#ifndef SRV_SCAFFOLD_H
#define SRV_SCAFFOLD_H

#include "proto_buf.h"

/* The files of a new folder, relative to it; ends by NULL. */
extern const char *const srv_scaffold_files[];

/* The last segment of `path` that is not empty: what the new API is called. 0; -1 with a sentence in `why`
 * when it is no name, which has 1 to 63 of A-Z a-z 0-9 - _ . and begins with a letter or a digit, so that it
 * can stand in any command as it is. `name` borrows from `path`. */
PROTO_MUST_CHECK int srv_scaffold_name(const char *path, proto_bytes_t *name, proto_buf_t *why);
/* Makes the folder `path`, which must not exist or be empty, from the files below `template_dir`, where
 * @NAME@ stands for `name`. The folder above it must exist. -1 with a sentence in `why`; no file is ever
 * overwritten. */
PROTO_MUST_CHECK int srv_scaffold_make(const char *path, proto_bytes_t name, const char *template_dir,
                                       proto_buf_t *why);

#endif
