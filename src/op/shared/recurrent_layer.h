/*
 * recurrent_layer.h - a recurrent layer on the kernels of kernel/recurrent.h: weights packed once, the input's products for all steps at once.
 *
 * Described by the operator (fused LSTM) or by what was recognised in a loop; weights are constants of any graph of the model.
 */
#ifndef QC_OP_SHARED_RECURRENT_LAYER_H
#define QC_OP_SHARED_RECURRENT_LAYER_H

#include "kernel/gemm_s8.h"
#include "kernel/recurrent.h"
#include "op/op.h"

struct qc_recurrent_weights {
    const struct qc_tensor *tensor; /* [rows, k], float32, float16, or int8 with one scale or one for each row; NULL: none */
    int32_t row;                    /* first row of this gate */
};

struct qc_recurrent_layer {
    /* filled by the caller, allocated with qc_step_alloc */
    enum qc_recurrent_cell cell;
    int32_t units, inputs;                       /* inputs 0: the gates' input parts are given */
    struct qc_recurrent_weights recurrent[4], input[4];
    const float *recurrent_bias[4], *input_bias[4]; /* [units] or NULL; live as long as the step */
    struct qc_gate activation, recurrent_activation;
    float cell_clip;
    enum qc_row_quantization how;                /* of rows against int8 weights */
    /* private */
    const struct qc_recurrent_kernel *kernel;
    const struct qc_gemm_f32 *f32;
    const struct qc_gemm_s8 *s8;
    enum qc_weight_kind recurrent_kind, input_kind;
    bool input_expand, recurrent_expand; /* float16 weights as float32 */
    const void *packed_recurrent, *packed_input;
    size_t batch, steps, padded;
    size_t gates_scratch, state_scratch, work_scratch, row_scratch;
};

struct qc_recurrent_run {
    const float *x;                       /* [steps][batch][inputs] or the gates' parts; elements from one to the next: */
    ptrdiff_t x_step, x_row;
    bool backward;                        /* the last step first; x and what is given as a sequence stay in order of time */
    size_t gate_step;                     /* of given parts: from one gate to the next */
    size_t steps;
    const float *h0, *c0;                 /* [batch][units]; NULL: zeros */
    float *h, *c;                         /* [batch][units], final states, or NULL. May be h0 and c0 */
    float *output;                        /* [batch][units]: last output, in and out, or NULL */
    float *sequence;
    ptrdiff_t sequence_step, sequence_row;
    const uint8_t *mask;
    ptrdiff_t mask_step, mask_row;
    bool zero_masked;
};

/* In plan: *fits tells if the weights are of forms that the kernels take. */
qc_status qc_recurrent_layer_plan(struct qc_step *step, struct qc_recurrent_layer *layer, size_t batch, size_t steps, bool *fits);
qc_status qc_recurrent_layer_prepare(struct qc_step *step, struct qc_recurrent_layer *layer);
void qc_recurrent_layer_run(struct qc_step *step, const struct qc_recurrent_layer *layer, const struct qc_recurrent_run *run);

#endif
