/*
 * integer_plan.c - which nodes compute in integers, and the parameters of every value. See integer.h.
 */
#include "quant/integer.h"
#include "quant/integer_lstm.h"
#include "quant/shared/weight.h"
#include "quant/stats.h"

#include <math.h>
#include <string.h>

static const struct qc_quant_rule *rule_of(const struct qc_node *node)
{
    const struct qc_op *op = qc_op_find(node->code, node->custom);
    return op ? op->quant : NULL;
}

bool qc_int_results_in_group(const struct qc_int_node *n)
{
    const struct qc_quant_rule *rule = rule_of(n->node);
    return rule->output == QC_OUTPUT_SAME;
}

bool qc_int_in_group(const struct qc_int_node *n, int slot)
{
    const struct qc_quant_rule *rule = rule_of(n->node);
    if (!qc_int_is_float(n->node->in[slot])) return false;
    if (qc_operand_rule(rule, slot)->role == QC_ROLE_SAME) return true;
    if (qc_int_results_in_group(n) && slot == rule->same_as) return true;
    for (int i = 0; slot == 0 && i < n->node->in_count; i++) /* in[0] leads those that share with it */
        if (i && qc_int_is_float(n->node->in[i]) && qc_operand_rule(rule, i)->role == QC_ROLE_SAME) return true;
    return false;
}

/* ---- which nodes ---- */

static bool has_floats(const struct qc_node *node)
{
    bool any = false;
    for (int i = 0; i < node->in_count; i++) any |= qc_int_is_float(node->in[i]);
    for (int i = 0; i < node->out_count; i++) any |= qc_int_is_float(node->out[i]);
    return any;
}

/* Ids that come in as floats: CAST turns them into integers at once. */
static bool only_casts_input(const struct qc_node *node)
{
    return node->code == tfl_BuiltinOperator_CAST && !node->in[0]->producer && !node->in[0]->constant && !qc_dtype_is_float(node->out[0]->type);
}

static bool is_finite(const struct qc_tensor *tensor)
{
    for (size_t i = 0; i + 4 <= tensor->bytes; i += 4) {
        float value;
        memcpy(&value, (const char *)tensor->data + i, 4);
        if (!isfinite(value)) return false;
    }
    return true;
}

static bool is_measured(const struct qc_quantizer *q, const struct qc_tensor *tensor)
{
    float min, max;
    return tensor->constant || qc_stats_range(q->stats, tensor, &min, &max);
}

static const char *operand_refusal(const struct qc_quantizer *q, const struct qc_tensor *tensor, int role)
{
    if (role == QC_ROLE_KEEP) return NULL;
    if (role == QC_ROLE_FLOAT) return NULL;
    if (role == QC_ROLE_WEIGHT && !tensor->constant) return "its weights are computed while running";
    if (role == QC_ROLE_BIAS && !tensor->constant) return "its bias is computed while running";
    if (tensor->constant && !is_finite(tensor)) return "a constant operand is infinite or NaN";
    if (!is_measured(q, tensor)) return "calibration never saw its operands";
    return NULL;
}

static const char *refusal_of(const struct qc_quantizer *q, const struct qc_node *node, int bits)
{
    const struct qc_quant_rule *rule = rule_of(node);
    if (node->code == tfl_BuiltinOperator_WHILE)
        return "a loop: its state would be rounded again at every step, so its body computes in float";
    if (qc_int_lstm(node)) return qc_int_lstm_refusal(q, node, bits);
    if (!rule || !(rule->modes & (QC_Q_INT8 | QC_Q_INT16))) return "TensorFlow Lite has no integer kernel for it";
    if (!(rule->modes & (bits == 8 ? QC_Q_INT8 : QC_Q_INT16)))
        return bits == 8 ? "TensorFlow Lite has no int8 kernel for it" : "TensorFlow Lite has no int16 kernel for it";
    if (node->intermediate_count) return "its integer form needs calibrated intermediates";
    for (int i = 0; i < node->in_count; i++) {
        const char *reason = qc_int_is_float(node->in[i]) ? operand_refusal(q, node->in[i], qc_operand_rule(rule, i)->role) : NULL;
        if (reason) return reason;
        if (node->in[i] && node->in[i]->variable) return "it keeps state in a variable";
    }
    for (int i = 0; i < node->out_count; i++)
        if (qc_int_is_float(node->out[i]) && !is_measured(q, node->out[i])) return "calibration never saw its result";
    return NULL;
}

