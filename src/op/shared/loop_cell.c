/*
 * loop_cell.c - see loop_cell.h. Formulas: kernel/recurrent.h.
 */
#include "op/shared/loop_cell.h"

struct finder {
    struct qc_loop_body *body;
    struct qc_loop_cell *cell;
    struct qc_recurrent_layer *layer;
    int32_t units;
};

static bool state_is(const struct qc_expression *e, int variable)
{
    const struct qc_term *term = qc_single_term(e, QC_TERM_STATE);
    return term && term->variable == variable;
}

/* gate(argument); an expression without a function is linear. */
static const struct qc_expression *argument(const struct qc_expression *e, struct qc_gate *gate)
{
    const bool applied = e && e->kind == QC_EX_APPLY;
    *gate = applied ? e->gate : (struct qc_gate){QC_GATE_LINEAR, 0, 0};
    return applied ? e->a : e;
}

static bool same_gate(struct qc_gate a, struct qc_gate b)
{
    return a.function == b.function && a.slope == b.slope && a.offset == b.offset;
}

/* ---- sums before a gate ---- */

static bool add_bias(struct finder *f, const struct qc_term *term, const float **bias)
{
    const size_t elements = qc_tensor_elements(term->tensor);
    float *sum = qc_step_alloc(f->body->step, (size_t)f->units * sizeof *sum);
    if (!sum) return false;
    for (int32_t i = 0; i < f->units; i++) {
        const size_t at = elements == 1 ? 0 : (size_t)(term->offset + i);
        if (at >= elements) return false;
        const float value = qc_loop_constant(term->tensor, at);
        sum[i] = (*bias ? (*bias)[i] : 0) + (term->negative ? -value : value);
    }
    *bias = sum;
    return true;
}

/* A term that comes from the input: its part as it is, or a product with weights. */
static bool add_input(struct finder *f, int gate, const struct qc_term *term)
{
    struct qc_loop_cell *cell = f->cell;
    struct qc_recurrent_layer *l = f->layer;
    const struct qc_term *input = term->kind == QC_TERM_PRODUCT ? qc_single_term(term->value, QC_TERM_INPUT) : term;
    if (!input || term->negative || (term->kind == QC_TERM_PRODUCT && input->offset)) return false;
    if (cell->x >= 0 && (cell->x != input->variable || (term->kind == QC_TERM_PRODUCT) != (l->inputs > 0))) return false;
    if (l->input[gate].tensor || (gate == 0 && cell->x >= 0)) return false; /* one for each gate, the first one first */
    cell->x = input->variable;
    if (term->kind == QC_TERM_PRODUCT) {
        if (l->inputs && l->inputs != term->value->width) return false;
        l->inputs = term->value->width;
        l->input[gate] = (struct qc_recurrent_weights){term->tensor, term->offset};
        return true;
    }
    if (gate == 0) cell->x_offset = term->offset;
    if (gate == 1) cell->x_gate = term->offset - cell->x_offset;
    return term->offset == cell->x_offset + gate * cell->x_gate && cell->x_gate >= 0;
}

/*
 * The sum of one gate: input part, recurrent product of `multiplied` (a state, or r * h), constants. `inner` is set to the value of a term
 * that is something else, if the caller wants one.
 */
static bool read_sum(struct finder *f, int gate, const struct qc_expression *e, const struct qc_expression **inner)
{
    struct qc_recurrent_layer *l = f->layer;
    bool has_input = false;
    if (!e || e->kind != QC_EX_SUM || e->width != f->units) return false;
    for (int i = 0; i < e->count; i++) {
        const struct qc_term *term = &e->term[i];
        const bool recurrent = term->kind == QC_TERM_PRODUCT && !term->negative && state_is(term->value, f->cell->h);
        if (recurrent) {
            if (l->recurrent[gate].tensor) return false;
            l->recurrent[gate] = (struct qc_recurrent_weights){term->tensor, term->offset};
        } else if (term->kind == QC_TERM_CONSTANT) {
            /* beside a product of the input it is its bias; beside a given part, the recurrent one's */
            if (!add_bias(f, term, &l->input_bias[gate])) return false;
        } else if (inner && !*inner && !term->negative && (term->kind == QC_TERM_VALUE || (term->kind == QC_TERM_PRODUCT && !qc_single_term(term->value, QC_TERM_INPUT)))) {
            *inner = e; /* the caller looks at the term */
        } else {
            if (has_input || !add_input(f, gate, term)) return false;
            has_input = true;
        }
    }
    return has_input;
}

/* A gate's plain sum. */
static bool read_gate(struct finder *f, int gate, const struct qc_expression *e)
{
    return read_sum(f, gate, e, NULL) && f->layer->recurrent[gate].tensor;
}

/* ---- cells ---- */

