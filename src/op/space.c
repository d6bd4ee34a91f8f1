/*
 * space.c - blocks of pixels moved between space, channels and batch: SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND; and
 * MATRIX_DIAG, MATRIX_SET_DIAG.
 */
#include "op/shared/check.h"
#include "op/shared/copy.h"
#include "op/shared/pad.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"

#define CODE(name) tfl_BuiltinOperator_##name

/* ---- SPACE_TO_DEPTH, DEPTH_TO_SPACE ---- */

static int32_t block_of(const struct qc_step *step)
{
    if (step->op->code == CODE(SPACE_TO_DEPTH)) return ((const struct tfl_SpaceToDepthOptions *)step->options)->block_size;
    return ((const struct tfl_DepthToSpaceOptions *)step->options)->block_size;
}

static qc_status depth_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_rank(step, 0, 4, 4));
    const int32_t *in = step->in[0]->dims;
    int64_t block = block_of(step), cells = block * block;
    int32_t dims[4] = {in[0]};
    if (block < 1) return qc_step_fail(step, QC_FORMAT, "block_size is %lld", (long long)block);
    if (step->op->code == CODE(SPACE_TO_DEPTH)) {
        if (in[1] % block || in[2] % block)
            return qc_step_fail(step, QC_FORMAT, "height %d and width %d are not multiples of block_size %lld", in[1], in[2], (long long)block);
        dims[1] = (int32_t)(in[1] / block);
        dims[2] = (int32_t)(in[2] / block);
        QC_TRY(qc_need_dim(step, cells > INT32_MAX && in[3] ? INT64_MAX : cells * in[3], &dims[3]));
    } else {
        if (in[3] % cells) return qc_step_fail(step, QC_FORMAT, "%d channels are not a multiple of block_size^2, %lld", in[3], (long long)cells);
        QC_TRY(qc_need_dim(step, in[1] * block, &dims[1]));
        QC_TRY(qc_need_dim(step, in[2] * block, &dims[2]));
        dims[3] = (int32_t)(in[3] / cells);
    }
    return qc_step_output(step, 0, step->in[0]->type, 4, dims);
}

/* Both are one copy with the dimensions batch, row, row in block, column, column in block, channel. */
static qc_status depth_run(struct qc_step *step)
{
    bool to_depth = step->op->code == CODE(SPACE_TO_DEPTH);
    const struct qc_value *in = step->in[0], *out = step->out[0], *image = to_depth ? in : out, *deep = to_depth ? out : in;
    size_t block = (size_t)block_of(step), width = qc_width(in), channels = (size_t)image->dims[3];
    ptrdiff_t i[4], d[4];
    qc_dense_strides(4, image->dims, width, i);
    qc_dense_strides(4, deep->dims, width, d);
    ptrdiff_t b = (ptrdiff_t)block, cell = (ptrdiff_t)(channels * width);
    size_t count[6] = {(size_t)image->dims[0], (size_t)deep->dims[1], block, (size_t)deep->dims[2], block, channels};
    ptrdiff_t image_stride[6] = {i[0], b * i[1], i[1], b * i[2], i[2], i[3]}, deep_stride[6] = {d[0], d[1], b * cell, d[2], cell, d[3]};
    struct qc_copy copy;
    qc_copy_begin(&copy, width);
    for (int k = 0; k < 6; k++) qc_copy_dim(&copy, count[k], to_depth ? deep_stride[k] : image_stride[k], to_depth ? image_stride[k] : deep_stride[k]);
    qc_copy_end(&copy);
    qc_copy_run(&copy, out->data, in->data, step->rt->pool);
    return QC_OK;
}

/* ---- SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND ---- */

struct blocks {
    int count; /* spatial dimensions */
    int64_t size[QC_MAX_RANK], low[QC_MAX_RANK], high[QC_MAX_RANK]; /* block, and padding or cropping */
    int64_t cells;
};

static qc_status read_blocks(struct qc_step *step, struct blocks *b)
{
    const struct qc_value *edge = step->in[2];
    QC_TRY(qc_read_ints(step, 1, QC_MAX_RANK, b->size, &b->count));
    if (b->count < 1 || b->count + 1 > step->in[0]->rank)
        return qc_step_fail(step, QC_FORMAT, "%d block sizes for a tensor of rank %d", b->count, step->in[0]->rank);
    if (edge->rank != 2 || edge->dims[0] != b->count || edge->dims[1] != 2)
        return qc_step_fail(step, QC_FORMAT, "input 2 must have shape [%d, 2]", b->count);
    b->cells = 1;
    for (int d = 0; d < b->count; d++) {
        b->low[d] = qc_value_int(edge, 2 * (size_t)d);
        b->high[d] = qc_value_int(edge, 2 * (size_t)d + 1);
        if (b->size[d] < 1 || b->size[d] > INT32_MAX) return qc_step_fail(step, QC_FORMAT, "block size %d is %lld", d, (long long)b->size[d]);
        if (b->low[d] < 0 || b->high[d] < 0 || b->low[d] > INT32_MAX || b->high[d] > INT32_MAX)
            return qc_step_fail(step, QC_FORMAT, "the paddings or crops of axis %d are %lld and %lld", d + 1, (long long)b->low[d], (long long)b->high[d]);
        if (__builtin_mul_overflow(b->cells, b->size[d], &b->cells) || b->cells > INT32_MAX)
            return qc_step_fail(step, QC_NOMEM, "the blocks have more than 2^31 cells");
    }
    return QC_OK;
}

