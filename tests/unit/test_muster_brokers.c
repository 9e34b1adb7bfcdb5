/* SPDX-License-Identifier: MPL-2.0 */
/* Where clients and workers find their brokers, and with which keys: configuration, environment, files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "muster_brokers.h"

#define OWN    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define BROKER "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static char s_folder[] = "/tmp/test-brokers-XXXXXX";

static const char *s_write(const char *name, mode_t mode, const char *text)
{
    static char paths[8][128];
    static int turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", s_folder, name);
    unlink(path);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void s_clean(void)
{
    static const char *const variables[] = {"MUSTER_BROKERS", "MUSTER_CERT", "MUSTER_BROKER_CERT",
                                            "XDG_RUNTIME_DIR"};
    for (size_t i = 0; i < 4; i++)
        unsetenv(variables[i]);
}

static muster_brokers_t s_read(muster_config_t config)
{
    muster_brokers_t brokers;
    proto_buf_t why = PROTO_BUF_INIT;
    if (muster_brokers_read(&brokers, &config, &why) < 0)
        fail_msg("%s", proto_buf_text(&why));
    proto_buf_free(&why);
    return brokers;
}

static void s_refused(muster_config_t config, const char *word)
{
    muster_brokers_t brokers;
    proto_buf_t why = PROTO_BUF_INIT;
    assert_int_equal(muster_brokers_read(&brokers, &config, &why), -1);
    if (!strstr(proto_buf_text(&why), word))
        fail_msg("%s is not in: %s", word, proto_buf_text(&why));
    assert_null(strstr(proto_buf_text(&why), SECRET));
    proto_buf_free(&why);
}

static void test_endpoints(void **state)
{
    (void)state;
    muster_config_t config = {0};
    char local[64];
    s_clean();
    snprintf(local, sizeof local, "ipc:///tmp/muster-%u/broker.sock", (unsigned)getuid());
    assert_string_equal(s_read(config).endpoints[0], local);
    setenv("XDG_RUNTIME_DIR", "/run/x", 1);
    assert_string_equal(s_read(config).endpoints[0], "ipc:///run/x/muster/broker.sock");
    setenv("MUSTER_BROKERS", "ipc:///e", 1);
    assert_string_equal(s_read(config).endpoints[0], "ipc:///e");
    config.brokers = "ipc:///a, tcp://127.0.0.1:1 ,inproc://b";
    muster_brokers_t brokers = s_read(config);
    assert_int_equal(brokers.count, 3);
    assert_string_equal(brokers.endpoints[1], "tcp://127.0.0.1:1");
    assert_null(brokers.list[1].server_key);
    config.brokers = "ipc:///a,,ipc:///b";
    s_refused(config, "empty");
    config.brokers = "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
    s_refused(config, "more than 16");
}

static void test_keys_as_texts(void **state)
{
    (void)state;
    muster_config_t config = {.brokers = "tcp://a:1,ipc:///b", .public_key = OWN, .secret_key = SECRET};
    s_clean();
    s_refused(config, "go together");
    config.broker_key = BROKER;
    muster_brokers_t brokers;
    proto_buf_t why = PROTO_BUF_INIT;
    assert_int_equal(muster_brokers_read(&brokers, &config, &why), 0);
    assert_string_equal(brokers.list[0].server_key, BROKER);
    assert_string_equal(brokers.list[0].public_key, OWN);
    assert_string_equal(brokers.list[0].secret_key, SECRET);
    assert_null(brokers.list[1].server_key); /* a local socket needs none */
    muster_brokers_clear(&brokers);
    assert_string_equal(brokers.secret_key, "");
    config.public_key = "short";
    s_refused(config, "public_key");
}

static void test_certificates(void **state)
{
    (void)state;
    const char *secret = s_write("a.cert_secret", 0600,
                                 "#   a comment\nmetadata\n    name = \"x\"\ncurve\n    public-key = \"" OWN
                                 "\"\n    secret-key = \"" SECRET "\"\n");
    const char *broker = s_write("b.cert", 0644, "curve\n    public-key = \"" BROKER "\"\n");
    const char *other = s_write("c.cert", 0644, "curve\n\tpublic-key=" OWN "\n");
    char both[256];
    muster_config_t config = {.brokers = "tcp://a:1,tcp://b:1", .cert = secret};
    s_clean();
    s_refused(config, "broker_cert is missing");
    config.broker_cert = broker;
    muster_brokers_t brokers = s_read(config);
    assert_string_equal(brokers.secret_key, SECRET);
    assert_string_equal(brokers.broker_keys[0], BROKER);
    assert_string_equal(brokers.broker_keys[1], BROKER);
    snprintf(both, sizeof both, "%s, %s", broker, other);
    config.broker_cert = both;
    assert_string_equal(s_read(config).broker_keys[1], OWN);
    config.brokers = "tcp://a:1";
    s_refused(config, "more certificates");
    config.brokers = "tcp://a:1,tcp://b:1,tcp://c:1";
    s_refused(config, "one for each");
    config.brokers = "tcp://a:1";
    config.broker_cert = "/nonexistent";
    s_refused(config, "/nonexistent");
    config.broker_cert = "/tmp";
    s_refused(config, "/tmp");
    config.broker_cert = s_write("d.cert", 0644, "curve\n    public-key = \"short\"\n");
    s_refused(config, "public-key");
    config.broker_cert = s_write("e.cert", 0644, "");
    s_refused(config, "empty");
    config.broker_cert = broker;
    config.cert = broker;
    s_refused(config, "others may read");
    chmod(broker, 0600);
    s_refused(config, "secret-key");
    setenv("MUSTER_CERT", secret, 1);
    setenv("MUSTER_BROKER_CERT", broker, 1);
    muster_config_t plain = {.brokers = "tcp://a:1"};
    assert_string_equal(s_read(plain).secret_key, SECRET);
    unsetenv("MUSTER_BROKER_CERT");
    plain.brokers = "ipc:///a"; /* no keys are needed, so none are asked for */
    assert_string_equal(s_read(plain).secret_key, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_keys_as_texts),
        cmocka_unit_test(test_certificates),
    };
    assert_non_null(mkdtemp(s_folder));
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const names[] = {"a.cert_secret", "b.cert", "c.cert", "d.cert", "e.cert"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s_folder, names[i]);
        unlink(path);
    }
    rmdir(s_folder);
    return rc;
}
