/*
 * layers_activation.c - activation layers.
 */
#include "import/keras/tables.h"

#include <math.h>
#include <string.h>

static void activation(struct qc_keras_call *call)
{
    struct qc_activation function;
    qc_keras_activation(call, "activation", &function);
    qc_keras_return(call, qc_lower_activation(call->b, qc_keras_in(call, 0), &function));
}

static void apply(struct qc_keras_call *call, struct qc_activation function)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    if (x && x->type != QC_FLOAT32) x = qc_lower_cast(call->b, x, QC_FLOAT32);
    qc_keras_return(call, qc_lower_activation(call->b, x, &function));
}

static void relu(struct qc_keras_call *call)
{
    apply(call, (struct qc_activation){QC_ACT_RELU, (float)qc_keras_number(call, "negative_slope", 0), (float)qc_keras_number(call, "threshold", 0),
                                       (float)qc_keras_number(call, "max_value", INFINITY), 0});
}

static void leaky_relu(struct qc_keras_call *call)
{
    apply(call, (struct qc_activation){QC_ACT_RELU, (float)qc_keras_number(call, "negative_slope", 0.3), 0, INFINITY, 0});
}

static void thresholded_relu(struct qc_keras_call *call)
{
    apply(call, (struct qc_activation){QC_ACT_RELU, 0, (float)qc_keras_number(call, "theta", 1), INFINITY, 0});
}

static void elu(struct qc_keras_call *call)
{
    apply(call, (struct qc_activation){.kind = QC_ACT_ELU, .alpha = (float)qc_keras_number(call, "alpha", 1)});
}

static void prelu(struct qc_keras_call *call)
{
    struct qc_weight alpha = qc_keras_weight(call, "alpha");
    if (!alpha.data) alpha = qc_keras_weight(call, "alphas");
    qc_keras_return(call, qc_lower_prelu(call->b, qc_keras_in(call, 0), &alpha));
}

static void softmax(struct qc_keras_call *call)
{
    struct qc_tensor *x = qc_keras_in(call, 0);
    struct qc_keras_value mask = {qc_keras_mask(call, 0), NULL};
    int32_t axes[QC_MAX_RANK];
    if (!x) return;
    if (call->in_count > 1) mask.tensor = call->in[1].tensor; /* softmax(x, mask) */
    int count = qc_keras_axes(call, "axis", -1, x->rank, axes);
    qc_keras_return(call, qc_lower_softmax(call->b, x, count, axes, mask.tensor));
}

const struct qc_keras_class qc_keras_layers_activation[] = {
    {"Activation", NULL, QC_KERAS_MASK_PASSES, activation},
    {"ReLU", NULL, QC_KERAS_MASK_PASSES, relu},
    {"LeakyReLU", NULL, QC_KERAS_MASK_PASSES, leaky_relu},
    {"ThresholdedReLU", NULL, QC_KERAS_MASK_PASSES, thresholded_relu},
    {"ELU", NULL, QC_KERAS_MASK_PASSES, elu},
    {"PReLU", "alpha", QC_KERAS_MASK_PASSES, prelu},
    {"PReLU@1", "alphas", QC_KERAS_MASK_PASSES, prelu},
    {"Softmax", NULL, QC_KERAS_MASK_PASSES, softmax},
    {0},
};
