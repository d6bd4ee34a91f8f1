/*
 * loop_expression.c - see loop_expression.h.
 */
#include "op/shared/loop_expression.h"

#define CODE(name) tfl_BuiltinOperator_##name

enum { MAX_DEPTH = 200 };

bool qc_loop_body_begin(struct qc_loop_body *body, struct qc_step *step, const struct qc_graph *graph)
{
    *body = (struct qc_loop_body){.step = step, .graph = graph, .counter = -1};
    body->known = qc_step_alloc(step, (graph->tensor_count + 1) * sizeof *body->known);
    body->visited = qc_step_alloc(step, (graph->tensor_count + 1) * sizeof *body->visited);
    return body->known && body->visited;
}

/* ---- loop variables ---- */

int qc_loop_variable(const struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    for (int i = 0; i < body->graph->input_count; i++)
        if (body->graph->input[i] == tensor) return i;
    return -1;
}

bool qc_loop_unchanged(const struct qc_loop_body *body, int variable)
{
    return body->graph->output[variable] == body->graph->input[variable];
}

static bool int_constant(const struct qc_tensor *tensor, size_t at, int32_t *value)
{
    if (!tensor || !tensor->constant || tensor->type != QC_INT32 || tensor->bytes < (at + 1) * 4) return false;
    memcpy(value, (const char *)tensor->data + at * 4, 4);
    return true;
}

static bool plain(const struct qc_tensor *tensor)
{
    return tensor && (!tensor->producer || tensor->producer->out[0] == tensor);
}

/* tensor = variable + 1, reshapes in between ignored. */
static bool one_more(const struct qc_loop_body *body, const struct qc_tensor *tensor, int variable)
{
    const struct qc_node *node = plain(tensor) ? tensor->producer : NULL;
    if (!node || node->code != CODE(ADD) || node->in_count != 2) return false;
    int32_t one;
    for (int k = 0; k < 2; k++)
        if (node->in[k] == body->graph->input[variable] && int_constant(node->in[1 - k], 0, &one) && one == 1 && node->in[1 - k]->bytes == 4)
            return true;
    return false;
}

bool qc_loop_counts(const struct qc_loop_body *body, int variable)
{
    const struct qc_tensor *in = body->graph->input[variable];
    return in->type == QC_INT32 && qc_tensor_elements(in) == 1 && one_more(body, body->graph->output[variable], variable);
}

static const struct qc_tensor *without_reshape(const struct qc_tensor *tensor)
{
    for (int i = 0; i < 4 && plain(tensor) && tensor->producer; i++) {
        const int code = tensor->producer->code;
        if (code != CODE(RESHAPE) && code != CODE(EXPAND_DIMS) && code != CODE(SQUEEZE)) break;
        tensor = tensor->producer->in[0];
    }
    return tensor;
}

/* The tensor counts the steps. All uses must agree on the variable. */
static bool is_counter(struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    const int variable = qc_loop_variable(body, without_reshape(tensor));
    if (variable < 0 || !qc_loop_counts(body, variable) || (body->counter >= 0 && body->counter != variable)) return false;
    body->counter = variable;
    return true;
}

/* ---- expressions ---- */

static struct qc_expression *fresh(struct qc_loop_body *body, enum qc_expression_kind kind, int32_t width)
{
    struct qc_expression *e = qc_step_alloc(body->step, sizeof *e);
    if (e) {
        e->kind = kind;
        e->width = width;
    }
    return e;
}

static const struct qc_expression *sum_of(struct qc_loop_body *body, int32_t width, struct qc_term term)
{
    struct qc_expression *e = fresh(body, QC_EX_SUM, width);
    if (e) e->term[e->count++] = term;
    return e;
}

const struct qc_term *qc_single_term(const struct qc_expression *e, enum qc_term_kind kind)
{
    return e && e->kind == QC_EX_SUM && e->count == 1 && e->term[0].kind == kind && !e->term[0].negative ? &e->term[0] : NULL;
}

