/*
 * locally_connected.c - LocallyConnected1D and 2D of Keras 2: a convolution whose weights differ from place to place. See conv.h.
 *
 * Implementation 1 keeps the weights of one place together: the windows are gathered, [B, places, k * I], and multiplied place by place with one
 * BATCH_MATMUL. Implementation 2 keeps one matrix from all inputs to all outputs, of which only what a window covers counts: one FULLY_CONNECTED.
 */
#include "import/lower/conv.h"
#include "import/lower/dense.h"

#include <string.h>

/* Two axes always; one is done with height 1. */
struct geometry {
    int32_t in[2], out[2], kernel[2], stride[2], channels, filters;
};

/* int32 [places, taps]: for each place the joined spatial index of each tap. */
static struct qc_tensor *window_indices(struct qc_build *b, const struct geometry *g)
{
    int32_t places = g->out[0] * g->out[1], taps = g->kernel[0] * g->kernel[1];
    int32_t *index = qc_arena_array(&b->graph->model->arena, (size_t)places * (size_t)taps, sizeof *index), *to = index;
    if (!index) return NULL;
    for (int32_t place = 0; place < places; place++)
        for (int32_t tap = 0; tap < taps; tap++) {
            int32_t row = place / g->out[1] * g->stride[0] + tap / g->kernel[1], column = place % g->out[1] * g->stride[1] + tap % g->kernel[1];
            *to++ = row * g->in[1] + column;
        }
    return qc_build_constant(b, "windows", QC_INT32, 2, (int32_t[]){places, taps}, index);
}

/* x [B, H * W, I], kernel [places, taps * I, O] -> [B, places, O] */
static struct qc_tensor *by_place(struct qc_build *b, struct qc_tensor *x, const struct qc_weight *kernel, const struct geometry *g)
{
    int32_t places = g->out[0] * g->out[1], depth = g->kernel[0] * g->kernel[1] * g->channels;
    if (!qc_weight_expect(b, "kernel", kernel, 3, (int32_t[]){places, depth, g->filters})) return NULL;
    QC_OPTIONS(b, GatherOptions, options);
    if (!options) return NULL;
    options->axis = 1;
    x = QC_BUILD(b, GATHER, options, x, window_indices(b, g));
    x = qc_lower_reshape(b, x, 3, (int32_t[]){QC_KEEP(0), places, depth});
    x = qc_lower_transpose(b, x, (int32_t[]){1, 0, 2});
    x = qc_lower_matmul(b, x, qc_weight_constant(b, "kernel", kernel), false, false);
    return qc_lower_transpose(b, x, (int32_t[]){1, 0, 2});
}

/* kernel [in..., I, out..., O], what no window covers taken as zero, as [places * O, H * W * I] for FULLY_CONNECTED. */
static struct qc_tensor *covered_kernel(struct qc_build *b, const struct qc_weight *kernel, const struct geometry *g)
{
    size_t places = (size_t)g->out[0] * (size_t)g->out[1], channels = (size_t)g->channels, filters = (size_t)g->filters;
    size_t inputs = (size_t)g->in[0] * (size_t)g->in[1] * channels, outputs = places * filters;
    float *data = qc_arena_array(&b->graph->model->arena, inputs * outputs, sizeof *data);
    if (!data) return NULL;
    for (size_t place = 0; place < places; place++)
        for (int32_t tap = 0; tap < g->kernel[0] * g->kernel[1]; tap++) {
            size_t row = place / (size_t)g->out[1] * (size_t)g->stride[0] + (size_t)(tap / g->kernel[1]);
            size_t column = place % (size_t)g->out[1] * (size_t)g->stride[1] + (size_t)(tap % g->kernel[1]);
            for (size_t c = 0; c < channels; c++)
                for (size_t f = 0; f < filters; f++) {
                    size_t from = (row * (size_t)g->in[1] + column) * channels + c, to = place * filters + f;
                    data[to * inputs + from] = kernel->data[from * outputs + to];
                }
        }
    struct qc_weight weight = {data, 2, {(int32_t)outputs, (int32_t)inputs}};
    return qc_weight_constant(b, "kernel", &weight);
}

struct qc_tensor *qc_lower_locally_connected(struct qc_build *b, struct qc_tensor *x, const struct qc_conv_spec *given, const int32_t *kernel_size)
{
    struct qc_conv_spec spec = *given;
    struct geometry g = {.in = {1, 1}, .out = {1, 1}, .kernel = {1, 1}, .stride = {1, 1}};
    if (!x || qc_build_status(b)) return NULL;
    int r = spec.rank;
    if (r < 1 || r > 2 || x->rank != r + 2 || !spec.kernel.data || spec.kernel.rank < 3)
        return qc_lower_fail(b, QC_FORMAT, "a locally connected layer over %d axes with an input of rank %d", r, x->rank);
    if (spec.channels_first) x = qc_lower_to_last(b, x);
    for (int i = 0; i < r && x; i++) {
        int k = 2 - r + i;
        g.in[k] = x->dims[1 + i];
        g.kernel[k] = kernel_size[i];
        g.stride[k] = spec.stride[i] ? spec.stride[i] : 1;
        if (g.kernel[k] < 1 || g.stride[k] < 1 || g.kernel[k] > g.in[k] || qc_lower_is_free(b, x, 1 + i))
            return qc_lower_fail(b, QC_FORMAT, "windows of %d, stride %d, over %d elements", g.kernel[k], g.stride[k], g.in[k]);
        g.out[k] = (g.in[k] - g.kernel[k]) / g.stride[k] + 1;
    }
    if (!x) return NULL;
    g.channels = x->dims[r + 1];
    g.filters = spec.kernel.dims[spec.kernel.rank - 1];
    int32_t places = g.out[0] * g.out[1];
    if (spec.kernel.rank == 3) {
        x = by_place(b, qc_lower_merge(b, x, 1, r + 1), &spec.kernel, &g);
    } else {
        int32_t expect[6], n = 0;
        for (int i = 2 - r; i < 2; i++) expect[n++] = g.in[i];
        expect[n++] = g.channels;
        for (int i = 2 - r; i < 2; i++) expect[n++] = g.out[i];
        expect[n++] = g.filters;
        if (!qc_weight_expect(b, "kernel", &spec.kernel, n, expect)) return NULL;
        x = qc_lower_fully_connected(b, qc_lower_merge(b, x, 1, r + 2), covered_kernel(b, &spec.kernel, &g), qc_none(), NULL);
        x = qc_lower_reshape(b, x, 3, (int32_t[]){QC_KEEP(0), places, g.filters});
    }
    if (spec.bias.data) {
        if (qc_weight_elements(&spec.bias) != (size_t)places * (size_t)g.filters) return qc_lower_fail(b, QC_FORMAT, "a bias for another output size");
        x = qc_build_binary(b, tfl_BuiltinOperator_ADD, x, qc_weight_reshaped(b, "bias", &spec.bias, 2, (int32_t[]){places, g.filters}));
    }
    if (r == 2) x = qc_lower_reshape(b, x, 4, (int32_t[]){QC_KEEP(0), g.out[0], g.out[1], g.filters});
    x = qc_lower_activation(b, x, &spec.activation);
    return spec.channels_first ? qc_lower_to_first(b, x) : x;
}
