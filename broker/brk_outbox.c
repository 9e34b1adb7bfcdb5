/* SPDX-License-Identifier: MPL-2.0 */
/* Batches for peers. Thread: the broker's. */
#include "brk_outbox.h"

#include "proto_clock.h"
#include "proto_log.h"

enum {
    S_KEPT_MDP = 16 << 20,  /* most bytes kept for a Majordomo peer: stock clients ask much at once */
    S_KEPT_ALL = 256 << 20, /* ... as long as those for all such peers are fewer than this */
    S_LAST_WORDS_MS = 10000 /* a forgotten peer that takes nothing for so long hears no more */
};

void brk_outbox_mark(brk_outbox_t *self, brk_route_t *route)
{
    if (route->dirty)
        return;
    route->dirty = true;
    route->next_dirty = self->dirty;
    self->dirty = route;
}

void brk_outbox_make_room(brk_outbox_t *self, brk_route_t *route)
{
    size_t most = self->kept < S_KEPT_ALL ? S_KEPT_MDP : PROTO_BATCH_BYTES;
    if (route->out.size - route->sent > most)
        brk_route_make_room(route);
}

static void s_say_mdp(brk_outbox_t *self, brk_route_t *route, const proto_record_t *record)
{
    brk_outbox_make_room(self, route);
    brk_mdp_write(self->mdp, &route->majordomo, record);
    brk_outbox_mark(self, route);
}

void brk_outbox_say(brk_outbox_t *self, brk_route_t *route, const proto_record_t *record)
{
    proto_record_t native;
    if (route->mdp) {
        s_say_mdp(self, route, record);
        return;
    }
    if (record->flags & BRK_RAW) {
        native = *record;
        brk_mdp_native(&native);
        record = &native;
    }
    if (brk_route_ripe(route, proto_record_size(record)))
        brk_route_make_room(route);
    if (proto_record_append(&route->out, record) < 0) {
        proto_log(PROTO_LOG_ERROR, "broker", "a %s could not be encoded", proto_type_name(record->type));
        return;
    }
    route->count++;
    brk_outbox_mark(self, route);
}

void brk_outbox_forget(brk_outbox_t *self, brk_route_t *route)
{
    route->peer = 0;
    route->moved_at = proto_clock_ms();
    if (route->mdp)
        brk_mdp_forget(self->mdp, &route->majordomo);
    brk_outbox_mark(self, route);
}

static void s_lose(brk_outbox_t *self, brk_route_t *route)
{
    brk_route_drop(route);
    brk_core_leave(self->core, proto_clock_ms(), route->peer);
}

/* Says what there is to say to this peer. False when its socket takes no more now and it is worth another
 * try: of one that the core has forgotten (it was silent; now it may be reading), while it goes on taking its
 * last words. */
static bool s_flush_route(brk_outbox_t *self, brk_route_t *route)
{
    size_t before = route->out.size - route->sent;
    int rc = before ? brk_route_send(route) : 1;
    if (rc == 0) {
        int64_t now = proto_clock_ms();
        if (route->out.size - route->sent < before)
            route->moved_at = now;
        if (route->peer || now - route->moved_at < S_LAST_WORDS_MS)
            return false;
    }
    route->dirty = false;
    if (route->peer == 0)
        brk_routes_remove(route);
    else if (rc < 0)
        s_lose(self, route); /* marks it again, to be freed */
    return true;
}

void brk_outbox_flush(brk_outbox_t *self)
{
    brk_route_t *later = NULL;
    self->kept = 0;
    while (self->dirty) {
        brk_route_t *route = self->dirty;
        self->dirty = route->next_dirty;
        if (s_flush_route(self, route))
            continue;
        /* It stays dirty: what the loss of another tells it must not list it twice. */
        route->next_dirty = later;
        later = route;
        self->kept += route->out.size - route->sent;
    }
    self->dirty = later;
}