static int32_t width_of(const struct qc_tensor *tensor)
{
    return tensor->has_shape && tensor->rank ? tensor->dims[tensor->rank - 1] : 1;
}

/* a + b or a - b. */
static const struct qc_expression *add(struct qc_loop_body *body, const struct qc_expression *a, const struct qc_expression *b, bool minus)
{
    const struct qc_expression *part[2] = {a, b};
    if (!a || !b || (a->width != b->width && a->width != 1 && b->width != 1)) return NULL;
    struct qc_expression *e = fresh(body, QC_EX_SUM, QC_MAX(a->width, b->width));
    for (int k = 0; e && k < 2; k++) {
        if (part[k]->width != e->width && !qc_single_term(part[k], QC_TERM_CONSTANT)) return NULL;
        const struct qc_term whole = {.kind = QC_TERM_VALUE, .value = part[k]};
        const int count = part[k]->kind == QC_EX_SUM ? part[k]->count : 1;
        for (int i = 0; i < count; i++) {
            if (e->count == QC_MAX_TERMS) return NULL;
            e->term[e->count] = part[k]->kind == QC_EX_SUM ? part[k]->term[i] : whole;
            e->term[e->count++].negative ^= k == 1 && minus;
        }
    }
    return e;
}

/* Elements [from, from + width). */
static const struct qc_expression *slice(struct qc_loop_body *body, const struct qc_expression *e, int32_t from, int32_t width)
{
    if (!e || from < 0 || width < 1 || width > e->width - from) return NULL;
    if (width == e->width) return e;
    struct qc_expression *part = fresh(body, e->kind, width);
    if (!part) return NULL;
    if (e->kind == QC_EX_APPLY) {
        part->gate = e->gate;
        part->a = slice(body, e->a, from, width);
        return part->a ? part : NULL;
    }
    if (e->kind != QC_EX_SUM) return NULL;
    for (part->count = 0; part->count < e->count; part->count++) {
        struct qc_term *term = &part->term[part->count];
        *term = e->term[part->count];
        if (term->kind == QC_TERM_STATE) return NULL;
        if (term->kind == QC_TERM_VALUE) term->value = slice(body, term->value, from, width);
        else if (term->kind != QC_TERM_CONSTANT || qc_tensor_elements(term->tensor) > 1) term->offset += from;
        if (term->kind == QC_TERM_VALUE && !term->value) return NULL;
    }
    return part;
}

static const struct qc_expression *apply(struct qc_loop_body *body, const struct qc_expression *a, struct qc_gate gate)
{
    struct qc_expression *e = a ? fresh(body, QC_EX_APPLY, a->width) : NULL;
    if (!e) return NULL;
    e->a = a;
    e->gate = gate;
    return e;
}

/* ---- operators ---- */

static const struct qc_expression *constant(struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    const bool stored = tensor->type == QC_FLOAT32 || tensor->type == QC_FLOAT16;
    const size_t elements = qc_tensor_elements(tensor);
    if (!stored || !tensor->has_shape || elements < 1 || elements != (size_t)width_of(tensor)) return NULL;
    return sum_of(body, width_of(tensor), (struct qc_term){.kind = QC_TERM_CONSTANT, .tensor = tensor});
}

float qc_loop_constant(const struct qc_tensor *tensor, size_t at)
{
    uint16_t half;
    float value;
    memcpy(&half, (const char *)tensor->data + at * 2, sizeof half);
    if (tensor->type == QC_FLOAT16) return qc_half_to_float(half);
    memcpy(&value, (const char *)tensor->data + at * 4, sizeof value);
    return value;
}

