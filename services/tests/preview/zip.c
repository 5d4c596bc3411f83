/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/preview/zip.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define END_SIG 0x06054B50u
#define END_LEN ((size_t)22)
#define COMMENT_MAX ((size_t)0xFFFF)
#define CENTRAL_SIG 0x02014B50u
#define CENTRAL_LEN ((size_t)46)
#define LOCAL_SIG 0x04034B50u
#define LOCAL_LEN ((size_t)30)
#define IS_ZIP64_16 0xFFFFu
#define IS_ZIP64_32 0xFFFFFFFFu

#define FLAG_SIZES_FOLLOW 0x0008u
/* How hard was compressed (1, 2), sizes follow the data (3), names are UTF-8 (11). */
#define FLAGS_KNOWN 0x080Eu
#define STORED 0u
#define DEFLATED 8u
/* What deflate makes of a byte at most. */
#define RATIO_MAX 1032u

#define MODE_TYPE 0170000u
#define MODE_FILE 0100000u
#define MODE_FOLDER 0040000u

static enum rc
refuse(struct ctx *ctx, const char *why)
{
    return fail(ctx, RC_INVALID_ARGUMENT, "INVALID_ARCHIVE",
                "the file is not a ZIP archive that can be used: %s", why);
}

static enum rc
refuse_file(struct ctx *ctx, struct str path, const char *why)
{
    /* The name is shown only as far as it is text. */
    return str_is_utf8(path) && path.n <= ZIP_PATH_MAX
               ? fail(ctx, RC_INVALID_ARGUMENT, "INVALID_ARCHIVE",
                      "the ZIP archive cannot be used: \"%.*s\" %s", STR_ARG(path), why)
               : refuse(ctx, "the name of a file is no text");
}

static enum rc
too_large(struct ctx *ctx, const char *what, uint64_t max)
{
    return fail(ctx, RC_RESOURCE_EXHAUSTED, "BODY_TOO_LARGE",
                "the ZIP archive holds more than %llu %s", (unsigned long long)max, what);
}

static uint32_t
u16_at(struct str s, size_t at)
{
    return (uint32_t)(unsigned char)s.p[at] | (uint32_t)(unsigned char)s.p[at + 1] << 8;
}

static uint32_t
u32_at(struct str s, size_t at)
{
    return u16_at(s, at) | u16_at(s, at + 2) << 16;
}

/* --- names --------------------------------------------------------------------------------- */

/* NULL when the path may be used; else why not. */
static const char *
fault_of_path(struct str path)
{
    struct str rest = path;

    if (path.n == 0 || path.n > ZIP_PATH_MAX) {
        return "has no name, or a name that is too long";
    }
    if (!str_is_utf8(path)) {
        return "has a name that is not UTF-8";
    }
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c < 0x20 || c == 0x7F || c == '\\') {
            return "has a name with a control character or a backslash";
        }
    }
    while (rest.p != NULL) {
        struct str segment = str_split(&rest, '/');
        if (segment.n == 0 || str_eqz(segment, ".") || str_eqz(segment, "..") ||
            segment.n > ZIP_SEGMENT_MAX) {
            return "has a name that leads out of its folder, or is none";
        }
    }
    return NULL;
}

/* --- the directory ------------------------------------------------------------------------- */

struct directory {
    struct str bytes; /* of the archive */
    size_t at;
    size_t end;
    size_t left; /* entries to come */
};

/* The record at the end says how long the comment behind it is: exactly what is left. */
static bool
find_end(struct str bytes, size_t *out)
{
    for (size_t comment = 0; comment <= COMMENT_MAX && bytes.n >= END_LEN + comment; comment++) {
        size_t at = bytes.n - END_LEN - comment;
        if (u32_at(bytes, at) == END_SIG && u16_at(bytes, at + 20) == comment) {
            *out = at;
            return true;
        }
    }
    return false;
}

