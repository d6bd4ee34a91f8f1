/*
 * reduce.c - MEAN, SUM, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY, REDUCE_ALL.
 *
 * The input is walked once in memory order into accumulators (kernel/reduce.h), which then become the output. Neighbouring axes that are
 * all kept or all reduced are merged first, so that the inner loops are long.
 */
#include "kernel/reduce.h"
#include "kernel/vmath.h"
#include "op/shared/check.h"
#include "op/shared/pad.h"
#include "op/shared/quantized.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

enum { PARALLEL_ELEMENTS = 1 << 16 };

#define CODE(name) tfl_BuiltinOperator_##name

static enum qc_reduce_op kind_of(const struct qc_step *step)
{
    switch (step->op->code) {
    case CODE(MEAN): return QC_REDUCE_MEAN;
    case CODE(SUM): return QC_REDUCE_SUM;
    case CODE(REDUCE_PROD): return QC_REDUCE_PROD;
    case CODE(REDUCE_MAX): return QC_REDUCE_MAX;
    case CODE(REDUCE_MIN): return QC_REDUCE_MIN;
    case CODE(REDUCE_ANY): return QC_REDUCE_ANY;
    default: return QC_REDUCE_ALL;
    }
}

static bool is_narrow(const struct qc_value *in)
{
    return in->type == QC_INT8 || in->type == QC_UINT8 || in->type == QC_INT16;
}

/* Sums of narrow integers need scales; products may do without; the largest and smallest number does not change scale. */
static bool is_scaled(const struct qc_step *step)
{
    if (!is_narrow(step->in[0])) return false;
    enum qc_reduce_op kind = kind_of(step);
    return kind == QC_REDUCE_MEAN || kind == QC_REDUCE_SUM || (kind == QC_REDUCE_PROD && qc_is_quantized(step->in[0]));
}

static qc_status read_axes(struct qc_step *step, unsigned *reduced)
{
    const struct qc_value *in = step->in[0], *axes = step->in[1];
    size_t count = qc_value_elements(axes);
    *reduced = 0;
    for (size_t i = 0; i < count && in->rank > 0; i++) {
        int axis;
        QC_TRY(qc_need_axis(step, qc_value_int(axes, i), in->rank, &axis));
        *reduced |= 1u << axis;
    }
    return QC_OK;
}

static qc_status infer(struct qc_step *step)
{
    const struct tfl_ReducerOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    const struct qc_value *in = step->in[0];
    if (qc_reduce_pick(kind_of(step), in->type)->width == 0) return qc_step_unsupported_type(step);
    if (is_scaled(step)) {
        QC_TRY(in->type == QC_INT16 ? qc_require_symmetric(step, "input 0", in) : qc_require_quantized(step, "input 0", in));
        QC_TRY(in->type == QC_INT16 ? qc_require_symmetric(step, "output 0", step->out[0]) : qc_require_quantized(step, "output 0", step->out[0]));
    }
    if (kind_of(step) == QC_REDUCE_PROD && is_scaled(step) && in->type == QC_UINT8) return qc_step_unsupported_type(step);
    if (!step->in[1]->known) return qc_defer(step, 0, in->type);
    unsigned reduced;
    int rank = 0;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(read_axes(step, &reduced));
    for (int d = 0; d < in->rank; d++) {
        if (!(reduced >> d & 1)) dims[rank++] = in->dims[d];
        else if (options->keep_dims) dims[rank++] = 1;
    }
    return qc_step_output(step, 0, in->type, rank, dims);
}

/* ---- plan ---- */

struct state {
    const struct qc_reduce *row;
    int groups; /* alternating kept and reduced */
    size_t size[QC_MAX_RANK + 1];
    bool reduced[QC_MAX_RANK + 1];
    size_t in_span[QC_MAX_RANK + 1], out_span[QC_MAX_RANK + 1]; /* elements inside group g */
    size_t out_count, each; /* results, and inputs for each of them */
    struct qc_reduce_qprod qprod;
    struct qc_multiplier rescale;
    const struct qc_vmath *math; /* of sums of floats */
    bool in_any_order;           /* sums in int32, which come out the same */
};