static bool find_lstm(struct finder *f, const struct qc_expression *h, const struct qc_expression *c)
{
    struct qc_recurrent_layer *l = f->layer;
    if (h->kind != QC_EX_TIMES || c->kind != QC_EX_SUM || c->count != 2) return false;
    const struct qc_expression *output = NULL, *forget = NULL, *pair = NULL;
    for (int k = 0; k < 2; k++) { /* h = output * activation(c) */
        const struct qc_expression *other = k ? h->a : h->b;
        if (argument(k ? h->b : h->a, &l->activation) == c) output = other;
        if (output) break;
    }
    for (int i = 0; i < 2; i++) { /* c = forget * c + pair */
        const struct qc_expression *v = c->term[i].kind == QC_TERM_VALUE && !c->term[i].negative ? c->term[i].value : NULL;
        if (!v || v->kind != QC_EX_TIMES) return false;
        if (!forget && state_is(v->a, f->cell->c)) forget = v->b;
        else if (!forget && state_is(v->b, f->cell->c)) forget = v->a;
        else pair = v;
    }
    struct qc_gate gate[4];
    if (!output || !forget || !pair) return false;
    const struct qc_expression *o = argument(output, &gate[3]), *fg = argument(forget, &gate[1]);
    const struct qc_expression *i = argument(pair->a, &gate[0]), *g = argument(pair->b, &gate[2]);
    if (!same_gate(gate[0], gate[1])) i = argument(pair->b, &gate[0]), g = argument(pair->a, &gate[2]);
    if (!same_gate(gate[0], gate[1]) || !same_gate(gate[3], gate[1]) || !same_gate(gate[2], l->activation)) return false;
    l->cell = QC_RNN_LSTM;
    l->recurrent_activation = gate[1];
    return read_gate(f, 0, i) && read_gate(f, 1, fg) && read_gate(f, 2, g) && read_gate(f, 3, o);
}

/* 1 - z */
static bool is_complement(const struct qc_expression *e, const struct qc_expression *z)
{
    if (!e || e->kind != QC_EX_SUM || e->count != 2) return false;
    bool one = false, less = false;
    for (int i = 0; i < 2; i++) {
        const struct qc_term *term = &e->term[i];
        float value = 0;
        if (term->kind == QC_TERM_CONSTANT && qc_tensor_elements(term->tensor) == 1) value = qc_loop_constant(term->tensor, 0);
        one |= value == 1 && !term->negative;
        less |= term->kind == QC_TERM_VALUE && term->negative && term->value == z;
    }
    return one && less;
}

/* h' = z h + (1 - z) candidate, or candidate + z (h - candidate). */
static bool read_blend(const struct finder *f, const struct qc_expression *h, const struct qc_expression **z, const struct qc_expression **candidate)
{
    if (h->kind != QC_EX_SUM || h->count != 2) return false;
    for (int i = 0; i < 2; i++) {
        const struct qc_expression *first = h->term[i].value, *second = h->term[1 - i].value;
        if (h->term[0].kind != QC_TERM_VALUE || h->term[1].kind != QC_TERM_VALUE || h->term[0].negative || h->term[1].negative) return false;
        for (int k = 0; first->kind == QC_EX_TIMES && k < 2; k++) {
            const struct qc_expression *gate = k ? first->a : first->b, *old = k ? first->b : first->a;
            if (state_is(old, f->cell->h) && second->kind == QC_EX_TIMES) {
                *z = gate;
                *candidate = is_complement(second->a, gate) ? second->b : is_complement(second->b, gate) ? second->a : NULL;
                if (*candidate) return true;
            }
            if (old->kind != QC_EX_SUM || old->count != 2) continue;
            for (int m = 0; m < 2; m++) {
                const struct qc_term *kept = &old->term[m], *taken = &old->term[1 - m];
                if (kept->kind == QC_TERM_STATE && !kept->negative && kept->variable == f->cell->h && taken->kind == QC_TERM_VALUE &&
                    taken->negative && taken->value == second) {
                    *z = gate;
                    *candidate = second;
                    return true;
                }
            }
        }
    }
    return false;
}

/* The candidate's recurrent part: r * (R h + b), or R (r * h). *reset becomes r. */
static bool read_reset(struct finder *f, const struct qc_expression *sum, const struct qc_expression **reset)
{
    struct qc_recurrent_layer *l = f->layer;
    for (int i = 0; i < sum->count; i++) {
        const struct qc_term *term = &sum->term[i];
        const struct qc_expression *v = term->value;
        if (!v || v->kind != QC_EX_TIMES || (term->kind != QC_TERM_VALUE && term->kind != QC_TERM_PRODUCT)) continue;
        for (int k = 0; k < 2; k++) {
            const struct qc_expression *r = k ? v->a : v->b, *other = k ? v->b : v->a;
            if (term->kind == QC_TERM_PRODUCT && state_is(other, f->cell->h)) {
                l->cell = QC_RNN_GRU_BEFORE;
                l->recurrent[2] = (struct qc_recurrent_weights){term->tensor, term->offset};
                *reset = r;
                return true;
            }
            if (term->kind != QC_TERM_VALUE || other->kind != QC_EX_SUM || r->kind != QC_EX_APPLY) continue;
            l->cell = QC_RNN_GRU_AFTER;
            *reset = r;
            for (int m = 0; m < other->count; m++) {
                const struct qc_term *inside = &other->term[m];
                if (inside->kind == QC_TERM_CONSTANT) {
                    if (!add_bias(f, inside, &l->recurrent_bias[2])) return false;
                } else if (inside->kind == QC_TERM_PRODUCT && !inside->negative && state_is(inside->value, f->cell->h) && !l->recurrent[2].tensor) {
                    l->recurrent[2] = (struct qc_recurrent_weights){inside->tensor, inside->offset};
                } else {
                    return false;
                }
            }
            return l->recurrent[2].tensor != NULL;
        }
    }
    return false;
}