static enum rc
read_end(struct ctx *ctx, struct str bytes, const struct zip_limits *limits, struct directory *out)
{
    size_t end = 0;

    if (!find_end(bytes, &end)) {
        return refuse(ctx, "it has no directory at its end");
    }
    size_t entries = u16_at(bytes, end + 10);
    uint64_t size = u32_at(bytes, end + 12);
    uint64_t at = u32_at(bytes, end + 16);
    if (entries == IS_ZIP64_16 || size == IS_ZIP64_32 || at == IS_ZIP64_32) {
        return refuse(ctx, "it is in the format Zip64");
    }
    if (u16_at(bytes, end + 4) != 0 || u16_at(bytes, end + 6) != 0 ||
        u16_at(bytes, end + 8) != entries) {
        return refuse(ctx, "it is one part of several");
    }
    if (at + size != end || entries > size / CENTRAL_LEN) {
        return refuse(ctx, "its directory is not where it says");
    }
    if (entries > limits->entries_max) {
        return too_large(ctx, "files and folders", limits->entries_max);
    }
    *out = (struct directory){.bytes = bytes, .at = (size_t)at, .end = end, .left = entries};
    return RC_OK;
}

/* What the directory says of one entry. */
struct entry {
    struct zip_file file;
    bool folder;
    uint32_t flags, method;
};

static const char *
fault_of_entry(struct str bytes, size_t at, const struct entry *e)
{
    uint32_t type = u32_at(bytes, at + 38) >> 16 & MODE_TYPE;

    if ((e->flags & ~FLAGS_KNOWN) != 0) {
        return "is encrypted, or packed in a way that is not understood";
    }
    if (e->method != STORED && e->method != DEFLATED) {
        return "is compressed in a way that is not understood";
    }
    if (type != 0 && type != (e->folder ? MODE_FOLDER : MODE_FILE)) {
        return "is a link or a device";
    }
    if (e->file.packed == IS_ZIP64_32 || e->file.size == IS_ZIP64_32 ||
        e->file.header == IS_ZIP64_32 || u16_at(bytes, at + 34) != 0) {
        return "is in the format Zip64, or on another disk";
    }
    if (e->folder && e->file.size != 0) {
        return "is a folder with content";
    }
    if (e->method == STORED ? e->file.packed != e->file.size
                            : e->file.size / RATIO_MAX > e->file.packed) {
        return "says it unpacks to what it cannot";
    }
    return NULL;
}

/* The next entry of the directory. */
static enum rc
read_entry(struct ctx *ctx, struct directory *d, struct entry *out)
{
    struct str b = d->bytes;
    size_t at = d->at;

    if (d->end - at < CENTRAL_LEN || u32_at(b, at) != CENTRAL_SIG) {
        return refuse(ctx, "its directory is damaged");
    }
    size_t name = u16_at(b, at + 28);
    size_t behind = name + u16_at(b, at + 30) + u16_at(b, at + 32);
    if (d->end - at - CENTRAL_LEN < behind) {
        return refuse(ctx, "its directory is damaged");
    }
    struct str path = str_sub(b, at + CENTRAL_LEN, at + CENTRAL_LEN + name);
    bool folder = path.n > 0 && path.p[path.n - 1] == '/';
    path.n -= folder;
    *out = (struct entry){.file = {.path = path,
                                   .crc = u32_at(b, at + 16),
                                   .packed = u32_at(b, at + 20),
                                   .size = u32_at(b, at + 24),
                                   .header = u32_at(b, at + 42)},
                          .folder = folder,
                          .flags = u16_at(b, at + 8),
                          .method = u16_at(b, at + 10)};
    out->file.deflated = out->method == DEFLATED;
    const char *fault = fault_of_path(path);
    fault = fault == NULL ? fault_of_entry(b, at, out) : fault;
    d->at = at + CENTRAL_LEN + behind;
    d->left--;
    return fault == NULL ? RC_OK : refuse_file(ctx, path, fault);
}

/* The header before the data says the same as the directory; the data lies before the directory. */
static const char *
find_data(struct str b, size_t directory, struct entry *e)
{
    struct zip_file *f = &e->file;

    if (f->header > directory || directory - f->header < LOCAL_LEN ||
        u32_at(b, f->header) != LOCAL_SIG) {
        return "is not where the directory says";
    }
    size_t h = f->header;
    size_t name = u16_at(b, h + 26);
    size_t room = directory - h - LOCAL_LEN;
    size_t behind = name + u16_at(b, h + 28);
    if (room < behind || room - behind < f->packed) {
        return "is cut";
    }
    bool follow = (e->flags & FLAG_SIZES_FOLLOW) != 0;
    struct str path = str_sub(b, h + LOCAL_LEN, h + LOCAL_LEN + name);
    path.n -= e->folder && path.n > 0;
    if (!str_eq(path, f->path) || u16_at(b, h + 6) != e->flags || u16_at(b, h + 8) != e->method ||
        (!follow && (u32_at(b, h + 14) != f->crc || u32_at(b, h + 18) != f->packed ||
                     u32_at(b, h + 22) != f->size))) {
        return "has a header that contradicts the directory";
    }
    f->at = h + LOCAL_LEN + behind;
    return NULL;
}