static qc_status batch_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 3));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_type(step, 1, QC_SET_INDEX));
    QC_TRY(qc_need_type(step, 2, QC_SET_INDEX));
    const struct qc_value *in = step->in[0];
    if (!step->in[1]->known || !step->in[2]->known) return qc_defer(step, 0, in->type);
    struct blocks b;
    int32_t dims[QC_MAX_RANK];
    bool to_batch = step->op->code == CODE(SPACE_TO_BATCH_ND);
    QC_TRY(read_blocks(step, &b));
    memcpy(dims, in->dims, sizeof dims);
    if (to_batch) QC_TRY(qc_need_dim(step, in->dims[0] * b.cells, &dims[0]));
    else if (in->dims[0] % b.cells)
        return qc_step_fail(step, QC_FORMAT, "the batch of %d is not a multiple of %lld cells", in->dims[0], (long long)b.cells);
    else dims[0] = (int32_t)(in->dims[0] / b.cells);
    for (int d = 0; d < b.count; d++) {
        int64_t size = in->dims[d + 1];
        if (to_batch && (size + b.low[d] + b.high[d]) % b.size[d])
            return qc_step_fail(step, QC_FORMAT, "axis %d with its padding has %lld elements, not a multiple of block size %lld", d + 1,
                                (long long)(size + b.low[d] + b.high[d]), (long long)b.size[d]);
        size = to_batch ? (size + b.low[d] + b.high[d]) / b.size[d] : size * b.size[d] - b.low[d] - b.high[d];
        QC_TRY(qc_need_dim(step, size, &dims[d + 1]));
    }
    return qc_step_output(step, 0, in->type, in->rank, dims);
}

/* Copies the pixels of one cell of all blocks between the image and the slice of the batch that belongs to the cell. Element i of the slice
 * is pixel i * block + offset - low of the image. */
static void copy_cell(struct qc_step *step, const struct blocks *b, int64_t cell, const struct qc_value *image, const struct qc_value *batch)
{
    bool to_batch = step->op->code == CODE(SPACE_TO_BATCH_ND);
    size_t width = qc_width(image), start[2] = {0, 0}, count[QC_MAX_RANK];
    ptrdiff_t is[QC_MAX_RANK], bs[QC_MAX_RANK];
    int64_t offset[QC_MAX_RANK], rest = cell;
    qc_dense_strides(image->rank, image->dims, width, is);
    qc_dense_strides(batch->rank, batch->dims, width, bs);
    start[1] = (size_t)cell * (size_t)image->dims[0] * (size_t)bs[0];
    for (int d = b->count - 1; d >= 0; d--) {
        offset[d] = rest % b->size[d];
        rest /= b->size[d];
    }
    for (int d = 0; d < b->count; d++) {
        int64_t shift = b->low[d] - offset[d], first = shift > 0 ? (shift + b->size[d] - 1) / b->size[d] : 0;
        int64_t end = image->dims[d + 1] + shift; /* pixels below it exist */
        end = end > 0 ? (end + b->size[d] - 1) / b->size[d] : 0;
        end = QC_MIN(end, batch->dims[d + 1]);
        count[d] = end > first ? (size_t)(end - first) : 0;
        if (count[d] == 0) return;
        start[0] += (size_t)(first * b->size[d] - shift) * (size_t)is[d + 1];
        start[1] += (size_t)first * (size_t)bs[d + 1];
    }
    struct qc_copy copy;
    qc_copy_begin(&copy, width);
    for (int d = 0; d < image->rank; d++) {
        bool spatial = d >= 1 && d <= b->count;
        size_t n = spatial ? count[d - 1] : (size_t)image->dims[d];
        ptrdiff_t i = spatial ? is[d] * (ptrdiff_t)b->size[d - 1] : is[d];
        qc_copy_dim(&copy, n, to_batch ? bs[d] : i, to_batch ? i : bs[d]);
    }
    qc_copy_end(&copy);
    char *at_image = (char *)image->data + start[0], *at_batch = (char *)batch->data + start[1];
    qc_copy_run(&copy, to_batch ? at_batch : at_image, to_batch ? at_image : at_batch, step->rt->pool);
}

