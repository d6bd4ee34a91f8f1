/*
 * t_lower_conv.c - convolutions, transposed ones and pooling of one to three dimensions against plain loops, with another batch than the
 * graph was built with.
 */
#include "import/lower/pool.h"
#include "lower.h"

enum { BATCH = 2, MAX_ELEMENTS = 1 << 16 };

/* Sizes of the axes D, H, W; those a rank lacks are 1. */
struct grid {
    int32_t size[3], channels;
};

static size_t place(const struct grid *g, int b, int d, int h, int w, int c)
{
    return ((((size_t)b * (size_t)g->size[0] + (size_t)d) * (size_t)g->size[1] + (size_t)h) * (size_t)g->size[2] + (size_t)w) * (size_t)g->channels + (size_t)c;
}

static bool inside(const struct grid *g, const int *at)
{
    for (int i = 0; i < 3; i++)
        if (at[i] < 0 || at[i] >= g->size[i]) return false;
    return true;
}

struct window {
    int32_t kernel[3], stride[3], dilation[3], before[3];
};

/* Calls visit for every (output place, tap) whose input place exists. */
#define EACH_TAP(out, win)                                                                                 \
    for (int b_ = 0; b_ < BATCH; b_++)                                                                     \
        for (int o0 = 0; o0 < (out).size[0]; o0++)                                                         \
            for (int o1 = 0; o1 < (out).size[1]; o1++)                                                     \
                for (int o2 = 0; o2 < (out).size[2]; o2++)                                                 \
                    for (int k0 = 0; k0 < (win).kernel[0]; k0++)                                           \
                        for (int k1 = 0; k1 < (win).kernel[1]; k1++)                                       \
                            for (int k2 = 0; k2 < (win).kernel[2]; k2++)

struct example {
    int rank;
    enum qc_conv_padding padding;
    int32_t stride, dilation, groups;
    bool depthwise, transposed, channels_first, bias;
};

/* Output size and front padding of one axis. */
static int32_t geometry(const struct example *e, int32_t in, int32_t k, int32_t *before)
{
    int32_t reach = (k - 1) * e->dilation + 1;
    *before = 0;
    if (e->transposed) {
        int32_t out = e->padding == QC_PADDING_SAME ? in * e->stride : (in - 1) * e->stride + QC_MAX(reach, e->stride);
        if (e->padding == QC_PADDING_SAME) *before = QC_MAX((in - 1) * e->stride + reach - out, 0) / 2;
        return out;
    }
    if (e->padding == QC_PADDING_CAUSAL) *before = reach - 1;
    if (e->padding != QC_PADDING_SAME) return (in + *before - reach) / e->stride + 1;
    int32_t out = (in + e->stride - 1) / e->stride;
    *before = QC_MAX((out - 1) * e->stride + reach - in, 0) / 2;
    return out;
}

static void reference(const struct example *e, const struct grid *in, const struct grid *out, const struct window *win, const float *x,
                      const struct qc_weight *kernel, const float *bias, float *y)
{
    int r = e->rank;
    int32_t inner = kernel->dims[r], outer = kernel->dims[r + 1];
    for (size_t i = 0; i < (size_t)BATCH * place(out, 1, 0, 0, 0, 0); i++) y[i] = e->bias ? bias[i % (size_t)out->channels] : 0;
    EACH_TAP(e->transposed ? *in : *out, *win)
    {
        int o[3] = {o0, o1, o2}, k[3] = {k0, k1, k2}, at[3]; /* the other side's place */
        for (int i = 0; i < 3; i++) at[i] = o[i] * win->stride[i] - win->before[i] + k[i] * win->dilation[i];
        if (!inside(e->transposed ? out : in, at)) continue;
        const float *tap = kernel->data + (((size_t)k0 * (size_t)win->kernel[1] + (size_t)k1) * (size_t)win->kernel[2] + (size_t)k2) * (size_t)(inner * outer);
        for (int32_t i = 0; i < inner; i++)
            for (int32_t f = 0; f < outer; f++) {
                float w = tap[i * outer + f];
                if (e->transposed) y[place(out, b_, at[0], at[1], at[2], i)] += w * x[place(in, b_, o0, o1, o2, f)];
                else if (e->depthwise) y[place(out, b_, o0, o1, o2, i * outer + f)] += w * x[place(in, b_, at[0], at[1], at[2], i)];
                else y[place(out, b_, o0, o1, o2, f)] += w * x[place(in, b_, at[0], at[1], at[2], f / (outer / e->groups) * inner + i)];
            }
    }
}

