/*
 * dot_f32.c - choosing and splitting of products of one row. See dot_f32.h.
 */
#include "kernel/dot_f32.h"

extern const struct qc_dot_f32 qc_dot_f32_ref, qc_dot_f32_avx2, qc_dot_f32_neon;

static const struct qc_dot_f32 *const variant[] = {
    &qc_dot_f32_ref,
#if QC_X86
    &qc_dot_f32_avx2,
#elif QC_ARM
    &qc_dot_f32_neon,
#endif
};

const struct qc_dot_f32 *const *qc_dot_f32_variants(size_t *count)
{
    *count = sizeof variant / sizeof *variant;
    return variant;
}

const struct qc_dot_f32 *qc_dot_f32_pick(uint32_t features)
{
    const struct qc_dot_f32 *chosen;
    QC_PICK(variant, features, chosen);
    return chosen;
}

static void run_columns(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_dot_f32_call *call = context;
    (void)thread;
    call->kernel->columns(call, begin, end);
}

void qc_dot_f32_run(const struct qc_dot_f32_call *call, struct qc_pool *pool)
{
    enum { PIECE = 32768 }; /* weights: some 10 us */
    qc_pool_for(pool, call->columns, (PIECE / (call->k + 1) + 8) / 8 * 8, run_columns, (void *)(uintptr_t)call);
}
