/* SPDX-License-Identifier: Apache-2.0
 *
 * Random messages that keep to their tables. The sequence is the same in every run. */
#ifndef ASSAY_TESTS_PB_RANDOM_H
#define ASSAY_TESTS_PB_RANDOM_H

#include "tests/support/pb_fixture.h"

static uint64_t seed = 88172645463325252;

static inline uint64_t
pick(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static inline char *
random_text(struct arena *arena, size_t max_cp)
{
    static const char *const PIECES[] = {"a",
                                         "Z",
                                         " ",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\n",
                                         "\x01",
                                         "\x7f",
                                         "\xC3\xA9",
                                         "<",
                                         "\xE2\x80\xA8",
                                         "\xF0\x9F\x98\x80",
                                         "\xEF\xBF\xBD",
                                         "0"};
    char text[4 * 64 + 1] = "";
    size_t n = 0;

    for (size_t i = pick(max_cp + 1); i > 0; i--) {
        const char *piece = PIECES[pick(ARRAY_LEN(PIECES))];
        memcpy(text + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return arena_strz(arena, str_n(text, n));
}

/* --- text that matches a pattern ------------------------------------------------------------ */

/* One element of a pattern: a class, a group of alternatives, or a character. */
struct piece {
    const char *start;
    size_t n;
    int min, max; /* how often */
};

static inline const char *
piece_take(const char *p, struct piece *out)
{
    const char *end = *p == '[' ? strchr(p, ']') : *p == '(' ? strchr(p, ')') : p + (*p == '\\');

    *out = (struct piece){.start = p, .n = (size_t)(end - p) + 1, .min = 1, .max = 1};
    p = end + 1;
    if (*p == '+' || *p == '*' || *p == '?') {
        out->min = *p == '+';
        out->max = *p == '?' ? 1 : 8;
        p++;
    } else if (*p == '{') {
        char *rest = NULL;
        out->min = out->max = (int)strtol(p + 1, &rest, 10);
        if (*rest == ',') {
            out->max = rest[1] == '}' ? out->min + 8 : (int)strtol(rest + 1, NULL, 10);
        }
        p = strchr(p, '}') + 1;
    }
    return p;
}

/* Ranges and single characters, each chosen as often as another. */
static inline void
piece_put_class(const struct piece *piece, struct buf *out)
{
    char all[256];
    size_t n = 0;

    for (size_t i = 1; i + 1 < piece->n; i++) {
        bool is_range = piece->start[i + 1] == '-' && i + 3 < piece->n;
        char last = is_range ? piece->start[i + 2] : piece->start[i];
        for (char c = piece->start[i]; c <= last; c++) {
            all[n++] = c;
        }
        i += is_range ? 2 : 0;
    }
    buf_putc(out, all[pick(n)]);
}

static inline void pieces_put(const char *pattern, size_t n, struct buf *out);

static inline void
piece_put(const struct piece *piece, struct buf *out)
{
    if (piece->start[0] == '[') {
        piece_put_class(piece, out);
    } else if (piece->start[0] == '(') {
        struct str rest = str_n(piece->start + 1, piece->n - 2);
        struct str one = str_split(&rest, '|');
        while (rest.p != NULL && pick(2) == 0) {
            one = str_split(&rest, '|');
        }
        pieces_put(one.p, one.n, out);
    } else {
        buf_putc(out, piece->start[piece->n - 1]);
    }
}

static inline void
pieces_put(const char *pattern, size_t n, struct buf *out)
{
    struct piece piece;

    for (const char *p = pattern; p < pattern + n;) {
        p = piece_take(p, &piece);
        for (int i = piece.min + (int)pick((uint64_t)(piece.max - piece.min) + 1); i > 0; i--) {
            piece_put(&piece, out);
        }
    }
}

/* For the patterns that occur: "^", literals, [classes], (alternatives), + * ? {counts}, "$". */
static inline char *
random_match(struct arena *arena, const char *pattern)
{
    size_t n = strlen(pattern);
    struct buf out;

    ASSERT(n >= 2 && pattern[0] == '^' && pattern[n - 1] == '$');
    buf_init(&out, 4096);
    pieces_put(pattern + 1, n - 2, &out);
    char *z = arena_strz(arena, buf_str(&out));
    buf_fini(&out);
    return z;
}

/* --- values -------------------------------------------------------------------------------- */

static inline char *
random_string(struct arena *arena, const struct pb_field *f, bool is_item)
{
    static const char *const FORMATS[] = {
        NULL, "ada@example.org", "https://example.org/a?b", "0190a0b0-c0d0-7000-8000-0123456789ab",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    size_t choices = 0;

    while (f->in != NULL && f->in[choices] != NULL) {
        choices++;
    }
    if (choices > 0) {
        return arena_strz(arena, str_z(f->in[pick(choices)]));
    }
    if (f->pattern != NULL) {
        return random_match(arena, f->pattern);
    }
    if (FORMATS[f->format] != NULL) {
        return arena_strz(arena, str_z(FORMATS[f->format]));
    }
    int64_t min = is_item ? 0 : f->min_len;
    int64_t max = is_item ? f->item_max_len : f->max_len;
    int64_t more = max < 0 || max - min > 60 ? 60 : max - min;
    struct str pad = arena_printf(arena, "%0*d", (int)min, 0);
    /* Lowered and trimmed text would not come back as it was. */
    const char *z = (f->flags & PB_LOWER) != 0 ? "" : random_text(arena, (size_t)more);
    return arena_strz(arena, arena_printf(arena, "%.*s%s", (int)min, pad.p, z));
}

static inline double
random_double(const struct pb_field *f)
{
    double v = 0;

    if ((f->flags & (PB_HAS_MIN | PB_HAS_MAX)) != 0) {
        double min = (f->flags & PB_HAS_MIN) != 0 ? f->min : f->max - 1e6;
        double max = (f->flags & PB_HAS_MAX) != 0 ? f->max : min + 1e6;
        return min + (max - min) * (double)pick(1000001) / 1000000;
    }
    do {
        uint64_t bits = pick(2) == 0 ? pick(UINT64_MAX) : pick(100) << 52;
        memcpy(&v, &bits, sizeof(v));
    } while (!(v - v == 0)); /* finite */
    return v;
}

static inline int64_t
random_integer(const struct pb_field *f)
{
    if ((f->flags & (PB_HAS_MIN | PB_HAS_MAX)) != 0) {
        double min = (f->flags & PB_HAS_MIN) != 0 ? f->min : f->max - 1e6;
        double max = (f->flags & PB_HAS_MAX) != 0 ? f->max : min + 1e6;
        return (int64_t)min + (int64_t)pick((uint64_t)(max - min) + 1);
    }
    switch ((enum pb_kind)f->kind) {
    case PB_INT32:
        return (int32_t)pick(UINT64_MAX);
    case PB_UINT32:
        return (uint32_t)pick(UINT64_MAX);
    default:
        return (int64_t)(pick(UINT64_MAX) >> pick(64));
    }
}

static inline ProtobufCMessage *random_message(struct arena *arena, const struct pb_table *table,
                                               int depth);

static inline struct str
random_raw(const struct pb_field *f)
{
    static const struct str RAWS[] = {STR_INIT("{}"),  STR_INIT("{\"a\" : [1,\t{}],\"a\":0}"),
                                      STR_INIT("[]"),  STR_INIT("[1.50,\"\\u0041\",[null]]"),
                                      STR_INIT("-0"),  STR_INIT("\"x\""),
                                      STR_INIT("true")};
    switch (f->raw) {
    case 2:
        return RAWS[pick(2)];
    case 3:
        return RAWS[2 + pick(2)];
    default:
        return RAWS[pick(ARRAY_LEN(RAWS))];
    }
}

static inline void
random_value(struct arena *arena, const struct pb_field *f, void *at, bool is_item, int depth)
{
    static const int64_t GRAIN_US[] = {1000000, 1000000, 1000, 1, 1000000};

    switch ((enum pb_kind)f->kind) {
    case PB_BOOL:
        *(protobuf_c_boolean *)at = pick(2) == 1;
        break;
    case PB_INT32:
        *(int32_t *)at = (int32_t)random_integer(f);
        break;
    case PB_UINT32:
        *(uint32_t *)at = (uint32_t)random_integer(f);
        break;
    case PB_INT64:
        *(int64_t *)at = random_integer(f);
        break;
    case PB_DOUBLE:
        *(double *)at = random_double(f);
        break;
    case PB_TIME:
        *(int64_t *)at = (int64_t)pick(INT64_C(4000000000)) * 1000000 +
                         (int64_t)pick(1000000) / GRAIN_US[f->time] * GRAIN_US[f->time];
        break;
    case PB_STRING:
        *(char **)at = random_string(arena, f, is_item);
        break;
    case PB_RAW_JSON:
        *(ProtobufCBinaryData *)at = pb_bytes(arena, random_raw(f));
        break;
    case PB_BASE64:
        *(ProtobufCBinaryData *)at = pb_bytes(arena, str_n((const char *)&seed, pick(9)));
        break;
    case PB_MESSAGE:
    case PB_MAP:
        *(ProtobufCMessage **)at = random_message(arena, f->sub, depth + 1);
        break;
    }
}

static inline size_t
value_size(const struct pb_field *f)
{
    static const size_t SIZES[] = {
        [PB_BOOL] = 4,    [PB_INT32] = 4,  [PB_INT64] = 8,     [PB_UINT32] = 4,
        [PB_DOUBLE] = 8,  [PB_STRING] = 8, [PB_RAW_JSON] = 16, [PB_TIME] = 8,
        [PB_MESSAGE] = 8, [PB_MAP] = 8,    [PB_BASE64] = 16};
    return SIZES[f->kind];
}

/* Keys of maps must differ. */
static inline void
number_keys(struct arena *arena, const struct pb_field *f, ProtobufCMessage **entries, size_t n)
{
    for (size_t i = 0; i < n && f->kind == PB_MAP; i++) {
        char **key = (char **)((char *)entries[i] + f->sub->fields[0].offset);
        struct str text = arena_printf(arena, "%s%zu", *key, i);
        *key = arena_strz(arena, text);
    }
}

static inline void
random_list(struct arena *arena, const struct pb_field *f, size_t least, ProtobufCMessage *msg,
            int depth)
{
    size_t min = f->min_len > (int64_t)least ? (size_t)f->min_len : least;
    size_t max = f->max_len < 0 || (size_t)f->max_len > min + 6 ? min + 6 : (size_t)f->max_len;
    size_t n = min + pick(max - min + 1);
    char *items = arena_zalloc(arena, n + 1, value_size(f));

    for (size_t i = 0; i < n; i++) {
        random_value(arena, f, items + i * value_size(f), true, depth);
    }
    number_keys(arena, f, (ProtobufCMessage **)(void *)items, n);
    memcpy((char *)msg + f->offset, &items, sizeof(items));
    memcpy((char *)msg + f->quantifier, &n, sizeof(n));
}

static inline bool
leave_out(const struct pb_field *f, int depth)
{
    bool entry = f->json == f->key.p && (f->number == 1 || f->number == 2) &&
                 (strcmp(f->json, "key") == 0 || strcmp(f->json, "value") == 0);
    if ((f->flags & PB_REQUIRED) != 0 || entry) {
        return false;
    }
    return pick(2) == 0 || (depth > 3 && f->kind == PB_MESSAGE);
}

static inline bool
group_holds(const struct pb_group *group, const bool *out)
{
    size_t n = 0;

    for (size_t i = 0; i < group->count; i++) {
        n += !out[group->fields[i]];
    }
    return group->kind == PB_AT_LEAST_ONE  ? n >= 1
           : group->kind == PB_AT_MOST_ONE ? n <= 1
                                           : n == 1;
}

/* An empty list is no member to a group. */
static inline size_t
least_items(const struct pb_table *table, size_t field)
{
    for (size_t g = 0; g < table->group_count; g++) {
        for (size_t i = 0; i < table->groups[g].count; i++) {
            if (table->groups[g].fields[i] == field) {
                return 1;
            }
        }
    }
    return 0;
}

/* Chooses which members are left out until the groups are content. */
static inline void
choose_members(const struct pb_table *table, int depth, bool out[PB_NUMBER_MAX])
{
    bool holds = false;

    ASSERT(table->count <= PB_NUMBER_MAX);
    for (int tries = 0; !holds; tries++) {
        ASSERT(tries < 10000);
        for (size_t i = 0; i < table->count; i++) {
            out[i] = leave_out(&table->fields[i], depth);
        }
        holds = true;
        for (size_t i = 0; i < table->group_count; i++) {
            holds = holds && group_holds(&table->groups[i], out);
        }
    }
}

static inline ProtobufCMessage *
random_message(struct arena *arena, const struct pb_table *table, int depth)
{
    ProtobufCMessage *msg = pb_new(arena, table->desc);
    bool out[PB_NUMBER_MAX];

    assert_non_null(msg);
    choose_members(table, depth, out);
    for (size_t i = 0; i < table->count; i++) {
        const struct pb_field *f = &table->fields[i];
        if (out[i]) {
            continue;
        }
        if (f->kind == PB_MAP || (f->flags & PB_REPEATED) != 0) {
            random_list(arena, f, least_items(table, i), msg, depth);
            continue;
        }
        random_value(arena, f, (char *)msg + f->offset, false, depth);
        if (f->quantifier != 0) {
            *(protobuf_c_boolean *)((char *)msg + f->quantifier) = 1;
        }
    }
    return msg;
}

#endif
