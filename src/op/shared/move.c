/* move.c - see move.h. */
#include "op/shared/move.h"
#include "op/shared/strings.h"

static bool is_packed(qc_dtype type)
{
    int bits = qc_dtype_bits(type);
    return bits > 0 && bits < 8;
}

size_t qc_move_width(qc_dtype type)
{
    if (type == QC_STRING) return 4;
    return is_packed(type) ? 1 : qc_dtype_bytes(type, 1);
}

qc_status qc_move_plan(struct qc_step *step, int input)
{
    qc_dtype type = step->in[input]->type;
    if (type == QC_STRING || is_packed(type)) {
        qc_step_scratch(step, qc_value_elements(step->in[input]) * qc_move_width(type));
        qc_step_scratch(step, qc_value_elements(step->out[0]) * qc_move_width(type));
    }
    return QC_OK;
}

qc_status qc_move_plan_0(struct qc_step *step)
{
    return qc_move_plan(step, 0);
}

qc_status qc_move_begin(struct qc_step *step, int input, struct qc_move *move)
{
    const struct qc_value *in = step->in[input];
    struct qc_value *out = step->out[0];
    qc_dtype type = in->type;
    *move = (struct qc_move){in->data, out->data, qc_move_width(type)};
    if (type != QC_STRING && !is_packed(type)) return QC_OK;
    size_t count = qc_value_elements(in);
    move->from = step->scratch;
    move->to = (char *)step->scratch + ((count * move->width + 63) & ~(size_t)63);
    if (type == QC_STRING) {
        QC_TRY(qc_strings_check(step, in, count));
        for (size_t i = 0; i < count; i++) ((int32_t *)step->scratch)[i] = (int32_t)i;
        memset(move->to, 0xff, qc_value_elements(out) * sizeof(int32_t)); /* -1: the empty string */
        return QC_OK;
    }
    int bits = qc_dtype_bits(type), per_byte = 8 / bits;
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)step->scratch)[i] = (uint8_t)(((const uint8_t *)in->data)[i / (size_t)per_byte] >> (i % (size_t)per_byte * (size_t)bits));
    return QC_OK;
}

qc_status qc_move_end(struct qc_step *step, int input, const struct qc_move *move)
{
    struct qc_value *out = step->out[0];
    if (out->type == QC_STRING) return qc_strings_pick(step, out, step->in[input], move->to);
    if (!is_packed(out->type)) return QC_OK;
    size_t bits = (size_t)qc_dtype_bits(out->type), per_byte = 8 / bits, count = qc_value_elements(out);
    const uint8_t *element = move->to;
    uint8_t *packed = out->data;
    memset(packed, 0, out->bytes);
    for (size_t i = 0; i < count; i++)
        packed[i / per_byte] |= (uint8_t)((element[i] & ((1u << bits) - 1)) << (i % per_byte * bits));
    return QC_OK;
}

void qc_move_strides(const struct qc_step *step, struct qc_copy *copy, ptrdiff_t *to, ptrdiff_t *from)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    size_t width = qc_move_width(in->type);
    qc_dense_strides(in->rank, in->dims, width, from);
    qc_dense_strides(out->rank, out->dims, width, to);
    qc_copy_begin(copy, width);
}

qc_status qc_move_copy(struct qc_step *step, int input, const struct qc_copy *copy)
{
    struct qc_move move;
    QC_TRY(qc_move_begin(step, input, &move));
    qc_copy_run(copy, move.to, move.from, step->rt->pool);
    return qc_move_end(step, input, &move);
}

qc_status qc_run_same(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    if (out->type == QC_STRING) QC_TRY(step->rt->resize(step->rt, out, out->rank, out->dims, in->bytes));
    if (out->data != in->data && in->bytes) memcpy(out->data, in->data, in->bytes);
    return QC_OK;
}
