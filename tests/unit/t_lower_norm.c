/*
 * t_lower_norm.c - normalization and attention layers against their formulas.
 */
#include "import/lower/attention.h"
#include "import/lower/norm.h"
#include "lower.h"

enum { B = 2, T = 3, C = 4, COUNT = B * T * C };

static const float epsilon = 1e-3f;

static struct qc_weight weight(float *data, uint32_t *seed, int32_t count)
{
    for (int32_t i = 0; i < count; i++) data[i] = 1.5f + next_random(seed);
    return (struct qc_weight){data, 1, {count}};
}

/* (x - mean) / sqrt(variance + epsilon) of the elements with the same key */
static void standardize(const float *x, const int *key, float *y)
{
    for (int i = 0; i < COUNT; i++) {
        double sum = 0, square = 0, n = 0;
        for (int k = 0; k < COUNT; k++)
            if (key[k] == key[i]) sum += (double)x[k], n++;
        for (int k = 0; k < COUNT; k++)
            if (key[k] == key[i]) square += ((double)x[k] - sum / n) * ((double)x[k] - sum / n);
        y[i] = (float)(((double)x[i] - sum / n) / sqrt(square / n + (double)epsilon));
    }
}

static void normalizations(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    uint32_t seed = 4;
    float x[COUNT], y[COUNT], g[C], be[C], me[C], va[C];
    int key[COUNT];
    struct qc_weight gamma = weight(g, &seed, C), beta = weight(be, &seed, C), mean = weight(me, &seed, C), variance = weight(va, &seed, C);
    struct qc_tensor *in = input(&f, QC_FLOAT32, 3, (int32_t[]){1, T, C}, 1);
    struct qc_batch_norm_spec batch = {-1, epsilon, gamma, beta, mean, variance};
    struct qc_layer_norm_spec layer = {1, {-1}, epsilon, gamma, beta, false}, rms = {1, {2}, epsilon, gamma, {0}, true};
    int32_t all[] = {1, 2};
    struct qc_tensor *out[] = {qc_lower_batch_norm(b, in, &batch), qc_lower_layer_norm(b, in, &layer), qc_lower_layer_norm(b, in, &rms),
                               qc_lower_group_norm(b, in, -1, 2, epsilon, &gamma, &beta), qc_lower_unit_norm(b, in, 2, all),
                               qc_lower_normalization(b, in, 1, (int32_t[]){-1}, &mean, &variance, false)};
    struct qc_session *session = finish(&f, QC_COUNT(out), out, B);
    for (int i = 0; i < COUNT; i++) x[i] = 3 * next_random(&seed) + 0.5f;
    set_input(session, 0, x, sizeof x);
    invoke(session);
    for (int i = 0; i < COUNT; i++) y[i] = (x[i] - me[i % C]) / sqrtf(va[i % C] + epsilon) * g[i % C] + be[i % C];
    expect_floats(session, 0, y, COUNT, 1e-5f);
    for (int i = 0; i < COUNT; i++) key[i] = i / C;
    standardize(x, key, y);
    for (int i = 0; i < COUNT; i++) y[i] = y[i] * g[i % C] + be[i % C];
    expect_floats(session, 1, y, COUNT, 1e-5f);
    for (int i = 0; i < COUNT; i++) {
        float power = 0;
        for (int c = 0; c < C; c++) power += x[i / C * C + c] * x[i / C * C + c] / C;
        y[i] = x[i] / sqrtf(power + epsilon) * g[i % C];
    }
    expect_floats(session, 2, y, COUNT, 1e-5f);
    for (int i = 0; i < COUNT; i++) key[i] = i / (T * C) * 2 + i % C / 2; /* sample and group */
    standardize(x, key, y);
    for (int i = 0; i < COUNT; i++) y[i] = y[i] * g[i % C] + be[i % C];
    expect_floats(session, 3, y, COUNT, 1e-5f);
    for (int i = 0; i < COUNT; i++) {
        float power = 0;
        for (int k = i / (T * C) * T * C, n = 0; n < T * C; n++, k++) power += x[k] * x[k];
        y[i] = x[i] / sqrtf(power);
    }
    expect_floats(session, 4, y, COUNT, 1e-6f);
    for (int i = 0; i < COUNT; i++) y[i] = (x[i] - me[i % C]) / sqrtf(va[i % C]);
    expect_floats(session, 5, y, COUNT, 1e-5f);
    end(&f, session);
}

