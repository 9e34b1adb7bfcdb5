/* SPDX-License-Identifier: MPL-2.0 */
/* `muster serve`, and its parts as processes of their own: `muster broker`, `muster gateway`,
 * `muster actors`. All of them: settings, checks, start, wait for a signal, drain, stop. Thread: main. */
#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "commands.h"
#include "login.h"
#include "proto_clock.h"
#include "proto_log.h"
#include "reload.h"
#include "serve.h"
#include "signals.h"
#include "tokens.h"

enum { S_WATCH_MS = 250, S_IDLE_MS = 3600000, S_READY_MS = 10000, S_READY_POLL_MS = 20 };

#define S_SET(name) SRV_SET(SRV_OPT_##name)
#define S_SET_ALWAYS                                                                                         \
    (S_SET(ipc) | S_SET(cert) | S_SET(dev) | S_SET(drain) | S_SET(log_level) | S_SET(log_format) |           \
     S_SET(admin))
#define S_SET_BROKER                                                                                         \
    (S_SET(bind) | S_SET(rights) | S_SET(peers) | S_SET(max_message) | S_SET(queue) | S_SET(any_address))
#define S_SET_GATEWAYS                                                                                       \
    (S_SET(http) | S_SET(gateways) | S_SET(connections) | S_SET(per_address) | S_SET(max_head) |             \
     S_SET(max_body) | S_SET(max_upload) | S_SET(uploads) | S_SET(head_timeout) | S_SET(body_timeout) |      \
     S_SET(idle_timeout) | S_SET(drain_delay) | S_SET(cors_origins) | S_SET(any_address) |                   \
     S_SET(access_log) | S_SET(secret_key) | S_SET(secret_key_old) | S_SET(jwks) | S_SET(token_audience) |   \
     S_SET(token_issuer) | S_SET(trusted_proxies) | S_SET(rate_limits) | S_SET(rate_auth) |                  \
     S_SET(rate_write) | S_SET(rate_read) | S_SET(rate_health) | S_SET(rate_failed_auth) |                   \
     S_SET(rate_table) | S_SET(redis_url))
#define S_SET_ACTORS                                                                                         \
    (S_SET(database) | S_SET(actors) | S_SET(slow_actors) | S_SET(window) | S_SET(statement_timeout) |       \
     S_SET(idempotency_ttl) | S_SET(replica_url) | S_SET(replica_actors) | S_SET(claims_role) | S_SET(dir) | \
     S_SET(secret_key) | S_SET(token_ttl) | S_SET(admin_email) | S_SET(admin_password_hash) |                \
     S_SET(auth_threads) | S_SET(bcrypt_cost))
#define S_SET_BROKERS (S_SET(brokers) | S_SET(broker_cert))

typedef struct s_role {
    const char *name;
    unsigned parts;
    uint64_t options;
    const char *help; /* what it does */
    const char *late; /* what is missing after S_READY_MS */
} s_role_t;

