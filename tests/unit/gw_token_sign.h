/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens for tests: whatever text in the parts, signed as one likes. */
#ifndef GW_TOKEN_SIGN_H
#define GW_TOKEN_SIGN_H

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>

#include "gw_keys.h"
#include "proto_json.h"

#define SIGN_SECRET "kZ8v-Qw3_Lr7Tn2Yb6Xc1Md5Hf9Gj4Ps"

/* The signing input of a header and a payload. */
static inline void sign_input(proto_buf_t *out, const char *header, const char *payload)
{
    proto_buf_reset(out);
    proto_base64url_encode(out, proto_bytes_of(header));
    proto_buf_byte(out, '.');
    proto_base64url_encode(out, proto_bytes_of(payload));
}

static inline void sign_append(proto_buf_t *out, const void *signature, size_t size)
{
    proto_buf_byte(out, '.');
    proto_base64url_encode(out, (proto_bytes_t){signature, size});
}

static inline void sign_hs256(proto_buf_t *out, proto_bytes_t secret)
{
    uint8_t mac[32];
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data, (int)secret.size, out->data, out->size, mac, &size);
    sign_append(out, mac, size);
}

/* RS256, or the ASN.1 form of ES256, into `signature`; its size. */
static inline size_t sign_raw(EVP_PKEY *key, proto_bytes_t input, uint8_t signature[1024])
{
    size_t size = 1024;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int rc = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestSign(context, signature, &size, input.data, input.size) == 1;
    EVP_MD_CTX_free(context);
    PROTO_ASSERT(rc == 1);
    return size;
}

/* r and s, 32 bytes each. */
static inline void sign_pair(EVP_PKEY *key, proto_bytes_t input, uint8_t pair[64])
{
    uint8_t der[1024];
    const uint8_t *at = der;
    size_t size = sign_raw(key, input, der);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
    PROTO_ASSERT(signature != NULL);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), pair, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), pair + 32, 32);
    ECDSA_SIG_free(signature);
}

static inline void sign_number(proto_buf_t *out, EVP_PKEY *key, const char *name, int size)
{
    uint8_t bytes[1024];
    BIGNUM *number = NULL;
    int rc = EVP_PKEY_get_bn_param(key, name, &number);
    PROTO_ASSERT(rc == 1);
    size = size ? size : BN_num_bytes(number);
    BN_bn2binpad(number, bytes, size);
    BN_free(number);
    proto_base64url_encode(out, (proto_bytes_t){bytes, (size_t)size});
}

/* The public half as a JWK, with further members behind a comma: ",\"kid\":\"a\"". */
static inline void sign_jwk(proto_buf_t *out, EVP_PKEY *key, const char *more)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    proto_buf_string(out, rsa ? "{\"kty\":\"RSA\",\"n\":\"" : "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
    sign_number(out, key, rsa ? "n" : "qx", rsa ? 0 : 32);
    proto_buf_string(out, rsa ? "\",\"e\":\"" : "\",\"y\":\"");
    sign_number(out, key, rsa ? "e" : "qy", rsa ? 0 : 32);
    proto_buf_printf(out, "\"%s}", more);
}

#endif
