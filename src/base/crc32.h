/*
 * crc32.h - the checksum of zip archives (polynomial 0x04C11DB7, reflected).
 */
#ifndef QC_BASE_CRC32_H
#define QC_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` covers (0 at first) followed by `size` more bytes. */
uint32_t qc_crc32(uint32_t crc, const void *bytes, size_t size);

#endif
