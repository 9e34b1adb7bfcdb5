/* SPDX-License-Identifier: MPL-2.0 */
/* `muster serve`: settings, checks, start, wait for a signal, drain, stop. Thread: main. */
#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "client.h"
#include "commands.h"
#include "database.h"
#include "gw_cors.h"
#include "paths.h"
#include "port.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "reload.h"
#include "serve.h"

enum { S_WATCH_MS = 250, S_IDLE_MS = 3600000, S_READY_MS = 10000, S_READY_POLL_MS = 20 };

static void s_help(void)
{
    puts(
        "usage: muster serve [options]\n"
        "\n"
        "Runs broker, database actors, chat worker and HTTP gateway in one process. Ctrl-C or SIGTERM lets "
        "what is\n"
        "under way finish, then exits 0; a second one ends it at once. SIGHUP loads the endpoint files anew; "
        "--dev\n"
        "does so by itself when they change.\n");
    srv_config_help(SRV_SET_ALL);
    puts("\nA flag wins over the environment, the environment over the file. NAME_FILE in the environment "
         "names a file\n"
         "that holds the value, for secrets.");
}

static void s_signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

/* The next of these signals or SIGHUP; -1 when none comes in time. */
static int s_next_signal(int64_t ms)
{
    sigset_t set;
    s_signal_set(&set);
    sigaddset(&set, SIGHUP);
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return sigtimedwait(&set, NULL, &wait);
}

static bool s_wait_signal(int64_t ms)
{
    sigset_t set;
    s_signal_set(&set);
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return sigtimedwait(&set, NULL, &wait) > 0;
}

/* Whether a further signal has come; stays true then. */
static bool s_interrupted(void)
{
    static bool interrupted;
    interrupted = interrupted || s_wait_signal(0);
    return interrupted;
}

/* Signals come to main alone: every thread started later inherits the mask. A terminal that went away must
 * not kill a write half said. */
static void s_take_signals(void)
{
    sigset_t set;
    s_signal_set(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    zsys_init();
    zsys_handler_set(NULL);
}

static int s_setup_log(const srv_config_t *config, proto_buf_t *why)
{
    proto_log_level_t level;
    const char *format = srv_config_text(config, SRV_OPT_log_format);
    const char *access = srv_config_text(config, SRV_OPT_access_log);
    if (proto_log_level_parse(srv_config_text(config, SRV_OPT_log_level), &level) < 0)
        proto_buf_string(why, "--log-level is debug, info, warn, error or off");
    else if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        proto_buf_string(why, "--log-format is text or json");
    else if (strcmp(access, "on") != 0 && strcmp(access, "off") != 0)
        proto_buf_string(why, "--access-log is on or off");
    else
        proto_log_setup(level, strcmp(format, "json") == 0);
    return why->size ? -1 : 0;
}

/* --dev leaves the doors open, so it stays inside the machine. */
static int s_check_dev(const srv_config_t *config, srv_serve_plan_t *plan, proto_buf_t *why)
{
    bool dev = srv_config_number(config, SRV_OPT_dev), any = srv_config_number(config, SRV_OPT_any_address);
    const char *bind = srv_config_text(config, SRV_OPT_bind);
    if (!dev) {
        if (*bind && strcmp(bind, "none") != 0)
            proto_buf_string(why,
                             "--bind is for --dev only: a tcp endpoint needs CURVE, which is not there yet");
        return why->size ? -1 : 0;
    }
    if (!srv_is_loopback(plan->address) && !any)
        proto_buf_printf(why, "--dev binds loopback only, not %s (--dev-any-address lets it)", plan->address);
    else if (!*bind)
        plan->open_endpoint = "tcp://127.0.0.1:5555";
    else if (strcmp(bind, "none") != 0)
        plan->open_endpoint = bind;
    if (plan->open_endpoint && !any && strncmp(plan->open_endpoint, "tcp://127.", 10) != 0 &&
        strncmp(plan->open_endpoint, "tcp://[::1]", 11) != 0)
        proto_buf_printf(why, "--dev binds loopback only, not %s (--dev-any-address lets it)",
                         plan->open_endpoint);
    return why->size ? -1 : 0;
}

/* Front ends under development run on this machine, at ports of their own. */
static int s_check_cors(const srv_config_t *config, srv_serve_plan_t *plan, proto_buf_t *why)
{
    gw_cors_t cors;
    const char *origins = srv_config_text(config, SRV_OPT_cors_origins);
    plan->cors_origins = *origins || !srv_config_number(config, SRV_OPT_dev) ? origins : GW_CORS_DEV;
    proto_buf_t sentence = PROTO_BUF_INIT;
    int rc = gw_cors_parse(&cors, plan->cors_origins, &sentence);
    if (rc < 0)
        proto_buf_printf(why, "--cors-origins: %s", proto_buf_text(&sentence));
    proto_buf_free(&sentence);
    gw_cors_free(&cors);
    return rc;
}

/* The port of a tcp endpoint is checked beforehand, so that its holder can be named. */
static int s_check_ports(const srv_serve_plan_t *plan, proto_buf_t *why)
{
    char address[64];
    uint16_t port;
    if (srv_port_free(plan->address, plan->port, why) < 0)
        return -1;
    if (!plan->open_endpoint || strncmp(plan->open_endpoint, "tcp://", 6) != 0 ||
        srv_split_address(plan->open_endpoint + 6, address, &port) < 0)
        return 0;
    if (srv_port_free(address, port, why) == 0)
        return 0;
    const uint8_t *flag = memmem(why->data, why->size, "--http ADDRESS:PORT", 19);
    if (flag)
        why->size = (size_t)(flag - why->data);
    proto_buf_string(why, "--bind tcp://ADDRESS:PORT, or none with --bind none");
    return -1;
}

/* Makes the socket's folder, for its user alone, and makes sure that nobody answers there already. */
static int s_check_local(const char *endpoint, proto_buf_t *why)
{
    const char *path = endpoint + strlen("ipc://");
    char folder[256];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
            proto_buf_printf(why, "the folder %s of the broker's socket cannot be made: %s", folder,
                             strerror(errno));
            return -1;
        }
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    if (answered)
        proto_buf_printf(why, "another broker answers at %s; name a socket of its own with --ipc PATH", path);
    return answered ? -1 : 0;
}

