/*
 * fuse_activation.c - RELU, RELU6 and RELU_N1_TO_1 go into the operator in front of them, past a RESHAPE between them (as frameworks write
 * one-dimensional convolutions).
 */
#include "pass/pass.h"
#include "pass/shared/edit.h"

static int fused_form(int code)
{
    switch (code) {
    case tfl_BuiltinOperator_RELU: return tfl_ActivationFunctionType_RELU;
    case tfl_BuiltinOperator_RELU6: return tfl_ActivationFunctionType_RELU6;
    case tfl_BuiltinOperator_RELU_N1_TO_1: return tfl_ActivationFunctionType_RELU_N1_TO_1;
    default: return tfl_ActivationFunctionType_NONE;
    }
}

/* Operators whose kernels honour a fused activation in every runtime. (TRANSPOSE_CONV only from version 4, CONCATENATION only NONE.) */
static bool takes_activation(const struct qc_node *node)
{
    switch (node->code) {
    case tfl_BuiltinOperator_CONV_2D:
    case tfl_BuiltinOperator_DEPTHWISE_CONV_2D:
    case tfl_BuiltinOperator_FULLY_CONNECTED:
    case tfl_BuiltinOperator_ADD:
    case tfl_BuiltinOperator_SUB:
    case tfl_BuiltinOperator_MUL:
    case tfl_BuiltinOperator_DIV:
    case tfl_BuiltinOperator_AVERAGE_POOL_2D:
    case tfl_BuiltinOperator_MAX_POOL_2D: return node->out[0]->type == QC_FLOAT32;
    default: return false;
    }
}

/* CONV, RESHAPE, RELU. */
static qc_status fuse_past_reshape(struct qc_node *relu, int form)
{
    struct qc_node *reshape = qc_sole_producer(relu->in[0], tfl_BuiltinOperator_RESHAPE);
    struct qc_node *node = reshape && qc_tensor_sole_user(reshape->in[0]) ? reshape->in[0]->producer : NULL;
    if (!node || !takes_activation(node) || qc_activation(node) != tfl_ActivationFunctionType_NONE) return QC_OK;
    return qc_bypass(relu, 0) ? qc_set_option(node, "fused_activation_function", form) : QC_OK;
}

static qc_status run(struct qc_graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        struct qc_node *relu = graph->node[i];
        int form = relu->code < 0 ? tfl_ActivationFunctionType_NONE : fused_form(relu->code);
        if (form == tfl_ActivationFunctionType_NONE || !qc_tensor_sole_user(relu->in[0])) continue;
        struct qc_node *node = relu->in[0]->producer;
        if (node && node->code == tfl_BuiltinOperator_RESHAPE) QC_TRY(fuse_past_reshape(relu, form));
        if (!node || !takes_activation(node) || qc_activation(node) != tfl_ActivationFunctionType_NONE) continue;
        const char *name = node->name;
        struct qc_node *fresh = qc_replace_node(relu, node->code, node->options, node->in_count, node->in);
        if (!fresh) return QC_NOMEM;
        if (name) fresh->name = name;
        qc_node_remove(node);
        QC_TRY(qc_set_option(fresh, "fused_activation_function", form));
    }
    return QC_OK;
}

const struct qc_pass qc_pass_fuse_activation = {"fuse_activation", run};
