/*
 * layers_pool.c - pooling.
 */
#include "import/keras/tables.h"
#include "import/lower/pool.h"

#include <string.h>

static void pool(struct qc_keras_call *call, enum qc_pool_kind kind, int rank)
{
    struct qc_pool_spec spec = {.kind = kind, .rank = rank, .channels_first = qc_keras_channels_first(call)};
    for (int i = 0; i < rank; i++) spec.size[i] = 2;
    qc_keras_ints(call, "pool_size", rank, spec.size, 1, INT32_MAX);
    if (!qc_keras_ints(call, "strides", rank, spec.stride, 1, INT32_MAX)) memcpy(spec.stride, spec.size, sizeof spec.size);
    const char *padding = qc_keras_text(call, "padding", "valid");
    if (!strcmp(padding, "same")) spec.padding = QC_PADDING_SAME;
    else if (strcmp(padding, "valid")) qc_keras_fail(call, QC_FORMAT, "padding '%.40s' is neither valid nor same", padding);
    qc_keras_return(call, qc_lower_pool(call->b, qc_keras_in_rank(call, 0, rank + 2), &spec));
}

static void max1d(struct qc_keras_call *call) { pool(call, QC_POOL_MAX, 1); }
static void max2d(struct qc_keras_call *call) { pool(call, QC_POOL_MAX, 2); }
static void max3d(struct qc_keras_call *call) { pool(call, QC_POOL_MAX, 3); }
static void average1d(struct qc_keras_call *call) { pool(call, QC_POOL_AVERAGE, 1); }
static void average2d(struct qc_keras_call *call) { pool(call, QC_POOL_AVERAGE, 2); }
static void average3d(struct qc_keras_call *call) { pool(call, QC_POOL_AVERAGE, 3); }

static void global(struct qc_keras_call *call, enum qc_pool_kind kind, int rank)
{
    struct qc_tensor *mask = kind == QC_POOL_AVERAGE && rank == 1 ? qc_keras_mask(call, 0) : NULL; /* only this one honours it */
    qc_keras_return(call, qc_lower_global_pool(call->b, qc_keras_in_rank(call, 0, rank + 2), kind, qc_keras_channels_first(call),
                                               qc_keras_bool(call, "keepdims", false), mask));
}

static void global_max1d(struct qc_keras_call *call) { global(call, QC_POOL_MAX, 1); }
static void global_max2d(struct qc_keras_call *call) { global(call, QC_POOL_MAX, 2); }
static void global_max3d(struct qc_keras_call *call) { global(call, QC_POOL_MAX, 3); }
static void global_average1d(struct qc_keras_call *call) { global(call, QC_POOL_AVERAGE, 1); }
static void global_average2d(struct qc_keras_call *call) { global(call, QC_POOL_AVERAGE, 2); }
static void global_average3d(struct qc_keras_call *call) { global(call, QC_POOL_AVERAGE, 3); }

static void adaptive(struct qc_keras_call *call, enum qc_pool_kind kind, int rank)
{
    int32_t size[3] = {0};
    qc_keras_ints(call, "output_size", rank, size, 1, INT32_MAX);
    if (!size[0]) {
        qc_keras_fail(call, QC_FORMAT, "its configuration has no output_size");
        return;
    }
    qc_keras_return(call, qc_lower_adaptive_pool(call->b, qc_keras_in_rank(call, 0, rank + 2), kind, qc_keras_channels_first(call), size));
}

static void adaptive_max1d(struct qc_keras_call *call) { adaptive(call, QC_POOL_MAX, 1); }
static void adaptive_max2d(struct qc_keras_call *call) { adaptive(call, QC_POOL_MAX, 2); }
static void adaptive_max3d(struct qc_keras_call *call) { adaptive(call, QC_POOL_MAX, 3); }
static void adaptive_average1d(struct qc_keras_call *call) { adaptive(call, QC_POOL_AVERAGE, 1); }
static void adaptive_average2d(struct qc_keras_call *call) { adaptive(call, QC_POOL_AVERAGE, 2); }
static void adaptive_average3d(struct qc_keras_call *call) { adaptive(call, QC_POOL_AVERAGE, 3); }

const struct qc_keras_class qc_keras_layers_pool[] = {
    {"MaxPooling1D", NULL, 0, max1d},
    {"MaxPooling2D", NULL, 0, max2d},
    {"MaxPooling3D", NULL, 0, max3d},
    {"AveragePooling1D", NULL, 0, average1d},
    {"AveragePooling2D", NULL, 0, average2d},
    {"AveragePooling3D", NULL, 0, average3d},
    {"GlobalMaxPooling1D", NULL, 0, global_max1d},
    {"GlobalMaxPooling2D", NULL, 0, global_max2d},
    {"GlobalMaxPooling3D", NULL, 0, global_max3d},
    {"GlobalAveragePooling1D", NULL, 0, global_average1d},
    {"GlobalAveragePooling2D", NULL, 0, global_average2d},
    {"GlobalAveragePooling3D", NULL, 0, global_average3d},
    {"AdaptiveMaxPooling1D", NULL, 0, adaptive_max1d},
    {"AdaptiveMaxPooling2D", NULL, 0, adaptive_max2d},
    {"AdaptiveMaxPooling3D", NULL, 0, adaptive_max3d},
    {"AdaptiveAveragePooling1D", NULL, 0, adaptive_average1d},
    {"AdaptiveAveragePooling2D", NULL, 0, adaptive_average2d},
    {"AdaptiveAveragePooling3D", NULL, 0, adaptive_average3d},
    {0},
};