static const s_role_t s_serve_role = {
    .name = "serve",
    .parts = SRV_PARTS_ALL,
    .options = S_SET_ALWAYS | S_SET_BROKER | S_SET_GATEWAYS | S_SET_ACTORS,
    .help = "Runs broker, database actors, chat worker and HTTP gateway in one process. Ctrl-C or SIGTERM "
            "lets what is\n"
            "under way finish, then exits 0; a second one ends it at once. SIGHUP loads the endpoint files "
            "and the rights\n"
            "file anew; --dev does so with the endpoint files by itself when they change.\n",
    .late = "no database actor is at work yet; trying on",
};
static const s_role_t s_broker_role = {
    .name = "broker",
    .parts = SRV_PART_BROKER,
    .options = S_SET_ALWAYS | S_SET_BROKER,
    .help = "Runs a broker alone. Gateways and actors are processes of their own, which name it with "
            "--brokers; with several\n"
            "brokers they use all of them. It needs no database and no files. Ctrl-C or SIGTERM lets what is "
            "under way\n"
            "finish, then exits 0; a second one ends it at once. SIGHUP loads the rights file anew.\n",
};
static const s_role_t s_gateway_role = {
    .name = "gateway",
    .parts = SRV_PART_GATEWAYS,
    .options = S_SET_ALWAYS | S_SET_GATEWAYS | S_SET_BROKERS,
    .help = "Runs HTTP gateways alone. They learn the endpoints from the brokers, so they need no database "
            "and no files:\n"
            "start as many as you like. Ctrl-C or SIGTERM lets what is under way finish, then exits 0; a "
            "second one ends it\n"
            "at once.\n",
    .late = "no broker has told of endpoints yet; trying on",
};
static const s_role_t s_actors_role = {
    .name = "actors",
    .parts = SRV_PART_ACTORS,
    .options = S_SET_ALWAYS | S_SET_ACTORS | S_SET_BROKERS,
    .help = "Runs database actors and the chat worker alone. Ctrl-C or SIGTERM lets what is under way "
            "finish, then exits\n"
            "0; a second one ends it at once. SIGHUP loads the endpoint files anew; --dev does so by itself "
            "when they change.\n",
    .late = "no database actor is at work yet; trying on",
};

static void s_help(const s_role_t *role)
{
    printf("usage: muster %s [options]\n\n%s\n", role->name, role->help);
    srv_config_help(role->options);
    puts("\nA flag wins over the environment, the environment over the file. NAME_FILE in the environment "
         "names a file\n"
         "that holds the value, for secrets.");
}

/* Sockets, connections and their monitors are descriptors: as many as the system lets this process have. */
static void s_raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    void *context = zsys_init(); /* no socket is open yet: libzmq looks at the limit with the first */
    (void)zmq_ctx_set(context, ZMQ_MAX_SOCKETS, zmq_ctx_get(context, ZMQ_SOCKET_LIMIT));
}

/* Tells when everything is at work. True when a signal came meanwhile. */
static bool s_await_ready(const s_role_t *role, const srv_serve_t *serve, int64_t started)
{
    bool stop = false, ready = false;
    while (!stop && !ready && proto_clock_ms() - started < S_READY_MS) {
        ready = srv_serve_ready(serve);
        stop = srv_signals_stop(ready ? 0 : S_READY_POLL_MS);
    }
    if (ready)
        proto_log(PROTO_LOG_INFO, "server", "ready after %lld ms", (long long)(proto_clock_ms() - started));
    else if (!stop)
        proto_log(PROTO_LOG_WARN, "server", "%s", role->late);
    if (!stop)
        sd_notify(0, "READY=1"); /* late, too: a database that is away is no failed start */
    return stop;
}

static void s_write_http(const srv_plan_t *plan, proto_buf_t *out)
{
    bool six = strchr(plan->address, ':') != NULL;
    proto_buf_printf(out, "http://%s%s%s:%u", six ? "[" : "", plan->address, six ? "]" : "", plan->port);
}

static void s_write_actors(const srv_plan_t *plan, proto_buf_t *out)
{
    proto_buf_printf(out, "%lld database actors", (long long)srv_config_number(plan->config, SRV_OPT_actors));
    if (*srv_config_text(plan->config, SRV_OPT_replica_url))
        proto_buf_printf(out, " and %lld at the replica",
                         (long long)srv_config_number(plan->config, SRV_OPT_replica_actors));
}

static void s_write_bound(const srv_plan_t *plan, proto_buf_t *out)
{
    proto_buf_string(out, plan->local);
    for (uint32_t i = 0; i < plan->binds.count; i++)
        proto_buf_printf(out, "%s%s", i + 1 < plan->binds.count ? ", " : " and ", plan->binds.list[i]);
}

static void s_write_brokers(const srv_plan_t *plan, proto_buf_t *out)
{
    proto_buf_string(out, plan->broker_count > 1 ? "brokers " : "broker ");
    for (uint32_t i = 0; i < plan->broker_count; i++)
        proto_buf_printf(out, "%s%s", i ? ", " : "", plan->brokers[i].endpoint);
}

