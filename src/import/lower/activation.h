/*
 * activation.h - Keras activations as TFLite operators, numerically stable, within 1e-5 of Keras.
 */
#ifndef QC_IMPORT_LOWER_ACTIVATION_H
#define QC_IMPORT_LOWER_ACTIVATION_H

#include "import/lower/shape.h"
#include "import/lower/weight.h"

enum qc_activation_kind {
    QC_ACT_LINEAR = 0,
    QC_ACT_RELU, /* with max_value, negative_slope, threshold: covers relu6, leaky_relu, ReLU, LeakyReLU, ThresholdedReLU */
    QC_ACT_ELU, QC_ACT_SELU, QC_ACT_CELU, QC_ACT_EXPONENTIAL,
    QC_ACT_GELU, QC_ACT_GELU_TANH,
    QC_ACT_SIGMOID, QC_ACT_TANH, QC_ACT_LOG_SIGMOID, QC_ACT_SOFTPLUS, QC_ACT_SOFTSIGN, QC_ACT_SILU, QC_ACT_MISH, QC_ACT_SQUAREPLUS,
    QC_ACT_HARD_SIGMOID,   /* Keras 3: relu6(x + 3) / 6 */
    QC_ACT_HARD_SIGMOID_2, /* Keras 1 and 2: clip(0.2 x + 0.5, 0, 1) */
    QC_ACT_HARD_SILU, QC_ACT_HARD_TANH, QC_ACT_HARD_SHRINK, QC_ACT_SOFT_SHRINK, QC_ACT_TANH_SHRINK, QC_ACT_THRESHOLD,
    QC_ACT_SPARSE_PLUS, QC_ACT_SPARSE_SIGMOID,
    QC_ACT_SOFTMAX, QC_ACT_LOG_SOFTMAX, QC_ACT_SPARSEMAX, QC_ACT_GLU, /* over `axis` */
    QC_ACT_COUNT
};

struct qc_activation {
    enum qc_activation_kind kind;
    float alpha; /* ELU, CELU: alpha; SQUAREPLUS: b; HARD_SHRINK, SOFT_SHRINK: threshold; THRESHOLD: threshold; RELU: negative_slope */
    float beta;  /* THRESHOLD: default_value; RELU: threshold */
    float max_value; /* RELU; INFINITY: none */
    int axis;    /* SOFTMAX, LOG_SOFTMAX, SPARSEMAX, GLU */
};

/* The function keras.activations.<name> with its default arguments (hard_sigmoid by the major version of Keras that wrote the file: 1, 2
 * or 3). false if Keras has no such activation. Aliases (swish, hard_swish, "relu6", "leaky_relu" ...) included. Fill in other arguments
 * afterwards. */
bool qc_activation_find(const char *name, int keras_major, struct qc_activation *activation);
/* Keras's name, for messages. */
const char *qc_activation_name(const struct qc_activation *activation);

/* NULL stands for linear. */
struct qc_tensor *qc_lower_activation(struct qc_build *b, struct qc_tensor *x, const struct qc_activation *activation);
/* enum tfl_ActivationFunctionType of an operator that can fuse it (NONE for linear), or -1: it needs operators of its own. */
int qc_activation_fused(const struct qc_activation *activation);

/* Softmax over several axes at once (Softmax layer with a list), and with a mask (bool or numbers, broadcast to x; NULL: none) whose
 * false elements get no weight. */
struct qc_tensor *qc_lower_softmax(struct qc_build *b, struct qc_tensor *x, int axis_count, const int32_t *axes, struct qc_tensor *mask);
/* PReLU: alpha has the input's shape without batch, 1 in shared axes. */
struct qc_tensor *qc_lower_prelu(struct qc_build *b, struct qc_tensor *x, const struct qc_weight *alpha);

#endif
