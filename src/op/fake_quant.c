/*
 * fake_quant.c - FAKE_QUANT: float32 to the values that a quantization to num_bits on [min, max] can hold.
 */
#include "op/op.h"

#include <math.h>

static qc_status infer(struct qc_step *step)
{
    const struct tfl_FakeQuantOptions *o = step->options;
    const struct qc_value *x = step->in[0];
    if (!x) return qc_step_fail(step, QC_FORMAT, "input 0 is missing");
    if (x->type != QC_FLOAT32) return qc_step_unsupported_type(step);
    if (o->num_bits < 2 || o->num_bits > 16) return qc_step_fail(step, QC_FORMAT, "num_bits is %d, not 2 to 16", (int)o->num_bits);
    if (!(o->min <= 0 && o->max >= 0 && o->min < o->max) || !isfinite(o->max - o->min))
        return qc_step_fail(step, QC_FORMAT, "the range [%g, %g] does not hold 0", (double)o->min, (double)o->max);
    return qc_step_output_like(step, 0, QC_FLOAT32, x);
}

static void slice(void *context, size_t begin, size_t end, int thread)
{
    const struct qc_step *step = context;
    const struct tfl_FakeQuantOptions *o = step->options;
    const float *x = step->in[0]->data;
    float *y = step->out[0]->data;
    float least = o->narrow_range ? 1 : 0, most = (float)((1 << o->num_bits) - 1), scale = (o->max - o->min) / (most - least);
    float zero = roundf(fminf(fmaxf(least - o->min / scale, least), most)); /* the range moves so that 0 is one of the values */
    float low = (least - zero) * scale, high = (most - zero) * scale, inverse = 1.0f / scale;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float v = x[i] < low ? low : x[i];
        v = v > high ? high : v;
        y[i] = roundf((v - low) * inverse) * scale + low;
    }
}

static qc_status run(struct qc_step *step)
{
    qc_pool_for(step->rt->pool, qc_value_elements(step->in[0]), 8192, slice, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    const struct tfl_FakeQuantOptions *o = node->options;
    return o && o->narrow_range ? 2 : 1;
}

const struct qc_op qc_op_fake_quant[] = {
    {.name = "FAKE_QUANT", .code = tfl_BuiltinOperator_FAKE_QUANT, .options = &tfl_FakeQuantOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .max_version = 2, .flags = QC_OP_INPLACE, .infer = infer, .run = run, .version = version},
    {0},
};
