/* SPDX-License-Identifier: MPL-2.0 */
/* A provider for tests, demonstrations and machines without a network. Thread: the chat actor's. */
#include "act_provider.h"

static void s_complete(act_provider_t *self, const act_prompt_t *prompt, act_provider_done_fn *done,
                       void *arg)
{
    proto_buf_t content = PROTO_BUF_INIT;
    proto_buf_string(&content, "echo: ");
    proto_buf_append(&content, prompt->message.data, prompt->message.size);
    done(arg, &(act_completion_t){
                  .error = content.failed ? PROTO_ERROR_internal : PROTO_ERROR_none,
                  .content = proto_buf_bytes(&content),
                  .model = proto_bytes_of(self->name),
              });
    proto_buf_free(&content);
}

act_provider_t *act_provider_echo(void)
{
    static act_provider_t echo = {.name = "echo", .complete = s_complete};
    return &echo;
}
