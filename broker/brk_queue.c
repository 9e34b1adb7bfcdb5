/* SPDX-License-Identifier: MPL-2.0 */
/* Waiting requests: per operation a ring of lanes, one per client, so that a client that asks for much waits
 * for itself; per service a ring of operations with something waiting. Thread: the broker's. */
#include "brk_internal.h"

#include <stdlib.h>

enum { S_MAJORDOMO_TIMES = 32 /* a service with Majordomo workers may have so many times the queue */ };

static brk_lane_t *s_lane(brk_peer_t *client, brk_operation_t *operation)
{
    brk_lane_t *spare = NULL;
    for (brk_lane_t *lane = client->lanes; lane; lane = lane->next_of_peer) {
        if (lane->operation == operation)
            return lane;
        if (!lane->first)
            spare = lane;
    }
    if (!spare) {
        spare = calloc(1, sizeof *spare);
        PROTO_ASSERT(spare != NULL);
        spare->next_of_peer = client->lanes;
        client->lanes = spare;
    }
    spare->operation = operation;
    return spare;
}

void brk_queue_free_lanes(brk_peer_t *peer)
{
    while (peer->lanes) {
        brk_lane_t *lane = peer->lanes;
        peer->lanes = lane->next_of_peer;
        free(lane);
    }
}

/* Appends to the ring whose turn is at *head. */
static void s_ring_lane(brk_lane_t **head, brk_lane_t *lane)
{
    if (!*head) {
        *head = lane->next = lane->prev = lane;
        return;
    }
    lane->next = *head;
    lane->prev = (*head)->prev;
    lane->prev->next = lane->next->prev = lane;
}

static void s_unring_lane(brk_lane_t **head, brk_lane_t *lane)
{
    if (*head == lane)
        *head = lane->next == lane ? NULL : lane->next;
    lane->next->prev = lane->prev;
    lane->prev->next = lane->next;
    lane->next = lane->prev = NULL;
}

static void s_ring_operation(brk_operation_t **head, brk_operation_t *operation)
{
    if (!*head) {
        *head = operation->next = operation->prev = operation;
        return;
    }
    operation->next = *head;
    operation->prev = (*head)->prev;
    operation->prev->next = operation->next->prev = operation;
}

static void s_unring_operation(brk_operation_t **head, brk_operation_t *operation)
{
    if (*head == operation)
        *head = operation->next == operation ? NULL : operation->next;
    operation->next->prev = operation->prev;
    operation->prev->next = operation->next;
    operation->next = operation->prev = NULL;
}

/* The most requests that may wait for a service. Programs made from the Majordomo guide send a hundred
 * thousand at once, and take a refusal for an answer: where such workers serve, bytes and deadlines bound the
 * queue. */
static uint64_t s_most(const brk_core_t *self, const brk_service_t *service)
{
    return (uint64_t)self->limits.queue_count * (service->any_majordomo ? S_MAJORDOMO_TIMES : 1);
}

/* Whether the client may have one more request waiting. It may have as many as there are places left in the
 * queue, so that one alone takes half of it, two take a third each, and there is always room for another. A
 * gateway stands for many: for it eight times as many. The same goes for bytes. */
static bool s_has_share(const brk_core_t *self, const brk_service_t *service, const brk_peer_t *client,
                        size_t size)
{
    uint64_t weight = client->right->gateway ? 8 : 1, most = s_most(self, service);
    if (service->waiting_count >= most || service->waiting_bytes + size > self->limits.queue_bytes)
        return false;
    return client->waiting < weight * (most - service->waiting_count) &&
           client->waiting_bytes + size <= weight * (self->limits.queue_bytes - service->waiting_bytes);
}

static int s_store(brk_core_t *self, brk_request_t *request, const proto_record_t *record)
{
    brk_operation_t *operation = request->operation;
    brk_service_t *service = operation->service;
    proto_buf_reset(&request->stored);
    if (proto_record_append(&request->stored, record) < 0)
        return -1;
    request->state = BRK_WAITING;
    if (operation->waiting++ == 0)
        s_ring_operation(&service->waiting, operation);
    service->waiting_count++;
    service->waiting_bytes += request->stored.size;
    request->client->waiting++;
    request->client->waiting_bytes += request->stored.size;
    self->waiting++;
    self->stats.queued++;
    return 0;
}

