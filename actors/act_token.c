/* SPDX-License-Identifier: MPL-2.0 */
/* Making tokens. Thread: any. */
#include "act_token.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "proto_json.h"
#include "proto_value.h"

enum { S_MAC = 32 };

/* base64url without padding (RFC 7515 section 2). */
static void s_base64url(proto_buf_t *out, proto_bytes_t bytes)
{
    size_t from = out->size;
    proto_base64_encode(out, bytes);
    for (size_t i = from; i < out->size; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    while (out->size > from && out->data[out->size - 1] == '=')
        out->size--;
}

static void s_claims(const act_token_t *token, proto_buf_t *out)
{
    char id[33];
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, token->id[0], token->id[1]);
    proto_write_map(out, 6);
    proto_write_text(out, "sub");
    proto_write_str(out, token->subject);
    proto_write_text(out, "email");
    proto_write_str(out, token->email);
    proto_write_text(out, "role");
    proto_write_str(out, token->role);
    proto_write_text(out, "iat");
    proto_write_int(out, token->issued);
    proto_write_text(out, "exp");
    proto_write_int(out, token->expires);
    proto_write_text(out, "jti");
    proto_write_text(out, id);
}

static int s_sign(proto_bytes_t text, proto_bytes_t secret, uint8_t mac[S_MAC])
{
    unsigned size = 0;
    if (secret.size > INT32_MAX ||
        !HMAC(EVP_sha256(), secret.data, (int)secret.size, text.data, text.size, mac, &size))
        return -1;
    return size == S_MAC ? 0 : -1;
}

int act_token_write(const act_token_t *token, proto_bytes_t secret, proto_buf_t *out)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    proto_buf_t claims = PROTO_BUF_INIT, json = PROTO_BUF_INIT;
    uint8_t mac[S_MAC] = {0};
    size_t from = out->size;
    s_claims(token, &claims);
    int rc = proto_json_from_value(proto_buf_bytes(&claims), &json);
    s_base64url(out, proto_bytes_of(header));
    proto_buf_byte(out, '.');
    s_base64url(out, proto_buf_bytes(&json));
    if (rc == 0)
        rc = s_sign((proto_bytes_t){out->data + from, out->size - from}, secret, mac);
    proto_buf_byte(out, '.');
    s_base64url(out, (proto_bytes_t){mac, sizeof mac});
    proto_buf_free(&claims);
    proto_buf_free(&json);
    return out->failed ? -1 : rc;
}
