/*
 * layers_audio.c - MelSpectrogram: frames of the signal, their Fourier transforms' magnitudes, weighted into mel bands. STFTSpectrogram: frames
 * and transform are convolutions with kernels that are stored as weights.
 */
#include "import/keras/tables.h"
#include "import/lower/conv.h"
#include "import/lower/dense.h"
#include "import/lower/fourier.h"

#include <math.h>
#include <string.h>

#define OP(name) tfl_BuiltinOperator_##name

enum { MOST_LENGTH = 1 << 16 };

static int32_t common_divisor(int32_t a, int32_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* ---- frames ---- */

struct frames {
    int32_t length, stride, window; /* window <= length: the frame's middle */
    int32_t count;
};

/* x [B, T] with half a frame of its mirror image at both ends. */
static struct qc_tensor *mirrored(struct qc_build *b, struct qc_tensor *x, int32_t half)
{
    QC_OPTIONS(b, MirrorPadOptions, options);
    if (!options) return NULL;
    options->mode = tfl_MirrorPadMode_REFLECT;
    return QC_BUILD(b, MIRROR_PAD, options, x, qc_build_constant(b, "pads", QC_INT32, 2, (int32_t[]){2, 2}, (int32_t[]){0, 0, half, half}));
}

/* x [B, samples] to [B, count, length]. Frames are gathered in blocks that divide length and stride, so that the index stays small. */
static struct qc_tensor *cut(struct qc_build *b, struct qc_tensor *x, const struct frames *f)
{
    int32_t block = common_divisor(f->length, f->stride), each = f->length / block, used = (f->count - 1) * f->stride + f->length;
    int32_t *index = qc_arena_array(&b->graph->model->arena, (size_t)f->count * (size_t)each, sizeof *index);
    QC_OPTIONS(b, GatherOptions, options);
    if (!index || !options) return NULL;
    for (int32_t i = 0; i < f->count * each; i++) index[i] = i / each * (f->stride / block) + i % each;
    options->axis = 1;
    x = qc_lower_reshape(b, qc_lower_slice(b, x, 1, 0, used), 3, (int32_t[]){QC_KEEP(0), used / block, block});
    x = QC_BUILD(b, GATHER, options, x, qc_build_constant(b, "frames", QC_INT32, 2, (int32_t[]){f->count, each}, index));
    return qc_lower_reshape(b, x, 3, (int32_t[]){QC_KEEP(0), f->count, f->length});
}

/* The periodic Hann or Hamming window in the middle of the frame; `name` NULL: none. */
static struct qc_tensor *windowed(struct qc_keras_call *call, struct qc_tensor *x, const struct frames *f, const char *name)
{
    const double turn = 2 * 3.14159265358979323846;
    double share = name && !strcmp(name, "hamming") ? 0.46 : 0.5;
    float *weight = qc_arena_array(call->im->arena, (size_t)f->length, sizeof *weight);
    if (!name || !weight) return name ? NULL : x;
    for (int32_t i = 0; i < f->window; i++) weight[(f->length - f->window) / 2 + i] = (float)(1 - share - share * cos(turn * i / f->window));
    return qc_build_binary(call->b, OP(MUL), x, qc_build_constant(call->b, "window", QC_FLOAT32, 1, &f->length, weight));
}

/* ---- mel bands ---- */

static double mel(double hertz)
{
    return 1127 * log(1 + hertz / 700);
}

/* Triangles that rise from one band's edge to its centre and fall to the next, straight in mel; nothing of bin 0. [bins, bands] */
static struct qc_weight mel_matrix(struct qc_keras_call *call, int32_t bins, int32_t bands, double nyquist, double lowest, double highest)
{
    float *data = qc_arena_array(call->im->arena, (size_t)bins * (size_t)bands, sizeof *data);
    double from = mel(lowest), step = (mel(highest) - from) / (bands + 1);
    for (int32_t bin = 1; data && bin < bins; bin++)
        for (int32_t band = 0; band < bands; band++) {
            double at = (mel(nyquist * bin / (bins - 1)) - from) / step - band; /* 0 at the lower edge, 1 at the centre, 2 at the upper edge */
            data[(size_t)bin * (size_t)bands + (size_t)band] = (float)fmax(0, fmin(at, 2 - at));
        }
    return (struct qc_weight){data, 2, {bins, bands}};
}

/* 10 log10(max(x, least)) against the reference, no more than top_db below the largest of all. */
static struct qc_tensor *decibels(struct qc_keras_call *call, struct qc_tensor *x)
{
    struct qc_build *b = call->b;
    double least = qc_keras_number(call, "min_power", 1e-10), reference = fabs(qc_keras_number(call, "ref_power", 1)), top = qc_keras_number(call, "top_db", 80);
    x = qc_build_unary(b, OP(LOG), qc_build_binary(b, OP(MAXIMUM), x, qc_build_f32(b, (float)least)));
    x = qc_build_binary(b, OP(MUL), x, qc_build_f32(b, (float)(10 / log(10))));
    x = qc_build_binary(b, OP(SUB), x, qc_build_f32(b, (float)(10 * log10(fmax(reference, least)))));
    struct qc_tensor *largest = qc_lower_reduce(b, OP(REDUCE_MAX), x, 3, (int32_t[]){0, 1, 2}, true);
    return qc_build_binary(b, OP(MAXIMUM), x, qc_build_binary(b, OP(SUB), largest, qc_build_f32(b, (float)top)));
}

/* ---- the layer ---- */

static bool read_frames(struct qc_keras_call *call, const struct qc_tensor *x, struct frames *f)
{
    *f = (struct frames){.length = qc_keras_int(call, "fft_length", 2048, 4, MOST_LENGTH), .stride = qc_keras_int(call, "sequence_stride", 512, 1, INT32_MAX / 4)};
    f->window = qc_keras_int(call, "sequence_length", f->length, 1, f->length);
    if (qc_keras_failed(call)) return false;
    if (qc_lower_is_free(call->b, x, 1)) {
        qc_keras_fail(call, QC_UNSUPPORTED, "it needs a signal of fixed length");
        return false;
    }
    if (x->dims[1] <= f->length / 2) {
        qc_keras_fail(call, QC_FORMAT, "a signal of %d samples is too short for frames of %d", x->dims[1], f->length);
        return false;
    }
    f->count = (x->dims[1] + f->length / 2 * 2 - f->length) / f->stride + 1;
    return true;
}

static void mel_spectrogram(struct qc_keras_call *call)
{
    struct qc_build *b = call->b;
    struct qc_tensor *x = qc_lower_cast(b, qc_keras_in_rank(call, 0, 2), QC_FLOAT32);
    struct frames f;
    if (!x || !read_frames(call, x, &f)) return;
    const char *window = qc_keras_get(call->layer, "window") ? qc_keras_text(call, "window", "") : NULL;
    double rate = qc_keras_number(call, "sampling_rate", 16000), power = qc_keras_number(call, "mag_exp", 2);
    double lowest = qc_keras_number(call, "min_freq", 20), highest = qc_keras_number(call, "max_freq", floor(rate / 2));
    int32_t bands = qc_keras_int(call, "num_mel_bins", 128, 1, MOST_LENGTH), bins = f.length / 2 + 1;
    if (window && strcmp(window, "hann") && strcmp(window, "hamming")) qc_keras_fail(call, QC_UNSUPPORTED, "the window '%.40s' is not supported", window);
    if (!(rate > 0) || !(lowest >= 0) || !(lowest < highest)) qc_keras_fail(call, QC_FORMAT, "its frequencies are not 0 <= min_freq < max_freq");
    if (qc_keras_failed(call)) return;
    x = cut(b, mirrored(b, x, f.length / 2), &f);
    x = qc_lower_fourier(b, windowed(call, x, &f, window), f.length, QC_FOURIER_MAGNITUDE);
    if (power == 2) x = qc_build_unary(b, OP(SQUARE), x);
    else if (power != 1) x = qc_build_binary(b, OP(POW), x, qc_build_f32(b, (float)power));
    struct qc_weight matrix = mel_matrix(call, bins, bands, rate / 2, lowest, highest);
    if (!matrix.data) return;
    x = qc_lower_dense(b, x, &matrix, &(struct qc_weight){0}, NULL);
    if (qc_keras_bool(call, "power_to_db", true)) x = decibels(call, x);
    qc_keras_return(call, qc_lower_transpose(b, x, (int32_t[]){0, 2, 1}));
}

/* ---- STFTSpectrogram ---- */

/* x [B, C, T, 1] to [B, C, frames, bins] */
static struct qc_tensor *transform(struct qc_keras_call *call, struct qc_tensor *x, const char *kernel)
{
    struct qc_conv_spec spec = {.rank = 1, .kernel = qc_keras_weight(call, kernel)};
    const char *padding = qc_keras_text(call, "padding", "valid");
    int32_t length = qc_keras_int(call, "frame_length", 256, 1, INT32_MAX / 4), bins = qc_keras_int(call, "fft_length", 0, 0, INT32_MAX / 4);
    if (!bins)
        for (bins = 1; bins < length;) bins *= 2;
    spec.stride[0] = qc_keras_int(call, "frame_step", QC_MAX(length / 2, 1), 1, INT32_MAX / 4);
    spec.padding = strcmp(padding, "same") ? QC_PADDING_VALID : QC_PADDING_SAME;
    if (!qc_weight_expect(call->b, kernel, &spec.kernel, 3, (int32_t[]){length, 1, bins / 2 + 1})) return NULL;
    return qc_lower_conv(call->b, x, &spec);
}

/* Twice all bins but the first and the last, whose mirror images the transform leaves out. */
static struct qc_tensor *one_sided(struct qc_build *b, struct qc_tensor *power)
{
    int32_t bins = power->dims[power->rank - 1];
    float *twice = qc_arena_array(&b->graph->model->arena, (size_t)bins, sizeof *twice);
    for (int32_t i = 0; twice && i < bins; i++) twice[i] = i && i < bins - 1 ? 2 : 1;
    return twice ? qc_build_binary(b, OP(MUL), power, qc_build_constant(b, "sides", QC_FLOAT32, 1, &bins, twice)) : NULL;
}

static struct qc_tensor *spectrum(struct qc_keras_call *call, struct qc_tensor *x, const char *mode)
{
    struct qc_build *b = call->b;
    struct qc_tensor *least = qc_build_f32(b, 1e-7f); /* keras.backend.epsilon() */
    struct qc_tensor *real = strcmp(mode, "imag") ? transform(call, x, "real_kernel") : NULL;
    struct qc_tensor *imaginary = strcmp(mode, "real") ? transform(call, x, "imag_kernel") : NULL;
    if (qc_keras_failed(call) || !strcmp(mode, "real") || !strcmp(mode, "imag")) return real ? real : imaginary;
    if (!strcmp(mode, "angle")) return qc_build_binary(b, OP(ATAN2), imaginary, real);
    if (!strcmp(mode, "stft")) return qc_lower_concat(b, 2, (struct qc_tensor *[]){real, imaginary}, 3);
    struct qc_tensor *power = qc_build_binary(b, OP(ADD), qc_build_unary(b, OP(SQUARE), real), qc_build_unary(b, OP(SQUARE), imaginary));
    if (power && !strcmp(mode, "psd")) return one_sided(b, power);
    struct qc_tensor *magnitude = qc_build_unary(b, OP(SQRT), qc_build_binary(b, OP(MAXIMUM), power, least));
    return strcmp(mode, "log") ? magnitude : qc_build_unary(b, OP(LOG), qc_build_binary(b, OP(MAXIMUM), magnitude, least));
}

static void stft_spectrogram(struct qc_keras_call *call)
{
    struct qc_build *b = call->b;
    static const char *const modes[] = {"log", "magnitude", "psd", "real", "imag", "angle", "stft"};
    const char *mode = qc_keras_text(call, "mode", "log");
    bool first = qc_keras_channels_first(call), expand = qc_keras_bool(call, "expand_dims", false), known = false;
    struct qc_tensor *x = qc_lower_cast(b, qc_keras_in_rank(call, 0, 3), QC_FLOAT32);
    for (size_t i = 0; i < QC_COUNT(modes); i++) known |= !strcmp(mode, modes[i]);
    if (!known) qc_keras_fail(call, QC_UNSUPPORTED, "the mode '%.40s' is not supported", mode);
    if (!x || qc_keras_failed(call)) return;
    if (!first) x = qc_lower_transpose(b, x, (int32_t[]){0, 2, 1});
    struct qc_tensor *y = spectrum(call, qc_lower_expand(b, x, 3), mode); /* [B, C, frames, bins] */
    if (!y) return;
    if (expand) {
        qc_keras_return(call, first ? y : qc_lower_transpose(b, y, (int32_t[]){0, 2, 3, 1}));
        return;
    }
    y = qc_lower_transpose(b, y, first ? (int32_t[]){0, 1, 3, 2} : (int32_t[]){0, 2, 1, 3}); /* bins of a channel stay together */
    qc_keras_return(call, first ? qc_lower_merge(b, y, 1, 3) : qc_lower_merge(b, y, 2, 4));
}

const struct qc_keras_class qc_keras_layers_audio[] = {
    {"MelSpectrogram", NULL, 0, mel_spectrogram},
    {"STFTSpectrogram", "real_kernel?mode#imag imag_kernel?mode#real", 0, stft_spectrogram},
    {0},
};