enum { HEADS = 4, WIDTH = 2 };

/* One query row over all keys: weights [S], of what may be seen. */
static void distribution(const float *score, const bool *seen, float *out, bool zero)
{
    double most = -1e30, sum = 0;
    bool any = false;
    for (int s = 0; s < T; s++)
        if (seen[s]) most = fmax(most, (double)score[s]), any = true;
    for (int s = 0; s < T; s++) sum += seen[s] ? exp((double)score[s] - most) : 0;
    for (int s = 0; s < T; s++) out[s] = any ? (seen[s] ? (float)(exp((double)score[s] - most) / sum) : 0) : zero ? 0 : 1.0f / T;
}

/* x [T, C] by kernel [C, heads, WIDTH] and bias, head h */
static void projected(const float *x, const struct qc_weight *kernel, const float *bias, int h, float *out)
{
    int heads = kernel->dims[1];
    for (int t = 0; t < T; t++)
        for (int w = 0; w < WIDTH; w++) {
            out[t * WIDTH + w] = bias[h * WIDTH + w];
            for (int c = 0; c < C; c++) out[t * WIDTH + w] += x[t * C + c] * kernel->data[(c * heads + h) * WIDTH + w];
        }
}

static void attend(const struct qc_multi_head_spec *spec, const float *x, const bool *mask, float *y, float *weights)
{
    for (int i = 0; i < T * C; i++) y[i] = spec->output_bias.data[i % C];
    for (int h = 0; h < HEADS; h++) {
        float q[T * WIDTH], k[T * WIDTH], v[T * WIDTH];
        int shared = h / (HEADS / spec->key_heads);
        projected(x, &spec->query_kernel, spec->query_bias.data, h, q);
        projected(x, &spec->key_kernel, spec->key_bias.data, shared, k);
        projected(x, &spec->value_kernel, spec->value_bias.data, shared, v);
        for (int t = 0; t < T; t++) {
            float score[T], *row = weights + (h * T + t) * T;
            bool seen[T];
            for (int s = 0; s < T; s++) {
                score[s] = (q[t * WIDTH] * k[s * WIDTH] + q[t * WIDTH + 1] * k[s * WIDTH + 1]) / sqrtf(WIDTH);
                seen[s] = mask[s] && (!spec->causal || s <= t);
            }
            distribution(score, seen, row, spec->zero_masked_rows);
            for (int s = 0; s < T; s++)
                for (int c = 0; c < C; c++)
                    for (int w = 0; w < WIDTH; w++) y[t * C + c] += row[s] * v[s * WIDTH + w] * spec->output_kernel.data[(h * WIDTH + w) * C + c];
        }
    }
}

