/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/passwd.h"

#include <argon2.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/id.h"
#include "sec/hash.h"

#define M_KIB 19456
#define T_COST 2
#define LANES 1
#define SALT_LEN 16
#define TAG_LEN 32

/* What a PHC string of today starts with; anything else fitting is hashed again. */
#define CURRENT "$argon2id$v=19$m=19456,t=2,p=1$"

struct passwd {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int slots_free;
    int waiting;
    int queue_max;
    char dummy[PASSWD_PHC_MAX]; /* hash of a random text: what unknown accounts are compared with */
};

static enum rc
hash_raw(struct str password, char out[PASSWD_PHC_MAX])
{
    unsigned char salt[SALT_LEN];

    id_random(salt, sizeof(salt));
    int e = argon2id_hash_encoded(T_COST, M_KIB, LANES, password.n == 0 ? "" : password.p,
                                  password.n, salt, sizeof(salt), TAG_LEN, out, PASSWD_PHC_MAX);
    return e == ARGON2_OK ? RC_OK : RC_RESOURCE_EXHAUSTED;
}

enum rc
passwd_open(int slots, int queue_max, struct passwd **out)
{
    /* A hash takes 19 MiB. glibc learns from the first that such blocks are common and keeps them;
     * a fixed threshold gives each back to the system when it is freed. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);

    struct passwd *pw = calloc(1, sizeof(*pw));
    char secret[33];
    unsigned char raw[16];

    ASSERT(slots > 0 && queue_max >= 0);
    if (pw == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    id_random(raw, sizeof(raw));
    id_hex(raw, sizeof(raw), secret);
    if (hash_raw(str_z(secret), pw->dummy) != RC_OK) {
        free(pw);
        return RC_RESOURCE_EXHAUSTED;
    }
    pthread_mutex_init(&pw->lock, NULL);
    cond_init(&pw->freed);
    pw->slots_free = slots;
    pw->queue_max = queue_max;
    *out = pw;
    return RC_OK;
}

void
passwd_close(struct passwd *pw)
{
    if (pw == NULL) {
        return;
    }
    pthread_cond_destroy(&pw->freed);
    pthread_mutex_destroy(&pw->lock);
    free(pw);
}

/* Waits for `freed` until the deadline of the call. */
static bool
slot_wait(struct passwd *pw, const struct ctx *ctx)
{
    if (ctx->deadline_us == 0) {
        pthread_cond_wait(&pw->freed, &pw->lock);
        return true;
    }
    return cond_wait_until(&pw->freed, &pw->lock, clk_mono_us() + ctx_left_us(ctx));
}

static enum rc
slot_take(struct passwd *pw, struct ctx *ctx)
{
    enum rc rc = RC_OK;

    pthread_mutex_lock(&pw->lock);
    if (pw->slots_free == 0 && pw->waiting >= pw->queue_max) {
        pthread_mutex_unlock(&pw->lock);
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BUSY", "too many sign-ins at once, try again");
    }
    pw->waiting++;
    while (pw->slots_free == 0 && rc == RC_OK) {
        rc = slot_wait(pw, ctx) ? RC_OK : RC_DEADLINE_EXCEEDED;
    }
    pw->waiting--;
    if (pw->slots_free > 0) {
        pw->slots_free--;
        rc = RC_OK;
    }
    pthread_mutex_unlock(&pw->lock);
    return rc == RC_OK ? RC_OK : fail(ctx, rc, "BUSY", "no time left to check the password");
}

static void
slot_give(struct passwd *pw)
{
    pthread_mutex_lock(&pw->lock);
    pw->slots_free++;
    pthread_cond_signal(&pw->freed);
    pthread_mutex_unlock(&pw->lock);
}

enum rc
passwd_hash(struct passwd *pw, struct ctx *ctx, struct str password, char out[PASSWD_PHC_MAX])
{
    enum rc rc = slot_take(pw, ctx);

    if (rc != RC_OK) {
        return rc;
    }
    rc = hash_raw(password, out);
    slot_give(pw);
    return rc == RC_OK ? RC_OK : fail(ctx, rc, "BUSY", "no memory to hash the password");
}

enum rc
passwd_verify(struct passwd *pw, struct ctx *ctx, struct str password, struct str phc, bool *out_ok,
              bool *out_rehash)
{
    bool known = phc.n > 0;
    const char *against = known ? arena_strz(ctx->arena, phc) : pw->dummy;

    if (against == NULL) {
        return fail(ctx, RC_RESOURCE_EXHAUSTED, "BUSY", "no memory to check the password");
    }
    enum rc rc = slot_take(pw, ctx);
    if (rc != RC_OK) {
        return rc;
    }
    int e = argon2id_verify(against, password.n == 0 ? "" : password.p, password.n);
    slot_give(pw);
    if (e != ARGON2_OK && e != ARGON2_VERIFY_MISMATCH) {
        rc = fail(ctx, RC_INTERNAL, "PASSWORD_HASH", "the password cannot be checked");
        note(ctx, "argon2: %s", argon2_error_message(e));
        return rc;
    }
    *out_ok = known && e == ARGON2_OK;
    if (out_rehash != NULL) {
        *out_rehash = *out_ok && !str_starts(phc, STR(CURRENT));
    }
    return RC_OK;
}
