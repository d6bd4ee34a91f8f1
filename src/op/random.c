/*
 * random.c - RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL, MULTINOMIAL and STABLEHLO_RNG_BIT_GENERATOR.
 *
 * All count through a block cipher of random bits (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011): Philox4x32-10, or
 * Threefry2x32-20. The numbers are those of TensorFlow for the same seeds; two seeds of 0 mean another sequence in each session.
 */
#include "op/shared/check.h"
#include <math.h>
#include <time.h>

#define CODE(name) tfl_BuiltinOperator_##name

/* ---- the generators ---- */

struct philox {
    uint32_t key[2], counter[4];
};

static void philox_block(const struct philox *g, uint32_t out[4])
{
    uint32_t key[2] = {g->key[0], g->key[1]}, c[4];
    memcpy(c, g->counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * c[0], b = UINT64_C(0xCD9E8D57) * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ key[1], (uint32_t)a};
        memcpy(c, next, sizeof c);
        key[0] += 0x9E3779B9;
        key[1] += 0xBB67AE85;
    }
    memcpy(out, c, sizeof c);
}

static void philox_skip(struct philox *g, uint64_t count)
{
    uint32_t low = (uint32_t)count, high = (uint32_t)(count >> 32);
    g->counter[0] += low;
    if (g->counter[0] < low) high++;
    g->counter[1] += high;
    if (g->counter[1] < high && ++g->counter[2] == 0) g->counter[3]++;
}

static void philox_next(struct philox *g, uint32_t out[4])
{
    philox_block(g, out);
    philox_skip(g, 1);
}

static void threefry_block(const uint32_t key[2], const uint32_t counter[2], uint32_t out[2])
{
    static const int turn[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    uint32_t k[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA}, a = counter[0] + k[0], b = counter[1] + k[1];
    for (uint32_t group = 0; group < 5; group++) {
        for (int i = 0; i < 4; i++) {
            int bits = turn[group & 1][i];
            a += b;
            b = (b << bits | b >> (32 - bits)) ^ a;
        }
        a += k[(group + 1) % 3];
        b += k[(group + 2) % 3] + group + 1;
    }
    out[0] = a;
    out[1] = b;
}

/* [0, 1) with 23 or 52 bits. */
static float to_float(uint32_t x)
{
    uint32_t bits = UINT32_C(127) << 23 | (x & 0x7fffff);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value - 1.0f;
}

static double to_double(uint32_t high, uint32_t low)
{
    uint64_t bits = UINT64_C(1023) << 52 | (uint64_t)(high & 0xfffff) << 32 | low;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value - 1.0;
}

/* ---- RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL, MULTINOMIAL ---- */

static qc_status random_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 1, 1));
    if (!step->in[0]->known) return qc_defer(step, 0, QC_FLOAT32);
    int64_t want[QC_MAX_RANK];
    int rank;
    int32_t dims[QC_MAX_RANK];
    QC_TRY(qc_read_ints(step, 0, QC_MAX_RANK, want, &rank));
    for (int d = 0; d < rank; d++) QC_TRY(qc_need_dim(step, want[d], &dims[d]));
    return qc_step_output(step, 0, QC_FLOAT32, rank, dims);
}

static qc_status multinomial_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 2, 2));
    QC_TRY(qc_need_scalar(step, 1));
    qc_dtype type = step->out[0]->tensor->type == QC_INT32 ? QC_INT32 : QC_INT64;
    if (step->in[0]->dims[1] == 0) return qc_step_fail(step, QC_FORMAT, "there are no classes to draw from");
    if (!step->in[1]->known) return qc_defer(step, 0, type);
    int32_t dims[2] = {step->in[0]->dims[0], 0};
    QC_TRY(qc_need_dim(step, qc_value_int(step->in[1], 0), &dims[1]));
    return qc_step_output(step, 0, type, 2, dims);
}

static void seed_generator(const struct qc_step *step, struct philox *g)
{
    const struct tfl_RandomOptions *options = step->options;
    uint64_t seed = (uint64_t)options->seed, seed2 = (uint64_t)options->seed2;
    if (seed == 0 && seed2 == 0) {
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        seed = ((uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec) * 0x9E3779B97F4A7C15u;
        seed2 = (uint64_t)(uintptr_t)step * 0xBF58476D1CE4E5B9u;
    }
    *g = (struct philox){{(uint32_t)seed, (uint32_t)(seed >> 32)}, {0, 0, (uint32_t)seed2, (uint32_t)(seed2 >> 32)}};
}

static qc_status random_plan(struct qc_step *step)
{
    struct philox *g = qc_step_alloc(step, sizeof *g);
    if (!g) return QC_NOMEM;
    step->state = g;
    if (step->op->code == CODE(MULTINOMIAL)) qc_step_scratch(step, (size_t)step->in[0]->dims[1] * sizeof(double));
    seed_generator(step, g);
    return QC_OK;
}

static qc_status uniform_run(struct qc_step *step)
{
    float *out = step->out[0]->data;
    size_t count = qc_value_elements(step->out[0]);
    uint32_t block[4];
    for (size_t i = 0; i < count; i += 4) {
        philox_next(step->state, block);
        for (size_t k = 0; k < 4 && i + k < count; k++) out[i + k] = to_float(block[k]);
    }
    return QC_OK;
}

/* Box and Muller: two uniform numbers to two normal ones. */
static qc_status normal_run(struct qc_step *step)
{
    float *out = step->out[0]->data;
    size_t count = qc_value_elements(step->out[0]);
    uint32_t block[4];
    for (size_t i = 0; i < count; i += 4) {
        philox_next(step->state, block);
        for (size_t k = 0; k < 4 && i + k < count; k += 2) {
            float u = to_float(block[k]), angle = 6.28318530717958647692f * to_float(block[k + 1]);
            float radius = sqrtf(-2.0f * logf(u < 1e-7f ? 1e-7f : u));
            out[i + k] = sinf(angle) * radius;
            if (i + k + 1 < count) out[i + k + 1] = cosf(angle) * radius;
        }
    }
    return QC_OK;
}

/* First class whose cumulated probability is above the draw. */
static size_t draw(const double *cumulated, size_t classes, double at)
{
    size_t low = 0, high = classes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at < cumulated[middle]) high = middle;
        else low = middle + 1;
    }
    return low;
}