/* Weights as they are stored: a constant, or one behind a DEQUANTIZE from float16, of the body or handed in by a variable. */
static const struct qc_tensor *stored(const struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    const int variable = tensor ? qc_loop_variable(body, tensor) : -1;
    if (variable >= 0 && qc_loop_unchanged(body, variable)) tensor = body->step->in[variable]->tensor;
    if (!tensor) return NULL;
    const struct qc_node *node = tensor->producer;
    if (node && node->code == CODE(DEQUANTIZE) && node->in[0] && node->in[0]->type == QC_FLOAT16) tensor = node->in[0];
    return tensor->constant && tensor->has_shape ? tensor : NULL;
}

static const struct qc_expression *gather(struct qc_loop_body *body, const struct qc_node *node)
{
    const struct tfl_GatherOptions *options = node->options;
    const int variable = qc_loop_variable(body, node->in[0]);
    if (variable < 0 || (options && (options->axis || options->batch_dims)) || !qc_loop_unchanged(body, variable) || !is_counter(body, node->in[1]))
        return NULL;
    const struct qc_tensor *x = node->in[0];
    if (x->rank != 3) return NULL;
    if (x->type == QC_FLOAT32) return sum_of(body, x->dims[2], (struct qc_term){.kind = QC_TERM_INPUT, .variable = variable});
    struct qc_expression *e = x->type == QC_BOOL && x->dims[2] == 1 ? fresh(body, QC_EX_MASK, 1) : NULL;
    if (e) e->variable = variable;
    return e;
}

static const struct qc_expression *product(struct qc_loop_body *body, const struct qc_node *node)
{
    const struct tfl_FullyConnectedOptions *options = node->options;
    const struct qc_tensor *w = node->in_count > 1 ? stored(body, node->in[1]) : NULL, *bias = node->in_count > 2 ? node->in[2] : NULL;
    const struct qc_expression *x = qc_loop_expression(body, node->in[0]);
    if (!x || !w || w->rank != 2 || w->dims[1] != x->width || (options && (options->weights_format || options->fused_activation_function)))
        return NULL;
    if (w->type != QC_FLOAT32 && w->type != QC_FLOAT16 && !(w->type == QC_INT8 && w->quant && w->quant->count)) return NULL;
    if (w->type == QC_INT8 && w->quant->count > 1 && (w->quant->count != (uint32_t)w->dims[0] || w->quant->axis)) return NULL;
    const struct qc_expression *e = sum_of(body, w->dims[0], (struct qc_term){.kind = QC_TERM_PRODUCT, .tensor = w, .value = x});
    return bias ? add(body, e, qc_loop_expression(body, bias), false) : e;
}

static const struct qc_expression *split(struct qc_loop_body *body, const struct qc_node *node, const struct qc_tensor *tensor)
{
    const bool sizes = node->code == CODE(SPLIT_V); /* inputs x, sizes, axis; SPLIT: axis, x */
    const struct qc_tensor *x = node->in_count == (sizes ? 3 : 2) ? node->in[sizes ? 0 : 1] : NULL;
    int32_t axis, from = 0;
    if (!x || !x->has_shape || !int_constant(node->in[sizes ? 2 : 0], 0, &axis) || (axis != -1 && axis != x->rank - 1)) return NULL;
    for (int i = 0; i < node->out_count && node->out[i] != tensor; i++) from += width_of(node->out[i]);
    return slice(body, qc_loop_expression(body, x), from, width_of(tensor));
}

/* [begin, end) of the last axis, all of the others. */
static const struct qc_expression *strided_slice(struct qc_loop_body *body, const struct qc_node *node, const struct qc_tensor *tensor)
{
    static const struct tfl_StridedSliceOptions none;
    const struct tfl_StridedSliceOptions *o = node->options ? node->options : &none;
    const struct qc_tensor *x = node->in[0];
    if (node->in_count != 4 || !x->has_shape || x->rank < 1 || o->ellipsis_mask || o->new_axis_mask || o->shrink_axis_mask || o->offset) return NULL;
    int32_t begin = 0, end, step;
    for (int i = 0; i < x->rank; i++) {
        const int bit = 1 << i, last = i == x->rank - 1;
        if (!int_constant(node->in[3], (size_t)i, &step) || step != 1) return NULL;
        if (!int_constant(node->in[1], (size_t)i, &begin) || !int_constant(node->in[2], (size_t)i, &end)) return NULL;
        if (o->begin_mask & bit) begin = 0;
        if (o->end_mask & bit) end = x->dims[i];
        if (begin < 0 || end > x->dims[i] || (!last && (begin || end != x->dims[i]))) return NULL;
    }
    return end - begin == width_of(tensor) ? slice(body, qc_loop_expression(body, x), begin, end - begin) : NULL;
}

