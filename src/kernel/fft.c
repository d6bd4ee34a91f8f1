/* fft.c - see fft.h. */
#include "kernel/fft.h"

#include <math.h>

void qc_fft_roots(size_t n, struct qc_complex *root)
{
    const double turn = -6.283185307179586476925286766559;
    for (size_t k = 0; k < n / 2; k++) {
        double angle = turn * (double)k / (double)n;
        root[k] = (struct qc_complex){cos(angle), sin(angle)};
    }
}

static void reverse_bits(size_t n, struct qc_complex *x)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) {
            struct qc_complex moved = x[i];
            x[i] = x[j];
            x[j] = moved;
        }
    }
}

void qc_fft(size_t n, const struct qc_complex *root, struct qc_complex *x)
{
    reverse_bits(n, x);
    for (size_t half = 1; half < n; half *= 2) {
        size_t stride = n / (2 * half);
        for (size_t i = 0; i < n; i += 2 * half)
            for (size_t k = 0; k < half; k++) {
                struct qc_complex w = root[k * stride], a = x[i + k], b = x[i + k + half];
                struct qc_complex t = {b.re * w.re - b.im * w.im, b.re * w.im + b.im * w.re};
                x[i + k] = (struct qc_complex){a.re + t.re, a.im + t.im};
                x[i + k + half] = (struct qc_complex){a.re - t.re, a.im - t.im};
            }
    }
}
