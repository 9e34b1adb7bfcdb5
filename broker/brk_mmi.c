/* SPDX-License-Identifier: MPL-2.0 */
/* The Majordomo management interface (RFC 8): services beginning "mmi." that the broker answers itself. The
 * first frame of an answer is a code of three digits: 200, 400 (a request it cannot read), 403 (a right is
 * missing), 404, 501 (no such mmi service). Ours go on with frames of their own. Thread: the broker's. */
#include "brk_frame.h"
#include "brk_internal.h"
#include "proto_value.h"

static bool s_own(proto_bytes_t name)
{
    static const char *const names[] = {"muster", "mmi.service", "mmi.services", "mmi.info", "mmi.stats"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (proto_bytes_is(name, names[i]))
            return true;
    return false;
}

static void s_service(const brk_core_t *self, const proto_bytes_t *body, uint32_t count, proto_buf_t *out)
{
    const char *code = "400";
    if (count == 1 && body[0].size > 0) {
        const brk_service_t *service = brk_service_find(self, body[0]);
        code = s_own(body[0]) || (service && service->workers) ? "200" : "404";
    }
    brk_frame_put(out, proto_bytes_of(code), false);
}

/* One frame for each service that has workers. */
static void s_services(const brk_core_t *self, proto_buf_t *out)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < self->service_count; i++)
        left += self->services[i]->workers > 0;
    brk_frame_put(out, proto_bytes_of("200"), left > 0);
    for (uint32_t i = 0; i < self->service_count; i++)
        if (self->services[i]->workers)
            brk_frame_put(out, proto_bytes_of(self->services[i]->name), --left > 0);
}

/* "200" and one frame of MessagePack. */
static void s_value(proto_buf_t *value, proto_buf_t *out)
{
    brk_frame_put(out, proto_bytes_of("200"), true);
    brk_frame_put(out, proto_buf_bytes(value), false);
    proto_buf_free(value);
}

static void s_info(int64_t now, int64_t started, proto_buf_t *out)
{
    proto_buf_t value = PROTO_BUF_INIT;
    proto_write_map(&value, 3);
    proto_write_text(&value, "broker");
    proto_write_text(&value, "muster");
    proto_write_text(&value, "version");
    proto_write_text(&value, MUSTER_VERSION);
    proto_write_text(&value, "uptime_ms");
    proto_write_int(&value, now - started);
    s_value(&value, out);
}

void brk_core_mmi(const brk_core_t *self, int64_t now, int64_t started, uint64_t id, proto_bytes_t name,
                  const proto_bytes_t *body, uint32_t count, proto_buf_t *out)
{
    proto_buf_t value = PROTO_BUF_INIT;
    const brk_peer_t *peer = proto_slab_find(&self->peers, id);
    const brk_right_t *right = peer ? peer->right : brk_right_none();
    bool looks = proto_bytes_is(name, "mmi.stats");
    if (right->denied || (looks && !right->admin && !right->gateway)) {
        brk_frame_put(out, proto_bytes_of("403"), false);
    } else if (proto_bytes_is(name, "mmi.service")) {
        s_service(self, body, count, out);
    } else if (proto_bytes_is(name, "mmi.services")) {
        s_services(self, out);
    } else if (proto_bytes_is(name, "mmi.info")) {
        s_info(now, started, out);
    } else if (looks) {
        brk_table_operations(self, now, &value);
        s_value(&value, out);
    } else {
        brk_frame_put(out, proto_bytes_of("501"), false);
    }
}
