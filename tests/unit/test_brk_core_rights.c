/* SPDX-License-Identifier: MPL-2.0 */
/* What the broker's core lets a peer do: calls by name and by hash, identity, registrations, catalogues, the
 * broker's own tables, its share of a queue, and rights that change while it is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "brk_core.h"
#include "proto_catalogue.h"
#include "proto_value.h"

enum { S_NOW = 1000, S_READ = 11, S_WRITE = 12, S_QUEUE = 9 };

/* What a peer heard last, and how much of it. */
typedef struct s_peer {
    uint64_t id;
    proto_type_t type;
    uint16_t number;
    uint64_t request, operation;
    char subject[64], role[64], name[64];
    size_t claims;
    int count, finals, errors, requests;
    bool forgotten;
} s_peer_t;

typedef struct s_world {
    brk_core_t *core;
    brk_rights_t *rights;
    char refused[128];
} s_world_t;

static const char s_file[] = "peer\n    name = client\n    key = 1111111111111111111111111111111111111111\n"
                             "    subject = carl\n    role = user\n    call = \"db/read, any/read\"\n"
                             "peer\n    name = worker\n    key = 2222222222222222222222222222222222222222\n"
                             "    register = \"embed\"\n    paths = \"/embed\"\n"
                             "peer\n    name = admin\n    key = 3333333333333333333333333333333333333333\n"
                             "    admin = 1\n"
                             "peer\n    name = replica\n    key = 4444444444444444444444444444444444444444\n"
                             "    register = \"embed.read\"\n";

static void s_copy(char to[64], proto_bytes_t from)
{
    snprintf(to, 64, "%.*s", (int)from.size, (const char *)from.data);
}

static void s_on_send(void *arg, void *tag, const proto_record_t *record)
{
    (void)arg;
    s_peer_t *peer = tag;
    peer->count++;
    peer->finals += record->type == PROTO_FINAL;
    peer->errors += record->type == PROTO_ERROR;
    peer->requests += record->type == PROTO_REQUEST;
    if (record->type == PROTO_HEARTBEAT)
        return;
    peer->type = record->type;
    peer->number = record->number;
    peer->request = record->id;
    peer->operation = record->operation;
    peer->claims = record->claims.size;
    s_copy(peer->subject, record->subject);
    s_copy(peer->role, record->role);
    s_copy(peer->name, record->name);
}

static void s_on_forget(void *arg, void *tag)
{
    (void)arg;
    ((s_peer_t *)tag)->forgotten = true;
}

static void s_on_refuse(void *arg, void *tag, const char *what, proto_bytes_t name)
{
    s_world_t *world = arg;
    (void)tag;
    snprintf(world->refused, sizeof world->refused, "%s %.*s", what, (int)name.size, (const char *)name.data);
}

static int s_set_up(void **state)
{
    static const brk_limits_t limits = {.peers = 100,
                                        .requests = 1000,
                                        .queue_count = S_QUEUE,
                                        .queue_bytes = 1 << 20,
                                        .queue_ms = 10000,
                                        .deadline_ms = 60000};
    s_world_t *world = calloc(1, sizeof *world);
    proto_buf_t why = PROTO_BUF_INIT;
    assert_non_null(world);
    world->core = brk_core_new(&limits, s_on_send, world, S_NOW);
    brk_core_on_forget(world->core, s_on_forget);
    brk_core_on_refuse(world->core, s_on_refuse);
    world->rights = brk_rights_parse(proto_bytes_of(s_file), &why);
    assert_non_null(world->rights);
    *state = world;
    return 0;
}

static int s_tear_down(void **state)
{
    s_world_t *world = *state;
    brk_core_check(world->core);
    brk_core_free(&world->core);
    brk_rights_free(&world->rights);
    free(world);
    return 0;
}

static const brk_right_t *s_right(const s_world_t *world, char digit)
{
    uint8_t key[BRK_KEY_TEXT];
    memset(key, digit, sizeof key);
    const brk_right_t *right = brk_rights_find(world->rights, (proto_bytes_t){key, sizeof key});
    assert_non_null(right);
    return right;
}

static void s_join(s_world_t *world, s_peer_t *peer, const brk_right_t *right)
{
    *peer = (s_peer_t){.id = brk_core_join(world->core, S_NOW, right, peer)};
    assert_true(peer->id != 0);
}

