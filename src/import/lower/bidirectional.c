/*
 * bidirectional.c - Keras's Bidirectional wrapper: both directions, the backward sequence put back in order, merged. See recurrent.h.
 */
#include "import/lower/recurrent.h"

#include <stdio.h>
#include <string.h>

/* One direction under a scope of its own, so that its subgraphs and tensors have names of their own. */
static qc_status direction(struct qc_build *b, struct qc_tensor *x, const struct qc_recurrent_spec *given, const char *name,
                           struct qc_recurrent_result *result)
{
    struct qc_recurrent_spec spec = *given;
    const char *scope = b->scope;
    spec.zero_output_for_mask = spec.return_sequences; /* Bidirectional forces it */
    if (!(b->scope = qc_arena_printf(&b->graph->model->arena, "%s/%s", scope ? scope : "", name))) return QC_NOMEM;
    qc_status status = qc_lower_recurrent(b, x, &spec, result);
    b->scope = scope;
    return status;
}

static struct qc_tensor *merged(struct qc_build *b, struct qc_tensor *const *y, enum qc_merge merge)
{
    switch (merge) {
    case QC_MERGE_CONCAT: return qc_lower_concat(b, 2, y, -1);
    case QC_MERGE_SUM: return qc_build_binary(b, tfl_BuiltinOperator_ADD, y[0], y[1]);
    case QC_MERGE_MUL: return qc_build_binary(b, tfl_BuiltinOperator_MUL, y[0], y[1]);
    case QC_MERGE_AVE: {
        struct qc_tensor *sum = qc_build_binary(b, tfl_BuiltinOperator_ADD, y[0], y[1]);
        return qc_build_binary(b, tfl_BuiltinOperator_MUL, sum, qc_build_f32(b, 0.5f));
    }
    case QC_MERGE_NONE: break;
    }
    return y[0];
}

qc_status qc_lower_bidirectional(struct qc_build *b, struct qc_tensor *x, const struct qc_recurrent_spec *forward,
                                 const struct qc_recurrent_spec *backward, enum qc_merge merge, struct qc_bidirectional_result *result)
{
    struct qc_recurrent_result part[2];
    memset(result, 0, sizeof *result);
    QC_TRY(direction(b, x, forward, "forward", &part[0]));
    QC_TRY(direction(b, x, backward, "backward", &part[1]));
    if (backward->return_sequences)
        part[1].output = QC_BUILD(b, REVERSE_V2, NULL, part[1].output, qc_build_i32s(b, 1, (int32_t[]){backward->time_major ? 0 : 1}));
    struct qc_tensor *y[2] = {part[0].output, part[1].output};
    result->output_count = merge == QC_MERGE_NONE ? 2 : 1;
    result->output[0] = merged(b, y, merge);
    result->output[1] = merge == QC_MERGE_NONE ? y[1] : NULL;
    result->state_count = part[0].state_count + part[1].state_count;
    result->state = qc_arena_array(&b->graph->model->arena, (size_t)result->state_count, sizeof *result->state);
    if (!result->state) return QC_NOMEM;
    memcpy(result->state, part[0].state, (size_t)part[0].state_count * sizeof *result->state);
    memcpy(result->state + part[0].state_count, part[1].state, (size_t)part[1].state_count * sizeof *result->state);
    return qc_build_status(b);
}