static void merge_axes(const struct qc_value *in, unsigned reduced, struct state *s)
{
    s->out_count = s->each = 1;
    for (int d = 0; d < in->rank; d++) {
        bool gone = reduced >> d & 1;
        *(gone ? &s->each : &s->out_count) *= (size_t)in->dims[d];
        if (s->groups && s->reduced[s->groups - 1] == gone) {
            s->size[s->groups - 1] *= (size_t)in->dims[d];
        } else {
            s->reduced[s->groups] = gone;
            s->size[s->groups++] = (size_t)in->dims[d];
        }
    }
    if (s->groups == 0) s->size[s->groups++] = 1;
    size_t in_span = 1, out_span = 1;
    for (int g = s->groups - 1; g >= 0; g--) {
        s->in_span[g] = in_span;
        s->out_span[g] = out_span;
        in_span *= s->size[g];
        if (!s->reduced[g]) out_span *= s->size[g];
    }
}

static qc_status plan(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    struct state *s = qc_step_alloc(step, sizeof *s);
    unsigned reduced;
    if (!s) return QC_NOMEM;
    step->state = s;
    QC_TRY(read_axes(step, &reduced));
    merge_axes(in, reduced, s);
    enum qc_reduce_op kind = kind_of(step);
    if (is_scaled(step)) {
        double scale = (double)qc_value_scale(in) / (double)qc_value_scale(out);
        s->rescale = qc_multiplier_of(scale);
        if (kind == QC_REDUCE_PROD) { /* scale^each / output scale, in equal parts for each factor */
            kind = QC_REDUCE_QPROD;
            s->qprod.zero = qc_value_zero_point(in);
            if (s->each) s->qprod.scale = qc_multiplier_of((double)qc_value_scale(in) / pow((double)qc_value_scale(out), 1.0 / (double)s->each));
        }
    }
    s->row = qc_reduce_pick(kind, in->type);
    const bool sums = kind == QC_REDUCE_SUM || kind == QC_REDUCE_MEAN;
    s->in_any_order = sums && (in->type == QC_INT8 || in->type == QC_UINT8 || in->type == QC_INT16);
    if (in->type == QC_FLOAT32 && sums) s->math = qc_vmath_pick(qc_cpu_features());
    qc_step_scratch(step, s->out_count * s->row->width);
    return QC_OK;
}

/* ---- the walk ---- */

struct walk {
    const struct state *s;
    const char *in;
    char *accumulators;
    size_t in_width;
};

/* Short rows: as many as fit are taken for one, with accumulators of their own that are added in the end. */
enum { TOGETHER = 1024 };

static void merge_rows(const struct walk *w, const char *in, size_t rows, size_t n, int32_t *sum)
{
    const struct qc_reduce *row = w->s->row;
    const size_t at_once = TOGETHER / n;
    int32_t part[TOGETHER] = {0};
    for (; rows >= at_once; rows -= at_once, in += at_once * n * w->in_width) row->merge(NULL, part, in, at_once * n);
    for (; rows; rows--, in += n * w->in_width) row->merge(NULL, sum, in, n);
    for (size_t r = 0; r < at_once; r++)
        for (size_t i = 0; i < n; i++) sum[i] = (int32_t)((uint32_t)sum[i] + (uint32_t)part[r * n + i]);
}

static void walk_group(const struct walk *w, int g, size_t in, size_t out, size_t begin, size_t end)
{
    const struct state *s = w->s;
    if (g == s->groups - 1) {
        char *to = w->accumulators + (out + (s->reduced[g] ? 0 : begin)) * s->row->width;
        (s->reduced[g] ? s->row->fold : s->row->merge)(&s->qprod, to, w->in + (in + begin) * w->in_width, end - begin);
        return;
    }
    if (s->math && g == s->groups - 2 && s->reduced[g]) {
        const size_t n = s->size[g + 1];
        s->math->add_rows(end - begin, n, (const float *)(const void *)w->in + in + begin * n, (float *)(void *)w->accumulators + out);
        return;
    }
    if (s->in_any_order && g == s->groups - 2 && s->reduced[g] && s->size[g + 1] <= TOGETHER / 4 && end - begin > TOGETHER / s->size[g + 1]) {
        const size_t n = s->size[g + 1];
        merge_rows(w, w->in + (in + begin * n) * w->in_width, end - begin, n, (int32_t *)(void *)w->accumulators + out);
        return;
    }
    for (size_t i = begin; i < end; i++)
        walk_group(w, g + 1, in + i * s->in_span[g], out + (s->reduced[g] ? 0 : i * s->out_span[g]), 0, s->size[g + 1]);
}

