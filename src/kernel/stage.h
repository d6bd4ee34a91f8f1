/*
 * stage.h - the last stage of integer kernels: accumulator of one channel -> stored number of the output.
 */
#ifndef QC_KERNEL_STAGE_H
#define QC_KERNEL_STAGE_H

#include "base/requant.h"

#include <stddef.h>

enum qc_rounding { /* see base/requant.h */
    QC_ROUND_TWICE,
    QC_ROUND_UP,
    QC_ROUND_VECTORS, /* up in whole vectors, twice in the rest: TFLite's depthwise and transposed convolutions */
    QC_ROUND_ONCE,
    QC_ROUND_F32, /* XNNPACK */
    QC_ROUND_F64,
};

struct qc_stage {
    enum qc_rounding rounding;
    const struct qc_multiplier *multiplier; /* [channels], of QC_ROUND_TWICE, _UP, _VECTORS and _ONCE */
    const float *scale;                     /* [channels], of QC_ROUND_F32 */
    const double *scale64;                  /* [channels], of QC_ROUND_F64 */
    size_t whole;                           /* of QC_ROUND_VECTORS: channels in whole vectors; of uint8: elements of the output */
    int32_t zero_point, low, high;          /* of the output; low <= high */
};

static inline int32_t qc_stage_s32(const struct qc_stage *stage, int32_t accumulator, size_t channel)
{
    if (stage->rounding == QC_ROUND_F32)
        return qc_requant_f32(accumulator, stage->scale[channel], stage->zero_point, stage->low, stage->high);
    int32_t scaled;
    if (stage->rounding == QC_ROUND_F64) scaled = qc_requant_f64(accumulator, stage->scale64[channel]);
    else if (stage->rounding == QC_ROUND_UP || (stage->rounding == QC_ROUND_VECTORS && channel < stage->whole)) scaled = qc_requant_up(accumulator, stage->multiplier[channel]);
    else if (stage->rounding == QC_ROUND_ONCE) scaled = qc_requant_once(accumulator, stage->multiplier[channel]);
    else scaled = qc_requant(accumulator, stage->multiplier[channel]);
    return qc_clamp((int32_t)((uint32_t)scaled + (uint32_t)stage->zero_point), stage->low, stage->high);
}

/* 64-bit accumulators: QC_ROUND_F64, or as TFLite's 16x8 kernels round (qc_requant_wide). */
static inline int32_t qc_stage_s64(const struct qc_stage *stage, int64_t accumulator, size_t channel)
{
    int32_t scaled = stage->rounding == QC_ROUND_F64 ? qc_requant_f64(accumulator, stage->scale64[channel])
                                                     : qc_requant_wide(accumulator, stage->multiplier[channel]);
    return qc_clamp((int32_t)((uint32_t)scaled + (uint32_t)stage->zero_point), stage->low, stage->high);
}

#endif
