/*
 * stage.h - the last stage of integer kernels: accumulator of one channel -> stored number of the output.
 */
#ifndef QC_KERNEL_STAGE_H
#define QC_KERNEL_STAGE_H

#include "base/requant.h"

#include <stddef.h>

enum qc_rounding { /* see base/requant.h */
    QC_ROUND_TWICE,
    QC_ROUND_ONCE,
    QC_ROUND_F32, /* XNNPACK */
};

struct qc_stage {
    enum qc_rounding rounding;
    const struct qc_multiplier *multiplier; /* [channels], unless QC_ROUND_F32 */
    const float *scale;                     /* [channels], of QC_ROUND_F32 */
    int32_t zero_point, low, high;          /* of the output; low <= high */
};

static inline int32_t qc_stage_s32(const struct qc_stage *stage, int32_t accumulator, size_t channel)
{
    if (stage->rounding == QC_ROUND_F32)
        return qc_requant_f32(accumulator, stage->scale[channel], stage->zero_point, stage->low, stage->high);
    struct qc_multiplier m = stage->multiplier[channel];
    int32_t scaled = stage->rounding == QC_ROUND_ONCE ? qc_requant_once(accumulator, m) : qc_requant(accumulator, m);
    return qc_clamp((int32_t)((uint32_t)scaled + (uint32_t)stage->zero_point), stage->low, stage->high);
}

/* 64-bit accumulators, rounded as TFLite's 16x8 kernels do. */
static inline int32_t qc_stage_s64(const struct qc_stage *stage, int64_t accumulator, size_t channel)
{
    int32_t scaled = qc_requant_wide(accumulator, stage->multiplier[channel]);
    return qc_clamp((int32_t)((uint32_t)scaled + (uint32_t)stage->zero_point), stage->low, stage->high);
}

#endif