/* [B, spatial, C] to [B, C, spatial], and back with the roles changed. */
static void swap_channels(const float *from, float *to, const struct grid *g, bool to_first)
{
    size_t spatial = (size_t)g->size[0] * (size_t)g->size[1] * (size_t)g->size[2], channels = (size_t)g->channels;
    for (size_t b = 0; b < BATCH; b++)
        for (size_t s = 0; s < spatial; s++)
            for (size_t c = 0; c < channels; c++) {
                size_t last = (b * spatial + s) * channels + c, first = (b * channels + c) * spatial + s;
                to[to_first ? first : last] = from[to_first ? last : first];
            }
}

static void check(const struct example *e)
{
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct grid in = {{1, 1, 1}, e->groups > 1 ? 4 : 3}, out = {{1, 1, 1}, 0};
    struct window win = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}};
    struct qc_conv_spec spec = {.rank = e->rank, .padding = e->padding, .channels_first = e->channels_first};
    static float x[MAX_ELEMENTS], y[MAX_ELEMENTS], moved[MAX_ELEMENTS];
    uint32_t seed = 11;
    int r = e->rank;
    int32_t filters = e->groups > 1 ? 6 : 5, dims[5] = {1};
    for (int i = 0; i < r; i++) {
        int k = 3 - r + i;
        in.size[k] = 5 + i;
        win.kernel[k] = 2 + i % 2;
        win.stride[k] = spec.stride[i] = e->stride;
        win.dilation[k] = spec.dilation[i] = e->dilation;
        out.size[k] = geometry(e, in.size[k], win.kernel[k], &win.before[k]);
        spec.kernel.dims[i] = win.kernel[k];
        dims[i + (e->channels_first ? 2 : 1)] = in.size[k];
    }
    dims[e->channels_first ? 1 : r + 1] = in.channels;
    spec.kernel.rank = r + 2;
    spec.kernel.dims[r] = e->transposed ? filters : e->depthwise ? in.channels : in.channels / e->groups;
    spec.kernel.dims[r + 1] = e->transposed ? in.channels : e->depthwise ? 2 : filters;
    out.channels = e->depthwise ? 2 * in.channels : filters;
    float *weights = random_floats(&seed, qc_weight_elements(&spec.kernel), 1), *bias = random_floats(&seed, (size_t)out.channels, 1);
    spec.kernel.data = weights;
    if (e->bias) spec.bias = (struct qc_weight){bias, 1, {out.channels}};
    size_t in_count = BATCH * place(&in, 1, 0, 0, 0, 0), out_count = BATCH * place(&out, 1, 0, 0, 0, 0);
    assert_true(in_count <= MAX_ELEMENTS && out_count <= MAX_ELEMENTS);
    struct qc_tensor *from = input(&f, QC_FLOAT32, r + 2, dims, 1), *to;
    to = e->transposed ? qc_lower_conv_transpose(b, from, &spec) : e->depthwise ? qc_lower_depthwise(b, from, &spec) : qc_lower_conv(b, from, &spec);
    struct qc_session *session = finish(&f, 1, &to, BATCH);
    for (int call = 0; call < 2; call++) {
        for (size_t i = 0; i < in_count; i++) x[i] = next_random(&seed);
        reference(e, &in, &out, &win, x, &spec.kernel, bias, y);
        if (e->channels_first) swap_channels(x, moved, &in, true);
        set_input(session, 0, e->channels_first ? moved : x, in_count * sizeof *x);
        invoke(session);
        if (e->channels_first) swap_channels(y, moved, &out, true);
        expect_floats(session, 0, e->channels_first ? moved : y, out_count, 1e-5f);
    }
    end(&f, session);
    free(weights);
    free(bias);
}

static void convolutions(void **state)
{
    (void)state;
    for (int rank = 1; rank <= 3; rank++)
        for (int bits = 0; bits < 64; bits++) {
            struct example e = {.rank = rank, .padding = bits & 1 ? QC_PADDING_SAME : QC_PADDING_VALID, .stride = bits & 2 ? 2 : 1,
                                .dilation = bits & 4 && !(bits & 2) ? 2 : 1, .groups = bits & 8 ? 2 : 1, .channels_first = bits & 16, .bias = bits & 32};
            check(&e);
        }
    for (int bits = 0; bits < 4; bits++)
        check(&(struct example){.rank = 1, .padding = QC_PADDING_CAUSAL, .stride = bits & 1 ? 2 : 1, .dilation = bits & 2 ? 2 : 1, .groups = 1});
}

