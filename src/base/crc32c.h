/*
 * crc32c.h - the Castagnoli checksum (reflected polynomial 0x82F63B78), as TensorFlow's checkpoints use it.
 */
#ifndef QC_BASE_CRC32C_H
#define QC_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 at first) over more bytes. */
uint32_t qc_crc32c(uint32_t crc, const void *bytes, size_t size);

/* The stored form: a checksum of data that holds checksums would be weak, so LevelDB's formats rotate it and add a constant. */
static inline uint32_t qc_crc32c_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

#endif
