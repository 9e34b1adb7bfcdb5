/* SPDX-License-Identifier: MPL-2.0 */
/* Settings of the commands that serve and of those that talk to them. Each has one row in the table below:
 * its key in the ZPL file (zconfig), a flag, an environment variable, a default and a line of help. A flag
 * wins over the environment, the environment over the file, the file over the default. NAME_FILE in the
 * environment names a file that holds the value, for secrets. Thread: main, before other threads start;
 * read-only afterwards. */
#ifndef SRV_CONFIG_H
#define SRV_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "gw_limit.h"
#include "proto_buf.h"

typedef enum { SRV_TEXT, SRV_SECRET, SRV_NUMBER, SRV_DURATION, SRV_SWITCH } srv_kind_t;

/* X(name, key, flag, environment, kind, default, least, most, argument, help)
 * Numbers and durations lie in least..most; durations are kept in milliseconds and written 500ms, 5s, 2m.
 * Secrets are never shown, and have no flag: everybody on the machine can read a command line. */
#define SRV_OPTIONS(X)                                                                                       \
    X(http, "http/bind", "--http", "MUSTER_HTTP", SRV_TEXT, "127.0.0.1:8000", 0, 0, "ADDRESS:PORT",          \
      "where HTTP is served")                                                                                \
    X(gateways, "http/gateways", "--gateways", "MUSTER_GATEWAYS", SRV_NUMBER, "1", 1, 64, "N",               \
      "gateway threads, sharing the port")                                                                   \
    X(connections, "http/connections", "--connections", "MUSTER_CONNECTIONS", SRV_NUMBER, "10000", 1,        \
      1000000, "N", "most HTTP connections of one gateway thread")                                           \
    X(per_address, "http/per_address", "--per-address", "MUSTER_PER_ADDRESS", SRV_NUMBER, "1000", 1,         \
      1000000, "N", "most HTTP connections of one address")                                                  \
    X(max_head, "http/max_head", "--max-head", "MUSTER_MAX_HEAD", SRV_NUMBER, "16384", 1024, 1048576,        \
      "BYTES", "longest request line and headers")                                                           \
    X(max_body, "http/max_body", "--max-body", "MUSTER_MAX_BODY", SRV_NUMBER, "1048576", 1024, 33554432,     \
      "BYTES", "longest request body")                                                                       \
    X(max_upload, "http/max_upload", "--max-upload", "MUSTER_MAX_UPLOAD", SRV_NUMBER, "66977792", 1024,      \
      66977792, "BYTES", "longest request body with files (@file) that have bounds of their own")            \
    X(uploads, "http/uploads", "--uploads", "MUSTER_UPLOADS", SRV_NUMBER, "268435456", 1024, 1099511627776,  \
      "BYTES", "most that one gateway thread keeps of uploads at once; what is more gets 503")               \
    X(head_timeout, "http/head_timeout", "--head-timeout", "MUSTER_HEAD_TIMEOUT", SRV_DURATION, "10s", 100,  \
      3600000, "TIME", "a request's head must have arrived by then")                                         \
    X(body_timeout, "http/body_timeout", "--body-timeout", "MUSTER_BODY_TIMEOUT", SRV_DURATION, "30s", 100,  \
      3600000, "TIME", "a request's body must have arrived by then")                                         \
    X(idle_timeout, "http/idle_timeout", "--idle-timeout", "MUSTER_IDLE_TIMEOUT", SRV_DURATION, "60s", 100,  \
      3600000, "TIME", "an idle connection is closed then")                                                  \
    X(drain_delay, "http/drain_delay", "--drain-delay", "MUSTER_DRAIN_DELAY", SRV_DURATION, "0s", 0, 600000, \
      "TIME", "how long to serve on at shutdown, with /health/ready saying no, before the port closes")      \
    X(cors_origins, "http/cors_origins", "--cors-origins", "MUSTER_CORS_ORIGINS", SRV_TEXT, "", 0, 0,        \
      "ORIGINS", "pages of these origins may read answers: a comma list, * or none (with --dev: localhost)") \
    X(trusted_proxies, "http/trusted_proxies", "--trusted-proxies", "MUSTER_TRUSTED_PROXIES", SRV_TEXT, "",  \
      0, 0, "LIST", "proxies whose X-Forwarded-For is believed: addresses and networks, a comma list")       \
    X(secret_key, "auth/secret_key", "", "SECRET_KEY", SRV_SECRET, "", 0, 0, "",                             \
      "what tokens are signed with (HS256): at least 32 random bytes; openssl rand -base64 48")              \
    X(secret_key_old, "auth/secret_key_old", "", "SECRET_KEY_OLD", SRV_SECRET, "", 0, 0, "",                 \
      "the former one: what it has signed is good until it expires")                                         \
    X(jwks, "auth/jwks", "--jwks", "MUSTER_JWKS", SRV_TEXT, "", 0, 0, "FILE",                                \
      "public keys of who else signs tokens (RS256, ES256): a JWK set, read again at SIGHUP")                \
    X(token_audience, "auth/audience", "--token-audience", "MUSTER_TOKEN_AUDIENCE", SRV_TEXT, "", 0, 0,      \
      "NAME", "tokens must be for this audience (aud)")                                                      \
    X(token_issuer, "auth/issuer", "--token-issuer", "MUSTER_TOKEN_ISSUER", SRV_TEXT, "", 0, 0, "NAME",      \
      "tokens must be from this issuer (iss)")                                                               \
    X(token_ttl, "auth/token_ttl", "--token-ttl", "MUSTER_TOKEN_TTL", SRV_DURATION, "1440m", 60000,          \
      864000000, "TIME", "how long a token of /auth/login is good")                                          \
    X(admin_email, "auth/admin_email", "--admin-email", "ADMIN_EMAIL", SRV_TEXT, "", 0, 0, "ADDRESS",        \
      "who logs in as the admin, with the password of ADMIN_PASSWORD_HASH")                                  \
    X(admin_password_hash, "auth/admin_password_hash", "", "ADMIN_PASSWORD_HASH", SRV_SECRET, "", 0, 0, "",  \
      "bcrypt hash of the admin's password")                                                                 \
    X(auth_threads, "auth/threads", "--auth-threads", "MUSTER_AUTH_THREADS", SRV_NUMBER, "1", 1, 16, "N",    \
      "threads that compare passwords")                                                                      \
    X(bcrypt_cost, "auth/bcrypt_cost", "--bcrypt-cost", "MUSTER_BCRYPT_COST", SRV_NUMBER, "12", 10, 15, "N", \
      "how slow hashes of new passwords are: one more is twice as slow")                                     \
    X(rate_limits, "rate/limits", "--rate-limits", "MUSTER_RATE_LIMITS", SRV_TEXT, "", 0, 0, "on|off",       \
      "whether requests of one address to one endpoint are limited (default: on; with --dev: off)")          \
    X(rate_auth, "rate/auth", "--rate-auth", "MUSTER_RATE_AUTH", SRV_NUMBER, "5", 0, GW_LIMIT_MOST, "N",     \
      "requests a minute to an endpoint of the tier auth; 0: no limit")                                      \
    X(rate_write, "rate/write", "--rate-write", "MUSTER_RATE_WRITE", SRV_NUMBER, "30", 0, GW_LIMIT_MOST,     \
      "N", "the same for the tier write")                                                                    \
    X(rate_read, "rate/read", "--rate-read", "MUSTER_RATE_READ", SRV_NUMBER, "120", 0, GW_LIMIT_MOST, "N",   \
      "the same for the tier read")                                                                          \
    X(rate_health, "rate/health", "--rate-health", "MUSTER_RATE_HEALTH", SRV_NUMBER, "300", 0,               \
      GW_LIMIT_MOST, "N", "the same for the tier health")                                                    \
    X(rate_failed_auth, "rate/failed_auth", "--rate-failed-auth", "MUSTER_RATE_FAILED_AUTH", SRV_NUMBER,     \
      "30", 0, GW_LIMIT_MOST, "N", "failed authentications a minute of one address; 0: no limit")            \
    X(rate_table, "rate/table", "--rate-table", "MUSTER_RATE_TABLE", SRV_NUMBER, "65536",                    \
      GW_LIMIT_LEAST_ENTRIES, GW_LIMIT_MOST_ENTRIES, "N", "most addresses and endpoints counted at once")    \
    X(redis_url, "rate/redis_url", "--redis-url", "REDIS_URL", SRV_TEXT, "", 0, 0, "URL",                    \
      "Redis, by which processes share what they count: redis://HOST")                                       \
    X(database, "database/url", "--database-url", "DATABASE_URL", SRV_TEXT, "", 0, 0, "CONNINFO",            \
      "PostgreSQL connection URI or keywords (libpq)")                                                       \
    X(actors, "database/actors", "--actors", "MUSTER_ACTORS", SRV_NUMBER, "8", 1, 256, "N",                  \
      "database actors: threads with one connection each")                                                   \
    X(slow_actors, "database/slow_actors", "--slow-actors", "MUSTER_SLOW_ACTORS", SRV_NUMBER, "0", 0, 256,   \
      "N", "how many of them take @slow work (0: three quarters)")                                           \
    X(window, "database/window", "--window", "MUSTER_WINDOW", SRV_NUMBER, "32", 1, 256, "N",                 \
      "requests an actor accepts at once")                                                                   \
    X(statement_timeout, "database/statement_timeout", "--statement-timeout", "MUSTER_STATEMENT_TIMEOUT",    \
      SRV_DURATION, "30s", 100, 3600000, "TIME", "PostgreSQL cancels a statement after that")                \
    X(claims_role, "database/claims_role", "--claims-role", "MUSTER_CLAIMS_ROLE", SRV_TEXT, "", 0, 0,        \
      "ROLES", "@claims runs as the token's role, which must be one of these: a comma list")                 \
    X(idempotency_ttl, "database/idempotency_ttl", "--idempotency-ttl", "MUSTER_IDEMPOTENCY_TTL",            \
      SRV_DURATION, "24h", 3600000, 2592000000, "TIME", "how long answers are kept by Idempotency-Key")      \
    X(replica_url, "replica/url", "--replica-url", "DATABASE_REPLICA_URL", SRV_TEXT, "", 0, 0, "CONNINFO",   \
      "a streaming replica, for endpoints marked @replica")                                                  \
    X(replica_actors, "replica/actors", "--replica-actors", "MUSTER_REPLICA_ACTORS", SRV_NUMBER, "8", 1,     \
      256, "N", "database actors connected to the replica")                                                  \
    X(ipc, "broker/ipc", "--ipc", "MUSTER_IPC", SRV_TEXT, "", 0, 0, "PATH",                                  \
      "the broker's local socket (default: muster/broker.sock under XDG_RUNTIME_DIR, else /tmp/muster-UID)") \
    X(bind, "broker/bind", "--bind", "MUSTER_BIND", SRV_TEXT, "", 0, 0, "LIST",                              \
      "tcp:// endpoints for ZeroMQ peers, a comma list (with --dev: tcp://127.0.0.1:5555; \"none\": none)")  \
    X(cert, "broker/cert", "--cert", "MUSTER_CERT", SRV_TEXT, "", 0, 0, "FILE",                              \
      "this process's own keys: a NAME.cert_secret of muster keygen")                                        \
    X(rights, "broker/rights", "--rights", "MUSTER_RIGHTS", SRV_TEXT, "", 0, 0, "FILE",                      \
      "who may do what at the broker: a rights file, read again at SIGHUP")                                  \
    X(brokers, "broker/brokers", "--brokers", "MUSTER_BROKERS", SRV_TEXT, "", 0, 0, "LIST",                  \
      "the brokers to speak to, a comma list of tcp:// and ipc:// endpoints (default: the local socket)")    \
    X(broker_cert, "broker/broker_cert", "--broker-cert", "MUSTER_BROKER_CERT", SRV_TEXT, "", 0, 0,          \
      "FILE[,FILE]", "the brokers' public NAME.cert: one for all of them, or one for each")                  \
    X(peers, "broker/peers", "--peers", "MUSTER_PEERS", SRV_NUMBER, "10000", 1, 1000000, "N",                \
      "most ZeroMQ peers at once")                                                                           \
    X(max_message, "broker/max_message", "--max-message", "MUSTER_MAX_MESSAGE", SRV_NUMBER, "67108868",      \
      1024, 67108868, "BYTES", "longest frame that the broker takes; a longer one ends its connection")      \
    X(queue, "broker/queue", "--queue", "MUSTER_QUEUE", SRV_NUMBER, "10000", 1, 1000000, "N",                \
      "most requests that wait for a worker, per service")                                                   \
    X(dir, "api/dir", "--dir", "MUSTER_DIR", SRV_TEXT, "", 0, 0, "DIR",                                      \
      "folder of the API: endpoints/, migrations/, seed/ (default: GatheRing)")                              \
    X(dev, "dev", "--dev", "MUSTER_DEV", SRV_SWITCH, "0", 0, 0, "",                                          \
      "development: no authentication, loopback only, a tcp endpoint for ZeroMQ peers")                      \
    X(any_address, "dev_any_address", "--dev-any-address", "MUSTER_DEV_ANY_ADDRESS", SRV_SWITCH, "0", 0, 0,  \
      "", "let --dev bind other addresses too, as in a container that publishes to loopback only")           \
    X(admin, "admin", "--admin", "MUSTER_ADMIN", SRV_TEXT, "", 0, 0, "ADDRESS:PORT",                         \
      "metrics and a status page, for Prometheus and people (default: none)")                                \
    X(drain, "drain", "--drain", "MUSTER_DRAIN", SRV_DURATION, "5s", 0, 600000, "TIME",                      \
      "how long requests under way may take to finish at shutdown")                                          \
    X(log_level, "log/level", "--log-level", "MUSTER_LOG_LEVEL", SRV_TEXT, "info", 0, 0, "LEVEL",            \
      "debug, info, warn, error or off")                                                                     \
    X(log_format, "log/format", "--log-format", "MUSTER_LOG_FORMAT", SRV_TEXT, "text", 0, 0, "FORMAT",       \
      "text or json")                                                                                        \
    X(access_log, "log/access", "--access-log", "MUSTER_ACCESS_LOG", SRV_TEXT, "on", 0, 0, "on|off",         \
      "one line per request on standard error")

