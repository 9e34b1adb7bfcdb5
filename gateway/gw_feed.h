/* SPDX-License-Identifier: MPL-2.0 */
/* Revoked tokens, from the feeds to the request: what is heard of `muster.revoked` goes into the set, its
 * snapshots are fetched, and where the set cannot be relied upon the database is asked about the one token
 * before its request goes on. Private to gateway/. Thread: the gateway's. Out: REQUEST (muster.revoked:
 * snapshot; db: auth_revoked). In: PUBLISH (muster.revoked), FINAL, ERROR. */
#ifndef GW_FEED_H
#define GW_FEED_H

#include "gw_internal.h"

/* Whether it can be told of any token now, if tokens are taken at all, that it was not revoked. */
bool gw_feed_can_tell(gw_gateway_t *self);
/* Whether the request's token may be relied upon. False: it is revoked, and the request was answered. When
 * nobody knows, the request is marked `doubted`. */
PROTO_MUST_CHECK bool gw_feed_admit(gw_gateway_t *self, gw_request_t *request);
/* Asks the database about the token of a doubted request, whose `arguments` are kept until it has answered.
 * Then the request is waiting, or the error is why not. */
PROTO_MUST_CHECK proto_error_t gw_feed_question(gw_gateway_t *self, gw_request_t *request);
/* The database's answer about a doubted request: it goes on to its endpoint, or has been answered. True: go
 * on. */
PROTO_MUST_CHECK bool gw_feed_answered(gw_gateway_t *self, gw_request_t *request, proto_bytes_t document);

/* A record of a feed: PUBLISH that is no catalogue. */
void gw_feed_message(gw_gateway_t *self, const proto_record_t *record);
/* FINAL or ERROR of a snapshot: true when it was one. */
PROTO_MUST_CHECK bool gw_feed_snapshot(gw_gateway_t *self, const proto_record_t *record);
/* Asks for a snapshot when one is due. Once a turn. */
void gw_feed_turn(gw_gateway_t *self);

#endif
