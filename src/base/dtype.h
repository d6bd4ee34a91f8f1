/*
 * dtype.h - element types (the enum is public, quantc.h) and half-precision conversion, the one definition of both.
 */
#ifndef QC_BASE_DTYPE_H
#define QC_BASE_DTYPE_H

#include <quantc/quantc.h>
#include <string.h>

/* Bits of one element; 0 for types without a fixed width. */
int qc_dtype_bits(qc_dtype type);
bool qc_dtype_is_float(qc_dtype type);   /* float16, bfloat16, float32, float64 */
bool qc_dtype_is_integer(qc_dtype type); /* signed or unsigned, packed ones too; not bool */

/* IEEE binary16 <-> binary32. To half: round to nearest even, overflow gives infinity, NaN stays NaN. */
float qc_half_to_float(uint16_t half);
uint16_t qc_float_to_half(float value);

static inline float qc_bfloat16_to_float(uint16_t bits)
{
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* Round to nearest even; NaN stays NaN. */
static inline uint16_t qc_float_to_bfloat16(float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    if ((word & 0x7fffffff) > 0x7f800000) return (uint16_t)(word >> 16 | 0x40);
    return (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

#endif
