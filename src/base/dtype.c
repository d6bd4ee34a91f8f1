/*
 * dtype.c - element types and half precision. See dtype.h.
 */
#include "base/dtype.h"

static const struct {
    const char *name;
    uint8_t bits;
    char kind; /* f float, i integer, b bool, c complex, - opaque */
} type_of[QC_DTYPE_COUNT] = {
    [QC_FLOAT32] = {"float32", 32, 'f'},   [QC_FLOAT16] = {"float16", 16, 'f'}, [QC_INT32] = {"int32", 32, 'i'},
    [QC_UINT8] = {"uint8", 8, 'i'},        [QC_INT64] = {"int64", 64, 'i'},     [QC_STRING] = {"string", 0, '-'},
    [QC_BOOL] = {"bool", 8, 'b'},          [QC_INT16] = {"int16", 16, 'i'},     [QC_COMPLEX64] = {"complex64", 64, 'c'},
    [QC_INT8] = {"int8", 8, 'i'},          [QC_FLOAT64] = {"float64", 64, 'f'}, [QC_COMPLEX128] = {"complex128", 128, 'c'},
    [QC_UINT64] = {"uint64", 64, 'i'},     [QC_RESOURCE] = {"resource", 32, '-'}, [QC_VARIANT] = {"variant", 0, '-'},
    [QC_UINT32] = {"uint32", 32, 'i'},     [QC_UINT16] = {"uint16", 16, 'i'},   [QC_INT4] = {"int4", 4, 'i'},
    [QC_BFLOAT16] = {"bfloat16", 16, 'f'}, [QC_INT2] = {"int2", 2, 'i'},        [QC_UINT4] = {"uint4", 4, 'i'},
    [QC_FLOAT8_E4M3FN] = {"float8_e4m3fn", 8, '-'}, [QC_FLOAT8_E5M2] = {"float8_e5m2", 8, '-'},
};

const char *qc_dtype_name(qc_dtype type)
{
    return (unsigned)type < QC_DTYPE_COUNT ? type_of[type].name : "?";
}

int qc_dtype_bits(qc_dtype type)
{
    return (unsigned)type < QC_DTYPE_COUNT ? type_of[type].bits : 0;
}

bool qc_dtype_is_float(qc_dtype type)
{
    return (unsigned)type < QC_DTYPE_COUNT && type_of[type].kind == 'f';
}

bool qc_dtype_is_integer(qc_dtype type)
{
    return (unsigned)type < QC_DTYPE_COUNT && type_of[type].kind == 'i';
}

size_t qc_dtype_bytes(qc_dtype type, size_t count)
{
    size_t bits = (size_t)qc_dtype_bits(type);
    return bits >= 8 ? count * (bits / 8) : (count * bits + 7) / 8;
}

float qc_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023, word;
    if (exponent == 31) {
        word = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent) {
        word = sign | (exponent + 112) << 23 | mantissa << 13; /* 112 = 127 - 15, the difference of the biases */
    } else {
        float magnitude = (float)mantissa * 0x1p-24f; /* subnormal: units of 2^-24 */
        memcpy(&word, &magnitude, sizeof word);
        word |= sign;
    }
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

uint16_t qc_float_to_half(float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    uint16_t sign = (uint16_t)(word >> 16 & 0x8000);
    uint32_t magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above round to infinity */
    if (magnitude < 0x38800000) {                                  /* below 2^-14: subnormal, or zero */
        float scaled, shift = 0x1p-1f; /* adding 0.5 aligns units of 2^-24 with the last bit of the sum, rounding to even */
        memcpy(&scaled, &magnitude, sizeof scaled);
        scaled += shift;
        uint32_t sum;
        memcpy(&sum, &scaled, sizeof sum);
        return (uint16_t)(sign | (sum - 0x3f000000));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude + 0xfff + odd - 0x38000000) >> 13));
}
