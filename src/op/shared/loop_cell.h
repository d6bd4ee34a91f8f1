/*
 * loop_cell.h - the recurrent cell in a loop's body: which variables are its states, what are its weights. See recurrent_loop.h.
 */
#ifndef QC_OP_SHARED_LOOP_CELL_H
#define QC_OP_SHARED_LOOP_CELL_H

#include "op/shared/loop_expression.h"
#include "op/shared/recurrent_layer.h"

struct qc_loop_cell {
    int h, c;       /* variables of the states; c -1: none */
    int mask;       /* variable, or -1 */
    int x;          /* variable of the input, or of the gates' input parts */
    int32_t x_offset, x_gate; /* of given parts: where the first gate begins, and from one to the next */
    const struct qc_expression *output; /* the new h before the mask */
};

/* Fills the upper part of `layer`. false: no cell that the kernels know. */
bool qc_loop_cell_find(struct qc_loop_body *body, struct qc_loop_cell *cell, struct qc_recurrent_layer *layer);

#endif
