/*
 * samples.c - representative data: which kind --data names, and values into inputs. See samples.h.
 */
#include "samples.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

qc_status cli_samples_fail(struct qc_error *error, qc_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    return error->status = status;
}

/* ---- values ---- */

static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY) : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits & 0x8000 ? -value : value;
}

static bool value_at(const void *data, qc_dtype type, size_t at, double *value)
{
    switch (type) {
    case QC_FLOAT32: *value = (double)((const float *)data)[at]; return true;
    case QC_FLOAT64: *value = ((const double *)data)[at]; return true;
    case QC_FLOAT16: *value = half(((const uint16_t *)data)[at]); return true;
    case QC_INT8: *value = ((const int8_t *)data)[at]; return true;
    case QC_UINT8:
    case QC_BOOL: *value = ((const uint8_t *)data)[at]; return true;
    case QC_INT16: *value = ((const int16_t *)data)[at]; return true;
    case QC_UINT16: *value = ((const uint16_t *)data)[at]; return true;
    case QC_INT32: *value = ((const int32_t *)data)[at]; return true;
    case QC_UINT32: *value = ((const uint32_t *)data)[at]; return true;
    case QC_INT64: *value = (double)((const int64_t *)data)[at]; return true;
    default: return false;
    }
}

/* false: the type cannot hold it. */
static bool put_number(qc_dtype type, void *data, size_t at, double value)
{
    static const struct {
        qc_dtype type;
        double low, high;
    } whole[] = {{QC_BOOL, 0, 1}, {QC_INT8, -128, 127}, {QC_UINT8, 0, 255}, {QC_INT16, -32768, 32767}, {QC_INT32, -2147483648.0, 2147483647}, {QC_INT64, -9e18, 9e18}};
    if (type == QC_FLOAT32) return ((float *)data)[at] = (float)value, true;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (whole[i].type == type && (value < whole[i].low || value > whole[i].high || value != floor(value))) return false;
    switch (type) {
    case QC_BOOL:
    case QC_UINT8: ((uint8_t *)data)[at] = (uint8_t)value; return true;
    case QC_INT8: ((int8_t *)data)[at] = (int8_t)value; return true;
    case QC_INT16: ((int16_t *)data)[at] = (int16_t)value; return true;
    case QC_INT32: ((int32_t *)data)[at] = (int32_t)value; return true;
    case QC_INT64: ((int64_t *)data)[at] = (int64_t)value; return true;
    default: return false;
    }
}

qc_status cli_samples_put(const struct qc_tensor_info *input, size_t to, const void *data, qc_dtype type, size_t at, struct qc_error *error)
{
    double value;
    if (!value_at(data, type, at, &value))
        return cli_samples_fail(error, QC_INVALID, "input '%s': data of type %s cannot be used", input->name, qc_dtype_name(type));
    if (!isfinite(value))
        return cli_samples_fail(error, QC_RANGE, "input '%s': element %zu is %s", input->name, to, isnan(value) ? "NaN" : "infinite");
    if (put_number(input->type, input->data, to, value)) return QC_OK;
    return cli_samples_fail(error, QC_RANGE, "input '%s': %g at element %zu does not fit its type %s", input->name, value, to, qc_dtype_name(input->type));
}

qc_status cli_samples_put_all(const struct qc_tensor_info *input, const void *data, qc_dtype type, size_t count, struct qc_error *error)
{
    qc_status status = QC_OK;
    if (type == QC_FLOAT32 && input->type == QC_FLOAT32) {
        const float *value = data;
        float sum = 0; /* of zeros: NaN once a value is not finite */
        for (size_t i = 0; i < count; i++) sum += value[i] * 0;
        if (sum == 0) {
            memcpy(input->data, data, count * sizeof *value);
            return QC_OK;
        }
    }
    for (size_t i = 0; i < count && !status; i++) status = cli_samples_put(input, i, data, type, i, error);
    return status;
}

/* ---- kinds ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static int open_kind(struct cli_samples *samples, struct qc_model *model)
{
    const char *data = samples->arguments->data;
    struct stat info;
    if (!strncmp(data, "random:", 7) || !strcmp(data, "random")) return cli_samples_random(samples, model);
    if (stat(data, &info)) return cli_failf(CLI_FAILED, "%s: there is no such file or folder of representative data", data);
    if (S_ISDIR(info.st_mode)) return cli_samples_pictures(samples, model);
    if (ends_with(data, ".npy") || ends_with(data, ".npz")) return cli_samples_arrays(samples, model);
    if (samples->arguments->text && samples->arguments->text->word_index) return cli_samples_text(samples, model);
    return cli_failf(CLI_USAGE, "%s: representative data is a .npy or .npz, a folder of pictures, a text file with --word-index, or random:100", data);
}

int cli_samples_open(const struct cli_samples_arguments *arguments, struct qc_model *model, struct cli_samples **result)
{
    long limit = 0;
    *result = NULL;
    if (!arguments->data) return CLI_DONE;
    if (arguments->limit && !cli_number("--samples", arguments->limit, 1, 1L << 40, &limit)) return CLI_USAGE;
    struct cli_samples *samples = calloc(1, sizeof *samples);
    if (!samples) return cli_failf(CLI_FAILED, "memory ran out");
    samples->arguments = arguments;
    samples->samples.user = samples;
    int code = open_kind(samples, model);
    if (!code && !samples->samples.count) code = cli_failf(CLI_FAILED, "%s: holds no samples", arguments->data);
    if (code) {
        cli_samples_free(samples);
        return code;
    }
    if (limit && (size_t)limit < samples->samples.count) samples->samples.count = (size_t)limit;
    *result = samples;
    return CLI_DONE;
}

const struct qc_samples *cli_samples_get(const struct cli_samples *samples)
{
    return samples ? &samples->samples : NULL;
}

void cli_samples_free(struct cli_samples *samples)
{
    if (samples && samples->free) samples->free(samples->source);
    free(samples);
}
