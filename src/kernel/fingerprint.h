/*
 * fingerprint.h - FarmHash's 64-bit fingerprint, which TensorFlow uses where a hash is part of a model's meaning.
 */
#ifndef QC_KERNEL_FINGERPRINT_H
#define QC_KERNEL_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

uint64_t qc_fingerprint64(const void *bytes, size_t size);

#endif
