/*
 * fourier.c - see fourier.h. RFFT2D of one row where its lengths are powers of two, as it wants; else products with constant matrices.
 */
#include "import/lower/fourier.h"
#include "import/lower/conv.h"
#include "import/lower/dense.h"

#include <math.h>

enum { LONGEST_FFT = 1 << 16, LONGEST_PRODUCT = 4096 };

/* [n, n / 2 + 1]: the real or imaginary part of e^(-2 pi i k t / n), each angle reduced first so that it is exact. */
static struct qc_weight matrix(struct qc_build *b, int32_t n, bool imaginary)
{
    const double turn = 2 * 3.14159265358979323846;
    int32_t columns = n / 2 + 1;
    float *data = qc_arena_array(&b->graph->model->arena, (size_t)n * (size_t)columns, sizeof *data);
    for (int32_t t = 0; data && t < n; t++)
        for (int32_t k = 0; k < columns; k++) {
            double angle = turn * (double)((int64_t)t * k % n) / n;
            data[(size_t)t * (size_t)columns + (size_t)k] = (float)(imaginary ? -sin(angle) : cos(angle));
        }
    return (struct qc_weight){data, 2, {n, columns}};
}

static struct qc_tensor *by_product(struct qc_build *b, struct qc_tensor *x, int32_t n, bool imaginary)
{
    struct qc_weight weight = matrix(b, n, imaginary);
    return weight.data ? qc_lower_dense(b, x, &weight, &(struct qc_weight){0}, NULL) : NULL;
}

static struct qc_tensor *by_fft(struct qc_build *b, struct qc_tensor *x, int32_t n, enum qc_fourier_part part)
{
    static const int code[] = {tfl_BuiltinOperator_REAL, tfl_BuiltinOperator_IMAG, tfl_BuiltinOperator_COMPLEX_ABS};
    int32_t row[QC_MAX_RANK], result[QC_MAX_RANK], last = x->rank - 1;
    for (int i = 0; i < last; i++) row[i] = result[i] = QC_KEEP(i);
    row[last] = 1;
    row[last + 1] = n;
    result[last] = n / 2 + 1;
    x = QC_BUILD(b, RFFT2D, NULL, qc_lower_reshape(b, x, last + 2, row), qc_build_i32s(b, 2, (int32_t[]){1, n}));
    return qc_lower_reshape(b, qc_build_unary(b, code[part], x), last + 1, result);
}

struct qc_tensor *qc_lower_fourier(struct qc_build *b, struct qc_tensor *x, int32_t n, enum qc_fourier_part part)
{
    if (!x || qc_build_status(b)) return NULL;
    int last = x->rank - 1;
    bool power = n > 1 && !(n & (n - 1)) && x->rank < QC_MAX_RANK;
    if (last < 0 || qc_lower_is_free(b, x, last) || x->dims[last] < 1 || n < 1 || n > (power ? LONGEST_FFT : LONGEST_PRODUCT))
        return qc_lower_fail(b, QC_UNSUPPORTED, "a Fourier transform of length %d: the axis must be of fixed size, the length a power of two up to %d or another up to %d",
                             n, LONGEST_FFT, LONGEST_PRODUCT);
    if (x->dims[last] > n) x = qc_lower_slice(b, x, last, 0, n);
    else if (x->dims[last] < n) x = qc_lower_pad(b, x, last, 1, (const int32_t[][2]){{0, n - x->dims[last]}});
    if (!x) return NULL;
    if (power) return by_fft(b, x, n, part);
    if (part != QC_FOURIER_MAGNITUDE) return by_product(b, x, n, part == QC_FOURIER_IMAGINARY);
    struct qc_tensor *real = qc_build_unary(b, tfl_BuiltinOperator_SQUARE, by_product(b, x, n, false));
    struct qc_tensor *imaginary = qc_build_unary(b, tfl_BuiltinOperator_SQUARE, by_product(b, x, n, true));
    return qc_build_unary(b, tfl_BuiltinOperator_SQRT, qc_build_binary(b, tfl_BuiltinOperator_ADD, real, imaginary));
}