static void multi_head(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        struct fixture f;
        struct qc_build *b = begin(&f);
        uint32_t seed = 6;
        float data[8][64], x[COUNT], y[COUNT], weights[B * HEADS * T * T];
        bool mask[B * T] = {true, true, false, false, true, true};
        int32_t keys = bits & 1 ? 2 : HEADS;
        struct qc_multi_head_spec spec = {.heads = HEADS, .key_heads = keys, .key_dim = WIDTH, .value_dim = WIDTH, .causal = bits & 2,
                                          .zero_masked_rows = bits & 8};
        for (int i = 0; i < 8; i++)
            for (int k = 0; k < 64; k++) data[i][k] = next_random(&seed);
        spec.query_kernel = (struct qc_weight){data[0], 3, {C, HEADS, WIDTH}};
        spec.query_bias = (struct qc_weight){data[1], 2, {HEADS, WIDTH}};
        spec.key_kernel = (struct qc_weight){data[2], 3, {C, keys, WIDTH}};
        spec.key_bias = (struct qc_weight){data[3], 2, {keys, WIDTH}};
        spec.value_kernel = (struct qc_weight){data[4], 3, {C, keys, WIDTH}};
        spec.value_bias = (struct qc_weight){data[5], 2, {keys, WIDTH}};
        spec.output_kernel = (struct qc_weight){data[6], 3, {HEADS, WIDTH, C}};
        spec.output_bias = (struct qc_weight){data[7], 1, {C}};
        struct qc_tensor *in = input(&f, QC_FLOAT32, 3, (int32_t[]){1, T, C}, 1), *out[2];
        if (bits & 4) spec.value_mask = input(&f, QC_BOOL, 2, (int32_t[]){1, T}, 1);
        else memset(mask, 1, sizeof mask);
        out[0] = qc_lower_multi_head_attention(b, in, in, in, &spec, &out[1]);
        struct qc_session *session = finish(&f, 2, out, B);
        for (int i = 0; i < COUNT; i++) x[i] = next_random(&seed);
        set_input(session, 0, x, sizeof x);
        if (bits & 4) set_input(session, 1, mask, sizeof mask);
        invoke(session);
        for (int i = 0; i < B; i++) attend(&spec, x + i * T * C, mask + i * T, y + i * T * C, weights + i * HEADS * T * T);
        expect_floats(session, 0, y, COUNT, 1e-5f);
        expect_floats(session, 1, weights, B * HEADS * T * T, 1e-6f);
        end(&f, session);
    }
}

static void attention(void **state)
{
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        struct fixture f;
        struct qc_build *b = begin(&f);
        uint32_t seed = 8;
        float x[COUNT], y[COUNT] = {0}, scale[C], one = 0.7f;
        bool mask[B * T] = {true, false, true, true, true, false};
        struct qc_attention_spec spec = {.additive = bits & 1, .concat = bits & 2, .causal = bits & 4};
        for (int c = 0; c < C; c++) scale[c] = next_random(&seed);
        spec.scale = spec.additive ? (struct qc_weight){scale, 1, {C}} : (struct qc_weight){&one, 0, {0}};
        struct qc_tensor *in = input(&f, QC_FLOAT32, 3, (int32_t[]){1, T, C}, 1);
        spec.value_mask = input(&f, QC_BOOL, 2, (int32_t[]){1, T}, 1);
        struct qc_tensor *out = qc_lower_attention(b, in, in, in, &spec, NULL);
        struct qc_session *session = finish(&f, 1, &out, B);
        for (int i = 0; i < COUNT; i++) x[i] = next_random(&seed);
        set_input(session, 0, x, sizeof x);
        set_input(session, 1, mask, sizeof mask);
        invoke(session);
        for (int row = 0; row < B * T; row++) {
            float score[T], weights[T];
            bool seen[T];
            for (int s = 0; s < T; s++) {
                const float *q = x + row * C, *k = x + (row / T * T + s) * C;
                score[s] = 0;
                for (int c = 0; c < C; c++)
                    score[s] += spec.additive ? scale[c] * tanhf(q[c] + k[c]) : spec.concat ? tanhf(one * (q[c] + k[c])) : one * q[c] * k[c];
                seen[s] = mask[row / T * T + s] && (!spec.causal || s <= row % T);
            }
            distribution(score, seen, weights, false);
            for (int s = 0; s < T; s++)
                for (int c = 0; c < C; c++) y[row * C + c] += weights[s] * x[(row / T * T + s) * C + c];
        }
        expect_floats(session, 0, y, COUNT, 1e-5f);
        end(&f, session);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(normalizations), cmocka_unit_test(multi_head), cmocka_unit_test(attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