static void depthwise(void **state)
{
    (void)state;
    for (int rank = 1; rank <= 2; rank++)
        for (int bits = 0; bits < 16; bits++)
            check(&(struct example){.rank = rank, .padding = bits & 1 ? QC_PADDING_SAME : QC_PADDING_VALID, .stride = bits & 2 ? 2 : 1,
                                    .dilation = bits & 4 && !(bits & 2) ? 2 : 1, .groups = 1, .depthwise = true, .bias = bits & 8});
}

static void transposed(void **state)
{
    (void)state;
    for (int rank = 1; rank <= 3; rank++)
        for (int bits = 0; bits < 32; bits++)
            check(&(struct example){.rank = rank, .padding = bits & 1 ? QC_PADDING_SAME : QC_PADDING_VALID, .stride = bits & 2 ? 3 : 1,
                                    .dilation = bits & 4 ? 2 : 1, .groups = 1, .transposed = true, .channels_first = bits & 8, .bias = bits & 16});
}

static void pooling(void **state)
{
    (void)state;
    for (int rank = 1; rank <= 3; rank++)
        for (int bits = 0; bits < 8; bits++) {
            struct fixture f;
            struct qc_build *b = begin(&f);
            struct grid in = {{1, 1, 1}, 3}, out = {{1, 1, 1}, 3};
            struct window win = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0}};
            struct example e = {.padding = bits & 1 ? QC_PADDING_SAME : QC_PADDING_VALID, .stride = bits & 2 ? 2 : 1, .dilation = 1};
            struct qc_pool_spec spec = {.kind = bits & 4 ? QC_POOL_MAX : QC_POOL_AVERAGE, .rank = rank, .padding = e.padding};
            static float x[MAX_ELEMENTS], y[MAX_ELEMENTS], count[MAX_ELEMENTS];
            uint32_t seed = 5;
            int32_t dims[5] = {1};
            for (int i = 0; i < rank; i++) {
                int k = 3 - rank + i;
                in.size[k] = dims[i + 1] = 4 + i;
                win.kernel[k] = spec.size[i] = 2 + i % 2;
                win.stride[k] = spec.stride[i] = e.stride;
                out.size[k] = geometry(&e, in.size[k], win.kernel[k], &win.before[k]);
            }
            dims[rank + 1] = 3;
            size_t in_count = BATCH * place(&in, 1, 0, 0, 0, 0), out_count = BATCH * place(&out, 1, 0, 0, 0, 0);
            for (size_t i = 0; i < in_count; i++) x[i] = next_random(&seed);
            for (size_t i = 0; i < out_count; i++) y[i] = bits & 4 ? -2 : 0, count[i] = 0;
            EACH_TAP(out, win)
            {
                int o[3] = {o0, o1, o2}, k[3] = {k0, k1, k2}, at[3];
                for (int i = 0; i < 3; i++) at[i] = o[i] * win.stride[i] - win.before[i] + k[i];
                for (int c = 0; c < 3 && inside(&in, at); c++) {
                    size_t to = place(&out, b_, o0, o1, o2, c);
                    float value = x[place(&in, b_, at[0], at[1], at[2], c)];
                    y[to] = bits & 4 ? fmaxf(y[to], value) : y[to] + value;
                    count[to]++;
                }
            }
            for (size_t i = 0; i < out_count && !(bits & 4); i++) y[i] /= count[i];
            struct qc_tensor *to = qc_lower_pool(b, input(&f, QC_FLOAT32, rank + 2, dims, 1), &spec);
            struct qc_session *session = finish(&f, 1, &to, BATCH);
            set_input(session, 0, x, in_count * sizeof *x);
            invoke(session);
            expect_floats(session, 0, y, out_count, 1e-6f);
            end(&f, session);
        }
}

static void wrong_kernel_is_a_sentence(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    struct qc_error error;
    float data[72] = {0};
    struct qc_conv_spec spec = {.rank = 2, .kernel = {data, 4, {3, 3, 2, 4}}};
    assert_null(qc_lower_conv(b, input(&f, QC_FLOAT32, 4, (int32_t[]){1, 5, 5, 3}, 1), &spec));
    qc_env_take(&f.model->env, &error);
    assert_string_equal(error.text, "layer 'layer': a kernel for 2 input and 4 output channels with an input of 3 channels");
    qc_model_free(f.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions), cmocka_unit_test(depthwise), cmocka_unit_test(transposed),
                                       cmocka_unit_test(pooling), cmocka_unit_test(wrong_kernel_is_a_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