static bool find_gru(struct finder *f, const struct qc_expression *h)
{
    struct qc_recurrent_layer *l = f->layer;
    const struct qc_expression *z, *candidate, *reset = NULL, *inner = NULL;
    struct qc_gate other;
    if (!read_blend(f, h, &z, &candidate)) return false;
    const struct qc_expression *sum = argument(candidate, &l->activation);
    if (!sum || sum->kind != QC_EX_SUM || !read_reset(f, sum, &reset)) return false;
    const struct qc_expression *update_sum = argument(z, &l->recurrent_activation), *reset_sum = argument(reset, &other);
    return same_gate(other, l->recurrent_activation) && read_gate(f, 0, update_sum) && read_gate(f, 1, reset_sum) && read_sum(f, 2, sum, &inner) &&
           inner;
}

static bool find_simple(struct finder *f, const struct qc_expression *h)
{
    f->layer->cell = QC_RNN_SIMPLE;
    return read_gate(f, 0, argument(h, &f->layer->activation));
}

/*
 * Constants stood in the gates' sums. Beside products of the input they are that product's bias. Beside given parts they join the recurrent
 * product's, which is the same sum but for the candidate of a GRU that resets after.
 */
static bool place_biases(struct finder *f)
{
    struct qc_recurrent_layer *l = f->layer;
    if (l->inputs) return true;
    for (int g = 0; g < qc_recurrent_gates(l->cell); g++) {
        if (!l->input_bias[g]) continue;
        if (l->cell == QC_RNN_GRU_AFTER && g == 2) return false;
        l->recurrent_bias[g] = l->input_bias[g];
        l->input_bias[g] = NULL;
    }
    return true;
}

/* ---- finding ---- */

/* The new value of a state before a mask keeps the old one. */
static const struct qc_expression *unmasked(struct finder *f, int variable)
{
    const struct qc_expression *e = qc_loop_expression(f->body, f->body->graph->output[variable]);
    if (!e || e->kind != QC_EX_SELECT) return e;
    if (!state_is(e->b, variable) || (f->cell->mask >= 0 && f->cell->mask != e->variable)) return NULL;
    f->cell->mask = e->variable;
    return e->a;
}

static bool is_state(const struct qc_graph *body, int variable)
{
    const struct qc_tensor *tensor = body->input[variable];
    return tensor->type == QC_FLOAT32 && tensor->rank == 2 && body->output[variable] != tensor;
}

static bool try_states(struct qc_loop_body *body, int h, int c, struct qc_loop_cell *cell, struct qc_recurrent_layer *layer)
{
    *cell = (struct qc_loop_cell){.h = h, .c = c, .mask = -1, .x = -1};
    *layer = (struct qc_recurrent_layer){.units = body->graph->input[h]->dims[1]};
    struct finder f = {body, cell, layer, layer->units};
    const struct qc_expression *new_h = unmasked(&f, h);
    const int mask = cell->mask;
    const struct qc_expression *new_c = c >= 0 ? unmasked(&f, c) : NULL;
    if (!new_h || new_h->width != layer->units || (c >= 0 && (!new_c || new_c->width != layer->units || cell->mask != mask))) return false;
    cell->output = new_h;
    return (c >= 0 ? find_lstm(&f, new_h, new_c) : find_gru(&f, new_h)) && place_biases(&f);
}

static bool try_simple(struct qc_loop_body *body, int h, struct qc_loop_cell *cell, struct qc_recurrent_layer *layer)
{
    *cell = (struct qc_loop_cell){.h = h, .c = -1, .mask = -1, .x = -1};
    *layer = (struct qc_recurrent_layer){.units = body->graph->input[h]->dims[1]};
    struct finder f = {body, cell, layer, layer->units};
    cell->output = unmasked(&f, h);
    return cell->output && cell->output->width == layer->units && find_simple(&f, cell->output) && place_biases(&f);
}

bool qc_loop_cell_find(struct qc_loop_body *body, struct qc_loop_cell *cell, struct qc_recurrent_layer *layer)
{
    const int count = body->graph->input_count;
    for (int h = 0; h < count; h++) {
        if (!is_state(body->graph, h)) continue;
        for (int c = 0; c < count; c++)
            if (c != h && is_state(body->graph, c) && try_states(body, h, c, cell, layer)) return true;
        if (try_states(body, h, -1, cell, layer) || try_simple(body, h, cell, layer)) return true;
    }
    return false;
}