static qc_status batch_run(struct qc_step *step)
{
    bool to_batch = step->op->code == CODE(SPACE_TO_BATCH_ND);
    const struct qc_value *in = step->in[0];
    struct qc_value *out = step->out[0];
    struct blocks b;
    QC_TRY(read_blocks(step, &b));
    if (out->bytes == 0) return QC_OK;
    if (to_batch) {
        bool narrow = in->type == QC_INT8 || in->type == QC_UINT8 || in->type == QC_INT16;
        uint64_t zero[2] = {narrow ? (uint64_t)(int64_t)qc_value_zero_point(out) : 0, 0};
        qc_fill(out->data, out->bytes, zero, qc_width(out));
    }
    for (int64_t cell = 0; cell < b.cells && in->bytes; cell++) copy_cell(step, &b, cell, to_batch ? in : out, to_batch ? out : in);
    return QC_OK;
}

static int batch_version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    if (type == QC_INT16) return 4;
    if (qc_node_rank(node, 0) != 4) return 3;
    return type == QC_INT8 ? 2 : 1;
}

/* ---- MATRIX_DIAG, MATRIX_SET_DIAG ---- */

static qc_status diag_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_rank(step, 0, 1, QC_MAX_RANK - 1));
    const struct qc_value *in = step->in[0];
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, in->dims, sizeof in->dims);
    dims[in->rank] = dims[in->rank - 1];
    return qc_step_output(step, 0, in->type, in->rank + 1, dims);
}

static qc_status set_diag_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET_FIXED));
    QC_TRY(qc_need_same_type(step, 0, 1));
    QC_TRY(qc_need_rank(step, 0, 2, QC_MAX_RANK));
    const struct qc_value *in = step->in[0], *diagonal = step->in[1];
    QC_TRY(qc_need_rank(step, 1, in->rank - 1, in->rank - 1));
    for (int d = 0; d < diagonal->rank; d++) {
        int32_t expected = d < in->rank - 2 ? in->dims[d] : QC_MIN(in->dims[d], in->dims[d + 1]);
        if (diagonal->dims[d] != expected) return qc_step_fail(step, QC_FORMAT, "dimension %d of the diagonal is %d, not %d", d, diagonal->dims[d], expected);
    }
    return qc_step_output_like(step, 0, in->type, in);
}

static qc_status diag_run(struct qc_step *step)
{
    bool set = step->op->code == CODE(MATRIX_SET_DIAG);
    const struct qc_value *diagonal = step->in[set];
    struct qc_value *out = step->out[0];
    size_t width = qc_width(out), rows = (size_t)out->dims[out->rank - 2], columns = (size_t)out->dims[out->rank - 1], n = QC_MIN(rows, columns);
    size_t matrices = qc_value_span(out, 0, out->rank - 2);
    if (out->bytes == 0) return QC_OK;
    if (!set) memset(out->data, 0, out->bytes);
    else if (out->data != step->in[0]->data) memcpy(out->data, step->in[0]->data, out->bytes);
    for (size_t m = 0; m < matrices; m++)
        for (size_t i = 0; i < n; i++)
            memcpy((char *)out->data + (m * rows * columns + i * columns + i) * width, (const char *)diagonal->data + (m * n + i) * width, width);
    return QC_OK;
}

/* ---- registration ---- */

const struct qc_op qc_op_space[] = {
    {.name = "SPACE_TO_DEPTH", .code = CODE(SPACE_TO_DEPTH), .options = &tfl_SpaceToDepthOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 2, .quant = &qc_rule_move_8, .infer = depth_infer, .run = depth_run, .version = qc_version_by_int8},
    {.name = "DEPTH_TO_SPACE", .code = CODE(DEPTH_TO_SPACE), .options = &tfl_DepthToSpaceOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .max_version = 2, .quant = &qc_rule_move_8, .infer = depth_infer, .run = depth_run, .version = qc_version_by_int8},
    {.name = "SPACE_TO_BATCH_ND", .code = CODE(SPACE_TO_BATCH_ND), .options = &tfl_SpaceToBatchNDOptions_table, .in_min = 3, .in_max = 3,
     .out_min = 1, .out_max = 1, .max_version = 4, .quant = &qc_rule_move, .infer = batch_infer, .run = batch_run, .version = batch_version},
    {.name = "BATCH_TO_SPACE_ND", .code = CODE(BATCH_TO_SPACE_ND), .options = &tfl_BatchToSpaceNDOptions_table, .in_min = 3, .in_max = 3,
     .out_min = 1, .out_max = 1, .max_version = 4, .quant = &qc_rule_move, .infer = batch_infer, .run = batch_run, .version = batch_version},
    {.name = "MATRIX_DIAG", .code = CODE(MATRIX_DIAG), .options = &tfl_MatrixDiagOptions_table, .in_min = 1, .in_max = 1, .out_min = 1,
     .out_max = 1, .infer = diag_infer, .run = diag_run},
    {.name = "MATRIX_SET_DIAG", .code = CODE(MATRIX_SET_DIAG), .options = &tfl_MatrixSetDiagOptions_table, .in_min = 2, .in_max = 2, .out_min = 1,
     .out_max = 1, .flags = QC_OP_INPLACE, .infer = set_diag_infer, .run = diag_run},
    {0},
};
