/*
 * pipeline.c - all passes in order, where order is meaning.
 *
 * Runs after import and before quantization, on every graph of the model: the bodies of loops and branches too.
 */
#include "pass/pass.h"

#include "pass_declare.inc"

static const struct qc_pass *const pipeline[] = {
    &qc_pass_fold_constants,         /* what is known becomes a constant: weights get their final layout */
    &qc_pass_fold_shapes,            /* shape arithmetic over an unknown batch becomes a -1 in a RESHAPE */
    &qc_pass_remove_identity,        /* operators that change nothing, so that neighbours meet */
    &qc_pass_recognise_relu,         /* MINIMUM and MAXIMUM with constants */
    &qc_pass_recognise_hard_swish,   /* before its ADD and RELU6 are fused into a convolution */
    &qc_pass_recognise_l2_normalization,
    &qc_pass_keep_dims,              /* reductions absorb the RESHAPE behind them */
    &qc_pass_fuse_pad,               /* PAD and VALID become SAME: a scaling in front of the PAD meets the convolution */
    &qc_pass_fold_batchnorm,         /* per-channel arithmetic goes into weights and bias */
    &qc_pass_fuse_activation,        /* after folding: a fused activation blocks it */
    &qc_pass_share_equal,            /* equal constants and equal nodes become one */
    &qc_pass_roll_steps,             /* after that: steps that do the same use the same constants */
    &qc_pass_remove_identity,
};

qc_status qc_pipeline_run(struct qc_model *model)
{
    for (size_t p = 0; p < QC_COUNT(pipeline); p++)
        for (uint32_t g = 0; g < model->graph_count; g++) {
            QC_TRY(pipeline[p]->run(model->graph[g]));
            QC_TRY(qc_graph_sweep(model->graph[g]));
#ifndef NDEBUG
            if (qc_model_check(model)) {
                qc_context(&model->env, "after pass %s", pipeline[p]->name);
                return model->env.error.status;
            }
#endif
        }
    return QC_OK;
}
