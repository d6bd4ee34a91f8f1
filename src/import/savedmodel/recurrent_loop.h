/*
 * recurrent_loop.h - a loop taken apart: between recurrent_probe.c, which finds the parts, and recurrent_write.c, which writes the layer.
 */
#ifndef QC_IMPORT_SAVEDMODEL_RECURRENT_LOOP_H
#define QC_IMPORT_SAVEDMODEL_RECURRENT_LOOP_H

#include "import/savedmodel/captures.h"
#include "import/savedmodel/control.h"
#include "import/savedmodel/recurrent_probe.h"

enum { QC_LOOP_COUNTERS = 4 };

struct qc_tf_loop {
    /* numbers of loop variables, by class */
    int counter[QC_LOOP_COUNTERS], input[1], mask[1], output[1], state[3], weight[QC_PROBE_WEIGHTS];
    int counter_count, input_count, mask_count, output_count, state_count, weight_count;
    int first_state;                 /* in `state`: 1 if the output of the step before is carried in front of the states */
    struct qc_tensor *x;             /* [T, B, I], as the loop reads it */
    int32_t steps, batch, inputs, units;
    bool sequence;                   /* the output list keeps every step, not the last one alone */
    bool zero_output;                /* masked steps give zeros */
    struct qc_tf_guess guess;
};

/* Writes the layer and makes the outputs of the While node. */
qc_status qc_tf_write_recurrent(struct qc_tf_step *s, const struct qc_tf_loop *loop) QC_MUST_USE;

#endif