/* Whether the table of services has a worker of `service`. */
static bool s_has_worker(srv_client_t *client, const char *service)
{
    proto_record_t answer,
        request = {.service = proto_bytes_of("muster"), .name = proto_bytes_of("services")};
    if (srv_client_call(client, request, 1000, &answer) < 0 || answer.type != PROTO_FINAL)
        return false;
    proto_reader_t reader = proto_reader(answer.body);
    proto_value_t list;
    if (proto_value_read(&reader, &list) < 0 || list.kind != PROTO_ARRAY)
        return false;
    for (uint32_t i = 0; i < list.count; i++) {
        proto_bytes_t row;
        if (proto_value_skip(&reader, &row) < 0)
            return false;
        if (proto_bytes_is(proto_value_get_str(row, "service", ""), service))
            return proto_value_get_int(row, "workers", 0) > 0;
    }
    return false;
}

/* Tells when the first database actor is at work. True when a signal came meanwhile. */
static bool s_await_ready(const char *endpoint, int64_t started)
{
    proto_buf_t why = PROTO_BUF_INIT;
    srv_client_t *client = srv_client_open(endpoint, &why);
    bool stop = false, ready = false;
    while (client && !stop && !ready && proto_clock_ms() - started < S_READY_MS) {
        ready = s_has_worker(client, "db");
        stop = s_wait_signal(ready ? 0 : S_READY_POLL_MS);
    }
    if (ready)
        proto_log(PROTO_LOG_INFO, "server", "ready after %lld ms", (long long)(proto_clock_ms() - started));
    else if (!stop)
        proto_log(PROTO_LOG_WARN, "server", "no database actor is at work yet; trying on");
    if (!stop)
        sd_notify(0, "READY=1"); /* late, too: a database that is away is no failed start */
    srv_client_close(&client);
    proto_buf_free(&why);
    return stop;
}

