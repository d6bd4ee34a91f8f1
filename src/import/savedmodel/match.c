/*
 * match.c - looking back at what earlier nodes became, and shapes as operands. See match.h.
 */
#include "import/savedmodel/match.h"

#include <math.h>
#include <string.h>

bool qc_tf_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

struct qc_tensor *qc_tf_other_than(struct qc_tf_import *im, const struct qc_node *node, double value)
{
    double number;
    for (int i = 0; node && node->in_count == 2 && i < 2; i++)
        if (qc_tf_splat(im, node->in[i], &number) && qc_tf_near(number, value)) return node->in[1 - i];
    return NULL;
}

struct qc_tensor *qc_tf_partner(const struct qc_node *node, const struct qc_tensor *tensor)
{
    if (!node || node->in_count != 2 || (node->in[0] == tensor) == (node->in[1] == tensor)) return NULL;
    return node->in[node->in[0] == tensor];
}

struct qc_tensor *qc_tf_int32(struct qc_tf_step *s, int i)
{
    struct qc_tensor *tensor = qc_tf_any_tensor(s, i);
    int64_t value[64];
    int32_t narrow[64];
    if (!tensor) return NULL;
    int count = tensor->has_shape && tensor->rank <= 1 ? qc_tf_ints(s->im, tensor, QC_COUNT(value), value) : -1;
    if (count < 0) return qc_lower_cast(s->b, tensor, QC_INT32);
    for (int k = 0; k < count; k++) /* "to the end" is written as a huge number */
        narrow[k] = (int32_t)QC_MAX(QC_MIN(value[k], INT32_MAX), INT32_MIN);
    return qc_build_constant(s->b, "const", QC_INT32, tensor->rank, tensor->dims, narrow);
}

int qc_tf_axis(struct qc_tf_step *s, int i, int rank)
{
    int64_t axis = 0;
    struct qc_tensor *tensor = qc_tf_tensor(s, i);
    if (!tensor) return -1;
    if (!qc_tf_int(s->im, tensor, &axis) || qc_axis(axis, rank) < 0) {
        qc_tf_fail(s, QC_FORMAT, "axis %lld does not fit rank %d", (long long)axis, rank);
        return -1;
    }
    return qc_axis(axis, rank);
}

struct qc_tensor *qc_tf_reshape(struct qc_tf_step *s, struct qc_tensor *x, int rank, const struct qc_tf_number *size, struct qc_tensor *shape)
{
    struct qc_tf_number of[QC_MAX_RANK];
    int32_t dims[QC_MAX_RANK];
    int frees = 0, kept = 0, from = 0;
    if (!x->has_shape) return qc_lower_fail(s->b, QC_UNSUPPORTED, "the shape of what is reshaped depends on data");
    qc_tf_sizes(s->im, x, of);
    for (int i = 0; i < rank; i++) {
        bool fixed = size[i].value == size[i].other;
        if (size[i].value < 0 || size[i].value > INT32_MAX) return qc_lower_fail(s->b, QC_FORMAT, "a target size is %lld", (long long)size[i].value);
        dims[i] = (int32_t)size[i].value;
        if (fixed) continue;
        frees++;
        dims[i] = -1;
        for (int k = from; k < x->rank && dims[i] == -1; k++) /* sizes are kept in order where they are kept at all */
            if (of[k].value == size[i].value && of[k].other == size[i].other) {
                dims[i] = QC_KEEP(k);
                from = k + 1;
                kept++;
            }
    }
    bool same = rank == x->rank;
    for (int i = 0; i < rank && same; i++) same = of[i].value == size[i].value && of[i].other == size[i].other;
    if (same) return x;
    if (frees == 1)
        for (int i = 0; i < rank; i++)
            if (dims[i] < 0) dims[i] = -1;
    if (frees - kept > 1) {
        if (shape) return QC_BUILD(s->b, RESHAPE, NULL, x, qc_lower_cast(s->b, shape, QC_INT32));
        return qc_lower_fail(s->b, QC_UNSUPPORTED, "more than one size of the result is free");
    }
    return qc_lower_reshape(s->b, x, rank, dims);
}

struct qc_tensor *qc_tf_shape_of(struct qc_build *b, struct qc_tensor *x, qc_dtype type)
{
    QC_OPTIONS(b, ShapeOptions, options);
    if (!options || !x) return NULL;
    options->out_type = type == QC_INT64 ? tfl_TensorType_INT64 : tfl_TensorType_INT32;
    return QC_BUILD(b, SHAPE, options, x);
}