static void s_say(s_world_t *world, s_peer_t *peer, proto_record_t record)
{
    peer->type = 0;
    brk_core_record(world->core, S_NOW, peer->id, &record);
    brk_core_check(world->core);
}

static void s_ask(s_world_t *world, s_peer_t *peer, const char *service, const char *name, uint64_t hash)
{
    static const uint8_t claims = 0x80;
    s_say(world, peer,
          (proto_record_t){.type = PROTO_REQUEST,
                           .id = 7,
                           .deadline = 5000,
                           .service = proto_bytes_of(service),
                           .name = proto_bytes_of(name),
                           .operation = hash,
                           .subject = proto_bytes_of("mallory"),
                           .role = proto_bytes_of("admin"),
                           .claims = {&claims, 1}});
}

/* Registers for `service`; with `listed` it offers read and write, and publishes `catalogue` when there is
 * one. */
static void s_ready(s_world_t *world, s_peer_t *peer, const char *service, bool listed,
                    proto_bytes_t catalogue)
{
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, (uint32_t)listed + (catalogue.size > 0));
    if (listed) {
        proto_write_text(&body, "offers");
        proto_write_array(&body, 2);
        for (int i = 0; i < 2; i++) {
            proto_write_array(&body, 3);
            proto_write_uint(&body, i ? S_WRITE : S_READ);
            proto_write_text(&body, i ? "write" : "read");
            proto_write_uint(&body, 0);
        }
    }
    if (catalogue.size) {
        proto_write_text(&body, "catalogue");
        proto_buf_append(&body, catalogue.data, catalogue.size);
    }
    s_say(world, peer,
          (proto_record_t){.type = PROTO_READY,
                           .number = 1,
                           .epoch = 5,
                           .operation = catalogue.size ? 99 : 0,
                           .service = proto_bytes_of(service),
                           .body = proto_buf_bytes(&body)});
    proto_buf_free(&body);
}

/* Registers for `service` with one operation. */
static void s_offer(s_world_t *world, s_peer_t *peer, const char *service, uint64_t hash, const char *name,
                    uint32_t flags)
{
    proto_buf_t body = PROTO_BUF_INIT;
    proto_write_map(&body, 1);
    proto_write_text(&body, "offers");
    proto_write_array(&body, 1);
    proto_write_array(&body, 3);
    proto_write_uint(&body, hash);
    proto_write_text(&body, name);
    proto_write_uint(&body, flags);
    s_say(world, peer,
          (proto_record_t){.type = PROTO_READY,
                           .number = 1,
                           .epoch = 5,
                           .service = proto_bytes_of(service),
                           .body = proto_buf_bytes(&body)});
    proto_buf_free(&body);
}

static void s_refused(s_world_t *world, s_peer_t *peer, uint64_t forbidden)
{
    assert_true(peer->type == PROTO_ERROR && peer->number == PROTO_ERROR_forbidden && peer->request == 7);
    assert_int_equal(brk_core_stats(world->core)->forbidden, forbidden);
    assert_int_equal(brk_core_stats(world->core)->refused, 0);
}

static void test_calls(void **state)
{
    s_world_t *world = *state;
    s_peer_t client, worker;
    s_join(world, &client, s_right(world, '1'));
    s_join(world, &worker, brk_right_all());
    s_ready(world, &worker, "db", true, (proto_bytes_t){0});
    s_ask(world, &client, "db", "write", 0);
    s_refused(world, &client, 1);
    s_ask(world, &client, "db", "write", S_WRITE);
    s_refused(world, &client, 2);
    s_ask(world, &client, "db", "read", S_WRITE); /* the hash decides, whatever name stands beside it */
    s_refused(world, &client, 3);
    s_ask(world, &client, "db", "nothing", 0);
    s_refused(world, &client, 4);
    s_ask(world, &client, "nowhere", "read", 0); /* it does not learn which services there are */
    s_refused(world, &client, 5);
    assert_int_equal(worker.requests, 0);
    s_ask(world, &client, "db", "write", S_READ);
    assert_int_equal(worker.requests, 1);
    assert_int_equal(worker.operation, S_READ);
    assert_string_equal(worker.name, "read"); /* some worker may go by the name */
    assert_true(strcmp(worker.subject, "carl") == 0 && strcmp(worker.role, "user") == 0 &&
                worker.claims == 0);
}