typedef enum {
#define X(name, ...) SRV_OPT_##name,
    SRV_OPTIONS(X)
#undef X
        SRV_OPTION_COUNT
} srv_option_t;

/* A set of options, for help and for refusing what a command does not take. */
#define SRV_SET(option) (UINT64_C(1) << (option))
/* Of commands that speak to brokers: see srv_addresses_read. */
#define SRV_SET_CLIENT                                                                                       \
    (SRV_SET(SRV_OPT_ipc) | SRV_SET(SRV_OPT_brokers) | SRV_SET(SRV_OPT_cert) |                               \
     SRV_SET(SRV_OPT_broker_cert) | SRV_SET(SRV_OPT_dev))
#define SRV_SET_ALL (SRV_SET(SRV_OPTION_COUNT) - 1)

typedef struct srv_config {
    char *texts[SRV_OPTION_COUNT];     /* owned */
    int64_t numbers[SRV_OPTION_COUNT]; /* of numbers, durations (ms) and switches (0 or 1) */
} srv_config_t;

/* Reads file, environment and flags. Flags are taken from argv[1..]; `--config FILE` names the ZPL file. What
 * is no flag stays: *argc and argv are left with those. -1 with a sentence in `why` that names the culprit.
 * Free with srv_config_free in either case. */
