/*
 * c_library.c - the library itself, reporting, and the arrays of the TensorFlow Lite C API.
 */
#include "tflite_c/c_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *TfLiteVersion(void)
{
    return "2.21.0";
}

const char *TfLiteExtensionApisVersion(void)
{
    return "2.21.0";
}

int TfLiteSchemaVersion(void)
{
    return 3;
}

/* ---- reporting ---- */

void c_report(const struct c_reporter *reporter, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (reporter->report) {
        reporter->report(reporter->user_data, format, list);
    } else {
        fputs("ERROR: ", stderr);
        vfprintf(stderr, format, list);
        fputc('\n', stderr);
    }
    va_end(list);
}

TfLiteStatus c_report_error(const struct c_reporter *reporter, struct qc_env *env)
{
    struct qc_error error;
    qc_status status = qc_env_take(env, &error);
    if (!status) return kTfLiteOk;
    c_report(reporter, "%s", error.text);
    return status == QC_CANCELLED ? kTfLiteCancelled : kTfLiteError;
}

const char *TfLiteTypeGetName(TfLiteType type)
{
    static const char *const name[] = {"NOTYPE",   "FLOAT32",    "INT32",    "UINT8",   "INT64",  "STRING", "BOOL",   "INT16",
                                       "COMPLEX64", "INT8",      "FLOAT16",  "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT",
                                       "UINT32",   "UINT16",     "INT4",     "BFLOAT16", "INT2",  "UINT4",  "FLOAT8E4M3FN", "FLOAT8E5M2"};
    return (unsigned)type < QC_COUNT(name) ? name[type] : "Unknown type";
}

/* ---- arrays ---- */

size_t TfLiteIntArrayGetSizeInBytes(int size)
{
    return sizeof(TfLiteIntArray) + (size_t)(size < 0 ? 0 : size) * sizeof(int);
}

TfLiteIntArray *TfLiteIntArrayCreate(int size)
{
    TfLiteIntArray *array = calloc(1, TfLiteIntArrayGetSizeInBytes(size));
    if (array) array->size = size;
    return array;
}

int TfLiteIntArrayEqualsArray(const TfLiteIntArray *a, int b_size, const int b_data[])
{
    if (!a) return b_size == 0;
    return a->size == b_size && (b_size <= 0 || !memcmp(a->data, b_data, (size_t)b_size * sizeof *b_data));
}

int TfLiteIntArrayEqual(const TfLiteIntArray *a, const TfLiteIntArray *b)
{
    if (a == b) return 1;
    return a && b && TfLiteIntArrayEqualsArray(a, b->size, b->data);
}

TfLiteIntArray *TfLiteIntArrayCopy(const TfLiteIntArray *src)
{
    TfLiteIntArray *copy = src ? TfLiteIntArrayCreate(src->size) : NULL;
    if (copy && src->size > 0) memcpy(copy->data, src->data, (size_t)src->size * sizeof *src->data);
    return copy;
}

void TfLiteIntArrayFree(TfLiteIntArray *a)
{
    free(a);
}

int TfLiteFloatArrayGetSizeInBytes(int size)
{
    return (int)(sizeof(TfLiteFloatArray) + (size_t)(size < 0 ? 0 : size) * sizeof(float));
}

TfLiteFloatArray *TfLiteFloatArrayCreate(int size)
{
    TfLiteFloatArray *array = calloc(1, (size_t)TfLiteFloatArrayGetSizeInBytes(size));
    if (array) array->size = size;
    return array;
}

TfLiteFloatArray *TfLiteFloatArrayCopy(const TfLiteFloatArray *src)
{
    TfLiteFloatArray *copy = src ? TfLiteFloatArrayCreate(src->size) : NULL;
    if (copy && src->size > 0) memcpy(copy->data, src->data, (size_t)src->size * sizeof *src->data);
    return copy;
}

void TfLiteFloatArrayFree(TfLiteFloatArray *a)
{
    free(a);
}
