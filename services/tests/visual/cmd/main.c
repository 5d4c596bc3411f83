/* SPDX-License-Identifier: Apache-2.0
 *
 * assay-diff BASELINE CURRENT DIFF_OUT: compares two pictures; prints one JSON object. Exit 0:
 * nothing to review, 1: review, 2: an error, told on standard error. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/visual/cmd/diff_json.h"

#define EXIT_REVIEW 1
#define EXIT_ERROR 2
#define JSON_BYTES_MAX ((size_t)1 << 20)

static const char usage[] =
    "usage: assay-diff [OPTION]... BASELINE CURRENT DIFF_OUT\n"
    "Compares two PNG or JPEG files, prints one JSON object and writes a PNG of what differs\n"
    "(none when nothing does). DIFF_OUT may be - for none.\n"
    "  --mask               transparent PNG, red where it differs (default)\n"
    "  --picture            the current picture in pale grey under the red\n"
    "  --threshold DELTA    CIEDE2000 distance above which a pixel differs (2)\n"
    "  --min-cluster N      fewer touching pixels are noise (2)\n"
    "  --ignore X,Y,W,H     what differs in the rectangle does not count; may be repeated\n"
    "  --dynamic X,Y,W,H    a confirmed dynamic region: a change that matches it does not count\n"
    "  --no-antialias       edge smoothing counts as well\n"
    "  --no-shift           rows are compared in place, moved content is not looked for\n"
    "  --no-ssim            leave out the similarity\n"
    "  --threads N          1 or 2 (2)\n"
    "  --max-pixels N       refuse larger pictures (64000000)\n"
    "exit: 0 nothing to review, 1 review, 2 error\n";

struct args {
    struct visual_options options;
    struct visual_rect ignore[VISUAL_RECTS_MAX], dynamic[VISUAL_RECTS_MAX];
    const char *files[3];
    int file_count;
};

static bool
parse_rect(const char *text, struct visual_rect *out)
{
    int64_t v[4];
    struct str rest = str_z(text);

    for (int i = 0; i < 4; i++) {
        int64_t min = i < 2 ? -VISUAL_SIDE_MAX : 0;
        struct str part = str_split(&rest, ',');
        if ((rest.p == NULL) != (i == 3) ||
            str_to_i64(part, min, VISUAL_SIDE_MAX, &v[i]) != RC_OK) {
            return false;
        }
    }
    *out = (struct visual_rect){(int32_t)v[0], (int32_t)v[1], (int32_t)v[2], (int32_t)v[3]};
    return true;
}

static bool
parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    return str_to_i64(str_z(text), min, max, out) == RC_OK;
}

static bool
parse_threshold(const char *text, double *out)
{
    char *end = NULL;
    double v = strtod(text, &end);

    if (end == text || *end != 0 || !(v >= 0 && v <= 100)) {
        return false;
    }
    *out = v;
    return true;
}

/* An option with a value. */
static bool
take_value(struct args *a, const char *name, const char *value)
{
    struct visual_options *o = &a->options;
    int64_t n = 0;

    if (strcmp(name, "--ignore") == 0) {
        return o->ignore_count < VISUAL_RECTS_MAX &&
               parse_rect(value, &a->ignore[o->ignore_count++]);
    }
    if (strcmp(name, "--dynamic") == 0) {
        return o->dynamic_count < VISUAL_RECTS_MAX &&
               parse_rect(value, &a->dynamic[o->dynamic_count++]);
    }
    if (strcmp(name, "--threshold") == 0) {
        return parse_threshold(value, &o->threshold);
    }
    if (strcmp(name, "--min-cluster") == 0 && parse_number(value, 1, 1000000, &n)) {
        o->cluster_min = (uint32_t)n;
        return true;
    }
    if (strcmp(name, "--threads") == 0 && parse_number(value, 1, 2, &n)) {
        o->threads = (uint32_t)n;
        return true;
    }
    if (strcmp(name, "--max-pixels") == 0 && parse_number(value, 1, INT64_MAX, &n)) {
        o->pixels_max = (uint64_t)n;
        return true;
    }
    return false;
}