PROTO_MUST_CHECK int srv_config_read(srv_config_t *self, uint64_t allowed, int *argc, char **argv,
                                     proto_buf_t *why);
void srv_config_free(srv_config_t *self);
static inline const char *srv_config_text(const srv_config_t *self, srv_option_t option)
{
    return self->texts[option];
}
static inline int64_t srv_config_number(const srv_config_t *self, srv_option_t option)
{
    return self->numbers[option];
}
/* Prints a row per option of the set: flag, environment variable, help, default. */
void srv_config_help(uint64_t options);
/* Appends the value of a setting as it is now: where NAME_FILE names a file, that is read again. -1 with a
 * sentence. */
PROTO_MUST_CHECK int srv_config_fresh(const srv_config_t *self, srv_option_t option, proto_buf_t *out,
                                      proto_buf_t *why);
/* Appends every setting as "key = value", with secrets and the database URL's password hidden. */
void srv_config_show(const srv_config_t *self, proto_buf_t *out);
/* Splits "127.0.0.1:8000", "[::1]:8000", ":8000" or "8000" into address and port. -1 when it is none of them.
 */
PROTO_MUST_CHECK int srv_split_address(const char *text, char address[64], uint16_t *port);
/* Whether the numeric address is of the loopback kind. */
bool srv_is_loopback(const char *address);

#endif