static void walk_piece(void *context, size_t begin, size_t end, int thread)
{
    (void)thread;
    walk_group(context, 0, 0, 0, begin, end);
}

/* ---- accumulators to outputs ---- */

static int32_t narrow_limit(qc_dtype type, bool high)
{
    if (type == QC_UINT8) return high ? UINT8_MAX : 0;
    if (type == QC_INT8) return high ? INT8_MAX : INT8_MIN;
    return high ? INT16_MAX : INT16_MIN;
}

static void store_narrow(struct qc_value *out, size_t i, int64_t value)
{
    int32_t low = narrow_limit(out->type, false), high = narrow_limit(out->type, true);
    int32_t stored = (int32_t)(value < low ? low : value > high ? high : value);
    if (out->type == QC_INT16) ((int16_t *)out->data)[i] = (int16_t)stored;
    else ((uint8_t *)out->data)[i] = (uint8_t)stored;
}

static int64_t to_int(float value)
{
    return value < -3e9f ? INT32_MIN : value > 3e9f ? INT32_MAX : (int64_t)value;
}

/* XNNPACK: all in float32, rounded half to even once. */
static void finish_fast(struct qc_step *step, const struct state *s, const int32_t *sum, bool mean)
{
    struct qc_value *out = step->out[0];
    float scale = qc_value_scale(step->in[0]) / qc_value_scale(out);
    if (mean) scale *= 1.0f / (float)s->each;
    float zero = (float)qc_value_zero_point(out);
    zero -= (float)(int32_t)((uint32_t)s->each * (uint32_t)qc_value_zero_point(step->in[0])) * scale;
    for (size_t i = 0; i < s->out_count; i++) store_narrow(out, i, to_int(rintf((float)sum[i] * scale + zero)));
}

/* LiteRT's optimized sum: float32, rounded half away from zero. */
static void finish_float(struct qc_step *step, const struct state *s, const int32_t *sum)
{
    struct qc_value *out = step->out[0];
    float scale = qc_value_scale(step->in[0]) / qc_value_scale(out);
    float bias = (float)-qc_value_zero_point(step->in[0]) * scale * (float)s->each;
    for (size_t i = 0; i < s->out_count; i++)
        store_narrow(out, i, to_int(roundf((float)sum[i] * scale + bias)) + qc_value_zero_point(out));
}

/* LiteRT's optimized mean over height and width. */
static void finish_image(struct qc_step *step, const struct state *s, const int32_t *sum)
{
    struct qc_value *out = step->out[0];
    float in_scale = qc_value_scale(step->in[0]), out_scale = qc_value_scale(out);
    float shift = (float)qc_value_zero_point(step->in[0]) * in_scale / out_scale;
    int64_t bias = qc_value_zero_point(out) - to_int(shift > 0 ? shift + 0.5f : shift - 0.5f);
    struct qc_multiplier m = qc_multiplier_of(in_scale / ((float)s->each * out_scale));
    for (size_t i = 0; i < s->out_count; i++) store_narrow(out, i, qc_requant(sum[i], m) + bias);
}

/* TFLite's portable kernel: one multiplier that holds the division, cut to what its shift allows. */
static void finish_portable(struct qc_step *step, const struct state *s, const int32_t *sum, bool mean)
{
    struct qc_value *out = step->out[0];
    struct qc_multiplier m = s->rescale;
    if (mean) {
        int shift = 63 - __builtin_clzll(s->each);
        shift = QC_MIN(QC_MIN(shift, 32), 31 + m.shift);
        m.multiplier = (int32_t)(((int64_t)m.multiplier << shift) / (int64_t)s->each);
        m.shift -= shift;
    }
    int64_t zero = (int64_t)s->each * qc_value_zero_point(step->in[0]);
    for (size_t i = 0; i < s->out_count; i++)
        store_narrow(out, i, (int64_t)qc_requant((int32_t)(sum[i] - zero), m) + qc_value_zero_point(out));
}

static bool is_image_mean(const struct qc_step *step)
{
    const struct tfl_ReducerOptions *options = step->options;
    const struct qc_value *in = step->in[0], *axes = step->in[1];
    if (in->rank != 4 || !options->keep_dims || qc_value_elements(axes) != 2) return false;
    int a = qc_axis(qc_value_int(axes, 0), 4), b = qc_axis(qc_value_int(axes, 1), 4);
    return (a == 1 && b == 2) || (a == 2 && b == 1);
}

