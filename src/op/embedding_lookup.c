/*
 * embedding_lookup.c - EMBEDDING_LOOKUP: rows of a table by number; EMBEDDING_LOOKUP_SPARSE: weighted sums of rows, one for each
 * place of a sparse tensor's leading dimensions.
 *
 * A table of small integers with a float32 or float16 output is dequantized on the way: one scale, a scale for each row, or (int4, int2)
 * a float16 scale for each block of a row.
 */
#include "op/quant_rule.h"
#include "op/shared/check.h"
#include "op/shared/quantized.h"
#include "op/shared/sliding.h"
#include "op/shared/version.h"
#include "op/shared/weights.h"

#include <math.h>

enum { CHUNK = 256 };

static bool is_small(qc_dtype type)
{
    return type == QC_INT8 || type == QC_UINT8 || type == QC_INT4 || type == QC_INT2;
}

static int per_byte(qc_dtype type)
{
    return type == QC_INT4 ? 2 : type == QC_INT2 ? 4 : 1;
}

/* The scales of a table that is dequantized. */
static qc_status check_table(struct qc_step *step, const struct qc_value *table)
{
    size_t columns = qc_value_span(table, 1, table->rank);
    if (columns % (size_t)per_byte(table->type))
        return qc_step_fail(step, QC_UNSUPPORTED, "input 1: rows of %zu %s do not end at a byte", columns, qc_dtype_name(table->type));
    if (!qc_is_blockwise(table)) return qc_require_weights(step, "input 1", table, 0, table->dims[0]);
    return qc_require_blocks(step, "input 1", table);
}

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_require_rank(step, 0, 1));
    const struct qc_value *ids = step->in[0], *table = qc_operand(step, 1);
    if (!table || table->rank < 1) return qc_step_fail(step, QC_FORMAT, "input 1 must be a tensor of rank 1 or more");
    if (ids->type != QC_INT32) return qc_step_unsupported_type(step);
    qc_dtype type = step->out[0]->tensor->type;
    bool dequantize = is_small(table->type) && (type == QC_FLOAT32 || type == QC_FLOAT16);
    if (!dequantize && (qc_dtype_bits(table->type) % 8 || !qc_dtype_bits(table->type))) return qc_step_unsupported_type(step);
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, table->dims, sizeof dims);
    dims[0] = ids->dims[0];
    QC_TRY(qc_step_output(step, 0, dequantize ? type : table->type, table->rank, dims));
    return dequantize ? check_table(step, table) : QC_OK;
}

static void store(qc_dtype type, void *y, size_t at, const int8_t *stored, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) {
        float value = (float)stored[i] * scale;
        if (type == QC_FLOAT32) ((float *)y)[at + i] = value;
        else ((uint16_t *)y)[at + i] = qc_float_to_half(value);
    }
}

static void dequantize_row(const struct qc_step *step, size_t row, size_t at)
{
    const struct qc_value *table = step->in[1];
    const struct qc_quant *q = table->quant;
    size_t columns = qc_value_span(table, 1, table->rank), block = qc_is_blockwise(table) ? (size_t)q->block_size : columns;
    int8_t stored[CHUNK];
    for (size_t i = 0; i < columns; i += CHUNK) {
        size_t first = row * columns + i, n = QC_MIN(columns - i, (size_t)CHUNK);
        qc_unpack_s8(table->type, (const uint8_t *)table->data + first / (size_t)per_byte(table->type), n, stored);
        for (size_t k = 0; k < n;) {
            size_t run = QC_MIN(n - k, block - (i + k) % block);
            float scale = qc_is_blockwise(table) ? qc_half_to_float(((const uint16_t *)q->block_scale->data)[(first + k) / block])
                                              : q->scale[q->count > 1 ? row : 0];
            store(step->out[0]->type, step->out[0]->data, at + i + k, stored + k, run, scale);
            k += run;
        }
    }
}

static qc_status run(struct qc_step *step)
{
    const struct qc_value *ids = step->in[0], *table = step->in[1], *y = step->out[0];
    size_t columns = qc_value_span(table, 1, table->rank), width = qc_dtype_bytes(table->type, columns);
    for (size_t i = 0; i < (size_t)ids->dims[0]; i++) {
        int32_t id = ((const int32_t *)ids->data)[i];
        if (id < 0 || id >= table->dims[0])
            return qc_step_fail(step, QC_RANGE, "input 0: id[%zu] is %d, but the table has %d rows", i, (int)id, (int)table->dims[0]);
        if (y->type != table->type) dequantize_row(step, (size_t)id, i * columns);
        else if (width) memcpy((char *)y->data + i * width, (const char *)table->data + (size_t)id * width, width);
    }
    return QC_OK;
}

static int version(const struct qc_node *node)
{
    qc_dtype table = qc_node_type(node, 1), y = qc_node_out_type(node, 0);
    if (table == QC_INT2) return 5;
    if (table == QC_INT4 || qc_node_per_channel(node, 1)) return 4;
    if (table == QC_INT8) return y == QC_FLOAT32 ? 3 : 2;
    return 1;
}

