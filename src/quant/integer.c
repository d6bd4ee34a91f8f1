/*
 * integer.c - quantizes the nodes of integer schemes: the main graph; bodies of loops compute in float. See integer.h.
 */
#include "quant/integer.h"

#include <stdio.h>
#include <string.h>

/* --strict: every operator that would stay float, in one sentence. */
static qc_status refuse_all(const struct qc_int_plan *plan)
{
    char list[900];
    size_t at = 0, count = 0;
    list[0] = 0;
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct qc_int_node *n = &plan->node[i];
        if (!n->refusal) continue;
        if (at < 700) at += (size_t)snprintf(list + at, sizeof list - at, "%s%s '%.60s' (%s)", count ? ", " : "", qc_node_op(n->node), qc_node_name(n->node), n->refusal);
        count++;
    }
    if (!count) return QC_OK;
    return qc_fail(&plan->q->model->env, QC_UNSUPPORTED, "--strict: %zu operators have no integer form: %s%s", count, list, at >= 700 ? ", ..." : "");
}

static qc_status quantize_graph(struct qc_quantizer *q, struct qc_graph *graph)
{
    struct qc_int_plan plan;
    QC_TRY(qc_int_plan_make(&plan, q, graph));
    if (graph->node_count && !qc_int_plan_measured(&plan))
        return qc_fail(&q->model->env, QC_INVALID, "the statistics name none of the model's values: they are those of another model");
    if (q->options->strict) QC_TRY(refuse_all(&plan));
    for (uint32_t i = 0; i < plan.node_count; i++)
        if (plan.node[i].refusal)
            QC_TRY(qc_report_add(q->model, true, qc_node_name(plan.node[i].node), qc_node_op(plan.node[i].node), 0, plan.node[i].refusal));
    QC_TRY(qc_int_apply(&plan));
    if (q->options->io != QC_FLOAT32) QC_TRY(qc_int_io(&plan));
    return qc_graph_sweep(graph);
}

static bool any_integer(const struct qc_quantizer *q)
{
    bool any = q->scheme->bits != 0;
    for (size_t i = 0; i < q->rule_count; i++) any |= q->rule[i].scheme->bits != 0;
    return any;
}

qc_status qc_quantize_integer(struct qc_quantizer *q)
{
    qc_dtype io = q->options->io;
    if (!any_integer(q)) {
        if (io == QC_FLOAT32) return QC_OK;
        return qc_fail(&q->model->env, QC_INVALID, "--io %s needs mode int8 or int16x8, not %s", qc_dtype_name(io), q->scheme->name);
    }
    if (!q->stats)
        return qc_fail(&q->model->env, QC_INVALID, "mode %s needs representative data: name it with --data (random:100 will do for a trial)", q->scheme->name);
    if (io != QC_FLOAT32 && (io == QC_INT16) != (q->scheme->bits == 16))
        return qc_fail(&q->model->env, QC_INVALID, "--io %s does not go with mode %s; int8 takes int8 or uint8, int16x8 takes int16", qc_dtype_name(io), q->scheme->name);
    return quantize_graph(q, q->model->graph[0]);
}
