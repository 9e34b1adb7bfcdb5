/* SPDX-License-Identifier: MPL-2.0 */
/* What the admin address answers, and the figures about the process itself. Thread: the admin thread. */
#include "admin_serve.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "proto_clock.h"

typedef struct s_process {
    uint64_t cpu_us, resident, fds, most_fds, threads, started_ms, built;
} s_process_t;

#define S_ROW(field, metric_kind, metric_unit, metric_labels, metric_name, metric_help)                      \
    {                                                                                                        \
        .name = metric_name, .help = metric_help, .kind = metric_kind, .unit = metric_unit,                  \
        .labels = metric_labels, .at = offsetof(s_process_t, field)                                          \
    }
static const proto_metric_t s_table[] = {
    S_ROW(cpu_us, PROTO_COUNTER, PROTO_UNIT_US, NULL, "process_cpu_seconds_total",
          "CPU time of the process, user and system."),
    S_ROW(resident, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, "process_resident_memory_bytes",
          "Memory of the process that is in RAM."),
    S_ROW(fds, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, "process_open_fds", "Open file descriptors."),
    S_ROW(most_fds, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, "process_max_fds", "Most file descriptors."),
    S_ROW(threads, PROTO_GAUGE, PROTO_UNIT_ONE, NULL, "process_threads", "Threads of the process."),
    S_ROW(started_ms, PROTO_GAUGE, PROTO_UNIT_MS, NULL, "process_start_time_seconds",
          "When the process began, in seconds since 1970."),
    S_ROW(built, PROTO_GAUGE, PROTO_UNIT_ONE, "version=\"" MUSTER_VERSION "\"", "muster_build_info",
          "Always 1; the label tells the version."),
};

void srv_admin_pages_init(srv_admin_pages_t *self, proto_metrics_t *metrics, bool loopback)
{
    *self = (srv_admin_pages_t){
        .metrics = metrics, .loopback = loopback, .started_ms = proto_clock_wall_us() / 1000};
    self->process = proto_metrics_add(metrics, s_table, sizeof s_table / sizeof *s_table, "", false);
}

void srv_admin_pages_free(srv_admin_pages_t *self)
{
    proto_buf_free(&self->body);
    proto_buf_free(&self->extra);
}

static uint64_t s_entries(const char *path)
{
    uint64_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static uint64_t s_resident(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void s_look_at_process(srv_admin_pages_t *self)
{
    struct rusage used;
    struct rlimit files;
    s_process_t process = {
        .resident = s_resident(),
        .fds = s_entries("/proc/self/fd"),
        .threads = s_entries("/proc/self/task"),
        .started_ms = (uint64_t)self->started_ms,
        .built = 1,
    };
    if (getrusage(RUSAGE_SELF, &used) == 0)
        process.cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                         (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        process.most_fds = files.rlim_cur;
    proto_metrics_publish(self->process, &process);
}

/* On loopback a page of some other name could be led here by its DNS; it is not for the pages of others. */
static bool s_is_ours(const srv_admin_pages_t *self, proto_bytes_t host)
{
    char name[64], address[64];
    uint16_t port;
    if (!self->loopback || host.size == 0) /* none: HTTP/1.0, which browsers do not speak */
        return true;
    if (host.size + sizeof ":80" > sizeof name)
        return false;
    memcpy(name, host.data, host.size);
    const uint8_t *bracket = memchr(host.data, ']', host.size);
    bool has_port =
        memchr(bracket ? bracket : host.data, ':', host.size - (size_t)(bracket ? bracket - host.data : 0));
    strcpy(name + host.size, has_port ? "" : ":80");
    return srv_split_address(name, address, &port) == 0 && srv_is_loopback(address);
}

static void s_refuse(gw_http_response_t *response, int status, const char *sentence)
{
    response->status = status;
    response->content_type = "text/plain; charset=utf-8";
    response->body = proto_bytes_of(sentence);
}

static void s_find(srv_admin_pages_t *self, proto_bytes_t path, gw_http_response_t *response)
{
    if (proto_bytes_is(path, "/metrics")) {
        s_look_at_process(self);
        proto_metrics_write(self->metrics, &self->body);
        response->content_type = PROTO_METRICS_TYPE;
        response->body = proto_buf_bytes(&self->body);
    } else if (proto_bytes_is(path, "/status.json")) {
        s_look_at_process(self);
        proto_metrics_json(self->metrics, &self->body);
        response->content_type = "application/json";
        response->body = proto_buf_bytes(&self->body);
    } else if (proto_bytes_is(path, "/")) {
        response->content_type = "text/html; charset=utf-8";
        response->body = srv_admin_html;
    } else if (proto_bytes_is(path, "/app.js")) {
        response->content_type = "text/javascript; charset=utf-8";
        response->body = srv_admin_js;
    } else if (proto_bytes_is(path, "/style.css")) {
        response->content_type = "text/css; charset=utf-8";
        response->body = srv_admin_css;
    } else {
        s_refuse(response, 404, "There is /metrics, / and /status.json.\n");
    }
}

void srv_admin_answer(srv_admin_pages_t *self, const gw_http_request_t *request, gw_http_response_t *response)
{
    *response = (gw_http_response_t){.status = 200};
    proto_buf_reset(&self->body);
    proto_buf_reset(&self->extra);
    proto_buf_string(
        &self->extra,
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
        "Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "
        "style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
        "'none'\r\n");
    if (!proto_bytes_is(request->method, "GET") && !proto_bytes_is(request->method, "HEAD")) {
        s_refuse(response, 405, "This address takes GET and HEAD.\n");
        proto_buf_string(&self->extra, "Allow: GET, HEAD\r\n");
    } else if (!s_is_ours(self, gw_http_header(request, "host"))) {
        s_refuse(response, 403, "Ask for localhost or an address of this machine.\n");
    } else {
        s_find(self, request->path, response);
    }
    if (self->body.failed)
        s_refuse(response, 500, "There was not enough memory.\n");
    response->extra = proto_buf_bytes(&self->extra);
}
