/* SPDX-License-Identifier: Apache-2.0
 *
 * CIEDE2000 between sRGB colours under D65. Source: IEC 61966-2-1; Sharma, Wu, Dalal 2005, whose 34
 * pairs are the test.
 *
 * Roots, angles and powers are our own, of additions, multiplications, divisions and square roots
 * alone, which every processor rounds alike; the C library's differ in their last digit with the
 * processor's kind. They are right to 1e-9, far below what is told of a distance. */
#include <math.h>
#include <string.h>

#include "tests/visual/vis_int.h"

#define PI 3.14159265358979323846
/* Opposite hues are no more than opposite, as far as our angles are exact. */
#define HALF_TURN (PI + 1e-9)
#define POW_25_7 6103515625.0

/* --- what every processor computes alike */

/* The fifth root of s by Newton's method, from a guess within a hundredth of it. */
static double
fifth_root(double s, double guess)
{
    for (int i = 0; i < 4; i++) {
        double y4 = guess * guess * guess * guess;
        guess -= (guess * y4 - s) / (5 * y4);
    }
    return guess;
}

/* For t from 0.008 to about 1: Halley's method, which triples the right digits each time. */
static double
cube_root(double t)
{
    double y = 0.25 + 0.95 * t - 0.2 * t * t;

    for (int i = 0; i < 4; i++) {
        double y3 = y * y * y;
        y *= (y3 + 2 * t) / (2 * y3 + t);
    }
    return y;
}

/* The arc tangent of z from -0.415 to 0.415. */
static double
arc_tangent(double z)
{
    double z2 = z * z;
    double sum = 0;

#pragma GCC unroll 13
    for (int k = 25; k > 0; k -= 2) {
        sum = (k % 4 == 1 ? 1.0 : -1.0) / k + z2 * sum;
    }
    return z * sum;
}

/* Of the point (x, y), not both zero: from 0 to 2 pi. */
static double
angle_of(double y, double x)
{
    double ax = fabs(x);
    double ay = fabs(y);
    bool steep = ay > ax;
    double z = steep ? ax / ay : ay / ax;
    double angle =
        z > 0.41421356237309503 ? PI / 4 + arc_tangent((z - 1) / (z + 1)) : arc_tangent(z);

    angle = steep ? PI / 2 - angle : angle;
    angle = x < 0 ? PI - angle : angle;
    return y < 0 ? 2 * PI - angle : angle;
}

struct turn {
    double cosine, sine;
};

/* For angles from -4 pi to 4 pi. */
static struct turn
turn_by(double angle)
{
    int quarters = (int)(angle / (PI / 2) + (angle < 0 ? -0.5 : 0.5));
    double x = angle - quarters * (PI / 2);
    double x2 = x * x;
    double c = 1;
    double s = 1;

    /* Unrolled, the divisions are constants: a real one takes as long as three of these steps. */
#pragma GCC unroll 8
    for (int k = 16; k > 0; k -= 2) {
        c = 1 - x2 * (1.0 / (k * (k - 1))) * c;
        s = 1 - x2 * (1.0 / (k * (k + 1))) * s;
    }
    s *= x;
    switch (quarters & 3) {
    case 0:
        return (struct turn){c, s};
    case 1:
        return (struct turn){-s, c};
    case 2:
        return (struct turn){-c, -s};
    default:
        return (struct turn){s, -c};
    }
}

/* e to the power of -x, x not negative. */
static double
decay(double x)
{
    double small = -x / 64;
    double y = 1;

    if (x > 40) {
        return 0;
    }
#pragma GCC unroll 14
    for (int k = 14; k > 0; k--) {
        y = 1 + small * (1.0 / k) * y;
    }
    for (int i = 0; i < 6; i++) {
        y *= y;
    }
    return y;
}

/* --- colours */

void
vis_linear_init(struct vis_linear *t)
{
    double root = 1;

    for (int v = 255; v >= 0; v--) {
        double s = v / 255.0;
        double base = (s + 0.055) / 1.055;
        root = fifth_root(base, root); /* to the power of 2.4: squares of itself and of the root */
        t->of[v] = s <= 0.04045 ? s / 12.92 : base * base * root * root;
    }
}

/* Not hypot(): nothing here overflows. */
static double
length(double a, double b)
{
    return sqrt(a * a + b * b);
}

static double
lab_f(double t)
{
    return t > 216.0 / 24389.0 ? cube_root(t) : (24389.0 / 27.0 * t + 16) / 116;
}

