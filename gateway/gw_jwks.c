/* SPDX-License-Identifier: MPL-2.0 */
/* Keys out of a JWK set: RFC 7517 and RFC 7518 section 6. Thread: main. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "gw_keys_internal.h"
#include "proto_json.h"

enum {
    S_DEPTH = 16,
    S_COORDINATE = 32,  /* bytes of x and of y on P-256 */
    S_RSA_LEAST = 2048, /* bits: RFC 7518 section 3.3 */
    S_RSA_MOST = 8192,  /* more would cost everybody too much time */
    S_EXPONENT_MOST = 8 /* bytes */
};

/* One key of the file under examination. */
typedef struct s_jwk {
    proto_bytes_t map;
    uint32_t number; /* of the key in the file, from 1 */
    proto_buf_t *why;
} s_jwk_t;

static int s_refuse(const s_jwk_t *self, const char *sentence)
{
    proto_buf_printf(self->why, "key %u %s", self->number, sentence);
    return -1;
}

/* A member as text; empty when it is missing. -1 when it is of another kind. */
static int s_text(const s_jwk_t *self, const char *name, proto_bytes_t *text)
{
    proto_bytes_t bytes;
    proto_value_t value;
    *text = (proto_bytes_t){0};
    if (proto_value_get(self->map, name, &bytes) < 0)
        return 0;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0 || value.kind != PROTO_STR)
        return -1;
    *text = value.bytes;
    return 0;
}

/* A member in base64url; -1 when it is missing or malformed. */
static int s_octets(const s_jwk_t *self, const char *name, proto_buf_t *out)
{
    proto_bytes_t text;
    return s_text(self, name, &text) < 0 || text.size == 0 ? -1 : proto_base64url_decode(out, text);
}

/* Whether "key_ops" is missing or has "verify". */
static bool s_verifies(const s_jwk_t *self)
{
    proto_bytes_t bytes;
    proto_value_t value;
    if (proto_value_get(self->map, "key_ops", &bytes) < 0)
        return true;
    proto_reader_t reader = proto_reader(bytes);
    if (proto_value_read(&reader, &value) < 0 || value.kind != PROTO_ARRAY)
        return false;
    for (uint32_t left = value.count; left; left--) {
        proto_value_t item;
        proto_bytes_t whole;
        proto_reader_t here = reader;
        if (proto_value_skip(&reader, &whole) < 0 || proto_value_read(&here, &item) < 0)
            return false;
        if (item.kind == PROTO_STR && proto_bytes_is(item.bytes, "verify"))
            return true;
    }
    return false;
}

