/*
 * zip.h - reading members of a zip archive in memory: a thin shim over libzip.
 *
 * Members are found by their exact name and go to memory, never to a file, so that names with "../" mean nothing. A member's
 * size is bounded by what its packed bytes can honestly hold and by the caller's limit, before and while it is unpacked.
 */
#ifndef QC_WIRE_ZIP_H
#define QC_WIRE_ZIP_H

#include "base/arena.h"

struct qc_zip;

bool qc_zip_probe(const void *bytes, size_t size);
/* The bytes must outlive the archive. NULL with QC_FORMAT recorded. */
struct qc_zip *qc_zip_open(struct qc_env *env, const void *bytes, size_t size);
void qc_zip_close(struct qc_zip *zip);

bool qc_zip_has(struct qc_zip *zip, const char *name);
/* The whole member, checksum verified, in the arena. QC_FORMAT if it is missing, damaged or larger than `limit`. */
qc_status qc_zip_read(struct qc_zip *zip, struct qc_arena *arena, const char *name, size_t limit, const void **bytes, size_t *size);

#endif
