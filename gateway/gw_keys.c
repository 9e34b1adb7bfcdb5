/* SPDX-License-Identifier: MPL-2.0 */
/* Keys, and signatures made with them. Thread: any, once made. */
#include "gw_keys_internal.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { S_ES256 = 64 /* bytes of r and s together: RFC 7518 section 3.4 */, S_DER = 80 };

gw_keys_t *gw_keys_new(void)
{
    gw_keys_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    atomic_init(&self->holders, 1);
    return self;
}

gw_keys_t *gw_keys_hold(gw_keys_t *self)
{
    atomic_fetch_add(&self->holders, 1);
    return self;
}

void gw_keys_drop(gw_keys_t **self_pointer)
{
    gw_keys_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self || atomic_fetch_sub(&self->holders, 1) > 1)
        return;
    for (uint32_t i = 0; i < self->count; i++) {
        gw_key_t *key = &self->list[i];
        if (key->secret.data)
            OPENSSL_cleanse(key->secret.data, key->secret.capacity);
        proto_buf_free(&key->secret);
        proto_buf_free(&key->kid);
        EVP_PKEY_free(key->public_key);
    }
    free(self);
}

uint32_t gw_keys_count(const gw_keys_t *self)
{
    return self->count;
}

gw_key_t *gw_keys_extend(gw_keys_t *self, gw_alg_t alg, proto_buf_t *why)
{
    if (self->count == GW_KEYS) {
        proto_buf_printf(why, "there are more than %d keys", GW_KEYS);
        return NULL;
    }
    gw_key_t *key = &self->list[self->count++];
    key->alg = alg;
    return key;
}

int gw_keys_add_secret(gw_keys_t *self, proto_bytes_t secret, proto_buf_t *why)
{
    if (secret.size < GW_SECRET_LEAST) {
        proto_buf_printf(why, "a secret for HS256 has at least %d bytes", GW_SECRET_LEAST);
        return -1;
    }
    gw_key_t *key = gw_keys_extend(self, GW_ALG_HS256, why);
    if (!key)
        return -1;
    proto_buf_append(&key->secret, secret.data, secret.size);
    PROTO_ASSERT(!key->secret.failed);
    return 0;
}

static bool s_verify_hs256(const gw_key_t *key, proto_bytes_t input, proto_bytes_t signature)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!HMAC(EVP_sha256(), key->secret.data, (int)key->secret.size, input.data, input.size, mac, &size))
        return false;
    return signature.size == size && CRYPTO_memcmp(signature.data, mac, size) == 0;
}

/* RS256: RSASSA-PKCS1-v1_5; the signature is exactly as long as the modulus (RFC 8017 section 8.2.2). */
static bool s_verify_public(const gw_key_t *key, proto_bytes_t input, proto_bytes_t signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->public_key) == 1 &&
                EVP_DigestVerify(context, signature.data, signature.size, input.data, input.size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

/* The two numbers as they are in a token become the ASN.1 form that the library reads. */
static bool s_verify_es256(const gw_key_t *key, proto_bytes_t input, proto_bytes_t signature)
{
    uint8_t der[S_DER], *end = der;
    if (signature.size != S_ES256)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, S_ES256 / 2, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + S_ES256 / 2, S_ES256 / 2, NULL);
    bool made = pair && r && s && ECDSA_SIG_set0(pair, r, s);
    if (!made) {
        BN_free(r);
        BN_free(s);
    }
    int size = made ? i2d_ECDSA_SIG(pair, NULL) : 0;
    made = size > 0 && size <= S_DER && i2d_ECDSA_SIG(pair, &end) == size;
    ECDSA_SIG_free(pair);
    return made && s_verify_public(key, input, (proto_bytes_t){der, (size_t)size});
}

static bool s_verify(const gw_key_t *key, proto_bytes_t input, proto_bytes_t signature)
{
    switch (key->alg) {
    case GW_ALG_HS256:
        return s_verify_hs256(key, input, signature);
    case GW_ALG_RS256:
        return signature.size == (size_t)EVP_PKEY_get_size(key->public_key) &&
               s_verify_public(key, input, signature);
    case GW_ALG_ES256:
        return s_verify_es256(key, input, signature);
    default:
        return false;
    }
}

bool gw_keys_verify(const gw_keys_t *self, gw_alg_t alg, proto_bytes_t kid, proto_bytes_t input,
                    proto_bytes_t signature)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const gw_key_t *key = &self->list[i];
        bool asked = !kid.data || key->kid.size == 0 || proto_bytes_equal(proto_buf_bytes(&key->kid), kid);
        if (asked && key->alg == alg && s_verify(key, input, signature))
            return true;
    }
    return false;
}

gw_alg_t gw_alg_parse(proto_bytes_t name)
{
    static const char *const names[GW_ALG_COUNT] = {"HS256", "RS256", "ES256"};
    int alg = 0;
    while (alg < GW_ALG_COUNT && !proto_bytes_is(name, names[alg]))
        alg++;
    return (gw_alg_t)alg;
}