static void finish_scaled(struct qc_step *step, const struct state *s, const int32_t *sum)
{
    bool mean = step->op->code == CODE(MEAN);
    /* LiteRT's reference SUM of signed numbers gives what memory held that nothing wrote: the default is the one answer */
    bool fast = !step->rt->reference || (!mean && step->in[0]->type != QC_UINT8);
    bool delegated = fast && step->in[0]->type == QC_INT8 && step->in[1]->constant && !step->in[0]->dynamic; /* what XNNPACK takes */
    if (delegated) finish_fast(step, s, sum, mean);
    else if (fast && !mean) finish_float(step, s, sum);
    else if (fast && step->in[0]->type != QC_INT16 && is_image_mean(step)) finish_image(step, s, sum);
    else finish_portable(step, s, sum, mean);
}

static void finish(struct qc_step *step, const struct state *s, const void *accumulators)
{
    struct qc_value *out = step->out[0];
    bool mean = step->op->code == CODE(MEAN);
    if (is_scaled(step) && step->op->code == CODE(REDUCE_PROD)) {
        const int64_t *product = accumulators;
        for (size_t i = 0; i < s->out_count; i++)
            store_narrow(out, i, (int64_t)qc_requant_wide(product[i], s->qprod.scale) + qc_value_zero_point(out));
    } else if (is_scaled(step)) {
        finish_scaled(step, s, accumulators);
    } else if (!mean) {
        memcpy(out->data, accumulators, out->bytes);
    } else if (out->type == QC_FLOAT32) {
        float each = (float)s->each;
        for (size_t i = 0; i < s->out_count; i++) ((float *)out->data)[i] = ((const float *)accumulators)[i] / each;
    } else {
        for (size_t i = 0; i < s->out_count; i++) {
            int64_t value = ((const int64_t *)accumulators)[i] / (int64_t)s->each;
            if (out->type == QC_INT64) ((int64_t *)out->data)[i] = value;
            else ((int32_t *)out->data)[i] = (int32_t)value;
        }
    }
}

static qc_status run(struct qc_step *step)
{
    const struct state *s = step->state;
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    if (out->bytes == 0) return QC_OK;
    if (s->each == 0 && (is_scaled(step) || step->op->code == CODE(MEAN))) { /* nothing to take the mean of */
        float nan = NAN;
        memset(out->data, 0, out->bytes);
        if (out->type == QC_FLOAT32) qc_fill(out->data, out->bytes, &nan, sizeof nan);
        return QC_OK;
    }
    qc_fill(step->scratch, s->out_count * s->row->width, s->row->start, s->row->width);
    struct walk w = {s, in->data, step->scratch, qc_width(in)};
    size_t outer = s->size[0], total = s->out_count * s->each;
    if (total == 0) outer = 0;
    if (s->reduced[0] || s->groups == 1 || total < PARALLEL_ELEMENTS) walk_piece(&w, 0, outer, 0);
    else qc_pool_for(step->rt->pool, outer, QC_MAX(1, outer * (PARALLEL_ELEMENTS / 4) / total), walk_piece, &w);
    finish(step, s, step->scratch);
    return QC_OK;
}

/* ---- registration ---- */

QC_VERSION_BY_TYPE(prod_version, 0, {QC_INT8, 2}, {QC_INT16, 2})

#define OP(op_name, most, rule, version_of)                                                                                       \
    {.name = #op_name, .code = CODE(op_name), .options = &tfl_ReducerOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,       \
     .out_max = 1, .max_version = most, .quant = rule, .infer = infer, .plan = plan, .run = run, .version = version_of}

const struct qc_op qc_op_reduce[] = {
    OP(MEAN, 3, &qc_rule_unary, qc_version_by_width),
    OP(SUM, 2, &qc_rule_unary, qc_version_by_int8),
    OP(REDUCE_PROD, 2, &qc_rule_unary, prod_version),
    OP(REDUCE_MAX, 3, &qc_rule_move, qc_version_by_width),
    OP(REDUCE_MIN, 3, &qc_rule_move, qc_version_by_width),
    OP(REDUCE_ANY, 1, NULL, NULL),
    OP(REDUCE_ALL, 1, NULL, NULL),
    {0},
};