static uint32_t s_operations(const srv_plan_t *plan)
{
    act_program_t *program = act_current_hold(plan->programs);
    uint32_t count = program->script_count;
    act_program_free(&program);
    return count;
}

/* What runs, and where. */
static void s_tell_start(const srv_plan_t *plan)
{
    proto_buf_t line = PROTO_BUF_INIT;
    proto_buf_string(&line, "muster " MUSTER_VERSION " ");
    if (plan->parts == SRV_PARTS_ALL) {
        proto_buf_printf(&line, "serves %u operations on ", s_operations(plan));
        s_write_http(plan, &line);
        proto_buf_string(&line, ", ");
        s_write_bound(plan, &line);
        proto_buf_string(&line, ", with ");
        s_write_actors(plan, &line);
    } else if (plan->parts & SRV_PART_BROKER) {
        proto_buf_string(&line, "broker on ");
        s_write_bound(plan, &line);
    } else if (plan->parts & SRV_PART_GATEWAYS) {
        proto_buf_string(&line, "gateway on ");
        s_write_http(plan, &line);
        proto_buf_string(&line, ", ");
        s_write_brokers(plan, &line);
    } else {
        proto_buf_printf(&line, "actors for %u operations: ", s_operations(plan));
        s_write_actors(plan, &line);
        proto_buf_string(&line, ", ");
        s_write_brokers(plan, &line);
    }
    proto_log(PROTO_LOG_INFO, "server", "%s", proto_buf_text(&line));
    proto_buf_free(&line);
    if (srv_config_number(plan->config, SRV_OPT_dev) && plan->parts != SRV_PART_ACTORS)
        proto_log(PROTO_LOG_WARN, "server", "--dev: nobody is asked who they are; not for production");
}

static void s_reload_rights(srv_serve_t *serve, srv_plan_t *plan)
{
    proto_buf_t why = PROTO_BUF_INIT;
    if (srv_binds_reload(&plan->binds, plan->config, &why) < 0)
        proto_log(PROTO_LOG_ERROR, "server", "%s; the former rights stay", proto_buf_text(&why));
    else if (plan->binds.has_rights)
        srv_serve_renew_rights(serve, &plan->binds);
    proto_buf_free(&why);
}

static void s_reload_keys(srv_serve_t *serve, srv_plan_t *plan)
{
    proto_buf_t why = PROTO_BUF_INIT;
    if (srv_tokens_reload(plan->keyring, plan->config, &why) < 0)
        proto_log(PROTO_LOG_ERROR, "server", "%s; the former keys stay", proto_buf_text(&why));
    else
        srv_serve_renew_keys(serve);
    proto_buf_free(&why);
}

static void s_reload_secret(srv_serve_t *serve, srv_plan_t *plan)
{
    proto_buf_t why = PROTO_BUF_INIT;
    if (srv_login_reload(plan->config, &plan->secret, &why) < 0)
        proto_log(PROTO_LOG_ERROR, "server", "%s; tokens are signed with the former key",
                  proto_buf_text(&why));
    else if (plan->secret.size)
        srv_serve_renew_secret(serve, proto_buf_text(&plan->secret));
    proto_buf_free(&why);
}

/* `all`: asked for by a signal, so more than the endpoint files. */
static void s_reload(srv_serve_t *serve, srv_plan_t *plan, srv_reload_t *reload, bool all)
{
    sd_notify(0, "RELOADING=1");
    if (all && (plan->parts & SRV_PART_BROKER))
        s_reload_rights(serve, plan);
    if (all && plan->keyring)
        s_reload_keys(serve, plan);
    if (all && (plan->parts & SRV_PART_ACTORS))
        s_reload_secret(serve, plan);
    if ((plan->parts & SRV_PART_ACTORS) && srv_reload_again(reload) == 0)
        srv_serve_reload(serve);
    sd_notify(0, "READY=1");
}