static bool
take_flag(struct visual_options *o, const char *name)
{
    if (strcmp(name, "--mask") == 0) {
        o->output = VISUAL_OUTPUT_MASK;
    } else if (strcmp(name, "--picture") == 0) {
        o->output = VISUAL_OUTPUT_PICTURE;
    } else if (strcmp(name, "--no-antialias") == 0) {
        o->tolerate_antialias = false;
    } else if (strcmp(name, "--no-shift") == 0) {
        o->find_shifts = false;
    } else if (strcmp(name, "--no-ssim") == 0) {
        o->measure_ssim = false;
    } else if (strcmp(name, "--plain") == 0) {
        o->plain = true;
    } else {
        return false;
    }
    return true;
}

static bool
parse_args(int argc, char **argv, struct args *a)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (take_flag(&a->options, argv[i])) {
                continue;
            }
            if (i + 1 == argc || !take_value(a, argv[i], argv[i + 1])) {
                return false;
            }
            i++;
        } else if (a->file_count < 3) {
            a->files[a->file_count++] = argv[i];
        } else {
            return false;
        }
    }
    a->options.ignore = a->ignore;
    a->options.dynamic = a->dynamic;
    return a->file_count == 3;
}

static bool
map_file(const char *path, struct str *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    size_t n = (size_t)st.st_size;
    void *p = n == 0 ? NULL : mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    (void)close(fd);
    if (p == MAP_FAILED) {
        return false;
    }
    *out = str_n(p, n);
    return true;
}

/* A device or pipe that takes part of it is asked again. */
static bool
write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n <= 0) {
            return false;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.n);
    }
    return true;
}

static bool
write_file(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    struct stat st;

    if (fd < 0) {
        return false;
    }
    bool ok = write_all(fd, bytes) && fstat(fd, &st) == 0;
    /* Shortened behind the new bytes, not before them: ext4 waits for the disk when a file that was
     * emptied is closed. */
    if (ok && S_ISREG(st.st_mode) && (size_t)st.st_size != bytes.n) {
        ok = ftruncate(fd, (off_t)bytes.n) == 0;
    }
    return close(fd) == 0 && ok;
}

static int
fail_on(const char *what, const char *path)
{
    (void)fprintf(stderr, "assay-diff: %s %s\n", what, path);
    return EXIT_ERROR;
}

static int
answer(const struct args *a, const struct visual_result *result)
{
    struct buf json;
    bool writes = result->picture.n > 0 && strcmp(a->files[2], "-") != 0;

    if (writes && !write_file(a->files[2], result->picture)) {
        return fail_on("cannot write", a->files[2]);
    }
    buf_init(&json, JSON_BYTES_MAX);
    diff_put_json(&json, result);
    bool ok = !buf_failed(&json) && write_all(STDOUT_FILENO, buf_str(&json));
    buf_fini(&json);
    if (!ok) {
        return fail_on("cannot write", "standard output");
    }
    return visual_needs_review(result->verdict) ? EXIT_REVIEW : 0;
}

int
main(int argc, char **argv)
{
    static struct args args;
    /* Never freed: the system takes it back faster than we could. Volatile, so that it stands in
     * memory, where a leak check finds it. */
    static struct visual *volatile v;
    struct str files[2];
    struct visual_result result;
    struct visual_error error;

    args.options = VISUAL_OPTIONS_DEFAULT;
    args.options.threads = 2;
    if (!parse_args(argc, argv, &args)) {
        (void)fputs(usage, stderr);
        return EXIT_ERROR;
    }
    for (int i = 0; i < 2; i++) {
        if (!map_file(args.files[i], &files[i])) {
            return fail_on("cannot read", args.files[i]);
        }
    }
    args.options.output =
        strcmp(args.files[2], "-") == 0 ? VISUAL_OUTPUT_NONE : args.options.output;
    v = visual_new();
    if (v == NULL) {
        return fail_on("not enough memory for", args.files[0]);
    }
    if (visual_compare(v, files[0], files[1], &args.options, &result, &error) != RC_OK) {
        (void)fprintf(stderr, "assay-diff: %s: %s (%s)\n",
                      error.image < 0 ? "options" : args.files[error.image], error.text,
                      error.reason);
        return EXIT_ERROR;
    }
    return answer(&args, &result);
}