static void test_a_gateway_names_identities(void **state)
{
    s_world_t *world = *state;
    s_peer_t gateway, worker;
    s_join(world, &gateway, brk_right_all());
    s_join(world, &worker, brk_right_all());
    s_ready(world, &worker, "db", true, (proto_bytes_t){0});
    s_ask(world, &gateway, "db", "write", 0);
    assert_true(strcmp(worker.subject, "mallory") == 0 && strcmp(worker.role, "admin") == 0);
    assert_int_equal(worker.claims, 1);
}

/* A worker without a list is asked by name only, because the name is what was allowed. */
static void test_a_hash_that_nobody_lists(void **state)
{
    s_world_t *world = *state;
    s_peer_t client, gateway, worker;
    s_join(world, &client, s_right(world, '1'));
    s_join(world, &gateway, brk_right_all());
    s_join(world, &worker, brk_right_all());
    s_ready(world, &worker, "any", false, (proto_bytes_t){0});
    s_ask(world, &client, "any", "read", 4711);
    assert_int_equal(worker.requests, 1);
    assert_int_equal(worker.operation, 0);
    s_ask(world, &client, "any", "", 4711);
    s_refused(world, &client, 1);
    s_say(world, &worker, (proto_record_t){.type = PROTO_FINAL, .id = worker.request, .epoch = 5});
    s_ask(world, &gateway, "any", "read", 4711);
    assert_int_equal(worker.operation, 4711);
}

static void test_the_brokers_tables(void **state)
{
    s_world_t *world = *state;
    s_peer_t client, admin, gateway;
    s_join(world, &client, s_right(world, '1'));
    s_join(world, &admin, s_right(world, '3'));
    s_join(world, &gateway, brk_right_all());
    s_ask(world, &client, "muster", "stats", 0);
    s_refused(world, &client, 1);
    s_ask(world, &admin, "muster", "stats", 0);
    s_ask(world, &gateway, "muster", "services", 0);
    assert_true(admin.finals == 1 && gateway.finals == 1);
}

static void test_registrations(void **state)
{
    s_world_t *world = *state;
    s_peer_t worker, client;
    s_join(world, &worker, s_right(world, '2'));
    s_join(world, &client, s_right(world, '1'));
    s_ready(world, &worker, "db", true, (proto_bytes_t){0});
    assert_int_equal(worker.type, PROTO_DISCONNECT);
    assert_string_equal(world->refused, "register db");
    s_ready(world, &client, "embed", true, (proto_bytes_t){0});
    assert_int_equal(client.type, PROTO_DISCONNECT);
    assert_int_equal(brk_core_stats(world->core)->forbidden, 2);
    s_ready(world, &worker, "embed", true, (proto_bytes_t){0});
    assert_int_equal(worker.type, 0);
    s_ready(world, &worker, "embed2", true, (proto_bytes_t){0}); /* and its registration has ended */
    assert_int_equal(worker.type, PROTO_DISCONNECT);
}

/* A catalogue with one operation of `service` at `path` (NULL: without endpoint). */
static void s_catalogue(const char *service, const char *path, proto_buf_t *out)
{
    proto_catalogue_t *catalogue = proto_catalogue_new();
    proto_operation_t *operation = proto_arena_alloc(&catalogue->arena, sizeof *operation);
    *operation = (proto_operation_t){.hash = S_READ,
                                     .name = "read",
                                     .service = service,
                                     .summary = "",
                                     .returns = "row",
                                     .status = 200,
                                     .timeout_ms = 1000,
                                     .method = path ? "GET" : NULL,
                                     .path = path};
    catalogue->operations = operation;
    catalogue->operation_count = 1;
    proto_catalogue_encode(catalogue, out);
    proto_catalogue_free(&catalogue);
}

