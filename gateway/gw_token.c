/* SPDX-License-Identifier: MPL-2.0 */
/* Verification of tokens. Thread: the gateway's. */
#include "gw_token.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <strings.h>

#include "proto_json.h"
#include "proto_record.h"

enum { S_DEPTH = 16 };

static const char s_malformed[] = "the token is malformed";
static const char s_bad_claims[] = "a claim of the token is malformed";
static const int64_t s_last_second = 253402300799; /* of the year 9999 */

/* A token under examination. */
typedef struct s_work {
    proto_bytes_t input; /* what is signed: both first parts, with the dot between */
    proto_bytes_t parts[3];
    proto_buf_t json, header, claims, signature;
    int64_t expires_ms;
    proto_bytes_t subject, role; /* in `claims` */
} s_work_t;

/* Exactly three parts, none of them empty. */
static bool s_split(s_work_t *self, proto_bytes_t text)
{
    const uint8_t *at = text.data, *end = at + text.size;
    for (int i = 0; i < 3; i++) {
        const uint8_t *dot = i < 2 ? memchr(at, '.', (size_t)(end - at)) : end;
        if (!dot || dot == at)
            return false;
        self->parts[i] = (proto_bytes_t){at, (size_t)(dot - at)};
        at = dot + 1;
    }
    self->input = (proto_bytes_t){text.data, (size_t)(self->parts[2].data - 1 - text.data)};
    return proto_base64url_decode(&self->signature, self->parts[2]) == 0;
}

/* A part that is a JSON object without doubled members, as MessagePack. */
static bool s_object(s_work_t *self, proto_bytes_t part, proto_buf_t *out)
{
    static const proto_json_options_t options = {.depth = S_DEPTH, .refuse_nul = true};
    proto_json_error_t error;
    proto_value_t head;
    proto_buf_reset(&self->json);
    if (proto_base64url_decode(&self->json, part) < 0 ||
        proto_json_to_value(proto_buf_bytes(&self->json), &options, out, &error) < 0)
        return false;
    proto_reader_t reader = proto_reader(proto_buf_bytes(out));
    return proto_value_read(&reader, &head) == 0 && head.kind == PROTO_MAP;
}

/* 1 and the member, 0 when it is missing, -1 when it is malformed. */
static int s_member(const proto_buf_t *map, const char *name, proto_value_t *value)
{
    proto_bytes_t bytes;
    if (proto_value_get(proto_buf_bytes(map), name, &bytes) < 0)
        return 0;
    proto_reader_t reader = proto_reader(bytes);
    return proto_value_read(&reader, value) < 0 ? -1 : 1;
}

/* The same for text. */
static int s_text(const proto_buf_t *map, const char *name, proto_bytes_t *text)
{
    proto_value_t value;
    int rc = s_member(map, name, &value);
    *text = (proto_bytes_t){0};
    if (rc == 1 && value.kind != PROTO_STR)
        return -1;
    if (rc == 1)
        *text = value.bytes;
    return rc;
}

/* The same for a NumericDate (RFC 7519 section 2), in milliseconds. */
static int s_date(const proto_buf_t *map, const char *name, int64_t *ms)
{
    proto_value_t value;
    char text[64];
    int rc = s_member(map, name, &value);
    if (rc < 1)
        return rc;
    if (value.kind == PROTO_INT && value.integer >= 0 && value.integer <= s_last_second) {
        *ms = value.integer * 1000;
        return 1;
    }
    if (value.kind != PROTO_DECIMAL || value.bytes.size >= sizeof text)
        return -1;
    memcpy(text, value.bytes.data, value.bytes.size);
    text[value.bytes.size] = '\0';
    double seconds = strtod(text, NULL);
    if (!(seconds >= 0 && seconds <= (double)s_last_second))
        return -1;
    *ms = (int64_t)floor(seconds * 1000);
    return 1;
}

