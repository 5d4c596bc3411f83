/* SPDX-License-Identifier: Apache-2.0
 *
 * Where assay-diff begins: two files of the same bytes are answered before the C library starts.
 * Most screenshots did not change, and of those the start of the library (its questions to the
 * processor, which a virtual machine answers slowly) took three quarters of the time. Whatever is
 * not plain (an option, another kind of file, an error) goes on to _start and from there to main,
 * which says the same; tests/integration/assay_diff_test.c holds both together.
 *
 * Nothing is relocated yet and no stack guard set: no call of the library, no pointer that is not
 * made here. The Makefile's flags for this file see to it. */
#include <stdint.h>

#if defined(__x86_64__) || defined(__aarch64__)

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/visual/visual.h"

#define HEAD_LEN 33 /* signature and first chunk of a PNG */

void diff_before_library(const long *stack);

/* Calls diff_before_library with the stack as the system left it, then goes on as if nothing had
 * been. */
#if defined(__x86_64__)
__asm__(".text\n.globl diff_entry\n.type diff_entry, @function\n"
        "diff_entry:\n"
        "    mov %rsp, %rdi\n    mov %rsp, %rbx\n    mov %rdx, %r12\n"
        "    and $-16, %rsp\n    call diff_before_library\n"
        "    mov %rbx, %rsp\n    mov %r12, %rdx\n    xor %ebp, %ebp\n    jmp _start\n");

static long
ask(long n, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = 0;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#else
__asm__(".text\n.globl diff_entry\n.type diff_entry, %function\n"
        "diff_entry:\n"
        "    mov x20, x0\n    mov x0, sp\n    bl diff_before_library\n"
        "    mov x0, x20\n    b _start\n");

static long
ask(long n, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = 0;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#endif

struct file {
    const uint8_t *p;
    size_t n;
    dev_t device;
    ino_t inode;
};

static bool
map_plain(const char *path, struct file *out)
{
    struct stat st;
    long fd = ask(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);

    if (fd < 0) {
        return false;
    }
    bool ok = ask(SYS_fstat, fd, (long)&st, 0, 0, 0) == 0 && S_ISREG(st.st_mode) &&
              st.st_size > HEAD_LEN && (uint64_t)st.st_size <= VISUAL_BYTES_MAX;
    long p = ok ? ask(SYS_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, fd) : -1;
    (void)ask(SYS_close, fd, 0, 0, 0, 0);
    if (!ok || (p < 0 && p > -4096)) {
        return false;
    }
    *out = (struct file){(const uint8_t *)p, (size_t)st.st_size, st.st_dev, st.st_ino};
    return true;
}

static bool
is_same(const struct file *a, const struct file *b)
{
    uint64_t differ = 0;
    size_t i = 0;

    if (a->device == b->device && a->inode == b->inode) {
        return true;
    }
    for (; i + 64 <= a->n && differ == 0; i += 64) {
        for (size_t k = 0; k < 64; k += 8) {
            uint64_t x;
            uint64_t y;
            __builtin_memcpy(&x, a->p + i + k, 8);
            __builtin_memcpy(&y, b->p + i + k, 8);
            differ |= x ^ y;
        }
    }
    for (; i < a->n && differ == 0; i++) {
        differ |= (uint64_t)(a->p[i] ^ b->p[i]);
    }
    return differ == 0;
}

static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
is_checksum_right(const uint8_t *p, size_t n)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~crc == be32(p + n);
}

/* Whether it is a PNG as browsers write them: 8 bits, RGB or RGBA, not interlaced. */
static bool
is_plain_png(const uint8_t *p)
{
    uint64_t w = be32(p + 16);
    uint64_t h = be32(p + 20);

    return be32(p) == 0x89504e47 && be32(p + 4) == 0x0d0a1a0a && be32(p + 8) == 13 &&
           be32(p + 12) == 0x49484452 && p[24] == 8 && (p[25] == 2 || p[25] == 6) && p[26] == 0 &&
           p[27] == 0 && p[28] == 0 && w > 0 && h > 0 && w <= VISUAL_SIDE_MAX &&
           h <= VISUAL_SIDE_MAX && w * h <= VISUAL_PIXELS_MAX && is_checksum_right(p + 12, 17);
}

/* --- the answer */

struct text {
    char p[640];
    size_t n;
};

static void
put(struct text *t, const char *z)
{
    while (*z != 0) {
        t->p[t->n++] = *z++;
    }
}

static void
put_number(struct text *t, uint64_t v)
{
    uint64_t unit = 1;

    while (v / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        t->p[t->n++] = (char)('0' + v / unit % 10);
    }
}

static void
put_pair(struct text *t, const char *before, uint32_t w, uint32_t h)
{
    put(t, before);
    put_number(t, w);
    put(t, ",");
    put_number(t, h);
}

/* What diff_put_json makes of two files of the same bytes. */
static void
put_same(struct text *t, uint32_t w, uint32_t h)
{
    put(t, "{\"verdict\":\"same\",\"diff_percentage\":0.000000,\"diff_pixels\":0,\"aa_pixels\":0,"
           "\"noise_pixels\":0,\"ignored_pixels\":0,\"canvas_pixels\":");
    put_number(t, (uint64_t)w * h);
    put_pair(t, ",\"size\":{\"base\":[", w, h);
    put_pair(t, "],\"current\":[", w, h);
    put(t, "]},\"score\":{\"ssim\":1.000000,\"ssim_picture\":1.000000,\"delta_e_max\":0.00},"
           "\"shift\":{\"dx\":0,\"dy\":0},\"inserted\":[],\"deleted\":[],"
           "\"box\":{\"x\":0,\"y\":0,\"w\":0,\"h\":0},\"regions\":[]}\n");
}

static bool
is(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool
is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != 0;
}

/* Ends the process when the two files are the same. */
void
diff_before_library(const long *stack)
{
    const char *const *args = (const char *const *)(stack + 1);
    struct file a;
    struct file b;
    struct text t;

    if (stack[0] == 5 && (is(args[1], "--mask") || is(args[1], "--picture"))) {
        args++; /* nothing is drawn */
    } else if (stack[0] != 4) {
        return;
    }
    if (is_option(args[1]) || is_option(args[2]) || is_option(args[3]) || !map_plain(args[1], &a) ||
        !map_plain(args[2], &b) || a.n != b.n || !is_plain_png(a.p) || !is_same(&a, &b)) {
        return;
    }
    t.n = 0;
    put_same(&t, be32(a.p + 16), be32(a.p + 20));
    long done = ask(SYS_write, 1, (long)t.p, (long)t.n, 0, 0);
    for (long n = done; n > 0 && done<(long)t.n; done += n> 0 ? n : 0) {
        n = ask(SYS_write, 1, (long)t.p + done, (long)t.n - done, 0, 0);
    }
    if (done > 0) { /* else main tries, and says why it cannot */
        (void)ask(SYS_exit_group, done == (long)t.n ? 0 : 2, 0, 0, 0, 0);
    }
}

#endif