/* --- the whole ----------------------------------------------------------------------------- */

static int
by_place(const void *a, const void *b)
{
    size_t x = ((const struct zip_file *)a)->header;
    size_t y = ((const struct zip_file *)b)->header;

    return (x > y) - (x < y);
}

static int
by_path(const void *a, const void *b)
{
    return str_cmp(((const struct zip_file *)a)->path, ((const struct zip_file *)b)->path);
}

/* Files that share bytes make a small archive unpack to any size; two of one name are understood
 * differently by different readers. */
static enum rc
check_together(struct ctx *ctx, struct zip *zip)
{
    if (zip->count == 0) {
        return RC_OK;
    }
    qsort(zip->files, zip->count, sizeof(*zip->files), by_place);
    for (size_t i = 1; i < zip->count; i++) {
        const struct zip_file *before = &zip->files[i - 1];
        if (before->at + before->packed > zip->files[i].header) {
            return refuse_file(ctx, zip->files[i].path, "shares bytes with another file");
        }
    }
    qsort(zip->files, zip->count, sizeof(*zip->files), by_path);
    for (size_t i = 1; i < zip->count; i++) {
        if (str_eq(zip->files[i - 1].path, zip->files[i].path)) {
            return refuse_file(ctx, zip->files[i].path, "is there twice");
        }
    }
    return RC_OK;
}

static enum rc
read_entries(struct ctx *ctx, struct directory *d, const struct zip_limits *limits, struct zip *zip)
{
    size_t start = d->at;

    while (d->left > 0) {
        struct entry e;
        enum rc rc = read_entry(ctx, d, &e);
        if (rc != RC_OK) {
            return rc;
        }
        const char *fault = find_data(d->bytes, start, &e);
        if (fault != NULL) {
            return refuse_file(ctx, e.file.path, fault);
        }
        if (e.file.size > limits->file_max) {
            return too_large(ctx, "bytes in one file", limits->file_max);
        }
        zip->total += e.file.size;
        if (zip->total > limits->total_max) {
            return too_large(ctx, "bytes", limits->total_max);
        }
        if (!e.folder) {
            zip->files[zip->count++] = e.file;
        }
    }
    return d->at == d->end ? RC_OK : refuse(ctx, "its directory is damaged");
}

static void
free_inflate(void *arg)
{
    libdeflate_free_decompressor(arg);
}

enum rc
zip_open(struct ctx *ctx, struct str bytes, const struct zip_limits *limits, struct zip *out)
{
    struct directory d = {.left = 0};
    struct zip zip = {.bytes = bytes, .inflate = libdeflate_alloc_decompressor()};

    if (zip.inflate == NULL || !arena_on_free(ctx->arena, free_inflate, zip.inflate)) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    enum rc rc = read_end(ctx, bytes, limits, &d);
    if (rc != RC_OK) {
        return rc;
    }
    zip.files = ARENA_ARRAY(ctx->arena, d.left + 1, struct zip_file);
    if (zip.files == NULL) {
        return fail_memory(ctx, "the request needs too much memory");
    }
    rc = read_entries(ctx, &d, limits, &zip);
    rc = rc == RC_OK ? check_together(ctx, &zip) : rc;
    if (rc == RC_OK) {
        *out = zip;
    }
    return rc;
}

enum rc
zip_read(struct ctx *ctx, const struct zip *zip, const struct zip_file *file, char *to)
{
    const char *from = zip->bytes.p + file->at;
    size_t used = file->packed;

    if (!file->deflated) {
        memcpy(to, from, file->size);
    } else if (libdeflate_deflate_decompress_ex(zip->inflate, from, file->packed, to, file->size,
                                                &used, NULL) != LIBDEFLATE_SUCCESS ||
               used != file->packed) {
        return refuse_file(ctx, file->path, "is damaged, or not of the size it says");
    }
    return libdeflate_crc32(0, to, file->size) == file->crc
               ? RC_OK
               : refuse_file(ctx, file->path, "is damaged: its sum is another");
}
