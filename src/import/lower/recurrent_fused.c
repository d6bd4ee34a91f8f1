/*
 * recurrent_fused.c - an LSTM as UNIDIRECTIONAL_SEQUENCE_LSTM that starts from zero on every call.
 *
 * The operator keeps its states in variable tensors from one call to the next (LiteRT clears them only when it allocates). So operators in front
 * of it write zeros into them on every call: ZEROS_LIKE of one feature of the first step, [B, 1], which gives the batch whatever its size (and
 * 0 for NaN and infinity), times zeros [units]. Not constants alone: LiteRT computes operators on constants once, when it allocates. A runtime
 * that takes variables for plain values (compilers do) computes the same.
 */
#include "import/lower/recurrence.h"

/* One gate of kernel [I, 4U] or [U, 4U], transposed. */
static struct qc_tensor *gate_weights(struct qc_build *b, const char *name, const struct qc_weight *kernel, const struct qc_cell *cell, int gate)
{
    struct qc_weight part = qc_weight_columns(b, kernel, gate * cell->units, cell->units);
    part = qc_weight_transposed(b, &part, (int32_t[]){1, 0});
    return qc_weight_constant(b, name, &part);
}

static struct qc_tensor *gate_bias(struct qc_build *b, const struct qc_cell *cell, int gate)
{
    if (!cell->bias.data) return qc_lower_fill(b, "bias", 1, &cell->units, 0); /* the operator wants one */
    struct qc_weight part = {cell->bias.data + gate * cell->units, 1, {cell->units}};
    return qc_weight_constant(b, "bias", &part);
}

/* Element [:, 0, :1] of x. */
static struct qc_tensor *one_feature(struct qc_build *b, struct qc_tensor *x)
{
    QC_OPTIONS(b, StridedSliceOptions, options);
    if (!options) return NULL;
    options->begin_mask = options->end_mask = 1;
    options->shrink_axis_mask = 2;
    return QC_BUILD(b, STRIDED_SLICE, options, x, qc_build_i32s(b, 3, (int32_t[]){0, 0, 0}), qc_build_i32s(b, 3, (int32_t[]){0, 1, 1}),
                    qc_build_i32s(b, 3, (int32_t[]){1, 1, 1}));
}

/* A state of zeros, written anew on every call. */
static struct qc_tensor *state(struct qc_build *b, struct qc_tensor *zero, int32_t units)
{
    struct qc_tensor *tensor = qc_build_binary(b, tfl_BuiltinOperator_MUL, zero, qc_lower_fill(b, "zeros", 1, &units, 0));
    if (tensor) tensor->variable = true;
    return tensor;
}

struct qc_tensor *qc_recurrent_fused(struct qc_build *b, struct qc_tensor *x, const struct qc_cell *cell, bool sequence)
{
    struct qc_tensor *in[24];
    if (!x || qc_build_status(b)) return NULL;
    in[0] = x;
    for (int gate = 0; gate < 4; gate++) { /* both orders are i, f, c, o */
        in[1 + gate] = gate_weights(b, "kernel", &cell->kernel, cell, gate);
        in[5 + gate] = gate_weights(b, "recurrent_kernel", &cell->recurrent_kernel, cell, gate);
        in[12 + gate] = gate_bias(b, cell, gate);
    }
    in[9] = in[10] = in[11] = in[16] = in[17] = qc_none(); /* peephole, projection */
    struct qc_tensor *zero = qc_build_unary(b, tfl_BuiltinOperator_ZEROS_LIKE, one_feature(b, x));
    in[18] = state(b, zero, cell->units);
    in[19] = state(b, zero, cell->units);
    in[20] = in[21] = in[22] = in[23] = qc_none(); /* layer normalization */
    QC_OPTIONS(b, UnidirectionalSequenceLSTMOptions, options);
    if (!options) return NULL;
    options->fused_activation_function = tfl_ActivationFunctionType_TANH;
    struct qc_tensor *y = qc_build_op(b, tfl_BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM, options, 24, in);
    return sequence ? y : qc_lower_pick(b, y, 1, -1);
}
