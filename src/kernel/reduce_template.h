/*
 * reduce_template.h - the rows of reduce.h whose speed matters most, compiled once for each instruction set by the files that include it. Bits do not
 * depend on the instruction set.
 */
#include "kernel/reduce.h"
#include <math.h>

enum { LANES = 16 };

/* EXPR combines an accumulator a and a number x, both of type A. */
#define REDUCE(name, T, A, START, EXPR)                                                     \
    static const A name##_start = START;                                                    \
    static inline A name##_one(A a, A x)                                                    \
    {                                                                                       \
        return (A)(EXPR);                                                                   \
    }                                                                                       \
    static void name##_fold(const void *params, void *accumulator, const void *in, size_t n) \
    {                                                                                       \
        const T *x = in;                                                                    \
        A *a = accumulator, lane[LANES];                                                    \
        size_t i = 0;                                                                       \
        (void)params;                                                                       \
        if (n >= LANES) {                                                                   \
            for (int k = 0; k < LANES; k++) lane[k] = START;                                \
            for (; i + LANES <= n; i += LANES)                                              \
                for (int k = 0; k < LANES; k++) lane[k] = name##_one(lane[k], x[i + (size_t)k]); \
            for (int k = 0; k < LANES; k++) *a = name##_one(*a, lane[k]);                   \
        }                                                                                   \
        for (; i < n; i++) *a = name##_one(*a, x[i]);                                       \
    }                                                                                       \
    static void name##_merge(const void *params, void *accumulators, const void *in, size_t n) \
    {                                                                                       \
        const T *x = in;                                                                    \
        A *a = accumulators;                                                                \
        (void)params;                                                                       \
        for (size_t i = 0; i < n; i++) a[i] = name##_one(a[i], x[i]);                       \
    }

#define WRAP_SUM(U) (U) a + (U)x
#define MAX x > a ? x : a

REDUCE(sum_f32, float, float, 0, a + x)
REDUCE(sum_s8, int8_t, int32_t, 0, WRAP_SUM(uint32_t))
REDUCE(sum_u8, uint8_t, int32_t, 0, WRAP_SUM(uint32_t))
REDUCE(sum_s16, int16_t, int32_t, 0, WRAP_SUM(uint32_t))
REDUCE(max_f32, float, float, -INFINITY, MAX)
REDUCE(max_s8, int8_t, int8_t, INT8_MIN, MAX)
REDUCE(max_s16, int16_t, int16_t, INT16_MIN, MAX)

#define ROW(name) {sizeof name##_start, &name##_start, name##_fold, name##_merge}
#define SUMS [QC_FLOAT32] = ROW(sum_f32), [QC_INT8] = ROW(sum_s8), [QC_UINT8] = ROW(sum_u8), [QC_INT16] = ROW(sum_s16)
