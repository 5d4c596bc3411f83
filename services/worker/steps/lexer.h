/* SPDX-License-Identifier: Apache-2.0
 *
 * Words and quoted texts of a sentence. Quotes: '…' "…" `…` ‘…’ “…” «…»; an apostrophe inside a
 * word is a letter. ${name} and {{name}} stay whole, alone or inside a word. */
#ifndef ASSAY_WORKER_STEPS_LEXER_H
#define ASSAY_WORKER_STEPS_LEXER_H

#include "base/arena.h"

#define LEX_TOKENS_MAX 400

enum tok_kind { TOK_WORD, TOK_QUOTED, TOK_MARK /* , ; : . ! ? ( ) */ };

struct tok {
    enum tok_kind kind;
    struct str text; /* a word as written, the inside of quotes */
    const char *low; /* lower case, ’ as '; "" for quoted text */
    size_t from, to; /* bytes of the sentence */
    bool var;        /* holds ${…} or {{…}} */
};

struct lexed {
    struct str in;
    const struct tok *toks;
    int count;         /* closing . ! ? are dropped */
    bool question;     /* ended in ? */
    const char *error; /* why the sentence cannot be read, NULL when it can */
};

/* Errors: RESOURCE_EXHAUSTED: the arena is full. Malformed text is told in out->error. */
NODISCARD enum rc lex(struct arena *arena, struct str sentence, struct lexed *out);

#endif