static qc_status multinomial_run(struct qc_step *step)
{
    struct philox *g = step->state, own = *g;
    struct qc_value *out = step->out[0];
    size_t batch = (size_t)out->dims[0], count = (size_t)out->dims[1], classes = (size_t)step->in[0]->dims[1];
    double *cumulated = step->scratch;
    uint32_t block[4];
    int used = 4;
    philox_skip(g, batch * ((count + 3) / 4 * 4) * 2 * 256); /* what TensorFlow reserves for a batch */
    for (size_t b = 0; b < batch; b++) {
        const float *logits = (const float *)step->in[0]->data + b * classes;
        double most = -INFINITY, total = 0;
        for (size_t i = 0; i < classes; i++)
            if (isfinite(logits[i]) && logits[i] > most) most = logits[i];
        for (size_t i = 0; i < classes; i++) {
            if (isfinite(logits[i])) total += exp(logits[i] - most);
            cumulated[i] = total;
        }
        for (size_t j = 0; j < count; j++, used += 2) {
            if (used == 4) {
                philox_next(&own, block);
                used = 0;
            }
            size_t chosen = draw(cumulated, classes, to_double(block[used], block[used + 1]) * total);
            if (out->type == QC_INT64) ((int64_t *)out->data)[b * count + j] = (int64_t)chosen;
            else ((int32_t *)out->data)[b * count + j] = (int32_t)chosen;
        }
    }
    return QC_OK;
}

/* ---- STABLEHLO_RNG_BIT_GENERATOR ---- */

static qc_status bits_infer(struct qc_step *step)
{
    const struct tfl_StablehloRngBitGeneratorOptions *options = step->options;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(UINT64)));
    QC_TRY(qc_need_rank(step, 0, 1, 1));
    int32_t words = step->in[0]->dims[0];
    bool threefry = options->algorithm == tfl_RngAlgorithm_THREEFRY;
    const struct qc_tensor *declared = step->out[1]->tensor;
    if (!(words == 2 || (words == 3 && !threefry))) return qc_step_fail(step, QC_FORMAT, "a state of %d words does not fit the algorithm", words);
    if (!((QC_SET(INT32) | QC_SET(UINT32) | QC_SET(INT64) | QC_SET(UINT64)) >> declared->type & 1) || !declared->has_shape)
        return qc_step_unsupported_type(step);
    QC_TRY(qc_step_output(step, 0, QC_UINT64, 1, &words));
    return qc_step_output(step, 1, declared->type, declared->rank, declared->dims);
}

static qc_status bits_run(struct qc_step *step)
{
    const struct tfl_StablehloRngBitGeneratorOptions *options = step->options;
    const uint32_t *state = step->in[0]->data;
    uint32_t *out = step->out[1]->data, *after = step->out[0]->data, block[4];
    size_t count = step->out[1]->bytes / 4, pair = step->in[0]->dims[0] == 3 ? 4 : 0;
    bool threefry = options->algorithm == tfl_RngAlgorithm_THREEFRY;
    struct philox g = {{state[0], state[1]}, {state[2], state[3], state[pair], state[pair + 1]}};
    for (size_t i = 0, size = threefry ? 2 : 4; i < count; i += size) {
        if (threefry) threefry_block(g.key, g.counter, block);
        else philox_block(&g, block);
        memcpy(out + i, block, QC_MIN(size, count - i) * sizeof *out);
        if (++g.counter[0] == 0) g.counter[1]++;
    }
    memcpy(after, state, step->out[0]->bytes);
    after[2] = g.counter[0];
    after[3] = g.counter[1];
    return QC_OK;
}

/* ---- registration ---- */

const struct qc_op qc_op_random[] = {
    {.name = "RANDOM_UNIFORM", .code = CODE(RANDOM_UNIFORM), .options = &tfl_RandomOptions_table, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .flags = QC_OP_STATEFUL, .infer = random_infer, .plan = random_plan, .run = uniform_run},
    {.name = "RANDOM_STANDARD_NORMAL", .code = CODE(RANDOM_STANDARD_NORMAL), .options = &tfl_RandomOptions_table, .in_min = 1, .in_max = 1,
     .out_min = 1, .out_max = 1, .flags = QC_OP_STATEFUL, .infer = random_infer, .plan = random_plan, .run = normal_run},
    {.name = "MULTINOMIAL", .code = CODE(MULTINOMIAL), .options = &tfl_RandomOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .flags = QC_OP_STATEFUL, .infer = multinomial_infer, .plan = random_plan, .run = multinomial_run},
    {.name = "STABLEHLO_RNG_BIT_GENERATOR", .code = CODE(STABLEHLO_RNG_BIT_GENERATOR), .options = &tfl_StablehloRngBitGeneratorOptions_table,
     .in_min = 1, .in_max = 1, .out_min = 2, .out_max = 2, .infer = bits_infer, .run = bits_run},
    {0},
};
