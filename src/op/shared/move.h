/*
 * move.h - lets an operator that only moves the elements of one input treat every type alike.
 *
 * Between begin and end the operator sees plain arrays of elements of qc_move_width bytes. Strings travel as their int32 index,
 * packed 4 and 2 bit integers as bytes; both use scratch. Other types are the tensors themselves.
 */
#ifndef QC_OP_SHARED_MOVE_H
#define QC_OP_SHARED_MOVE_H

#include "op/shared/check.h"
#include "op/shared/copy.h"

/* Whatever qc_move can carry. */
#define QC_SET_MOVE (QC_SET_FIXED | QC_SET(STRING) | QC_SET(INT4) | QC_SET(UINT4) | QC_SET(INT2))

struct qc_move {
    const void *from;
    void *to;
    size_t width;
};

size_t qc_move_width(qc_dtype type);
/* In plan: scratch for input `input` and output 0, if their type needs it. */
qc_status qc_move_plan(struct qc_step *step, int input);
qc_status qc_move_begin(struct qc_step *step, int input, struct qc_move *move) QC_MUST_USE;
qc_status qc_move_end(struct qc_step *step, int input, const struct qc_move *move) QC_MUST_USE;
/* Begins a copy of input 0 to output 0: the strides of both in bytes, [rank] each. */
void qc_move_strides(const struct qc_step *step, struct qc_copy *copy, ptrdiff_t *to, ptrdiff_t *from);
/* begin, the copy, end. */
qc_status qc_move_copy(struct qc_step *step, int input, const struct qc_copy *copy) QC_MUST_USE;

/* A plan hook for operators whose moved operand is input 0. */
qc_status qc_move_plan_0(struct qc_step *step);
/* A run hook for operators whose output is input 0 as it is. */
qc_status qc_run_same(struct qc_step *step);

#endif
