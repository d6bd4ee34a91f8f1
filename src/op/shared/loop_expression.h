/*
 * loop_expression.h - what one round of a loop computes, as expressions in the loop's variables: reshapes, splits and slices along the last axis,
 * and the order and grouping of sums disappear, so that a recurrent cell looks alike however a converter wrote it.
 *
 * A value is [batch, width]; axes of size 1 are ignored. NULL stands for what is not understood, everywhere.
 */
#ifndef QC_OP_SHARED_LOOP_EXPRESSION_H
#define QC_OP_SHARED_LOOP_EXPRESSION_H

#include "kernel/recurrent.h"
#include "op/op.h"

enum qc_expression_kind {
    QC_EX_SUM,    /* of terms */
    QC_EX_APPLY,  /* gate(a) */
    QC_EX_TIMES,  /* a * b */
    QC_EX_SELECT, /* mask at this step ? a : b; `variable` is the mask's */
    QC_EX_MASK,   /* bool: `variable` at this step */
    QC_EX_WRITE,  /* variable `variable`, a [steps, batch, width], with row `this step` replaced by a */
};

enum qc_term_kind {
    QC_TERM_STATE,    /* loop variable */
    QC_TERM_INPUT,    /* row `this step` of a loop variable that the loop does not change */
    QC_TERM_CONSTANT, /* a vector, or one number for all */
    QC_TERM_PRODUCT,  /* value x weights^T, rows of weights from `offset` on */
    QC_TERM_VALUE,    /* any other expression */
};

struct qc_term {
    enum qc_term_kind kind;
    bool negative;
    int variable;
    int32_t offset;                 /* first element, or row of the weights */
    const struct qc_tensor *tensor; /* CONSTANT, PRODUCT */
    const struct qc_expression *value;
};

enum { QC_MAX_TERMS = 8 };

struct qc_expression {
    enum qc_expression_kind kind;
    int32_t width;
    int count, variable;
    struct qc_term term[QC_MAX_TERMS];
    struct qc_gate gate;
    const struct qc_expression *a, *b;
};

struct qc_loop_body {
    struct qc_step *step;          /* for memory */
    const struct qc_graph *graph;  /* of the body */
    int counter;                   /* variable that counts the steps, or -1: found on the way */
    const struct qc_expression **known; /* [tensor_count] */
    bool *visited;
    int depth;
};

/* false if memory ran out. */
bool qc_loop_body_begin(struct qc_loop_body *body, struct qc_step *step, const struct qc_graph *graph);
const struct qc_expression *qc_loop_expression(struct qc_loop_body *body, const struct qc_tensor *tensor);

/* The loop variable that the tensor is, or -1. */
int qc_loop_variable(const struct qc_loop_body *body, const struct qc_tensor *tensor);
bool qc_loop_unchanged(const struct qc_loop_body *body, int variable);
/* int32 scalar, one more after each round. */
bool qc_loop_counts(const struct qc_loop_body *body, int variable);

/* Element `at` of a float32 or float16 constant. */
float qc_loop_constant(const struct qc_tensor *tensor, size_t at);
/* The only term of a sum of one positive term of that kind; else NULL. */
const struct qc_term *qc_single_term(const struct qc_expression *e, enum qc_term_kind kind);

#endif