static void test_catalogues(void **state)
{
    static const struct {
        const char *service, *path, *refused; /* "" : taken */
    } cases[] = {
        {"embed", "/embed", ""},
        {"embed", "/embed/{id}", ""},
        {"embed", NULL, ""},
        {"embed", "/embedded", "publish /embedded"},
        {"embed", "/providers", "publish /providers"},
        {"embed", "/{anything}", "publish /{anything}"},
        {"db", "/embed/x", "publish /embed/x"}, /* another service's operation */
        {"db", NULL, "publish read"},
    };
    s_world_t *world = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s_peer_t worker, watcher;
        proto_buf_t body = PROTO_BUF_INIT;
        s_join(world, &worker, s_right(world, '2'));
        s_join(world, &watcher, brk_right_all());
        world->refused[0] = '\0';
        s_catalogue(cases[i].service, cases[i].path, &body);
        s_ready(world, &worker, "embed", true, proto_buf_bytes(&body));
        assert_string_equal(world->refused, cases[i].refused);
        assert_int_equal(worker.type, *cases[i].refused ? PROTO_DISCONNECT : 0);
        s_ready(world, &watcher, "embed", true, proto_buf_bytes(&body)); /* who may publish all may */
        assert_int_equal(watcher.type, 0);
        brk_core_leave(world->core, S_NOW, worker.id);
        brk_core_leave(world->core, S_NOW, watcher.id);
        proto_buf_free(&body);
    }
    s_peer_t worker;
    static const uint8_t wrong[] = {0x81, 0xa1, 'x', 0x01};
    s_join(world, &worker, s_right(world, '2'));
    s_ready(world, &worker, "embed", true, (proto_bytes_t){wrong, sizeof wrong});
    assert_int_equal(worker.type, PROTO_DISCONNECT);
    assert_string_equal(world->refused, "publish a malformed catalogue of embed");
    brk_core_leave(world->core, S_NOW, worker.id);
}

/* Nine places: a client may have as many as are left (5 of 9), a gateway eight times as many (8). */
static void test_shares_of_a_queue(void **state)
{
    s_world_t *world = *state;
    s_peer_t worker, greedy, other, gateway;
    s_join(world, &worker, brk_right_all());
    s_join(world, &greedy, brk_right_dev(false));
    s_join(world, &other, brk_right_dev(false));
    s_join(world, &gateway, brk_right_all());
    s_ready(world, &worker, "db", true, (proto_bytes_t){0});
    for (int i = 0; i < 20; i++)
        s_ask(world, &greedy, "db", "read", 0);
    assert_int_equal(greedy.errors, 20 - 1 - 5);
    assert_int_equal(greedy.number, PROTO_ERROR_overloaded);
    for (int i = 0; i < 20; i++)
        s_ask(world, &other, "db", "read", 0);
    assert_int_equal(other.errors, 20 - 2);
    for (int i = 0; i < 20; i++)
        s_ask(world, &gateway, "db", "read", 0);
    assert_int_equal(gateway.errors, 20 - 2);
    s_say(world, &greedy, (proto_record_t){.type = PROTO_DISCONNECT}); /* what it had waiting is free again */
    for (int i = 0; i < 20; i++)
        s_ask(world, &gateway, "db", "read", 0);
    assert_int_equal(gateway.errors, 20 - 2 + 20 - 5);
}

static void test_rights_that_change(void **state)
{
    s_world_t *world = *state;
    s_peer_t worker, client;
    s_join(world, &worker, s_right(world, '2'));
    s_join(world, &client, brk_right_all());
    s_ready(world, &worker, "embed", true, (proto_bytes_t){0});
    brk_core_renew(world->core, S_NOW, worker.id, s_right(world, '2'));
    assert_false(worker.forgotten);
    brk_core_renew(world->core, S_NOW, worker.id, brk_right_all()); /* more than before */
    assert_true(!worker.forgotten && worker.type == 0);
    brk_core_renew(world->core, S_NOW, worker.id, s_right(world, '2')); /* fewer paths */
    assert_true(worker.forgotten && worker.type == PROTO_DISCONNECT);
    s_ask(world, &client, "embed", "read", 0);
    assert_true(client.type == PROTO_ERROR && client.number == PROTO_ERROR_no_worker);
    brk_core_renew(world->core, S_NOW, client.id, s_right(world, '1'));
    assert_false(client.forgotten);
    s_ask(world, &client, "embed", "read", 0);
    assert_true(client.type == PROTO_ERROR && client.number == PROTO_ERROR_forbidden);
    brk_core_renew(world->core, S_NOW, client.id, brk_right_none());
    assert_true(client.forgotten && client.type == PROTO_DISCONNECT);
}

