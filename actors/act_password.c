/* SPDX-License-Identifier: MPL-2.0 */
/* Threads that hash passwords. Thread: theirs and the owner's.
 * In: jobs, under the mutex. Out: jobs that are done, and a count in the eventfd. */
#include "act_password.h"

#include <crypt.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto_log.h"

enum { S_THREADS = 16, S_CHEAPEST = 4 };

struct act_passwords {
    pthread_mutex_t mutex; /* of what is below, but for threads and fd */
    pthread_cond_t changed;
    act_password_job_t waiting[ACT_PASSWORD_WAITING], done[ACT_PASSWORD_WAITING];
    uint32_t waiting_count, done_count;
    uint32_t count; /* put and not taken */
    bool ending;
    char nobody[CRYPT_GENSALT_OUTPUT_SIZE]; /* the setting that is computed with where there is no hash */
    int cost, fd, thread_count;
    pthread_t threads[S_THREADS];
};

bool act_password_is_hash(const char *hash)
{
    if (strlen(hash) != 60 || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) || hash[3] != '$' ||
        hash[6] != '$' || hash[4] < '0' || hash[4] > '1' || hash[5] < '0' || hash[5] > '9')
        return false;
    int cost = (hash[4] - '0') * 10 + hash[5] - '0';
    return cost >= S_CHEAPEST && cost <= ACT_PASSWORD_MOST;
}

static bool s_same(const char *a, const char *b)
{
    unsigned differ = 0;
    if (strlen(a) != 60 || strlen(b) != 60)
        return false;
    for (int i = 0; i < 60; i++)
        differ |= (unsigned)(a[i] ^ b[i]);
    return differ == 0;
}

/* Exactly one bcrypt, whatever the job. */
static void s_work(const act_passwords_t *self, act_password_job_t *job, struct crypt_data *data)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    bool known = !job->make && act_password_is_hash(job->hash);
    const char *with = known ? job->hash : self->nobody;
    if (job->make)
        with = crypt_gensalt_rn("$2b$", (unsigned long)self->cost, NULL, 0, setting, sizeof setting);
    const char *hash = with ? crypt_rn(job->password, with, data, (int)sizeof *data) : NULL;
    proto_log(PROTO_LOG_DEBUG, "actors", "auth: one bcrypt");
    job->good = hash && (job->make ? act_password_is_hash(hash) : known && s_same(hash, job->hash));
    if (job->make && job->good)
        memcpy(job->hash, hash, 61);
    explicit_bzero(job->password, sizeof job->password);
    explicit_bzero(data, sizeof *data);
}

static void *s_run(void *arg)
{
    act_passwords_t *self = arg;
    struct crypt_data *data = calloc(1, sizeof *data);
    PROTO_ASSERT(data != NULL);
    pthread_setname_np(pthread_self(), "passwords");
    pthread_mutex_lock(&self->mutex);
    while (!self->ending) {
        if (self->waiting_count == 0) {
            pthread_cond_wait(&self->changed, &self->mutex);
            continue;
        }
        act_password_job_t job = self->waiting[0];
        self->waiting_count--;
        memmove(self->waiting, self->waiting + 1, self->waiting_count * sizeof job);
        explicit_bzero(&self->waiting[self->waiting_count], sizeof job);
        pthread_mutex_unlock(&self->mutex);
        s_work(self, &job, data);
        pthread_mutex_lock(&self->mutex);
        self->done[self->done_count++] = job;
        (void)eventfd_write(self->fd, 1);
        explicit_bzero(&job, sizeof job);
    }
    pthread_mutex_unlock(&self->mutex);
    free(data);
    return NULL;
}

act_passwords_t *act_passwords_new(int threads, int cost)
{
    act_passwords_t *self = calloc(1, sizeof *self);
    PROTO_ASSERT(self != NULL);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->changed, NULL);
    self->cost = cost;
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = self->fd >= 0 && threads >= 1 && threads <= S_THREADS &&
                crypt_gensalt_rn("$2b$", (unsigned long)cost, NULL, 0, self->nobody, sizeof self->nobody);
    while (good && self->thread_count < threads) {
        good = pthread_create(&self->threads[self->thread_count], NULL, s_run, self) == 0;
        self->thread_count += good;
    }
    if (!good)
        act_passwords_free(&self);
    return self;
}

void act_passwords_free(act_passwords_t **self_pointer)
{
    act_passwords_t *self = *self_pointer;
    *self_pointer = NULL;
    if (!self)
        return;
    pthread_mutex_lock(&self->mutex);
    self->ending = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    for (int i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    if (self->fd >= 0)
        close(self->fd);
    explicit_bzero(self, sizeof *self);
    free(self);
}

int act_passwords_fd(const act_passwords_t *self)
{
    return self->fd;
}

bool act_passwords_put(act_passwords_t *self, const act_password_job_t *job)
{
    pthread_mutex_lock(&self->mutex);
    bool room = self->count < ACT_PASSWORD_WAITING;
    if (room) {
        self->count++;
        self->waiting[self->waiting_count++] = *job;
        pthread_cond_signal(&self->changed);
    }
    pthread_mutex_unlock(&self->mutex);
    return room;
}

bool act_passwords_take(act_passwords_t *self, act_password_job_t *job)
{
    eventfd_t count;
    (void)eventfd_read(self->fd, &count);
    pthread_mutex_lock(&self->mutex);
    bool any = self->done_count > 0;
    if (any) {
        self->done_count--;
        self->count--;
        *job = self->done[self->done_count];
        explicit_bzero(&self->done[self->done_count], sizeof *job);
    }
    pthread_mutex_unlock(&self->mutex);
    return any;
}

const char *act_password_refusal(proto_bytes_t password)
{
    bool blank = true;
    for (size_t i = 0; i < password.size; i++) {
        if (password.data[i] == 0)
            return "password must not hold a NUL";
        blank = blank && password.data[i] == ' ';
    }
    if (password.size > ACT_PASSWORD_BYTES)
        return "password must be at most 72 bytes in UTF-8";
    return blank ? "password must not be blank" : NULL;
}

/* Labels of letters, digits, hyphens inside, or bytes beyond ASCII, with dots between; at least two. */
static bool s_is_domain(const uint8_t *text, size_t size)
{
    size_t label = 0, dots = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text[i], next = i + 1 < size ? text[i + 1] : '.';
        bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        if (c == '.' ? label == 0 : !letter && (c != '-' || label == 0 || next == '.'))
            return false;
        dots += c == '.';
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return dots && label;
}

bool act_password_is_email(proto_bytes_t text)
{
    const uint8_t *at = text.size ? memchr(text.data, '@', text.size) : NULL;
    size_t local = at ? (size_t)(at - text.data) : 0;
    if (text.size > 254 || local == 0 || local > 64)
        return false;
    for (size_t i = 0; i < local; i++) {
        uint8_t c = text.data[i];
        bool lone = c == '.' && (i == 0 || i + 1 == local || text.data[i + 1] == '.');
        if (c <= ' ' || c == 0x7f || lone || strchr("\"(),:;<>[\\]", c))
            return false;
    }
    return s_is_domain(at + 1, text.size - local - 1);
}

static uint8_t s_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool act_password_same_email(proto_bytes_t given, const char *known)
{
    size_t size = strlen(known);
    unsigned differ = given.size != size || size == 0;
    for (size_t i = 0; i < given.size; i++) /* over the other's bytes, again and again when it is shorter */
        differ |= (unsigned)(s_lower(given.data[i]) ^ s_lower(size ? (uint8_t)known[i % size] : 0));
    return differ == 0;
}
