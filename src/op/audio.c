/*
 * audio.c - RFFT2D, and the custom operators of speech models: AudioSpectrogram (power of Hann windows of the signal) and Mfcc (cosine transform
 * of the logarithms of mel bands of a spectrogram).
 */
#include "kernel/fft.h"
#include "op/shared/check.h"
#include "wire/flex.h"
#include <math.h>

/* ---- RFFT2D ---- */

enum { MOST_LENGTH = 1 << 26 };

static qc_status rfft_infer(struct qc_step *step)
{
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 2, QC_MAX_RANK));
    QC_TRY(qc_need_rank(step, 1, 1, 1));
    const struct qc_value *in = step->in[0], *length = step->in[1];
    if (length->dims[0] != 2) return qc_step_fail(step, QC_FORMAT, "fft_length has %d entries, not 2", length->dims[0]);
    if (!length->known) return qc_defer(step, 0, QC_COMPLEX64);
    int32_t dims[QC_MAX_RANK];
    memcpy(dims, in->dims, sizeof dims);
    for (int k = 0; k < 2; k++) {
        int64_t n = qc_value_int(length, (size_t)k);
        if (n < 1 || n > MOST_LENGTH || (n & (n - 1))) return qc_step_fail(step, QC_FORMAT, "fft_length[%d] is %lld, not a power of two", k, (long long)n);
        dims[in->rank - 2 + k] = (int32_t)(k ? n / 2 + 1 : n);
    }
    return qc_step_output(step, 0, QC_COMPLEX64, in->rank, dims);
}

struct rfft {
    size_t height, width, columns; /* columns: those of the result */
    struct qc_complex *row_root, *column_root, *line, *grid; /* line: one row or column; grid: [height, columns] */
};

static qc_status rfft_plan(struct qc_step *step)
{
    struct rfft *f = qc_step_alloc(step, sizeof *f);
    if (!f) return QC_NOMEM;
    step->state = f;
    f->height = (size_t)qc_value_int(step->in[1], 0);
    f->width = (size_t)qc_value_int(step->in[1], 1);
    f->columns = f->width / 2 + 1;
    f->row_root = qc_step_alloc(step, (f->width / 2 + 1) * sizeof *f->row_root);
    f->column_root = qc_step_alloc(step, (f->height / 2 + 1) * sizeof *f->column_root);
    f->line = qc_step_alloc(step, QC_MAX(f->width, f->height) * sizeof *f->line);
    f->grid = qc_step_alloc(step, f->height * f->columns * sizeof *f->grid);
    return f->row_root && f->column_root && f->line && f->grid ? QC_OK : QC_NOMEM;
}

static qc_status rfft_prepare(struct qc_step *step)
{
    struct rfft *f = step->state;
    qc_fft_roots(f->width, f->row_root);
    qc_fft_roots(f->height, f->column_root);
    return QC_OK;
}

/* One matrix, cut or filled up with zeros to the transform's size. */
static void rfft_matrix(struct rfft *f, const float *in, size_t in_height, size_t in_width, float *out)
{
    for (size_t y = 0; y < f->height; y++) {
        for (size_t x = 0; x < f->width; x++)
            f->line[x] = (struct qc_complex){y < in_height && x < in_width ? (double)in[y * in_width + x] : 0, 0};
        qc_fft(f->width, f->row_root, f->line);
        memcpy(f->grid + y * f->columns, f->line, f->columns * sizeof *f->line);
    }
    for (size_t x = 0; x < f->columns; x++) {
        for (size_t y = 0; y < f->height; y++) f->line[y] = f->grid[y * f->columns + x];
        qc_fft(f->height, f->column_root, f->line);
        for (size_t y = 0; y < f->height; y++) {
            out[2 * (y * f->columns + x)] = (float)f->line[y].re;
            out[2 * (y * f->columns + x) + 1] = (float)f->line[y].im;
        }
    }
}

static qc_status rfft_run(struct qc_step *step)
{
    struct rfft *f = step->state;
    const struct qc_value *in = step->in[0];
    size_t height = (size_t)in->dims[in->rank - 2], width = (size_t)in->dims[in->rank - 1], count = qc_value_span(in, 0, in->rank - 2);
    for (size_t i = 0; i < count; i++)
        rfft_matrix(f, (const float *)in->data + i * height * width, height, width, (float *)step->out[0]->data + 2 * i * f->height * f->columns);
    return QC_OK;
}

/* ---- AudioSpectrogram ---- */

struct spectrogram {
    size_t window, stride, length; /* length: of the transform, the next power of two */
    bool squared;
    double *shape; /* [window] periodic Hann */
    struct qc_complex *root, *line;
};

