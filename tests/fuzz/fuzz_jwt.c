/* SPDX-License-Identifier: Apache-2.0
 *
 * Access tokens from strangers: whatever the bytes, checking neither crashes nor accepts claims
 * that the policy forbids. The key is the published example of RFC 7515 A.3, so that the corpus may
 * hold tokens that are truly signed. */
#include "sec/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char JWKS[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a3\","
                           "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jws_keys *keys;
    struct jws_policy policy = {.iss = STR("assay"),
                                .aud = STR("assay-api"),
                                .now_us = INT64_C(1800000000) * ASSAY_US_PER_S};
    struct jws_claims claims = {0};

    if (keys == NULL) {
        ASSERT(jws_keys_parse(str_z(JWKS), &keys) == RC_OK);
    }
    struct arena *arena = arena_new(256 * 1024);
    ASSERT(arena != NULL);
    struct str token = str_n((const char *)data, size);
    if (jws_verify(arena, keys, &policy, token, &claims) == JWS_VALID) {
        ASSERT(str_eq(claims.iss, policy.iss) && str_eq(claims.aud, policy.aud));
        ASSERT(claims.user_id > 0 && claims.org_id > 0 && claims.role != ROLE_NONE);
        ASSERT(claims.expires_us + JWS_LEEWAY_US > policy.now_us);
    }
    arena_free(arena);
    return 0;
}