static const struct qc_expression *slice_node(struct qc_loop_body *body, const struct qc_node *node, const struct qc_tensor *tensor)
{
    const struct qc_tensor *x = node->in[0];
    int32_t begin = 0;
    if (node->in_count != 3 || !x->has_shape || tensor->rank != x->rank) return NULL;
    for (int i = 0; i < x->rank; i++)
        if (!int_constant(node->in[1], (size_t)i, &begin) || (i < x->rank - 1 && (begin || tensor->dims[i] != x->dims[i]))) return NULL;
    return slice(body, qc_loop_expression(body, x), begin, width_of(tensor));
}

static bool scalar(const struct qc_expression *e, float *value)
{
    const struct qc_term *term = qc_single_term(e, QC_TERM_CONSTANT);
    if (!term || qc_tensor_elements(term->tensor) != 1) return false;
    *value = qc_loop_constant(term->tensor, 0);
    return true;
}

static const struct qc_expression *times(struct qc_loop_body *body, const struct qc_expression *a, const struct qc_expression *b)
{
    struct qc_expression *e = a && b && a->width == b->width ? fresh(body, QC_EX_TIMES, a->width) : NULL;
    if (!e) return NULL;
    e->a = a;
    e->b = b;
    return e;
}

static const struct qc_expression *choose(struct qc_loop_body *body, const struct qc_node *node)
{
    const struct qc_expression *mask = qc_loop_expression(body, node->in[0]);
    const struct qc_expression *a = qc_loop_expression(body, node->in[1]), *b = qc_loop_expression(body, node->in[2]);
    struct qc_expression *e = mask && a && b && mask->kind == QC_EX_MASK ? fresh(body, QC_EX_SELECT, a->width) : NULL;
    if (!e) return NULL;
    e->variable = mask->variable;
    e->a = a;
    e->b = b;
    return e;
}

/* ---- writing a row ---- */

/* The constants of a shape operand joined to the counter by CONCATENATION or PACK: element 0 is the counter (plus one), the others `rest`. */
static bool index_of(struct qc_loop_body *body, const struct qc_tensor *tensor, bool next, int32_t rest)
{
    const struct qc_node *node = plain(tensor) ? tensor->producer : NULL;
    if (!node || (node->code != CODE(CONCATENATION) && node->code != CODE(PACK)) || node->in_count < 2) return false;
    const struct qc_tensor *first = without_reshape(node->in[0]);
    if (next ? body->counter < 0 || !one_more(body, first, body->counter) : !is_counter(body, first)) return false;
    for (int i = 1; i < node->in_count; i++) {
        int32_t value;
        for (size_t k = 0; k < qc_tensor_elements(node->in[i]); k++)
            if (!int_constant(node->in[i], k, &value) || value != rest) return false;
    }
    return true;
}

static const struct qc_expression *put(struct qc_loop_body *body, const struct qc_tensor *target, const struct qc_tensor *row)
{
    const int variable = qc_loop_variable(body, target);
    const struct qc_expression *a = qc_loop_expression(body, row);
    struct qc_expression *e = variable >= 0 && a && target->rank == 3 && target->dims[2] == a->width ? fresh(body, QC_EX_WRITE, a->width) : NULL;
    if (!e) return NULL;
    e->variable = variable;
    e->a = a;
    return e;
}

