/*
 * lsh_projection.c - LSH_PROJECTION: bits of locality sensitive hashes. A bit is the sign of the sum, over the items of the
 * input, of weight times the item's fingerprint salted with the bit's seed.
 */
#include "kernel/fingerprint.h"
#include "op/shared/check.h"
#include "op/shared/sliding.h"

/* Bytes that are hashed of an item. Strings are taken in their packed form, cut into equal parts, as TFLite does it. */
static size_t item_bytes(const struct qc_value *x)
{
    return x->type == QC_STRING ? x->bytes / (size_t)x->dims[0] : qc_dtype_bytes(x->type, qc_value_span(x, 1, x->rank));
}

static qc_status infer(struct qc_step *step)
{
    const struct tfl_LSHProjectionOptions *o = step->options;
    QC_TRY(qc_require_rank(step, 0, 2));
    const struct qc_value *hash = step->in[0], *x = qc_operand(step, 1), *weight = qc_operand(step, 2);
    if (!x || x->rank < 1 || x->dims[0] < 1) return qc_step_fail(step, QC_FORMAT, "input 1 must be a tensor with at least one item");
    if (hash->type != QC_FLOAT32 || (weight && weight->type != QC_FLOAT32)) return qc_step_unsupported_type(step);
    if (x->type != QC_STRING && (!qc_dtype_bits(x->type) || qc_dtype_bits(x->type) % 8)) return qc_step_unsupported_type(step);
    if (x->type == QC_STRING && !x->known) return qc_defer(step, 0, QC_INT32);
    if (hash->dims[1] > 32) return qc_step_fail(step, QC_FORMAT, "input 0: %d bits to a hash; at most 32", (int)hash->dims[1]);
    if (weight && (weight->rank != 1 || weight->dims[0] != x->dims[0]))
        return qc_step_fail(step, QC_FORMAT, "input 2 (weights) must be a vector of %d", (int)x->dims[0]);
    int64_t count = hash->dims[0];
    if (o->type == tfl_LSHProjectionType_DENSE) count *= hash->dims[1];
    else if (o->type != tfl_LSHProjectionType_SPARSE) return qc_step_fail(step, QC_FORMAT, "projection type is %d", o->type);
    if (count > INT32_MAX) return qc_step_fail(step, QC_FORMAT, "%lld hashes", (long long)count);
    return qc_step_output(step, 0, QC_INT32, 1, (int32_t[]){(int32_t)count});
}

static qc_status plan(struct qc_step *step)
{
    qc_step_scratch(step, sizeof(float) + item_bytes(step->in[1]));
    return QC_OK;
}

static uint32_t bit(const struct qc_step *step, float seed)
{
    const struct qc_value *x = step->in[1], *weight = qc_operand(step, 2);
    size_t width = item_bytes(x);
    char *key = step->scratch;
    double score = 0;
    memcpy(key, &seed, sizeof seed);
    for (size_t i = 0; i < (size_t)x->dims[0]; i++) {
        if (width) memcpy(key + sizeof seed, (const char *)x->data + i * width, width);
        double value = (double)(int64_t)qc_fingerprint64(key, sizeof seed + width);
        score += weight ? (double)((const float *)weight->data)[i] * value : value;
    }
    return score > 0;
}

static qc_status run(struct qc_step *step)
{
    const struct tfl_LSHProjectionOptions *o = step->options;
    const struct qc_value *hash = step->in[0];
    const float *seed = hash->data;
    uint32_t *out = step->out[0]->data, hashes = (uint32_t)hash->dims[0], bits = (uint32_t)hash->dims[1];
    for (uint32_t i = 0; i < hashes; i++) {
        uint32_t signature = 0;
        for (uint32_t j = 0; j < bits; j++) {
            uint32_t b = bit(step, seed[(size_t)i * bits + j]);
            if (o->type == tfl_LSHProjectionType_DENSE) *out++ = b;
            signature = signature << 1 | b;
        }
        if (o->type == tfl_LSHProjectionType_SPARSE) *out++ = signature + (bits < 32 ? i << bits : 0);
    }
    return QC_OK;
}

const struct qc_op qc_op_lsh_projection[] = {
    {.name = "LSH_PROJECTION", .code = tfl_BuiltinOperator_LSH_PROJECTION, .options = &tfl_LSHProjectionOptions_table, .in_min = 2,
     .in_max = 3, .out_min = 1, .out_max = 1, .infer = infer, .plan = plan, .run = run},
    {0},
};
