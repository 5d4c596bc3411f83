/* SPDX-License-Identifier: Apache-2.0
 *
 * CIEDE2000 between sRGB colours under D65. Source: IEC 61966-2-1; Sharma, Wu, Dalal 2005, whose 34
 * pairs are the test. */
#include <math.h>
#include <string.h>

#include "tests/visual/vis_int.h"

#define PI 3.14159265358979323846
#define POW_25_7 6103515625.0

void
vis_linear_init(struct vis_linear *t)
{
    for (int v = 0; v < 256; v++) {
        double s = v / 255.0;
        t->of[v] = s <= 0.04045 ? s / 12.92 : pow((s + 0.055) / 1.055, 2.4);
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
    return t > 216.0 / 24389.0 ? cbrt(t) : (24389.0 / 27.0 * t + 16) / 116;
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
    double h = a == 0 && b == 0 ? 0 : atan2(b, a);

    return h < 0 ? h + 2 * PI : h;
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
    if (fabs(h1 - h2) <= PI) {
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
    return d > PI ? d - 2 * PI : d < -PI ? d + 2 * PI : d;
}

/* The blue corner's rotation. */
static double
rotation(double mean_h, double mean_c)
{
    double degrees = (mean_h * 180 / PI - 275) / 25;
    double theta = 30 * exp(-degrees * degrees) * PI / 180;
    double c7 = pow7(mean_c);

    return -2 * sqrt(c7 / (c7 + POW_25_7)) * sin(2 * theta);
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
    double dh = 2 * sqrt(c1 * c2) * sin(hue_step(h1, h2, grey) / 2);
    double mean_l = (p.l + q.l) / 2 - 50;
    double mean_c = (c1 + c2) / 2;
    double mean_h = mean_hue(h1, h2, grey);
    double t = 1 - 0.17 * cos(mean_h - PI / 6) + 0.24 * cos(2 * mean_h) +
               0.32 * cos(3 * mean_h + PI / 30) - 0.20 * cos(4 * mean_h - 63 * PI / 180);

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