static void classify(struct qc_int_plan *plan)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        struct qc_int_node *n = &plan->node[i];
        int bits = qc_select(plan->q, n->node)->bits;
        if (!bits || !has_floats(n->node) || n->node->code == tfl_BuiltinOperator_DEQUANTIZE || qc_int_lstm_clears(n->node)) continue;
        if (bits == 16 && qc_weight_stays_int8(plan->q, n->node)) continue;
        n->refusal = refusal_of(plan->q, n->node, bits);
        if (!n->refusal) n->bits = bits;
        if (n->refusal && only_casts_input(n->node)) n->refusal = NULL;
        for (int k = 0; n->bits && k < n->node->in_count; k++) n->grouped |= qc_int_in_group(n, k);
        n->grouped |= n->bits && qc_int_results_in_group(n);
    }
}

/* ---- whose parameters count ---- */

static int float_operands(const struct qc_node *node)
{
    int count = 0;
    for (int i = 0; i < node->in_count; i++) count += qc_int_is_float(node->in[i]);
    return count;
}

/* Forward: results of operators with one float operand borrow from it; fixed ranges override what was measured. */
static void borrow_forward(struct qc_int_plan *plan)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct qc_int_node *n = &plan->node[i];
        bool fixed = n->bits && rule_of(n->node)->output == QC_OUTPUT_FIXED;
        if (!n->bits || (!fixed && !(qc_int_results_in_group(n) && float_operands(n->node) == 1))) continue;
        for (int k = 0; k < n->node->out_count; k++)
            if (qc_int_is_float(n->node->out[k])) qc_int_value_of(plan, n->node->out[k])->borrowed = true;
    }
}

/* Backward: operands of the others borrow from the result, as far up as same-scale operators reach. Not an LSTM's sequence: it is the hidden state
 * too, at every step, of which the others may see the last one alone. */
static void borrow_backward(struct qc_int_plan *plan)
{
    bool *spread = qc_arena_alloc(&plan->q->model->arena, plan->value_count);
    for (uint32_t i = plan->node_count; spread && i--;) {
        const struct qc_int_node *n = &plan->node[i];
        bool starts = false;
        if (!n->bits || !n->grouped || !qc_int_results_in_group(n)) continue;
        for (int k = 0; k < n->node->out_count; k++) {
            const struct qc_tensor *out = n->node->out[k];
            starts |= qc_int_is_float(out) && (!qc_int_value_of(plan, out)->borrowed || spread[out->index]);
        }
        for (int k = 0; starts && k < n->node->in_count; k++) {
            struct qc_tensor *in = n->node->in[k];
            if (!qc_int_in_group(n, k) || in->constant || (in->producer && qc_int_lstm(in->producer))) continue;
            qc_int_value_of(plan, in)->borrowed = true;
            spread[in->index] = true;
        }
    }
}

/* ---- the parameters ---- */

static int bits_of_value(const struct qc_int_plan *plan, const struct qc_tensor *tensor)
{
    if (tensor->producer && tensor->producer->index < plan->node_count && plan->node[tensor->producer->index].bits)
        return plan->node[tensor->producer->index].bits;
    for (const struct qc_use *use = tensor->uses; use; use = use->next)
        if (plan->node[use->node->index].bits) return plan->node[use->node->index].bits;
    return plan->q->scheme->bits ? plan->q->scheme->bits : 8;
}

