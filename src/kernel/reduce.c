/* reduce.c - see reduce.h. */
#include "kernel/reduce.h"

QC_VECTORIZE
#include "kernel/reduce_template.h"

#define WRAP_PROD(U) (U) a * (U)x
#define MIN x < a ? x : a

REDUCE(prod_f32, float, float, 1, a *x)
REDUCE(min_f32, float, float, INFINITY, MIN)
REDUCE(sum_s32, int32_t, int32_t, 0, WRAP_SUM(uint32_t))
REDUCE(sum_s64, int64_t, int64_t, 0, WRAP_SUM(uint64_t))
REDUCE(mean_s32, int32_t, int64_t, 0, WRAP_SUM(uint64_t))
REDUCE(prod_s8, int8_t, int8_t, 1, WRAP_PROD(uint32_t))
REDUCE(prod_u8, uint8_t, uint8_t, 1, WRAP_PROD(uint32_t))
REDUCE(prod_s16, int16_t, int16_t, 1, WRAP_PROD(uint32_t))
REDUCE(prod_s32, int32_t, int32_t, 1, WRAP_PROD(uint32_t))
REDUCE(prod_s64, int64_t, int64_t, 1, WRAP_PROD(uint64_t))
REDUCE(min_s8, int8_t, int8_t, INT8_MAX, MIN)
REDUCE(max_u8, uint8_t, uint8_t, 0, MAX)
REDUCE(min_u8, uint8_t, uint8_t, UINT8_MAX, MIN)
REDUCE(min_s16, int16_t, int16_t, INT16_MAX, MIN)
REDUCE(max_s32, int32_t, int32_t, INT32_MIN, MAX)
REDUCE(min_s32, int32_t, int32_t, INT32_MAX, MIN)
REDUCE(max_s64, int64_t, int64_t, INT64_MIN, MAX)
REDUCE(min_s64, int64_t, int64_t, INT64_MAX, MIN)
REDUCE(any_bool, uint8_t, uint8_t, 0, a || x)
REDUCE(all_bool, uint8_t, uint8_t, 1, a && x)

static const int64_t qprod_start = INT64_MIN;

static inline int64_t qprod_one(const struct qc_reduce_qprod *p, int64_t a, int32_t x)
{
    if (a == qprod_start) return x - p->zero;
    return qc_requant_wide(a * (x - p->zero), p->scale);
}

#define QPROD(name, T)                                                                          \
    static void name##_fold(const void *params, void *accumulator, const void *in, size_t n)    \
    {                                                                                           \
        int64_t *a = accumulator;                                                               \
        for (size_t i = 0; i < n; i++) *a = qprod_one(params, *a, ((const T *)in)[i]);          \
    }                                                                                           \
    static void name##_merge(const void *params, void *accumulators, const void *in, size_t n)  \
    {                                                                                           \
        int64_t *a = accumulators;                                                              \
        for (size_t i = 0; i < n; i++) a[i] = qprod_one(params, a[i], ((const T *)in)[i]);      \
    }
QPROD(qprod_s8, int8_t)
QPROD(qprod_s16, int16_t)

#define NUMBERS(name)                                                                                            \
    [QC_FLOAT32] = ROW(name##_f32), [QC_INT8] = ROW(name##_s8), [QC_UINT8] = ROW(name##_u8), [QC_INT16] = ROW(name##_s16), \
    [QC_INT32] = ROW(name##_s32), [QC_INT64] = ROW(name##_s64)

static const struct qc_reduce rows[QC_REDUCE_OPS][QC_DTYPE_COUNT] = {
    [QC_REDUCE_SUM] = {NUMBERS(sum)},
    [QC_REDUCE_MEAN] = {[QC_FLOAT32] = ROW(sum_f32), [QC_INT8] = ROW(sum_s8), [QC_UINT8] = ROW(sum_u8), [QC_INT16] = ROW(sum_s16),
                        [QC_INT32] = ROW(mean_s32), [QC_INT64] = ROW(sum_s64)},
    [QC_REDUCE_PROD] = {NUMBERS(prod)},
    [QC_REDUCE_MAX] = {NUMBERS(max)},
    [QC_REDUCE_MIN] = {NUMBERS(min)},
    [QC_REDUCE_ANY] = {[QC_BOOL] = ROW(any_bool)},
    [QC_REDUCE_ALL] = {[QC_BOOL] = ROW(all_bool)},
    [QC_REDUCE_QPROD] = {[QC_INT8] = {sizeof qprod_start, &qprod_start, qprod_s8_fold, qprod_s8_merge},
                         [QC_INT16] = {sizeof qprod_start, &qprod_start, qprod_s16_fold, qprod_s16_merge}},
};

#if QC_X86
extern const struct qc_reduce_rows qc_reduce_avx2;
#endif

const struct qc_reduce *qc_reduce_pick(enum qc_reduce_op op, qc_dtype type)
{
#if QC_X86
    const struct qc_reduce_rows *fast = &qc_reduce_avx2;
    if (!(fast->variant.cpu & ~qc_cpu_features()) && fast->row[op][type].width) return &fast->row[op][type];
#endif
    return &rows[op][type];
}
