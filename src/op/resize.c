/*
 * resize.c - RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of images [batch, height, width, channels].
 *
 * Where each output column and row comes from is worked out once, in prepare.
 */
#include "kernel/resize.h"
#include "op/shared/check.h"
#include "op/shared/rules.h"
#include "op/shared/version.h"
#include <math.h>

enum { PARALLEL_ELEMENTS = 1 << 15 };

#define CODE(name) tfl_BuiltinOperator_##name

static bool is_bilinear(const struct qc_step *step)
{
    return step->op->code == CODE(RESIZE_BILINEAR);
}

static void read_mode(const struct qc_step *step, bool *align_corners, bool *half_pixel)
{
    if (is_bilinear(step)) {
        const struct tfl_ResizeBilinearOptions *options = step->options;
        *align_corners = options->align_corners;
        *half_pixel = options->half_pixel_centers;
    } else {
        const struct tfl_ResizeNearestNeighborOptions *options = step->options;
        *align_corners = options->align_corners;
        *half_pixel = options->half_pixel_centers;
    }
}

static qc_status infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    uint32_t types = QC_SET(FLOAT32) | QC_SET(INT8) | QC_SET(UINT8) | QC_SET(INT16);
    QC_TRY(qc_need_type(step, 0, is_bilinear(step) ? types : QC_SET_FIXED));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 4, 4));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    const struct qc_value *in = step->in[0], *size = step->in[1];
    bool align_corners, half_pixel;
    read_mode(step, &align_corners, &half_pixel);
    if (align_corners && half_pixel && is_bilinear(step))
        return qc_step_fail(step, QC_FORMAT, "align_corners and half_pixel_centers are both set; they exclude each other");
    if (size->dims[0] != 2) return qc_step_fail(step, QC_FORMAT, "the new size has %d entries, not 2", size->dims[0]);
    if (!size->known) return qc_defer(step, 0, in->type);
    int32_t dims[4] = {in->dims[0], 0, 0, in->dims[3]};
    for (int d = 1; d < 3; d++) {
        int64_t want = qc_value_int(size, (size_t)d - 1);
        if (want <= 0) return qc_step_fail(step, QC_FORMAT, "the new size has a dimension of %lld", (long long)want);
        if (in->dims[d] == 0) return qc_step_fail(step, QC_FORMAT, "an image of height %d and width %d cannot be resized", in->dims[1], in->dims[2]);
        QC_TRY(qc_need_dim(step, want, &dims[d]));
    }
    return qc_step_output(step, 0, in->type, 4, dims);
}

/* ---- where pixels come from ---- */

struct source {
    int32_t low, high;
    float share;   /* of high */
    int32_t fixed;
};

struct state {
    qc_resize_fn *row;
    int bits; /* of fixed: 11, 10 or 0 */
    struct source *y;              /* [output height] */
    struct qc_resize_pixel *pixel; /* [output width] */
};

static struct source find_bilinear(int32_t i, int32_t in, int32_t out, bool align_corners, bool half_pixel, int bits)
{
    int corner = align_corners && out > 1;
    struct source s = {0};
    if (bits == 10) {
        int64_t scale = (((int64_t)1024 * (in - corner)) + (out - corner) / 2) / (out - corner);
        int64_t at = i * scale + (half_pixel ? scale / 2 - 512 : 0);
        s.low = (int32_t)QC_MIN(QC_MAX(at / 1024, 0), in - 1);
        s.high = (int32_t)QC_MAX(QC_MIN((at + 1023) / 1024, in - 1), 0);
        s.fixed = (int32_t)(at - (int64_t)1024 * s.low);
        return s;
    }
    float scale = (float)(in - corner) / (float)(out - corner);
    float at = (float)i * scale + (half_pixel ? 0.5f * scale - 0.5f : 0);
    at = fminf(fmaxf(at, 0), (float)(in - 1));
    s.low = (int32_t)at;
    s.high = QC_MIN(s.low + 1, in - 1);
    s.share = at - (float)s.low;
    s.fixed = (int32_t)lrintf(s.share * 2048.0f);
    return s;
}

static struct source find_nearest(int32_t i, int32_t in, int32_t out, bool align_corners, bool half_pixel)
{
    float scale = align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    float at = ((float)i + (half_pixel ? 0.5f : 0)) * scale;
    at = align_corners ? roundf(at) : floorf(at);
    return (struct source){.low = at < (float)(in - 1) ? QC_MAX((int32_t)at, 0) : in - 1};
}

static qc_status plan(struct qc_step *step)
{
    const struct qc_value *in = step->in[0], *out = step->out[0];
    struct state *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    if (out->bytes == 0) return QC_OK;
    bool fast = !step->rt->reference, delegated = fast && step->in[1]->constant; /* XNNPACK takes constant sizes only */
    switch (in->type) {
    case QC_FLOAT32: s->row = qc_resize_f32; break;
    case QC_UINT8: s->row = fast ? qc_resize_u8 : qc_resize_u8_portable; break;
    case QC_INT8: s->row = delegated ? qc_resize_s8_fast : qc_resize_s8; break;
    default: s->row = qc_resize_s16; break;
    }
    s->bits = in->type == QC_INT16 || s->row == qc_resize_s8 ? 10 : 11;
    s->y = qc_step_alloc(step, (size_t)out->dims[1] * sizeof *s->y);
    s->pixel = qc_step_alloc(step, (size_t)out->dims[2] * sizeof *s->pixel);
    return s->y && s->pixel ? QC_OK : QC_NOMEM;
}

