/*
 * fft.h - the discrete Fourier transform of a power of two of complex numbers, forward, in double precision (radix 2, in place).
 */
#ifndef QC_KERNEL_FFT_H
#define QC_KERNEL_FFT_H

#include <stddef.h>

struct qc_complex {
    double re, im;
};

/* root[k] = e^(-2 pi i k / n), k < n / 2. */
void qc_fft_roots(size_t n, struct qc_complex *root);
/* x[k] becomes the sum of x[j] e^(-2 pi i j k / n). n is a power of two. */
void qc_fft(size_t n, const struct qc_complex *root, struct qc_complex *x);

#endif