static void test_a_key_that_was_taken_out(void **state)
{
    s_world_t *world = *state;
    s_peer_t peer;
    s_join(world, &peer, brk_right_none());
    s_ask(world, &peer, "db", "read", 0);
    s_refused(world, &peer, 1);
    s_ask(world, &peer, "muster", "stats", 0);
    s_refused(world, &peer, 2);
    const proto_type_t others[] = {PROTO_HELLO, PROTO_HEARTBEAT, PROTO_CANCEL, PROTO_FINAL};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        s_say(world, &peer, (proto_record_t){.type = others[i]});
        assert_int_equal(peer.type, PROTO_DISCONNECT);
    }
    s_ready(world, &peer, "embed", true, (proto_bytes_t){0});
    assert_int_equal(peer.type, PROTO_DISCONNECT);
    s_say(world, &peer, (proto_record_t){.type = PROTO_DISCONNECT});
    assert_int_equal(peer.type, 0);
}

/* A worker that may not name identities changes nothing by giving a request back: neither who asks nor what
 * for, at once or after a wait. */
static void test_a_request_given_back(void **state)
{
    s_world_t *world = *state;
    for (int waits = 0; waits < 2; waits++) {
        s_peer_t gateway, liar, honest;
        s_join(world, &gateway, brk_right_all());
        s_join(world, &liar, s_right(world, '2'));
        s_join(world, &honest, brk_right_all());
        s_ready(world, &liar, "embed", true, (proto_bytes_t){0});
        s_ask(world, &gateway, "embed", "read", S_READ);
        assert_int_equal(liar.requests, 1);
        if (!waits)
            s_ready(world, &honest, "embed", true, (proto_bytes_t){0});
        s_say(world, &liar,
              (proto_record_t){.type = PROTO_RETURN,
                               .id = liar.request,
                               .epoch = 5,
                               .operation = S_WRITE,
                               .service = proto_bytes_of("embed"),
                               .name = proto_bytes_of("write"),
                               .subject = proto_bytes_of("root"),
                               .role = proto_bytes_of("root")});
        if (waits)
            s_ready(world, &honest, "embed", true, (proto_bytes_t){0});
        assert_int_equal(honest.requests, 1);
        assert_int_equal(honest.operation, S_READ);
        assert_string_equal(honest.name, "read");
        assert_true(strcmp(honest.subject, "mallory") == 0 && strcmp(honest.role, "admin") == 0);
        assert_int_equal(honest.claims, 1);
        brk_core_leave(world->core, S_NOW, gateway.id);
        brk_core_leave(world->core, S_NOW, liar.id);
        brk_core_leave(world->core, S_NOW, honest.id);
    }
}

/* Such a name could not be told to a worker, nor read back from the queue. */
static void test_names_are_plain(void **state)
{
    s_world_t *world = *state;
    s_peer_t worker;
    s_join(world, &worker, s_right(world, '2'));
    s_offer(world, &worker, "embed", S_READ, "re\nad", 0);
    assert_int_equal(worker.type, PROTO_DISCONNECT);
}

/* Who may serve NAME.read alone takes reads of NAME, but does not say what is in NAME. */
static void test_a_replica_makes_no_operations(void **state)
{
    enum { S_REPLICATED = PROTO_OP_READS | PROTO_OP_REPLICA };
    s_world_t *world = *state;
    s_peer_t replica, worker, gateway;
    s_join(world, &replica, s_right(world, '4'));
    s_join(world, &worker, s_right(world, '2'));
    s_join(world, &gateway, brk_right_all());
    s_offer(world, &replica, "embed.read", S_READ, "harmless", S_REPLICATED);
    s_ask(world, &gateway, "embed", "harmless", 0);
    assert_int_equal(gateway.number, PROTO_ERROR_no_worker);
    s_ask(world, &gateway, "embed", "read", S_READ);
    assert_int_equal(gateway.number, PROTO_ERROR_no_worker);
    s_offer(world, &worker, "embed", S_READ, "read", S_REPLICATED);
    s_ask(world, &gateway, "embed", "harmless", 0);
    assert_int_equal(replica.requests + worker.requests, 0);
    s_ask(world, &gateway, "embed", "read", 0); /* it came first, and is found now */
    assert_int_equal(replica.requests, 1);
    s_offer(world, &replica, "embed.read", S_WRITE, "read", S_REPLICATED);
    s_ask(world, &gateway, "embed", "read", 0);
    assert_int_equal(worker.requests, 1);
}

