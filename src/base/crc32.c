/*
 * crc32.c - slicing by eight: eight tables let eight bytes be folded in one step.
 *
 * table[0][b] is the checksum of byte b; table[k][b] the same followed by k zero bytes. The tables (8 KiB) are made anew by each
 * call on enough bytes to pay for it, about 2 microseconds: no global state, nothing to initialise.
 */
#include "base/crc32.h"

#include <string.h>

static uint32_t bitwise(uint32_t crc, const unsigned char *byte, size_t size)
{
    while (size--) {
        crc ^= *byte++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return crc;
}

uint32_t qc_crc32(uint32_t crc, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;
    crc = ~crc;
    if (size >= 1024) {
        uint32_t table[8][256];
        for (uint32_t b = 0; b < 256; b++) {
            unsigned char zero = 0;
            table[0][b] = bitwise(b, &zero, 1);
        }
        for (int k = 1; k < 8; k++)
            for (int b = 0; b < 256; b++) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
        for (; size >= 8; size -= 8, next += 8) {
            uint64_t word;
            memcpy(&word, next, 8);
            uint32_t low = (uint32_t)word ^ crc, high = (uint32_t)(word >> 32);
            crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
                  table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
        }
    }
    return ~bitwise(crc, next, size);
}
