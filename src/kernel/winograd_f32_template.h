/*
 * winograd_f32_template.h - the transforms of winograd_f32.h over the vector of the simd_*.h included before; vectors run over channels.
 *
 * With points 0, +-a, +-b and infinity, a^2 = p = 1/2 and b^2 = q = 2: the rows of B^T are the coefficients of the product of (x - other points),
 * the columns of A^T the powers of a point.
 */
#include "kernel/winograd_f32.h"

enum { OUT = QC_WINOGRAD_OUT, IN = QC_WINOGRAD_IN };

static const float a = 0.707106781f, b = 1.41421356f, p = 0.5f, q = 2, a3 = 0.353553391f, b3 = 2.82842712f;

QC_INLINE vf load(const float *x, size_t count) { return count >= vf_width ? vf_load(x) : vf_load_to(x, count); }
QC_INLINE void store(float *x, vf v, size_t count)
{
    if (count >= vf_width) vf_store(x, v);
    else vf_store_to(x, v, count);
}

/* B^T d */
QC_INLINE void input_line(const vf *d, vf *to)
{
    const vf even_a = vf_fma(vf_set1(-q), d[2], d[4]), odd_a = vf_mul(vf_set1(a), vf_fma(vf_set1(-q), d[1], d[3]));
    const vf even_b = vf_fma(vf_set1(-p), d[2], d[4]), odd_b = vf_mul(vf_set1(b), vf_fma(vf_set1(-p), d[1], d[3]));
    to[0] = vf_fma(vf_set1(-(p + q)), d[2], vf_add(d[0], d[4])); /* p q = 1 */
    to[1] = vf_add(even_a, odd_a);
    to[2] = vf_sub(even_a, odd_a);
    to[3] = vf_add(even_b, odd_b);
    to[4] = vf_sub(even_b, odd_b);
    to[5] = vf_fma(vf_set1(-(p + q)), d[3], vf_add(d[1], d[5]));
}

/* A^T m */
QC_INLINE void output_line(const vf *m, vf *to)
{
    const vf even_a = vf_add(m[1], m[2]), odd_a = vf_sub(m[1], m[2]), even_b = vf_add(m[3], m[4]), odd_b = vf_sub(m[3], m[4]);
    to[0] = vf_add(m[0], vf_add(even_a, even_b));
    to[1] = vf_fma(vf_set1(a), odd_a, vf_mul(vf_set1(b), odd_b));
    to[2] = vf_fma(vf_set1(p), even_a, vf_mul(vf_set1(q), even_b));
    to[3] = vf_add(m[5], vf_fma(vf_set1(a3), odd_a, vf_mul(vf_set1(b3), odd_b)));
}

static void input(const float *const *pixel, size_t channels, float *v, size_t step)
{
    for (size_t c = 0; c < channels; c += vf_width) {
        vf half[IN][IN], line[IN], to[IN];
        for (size_t x = 0; x < IN; x++) {
            QC_UNROLL
            for (size_t y = 0; y < IN; y++) line[y] = load(pixel[y * IN + x] + c, channels - c);
            input_line(line, to);
            QC_UNROLL
            for (size_t i = 0; i < IN; i++) half[i][x] = to[i];
        }
        for (size_t i = 0; i < IN; i++) {
            input_line(half[i], to);
            QC_UNROLL
            for (size_t j = 0; j < IN; j++) store(v + (i * IN + j) * step + c, to[j], channels - c);
        }
    }
}

static void output(const struct qc_winograd_tile *t)
{
    const vf low = vf_set1(t->low), high = vf_set1(t->high);
    for (size_t c = 0; c < t->channels; c += vf_width) {
        const size_t count = t->channels - c;
        vf half[OUT][IN], line[IN], to[OUT];
        for (size_t j = 0; j < IN; j++) {
            QC_UNROLL
            for (size_t i = 0; i < IN; i++) line[i] = load(t->m + (i * IN + j) * t->step + c, count);
            output_line(line, to);
            QC_UNROLL
            for (size_t y = 0; y < OUT; y++) half[y][j] = to[y];
        }
        const vf bias = t->bias ? load(t->bias + c, count) : vf_zero();
        for (size_t y = 0; y < t->rows; y++) {
            output_line(half[y], to);
            QC_UNROLL
            for (size_t x = 0; x < OUT; x++) {
                if (x == t->columns) break;
                store(t->y + y * t->row_pitch + x * t->pixel_pitch + c, vf_min(high, vf_max(low, vf_add(to[x], bias))), count);
            }
        }
    }
}

#define QC_WINOGRAD_F32_ROW(isa, bits)                         \
    extern const struct qc_winograd_f32 qc_winograd_f32_##isa; \
    const struct qc_winograd_f32 qc_winograd_f32_##isa = {{#isa, bits}, input, output};