struct vis_lab
vis_lab(const struct vis_linear *t, const uint8_t rgb[3])
{
    double r = t->of[rgb[0]];
    double g = t->of[rgb[1]];
    double b = t->of[rgb[2]];
    double x = lab_f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    double y = lab_f(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    double z = lab_f((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);

    return (struct vis_lab){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

static double
hue(double a, double b)
{
    return a == 0 && b == 0 ? 0 : angle_of(b, a);
}

static double
pow7(double c)
{
    double c2 = c * c;

    return c2 * c2 * c2 * c;
}

/* Mean of two hues around the circle; `grey`: one of them means nothing. */
static double
mean_hue(double h1, double h2, bool grey)
{
    if (grey) {
        return h1 + h2;
    }
    if (fabs(h1 - h2) <= HALF_TURN) {
        return (h1 + h2) / 2;
    }
    return h1 + h2 < 2 * PI ? (h1 + h2 + 2 * PI) / 2 : (h1 + h2 - 2 * PI) / 2;
}

static double
hue_step(double h1, double h2, bool grey)
{
    double d = h2 - h1;

    if (grey) {
        return 0;
    }
    return d > HALF_TURN ? d - 2 * PI : d < -HALF_TURN ? d + 2 * PI : d;
}

/* The blue corner's rotation. */
static double
rotation(double mean_h, double mean_c)
{
    double degrees = (mean_h * 180 / PI - 275) / 25;
    double theta = 30 * decay(degrees * degrees) * PI / 180;
    double c7 = pow7(mean_c);

    return -2 * sqrt(c7 / (c7 + POW_25_7)) * turn_by(2 * theta).sine;
}

/* The weight of a step in hue: 1 - 0.17 cos(h - 30) + 0.24 cos(2h) + 0.32 cos(3h + 6)
 * - 0.20 cos(4h - 63), in degrees. */
static double
hue_weight(double mean_h)
{
    struct turn h = turn_by(mean_h);
    struct turn h2 = {2 * h.cosine * h.cosine - 1, 2 * h.sine * h.cosine};
    struct turn h3 = {h2.cosine * h.cosine - h2.sine * h.sine,
                      h2.sine * h.cosine + h2.cosine * h.sine};
    struct turn h4 = {2 * h2.cosine * h2.cosine - 1, 2 * h2.sine * h2.cosine};

    return 1 - 0.17 * (h.cosine * 0.8660254037844386 + h.sine * 0.5) + 0.24 * h2.cosine +
           0.32 * (h3.cosine * 0.9945218953682733 - h3.sine * 0.10452846326765347) -
           0.20 * (h4.cosine * 0.45399049973954675 + h4.sine * 0.8910065241883679);
}

double
vis_ciede2000(struct vis_lab p, struct vis_lab q)
{
    double c7 = pow7((length(p.a, p.b) + length(q.a, q.b)) / 2);
    double g = 1 + 0.5 * (1 - sqrt(c7 / (c7 + POW_25_7)));
    double c1 = length(p.a * g, p.b);
    double c2 = length(q.a * g, q.b);
    double h1 = hue(p.a * g, p.b);
    double h2 = hue(q.a * g, q.b);
    bool grey = c1 * c2 == 0;
    double dl = q.l - p.l;
    double dc = c2 - c1;
    double dh = 2 * sqrt(c1 * c2) * turn_by(hue_step(h1, h2, grey) / 2).sine;
    double mean_l = (p.l + q.l) / 2 - 50;
    double mean_c = (c1 + c2) / 2;
    double mean_h = mean_hue(h1, h2, grey);
    double t = hue_weight(mean_h);

    dl /= 1 + 0.015 * mean_l * mean_l / sqrt(20 + mean_l * mean_l);
    dc /= 1 + 0.045 * mean_c;
    dh /= 1 + 0.015 * mean_c * t;
    double sum = dl * dl + dc * dc + dh * dh + rotation(mean_h, mean_c) * dc * dh;
    return sum <= 0 ? 0 : sqrt(sum);
}

static double
delta_opaque(const struct vis_linear *t, const uint8_t a[3], const uint8_t b[3])
{
    return memcmp(a, b, 3) == 0 ? 0 : vis_ciede2000(vis_lab(t, a), vis_lab(t, b));
}

double
vis_delta(const struct vis_linear *t, uint32_t a, uint32_t b)
{
    uint8_t pa[4];
    uint8_t pb[4];

    memcpy(pa, &a, 4);
    memcpy(pb, &b, 4);
    double over_white = delta_opaque(t, pa, pb);
    if (pa[3] == 255 && pb[3] == 255) {
        return over_white;
    }
    for (int i = 0; i < 3; i++) {
        pa[i] = (uint8_t)(pa[i] - (255 - pa[3]));
        pb[i] = (uint8_t)(pb[i] - (255 - pb[3]));
    }
    double over_black = delta_opaque(t, pa, pb);
    return over_black > over_white ? over_black : over_white;
}
