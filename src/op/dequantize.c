/*
 * dequantize.c - DEQUANTIZE: stored numbers or half-precision floats to float32, with one scale or one for each slice of an axis.
 */
#include "op/quant_rule.h"
#include "op/shared/quantized.h"
#include "op/shared/stored.h"
#include "op/shared/version.h"

static qc_status infer(struct qc_step *step)
{
    const struct qc_value *x = step->in[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    switch (x->type) {
    case QC_FLOAT16: case QC_BFLOAT16: return qc_step_output_like(step, 0, QC_FLOAT32, x);
    case QC_INT8: case QC_UINT8: case QC_INT16: case QC_INT32: case QC_INT4: case QC_UINT4: case QC_INT2: break;
    default: return qc_step_unsupported_type(step);
    }
    QC_TRY(qc_require_scales(step, "input 0", x));
    return qc_step_output_like(step, 0, QC_FLOAT32, x);
}

static void piece(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    (void)thread;
    qc_stored_read(step->in[0], begin, end, (float *)step->out[0]->data + begin);
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_elements(step->in[0]), 16384, piece, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    switch (qc_node_type(node, 0)) {
    case QC_UINT4: return 8;
    case QC_INT2: return 7;
    case QC_INT4: return 6;
    case QC_INT16: case QC_FLOAT16: return 3;
    case QC_INT8: return qc_node_per_channel(node, 0) ? 5 : 2;
    default: return 1;
    }
}

const struct qc_op qc_op_dequantize[] = {
    {.name = "DEQUANTIZE", .code = tfl_BuiltinOperator_DEQUANTIZE, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .max_version = 9, .infer = infer, .run = run, .version = version},
    {0},
};