/* ---- sparse ---- */

static qc_status infer_sparse(struct qc_step *step)
{
    QC_TRY(qc_require_rank(step, 0, 1));
    QC_TRY(qc_require_rank(step, 1, 2));
    QC_TRY(qc_require_rank(step, 2, 1));
    QC_TRY(qc_require_rank(step, 3, 1));
    const struct qc_value *ids = step->in[0], *index = step->in[1], *shape = step->in[2], *weights = step->in[3], *table = step->in[4];
    if (!table || table->rank < 2) return qc_step_fail(step, QC_FORMAT, "input 4 must be a tensor of rank 2 or more");
    if (ids->type != QC_INT32 || index->type != QC_INT32 || shape->type != QC_INT32 || weights->type != QC_FLOAT32 ||
        table->type != QC_FLOAT32)
        return qc_step_unsupported_type(step);
    int32_t count = ids->dims[0], lookup_rank = index->dims[1];
    if (index->dims[0] != count || weights->dims[0] != count || shape->dims[0] != lookup_rank || lookup_rank < 1)
        return qc_step_fail(step, QC_FORMAT, "the sizes of ids, indices, shape and weights do not fit together");
    if (lookup_rank - 1 + table->rank - 1 > QC_MAX_RANK) return qc_step_fail(step, QC_UNSUPPORTED, "the output has too many dimensions");
    if (!shape->known) return qc_defer(step, 0, QC_FLOAT32);
    int32_t dims[QC_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < lookup_rank - 1; i++) dims[rank++] = (int32_t)qc_value_int(shape, (size_t)i);
    for (int i = 1; i < table->rank; i++) dims[rank++] = table->dims[i];
    return qc_step_output(step, 0, QC_FLOAT32, rank, dims);
}

/* Divides a finished sum by what the combiner asks for. */
static void finish(int combiner, float *row, size_t n, float weight, float squares)
{
    float by = combiner == tfl_CombinerType_MEAN ? weight : combiner == tfl_CombinerType_SQRTN ? sqrtf(squares) : 1;
    if (combiner == tfl_CombinerType_SUM || by == 0) return;
    for (size_t i = 0; i < n; i++) row[i] /= by;
}

/* Consecutive ids with the same leading indices add up to one row of the output. */
static qc_status run_sparse(struct qc_step *step)
{
    const struct tfl_EmbeddingLookupSparseOptions *o = step->options;
    const struct qc_value *index = step->in[1], *table = step->in[4], *y = step->out[0];
    const int32_t *ids = step->in[0]->data, *places = index->data;
    const float *weights = step->in[3]->data, *rows = table->data;
    size_t columns = qc_value_span(table, 1, table->rank), places_rank = (size_t)index->dims[1], open = SIZE_MAX;
    float *out = y->data, weight = 0, squares = 0;
    if (y->bytes) memset(out, 0, y->bytes);
    for (size_t i = 0; i < (size_t)index->dims[0]; i++) {
        if (ids[i] < 0 || ids[i] >= table->dims[0])
            return qc_step_fail(step, QC_RANGE, "input 0: id[%zu] is %d, but the table has %d rows", i, (int)ids[i], (int)table->dims[0]);
        size_t place = 0;
        for (size_t k = 0; k + 1 < places_rank; k++) {
            int32_t at = places[i * places_rank + k];
            if (at < 0 || at >= y->dims[k])
                return qc_step_fail(step, QC_RANGE, "input 1: index[%zu][%zu] is %d, outside of [0, %d)", i, k, (int)at, (int)y->dims[k]);
            place = place * (size_t)y->dims[k] + (size_t)at;
        }
        if (place != open) {
            if (open != SIZE_MAX) finish(o->combiner, out + open * columns, columns, weight, squares);
            open = place;
            weight = squares = 0;
        }
        weight += weights[i];
        squares += weights[i] * weights[i];
        for (size_t k = 0; k < columns; k++) out[place * columns + k] += rows[(size_t)ids[i] * columns + k] * weights[i];
    }
    if (open != SIZE_MAX) finish(o->combiner, out + open * columns, columns, weight, squares);
    return QC_OK;
}

static const struct qc_quant_rule rule = {
    .modes = QC_Q_HYBRID, .in = {{QC_ROLE_KEEP, 0, 0, 0}, {QC_ROLE_FLOAT, 0, 0, 0}}, .hybrid = 1 << 1, .hybrid_axis = 0,
};

const struct qc_op qc_op_embedding_lookup[] = {
    {.name = "EMBEDDING_LOOKUP", .code = tfl_BuiltinOperator_EMBEDDING_LOOKUP, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .max_version = 5, .quant = &rule, .infer = infer, .run = run, .version = version},
    {.name = "EMBEDDING_LOOKUP_SPARSE", .code = tfl_BuiltinOperator_EMBEDDING_LOOKUP_SPARSE,
     .options = &tfl_EmbeddingLookupSparseOptions_table, .in_min = 5, .in_max = 5, .out_min = 1, .out_max = 1, .infer = infer_sparse,
     .run = run_sparse},
    {0},
};
