/*
 * cast.c - CAST between element types.
 *
 * Conversions go through int64 or double, both of which hold every source exactly, a block at a time; the frequent pairs have loops
 * of their own. Integers wrap, floats are cut towards zero and saturate, NaN becomes the largest integer, as in LiteRT.
 */
#include "base/dtype.h"
#include "kernel/row.h"
#include "op/shared/check.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

enum { BLOCK = 256 };

#define QC_SET_PACKED (QC_SET(INT4) | QC_SET(UINT4) | QC_SET(INT2))
#define CASTABLE                                                                                                                      \
    (QC_SET(FLOAT32) | QC_SET(FLOAT16) | QC_SET(BFLOAT16) | QC_SET(FLOAT64) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16) |          \
     QC_SET(UINT16) | QC_SET(INT32) | QC_SET(UINT32) | QC_SET(INT64) | QC_SET(BOOL) | QC_SET(COMPLEX64))

static int64_t saturate(double x, int64_t low, int64_t high)
{
    if (!(x < (double)high)) return high; /* NaN too */
    return x <= (double)low ? low : (int64_t)x;
}

#define LOAD(TYPE, C, CONVERT)                                        \
    case QC_##TYPE:                                                   \
        for (size_t i = 0; i < n; i++) {                              \
            const C x = ((const C *)from)[i];                         \
            to[i] = CONVERT;                                          \
        }                                                             \
        return;

static void load_ints(qc_dtype type, const void *from, int64_t *to, size_t n)
{
    switch (type) {
        LOAD(INT8, int8_t, x)
        LOAD(UINT8, uint8_t, x)
        LOAD(INT16, int16_t, x)
        LOAD(UINT16, uint16_t, x)
        LOAD(INT32, int32_t, x)
        LOAD(UINT32, uint32_t, x)
        LOAD(INT64, int64_t, x)
        LOAD(BOOL, uint8_t, x != 0)
    default: return;
    }
}

struct complex64 {
    float re, im;
};

static void load_floats(qc_dtype type, const void *from, double *to, size_t n)
{
    switch (type) {
        LOAD(FLOAT32, float, x)
        LOAD(FLOAT64, double, x)
        LOAD(FLOAT16, uint16_t, qc_half_to_float(x))
        LOAD(BFLOAT16, uint16_t, qc_bfloat16_to_float(x))
        LOAD(COMPLEX64, struct complex64, x.re)
    default: return;
    }
}

#define STORE(TYPE, C, CONVERT)                  \
    case QC_##TYPE:                              \
        for (size_t i = 0; i < n; i++) {         \
            const value x = from[i];             \
            ((C *)to)[i] = CONVERT;              \
        }                                        \
        return;

static void store_ints(qc_dtype type, const int64_t *from, void *to, size_t n)
{
    typedef int64_t value;
    switch (type) {
        STORE(INT8, int8_t, (int8_t)x)
        STORE(UINT8, uint8_t, (uint8_t)x)
        STORE(INT16, int16_t, (int16_t)x)
        STORE(UINT16, uint16_t, (uint16_t)x)
        STORE(INT32, int32_t, (int32_t)x)
        STORE(UINT32, uint32_t, (uint32_t)x)
        STORE(INT64, int64_t, x)
        STORE(BOOL, uint8_t, x != 0)
        STORE(FLOAT32, float, (float)x)
        STORE(FLOAT64, double, (double)x)
        STORE(FLOAT16, uint16_t, qc_float_to_half((float)x))
        STORE(BFLOAT16, uint16_t, qc_float_to_bfloat16((float)x))
        STORE(COMPLEX64, struct complex64, ((struct complex64){(float)x, 0}))
    default: return;
    }
}

static void store_floats(qc_dtype type, const double *from, void *to, size_t n)
{
    typedef double value;
    switch (type) {
        STORE(INT8, int8_t, (int8_t)saturate(x, INT8_MIN, INT8_MAX))
        STORE(UINT8, uint8_t, (uint8_t)saturate(x, 0, UINT8_MAX))
        STORE(INT16, int16_t, (int16_t)saturate(x, INT16_MIN, INT16_MAX))
        STORE(UINT16, uint16_t, (uint16_t)saturate(x, 0, UINT16_MAX))
        STORE(INT32, int32_t, (int32_t)saturate(x, INT32_MIN, INT32_MAX))
        STORE(UINT32, uint32_t, (uint32_t)saturate(x, 0, UINT32_MAX))
        STORE(INT64, int64_t, saturate(x, INT64_MIN, INT64_MAX))
        STORE(BOOL, uint8_t, x != 0)
        STORE(FLOAT32, float, (float)x)
        STORE(FLOAT64, double, x)
        STORE(FLOAT16, uint16_t, qc_float_to_half((float)x))
        STORE(BFLOAT16, uint16_t, qc_float_to_bfloat16((float)x))
        STORE(COMPLEX64, struct complex64, ((struct complex64){(float)x, 0}))
    default: return;
    }
}

