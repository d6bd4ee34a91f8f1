/*
 * t_lower_activation.c - every Keras activation against its definition in double, far out and near the corners; softmax over several axes and with
 * masks.
 */
#include "lower.h"

static double elu(double x, double alpha)
{
    return x > 0 ? x : alpha * expm1(x);
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double want(const struct qc_activation *a, double x)
{
    double y;
    switch (a->kind) {
    case QC_ACT_RELU: /* as keras.activations.relu computes it */
        y = a->beta != 0 ? (x > a->beta ? x : 0) : x > 0 ? x : 0;
        if (a->max_value != INFINITY) y = clip(y, 0, a->max_value);
        return y - a->alpha * fmax(a->beta - x, 0);
    case QC_ACT_ELU: return elu(x, a->alpha);
    case QC_ACT_SELU: return 1.0507009873554805 * elu(x, 1.6732632423543772);
    case QC_ACT_CELU: return x > 0 ? x : a->alpha * expm1(x / a->alpha);
    case QC_ACT_EXPONENTIAL: return exp(x);
    case QC_ACT_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case QC_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case QC_ACT_SIGMOID: return sigmoid(x);
    case QC_ACT_TANH: return tanh(x);
    case QC_ACT_LOG_SIGMOID: return -softplus(-x);
    case QC_ACT_SOFTPLUS: return softplus(x);
    case QC_ACT_SOFTSIGN: return x / (1 + fabs(x));
    case QC_ACT_SILU: return x * sigmoid(x);
    case QC_ACT_MISH: return x * tanh(softplus(x));
    case QC_ACT_SQUAREPLUS: return (x + sqrt(x * x + a->alpha)) / 2;
    case QC_ACT_HARD_SIGMOID: return clip(x / 6 + 0.5, 0, 1);
    case QC_ACT_HARD_SIGMOID_2: return clip(0.2 * x + 0.5, 0, 1);
    case QC_ACT_HARD_SILU: return x * clip(x / 6 + 0.5, 0, 1);
    case QC_ACT_HARD_TANH: return clip(x, -1, 1);
    case QC_ACT_HARD_SHRINK: return fabs(x) > a->alpha ? x : 0;
    case QC_ACT_SOFT_SHRINK: return x > a->alpha ? x - a->alpha : x < -a->alpha ? x + a->alpha : 0;
    case QC_ACT_TANH_SHRINK: return x - tanh(x);
    case QC_ACT_THRESHOLD: return x > a->alpha ? x : a->beta;
    case QC_ACT_SPARSE_PLUS: return x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x;
    case QC_ACT_SPARSE_SIGMOID: return clip((x + 1) / 2, 0, 1);
    default: return x;
    }
}

enum { POINTS = 4001 };

static void check(const struct qc_activation *a)
{
    struct fixture f;
    struct qc_build *b = begin(&f);
    static float x[POINTS];
    struct qc_tensor_info info;
    float range = a->kind == QC_ACT_EXPONENTIAL ? 5 : 120;
    for (int i = 0; i < POINTS; i++) { /* dense around 0, where the corners are */
        float t = (float)(i - POINTS / 2) / (POINTS / 2);
        x[i] = range * t * t * t;
    }
    struct qc_tensor *y = qc_lower_activation(b, input(&f, QC_FLOAT32, 2, (int32_t[]){1, POINTS}, 1), a);
    struct qc_session *session = finish(&f, 1, &y, 1);
    set_input(session, 0, x, sizeof x);
    invoke(session);
    assert_int_equal(qc_session_output(session, 0, &info), QC_OK);
    for (int i = 0; i < POINTS; i++) {
        double have = ((const float *)info.data)[i], expected = want(a, x[i]);
        double tolerance = a->kind == QC_ACT_SQUAREPLUS ? 1e-5 : 2e-6; /* Keras itself loses that much far below 0 */
        if (!(fabs(have - expected) <= tolerance * fmax(1, fabs(expected))))
            fail_msg("%s(%g) is %g, not %g", qc_activation_name(a), (double)x[i], have, expected);
    }
    end(&f, session);
}

static void by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "exponential", "gelu", "sigmoid", "tanh",
                                        "log_sigmoid", "softplus", "softsign", "silu", "swish", "mish", "squareplus", "hard_sigmoid", "hard_silu",
                                        "hard_swish", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "sparse_plus", "sparse_sigmoid"};
    struct qc_activation a;
    for (size_t i = 0; i < QC_COUNT(names); i++)
        for (int major = 2; major < 4; major++) {
            assert_true(qc_activation_find(names[i], major, &a));
            check(&a);
        }
    assert_false(qc_activation_find("no_such", 3, &a));
}