/* DYNAMIC_UPDATE_SLICE(y, row, [t, 0, 0]) */
static const struct qc_expression *update(struct qc_loop_body *body, const struct qc_node *node)
{
    return node->in_count == 3 && index_of(body, node->in[2], false, 0) ? put(body, node->in[0], node->in[1]) : NULL;
}

/* CONCATENATION(y[: t], row, y[t + 1 :]) */
static const struct qc_expression *splice(struct qc_loop_body *body, const struct qc_node *node)
{
    const struct tfl_ConcatenationOptions *options = node->options;
    if (node->in_count != 3 || (options && (options->axis || options->fused_activation_function))) return NULL;
    const struct qc_node *head = node->in[0]->producer, *tail = node->in[2]->producer;
    if (!head || !tail || head->code != CODE(SLICE) || tail->code != CODE(SLICE) || head->in_count != 3 || tail->in_count != 3) return NULL;
    if (head->in[0] != tail->in[0] || !index_of(body, head->in[2], false, -1) || !index_of(body, tail->in[1], true, 0)) return NULL;
    int32_t value;
    for (size_t i = 0; i < 3; i++) {
        if (!int_constant(head->in[1], i, &value) || value != 0) return NULL;
        if (!int_constant(tail->in[2], i, &value) || value != -1) return NULL;
    }
    return put(body, head->in[0], node->in[1]);
}

/* ---- all of them ---- */

static int fused(const struct qc_node *node)
{
    if (!node->options) return 0;
    if (node->code == CODE(ADD)) return ((const struct tfl_AddOptions *)node->options)->fused_activation_function;
    if (node->code == CODE(SUB)) return ((const struct tfl_SubOptions *)node->options)->fused_activation_function;
    return ((const struct tfl_MulOptions *)node->options)->fused_activation_function;
}

/* min(max(slope x + offset, 0), 1) in the ways it is written. */
static const struct qc_expression *hard(struct qc_loop_body *body, const struct qc_node *node)
{
    float slope = 1, offset, limit;
    const struct qc_tensor *x;
    if (node->code == CODE(MUL) && node->in_count == 2) { /* RELU6(x + 3) / 6 */
        const struct qc_node *relu6 = node->in[0]->producer;
        if (!scalar(qc_loop_expression(body, node->in[1]), &slope) || !relu6) return NULL;
        const bool add6 = relu6->code == CODE(ADD) && fused(relu6) == tfl_ActivationFunctionType_RELU6;
        const struct qc_node *sum = add6 ? relu6 : relu6->code == CODE(RELU6) ? relu6->in[0]->producer : NULL;
        if (!sum || sum->code != CODE(ADD) || (!add6 && fused(sum)) || !scalar(qc_loop_expression(body, sum->in[1]), &offset)) return NULL;
        if (slope < 1 / 6.0f - 1e-7f || slope > 1 / 6.0f + 1e-7f) return NULL;
        return apply(body, qc_loop_expression(body, sum->in[0]), (struct qc_gate){QC_GATE_HARD, slope, offset * slope});
    }
    /* MAXIMUM and MINIMUM in either order, or RELU and MINIMUM, over MUL and ADD */
    const struct qc_node *inner = node->in[0]->producer;
    if (!inner) return NULL;
    const struct qc_node *pair[2] = {node, inner};
    int least = 0, most = 0;
    for (int i = 0; i < 2; i++) {
        if (pair[i]->code == CODE(RELU)) least++;
        else if (pair[i]->code == CODE(MAXIMUM) && scalar(qc_loop_expression(body, pair[i]->in[1]), &limit) && limit == 0) least++;
        else if (pair[i]->code == CODE(MINIMUM) && scalar(qc_loop_expression(body, pair[i]->in[1]), &limit) && limit == 1) most++;
    }
    const struct qc_node *sum = inner->in[0]->producer;
    if (least != 1 || most != 1 || !sum || sum->code != CODE(ADD) || fused(sum) || !scalar(qc_loop_expression(body, sum->in[1]), &offset)) return NULL;
    x = sum->in[0];
    const struct qc_node *scaled = x->producer;
    if (scaled && scaled->code == CODE(MUL) && !fused(scaled) && scalar(qc_loop_expression(body, scaled->in[1]), &slope)) x = scaled->in[0];
    return apply(body, qc_loop_expression(body, x), (struct qc_gate){QC_GATE_HARD, slope, offset});
}