/* RFC 7515 section 4.1. `crit` names what we would have to understand, and we understand none of it. */
static const char *s_judge_header(const s_work_t *self, gw_alg_t *alg, proto_bytes_t *kid)
{
    proto_bytes_t name, type;
    proto_value_t ignored;
    int typed = s_text(&self->header, "typ", &type);
    if (s_text(&self->header, "alg", &name) != 1 || s_text(&self->header, "kid", kid) < 0 || typed < 0)
        return s_malformed;
    if (s_member(&self->header, "crit", &ignored) || s_member(&self->header, "b64", &ignored))
        return "the token has critical extensions";
    if (typed && (type.size != 3 || strncasecmp((const char *)type.data, "JWT", 3) != 0))
        return "the token is of another type";
    *alg = gw_alg_parse(name);
    return *alg == GW_ALG_COUNT ? "the token's algorithm is not taken" : NULL;
}

static const char *s_judge_times(s_work_t *self, int64_t now_ms)
{
    int64_t not_before = 0, issued = 0;
    int has_end = s_date(&self->claims, "exp", &self->expires_ms);
    if (has_end < 0 || s_date(&self->claims, "nbf", &not_before) < 0 ||
        s_date(&self->claims, "iat", &issued) < 0)
        return s_bad_claims;
    if (has_end == 0)
        return "the token has no end (exp)";
    if (self->expires_ms <= now_ms)
        return "the token has expired";
    if (not_before > now_ms + GW_TOKEN_EARLY_MS)
        return "the token is not good yet";
    return issued > now_ms + GW_TOKEN_SKEW_MS ? "the token was issued in the future" : NULL;
}

/* RFC 7519 section 4.1.3: one text or an array of texts. */
static const char *s_judge_audience(const s_work_t *self, const char *audience)
{
    static const char other[] = "the token is for somebody else (aud)";
    proto_value_t value;
    proto_bytes_t bytes = {0};
    bool wanted = audience && *audience, found = false;
    if (proto_value_get(proto_buf_bytes(&self->claims), "aud", &bytes) < 0)
        return wanted ? other : NULL;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0 || (value.kind != PROTO_STR && value.kind != PROTO_ARRAY))
        return s_bad_claims;
    uint32_t count = value.kind == PROTO_ARRAY ? value.count : 1;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 || value.kind == PROTO_ARRAY) {
            if (proto_value_read(&reader, &value) < 0 || value.kind != PROTO_STR)
                return s_bad_claims;
        }
        found = found || (wanted && proto_bytes_is(value.bytes, audience));
    }
    return found ? NULL : other;
}

/* Texts that go into the header of a record. */
static const char *s_judge_identity(s_work_t *self)
{
    proto_bytes_t ours;
    if (proto_value_get(proto_buf_bytes(&self->claims), GW_TOKEN_KEY_CLAIM, &ours) == 0)
        return s_bad_claims;
    int has_subject = s_text(&self->claims, "sub", &self->subject);
    int has_role = s_text(&self->claims, "role", &self->role);
    proto_bytes_t id, email;
    if (has_subject < 0 || has_role < 0 || s_text(&self->claims, "jti", &id) < 0 ||
        s_text(&self->claims, "email", &email) < 0)
        return s_bad_claims;
    if (self->subject.size == 0)
        return "the token names nobody (sub)";
    if (!has_role)
        self->role = proto_bytes_of("user");
    return !proto_record_plain(self->subject) || self->role.size == 0 || !proto_record_plain(self->role)
               ? s_bad_claims
               : NULL;
}

static const char *s_judge_claims(s_work_t *self, const gw_token_rules_t *rules, int64_t now_ms)
{
    proto_bytes_t issuer;
    const char *refusal = s_judge_times(self, now_ms);
    bool wanted = rules->issuer && *rules->issuer;
    if (refusal || (refusal = s_judge_audience(self, rules->audience)) || (refusal = s_judge_identity(self)))
        return refusal;
    if (s_text(&self->claims, "iss", &issuer) < 0)
        return s_bad_claims;
    return wanted && !proto_bytes_is(issuer, rules->issuer) ? "the token is from somebody else (iss)" : NULL;
}

static const char *s_judge(s_work_t *self, proto_bytes_t text, const gw_keys_t *keys,
                           const gw_token_rules_t *rules, int64_t now_ms)
{
    gw_alg_t alg;
    proto_bytes_t kid;
    if (text.size > GW_TOKEN_BYTES)
        return "the token is too long";
    if (text.size == 0 || !s_split(self, text) || !s_object(self, self->parts[0], &self->header))
        return s_malformed;
    const char *refusal = s_judge_header(self, &alg, &kid);
    if (refusal)
        return refusal;
    if (!gw_keys_verify(keys, alg, kid, self->input, proto_buf_bytes(&self->signature)))
        return "the token is not signed by a known key";
    /* From here on it is what an issuer wrote, but issuers err, too. */
    if (!s_object(self, self->parts[1], &self->claims))
        return s_malformed;
    return s_judge_claims(self, rules, now_ms);
}

