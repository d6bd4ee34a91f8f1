/*
 * uses.c - who writes and who reads each value of a planned frame. See run.h.
 */
#include "run/run.h"

struct qc_uses *qc_uses_of(const struct qc_frame *frame, struct qc_uses *uses, const struct qc_value *value)
{
    const struct qc_frame_value *fv = (const void *)((const char *)value - offsetof(struct qc_frame_value, value));
    return &uses[fv - frame->value];
}

static void count_reading(const struct qc_frame *frame, struct qc_uses *uses, const struct qc_value *value, uint32_t n)
{
    if (!value) return;
    struct qc_uses *u = qc_uses_of(frame, uses, value);
    if (u->count < 2) u->reader[u->count] = (int32_t)n;
    if (u->count < QC_USES_MANY) u->count++;
}

struct qc_uses *qc_frame_uses(struct qc_frame *frame)
{
    const struct qc_graph *graph = frame->graph;
    struct qc_uses *uses = qc_env_alloc(&frame->session->env, (graph->tensor_count + 1) * sizeof *uses);
    if (!uses) return NULL;
    for (uint32_t i = 0; i < graph->tensor_count; i++) uses[i].writer = -1;
    for (int i = 0; i < graph->output_count; i++) uses[graph->output[i]->index].count = QC_USES_MANY;
    for (uint32_t n = 0; n < graph->node_count; n++) {
        const struct qc_step *step = &frame->step[n].step;
        if (frame->step[n].evaluated) continue;
        for (int i = 0; i < step->out_count; i++) qc_uses_of(frame, uses, step->out[i])->writer = (int32_t)n;
        for (int i = 0; i < step->in_count; i++) count_reading(frame, uses, step->in[i], n);
        for (int i = 0; step->finish && i < step->finish->count; i++) count_reading(frame, uses, step->beside[i], n);
    }
    return uses;
}