int brk_queue_put(brk_core_t *self, brk_request_t *request, const proto_record_t *record)
{
    if (!s_has_share(self, request->operation->service, request->client, proto_record_size(record)) ||
        s_store(self, request, record) < 0)
        return -1;
    brk_lane_t *lane = s_lane(request->client, request->operation);
    if (!lane->first)
        s_ring_lane(&request->operation->lanes, lane);
    request->lane = lane;
    request->is_returned = false;
    request->next_waiting = NULL;
    request->prev_waiting = lane->last;
    if (lane->last)
        lane->last->next_waiting = request;
    else
        lane->first = request;
    lane->last = request;
    return 0;
}

int brk_queue_put_back(brk_core_t *self, brk_request_t *request, const proto_record_t *record)
{
    brk_operation_t *operation = request->operation;
    if (s_store(self, request, record) < 0)
        return -1;
    request->lane = NULL;
    request->is_returned = true;
    request->next_waiting = NULL;
    request->prev_waiting = operation->returned_last;
    if (operation->returned_last)
        operation->returned_last->next_waiting = request;
    else
        operation->returned = request;
    operation->returned_last = request;
    return 0;
}

static void s_unlink(brk_request_t *request, brk_request_t **first, brk_request_t **last)
{
    if (request->prev_waiting)
        request->prev_waiting->next_waiting = request->next_waiting;
    else
        *first = request->next_waiting;
    if (request->next_waiting)
        request->next_waiting->prev_waiting = request->prev_waiting;
    else
        *last = request->prev_waiting;
    request->next_waiting = request->prev_waiting = NULL;
}

void brk_queue_remove(brk_core_t *self, brk_request_t *request)
{
    brk_operation_t *operation = request->operation;
    brk_service_t *service = operation->service;
    PROTO_ASSERT(request->state == BRK_WAITING);
    if (request->is_returned) {
        s_unlink(request, &operation->returned, &operation->returned_last);
    } else {
        brk_lane_t *lane = request->lane;
        s_unlink(request, &lane->first, &lane->last);
        if (!lane->first)
            s_unring_lane(&operation->lanes, lane);
        else if (operation->lanes == lane)
            operation->lanes = lane->next; /* the next client's turn */
        request->lane = NULL;
    }
    service->waiting_count--;
    service->waiting_bytes -= request->stored.size;
    request->client->waiting--;
    request->client->waiting_bytes -= request->stored.size;
    self->waiting--;
    if (--operation->waiting == 0)
        s_unring_operation(&service->waiting, operation);
    else if (service->waiting == operation)
        service->waiting = operation->next; /* the next operation's turn */
}

/* The first that the worker can take: what is no RPC, and so for Majordomo workers, lets others pass. */
static brk_request_t *s_first(const brk_operation_t *operation, const brk_peer_t *worker)
{
    if (operation->returned)
        return operation->returned;
    const brk_lane_t *lane = operation->lanes;
    do {
        for (brk_request_t *request = lane->first; request; request = request->next_waiting)
            if (worker->mdp || !request->opaque)
                return request;
        lane = lane->next;
    } while (lane != operation->lanes);
    return NULL;
}

brk_request_t *brk_queue_next(brk_service_t *service, const brk_peer_t *worker)
{
    brk_operation_t *operation = service->waiting;
    if (!operation)
        return NULL;
    do {
        brk_request_t *first = brk_worker_offers(worker, operation) ? s_first(operation, worker) : NULL;
        if (first)
            return first;
        operation = operation->next;
    } while (operation != service->waiting);
    return NULL;
}

void brk_queue_read(const brk_request_t *request, proto_record_t *record)
{
    proto_batch_t batch;
    int rc = proto_batch_open(&batch, proto_buf_bytes(&request->stored));
    PROTO_ASSERT(rc == 0);
    rc = proto_batch_next(&batch, record);
    PROTO_ASSERT(rc == 1);
}
