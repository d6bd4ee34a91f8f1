/*
 * fourier.h - the Fourier transform of real numbers along the last axis.
 */
#ifndef QC_IMPORT_LOWER_FOURIER_H
#define QC_IMPORT_LOWER_FOURIER_H

#include "import/lower/shape.h"

enum qc_fourier_part { QC_FOURIER_REAL, QC_FOURIER_IMAGINARY, QC_FOURIER_MAGNITUDE };

/* One part of the transform of length n of x [..., any fixed size], cut or filled with zeros to n first: [..., n / 2 + 1]. */
struct qc_tensor *qc_lower_fourier(struct qc_build *b, struct qc_tensor *x, int32_t n, enum qc_fourier_part part);

#endif