static struct source find(struct qc_step *step, int axis, int32_t i)
{
    const struct state *s = step->state;
    bool align_corners, half_pixel;
    int32_t in = step->in[0]->dims[axis], out = step->out[0]->dims[axis];
    read_mode(step, &align_corners, &half_pixel);
    return is_bilinear(step) ? find_bilinear(i, in, out, align_corners, half_pixel, s->bits) : find_nearest(i, in, out, align_corners, half_pixel);
}

static qc_status prepare(struct qc_step *step)
{
    const struct qc_value *out = step->out[0];
    struct state *s = step->state;
    size_t channels = (size_t)out->dims[3];
    if (out->bytes == 0) return QC_OK;
    for (int32_t i = 0; i < out->dims[1]; i++) s->y[i] = find(step, 1, i);
    for (int32_t i = 0; i < out->dims[2]; i++) {
        struct source x = find(step, 2, i);
        s->pixel[i] = (struct qc_resize_pixel){(size_t)x.low * channels, (size_t)x.high * channels, x.share, x.fixed};
    }
    return QC_OK;
}

/* ---- run: rows [begin, end) of all images ---- */

static void bilinear_rows(void *context, size_t begin, size_t end, int thread)
{
    struct qc_step *step = context;
    const struct state *s = step->state;
    const struct qc_value *in = step->in[0], *out = step->out[0];
    size_t in_row = qc_value_span(in, 2, 4) * qc_width(in), out_row = qc_value_span(out, 2, 4) * qc_width(in);
    (void)thread;
    for (size_t r = begin; r < end; r++) {
        struct source y = s->y[r % (size_t)out->dims[1]];
        const char *image = (const char *)in->data + r / (size_t)out->dims[1] * (size_t)in->dims[1] * in_row;
        struct qc_resize_row row = {image + (size_t)y.low * in_row, image + (size_t)y.high * in_row, (char *)out->data + r * out_row, s->pixel,
                                    (size_t)out->dims[2], (size_t)out->dims[3], y.share, y.fixed};
        s->row(&row);
    }
}

static void nearest_rows(void *context, size_t begin, size_t end, int thread)
{
    struct qc_step *step = context;
    const struct state *s = step->state;
    const struct qc_value *in = step->in[0], *out = step->out[0];
    size_t width = qc_width(in), cell = (size_t)out->dims[3] * width, in_row = qc_value_span(in, 2, 4) * width;
    (void)thread;
    for (size_t r = begin; r < end; r++) {
        const char *from = (const char *)in->data + (r / (size_t)out->dims[1] * (size_t)in->dims[1] + (size_t)s->y[r % (size_t)out->dims[1]].low) * in_row;
        char *to = (char *)out->data + r * (size_t)out->dims[2] * cell;
        for (int32_t i = 0; i < out->dims[2]; i++, to += cell) memcpy(to, from + s->pixel[i].left * width, cell);
    }
}

static qc_status run(struct qc_step *step)
{
    const struct qc_value *out = step->out[0];
    size_t rows = qc_value_span(out, 0, 2), row = qc_value_span(out, 2, 4);
    if (out->bytes == 0) return QC_OK;
    qc_pool_for(step->rt->pool, rows, QC_MAX(1, PARALLEL_ELEMENTS / row), is_bilinear(step) ? bilinear_rows : nearest_rows, step);
    return QC_OK;
}

/* ---- registration ---- */

static int version(const struct qc_node *node)
{
    qc_dtype type = qc_node_type(node, 0);
    bool later = false;
    if (node->options && node->code == CODE(RESIZE_BILINEAR)) {
        later = ((const struct tfl_ResizeBilinearOptions *)node->options)->half_pixel_centers;
    } else if (node->options) {
        const struct tfl_ResizeNearestNeighborOptions *options = node->options;
        later = options->half_pixel_centers || options->align_corners;
    }
    if (type == QC_INT16) return 4;
    return later ? 3 : type == QC_INT8 ? 2 : 1;
}

#define OP(op_name, table)                                                                                                                 \
    {.name = #op_name, .code = CODE(op_name), .options = table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .max_version = 4,     \
     .quant = &qc_rule_move, .infer = infer, .plan = plan, .prepare = prepare, .run = run, .version = version}

const struct qc_op qc_op_resize[] = {
    OP(RESIZE_BILINEAR, &tfl_ResizeBilinearOptions_table),
    OP(RESIZE_NEAREST_NEIGHBOR, &tfl_ResizeNearestNeighborOptions_table),
    {0},
};
