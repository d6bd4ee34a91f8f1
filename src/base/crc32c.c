/*
 * crc32c.c - the Castagnoli checksum: the processor's instruction where there is one, else eight tables (slicing by 8). See crc32c.h.
 */
#include "base/crc32c.h"

#include <string.h>

static uint32_t table[8][256]; /* table[k][b]: effect of byte b followed by k zero bytes */

/* Runs before main, so that look-ups need no lock. */
__attribute__((constructor)) static void fill_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
        table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t i = 0; i < 256; i++) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

static uint32_t by_table(uint32_t crc, const unsigned char *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^ table[3][at[4]] ^
              table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
    }
    while (size--) crc = crc >> 8 ^ table[0][(crc ^ *at++) & 255];
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const unsigned char *at, size_t size)
{
    uint64_t c = crc, word;
    for (; size >= 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        c = _mm_crc32_u64(c, word);
    }
    crc = (uint32_t)c;
    while (size--) crc = _mm_crc32_u8(crc, *at++);
    return crc;
}
#endif

uint32_t qc_crc32c(uint32_t crc, const void *bytes, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~by_instruction(~crc, bytes, size);
#endif
    return ~by_table(~crc, bytes, size);
}
