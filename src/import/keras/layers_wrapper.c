/*
 * layers_wrapper.c - layers around others: TimeDistributed, Pipeline, SpectralNormalization. (Bidirectional and RNN: layers_recurrent.c.)
 */
#include "import/keras/tables.h"

#include <string.h>

/* Layers one after another. */
static void pipeline(struct qc_keras_call *call)
{
    struct qc_keras_value *value = call->in;
    int count = call->in_count;
    if (!qc_keras_in(call, 0)) return;
    for (int i = 0; i < call->layer->child_count; i++)
        if (qc_keras_apply(call, call->layer->child[i], count, value, &value, &count)) return;
    for (int i = 0; i < count; i++) qc_keras_return_masked(call, value[i].tensor, value[i].mask);
}

/* [steps, ...] back to [B, T, ...] of x. */
static struct qc_tensor *unfold(struct qc_build *b, struct qc_tensor *y, struct qc_tensor *x)
{
    int32_t dims[QC_MAX_RANK] = {-1, x->dims[1]};
    if (!y || y->rank + 1 > QC_MAX_RANK) return NULL;
    for (int i = 1; i < y->rank; i++) dims[i + 1] = QC_KEEP(i);
    if (!qc_lower_is_free(b, x, 1)) return qc_lower_reshape(b, y, y->rank + 1, dims);
    struct qc_tensor *front = qc_lower_slice(b, qc_lower_shape(b, x), 0, 0, 2);
    struct qc_tensor *rest = qc_lower_slice(b, qc_lower_shape(b, y), 0, 1, INT32_MAX);
    return QC_BUILD(b, RESHAPE, NULL, y, qc_lower_concat(b, 2, (struct qc_tensor *[]){front, rest}, 0));
}

/* Every step goes through the inner layer as if it were a sample of the batch. */
static void time_distributed(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    int32_t dims[QC_MAX_RANK] = {-1};
    struct qc_keras_value in = {NULL, NULL}, *out;
    int count;
    if (!x) return;
    if (x->rank < 2) {
        qc_keras_fail(call, QC_FORMAT, "its input has %d dimensions, not at least 2", x->rank);
        return;
    }
    for (int i = 2; i < x->rank; i++) dims[i - 1] = QC_KEEP(i);
    in.tensor = qc_lower_reshape(call->b, x, x->rank - 1, dims);
    if (!in.tensor || qc_keras_apply(call, call->layer->child[0], 1, &in, &out, &count)) return;
    for (int i = 0; i < count; i++) qc_keras_return(call, unfold(call->b, out[i].tensor, x));
}

/* At inference the wrapped layer as its weights are stored: they were normalized when they were trained. */
static void wrapper(struct qc_keras_call *call)
{
    struct qc_keras_value *out;
    int count;
    if (!qc_keras_in(call, 0) || qc_keras_apply(call, call->layer->child[0], call->in_count, call->in, &out, &count)) return;
    for (int i = 0; i < count; i++) qc_keras_return_masked(call, out[i].tensor, out[i].mask);
}

const struct qc_keras_class qc_keras_layers_wrapper[] = {
    {"TimeDistributed", NULL, QC_KERAS_MASK_PASSES, time_distributed},
    {"Pipeline", NULL, 0, pipeline},
    {"Wrapper", NULL, 0, wrapper},
    {"SpectralNormalization", ".vector_u", 0, wrapper},
    {0},
};