static void with_parameters(void **state)
{
    (void)state;
    static const struct qc_activation list[] = {
        {QC_ACT_RELU, 0.3f, 0, INFINITY, 0}, {QC_ACT_RELU, 0, 0, 3.5f, 0}, {QC_ACT_RELU, 0, 0.5f, INFINITY, 0}, {QC_ACT_RELU, 0.2f, 0.4f, 2, 0},
        {QC_ACT_RELU, 0, 0, 1, 0}, {QC_ACT_ELU, 1.7f, 0, 0, 0}, {QC_ACT_CELU, 0.4f, 0, 0, 0}, {QC_ACT_GELU_TANH, 0, 0, 0, 0},
        {QC_ACT_SQUAREPLUS, 1, 0, 0, 0}, {QC_ACT_HARD_SHRINK, 1.5f, 0, 0, 0}, {QC_ACT_SOFT_SHRINK, 0.2f, 0, 0, 0}, {QC_ACT_THRESHOLD, 0.3f, 0.1f, 0, 0}};
    for (size_t i = 0; i < QC_COUNT(list); i++) check(&list[i]);
}

/* [2, 3, 4], softmax over the axes in `bits`, elements with a false mask left out */
static void softmax_reference(const float *x, const bool *mask, int bits, float *y)
{
    for (int i = 0; i < 24; i++) {
        int place[3] = {i / 12, i / 4 % 3, i % 4};
        double sum = 0;
        for (int k = 0; k < 24; k++) {
            int other[3] = {k / 12, k / 4 % 3, k % 4};
            bool together = true;
            for (int a = 0; a < 3; a++) together &= bits >> a & 1 || place[a] == other[a];
            if (together && (!mask || mask[k])) sum += exp((double)x[k] - (double)x[i]);
        }
        y[i] = mask && !mask[i] ? 0 : (float)(1 / sum);
    }
}

static void softmax(void **state)
{
    (void)state;
    for (int bits = 2; bits < 8; bits += 2)
        for (int masked = 0; masked < 2; masked++) {
            struct fixture f;
            struct qc_build *b = begin(&f);
            int32_t axes[3], count = 0;
            uint32_t seed = 3;
            float x[24], y[24];
            bool mask[24];
            for (int i = 0; i < 24; i++) x[i] = 4 * next_random(&seed);
            for (int i = 0; i < 24; i++) mask[i] = i % 5 != 2;
            for (int a = 0; a < 3; a++)
                if (bits >> a & 1) axes[count++] = a - 3;
            struct qc_tensor *in = input(&f, QC_FLOAT32, 3, (int32_t[]){1, 3, 4}, 1);
            struct qc_tensor *out = qc_lower_softmax(b, in, count, axes, masked ? input(&f, QC_BOOL, 3, (int32_t[]){1, 3, 4}, 1) : NULL);
            struct qc_session *session = finish(&f, 1, &out, 2);
            set_input(session, 0, x, sizeof x);
            if (masked) set_input(session, 1, mask, sizeof mask);
            invoke(session);
            softmax_reference(x, masked ? mask : NULL, bits, y);
            expect_floats(session, 0, y, 24, 1e-6f);
            end(&f, session);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_name), cmocka_unit_test(with_parameters), cmocka_unit_test(softmax)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
