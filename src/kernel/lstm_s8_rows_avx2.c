/*
 * lstm_s8_rows_avx2.c - lstm_s8_rows.h in vectors of eight.
 */
#include "kernel/kernel.h"

#if QC_X86
QC_ISA_BEGIN(QC_AVX2)
#include "kernel/lstm_s8_rows.h"
#include "kernel/simd_avx2.h"
#include "kernel/simd_requant.h"

/* Products of two int16 rounded half away from zero: the sum stays below 2^31. */
QC_INLINE vi product_shift(vi x, int n) { return vi_sra_by(vi_add(vi_add(x, vi_set1(1 << (n - 1))), vi_sra_by(x, 31)), n); }

static void sums(size_t n, const int32_t *x, struct qc_multiplier x_scale, const int32_t *h, struct qc_multiplier h_scale, int16_t *gate)
{
    const vi low = vi_set1(INT16_MIN), high = vi_set1(INT16_MAX), least = vi_set1(-65536), most = vi_set1(65536);
    for (size_t i = 0; i < n; i += 16) {
        vi y[2];
        QC_UNROLL
        for (int k = 0; k < 2; k++) {
            const vi from_x = vi_limit(vi_requant(vi_load(x + i + 8 * k), x_scale), low, high);
            y[k] = vi_add(from_x, vi_limit(vi_requant(vi_load(h + i + 8 * k), h_scale), least, most)); /* which changes nothing that is not cut off */
        }
        vb_store((int8_t *)(gate + i), vb_pack_s16(y[0], y[1], INT16_MIN, INT16_MAX));
    }
}

static void cell(size_t n, const int16_t *in, const int16_t *forget, const int16_t *fresh, int bits, int16_t clip, int16_t *c)
{
    const int16_t most = clip > 0 ? clip : INT16_MAX, least = clip > 0 ? (int16_t)-clip : INT16_MIN;
    for (size_t i = 0; i < n; i += 16) {
        vi y[2];
        QC_UNROLL
        for (int k = 0; k < 2; k++) {
            const size_t at = i + 8 * (size_t)k;
            const vi kept = product_shift(vi_mul(vi_load_s16(forget + at), vi_load_s16(c + at)), 15);
            y[k] = vi_add(kept, product_shift(vi_mul(vi_load_s16(in + at), vi_load_s16(fresh + at)), 15 + bits));
        }
        vb_store((int8_t *)(c + i), vb_pack_s16(y[0], y[1], least, most));
    }
}

static void hidden(size_t n, const int16_t *out, const int16_t *activated, struct qc_multiplier scale, int32_t zero, int8_t *h)
{
    const vi least = vi_set1(-65536), most = vi_set1(65536);
    for (size_t i = 0; i < n; i += 8) {
        const vi y = vi_limit(vi_requant(vi_mul(vi_load_s16(out + i), vi_load_s16(activated + i)), scale), least, most);
        vi_store_s8(h + i, vi_limit(vi_add(y, vi_set1(zero)), vi_set1(INT8_MIN), vi_set1(INT8_MAX)), 8);
    }
}
QC_ISA_END

extern const struct qc_lstm_s8_rows qc_lstm_s8_rows_avx2;
const struct qc_lstm_s8_rows qc_lstm_s8_rows_avx2 = {{"avx2", QC_CPU_AVX2}, sums, cell, hidden};
#endif
