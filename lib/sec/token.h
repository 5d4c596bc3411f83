/* SPDX-License-Identifier: Apache-2.0
 *
 * Opaque secrets with a recognizable prefix: API tokens, mailed links, webhook secrets. 40 random
 * characters of [A-Za-z0-9] (238 bits) follow the prefix. Only the SHA-256 of the whole text is
 * stored; guessing is hopeless, so a fast digest is the right one.
 *
 * Threads: any. Source: tests/contract, "Tokens and roles". */
#ifndef ASSAY_SEC_TOKEN_H
#define ASSAY_SEC_TOKEN_H

#include "base/ctx.h"
#include "sec/hash.h"

#define TOKEN_PREFIX_ORG "tok_"
#define TOKEN_PREFIX_PERSONAL "tw_"
#define TOKEN_PREFIX_SDK "vzy_"
#define TOKEN_PREFIX_WEBHOOK "whsec_"

#define TOKEN_RANDOM_LEN 40
#define TOKEN_PREFIX_MAX 8
#define TOKEN_TEXT_MAX (TOKEN_PREFIX_MAX + TOKEN_RANDOM_LEN + 1)
/* Characters of a token that may be shown and stored to recognize it: prefix and eight more. */
#define TOKEN_SHOWN_MAX (TOKEN_PREFIX_MAX + 8 + 1)

/* Writes a fresh secret. `prefix` may be "" and has TOKEN_PREFIX_MAX characters at most. */
void token_new(const char *prefix, char out[TOKEN_TEXT_MAX]);
/* TOKEN_ORG, TOKEN_PERSONAL, TOKEN_SDK for a text of that form; TOKEN_JWT for three parts with
 * dots; TOKEN_NONE for anything else. Says nothing about its validity. */
enum token_kind token_kind_of(struct str text);
/* Writes the prefix and the first eight random characters, with NUL. */
void token_shown(struct str token, char out[TOKEN_SHOWN_MAX]);

#endif
