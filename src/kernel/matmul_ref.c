/*
 * matmul_ref.c - see matmul.h.
 */
#include "kernel/matmul.h"

#define DEFINE_SUM(NAME, X, W, SUM)                                                                                        \
    static SUM NAME(const struct qc_matmul *m, const X *x, SUM x_zero, const W *w, SUM w_zero)                             \
    {                                                                                                                      \
        SUM sum = 0;                                                                                                       \
        for (size_t p = 0; p < m->depth; p++) sum += ((SUM)x[p * m->x_depth] - x_zero) * ((SUM)w[p * m->w_depth] - w_zero); \
        return sum;                                                                                                        \
    }

DEFINE_SUM(sum_f32, float, float, float)
DEFINE_SUM(sum_s8, int8_t, int8_t, uint32_t)
DEFINE_SUM(sum_s16, int16_t, int16_t, uint64_t)
DEFINE_SUM(sum_s16_s8, int16_t, int8_t, uint64_t)

/* Runs STORE for every element of the rows; it sees i, j and the operands' first elements xi and wj. */
#define EACH(X, W, STORE)                                             \
    for (size_t i = begin; i < end; i++)                              \
        for (size_t j = 0; j < m->columns; j++) {                     \
            const X *xi = x + i * m->x_row;                           \
            const W *wj = w + j * m->w_column;                        \
            y[i * m->columns + j] = STORE;                            \
        }

void qc_matmul_f32_ref(const struct qc_matmul *m, const float *x, const float *w, float *y, size_t begin, size_t end)
{
    EACH(float, float, sum_f32(m, xi, 0, wj, 0))
}

void qc_matmul_s8_ref(const struct qc_matmul *m, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero,
                      const struct qc_stage *stage, int8_t *y, size_t begin, size_t end)
{
    EACH(int8_t, int8_t, (int8_t)qc_stage_s32(stage, (int32_t)sum_s8(m, xi, (uint32_t)x_zero, wj, (uint32_t)w_zero), 0))
}

void qc_matmul_s32_ref(const struct qc_matmul *m, const int8_t *x, int32_t x_zero, const int8_t *w, int32_t w_zero, int32_t *y,
                       size_t begin, size_t end)
{
    EACH(int8_t, int8_t, (int32_t)sum_s8(m, xi, (uint32_t)x_zero, wj, (uint32_t)w_zero))
}

void qc_matmul_s16_ref(const struct qc_matmul *m, const int16_t *x, const int16_t *w, const struct qc_stage *stage, int16_t *y,
                       size_t begin, size_t end)
{
    EACH(int16_t, int16_t, (int16_t)qc_stage_s64(stage, (int64_t)sum_s16(m, xi, 0, wj, 0), 0))
}

void qc_matmul_s16_s8_ref(const struct qc_matmul *m, const int16_t *x, const int8_t *w, const struct qc_stage *stage, int16_t *y,
                          size_t begin, size_t end)
{
    EACH(int16_t, int8_t, (int16_t)qc_stage_s64(stage, (int64_t)sum_s16_s8(m, xi, 0, wj, 0), 0))
}

void qc_matmul_hybrid_ref(const struct qc_matmul *m, const int8_t *x, const float *x_scale, const int32_t *x_zero, const int8_t *w,
                          float w_scale, float *y, size_t begin, size_t end)
{
    EACH(int8_t, int8_t, (float)(int32_t)sum_s8(m, xi, (uint32_t)x_zero[i], wj, 0) * x_scale[i] * w_scale)
}