static proto_bytes_t s_moved(proto_bytes_t bytes, const proto_buf_t *from, const uint8_t *to)
{
    bool inside = bytes.data >= from->data && bytes.data < from->data + from->size;
    return inside ? (proto_bytes_t){to + (bytes.data - from->data), bytes.size} : bytes;
}

/* The claims, with that of ours in front by which an operation can tell the token. */
static void s_write_claims(const s_work_t *self, const uint8_t key[GW_TOKEN_KEY], proto_buf_t *out)
{
    proto_reader_t reader = proto_reader(proto_buf_bytes(&self->claims));
    proto_value_t map;
    int rc = proto_value_read(&reader, &map);
    PROTO_ASSERT(rc == 0 && map.kind == PROTO_MAP); /* it was judged */
    proto_write_map(out, map.count + 1);
    proto_write_text(out, GW_TOKEN_KEY_CLAIM);
    proto_write_bin(out, (proto_bytes_t){key, GW_TOKEN_KEY});
    proto_buf_append(out, reader.at, (size_t)(reader.end - reader.at));
    PROTO_ASSERT(!out->failed);
}

static gw_token_t *s_keep(const s_work_t *self, proto_bytes_t text)
{
    uint8_t key[GW_TOKEN_KEY];
    proto_buf_t written = PROTO_BUF_INIT;
    gw_token_key(text, key);
    s_write_claims(self, key, &written);
    size_t size = sizeof(gw_token_t) + text.size + written.size;
    gw_token_t *token = malloc(size);
    PROTO_ASSERT(token != NULL);
    uint8_t *place = (uint8_t *)(token + 1), *claims = place + text.size;
    uint8_t *issued = claims + (written.size - self->claims.size); /* both end alike */
    memcpy(place, text.data, text.size);
    memcpy(claims, written.data, written.size);
    *token = (gw_token_t){
        .holders = 1,
        .expires_ms = self->expires_ms,
        .size = size,
        .text = {place, text.size},
        .subject = s_moved(self->subject, &self->claims, issued),
        .role = s_moved(self->role, &self->claims, issued),
        .claims = {claims, written.size},
    };
    memcpy(token->key, key, sizeof token->key);
    proto_buf_free(&written);
    return token;
}

const char *gw_token_verify(proto_bytes_t text, const gw_keys_t *keys, const gw_token_rules_t *rules,
                            int64_t now_ms, gw_token_t **token)
{
    s_work_t work = {0};
    proto_buf_init(&work.json, GW_TOKEN_BYTES);
    proto_buf_init(&work.header, GW_TOKEN_BYTES);
    proto_buf_init(&work.claims, GW_TOKEN_BYTES);
    proto_buf_init(&work.signature, GW_TOKEN_BYTES);
    const char *refusal = s_judge(&work, text, keys, rules, now_ms);
    *token = refusal ? NULL : s_keep(&work, text);
    proto_buf_free(&work.json);
    proto_buf_free(&work.header);
    proto_buf_free(&work.claims);
    proto_buf_free(&work.signature);
    return refusal;
}

gw_token_t *gw_token_hold(gw_token_t *self)
{
    self->holders++;
    return self;
}

void gw_token_drop(gw_token_t **self_pointer)
{
    gw_token_t *self = *self_pointer;
    *self_pointer = NULL;
    if (self && --self->holders == 0)
        free(self);
}

void gw_token_key(proto_bytes_t text, uint8_t key[GW_TOKEN_KEY])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    const uint8_t *dot = text.size ? memrchr(text.data, '.', text.size) : NULL;
    size_t size = dot ? (size_t)(dot - text.data) : text.size;
    int rc = EVP_Digest(text.data, size, digest, NULL, EVP_sha256(), NULL);
    PROTO_ASSERT(rc == 1);
    memcpy(key, digest, GW_TOKEN_KEY);
}
