/*
 * row.h - the shape of every elementwise kernel: one row of n results from one to three operands.
 *
 * step[k] is 1 if operand k advances with the result, 0 if its one element serves the whole row. `out` may be the same memory as an
 * operand whose step is 1 and whose elements are no smaller; it never overlaps one otherwise.
 */
#ifndef QC_KERNEL_ROW_H
#define QC_KERNEL_ROW_H

#include "kernel/kernel.h"

#define QC_ROW_INPUTS 3

typedef void qc_row_fn(const void *params, void *out, const void *const in[QC_ROW_INPUTS], const size_t step[QC_ROW_INPUTS], size_t n);

/* The next loop carries nothing from one round to the next, even where out is an operand. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* a loop that stays scalar is no fault */
#define QC_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define QC_IVDEP _Pragma("GCC ivdep")
#endif

/* static void name(...): out[i] = EXPR of x and y (type IN), with `P` as the parameter struct p points to. */
#define QC_BINARY_ROW(name, P, IN, OUT, EXPR)                                                                       \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)            \
    {                                                                                                               \
        const P *p = params;                                                                                        \
        const IN *a = in[0], *b = in[1];                                                                            \
        OUT *o = out;                                                                                               \
        (void)p;                                                                                                    \
        if (step[0] && step[1]) {                                                                                   \
            QC_IVDEP for (size_t i = 0; i < n; i++)                                                                 \
            {                                                                                                       \
                const IN x = a[i], y = b[i];                                                                        \
                o[i] = EXPR;                                                                                        \
            }                                                                                                       \
        } else if (step[0]) {                                                                                       \
            const IN y = *b;                                                                                        \
            QC_IVDEP for (size_t i = 0; i < n; i++)                                                                 \
            {                                                                                                       \
                const IN x = a[i];                                                                                  \
                o[i] = EXPR;                                                                                        \
            }                                                                                                       \
        } else {                                                                                                    \
            const IN x = *a;                                                                                        \
            const size_t by = step[1];                                                                              \
            QC_IVDEP for (size_t i = 0; i < n; i++)                                                                 \
            {                                                                                                       \
                const IN y = b[i * by];                                                                             \
                o[i] = EXPR;                                                                                        \
            }                                                                                                       \
        }                                                                                                           \
    }

/* The same as one loop for all steps, a third of the code: for operations whose speed matters less. */
#define QC_BINARY_ROW_PLAIN(name, P, IN, OUT, EXPR)                                                                 \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)            \
    {                                                                                                               \
        const P *p = params;                                                                                        \
        const IN *a = in[0], *b = in[1];                                                                            \
        OUT *o = out;                                                                                               \
        (void)p;                                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                                            \
            const IN x = a[i * step[0]], y = b[i * step[1]];                                                        \
            o[i] = EXPR;                                                                                            \
        }                                                                                                           \
    }

/* out[i] = EXPR of x. */
#define QC_UNARY_ROW(name, P, IN, OUT, EXPR)                                                                        \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)            \
    {                                                                                                               \
        const P *p = params;                                                                                        \
        const IN *a = in[0];                                                                                        \
        OUT *o = out;                                                                                               \
        (void)p, (void)step;                                                                                        \
        QC_IVDEP for (size_t i = 0; i < n; i++)                                                                     \
        {                                                                                                           \
            const IN x = a[i];                                                                                      \
            o[i] = EXPR;                                                                                            \
        }                                                                                                           \
    }

/* static void name(...): row with denormals as they are, for functions of libm (base/denormals.h). */
#define QC_KEEP_DENORMALS(name, row)                                                                              \
    static void name(const void *params, void *out, const void *const *in, const size_t *step, size_t n)          \
    {                                                                                                             \
        unsigned mode = qc_denormals_keep();                                                                      \
        row(params, out, in, step, n);                                                                            \
        qc_denormals_restore(mode);                                                                               \
    }

#endif