static const struct qc_expression *operation(struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    const struct qc_node *node = tensor->producer;
    for (int i = 0; i < node->in_count; i++)
        if (!node->in[i] && !(node->code == CODE(FULLY_CONNECTED) && i == 2)) return NULL;
    const struct qc_tensor *x = node->in_count ? node->in[0] : NULL, *y = node->in_count > 1 ? node->in[1] : NULL;
    if (!x) return NULL;
    const struct qc_expression *e;
    switch (node->code) {
    case CODE(DEQUANTIZE): return stored(body, tensor) ? constant(body, stored(body, tensor)) : NULL;
    case CODE(GATHER): return gather(body, node);
    case CODE(FULLY_CONNECTED): return product(body, node);
    case CODE(ADD):
    case CODE(SUB): return fused(node) ? NULL : add(body, qc_loop_expression(body, x), qc_loop_expression(body, y), node->code == CODE(SUB));
    case CODE(MUL):
        if (fused(node)) return NULL;
        e = times(body, qc_loop_expression(body, x), qc_loop_expression(body, y));
        return e ? e : hard(body, node);
    case CODE(LOGISTIC): return apply(body, qc_loop_expression(body, x), (struct qc_gate){QC_GATE_LOGISTIC, 0, 0});
    case CODE(TANH): return apply(body, qc_loop_expression(body, x), (struct qc_gate){QC_GATE_TANH, 0, 0});
    case CODE(RELU): return (e = hard(body, node)) ? e : apply(body, qc_loop_expression(body, x), (struct qc_gate){QC_GATE_RELU, 0, 0});
    case CODE(MINIMUM):
    case CODE(MAXIMUM): return hard(body, node);
    case CODE(SPLIT):
    case CODE(SPLIT_V): return split(body, node, tensor);
    case CODE(STRIDED_SLICE): return strided_slice(body, node, tensor);
    case CODE(SLICE): return slice_node(body, node, tensor);
    case CODE(SELECT):
    case CODE(SELECT_V2): return node->in_count == 3 ? choose(body, node) : NULL;
    case CODE(DYNAMIC_UPDATE_SLICE): return update(body, node);
    case CODE(CONCATENATION): return splice(body, node);
    case CODE(RESHAPE):
    case CODE(EXPAND_DIMS):
    case CODE(SQUEEZE): return x->has_shape && tensor->has_shape && width_of(x) == width_of(tensor) ? qc_loop_expression(body, x) : NULL;
    default: return NULL;
    }
}

const struct qc_expression *qc_loop_expression(struct qc_loop_body *body, const struct qc_tensor *tensor)
{
    if (!tensor || tensor->graph != body->graph || body->depth > MAX_DEPTH) return NULL;
    if (body->visited[tensor->index]) return body->known[tensor->index];
    body->visited[tensor->index] = true; /* a damaged graph's circle ends here */
    const struct qc_expression *e = NULL;
    const int variable = qc_loop_variable(body, tensor);
    body->depth++;
    if (variable >= 0) {
        if (tensor->type == QC_FLOAT32 && tensor->rank == 2)
            e = sum_of(body, tensor->dims[1], (struct qc_term){.kind = QC_TERM_STATE, .variable = variable});
        if (qc_loop_unchanged(body, variable) && stored(body, tensor)) e = constant(body, stored(body, tensor));
    } else if (tensor->constant) {
        e = constant(body, tensor);
    } else if (tensor->producer) {
        e = operation(body, tensor);
    }
    body->depth--;
    return body->known[tensor->index] = e;
}
