/* SPDX-License-Identifier: MPL-2.0 */
/* Tokens and key files. The input is a token as it came; the header and payload of one that is signed
 * rightly, so that what is behind the signature is reached; and a JWK set. */
#include <openssl/hmac.h>

#include "fuzz.h"
#include "gw_token.h"
#include "proto_json.h"
#include "proto_record.h"

#define S_SECRET "kZ8v-Qw3_Lr7Tn2Yb6Xc1Md5Hf9Gj4Ps"
#define S_NOW    INT64_C(1700000000000)

static const char *s_verify(const gw_keys_t *keys, proto_bytes_t text)
{
    static const gw_token_rules_t rules = {.audience = "muster"}, none = {0};
    gw_token_t *token, *other;
    const char *refusal = gw_token_verify(text, keys, &none, S_NOW, &token);
    const char *asked = gw_token_verify(text, keys, &rules, S_NOW, &other);
    PROTO_ASSERT((refusal == NULL) == (token != NULL) && (asked == NULL) == (other != NULL));
    PROTO_ASSERT(refusal || asked); /* an audience is wanted in one, and refused in the other */
    gw_token_t *good = token ? token : other;
    if (good) {
        PROTO_ASSERT(good->expires_ms > S_NOW && good->subject.size && good->role.size);
        PROTO_ASSERT(proto_record_plain(good->subject) && proto_record_plain(good->role));
        PROTO_ASSERT(proto_value_check(good->claims) == 0 && good->claims.size <= GW_TOKEN_BYTES);
        PROTO_ASSERT(proto_bytes_equal(good->text, text));
    }
    gw_token_drop(&token);
    gw_token_drop(&other);
    return refusal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gw_keys_t *keys;
    static proto_buf_t why, signed_;
    uint8_t mac[32];
    unsigned mac_size;
    proto_buf_reset(&why);
    if (!keys) {
        keys = gw_keys_new();
        int rc = gw_keys_add_secret(keys, proto_bytes_of(S_SECRET), &why);
        PROTO_ASSERT(rc == 0);
    }
    PROTO_ASSERT(s_verify(keys, (proto_bytes_t){data, size}) != NULL); /* nobody guesses a signature */
    const uint8_t *bar = size ? memchr(data, '|', size) : NULL;
    size_t header = bar ? (size_t)(bar - data) : 0;
    proto_buf_reset(&signed_);
    proto_base64url_encode(&signed_, (proto_bytes_t){data, header});
    proto_buf_byte(&signed_, '.');
    proto_base64url_encode(&signed_,
                           (proto_bytes_t){data + header + (bar != NULL), size - header - (bar != NULL)});
    HMAC(EVP_sha256(), S_SECRET, sizeof S_SECRET - 1, signed_.data, signed_.size, mac, &mac_size);
    proto_buf_byte(&signed_, '.');
    proto_base64url_encode(&signed_, (proto_bytes_t){mac, mac_size});
    (void)s_verify(keys, proto_buf_bytes(&signed_));
    gw_keys_t *others = gw_keys_new();
    int rc = gw_keys_add_jwks(others, (proto_bytes_t){data, size}, &why);
    PROTO_ASSERT((rc < 0) == (why.size > 0));
    gw_keys_drop(&others);
    return 0;
}

const fuzz_seed_t *fuzz_seeds(size_t *count)
{
    static const fuzz_seed_t seeds[] = {
        FUZZ_SEED(
            "{\"alg\":\"HS256\",\"typ\":\"JWT\"}|{\"sub\":\"ann\",\"exp\":1700000600,\"role\":\"user\"}"),
        FUZZ_SEED(
            "{\"alg\":\"HS256\",\"kid\":\"a\"}|{\"sub\":\"ann\",\"exp\":1700000600.5,\"aud\":[\"muster\"]}"),
        FUZZ_SEED("{\"alg\":\"HS256\"}|{\"sub\":\"a\",\"exp\":1700000600,\"nbf\":1,\"iat\":1e3,\"aud\":"
                  "\"muster\"}"),
        FUZZ_SEED("{\"alg\":\"none\",\"crit\":[\"exp\"]}|{\"sub\":\"ann\",\"exp\":1700000600}"),
        FUZZ_SEED("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjE3MDAwMDA2MDB9."
                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        FUZZ_SEED("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\",\"use\":\"sig\","
                  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"),
        FUZZ_SEED("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
                  "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"key_ops\":[\"verify\"]}]}"),
    };
    *count = sizeof seeds / sizeof *seeds;
    return seeds;
}
