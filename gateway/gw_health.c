/* SPDX-License-Identifier: MPL-2.0 */
/* The health endpoints. /health/live speaks for this thread alone; the others ask the brokers, one after the
 * other until one can tell, with a short deadline and answer whatever comes of it, so that they work best
 * when something is wrong. Thread: the gateway's. */
#include "gw_feed.h"

#include "proto_clock.h"
#include "proto_json.h"
#include "proto_log.h"

#define S_GB 1073741824.0

static void s_json(gw_gateway_t *self, gw_request_t *request, int status)
{
    gw_answer_begin(self, request);
    if (status == 503)
        proto_buf_string(&self->extra, "Retry-After: 1\r\n");
    gw_answer(self, request, status, "application/json", proto_buf_bytes(&self->json), false);
}

static double s_used_percent(double total, double available)
{
    return total > 0 ? 100.0 * (total - available) / total : 0;
}

static void s_system(gw_gateway_t *self, gw_request_t *request)
{
    gw_system_t system;
    gw_system_read(&self->cpu, &system);
    proto_buf_t *out = &self->json;
    proto_buf_reset(out);
    proto_buf_printf(out, "{\"cpu\":{\"percent\":%.1f,\"count\":%u,\"frequency_mhz\":", system.cpu_percent,
                     system.cpu_count);
    proto_buf_printf(out, system.cpu_mhz > 0 ? "%.0f}" : "null}", system.cpu_mhz);
    proto_buf_printf(
        out, ",\"memory\":{\"total_gb\":%.2f,\"available_gb\":%.2f,\"used_gb\":%.2f,\"percent\":%.1f}",
        system.memory_total / S_GB, system.memory_available / S_GB,
        (system.memory_total - system.memory_available) / S_GB,
        s_used_percent(system.memory_total, system.memory_available));
    proto_buf_printf(out, ",\"disk\":{\"total_gb\":%.2f,\"used_gb\":%.2f,\"free_gb\":%.2f,\"percent\":%.1f}",
                     system.disk_total / S_GB, (system.disk_total - system.disk_free) / S_GB,
                     system.disk_free / S_GB, s_used_percent(system.disk_total, system.disk_free));
    proto_buf_printf(
        out, ",\"load_average\":{\"1min\":%.2f,\"5min\":%.2f,\"15min\":%.2f},\"uptime_seconds\":%.0f}",
        system.load[0], system.load[1], system.load[2], system.uptime);
    s_json(self, request, 200);
}

static double s_uptime(gw_gateway_t *self)
{
    return (double)(gw_now(self) - self->started_ms) / 1000.0;
}

/* A count out of health_counts' row; `absent` when the database gave none. */
static int64_t s_count(proto_bytes_t document, const char *key, int64_t absent)
{
    return document.size ? proto_value_get_int(document, key, absent) : absent;
}

/* The operation that counts the application's things, NULL for an API without one. */
static const proto_operation_t *s_counts(const gw_gateway_t *self)
{
    return gw_generation_find(self->generation, "health_counts");
}

static void s_write_count(proto_buf_t *out, const char *key, proto_bytes_t document)
{
    int64_t count = s_count(document, key, -1);
    proto_buf_printf(out, ",\"%s\":", key);
    proto_buf_printf(out, count < 0 ? "null" : "%lld", (long long)count);
}

static void s_health(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document)
{
    proto_buf_t *out = &self->json;
    proto_buf_reset(out);
    proto_buf_printf(out, "{\"status\":\"%s\",\"version\":\"" MUSTER_VERSION "\",\"uptime_seconds\":%.1f",
                     document.size ? "healthy" : "degraded", s_uptime(self));
    if (s_counts(self)) {
        s_write_count(out, "agents_count", document);
        s_write_count(out, "circles_count", document);
        s_write_count(out, "active_tasks", document);
    }
    proto_buf_byte(out, '}');
    s_json(self, request, 200);
}

typedef enum { S_HEALTHY, S_WARNING, S_CRITICAL } s_level_t;
static const char *const s_level_names[] = {"healthy", "warning", "critical"};