static qc_status read_spectrogram(struct qc_step *step, struct spectrogram *s)
{
    struct qc_flex map;
    if (!qc_flex_root(step->node->custom_data, step->node->custom_bytes, &map)) return qc_step_fail(step, QC_FORMAT, "its options cannot be read");
    int64_t window = qc_flex_int_of(&map, "window_size", 0), stride = qc_flex_int_of(&map, "stride", 0);
    if (window < 2 || window > MOST_LENGTH || stride < 1 || stride > INT32_MAX)
        return qc_step_fail(step, QC_FORMAT, "window_size is %lld and stride %lld", (long long)window, (long long)stride);
    s->window = (size_t)window;
    s->stride = (size_t)stride;
    s->squared = qc_flex_int_of(&map, "magnitude_squared", 0) != 0;
    for (s->length = 1; s->length < s->window;) s->length *= 2;
    return QC_OK;
}

static qc_status spectrogram_infer(struct qc_step *step)
{
    struct spectrogram s;
    QC_TRY(qc_need_inputs(step, 1));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32)));
    QC_TRY(qc_need_rank(step, 0, 2, 2));
    QC_TRY(read_spectrogram(step, &s));
    const struct qc_value *in = step->in[0];
    size_t samples = (size_t)in->dims[0];
    int32_t dims[3] = {in->dims[1], samples < s.window ? 0 : (int32_t)(1 + (samples - s.window) / s.stride), (int32_t)(s.length / 2 + 1)};
    return qc_step_output(step, 0, QC_FLOAT32, 3, dims);
}

static qc_status spectrogram_plan(struct qc_step *step)
{
    struct spectrogram *s = qc_step_alloc(step, sizeof *s);
    if (!s) return QC_NOMEM;
    step->state = s;
    QC_TRY(read_spectrogram(step, s));
    s->shape = qc_step_alloc(step, s->window * sizeof *s->shape);
    s->root = qc_step_alloc(step, (s->length / 2 + 1) * sizeof *s->root);
    s->line = qc_step_alloc(step, s->length * sizeof *s->line);
    return s->shape && s->root && s->line ? QC_OK : QC_NOMEM;
}

static qc_status spectrogram_prepare(struct qc_step *step)
{
    struct spectrogram *s = step->state;
    qc_fft_roots(s->length, s->root);
    for (size_t i = 0; i < s->window; i++) s->shape[i] = 0.5 - 0.5 * cos(6.283185307179586476925286766559 * (double)i / (double)s->window);
    return QC_OK;
}

static qc_status spectrogram_run(struct qc_step *step)
{
    struct spectrogram *s = step->state;
    const float *in = step->in[0]->data;
    float *out = step->out[0]->data;
    size_t channels = (size_t)step->in[0]->dims[1], frames = (size_t)step->out[0]->dims[1], bins = s->length / 2 + 1;
    for (size_t c = 0; c < channels; c++)
        for (size_t f = 0; f < frames; f++, out += bins) {
            memset(s->line, 0, s->length * sizeof *s->line);
            for (size_t i = 0; i < s->window; i++) s->line[i].re = (double)in[(f * s->stride + i) * channels + c] * s->shape[i];
            qc_fft(s->length, s->root, s->line);
            for (size_t i = 0; i < bins; i++) {
                float power = (float)(s->line[i].re * s->line[i].re + s->line[i].im * s->line[i].im);
                out[i] = s->squared ? power : sqrtf(power);
            }
        }
    return QC_OK;
}

/* ---- Mfcc ---- */

struct mfcc {
    double low, high; /* Hz */
    size_t bands, coefficients;
    size_t first, last;           /* bins in use */
    int32_t *band;                /* [bins] the band on whose falling side the bin lies, -1: below the first peak */
    double *weight, *cosine, *log; /* [bins], [coefficients, bands], [bands] */
};

static qc_status read_mfcc(struct qc_step *step, struct mfcc *m)
{
    struct qc_flex map;
    if (!qc_flex_root(step->node->custom_data, step->node->custom_bytes, &map)) return qc_step_fail(step, QC_FORMAT, "its options cannot be read");
    int64_t bands = qc_flex_int_of(&map, "filterbank_channel_count", 0), coefficients = qc_flex_int_of(&map, "dct_coefficient_count", 0);
    m->high = (double)qc_flex_int_of(&map, "upper_frequency_limit", 0);
    m->low = (double)qc_flex_int_of(&map, "lower_frequency_limit", 0);
    if (bands < 1 || bands > 65536 || coefficients < 1 || coefficients > bands || m->low < 0 || m->high <= m->low)
        return qc_step_fail(step, QC_FORMAT, "%lld bands and %lld coefficients between %g and %g Hz", (long long)bands, (long long)coefficients, m->low, m->high);
    m->bands = (size_t)bands;
    m->coefficients = (size_t)coefficients;
    return QC_OK;
}

static qc_status mfcc_infer(struct qc_step *step)
{
    struct mfcc m;
    QC_TRY(qc_need_inputs(step, 2));
    QC_TRY(qc_need_type(step, 0, QC_SET(FLOAT32)));
    QC_TRY(qc_need_type(step, 1, QC_SET(INT32)));
    QC_TRY(qc_need_rank(step, 0, 3, 3));
    QC_TRY(qc_need_scalar(step, 1));
    QC_TRY(read_mfcc(step, &m));
    const struct qc_value *in = step->in[0];
    if (in->dims[2] < 2) return qc_step_fail(step, QC_FORMAT, "a spectrogram of %d bins", in->dims[2]);
    int32_t dims[3] = {in->dims[0], in->dims[1], (int32_t)m.coefficients};
    return qc_step_output(step, 0, QC_FLOAT32, 3, dims);
}

