/*
 * t_lower_einsum.c - Einsum, EinsumDense, Dense and Dot against the sum that the equation spells, with another batch than the graph was built with.
 */
#include "import/lower/dense.h"
#include "lower.h"

/* Size of an index by its letter; 'a' and '.' are the batch. */
static int32_t size_of(char letter)
{
    return letter == 'a' ? 2 : 2 + (letter - 'a') % 3;
}

static size_t elements(const char *term, int32_t *dims)
{
    size_t count = 1;
    for (int i = 0; term[i]; i++) count *= (size_t)(dims[i] = size_of(term[i]));
    return count;
}

static size_t offset(const char *term, const int32_t *place)
{
    size_t at = 0;
    for (; *term; term++) at = at * (size_t)size_of(*term) + (size_t)place[*term - 'a'];
    return at;
}

static void reference(const char *x_term, const char *y_term, const char *out_term, const float *x, const float *y, float *out)
{
    char all[27] = "";
    int32_t place[26] = {0}, dims[QC_MAX_RANK];
    for (int k = 0; k < 2; k++)
        for (const char *c = k ? y_term : x_term; *c; c++)
            if (!strchr(all, *c)) strncat(all, c, 1);
    memset(out, 0, elements(out_term, dims) * sizeof *out);
    for (;;) {
        out[offset(out_term, place)] += x[offset(x_term, place)] * y[offset(y_term, place)];
        int i = (int)strlen(all) - 1;
        while (i >= 0 && ++place[all[i] - 'a'] == size_of(all[i])) place[all[i--] - 'a'] = 0;
        if (i < 0) return;
    }
}

enum { MAX_ELEMENTS = 4096 };

/* constant: y is a kernel (EinsumDense). Index 'a' is the batch: built as 1, run as 2. */
static void check(const char *x_term, const char *y_term, const char *out_term, bool constant)
{
    struct fixture f;
    struct qc_build *b = begin(&f);
    char equation[64];
    int32_t x_dims[QC_MAX_RANK], y_dims[QC_MAX_RANK], dims[QC_MAX_RANK];
    static float x[MAX_ELEMENTS], y[MAX_ELEMENTS], out[MAX_ELEMENTS];
    uint32_t seed = 1;
    size_t x_count = elements(x_term, x_dims), y_count = elements(y_term, y_dims), out_count = elements(out_term, dims);
    int x_batch = x_term[0] == 'a', y_batch = y_term[0] == 'a';
    snprintf(equation, sizeof equation, "%s,%s->%s", x_term, y_term, out_term);
    for (size_t i = 0; i < x_count; i++) x[i] = next_random(&seed);
    for (size_t i = 0; i < y_count; i++) y[i] = next_random(&seed);
    struct qc_weight kernel = {y, (int)strlen(y_term), {0}};
    memcpy(kernel.dims, y_dims, sizeof y_dims);
    if (x_batch) x_dims[0] = 1;
    if (y_batch) y_dims[0] = 1;
    struct qc_tensor *from = input(&f, QC_FLOAT32, (int)strlen(x_term), x_dims, x_batch), *to;
    to = constant ? qc_lower_einsum_dense(b, from, equation, &kernel, NULL, NULL, NULL)
                  : qc_lower_einsum(b, equation, from, input(&f, QC_FLOAT32, (int)strlen(y_term), y_dims, y_batch));
    struct qc_session *session = finish(&f, 1, &to, 2);
    set_input(session, 0, x, x_count * sizeof *x);
    if (!constant) set_input(session, 1, y, y_count * sizeof *y);
    invoke(session);
    reference(x_term, y_term, out_term, x, y, out);
    expect_floats(session, 0, out, out_count, 1e-5f);
    end(&f, session);
}

static void two_tensors(void **state)
{
    (void)state;
    check("abc", "acd", "abd", false);
    check("abc", "adc", "abd", false);
    check("abc", "adc", "adb", false);
    check("aecd", "abcd", "acbe", false); /* scores of Keras's MultiHeadAttention */
    check("acbe", "aecd", "abcd", false); /* and its result */
    check("abcd", "acde", "abe", false);
    check("abc", "abd", "abcd", false);
    check("abc", "adb", "ad", false); /* c is summed out */
}

static void kernels(void **state)
{
    (void)state;
    check("ab", "bc", "ac", true);
    check("abc", "cd", "abd", true);
    check("abc", "cd", "adb", true);
    check("abc", "cde", "abde", true);
    check("abcd", "cde", "abe", true);
    check("abcd", "dce", "abe", true);
    check("abcd", "bde", "ace", true);
    check("abc", "bcd", "abd", true); /* a kernel for each b */
}

static void refused(void **state)
{
    (void)state;
    static const char *const equations[] = {"aa,ab->b", "ab,bc", "ab->a", "ab,bc->ad", "abcdefghi,bc->a", "...b,bc->...c,", ""};
    for (size_t i = 0; i < QC_COUNT(equations); i++) {
        struct fixture f;
        struct qc_build *b = begin(&f);
        struct qc_tensor *x = input(&f, QC_FLOAT32, 2, (int32_t[]){1, 3}, 1), *y = input(&f, QC_FLOAT32, 2, (int32_t[]){3, 4}, 0);
        assert_null(qc_lower_einsum(b, equations[i], x, y));
        assert_int_equal(qc_build_status(b), QC_UNSUPPORTED);
        qc_model_free(f.model);
    }
}

/* Dense on every rank; Dot over any axes, normalized too. */
static void dense_and_dot(void **state)
{
    (void)state;
    struct fixture f;
    struct qc_build *b = begin(&f);
    uint32_t seed = 9;
    float x[24], kernel[20], bias[5], want[40], dot[2 * 3 * 3];
    for (int i = 0; i < 24; i++) x[i] = next_random(&seed);
    for (int i = 0; i < 20; i++) kernel[i] = next_random(&seed);
    for (int i = 0; i < 5; i++) bias[i] = next_random(&seed);
    struct qc_weight k = {kernel, 2, {4, 5}}, v = {bias, 1, {5}};
    struct qc_activation relu = {QC_ACT_RELU, 0, 0, INFINITY, 0};
    struct qc_tensor *in = input(&f, QC_FLOAT32, 3, (int32_t[]){1, 3, 4}, 1);
    struct qc_tensor *out[] = {qc_lower_dense(b, in, &k, &v, &relu), qc_lower_dot(b, in, in, 2, -1, true)};
    struct qc_session *session = finish(&f, 2, out, 2);
    set_input(session, 0, x, sizeof x);
    invoke(session);
    for (int row = 0; row < 6; row++)
        for (int o = 0; o < 5; o++) {
            float sum = bias[o];
            for (int i = 0; i < 4; i++) sum += x[row * 4 + i] * kernel[i * 5 + o];
            want[row * 5 + o] = fmaxf(sum, 0);
        }
    for (int i = 0; i < 18; i++) {
        const float *p = x + (i / 9 * 3 + i / 3 % 3) * 4, *q = x + (i / 9 * 3 + i % 3) * 4;
        float pq = 0, pp = 0, qq = 0;
        for (int c = 0; c < 4; c++) pq += p[c] * q[c], pp += p[c] * p[c], qq += q[c] * q[c];
        dot[i] = pq / sqrtf(pp * qq);
    }
    expect_floats(session, 0, want, 30, 1e-6f);
    expect_floats(session, 1, dot, 18, 1e-6f);
    end(&f, session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_tensors), cmocka_unit_test(kernels), cmocka_unit_test(refused),
                                       cmocka_unit_test(dense_and_dot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