typedef struct s_checks {
    proto_buf_t *out;
    proto_buf_t time;
    s_level_t worst;
    int count;
} s_checks_t;

/* Appends one check; empty `message` or `value` is null. */
static void s_check(s_checks_t *self, const char *name, s_level_t level, proto_bytes_t message,
                    const char *value)
{
    proto_buf_printf(self->out, "%s{\"name\":\"%s\",\"status\":\"%s\",\"message\":", self->count++ ? "," : "",
                     name, s_level_names[level]);
    size_t before = self->out->size;
    if (message.size == 0 || proto_json_string(self->out, message) < 0) {
        self->out->size = before;
        proto_buf_string(self->out, "null");
    }
    proto_buf_printf(self->out, value[0] ? ",\"value\":\"%s\"" : ",\"value\":null", value);
    proto_buf_printf(self->out, ",\"last_check\":\"%s\"}", proto_buf_text(&self->time));
    if (level > self->worst)
        self->worst = level;
}

static s_level_t s_level(double percent, double warning, double critical)
{
    return percent >= critical ? S_CRITICAL : percent >= warning ? S_WARNING : S_HEALTHY;
}

/* One that does not answer is a warning as long as another does. */
static void s_check_brokers(s_checks_t *self, gw_gateway_t *gateway)
{
    bool any = gw_brokers_choose(gateway, 0) != NULL;
    for (uint32_t i = 0; i < gateway->brokers.count; i++) {
        const gw_broker_t *broker = &gateway->brokers.all[i];
        bool lives = proto_wire_alive(broker->wire, gw_now(gateway));
        char name[320];
        snprintf(name, sizeof name, "Broker %.300s", broker->address->endpoint);
        s_check(self, name,
                lives ? S_HEALTHY
                : any ? S_WARNING
                      : S_CRITICAL,
                lives ? (proto_bytes_t){0} : proto_bytes_of("does not answer"), lives ? "answers" : "");
    }
}

static void s_check_machine(s_checks_t *self, gw_gateway_t *gateway)
{
    gw_system_t system;
    char value[32];
    gw_system_read(&gateway->cpu, &system);
    double memory = s_used_percent(system.memory_total, system.memory_available);
    double disk = s_used_percent(system.disk_total, system.disk_free);
    snprintf(value, sizeof value, "%.1f%%", memory);
    s_check(self, "Memory Usage", s_level(memory, 70, 90), (proto_bytes_t){0}, value);
    snprintf(value, sizeof value, "%.1f%%", disk);
    s_check(self, "Disk Space", s_level(disk, 80, 90), (proto_bytes_t){0}, value);
}

static void s_check_counts(s_checks_t *self, proto_bytes_t document)
{
    int64_t agents = s_count(document, "agents_count", 0);
    char value[64];
    snprintf(value, sizeof value, "%lld", (long long)agents);
    s_check(self, "Agents", agents > 0 ? S_HEALTHY : S_WARNING,
            agents > 0 ? (proto_bytes_t){0} : proto_bytes_of("no agents"), value);
    snprintf(value, sizeof value, "%lld/%lld", (long long)s_count(document, "circles_running", 0),
             (long long)s_count(document, "circles_count", 0));
    s_check(self, "Circles", S_HEALTHY, (proto_bytes_t){0}, value);
}

static void s_checks(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document,
                     const gw_problem_t *problem)
{
    s_checks_t checks = {.out = &self->json};
    char value[32];
    proto_buf_reset(checks.out);
    proto_log_time(&checks.time);
    proto_buf_string(checks.out, "{\"checks\":[");
    s_check(&checks, "API Server", S_HEALTHY, (proto_bytes_t){0}, "running");
    snprintf(value, sizeof value, "%.1f ms", (double)(proto_clock_us() - request->started_us) / 1000.0);
    s_check(&checks, "Database", document.size ? S_HEALTHY : S_CRITICAL,
            problem ? problem->detail : (proto_bytes_t){0}, document.size ? value : "");
    s_check_brokers(&checks, self);
    s_check_machine(&checks, self);
    if (s_counts(self))
        s_check_counts(&checks, document);
    proto_buf_printf(checks.out, "],\"overall_status\":\"%s\"}", s_level_names[checks.worst]);
    proto_buf_free(&checks.time);
    s_json(self, request, 200);
}