/* Catalogues are large, and HELLO is small. */
static void test_hello_again_and_again(void **state)
{
    s_world_t *world = *state;
    s_peer_t worker, watcher;
    proto_buf_t body = PROTO_BUF_INIT;
    s_join(world, &worker, brk_right_all());
    s_join(world, &watcher, brk_right_all());
    s_catalogue("embed", NULL, &body);
    s_ready(world, &worker, "embed", true, proto_buf_bytes(&body));
    proto_buf_free(&body);
    for (int i = 0; i < 10; i++)
        s_say(world, &watcher, (proto_record_t){.type = PROTO_HELLO});
    assert_int_equal(watcher.count, 10 + 1);
    brk_core_record(world->core, S_NOW + 500, watcher.id, &(proto_record_t){.type = PROTO_HELLO});
    assert_int_equal(watcher.count, 10 + 1 + 2);
}

/* Only those who are registered for it tell of revoked tokens, and only gateways hear of it. */
static void test_the_feed(void **state)
{
    s_world_t *world = *state;
    s_peer_t feed, gateway, client, other, dev;
    static uint8_t body[65537];
    proto_record_t message = {.type = PROTO_PUBLISH, .body = {body, 100}};
    s_join(world, &feed, brk_right_all());
    s_join(world, &gateway, brk_right_all());
    s_join(world, &client, s_right(world, '1'));
    s_join(world, &other, s_right(world, '2'));
    s_join(world, &dev, brk_right_dev(false));
    s_say(world, &gateway, (proto_record_t){.type = PROTO_HELLO});
    s_say(world, &client, (proto_record_t){.type = PROTO_HELLO});
    s_say(world, &client, message); /* nobody's */
    s_ready(world, &other, "embed", true, (proto_bytes_t){0});
    s_say(world, &other, message); /* another service's */
    s_ready(world, &dev, BRK_FEED, false, (proto_bytes_t){0});
    assert_int_equal(dev.type, PROTO_DISCONNECT);
    s_say(world, &dev, message);
    assert_int_equal(gateway.count, 1);
    s_ready(world, &feed, BRK_FEED, false, (proto_bytes_t){0});
    s_say(world, &feed, message);
    assert_int_equal(gateway.type, PROTO_PUBLISH);
    assert_int_equal(gateway.operation, 0);
    assert_int_equal(gateway.count, 2);
    message.operation = 1; /* a catalogue, by this way */
    s_say(world, &feed, message);
    message = (proto_record_t){.type = PROTO_PUBLISH, .body = {body, sizeof body}};
    s_say(world, &feed, message);
    assert_int_equal(gateway.count, 2);
    assert_int_equal(client.count, 1 + 1); /* a heartbeat, and DISCONNECT for what it said */
    s_ask(world, &client, BRK_FEED, "snapshot", 0);
    assert_int_equal(client.number, PROTO_ERROR_forbidden);
    s_ask(world, &gateway, BRK_FEED, "snapshot", 0);
    assert_int_equal(feed.requests, 1);
}

int main(void)
{
#define S_TEST(name) cmocka_unit_test_setup_teardown(name, s_set_up, s_tear_down)
    const struct CMUnitTest tests[] = {
        S_TEST(test_calls),
        S_TEST(test_a_gateway_names_identities),
        S_TEST(test_a_hash_that_nobody_lists),
        S_TEST(test_the_brokers_tables),
        S_TEST(test_registrations),
        S_TEST(test_catalogues),
        S_TEST(test_shares_of_a_queue),
        S_TEST(test_rights_that_change),
        S_TEST(test_a_key_that_was_taken_out),
        S_TEST(test_a_request_given_back),
        S_TEST(test_names_are_plain),
        S_TEST(test_a_replica_makes_no_operations),
        S_TEST(test_hello_again_and_again),
        S_TEST(test_the_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
