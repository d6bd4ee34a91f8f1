/*
 * integer.h - quantizing nodes to integer activations: plan (parameters of every value), apply (rewrite), io (types of inputs and outputs).
 *
 * The order of decisions is that of TensorFlow Lite's quantizer, so that scales and zero points come out as its: calibrated ranges; fixed
 * output ranges; operators with one float operand pass their operand's parameters on; operators with several take those of their result.
 * Where two demands on one value differ, a QUANTIZE stands between.
 */
#ifndef QC_QUANT_INTEGER_H
#define QC_QUANT_INTEGER_H

#include "quant/quant.h"

struct qc_int_form { /* a value as integers */
    qc_dtype type;
    struct qc_affine params;
    struct qc_tensor *tensor;
    struct qc_int_form *next;
};

struct qc_int_value { /* by tensor index */
    bool known;     /* params holds */
    bool borrowed;  /* its own range does not count: parameters come from a neighbour */
    bool measured;  /* params are those of its own calibrated range */
    int bits;       /* that params are for */
    struct qc_affine params;
    struct qc_int_form *form; /* the first one is the producer's */
};

struct qc_int_node { /* by position */
    struct qc_node *node;
    int bits; /* 8, 16; 0: stays float */
    const char *refusal; /* why it stays float; NULL if bits, or if it does not compute with floats */
    bool grouped;        /* same-scale operands and results have `params` */
    struct qc_affine params;
};

struct qc_int_plan {
    struct qc_quantizer *q;
    struct qc_graph *graph;
    struct qc_int_node *node;
    uint32_t node_count;
    struct qc_int_value *value;
    uint32_t value_count; /* tensors made later have none */
    struct qc_int_form **constant; /* [value_count]: quantized forms of constants */
};

qc_status qc_int_plan_make(struct qc_int_plan *plan, struct qc_quantizer *q, struct qc_graph *graph);
/* Some value was seen while calibrating, or the graph holds no float values. */
bool qc_int_plan_measured(const struct qc_int_plan *plan);
qc_status qc_int_apply(struct qc_int_plan *plan);
qc_status qc_int_io(struct qc_int_plan *plan);

/* Steps of qc_int_apply, for recipes of their own: operand `slot` as an integer activation; float results as integers; a bias of `bits`. */
qc_status qc_int_activation(struct qc_int_plan *plan, const struct qc_int_node *n, int slot);
qc_status qc_int_results(struct qc_int_plan *plan, const struct qc_int_node *n);
qc_status qc_int_bias(struct qc_int_plan *plan, const struct qc_tensor *bias, const struct qc_tensor *weight, float input_scale, int bits,
                      struct qc_tensor **made);

/* A result that is float32, or an operand. */
static inline bool qc_int_is_float(const struct qc_tensor *tensor)
{
    return tensor && tensor->type == QC_FLOAT32;
}
static inline struct qc_int_value *qc_int_value_of(struct qc_int_plan *plan, const struct qc_tensor *tensor)
{
    return tensor->index < plan->value_count && plan->graph->tensor[tensor->index] == tensor ? &plan->value[tensor->index] : NULL;
}
/* Operand `slot` belongs to the node's same-scale group. */
bool qc_int_in_group(const struct qc_int_node *n, int slot);
/* Its results do. */
bool qc_int_results_in_group(const struct qc_int_node *n);

#endif
