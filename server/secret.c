/* SPDX-License-Identifier: MPL-2.0 */
/* Secrets that are none. Thread: any. */
#include "secret.h"

#include <string.h>

enum { S_LEAST = 32, S_VARIETY = 8 /* least different bytes: hexadecimal digits have 16 */ };

/* In the keys of examples, of tutorials, and of programs that nobody has set up. Chance hits none of them in
 * a random key. */
static const char *const s_words[] = {
    "secret", "change",     "password", "passwort",    "insecure",  "example", "default",
    "your-",  "your_",      "replace",  "dev-key",     "gathering", "not-for", "01234567",
    "qwerty", "abcdef0123", "do-not",   "placeholder", "generate",
};
/* Random once, but printed in tutorials since. */
static const char *const s_printed[] = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
};

static bool s_known(const char *secret)
{
    for (size_t i = 0; i < sizeof s_printed / sizeof *s_printed; i++)
        if (strcasecmp(secret, s_printed[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof s_words / sizeof *s_words; i++)
        if (strcasestr(secret, s_words[i]))
            return true;
    return false;
}

static bool s_poor(const char *secret, size_t size)
{
    bool seen[256] = {false};
    unsigned variety = 0;
    for (size_t i = 0; i < size; i++) {
        variety += !seen[(uint8_t)secret[i]];
        seen[(uint8_t)secret[i]] = true;
    }
    return variety < S_VARIETY;
}

/* The same again and again, or one row of the alphabet behind the other. */
static bool s_regular(const char *secret, size_t size)
{
    size_t even = 0;
    for (size_t period = 1; period <= size / 2; period++)
        if (memcmp(secret, secret + period, size - period) == 0)
            return true;
    for (size_t i = 2; i < size; i++)
        even += secret[i] - secret[i - 1] == secret[i - 1] - secret[i - 2];
    return even > size / 2;
}

const char *srv_secret_judge(const char *secret)
{
    size_t size = strlen(secret);
    if (size < S_LEAST)
        return "is shorter than 32 bytes";
    if (s_known(secret))
        return "is known to everybody";
    return s_poor(secret, size) || s_regular(secret, size) ? "is easy to guess" : NULL;
}
