/* SPDX-License-Identifier: MPL-2.0 */
/* Loading endpoint files. Thread: main. */
#include "reload.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "paths.h"
#include "proto_clock.h"
#include "proto_log.h"

/* Over names, sizes and times of the files: cheap enough to look at a few times a second. */
static uint64_t s_fingerprint(const char *folder)
{
    uint64_t hash = PROTO_HASH_SEED;
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[8192];
        struct stat stat_;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(path, &stat_) == 0) {
            hash = proto_hash(hash, names[i]->d_name, strlen(names[i]->d_name));
            hash = proto_hash(hash, &stat_.st_size, sizeof stat_.st_size);
            hash = proto_hash(hash, &stat_.st_mtim, sizeof stat_.st_mtim);
            hash = proto_hash(hash, &stat_.st_ino, sizeof stat_.st_ino);
        }
        free(names[i]);
    }
    free(names);
    return hash;
}

bool srv_reload_changed(srv_reload_t *self)
{
    uint64_t now = s_fingerprint(self->folder);
    bool changed = now != self->seen;
    self->seen = now;
    return changed;
}

int srv_reload_open(srv_reload_t *self, const char *dir, proto_buf_t *why)
{
    proto_buf_t errors = PROTO_BUF_INIT;
    *self = (srv_reload_t){0};
    if (srv_api_dir(dir, self->folder, sizeof self->folder - 16, why) < 0)
        return -1;
    strcat(self->folder, "/endpoints");
    self->seen = s_fingerprint(self->folder);
    act_program_t *program = act_program_load(self->folder, (uint64_t)proto_clock_wall_us(), &errors);
    if (program) {
        self->programs = act_current_new(&program);
    } else {
        fputs(proto_buf_text(&errors), stderr);
        proto_buf_string(why, "the endpoint files have mistakes");
    }
    proto_buf_free(&errors);
    return self->programs ? 0 : -1;
}

void srv_reload_close(srv_reload_t *self)
{
    act_current_free(&self->programs);
}

int srv_reload_again(srv_reload_t *self)
{
    proto_buf_t errors = PROTO_BUF_INIT;
    self->seen = s_fingerprint(self->folder);
    act_program_t *program = act_program_load(self->folder, (uint64_t)proto_clock_wall_us(), &errors);
    int rc = program ? 0 : -1;
    if (program) {
        proto_log(PROTO_LOG_INFO, "server", "reloaded: %u operations", program->script_count);
        act_current_set(self->programs, &program);
    } else {
        for (const char *line = proto_buf_text(&errors); *line; line += strcspn(line, "\n") + 1)
            proto_log(PROTO_LOG_ERROR, "server", "%.*s", (int)strcspn(line, "\n"), line);
        proto_log(PROTO_LOG_ERROR, "server",
                  "not reloaded: the endpoint files have mistakes; the former ones stay");
    }
    proto_buf_free(&errors);
    return rc;
}