static struct qc_affine measured_params(const struct qc_int_plan *plan, const struct qc_tensor *tensor)
{
    float min = 0, max = 0;
    qc_stats_range(plan->q->stats, tensor, &min, &max);
    return qc_params_activation((double)min, (double)max, bits_of_value(plan, tensor));
}

static void start_params(struct qc_int_plan *plan)
{
    for (uint32_t i = 0; i < plan->value_count; i++) {
        const struct qc_tensor *tensor = plan->graph->tensor[i];
        struct qc_int_value *value = &plan->value[i];
        if (!qc_int_is_float(tensor) || tensor->constant || value->borrowed || !is_measured(plan->q, tensor)) continue;
        value->params = measured_params(plan, tensor);
        value->bits = bits_of_value(plan, tensor);
        value->known = value->measured = true;
    }
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const struct qc_int_node *n = &plan->node[i];
        const struct qc_quant_rule *rule = n->bits ? rule_of(n->node) : NULL;
        if (!rule || rule->output != QC_OUTPUT_FIXED) continue;
        struct qc_int_value *value = qc_int_value_of(plan, n->node->out[0]);
        value->params = n->bits == 8 ? (struct qc_affine){rule->fixed_scale8, rule->fixed_zero_point8} : (struct qc_affine){rule->fixed_scale16, 0};
        value->bits = n->bits;
        value->known = true;
        value->measured = false;
    }
}

/* The range of a constant that alone feeds a same-scale operator: an embedding's own, so that rows never seen fit too. */
static bool constant_params(const struct qc_int_node *n, struct qc_affine *params)
{
    const struct qc_tensor *only = NULL;
    double min = 0, max = 0;
    if (float_operands(n->node) != 1) return false;
    for (int k = 0; k < n->node->in_count; k++)
        if (qc_int_in_group(n, k)) only = n->node->in[k];
    if (!only || !only->constant) return false;
    for (size_t i = 0; i + 4 <= only->bytes; i += 4) {
        float value;
        memcpy(&value, (const char *)only->data + i, 4);
        min = fmin(min, (double)value);
        max = fmax(max, (double)value);
    }
    *params = qc_params_constant(min, max, n->bits);
    return true;
}

/* The parameters that a same-scale operator takes, of those that its values have by now; false: none yet. */
static bool choose(struct qc_int_plan *plan, const struct qc_int_node *n, struct qc_affine *params)
{
    const struct qc_int_value *operand = NULL, *result = NULL, *measured = NULL, *any = NULL;
    int operands = float_operands(n->node), results = n->node->out_count;
    if (constant_params(n, params)) return true;
    for (int k = 0; k < n->node->in_count; k++) {
        const struct qc_int_value *value = qc_int_in_group(n, k) && !n->node->in[k]->constant ? qc_int_value_of(plan, n->node->in[k]) : NULL;
        if (!value || !value->known || value->bits != n->bits) continue;
        if (!operand) operand = value;
        if (!any) any = value;
        if (!measured && value->measured) measured = value;
    }
    if (operands == 1 && operand && operand->measured) return *params = operand->params, true;
    for (int k = 0; k < results && qc_int_results_in_group(n); k++) {
        const struct qc_int_value *value = qc_int_value_of(plan, n->node->out[k]);
        if (!value->known || value->bits != n->bits) continue;
        if (!result) result = value;
        if (!any) any = value;
        if (!measured && value->measured) measured = value;
    }
    const struct qc_int_value *chosen = results == 1 && result && result->measured ? result
                                        : measured                                  ? measured
                                        : operands == 1 && operand                  ? operand
                                        : results == 1 && result                    ? result
                                                                                    : any;
    if (!chosen) return false;
    *params = chosen->params;
    return true;
}

