/*
 * pool.h - pooling of one to three dimensions.
 */
#ifndef QC_IMPORT_LOWER_POOL_H
#define QC_IMPORT_LOWER_POOL_H

#include "import/lower/conv.h"

enum qc_pool_kind { QC_POOL_MAX, QC_POOL_AVERAGE };

struct qc_pool_spec {
    enum qc_pool_kind kind;
    int rank;
    int32_t size[3], stride[3]; /* stride 0: the size */
    enum qc_conv_padding padding;    /* VALID or SAME; averages never count padding */
    bool channels_first;
};

struct qc_tensor *qc_lower_pool(struct qc_build *b, struct qc_tensor *x, const struct qc_pool_spec *spec);
/* Over all spatial axes (rank of x less 2). mask: bool [B, T] for a masked 1-D average, or NULL. */
struct qc_tensor *qc_lower_global_pool(struct qc_build *b, struct qc_tensor *x, enum qc_pool_kind kind, bool channels_first,
                                       bool keep_dims, struct qc_tensor *mask);
/* output_size[axis] bins [floor(i n / o), ceil((i + 1) n / o)). */
struct qc_tensor *qc_lower_adaptive_pool(struct qc_build *b, struct qc_tensor *x, enum qc_pool_kind kind, bool channels_first,
                                         const int32_t *output_size);

#endif