/* Serves until a signal says stop; SIGHUP, and with --dev a change of the files, loads them anew. */
static void s_serve(srv_serve_t *serve, srv_plan_t *plan, srv_reload_t *reload)
{
    bool watch = (plan->parts & SRV_PART_ACTORS) && srv_config_number(plan->config, SRV_OPT_dev);
    for (;;) {
        int signal = srv_signals_next(watch ? S_WATCH_MS : S_IDLE_MS);
        if (signal == SIGINT || signal == SIGTERM)
            return;
        bool asked = signal == SIGHUP || (signal < 0 && watch && srv_reload_changed(reload));
        if (asked)
            s_reload(serve, plan, reload, signal == SIGHUP);
    }
}

static int s_run(const s_role_t *role, srv_plan_t *plan, srv_reload_t *reload, proto_buf_t *why)
{
    int64_t started = proto_clock_ms();
    srv_serve_t *serve = srv_serve_start(plan, why);
    if (!serve)
        return 1;
    s_tell_start(plan);
    if (!s_await_ready(role, serve, started))
        s_serve(serve, plan, reload);
    proto_log(PROTO_LOG_INFO, "server", "stopping");
    sd_notify(0, "STOPPING=1");
    int64_t delay =
        (plan->parts & SRV_PART_GATEWAYS) ? srv_config_number(plan->config, SRV_OPT_drain_delay) : 0;
    if (delay)
        srv_serve_leave(serve);
    if (!delay || !srv_signals_stop(delay)) /* a second signal ends both waits */
        srv_serve_drain(serve, srv_config_number(plan->config, SRV_OPT_drain), srv_signals_interrupted);
    srv_serve_stop(&serve);
    if (plan->parts & SRV_PART_BROKER)
        unlink(plan->local + strlen("ipc://"));
    proto_log(PROTO_LOG_INFO, "server", "stopped");
    return 0;
}

/* With settings that are read: checks, files, everything. */
static int s_plan_and_run(const s_role_t *role, const srv_config_t *config, proto_buf_t *why)
{
    srv_plan_t plan;
    srv_reload_t reload = {0};
    int rc = 1;
    if (srv_plan_make(&plan, config, role->parts, why) == 0 &&
        (!(role->parts & SRV_PART_ACTORS) ||
         srv_reload_open(&reload, srv_config_text(config, SRV_OPT_dir), why) == 0)) {
        plan.programs = reload.programs;
        srv_signals_take();
        s_raise_limits();
        rc = s_run(role, &plan, &reload, why);
        zsys_shutdown();
    }
    srv_reload_close(&reload);
    srv_plan_free(&plan);
    return rc;
}

static int s_command(const s_role_t *role, int argc, char **argv)
{
    srv_config_t config;
    proto_buf_t why = PROTO_BUF_INIT;
    int rc = 2;
    if (srv_wants_help(argc, argv)) {
        s_help(role);
        return 0;
    }
    if (srv_config_read(&config, role->options, &argc, argv, &why) == 0) {
        if (argc > 1)
            proto_buf_printf(&why, "unknown argument %s", argv[1]);
        else
            rc = s_plan_and_run(role, &config, &why);
    }
    srv_config_free(&config);
    if (why.size)
        fprintf(stderr, "muster %s: %s\n", role->name, proto_buf_text(&why));
    proto_buf_free(&why);
    return rc;
}

int srv_cmd_serve(int argc, char **argv)
{
    return s_command(&s_serve_role, argc, argv);
}

int srv_cmd_broker(int argc, char **argv)
{
    return s_command(&s_broker_role, argc, argv);
}

int srv_cmd_gateway(int argc, char **argv)
{
    return s_command(&s_gateway_role, argc, argv);
}

int srv_cmd_actors(int argc, char **argv)
{
    return s_command(&s_actors_role, argc, argv);
}