static void settle_node(struct qc_int_plan *plan, struct qc_int_node *n)
{
    for (int k = 0; k < n->node->in_count; k++) {
        struct qc_int_value *value = qc_int_in_group(n, k) && !n->node->in[k]->constant ? qc_int_value_of(plan, n->node->in[k]) : NULL;
        if (!value || value->known) continue;
        value->params = n->params;
        value->bits = n->bits;
        value->known = true;
    }
    for (int k = 0; k < n->node->out_count && qc_int_results_in_group(n); k++) {
        struct qc_int_value *value = qc_int_value_of(plan, n->node->out[k]);
        if (value->known || !qc_int_is_float(n->node->out[k])) continue;
        value->params = n->params;
        value->bits = n->bits;
        value->known = true;
    }
}

static void spread_params(struct qc_int_plan *plan)
{
    bool *done = qc_arena_alloc(&plan->q->model->arena, plan->node_count + 1);
    for (bool again = done != NULL; again;) {
        again = false;
        for (uint32_t i = 0; i < plan->node_count; i++) {
            struct qc_int_node *n = &plan->node[i];
            if (!n->grouped || done[i] || !choose(plan, n, &n->params)) continue;
            settle_node(plan, n);
            done[i] = again = true;
        }
        if (again) continue;
        for (uint32_t i = 0; i < plan->node_count && !again; i++) { /* a ring in which everyone borrows: break it at its first value */
            struct qc_int_node *n = &plan->node[i];
            if (!n->grouped || done[i]) continue;
            struct qc_int_value *value = qc_int_value_of(plan, n->node->out[0]);
            value->params = measured_params(plan, n->node->out[0]);
            value->bits = n->bits;
            value->known = value->measured = again = true;
        }
    }
}

bool qc_int_plan_measured(const struct qc_int_plan *plan)
{
    size_t floats = 0, measured = 0;
    for (uint32_t i = 0; i < plan->value_count; i++) {
        const struct qc_tensor *tensor = plan->graph->tensor[i];
        if (!qc_int_is_float(tensor) || tensor->constant) continue;
        floats++;
        measured += is_measured(plan->q, tensor);
    }
    return measured || !floats;
}

static bool is_integer(const struct qc_int_plan *plan, const struct qc_tensor *tensor)
{
    bool any = tensor->producer && plan->node[tensor->producer->index].bits;
    for (const struct qc_use *use = tensor->uses; use && !any; use = use->next) any = plan->node[use->node->index].bits;
    return any;
}

/* Of values that become integers; statistics from a file may hold anything. */
static qc_status check_scales(const struct qc_int_plan *plan)
{
    for (uint32_t i = 0; i < plan->value_count; i++) {
        const struct qc_tensor *tensor = plan->graph->tensor[i];
        float min = 0, max = 0, scale = plan->value[i].params.scale;
        if (!plan->value[i].known || (isfinite(scale) && scale > 0) || !is_integer(plan, tensor)) continue;
        qc_stats_range(plan->q->stats, tensor, &min, &max);
        return qc_fail(&plan->q->model->env, QC_RANGE, "'%s': its range [%g, %g] gives the scale %g; check the data or the statistics, or keep the layer in "
                       "float with --keep-float", tensor->name, (double)min, (double)max, (double)scale);
    }
    return QC_OK;
}

qc_status qc_int_plan_make(struct qc_int_plan *plan, struct qc_quantizer *q, struct qc_graph *graph)
{
    struct qc_arena *arena = &q->model->arena;
    *plan = (struct qc_int_plan){.q = q, .graph = graph, .node_count = graph->node_count, .value_count = graph->tensor_count};
    plan->node = qc_arena_array(arena, plan->node_count, sizeof *plan->node);
    plan->value = qc_arena_array(arena, plan->value_count, sizeof *plan->value);
    plan->constant = qc_arena_array(arena, plan->value_count, sizeof *plan->constant);
    if (!plan->node || !plan->value || !plan->constant) return QC_NOMEM;
    for (uint32_t i = 0; i < plan->node_count; i++) plan->node[i].node = graph->node[i];
    classify(plan);
    borrow_forward(plan);
    borrow_backward(plan);
    start_params(plan);
    spread_params(plan);
    if (q->model->env.error.status) return q->model->env.error.status;
    return check_scales(plan);
}
