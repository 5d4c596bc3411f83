/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

static char *
copy(struct arena *arena, const struct buf *b)
{
    char *text = arena_strz(arena, buf_str(b));
    ASSERT(text != NULL && !buf_failed(b));
    return text;
}

/* Calls `put` for each dot-separated piece, "__" between them. */
static const char *
map_pieces(struct arena *arena, const char *full, void (*put)(struct buf *, struct str))
{
    struct buf b;
    buf_init(&b, 4096);
    struct str rest = str_z(full);
    bool first = true;
    while (rest.p != NULL) {
        struct str piece = str_split(&rest, '.');
        if (piece.n == 0) {
            continue;
        }
        buf_putz(&b, first ? "" : "__");
        put(&b, piece);
        first = false;
    }
    const char *result = copy(arena, &b);
    buf_fini(&b);
    return result;
}

static void
put_camel(struct buf *b, struct str piece)
{
    bool upper = true;
    for (size_t i = 0; i < piece.n; i++) {
        if (piece.p[i] == '_') {
            upper = true;
            continue;
        }
        buf_putc(b, upper ? (char)toupper((unsigned char)piece.p[i]) : piece.p[i]);
        upper = false;
    }
}

static void
put_lower(struct buf *b, struct str piece)
{
    bool was_upper = true;
    for (size_t i = 0; i < piece.n; i++) {
        bool is_upper = isupper((unsigned char)piece.p[i]) != 0;
        if (is_upper && !was_upper) {
            buf_putc(b, '_');
        }
        buf_putc(b, ch_lower(piece.p[i]));
        was_upper = is_upper;
    }
}

const char *
name_c_type(struct arena *arena, const char *full)
{
    return map_pieces(arena, full, put_camel);
}

const char *
name_c_lower(struct arena *arena, const char *full)
{
    return map_pieces(arena, full, put_lower);
}

const char *
name_snake(struct arena *arena, const char *camel)
{
    return map_pieces(arena, camel, put_lower);
}

const char *
name_c_field(struct arena *arena, const char *field)
{
    static const char *const keywords =
        " and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast "
        "continue default delete do double dynamic_cast else enum explicit extern false float for "
        "friend goto if inline int long mutable namespace new not not_eq operator or or_eq private "
        "protected public register reinterpret_cast return short signed sizeof static static_cast "
        "struct switch template this throw true try typedef typeid typename union unsigned using "
        "virtual void volatile wchar_t while xor xor_eq ";
    char *text = arena_strz(arena, str_z(field));
    ASSERT(text != NULL);
    for (char *p = text; *p != '\0'; p++) {
        *p = ch_lower(*p);
    }
    struct str padded = arena_printf(arena, " %s ", text);
    if (str_find(str_z(keywords), padded) >= 0) {
        return arena_printf(arena, "%s_", text).p;
    }
    return text;
}

const char *
name_c_header(struct arena *arena, const char *proto_file)
{
    struct str base = str_z(proto_file);
    if (str_ends(base, STR(".proto"))) {
        base.n -= strlen(".proto");
    }
    return arena_printf(arena, "%.*s.pb-c.h", STR_ARG(base)).p;
}

const char *
name_upper(struct arena *arena, const char *text)
{
    char *upper = arena_strz(arena, str_z(text));
    ASSERT(upper != NULL);
    for (char *p = upper; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    return upper;
}
