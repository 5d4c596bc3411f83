/* SPDX-License-Identifier: Apache-2.0
 *
 * The one JSON parser and writer. The reader is a strict pull parser over bytes in memory: UTF-8
 * checked, NUL refused in strings, depth and size bounded, duplicate keys refused by whoever
 * knows the keys (json_parse does; the transcoder by its field table). The writer appends to a
 * buf. `struct json_value` is a small read-only tree in an arena for callers that need one (the
 * DevTools and WebDriver drivers, settings); request bodies are transcoded without it.
 *
 * Threads: one at a time per reader/writer. Nothing blocks. No recursion deeper than the depth
 * limit. Source: RFC 8259. */
#ifndef ASSAY_JSON_JSON_H
#define ASSAY_JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH_MAX 64
#define JSON_NUMBER_MAX 512

/* --- reading ------------------------------------------------------------------------------- */

enum json_type {
    JSON_END = 0, /* of the input */
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT, /* '{' was read: members follow */
    JSON_ARRAY,  /* '[' was read: items follow */
    JSON_OBJECT_END,
    JSON_ARRAY_END
};

struct json_reader {
    struct str in;
    size_t at;
    int depth;
    int depth_max;
    struct arena *arena; /* for unescaped strings; strings without escapes point into `in` */
    const char *error;   /* static text of what is wrong, NULL while all is well */
    enum rc rc;          /* private: of the failure */
    unsigned char state; /* private */
    unsigned char stack[JSON_DEPTH_MAX]; /* private: open containers */
};

/* One value, key or end. `text` is the decoded string or key, or the digits of a number. */
struct json_token {
    enum json_type type;
    struct str text;
    size_t at;   /* offset of the token in the input, for messages */
    bool copied; /* text had escapes: it lives in the arena and ends in NUL */
};

/* Prepares to read `in`, which must outlive the reader. `arena` takes decoded strings. */
void json_read_init(struct json_reader *r, struct str in, struct arena *arena);
/* Reads the next token; commas and colons are checked on the way. In an object keys (JSON_STRING)
 * and values alternate, so callers read keys with json_read_key and values with json_read.
 * Containers end with JSON_OBJECT_END and JSON_ARRAY_END, the input with JSON_END.
 * Refused though RFC 8259 leaves them open: U+0000 and lone surrogates in strings, a byte order
 * mark, numbers of more than JSON_NUMBER_MAX bytes, or with an exponent beyond +-999, or too large
 * for a double.
 *
 * Errors: INVALID_ARGUMENT: malformed at r->at, r->error says why. RESOURCE_EXHAUSTED: too deep, or
 *         the arena is full. The reader stays failed. */
NODISCARD enum rc json_read(struct json_reader *r, struct json_token *out);
/* In an object: reads the next key and its colon into *out_key and sets *out_more, or reads '}' and
 * clears *out_more. */
NODISCARD enum rc json_read_key(struct json_reader *r, struct str *out_key, bool *out_more);
/* In an array: true in *out_more when an item follows; otherwise ']' has been read. */
NODISCARD enum rc json_read_item(struct json_reader *r, bool *out_more);
/* Skips one whole value, checking its syntax; its bytes are stored in *out_raw (may be NULL). */
NODISCARD enum rc json_skip(struct json_reader *r, struct str *out_raw);
/* Succeeds when nothing but white space follows the value that was read. */
NODISCARD enum rc json_read_end(struct json_reader *r);

/* Converts a number token. Errors: INVALID_ARGUMENT: has a fraction or exponent that is not a whole
 * number. OUT_OF_RANGE: does not fit. */
NODISCARD enum rc json_number_i64(struct str digits, int64_t *out);
NODISCARD enum rc json_number_f64(struct str digits, double *out);

/* --- a tree -------------------------------------------------------------------------------- */

struct json_value;

struct json_member {
    struct str key;
    const struct json_value *value;
};

/* Items of an array or members of an object are in source order. */
struct json_value {
    enum json_type type; /* JSON_NULL TRUE FALSE NUMBER STRING OBJECT ARRAY */
    struct str text;     /* string, digits of a number */
    size_t count;
    const struct json_member *members; /* of an object; keys unset for an array */
    struct str raw;                    /* its bytes in the input */
};

/* Parses the whole of `in` into a tree that lives in `arena` and may point into `in`. Duplicate
 * keys are refused. *out_error (may be NULL) is set to static text on failure.
 *
 * Errors: INVALID_ARGUMENT. RESOURCE_EXHAUSTED: too deep, or the arena is full. */
NODISCARD enum rc json_parse(struct str in, struct arena *arena, const struct json_value **out,
                             const char **out_error);

/* All accessors take NULL and values of another type, and then return what `absent` means: NULL,
 * the empty string, the default. So a path may be followed and looked at once. */
const struct json_value *json_get(const struct json_value *object, const char *key);
const struct json_value *json_at(const struct json_value *array, size_t i);
/* Follows keys separated by '.', and digits into arrays: "result.targetInfos.0.type". */
const struct json_value *json_path(const struct json_value *v, const char *path);
bool json_is(const struct json_value *v, enum json_type type);
struct str json_str(const struct json_value *v);
int64_t json_i64(const struct json_value *v, int64_t absent);
double json_f64(const struct json_value *v, double absent);
bool json_bool(const struct json_value *v, bool absent);

/* --- writing ------------------------------------------------------------------------------- */

/* Appends a string in quotes, escaped; control characters as \u00XX, '/' and non-ASCII as they are,
 * U+2028/9 escaped so that the text is safe in scripts. Malformed UTF-8 becomes U+FFFD. */
void json_put_str(struct buf *b, struct str s);
void json_put_i64(struct buf *b, int64_t v);
/* Shortest text that reads back as `v`; null for NaN and infinities. */
void json_put_f64(struct buf *b, double v);
void json_put_bool(struct buf *b, bool v);
/* Appends `"key":`, with a comma before it unless the buffer ends in '{' or '['. */
void json_put_key(struct buf *b, const char *key);
/* key and value at once. */
void json_put_member_str(struct buf *b, const char *key, struct str v);
void json_put_member_i64(struct buf *b, const char *key, int64_t v);
void json_put_member_bool(struct buf *b, const char *key, bool v);

#endif