static void s_tell_start(const srv_serve_plan_t *plan)
{
    const srv_config_t *config = plan->config;
    act_program_t *program = act_current_hold(plan->programs);
    proto_log(PROTO_LOG_INFO, "server",
              "muster " MUSTER_VERSION
              " serves %u operations on http://%s%s%s:%u, %s%s%s, with %lld database actors",
              program->script_count, strchr(plan->address, ':') ? "[" : "", plan->address,
              strchr(plan->address, ':') ? "]" : "", plan->port, plan->local,
              plan->open_endpoint ? " and " : "", plan->open_endpoint ? plan->open_endpoint : "",
              (long long)srv_config_number(config, SRV_OPT_actors));
    act_program_free(&program);
    if (srv_config_number(config, SRV_OPT_dev))
        proto_log(PROTO_LOG_WARN, "server", "--dev: nobody is asked who they are; not for production");
}

/* Serves until a signal says stop; SIGHUP, and with --dev a change of the files, loads them anew. */
static void s_serve(srv_serve_t *serve, const srv_serve_plan_t *plan, srv_reload_t *reload)
{
    bool watch = srv_config_number(plan->config, SRV_OPT_dev);
    for (;;) {
        int signal = s_next_signal(watch ? S_WATCH_MS : S_IDLE_MS);
        if (signal == SIGINT || signal == SIGTERM)
            return;
        bool asked = signal == SIGHUP || (signal < 0 && watch && srv_reload_changed(reload));
        if (asked)
            sd_notify(0, "RELOADING=1");
        if (asked && srv_reload_again(reload) == 0)
            srv_serve_reload(serve);
        if (asked)
            sd_notify(0, "READY=1");
    }
}

static int s_run(const srv_serve_plan_t *plan, srv_reload_t *reload, proto_buf_t *why)
{
    int64_t started = proto_clock_ms();
    srv_serve_t *serve = srv_serve_start(plan, why);
    if (!serve)
        return 1;
    s_tell_start(plan);
    if (!s_await_ready(plan->local, started))
        s_serve(serve, plan, reload);
    proto_log(PROTO_LOG_INFO, "server", "stopping");
    sd_notify(0, "STOPPING=1");
    srv_serve_drain(serve, srv_config_number(plan->config, SRV_OPT_drain), s_interrupted);
    srv_serve_stop(&serve);
    unlink(plan->local + strlen("ipc://"));
    proto_log(PROTO_LOG_INFO, "server", "stopped");
    return 0;
}

/* Everything that can be said to be wrong before a thread starts. */
static int s_prepare(srv_serve_plan_t *plan, char address[64], char *local, size_t local_size,
                     proto_buf_t *why)
{
    const srv_config_t *config = plan->config;
    if (s_setup_log(config, why) < 0)
        return -1;
    if (srv_database_check(srv_config_text(config, SRV_OPT_database), why) < 0)
        return -1;
    if (srv_split_address(srv_config_text(config, SRV_OPT_http), address, &plan->port) < 0)
        proto_buf_string(why, "--http is ADDRESS:PORT, as 127.0.0.1:8000");
    else if (srv_ipc_endpoint(srv_config_text(config, SRV_OPT_ipc), local, local_size) < 0)
        proto_buf_string(why, "the path of --ipc is too long for a socket");
    plan->address = address;
    plan->local = local;
    if (why->size || s_check_dev(config, plan, why) < 0 || s_check_cors(config, plan, why) < 0 ||
        s_check_ports(plan, why) < 0 || s_check_local(local, why) < 0)
        return -1;
    return 0;
}

int srv_cmd_serve(int argc, char **argv)
{
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    char address[64], local[256];
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help();
        return 0;
    }
    if (srv_config_read(&config, SRV_SET_ALL, &argc, argv, &why) == 0) {
        srv_serve_plan_t plan = {.config = &config};
        srv_reload_t reload = {0};
        if (argc > 1)
            proto_buf_printf(&why, "unknown argument %s", argv[1]);
        else if (s_prepare(&plan, address, local, sizeof local, &why) < 0 ||
                 srv_reload_open(&reload, srv_config_text(&config, SRV_OPT_dir), &why) < 0)
            rc = 1;
        else {
            plan.programs = reload.programs;
            s_take_signals();
            rc = s_run(&plan, &reload, &why);
            zsys_shutdown();
        }
        srv_reload_close(&reload);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster serve: %s\n", proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}
