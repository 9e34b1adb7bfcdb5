/* SPDX-License-Identifier: MPL-2.0 */
/* Settings of the auth worker. Thread: main. */
#include "login.h"

#include <inttypes.h>

#include "act_password.h"
#include "proto_clock.h"
#include "secret.h"

int srv_login_reload(const srv_config_t *config, proto_buf_t *secret, proto_buf_t *why)
{
    proto_buf_reset(secret);
    if (srv_config_fresh(config, SRV_OPT_secret_key, secret, why) < 0)
        return -1;
    const char *fault = secret->size ? srv_secret_judge(proto_buf_text(secret)) : NULL;
    if (fault)
        proto_buf_printf(why, "SECRET_KEY %s; " SRV_SECRET_HOW, fault);
    return fault ? -1 : 0;
}

static void s_make_up(proto_buf_t *secret)
{
    for (int i = 0; i < 4; i++)
        proto_buf_printf(secret, "%016" PRIx64, proto_clock_random());
}

int srv_login_read(act_auth_config_t *login, const srv_config_t *config, proto_buf_t *secret,
                   proto_buf_t *why)
{
    const char *email = srv_config_text(config, SRV_OPT_admin_email);
    const char *hash = srv_config_text(config, SRV_OPT_admin_password_hash);
    if (srv_login_reload(config, secret, why) < 0)
        return -1;
    if (!secret->size && srv_config_number(config, SRV_OPT_dev))
        s_make_up(secret);
    if (*email && !act_password_is_email(proto_bytes_of(email)))
        proto_buf_string(why, "ADMIN_EMAIL is no e-mail address");
    else if (!*email != !*hash)
        proto_buf_string(why, "ADMIN_EMAIL and ADMIN_PASSWORD_HASH go together");
    else if (*hash && !act_password_is_hash(hash))
        proto_buf_string(why, "ADMIN_PASSWORD_HASH is no bcrypt hash of a cost of 4 to 15; make one with: "
                              "htpasswd -nBC 12 admin | cut -d: -f2");
    else
        *login = (act_auth_config_t){
            .secret = proto_buf_text(secret),
            .token_s = srv_config_number(config, SRV_OPT_token_ttl) / 1000,
            .admin_email = email,
            .admin_hash = hash,
            .threads = (int)srv_config_number(config, SRV_OPT_auth_threads),
            .cost = (int)srv_config_number(config, SRV_OPT_bcrypt_cost),
        };
    return login->secret ? 0 : -1;
}
