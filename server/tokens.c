/* SPDX-License-Identifier: MPL-2.0 */
/* Keys from settings. Thread: main. */
#include "tokens.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "secret.h"

/* Adds the secret of one setting, if it has any. */
static int s_add_secret(gw_keys_t *keys, const srv_config_t *config, srv_option_t option, const char *name,
                        proto_buf_t *why)
{
    proto_buf_t text = PROTO_BUF_INIT;
    int rc = srv_config_fresh(config, option, &text, why);
    const char *fault = rc == 0 && text.size ? srv_secret_judge(proto_buf_text(&text)) : NULL;
    if (fault) {
        proto_buf_printf(why, "%s %s; " SRV_SECRET_HOW, name, fault);
        rc = -1;
    } else if (rc == 0 && text.size) {
        rc = gw_keys_add_secret(keys, proto_buf_bytes(&text), why);
    }
    if (text.data)
        OPENSSL_cleanse(text.data, text.capacity);
    proto_buf_free(&text);
    return rc;
}

static int s_add_file(gw_keys_t *keys, const char *path, proto_buf_t *why)
{
    proto_buf_t text = PROTO_BUF_INIT, fault = PROTO_BUF_INIT;
    FILE *file = fopen(path, "re");
    uint8_t *to = proto_buf_extend(&text, GW_JWKS_BYTES + 1);
    PROTO_ASSERT(to != NULL);
    text.size = file ? fread(to, 1, GW_JWKS_BYTES + 1, file) : 0;
    int rc = -1;
    if (!file || ferror(file))
        proto_buf_printf(why, "the key file %s cannot be read: %s", path, strerror(errno));
    else if (gw_keys_add_jwks(keys, proto_buf_bytes(&text), &fault) < 0)
        proto_buf_printf(why, "the key file %s: %s", path, proto_buf_text(&fault));
    else
        rc = 0;
    if (file)
        fclose(file);
    proto_buf_free(&fault);
    proto_buf_free(&text);
    return rc;
}

gw_keys_t *srv_tokens_keys(const srv_config_t *config, proto_buf_t *why)
{
    gw_keys_t *keys = gw_keys_new();
    const char *path = srv_config_text(config, SRV_OPT_jwks);
    int rc = s_add_secret(keys, config, SRV_OPT_secret_key, "SECRET_KEY", why);
    if (rc == 0)
        rc = s_add_secret(keys, config, SRV_OPT_secret_key_old, "SECRET_KEY_OLD", why);
    if (rc == 0 && *path)
        rc = s_add_file(keys, path, why);
    if (rc == 0 && gw_keys_count(keys) == 0) {
        proto_buf_string(why, "nobody could be known: set SECRET_KEY (" SRV_SECRET_HOW
                              "), or MUSTER_JWKS; for development there is --dev");
        rc = -1;
    }
    if (rc < 0)
        gw_keys_drop(&keys);
    return keys;
}

int srv_tokens_reload(gw_keyring_t *ring, const srv_config_t *config, proto_buf_t *why)
{
    gw_keys_t *keys = srv_tokens_keys(config, why);
    if (!keys)
        return -1;
    gw_keyring_set(ring, &keys);
    return 0;
}
