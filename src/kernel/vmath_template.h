/*
 * vmath_template.h - the array functions of vmath.h over the vector of the simd_*.h included before.
 */
#include "kernel/vmath.h"
#include "kernel/vmath_inline.h"

#define QC_MAP(name, function)                                              \
    static void name(size_t n, const float *x, float *y)                    \
    {                                                                       \
        size_t i = 0;                                                       \
        for (; i + vf_width <= n; i += vf_width) vf_store(y + i, function(vf_load(x + i))); \
        if (i < n) vf_store_to(y + i, function(vf_load_to(x + i, n - i)), n - i);           \
    }

QC_MAP(exp_map, vf_exp)
QC_MAP(logistic_map, vf_logistic)
QC_MAP(tanh_map, vf_tanh)
QC_MAP(hard_swish_map, vf_hard_swish)
QC_MAP(elu_map, vf_elu)
QC_MAP(gelu_map, vf_gelu)
QC_MAP(gelu_tanh_map, vf_gelu_tanh)

/* `vectors` vectors of sums in registers; the last may be cut to `count`. */
QC_INLINE void add_columns(size_t rows, size_t n, const float *x, float *sum, const int vectors, const size_t count)
{
    vf total[4];
    QC_UNROLL
    for (int j = 0; j < vectors; j++) total[j] = count ? vf_load_to(sum, count) : vf_load(sum + j * vf_width);
    for (size_t r = 0; r < rows; r++, x += n) {
        QC_UNROLL
        for (int j = 0; j < vectors; j++) total[j] = vf_add(total[j], count ? vf_load_to(x, count) : vf_load(x + j * vf_width));
    }
    QC_UNROLL
    for (int j = 0; j < vectors; j++)
        if (count) vf_store_to(sum, total[j], count);
        else vf_store(sum + j * vf_width, total[j]);
}

static void add_rows(size_t rows, size_t n, const float *x, float *sum)
{
    size_t i = 0;
    for (; i + 4 * vf_width <= n; i += 4 * vf_width) add_columns(rows, n, x + i, sum + i, 4, 0);
    for (; i + vf_width <= n; i += vf_width) add_columns(rows, n, x + i, sum + i, 1, 0);
    if (i < n) add_columns(rows, n, x + i, sum + i, 1, n - i);
}

static void softmax_row(size_t n, const float *x, float beta, float *y)
{
    const size_t whole = n - n % vf_width, rest = n - whole;
    vf top = vf_set1(x[0]);
    for (size_t i = 0; i < whole; i += vf_width) top = vf_max(vf_load(x + i), top);
    float most = vf_reduce_max(top);
    for (size_t i = whole; i < n; i++) most = x[i] > most ? x[i] : most;

    const vf shift = vf_set1(most), slope = vf_set1(beta);
    vf total = vf_zero();
    for (size_t i = 0; i < whole; i += vf_width) {
        const vf e = vf_exp(vf_mul(vf_sub(vf_load(x + i), shift), slope));
        vf_store(y + i, e);
        total = vf_add(total, e);
    }
    float sum = vf_sum(total);
    if (rest) {
        vf_store_to(y + whole, vf_exp(vf_mul(vf_sub(vf_load_to(x + whole, rest), shift), slope)), rest);
        for (size_t i = whole; i < n; i++) sum += y[i];
    }
    const vf factor = vf_set1(1.0f / sum);
    for (size_t i = 0; i < whole; i += vf_width) vf_store(y + i, vf_mul(vf_load(y + i), factor));
    if (rest) vf_store_to(y + whole, vf_mul(vf_load_to(y + whole, rest), factor), rest);
}

#define QC_VMATH_ROW(isa, bits)                 \
    extern const struct qc_vmath qc_vmath_##isa; \
    const struct qc_vmath qc_vmath_##isa = {{#isa, bits}, exp_map, logistic_map, tanh_map, hard_swish_map, elu_map, gelu_map, gelu_tanh_map, add_rows, softmax_row};
