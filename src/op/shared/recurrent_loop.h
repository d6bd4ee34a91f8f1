/*
 * recurrent_loop.h - WHILE loops that are recurrent layers, run on the recurrent kernels: those that import/lower writes and those of
 * TFLiteConverter. Recognised by what a round computes (loop_expression.h), not by its operators' order.
 *
 * The results are those of the loop: all steps' states, outputs, masks, counters. An unchanged loop variable that nothing reads is not
 * copied. Where the counters would make the loop read or write
 * outside of its tensors, the loop itself must run (and say so).
 */
#ifndef QC_OP_SHARED_RECURRENT_LOOP_H
#define QC_OP_SHARED_RECURRENT_LOOP_H

#include "op/op.h"

struct qc_recurrent_loop;

/* In infer of WHILE, inputs shaped: is it one, so that its outputs have its inputs' shapes, whatever the body's operators can tell? */
bool qc_recurrent_loop_known(struct qc_step *step, const struct qc_graph *cond, const struct qc_graph *body);
/* In plan of WHILE, inputs shaped. *loop stays NULL if it is no recurrent layer. Values of `step` with a shape of their own: static. */
qc_status qc_recurrent_loop_plan(struct qc_step *step, const struct qc_graph *cond, const struct qc_graph *body, struct qc_recurrent_loop **loop);
qc_status qc_recurrent_loop_prepare(struct qc_step *step, struct qc_recurrent_loop *loop);
/* *done is false if the loop must run the long way. Otherwise all outputs that something reads are written. */
qc_status qc_recurrent_loop_run(struct qc_step *step, const struct qc_recurrent_loop *loop, bool *done);

#endif
