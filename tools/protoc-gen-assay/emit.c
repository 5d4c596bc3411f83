/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <string.h>

#include "names.h"

struct buf *
out_file(struct out *out, const char *name)
{
    ASSERT(out->count < OUT_FILES_MAX);
    struct out_file *f = &out->files[out->count++];
    f->name = name;
    buf_init(&f->text, OUT_FILE_BYTES_MAX);
    return &f->text;
}

void
put_banner(struct buf *b)
{
    buf_putz(b, "/* Made by tools/protoc-gen-assay from proto/. Not to be edited. */\n");
}

void
begin_header(struct buf *b, struct arena *arena, const char *stem)
{
    const char *guard = name_upper(arena, stem);
    put_banner(b);
    buf_printf(b, "#ifndef ASSAY_GEN_%s_H\n#define ASSAY_GEN_%s_H\n\n", guard, guard);
}

void
end_header(struct buf *b)
{
    buf_putz(b, "\n#endif\n");
}

static bool
is_first_of_header(const struct model *m, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(m->messages[i]->c_header, m->messages[index]->c_header) == 0) {
            return false;
        }
    }
    return true;
}

void
put_message_includes(struct buf *b, const struct model *m)
{
    for (size_t i = 0; i < m->message_count; i++) {
        if (is_first_of_header(m, i)) {
            buf_printf(b, "#include <%s>\n", m->messages[i]->c_header);
        }
    }
}