static qc_status mfcc_plan(struct qc_step *step)
{
    struct mfcc *m = qc_step_alloc(step, sizeof *m);
    size_t bins = (size_t)step->in[0]->dims[2];
    if (!m) return QC_NOMEM;
    step->state = m;
    QC_TRY(read_mfcc(step, m));
    m->band = qc_step_alloc(step, bins * sizeof *m->band);
    m->weight = qc_step_alloc(step, bins * sizeof *m->weight);
    m->cosine = qc_step_alloc(step, m->coefficients * m->bands * sizeof *m->cosine);
    m->log = qc_step_alloc(step, m->bands * sizeof *m->log);
    return m->band && m->weight && m->cosine && m->log ? QC_OK : QC_NOMEM;
}

static double mel(double hertz)
{
    return 1127.0 * log1p(hertz / 700.0);
}

/* Triangles with peaks at equal distances on the mel scale; each bin belongs to the falling side of one and the rising side of the next. */
static qc_status design_bands(struct qc_step *step, struct mfcc *m)
{
    size_t bins = (size_t)step->in[0]->dims[2];
    double rate = *(const int32_t *)step->in[1]->data;
    if (rate <= 0) return qc_step_fail(step, QC_RANGE, "the sample rate is %g", rate);
    double per_bin = 0.5 * rate / (double)(bins - 1), low = mel(m->low), space = (mel(m->high) - low) / (double)(m->bands + 1);
    if (m->high / per_bin >= (double)bins)
        return qc_step_fail(step, QC_RANGE, "upper_frequency_limit %g is beyond the spectrogram's %g Hz", m->high, rate / 2);
    m->first = (size_t)(1.5 + m->low / per_bin);
    m->last = (size_t)(m->high / per_bin);
    int32_t band = 0;
    for (size_t i = m->first; i <= m->last; i++) {
        double at = mel((double)i * per_bin);
        while ((size_t)band < m->bands && low + space * (band + 1) < at) band++;
        m->band[i] = band - 1;
        m->weight[i] = (low + space * (band + 1) - at) / space;
    }
    return QC_OK;
}

static qc_status mfcc_prepare(struct qc_step *step)
{
    struct mfcc *m = step->state;
    double norm = sqrt(2.0 / (double)m->bands), turn = 3.1415926535897932384626433832795 / (double)m->bands;
    for (size_t i = 0; i < m->coefficients; i++)
        for (size_t j = 0; j < m->bands; j++) m->cosine[i * m->bands + j] = norm * cos((double)i * turn * ((double)j + 0.5));
    return QC_OK;
}

static qc_status mfcc_run(struct qc_step *step)
{
    struct mfcc *m = step->state;
    const struct qc_value *in = step->in[0];
    size_t frames = (size_t)in->dims[0] * (size_t)in->dims[1], bins = (size_t)in->dims[2];
    float *out = step->out[0]->data;
    QC_TRY(design_bands(step, m));
    for (size_t f = 0; f < frames; f++, out += m->coefficients) {
        const float *power = (const float *)in->data + f * bins;
        memset(m->log, 0, m->bands * sizeof *m->log);
        for (size_t i = m->first; i <= m->last; i++) {
            double magnitude = sqrt((double)power[i]), falling = magnitude * m->weight[i];
            int32_t band = m->band[i];
            if (band >= 0) m->log[band] += falling;
            if ((size_t)(band + 1) < m->bands) m->log[band + 1] += magnitude - falling;
        }
        for (size_t j = 0; j < m->bands; j++) m->log[j] = log(m->log[j] < 1e-12 ? 1e-12 : m->log[j]);
        for (size_t i = 0; i < m->coefficients; i++) {
            double sum = 0;
            for (size_t j = 0; j < m->bands; j++) sum += m->cosine[i * m->bands + j] * m->log[j];
            out[i] = (float)sum;
        }
    }
    return QC_OK;
}

const struct qc_op qc_op_audio[] = {
    {.name = "RFFT2D", .code = tfl_BuiltinOperator_RFFT2D, .options = &tfl_Rfft2dOptions_table, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
     .infer = rfft_infer, .plan = rfft_plan, .prepare = rfft_prepare, .run = rfft_run},
    {.name = "AudioSpectrogram", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
     .infer = spectrogram_infer, .plan = spectrogram_plan, .prepare = spectrogram_prepare, .run = spectrogram_run},
    {.name = "Mfcc", .code = tfl_BuiltinOperator_CUSTOM, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .infer = mfcc_infer, .plan = mfcc_plan,
     .prepare = mfcc_prepare, .run = mfcc_run},
    {0},
};
