/* SPDX-License-Identifier: MPL-2.0 */
/* What conversation turns say to the database, and what the answer of a claim means. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "act_chat_talk.h"
#include "proto_json.h"
#include "proto_value.h"

static proto_buf_t s_out;

static proto_bytes_t s_value(const char *json)
{
    proto_json_error_t error;
    proto_buf_reset(&s_out);
    assert_int_equal(proto_json_to_value(proto_bytes_of(json), &(proto_json_options_t){0}, &s_out, &error),
                     0);
    return proto_buf_bytes(&s_out);
}

static act_talk_t s_talk(const char *key, const char *message)
{
    static proto_param_t params[] = {{.name = "id"}, {.name = "message"}};
    proto_operation_t operation = {.name = "chat", .params = params, .param_count = 2};
    static uint8_t seven = 7;
    act_talk_t talk = {0};
    proto_buf_t arguments = PROTO_BUF_INIT, text = PROTO_BUF_INIT;
    proto_write_map(&arguments, 2);
    proto_write_text(&arguments, "message");
    proto_write_text(&arguments, message);
    proto_write_text(&arguments, "id");
    proto_write_int(&arguments, seven);
    proto_write_text(&text, message);
    const proto_bytes_t values[] = {{&seven, 1}, proto_buf_bytes(&text)};
    act_talk_reset(&talk);
    act_talk_take(&talk, &operation, proto_bytes_of(key), proto_buf_bytes(&arguments), values);
    proto_buf_free(&arguments);
    proto_buf_free(&text);
    return talk;
}

static void test_requests(void **state)
{
    (void)state;
    proto_buf_t out = PROTO_BUF_INIT;
    act_talk_t talk = s_talk("k", "hello"), same = s_talk("k", "hello"), other = s_talk("k", "hullo");
    assert_int_equal(talk.agent_id, 7);
    assert_int_equal(talk.print.size, same.print.size);
    assert_memory_equal(talk.print.data, same.print.data, same.print.size);
    assert_memory_not_equal(talk.print.data, other.print.data, other.print.size);
    assert_string_not_equal(talk.claim, same.claim);
    act_talk_write_claim(&talk, 1500, &out);
    assert_int_equal(proto_value_get_int(proto_buf_bytes(&out), "milliseconds", 0), 1500);
    act_talk_write_release(&talk, &out);
    assert_true(proto_bytes_is(proto_value_get_str(proto_buf_bytes(&out), "claim", ""), talk.claim));
    act_talk_write_store(&talk, &out);
    assert_true(proto_bytes_is(proto_value_get_str(proto_buf_bytes(&out), "key", ""), "k"));
    assert_int_equal(proto_value_check(proto_buf_bytes(&out)), 0);
    act_talk_free(&talk);
    talk = s_talk("", "hello");
    act_talk_write_store(&talk, &out);
    assert_true(proto_bytes_is(proto_value_get_str(proto_buf_bytes(&out), "key", "none"), "none"));
    assert_int_equal(proto_value_check(proto_buf_bytes(&out)), 0);
    act_talk_free(&talk);
    act_talk_free(&same);
    act_talk_free(&other);
    proto_buf_free(&out);
}

static void test_claims(void **state)
{
    (void)state;
    proto_bytes_t body = {0};
    assert_int_equal(
        act_talk_read_claim(s_value("{\"claimed\":1,\"answer\":{\"same\":true,\"body\":null}}"), &body),
        ACT_CLAIM_MINE);
    assert_int_equal(
        act_talk_read_claim(s_value("{\"claimed\":0,\"answer\":{\"same\":true,\"body\":null}}"), &body),
        ACT_CLAIM_BUSY);
    assert_int_equal(act_talk_read_claim(s_value("{\"claimed\":0,\"answer\":null}"), &body), ACT_CLAIM_BUSY);
    assert_int_equal(
        act_talk_read_claim(s_value("{\"claimed\":0,\"answer\":{\"same\":false,\"body\":null}}"), &body),
        ACT_CLAIM_REUSED);
    assert_int_equal(act_talk_read_claim(s_value("[]"), &body), ACT_CLAIM_BUSY);
    proto_buf_reset(&s_out);
    proto_write_map(&s_out, 1);
    proto_write_text(&s_out, "answer");
    proto_write_map(&s_out, 2);
    proto_write_text(&s_out, "same");
    proto_write_bool(&s_out, true);
    proto_write_text(&s_out, "body");
    proto_write_bin(&s_out, proto_bytes_of("kept"));
    assert_int_equal(act_talk_read_claim(proto_buf_bytes(&s_out), &body), ACT_CLAIM_ANSWERED);
    assert_true(proto_bytes_is(body, "kept"));
    proto_buf_free(&s_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_claims)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