static EVP_PKEY *s_make(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_CTX *check = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    if (check && EVP_PKEY_public_check(check) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(check);
    OSSL_PARAM_free(params);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *s_make_rsa(const proto_buf_t *modulus, const proto_buf_t *exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->size, NULL);
    BIGNUM *e = BN_bin2bn(exponent->data, (int)exponent->size, NULL);
    EVP_PKEY *key = NULL;
    /* With the exponent 1 anybody could sign. */
    if (build && n && e && BN_is_odd(e) && !BN_is_one(e) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        key = s_make("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static int s_read_rsa(const s_jwk_t *self, gw_key_t *key)
{
    proto_buf_t n = PROTO_BUF_INIT, e = PROTO_BUF_INIT;
    int rc = -1;
    if (s_octets(self, "n", &n) < 0 || s_octets(self, "e", &e) < 0 || n.size > S_RSA_MOST / 8 ||
        e.size > S_EXPONENT_MOST) {
        (void)s_refuse(self, "has no n and e that are RSA numbers of a sound size in base64url");
    } else if (!(key->public_key = s_make_rsa(&n, &e))) {
        (void)s_refuse(self, "is no sound RSA key");
    } else if (EVP_PKEY_get_bits(key->public_key) < S_RSA_LEAST) {
        (void)s_refuse(self, "is an RSA key of less than 2048 bits");
    } else {
        rc = 0;
    }
    proto_buf_free(&n);
    proto_buf_free(&e);
    return rc;
}

static EVP_PKEY *s_make_ec(const proto_buf_t *point)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point->data, point->size))
        key = s_make("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static int s_read_ec(const s_jwk_t *self, gw_key_t *key)
{
    proto_buf_t point = PROTO_BUF_INIT;
    int rc = -1;
    proto_buf_byte(&point, 4); /* not compressed */
    if (s_octets(self, "x", &point) < 0 || point.size != 1 + S_COORDINATE ||
        s_octets(self, "y", &point) < 0 || point.size != 1 + 2 * S_COORDINATE)
        (void)s_refuse(self, "has no x and y of 32 bytes in base64url");
    else if (!(key->public_key = s_make_ec(&point)))
        (void)s_refuse(self, "is no point on P-256");
    else
        rc = 0;
    proto_buf_free(&point);
    return rc;
}

static int s_read_oct(const s_jwk_t *self, gw_key_t *key)
{
    if (s_octets(self, "k", &key->secret) < 0)
        return s_refuse(self, "has no k in base64url");
    return key->secret.size < GW_SECRET_LEAST ? s_refuse(self, "is a secret of less than 32 bytes") : 0;
}

/* What a key is for: its algorithm, GW_ALG_COUNT to pass it over (RFC 7517 section 5). */
static gw_alg_t s_purpose(const s_jwk_t *self, proto_bytes_t type, proto_bytes_t curve, proto_bytes_t alg,
                          proto_bytes_t use)
{
    static const char *const types[GW_ALG_COUNT] = {"oct", "RSA", "EC"};
    int of_type = 0;
    while (of_type < GW_ALG_COUNT && !proto_bytes_is(type, types[of_type]))
        of_type++;
    if (of_type == GW_ALG_COUNT || (of_type == GW_ALG_ES256 && !proto_bytes_is(curve, "P-256")) ||
        (alg.data && gw_alg_parse(alg) != (gw_alg_t)of_type) || (use.data && !proto_bytes_is(use, "sig")) ||
        !s_verifies(self))
        return GW_ALG_COUNT;
    return (gw_alg_t)of_type;
}

static int s_read_key(gw_keys_t *keys, const s_jwk_t *self)
{
    proto_bytes_t type, curve, alg, use, kid, ignored;
    if (s_text(self, "kty", &type) < 0 || s_text(self, "crv", &curve) < 0 || s_text(self, "alg", &alg) < 0 ||
        s_text(self, "use", &use) < 0 || s_text(self, "kid", &kid) < 0)
        return s_refuse(self, "has a member that should be text");
    if (proto_value_get(self->map, "d", &ignored) == 0)
        return s_refuse(self, "is a private key; who only verifies needs the public one");
    gw_alg_t purpose = s_purpose(self, type, curve, alg, use);
    if (purpose == GW_ALG_COUNT)
        return 0;
    gw_key_t *key = gw_keys_extend(keys, purpose, self->why);
    if (!key)
        return -1;
    proto_buf_append(&key->kid, kid.data, kid.size);
    return purpose == GW_ALG_RS256   ? s_read_rsa(self, key)
           : purpose == GW_ALG_ES256 ? s_read_ec(self, key)
                                     : s_read_oct(self, key);
}

static int s_read_set(gw_keys_t *keys, proto_bytes_t set, proto_buf_t *why)
{
    proto_bytes_t list;
    proto_value_t head;
    uint32_t before = keys->count;
    if (proto_value_get(set, "keys", &list) < 0) {
        proto_buf_string(why, "there is no member \"keys\"");
        return -1;
    }
    proto_reader_t reader = proto_reader(list);
    if (proto_value_read(&reader, &head) < 0 || head.kind != PROTO_ARRAY) {
        proto_buf_string(why, "\"keys\" is no array");
        return -1;
    }
    for (uint32_t i = 1; i <= head.count; i++) {
        s_jwk_t jwk = {.number = i, .why = why};
        if (proto_value_skip(&reader, &jwk.map) < 0 || s_read_key(keys, &jwk) < 0)
            return -1;
    }
    if (keys->count == before)
        proto_buf_string(why, "no key in it is for RS256, ES256 (P-256) or HS256");
    return keys->count == before ? -1 : 0;
}

int gw_keys_add_jwks(gw_keys_t *self, proto_bytes_t json, proto_buf_t *why)
{
    static const proto_json_options_t options = {.depth = S_DEPTH, .refuse_nul = true};
    proto_buf_t set = PROTO_BUF_INIT;
    proto_json_error_t error = {0};
    int rc = -1;
    if (json.size > GW_JWKS_BYTES)
        proto_buf_string(why, "it is too long for a key file");
    else if (proto_json_to_value(json, &options, &set, &error) < 0)
        proto_buf_printf(why, "it is no JSON: %s at byte %zu", error.reason ? error.reason : "too long",
                         error.offset);
    else
        rc = s_read_set(self, proto_buf_bytes(&set), why);
    proto_buf_free(&set);
    return rc;
}
