/*
 * depthwise_s8_vnni.h - depthwise_s8_template.h on vpdpbusd (QC_DPBUSD), for the two encodings that CPUs have it in.
 */
#ifndef QC_KERNEL_DEPTHWISE_S8_VNNI_H
#define QC_KERNEL_DEPTHWISE_S8_VNNI_H

#define DEPTHWISE_S16 0
enum { GROUP = 4, PARTS = 4, X_BIAS = 128 };

/* Flipping the top bit adds 128: vpdpbusd takes unsigned activations. */
QC_INLINE vi load(const char *a, size_t offset)
{
    return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)(a + offset)), _mm256_set1_epi8(-128));
}
QC_INLINE void interleave(const char *const *a, size_t offset, vi x[PARTS])
{
    const vi t0 = load(a[0], offset), t1 = load(a[1], offset);
    const vi t2 = load(a[2], offset), t3 = load(a[3], offset);
    const vi low01 = _mm256_unpacklo_epi8(t0, t1), high01 = _mm256_unpackhi_epi8(t0, t1);
    const vi low23 = _mm256_unpacklo_epi8(t2, t3), high23 = _mm256_unpackhi_epi8(t2, t3);
    x[0] = _mm256_unpacklo_epi16(low01, low23), x[1] = _mm256_unpackhi_epi16(low01, low23);
    x[2] = _mm256_unpacklo_epi16(high01, high23), x[3] = _mm256_unpackhi_epi16(high01, high23);
}
/* Three taps, and anything in the fourth place. */
QC_INLINE void interleave_three(const char *const *a, size_t offset, vi x[PARTS])
{
    const vi t0 = load(a[0], offset), t1 = load(a[1], offset), t2 = load(a[2], offset);
    const vi low01 = _mm256_unpacklo_epi8(t0, t1), high01 = _mm256_unpackhi_epi8(t0, t1);
    const vi low22 = _mm256_unpacklo_epi8(t2, t2), high22 = _mm256_unpackhi_epi8(t2, t2);
    x[0] = _mm256_unpacklo_epi16(low01, low22), x[1] = _mm256_unpackhi_epi16(low01, low22);
    x[2] = _mm256_unpacklo_epi16(high01, high22), x[3] = _mm256_unpackhi_epi16(high01, high22);
}
/* Bytes 0-3, 4-7, 8-11, 12-15 of each lane, four times each. */
QC_INLINE void interleave_one(const char *a, size_t offset, vi x[PARTS])
{
    const vi t = load(a, offset), first = _mm256_setr_epi32(0, 0x01010101, 0x02020202, 0x03030303, 0, 0x01010101, 0x02020202, 0x03030303);
    QC_UNROLL
    for (int v = 0; v < PARTS; v++) x[v] = _mm256_shuffle_epi8(t, _mm256_add_epi8(first, _mm256_set1_epi8((char)(4 * v))));
}
QC_INLINE vi dot(vi sum, vi x, vi w) { return QC_DPBUSD(sum, x, w); }

#include "kernel/depthwise_s8_template.h"

#endif
