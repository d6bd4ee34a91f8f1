/*
 * gemm_s16_avx512vnni.c - products of int16 by int8 as two of bytes, by vpdpbusd: 6 rows x 32 columns in 24 of 32 registers.
 *
 * a + 2^15 = 256 * high + low, both unsigned: their sums stand in accumulators of their own, and 2^15 times the weights' sum is taken off in the end.
 * At the rate of vpmaddwd, but without an addition beside each.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX512VNNI)
#include "kernel/simd_avx512.h"

enum { UNIT_PARTS = 2, PART_BYTES = 0, X_BIAS = 1 << 15, TAKES_S8 = 0, TAKES_S16 = 1, PLANES = 2 };
#define QC_PLANES 1

QC_INLINE vi load_weights(const int8_t *w) { return _mm512_loadu_si512(w); }
QC_INLINE vi dot(vi sum, vi x, vi w) { return _mm512_dpbusd_epi32(sum, x, w); }
/* Of each four, four low bytes and four high ones (see split). */
QC_INLINE vi spread(const void *a, size_t k, int part)
{
    int32_t four;
    __builtin_memcpy(&four, (const char *)a + k * 8 + part * 4, 4);
    return _mm512_set1_epi32(four);
}
QC_INLINE vi join(vi low, vi high) { return _mm512_add_epi32(low, _mm512_slli_epi32(high, 8)); }

struct qc_gemm_s8_tile;
QC_INLINE vi round64(const struct qc_gemm_s8_tile *t, const int32_t *sum, const double *bias, const double *scale);

#include "kernel/gemm_s8_template.h"

/* Joined exactly; the rest as in simd_avx512.h. */
QC_INLINE __m256i round64_half(enum qc_s8_form form, const int32_t *sum, const double *bias, const double *scale)
{
    const __m512d low = _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)(const void *)sum));
    const __m512d high = _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)(const void *)(sum + PLANE)));
    const __m512d total = _mm512_add_pd(_mm512_fmadd_pd(high, _mm512_set1_pd(256), low), _mm512_loadu_pd(bias)), by = _mm512_loadu_pd(scale);
    return form == QC_S16_F64 ? pd_round_away(_mm512_mul_pd(total, by)) : pd_round_up(total, by);
}
QC_INLINE vi round64(const struct qc_gemm_s8_tile *t, const int32_t *sum, const double *bias, const double *scale)
{
    const __m256i first = round64_half(t->form, sum, bias, scale), second = round64_half(t->form, sum + 8, bias + 8, scale + 8);
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

QC_TILE(1, 1) QC_TILE(1, 2) QC_TILE(2, 1) QC_TILE(2, 2)
QC_TILE(4, 1) QC_TILE(4, 2) QC_TILE(6, 1) QC_TILE(6, 2)

static void run(const struct qc_gemm_s8_tile *t)
{
    static tile_fn *const table[ROW_TILES][2] = {{tile_1x1, tile_1x2}, {tile_2x1, tile_2x2}, {tile_4x1, tile_4x2}, {tile_6x1, tile_6x2}};
    table[row_tile(t->rows)][(t->columns - 1) / 16](t, 0, t->columns);
}

/* Of each four: low bytes, then high bytes with the top bit flipped. The last fours are of zeros. */
static void split(const void *x, size_t n, void *to)
{
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15));
    const __m512i flip = _mm512_set1_epi64((int64_t)0x8080808000000000);
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        _mm512_storeu_si512((int16_t *)to + i, _mm512_xor_si512(_mm512_shuffle_epi8(_mm512_loadu_si512((const int16_t *)x + i), order), flip));
    if (i == n) return;
    const __mmask32 rest = (__mmask32)((1u << (n - i)) - 1), whole = (__mmask32)((1ull << ((n - i + 3) & ~(size_t)3)) - 1);
    const __m512i last = _mm512_maskz_loadu_epi16(rest, (const int16_t *)x + i);
    _mm512_mask_storeu_epi16((int16_t *)to + i, whole, _mm512_xor_si512(_mm512_shuffle_epi8(last, order), flip));
}
QC_ISA_END

extern const struct qc_gemm_s8 qc_gemm_s16_avx512vnni;
const struct qc_gemm_s8 qc_gemm_s16_avx512vnni = {{"avx512vnni", QC_CPU_AVX2 | QC_CPU_AVX512 | QC_CPU_AVX512VNNI}, 32, run, NULL, split, 2,
                                                  1 << 16, X_BIAS};
#endif