static void cast_blocks(const struct qc_value *in, struct qc_value *out, size_t begin, size_t end)
{
    int64_t ints[BLOCK];
    double floats[BLOCK];
    size_t from_width = qc_width(in), to_width = qc_width(out);
    bool is_float = qc_dtype_is_float(in->type) || in->type == QC_COMPLEX64;
    for (size_t at = begin; at < end; at += BLOCK) {
        size_t n = QC_MIN((size_t)BLOCK, end - at);
        const char *from = (const char *)in->data + at * from_width;
        char *to = (char *)out->data + at * to_width;
        if (is_float) {
            load_floats(in->type, from, floats, n);
            store_floats(out->type, floats, to, n);
        } else {
            load_ints(in->type, from, ints, n);
            store_ints(out->type, ints, to, n);
        }
    }
}

#define DIRECT(FROM, CF, TO, CT)                                                                                  \
    if (in->type == QC_##FROM && out->type == QC_##TO) {                                                          \
        const CF *from = in->data;                                                                                \
        CT *to = out->data;                                                                                       \
        QC_IVDEP for (size_t i = begin; i < end; i++) to[i] = (CT)from[i];                                        \
        return;                                                                                                   \
    }

static void cast_piece(void *context, size_t begin, size_t end, int thread)
{
    struct qc_step *step = context;
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    (void)thread;
    DIRECT(UINT8, uint8_t, FLOAT32, float)
    DIRECT(INT8, int8_t, FLOAT32, float)
    DIRECT(INT32, int32_t, FLOAT32, float)
    DIRECT(INT64, int64_t, FLOAT32, float)
    DIRECT(INT64, int64_t, INT32, int32_t)
    DIRECT(INT32, int32_t, INT64, int64_t)
    cast_blocks(in, out, begin, end);
}

/* ---- packed integers, to and from float32 only ---- */

static void unpack(const struct qc_value *in, float *to, size_t count)
{
    int bits = qc_dtype_bits(in->type), per_byte = 8 / bits;
    for (size_t i = 0; i < count; i++) {
        int code = ((const uint8_t *)in->data)[i / (size_t)per_byte] >> ((int)(i % (size_t)per_byte) * bits) & ((1 << bits) - 1);
        if (in->type != QC_UINT4 && code >> (bits - 1)) code -= 1 << bits;
        to[i] = (float)code;
    }
}

static void pack(const float *from, struct qc_value *out, size_t count)
{
    int bits = qc_dtype_bits(out->type), per_byte = 8 / bits;
    float low = out->type == QC_UINT4 ? 0 : (float)-(1 << (bits - 1)), high = low + (float)((1 << bits) - 1);
    uint8_t *to = out->data;
    memset(to, 0, out->bytes);
    for (size_t i = 0; i < count; i++) {
        float x = from[i] < high ? from[i] : high;
        int code = (int)(x > low ? x : low) & ((1 << bits) - 1);
        to[i / (size_t)per_byte] |= (uint8_t)(code << ((int)(i % (size_t)per_byte) * bits));
    }
}

/* ---- hooks ---- */

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    qc_dtype from = step->in[0]->type;
    const struct tfl_CastOptions *options = step->options;
    /* some files leave the options at their defaults: then the output tensor tells */
    bool told = options->out_data_type != options->in_data_type;
    qc_dtype to = told ? (qc_dtype)options->out_data_type : step->out[0]->tensor->type;
    bool packed_from = QC_SET_PACKED >> from & 1, packed_to = (unsigned)to < QC_DTYPE_COUNT && (QC_SET_PACKED >> to & 1);
    if ((unsigned)to >= QC_DTYPE_COUNT || !((CASTABLE | QC_SET_PACKED) >> from & 1) || !((CASTABLE | QC_SET_PACKED) >> to & 1) ||
        (packed_from && to != QC_FLOAT32) || (packed_to && from != QC_FLOAT32))
        return qc_step_unsupported_type(step);
    return qc_step_output_like(step, 0, to, step->in[0]);
}

static qc_status run(struct qc_step *step)
{
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    size_t count = qc_value_elements(in);
    if (count == 0) return QC_OK;
    if (in->type == out->type) memcpy(out->data, in->data, in->bytes);
    else if (QC_SET_PACKED >> in->type & 1) unpack(in, out->data, count);
    else if (QC_SET_PACKED >> out->type & 1) pack(in->data, out, count);
    else qc_pool_for(step->rt->pool, count, 1 << 16, cast_piece, step);
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    static const struct qc_type_version row[] = {{QC_INT2, 8},    {QC_UINT4, 8},  {QC_BFLOAT16, 7}, {QC_FLOAT64, 5}, {QC_FLOAT16, 5},
                                                 {QC_UINT16, 4}, {QC_INT8, 3}, {QC_UINT32, 2}};
    qc_dtype from = qc_node_type(node, 0), to = node->out_count ? node->out[0]->type : QC_FLOAT32;
    int best = from == QC_INT4 && to == QC_FLOAT32 ? 6 : 1;
    for (size_t i = 0; i < QC_COUNT(row); i++)
        if (row[i].type == from || row[i].type == to) best = QC_MAX(best, row[i].version);
    return best;
}

const struct qc_op qc_op_cast[] = {
    {.name = "CAST", .code = tfl_BuiltinOperator_CAST, .options = &tfl_CastOptions_table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .max_version = 9, .infer = infer, .run = run, .version = version},
    {0},
};