/* The broker's table of services: ready when "db", or any service when there is no such, has a worker. */
static bool s_has_workers(proto_bytes_t document)
{
    proto_reader_t reader = proto_reader(document);
    proto_value_t list;
    bool any = false, database = false, database_served = false;
    if (proto_value_check(document) < 0 || proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
        return false;
    for (uint32_t i = 0; i < list.count; i++) {
        proto_bytes_t row;
        if (proto_value_skip(&reader, &row) < 0)
            return false;
        bool served = proto_value_get_int(row, "workers", 0) > 0;
        any = any || served;
        if (proto_bytes_is(proto_value_get_str(row, "service", ""), "db")) {
            database = true;
            database_served = served;
        }
    }
    return database ? database_served : any;
}

static void s_ready(gw_gateway_t *self, gw_request_t *request, const char *reason)
{
    proto_buf_reset(&self->json);
    if (reason)
        proto_buf_printf(&self->json, "{\"ready\":false,\"reason\":\"%s\"}", reason);
    else
        proto_buf_string(&self->json, "{\"ready\":true}");
    s_json(self, request, reason ? 503 : 200);
}

/* Asks a broker that was not asked yet. */
static proto_error_t s_ask(gw_gateway_t *self, gw_request_t *request)
{
    if (request->id == 0)
        return PROTO_ERROR_overloaded;
    if (request->builtin == GW_BUILTIN_READY)
        return gw_send_name(self, request, "muster", "services");
    const proto_operation_t *operation = s_counts(self);
    if (!operation)
        operation = gw_generation_find(self->generation, "muster_ping");
    return operation ? gw_send_name(self, request, operation->service, operation->name)
                     : PROTO_ERROR_no_worker;
}

static void s_serve_ready(gw_gateway_t *self, gw_request_t *request)
{
    proto_error_t error = PROTO_ERROR_none;
    if (self->leaving)
        s_ready(self, request, "shutting_down");
    else if (self->generation->count == 0)
        s_ready(self, request, "no_catalogue");
    else if (!gw_feed_can_tell(self))
        s_ready(self, request, "no_revocations");
    else if ((error = s_ask(self, request)))
        s_ready(self, request, error == PROTO_ERROR_not_ready ? "no_broker" : "overloaded");
}

static void s_serve_counts(gw_gateway_t *self, gw_request_t *request)
{
    proto_error_t error = s_ask(self, request);
    if (!error)
        return;
    gw_problem_t problem = gw_problem_of(
        error, error == PROTO_ERROR_no_worker   ? proto_bytes_of("no database worker has been seen yet")
               : error == PROTO_ERROR_not_ready ? proto_bytes_of("no broker answers")
                                                : (proto_bytes_t){0});
    gw_health_finish(self, request, (proto_bytes_t){0}, &problem);
}

void gw_health_serve(gw_gateway_t *self, gw_request_t *request)
{
    switch (request->builtin) {
    case GW_BUILTIN_LIVE:
        proto_buf_reset(&self->json);
        proto_buf_string(&self->json, "{\"alive\":true}");
        s_json(self, request, 200);
        break;
    case GW_BUILTIN_READY:
        s_serve_ready(self, request);
        break;
    case GW_BUILTIN_SYSTEM:
        s_system(self, request);
        break;
    default:
        s_serve_counts(self, request);
    }
}

void gw_health_finish(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document,
                      const gw_problem_t *problem)
{
    bool good = request->builtin == GW_BUILTIN_READY ? s_has_workers(document) : document.size > 0;
    if (!good && request->tried && s_ask(self, request) == PROTO_ERROR_none)
        return; /* one that can is enough */
    if (request->builtin == GW_BUILTIN_READY)
        s_ready(self, request, good ? NULL : "no_workers");
    else if (request->builtin == GW_BUILTIN_CHECKS)
        s_checks(self, request, document, problem);
    else
        s_health(self, request, document);
}
