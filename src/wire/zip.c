/*
 * zip.c - libzip behind zip.h.
 *
 * Deflate packs at most 1032:1; more than 200:1 does not occur in trained weights or in configurations, so that a bomb is refused
 * from the directory alone. Memory is taken for what the directory claims only after that check; a member that unpacks to
 * more or less than it claims is damaged.
 */
#include "wire/zip.h"

#include <string.h>
#include <zip.h>

enum { MOST_EXPANSION = 200, EXPANSION_FREE = 1 << 20 };

struct qc_zip {
    struct qc_env *env;
    zip_t *archive;
};

bool qc_zip_probe(const void *bytes, size_t size)
{
    return size >= 4 && !memcmp(bytes, "PK\3\4", 4);
}

struct qc_zip *qc_zip_open(struct qc_env *env, const void *bytes, size_t size)
{
    zip_error_t error;
    zip_error_init(&error);
    struct qc_zip *zip = qc_env_alloc(env, sizeof *zip);
    if (!zip) return NULL;
    zip->env = env;
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    if (source) zip->archive = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (!zip->archive) {
        qc_fail(env, QC_FORMAT, "the zip archive cannot be read: %s", zip_error_strerror(&error));
        zip_source_free(source);
        qc_env_free(env, zip);
        zip = NULL;
    }
    zip_error_fini(&error);
    return zip;
}

void qc_zip_close(struct qc_zip *zip)
{
    if (!zip) return;
    zip_discard(zip->archive);
    qc_env_free(zip->env, zip);
}

bool qc_zip_has(struct qc_zip *zip, const char *name)
{
    return zip_name_locate(zip->archive, name, 0) >= 0;
}

/* The member's place and size, if it may be unpacked at all. */
static qc_status locate(struct qc_zip *zip, const char *name, size_t limit, zip_uint64_t *index, size_t *size)
{
    struct qc_env *env = zip->env;
    zip_stat_t stat;
    zip_int64_t found = zip_name_locate(zip->archive, name, 0);
    if (found < 0) return qc_fail(env, QC_FORMAT, "the archive has no member '%s'", name);
    *index = (zip_uint64_t)found;
    zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(zip->archive, *index, 0, &stat) || (stat.valid & need) != need)
        return qc_fail(env, QC_FORMAT, "member '%s' of the archive has no sizes", name);
    if (stat.valid & ZIP_STAT_ENCRYPTION_METHOD && stat.encryption_method != ZIP_EM_NONE)
        return qc_fail(env, QC_UNSUPPORTED, "member '%s' of the archive is encrypted", name);
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
        return qc_fail(env, QC_UNSUPPORTED, "member '%s' of the archive is packed by method %d; only stored and deflated members are read",
                       name, stat.comp_method);
    if (stat.size > limit)
        return qc_fail(env, QC_FORMAT, "member '%s' of the archive claims %llu bytes, more than the %zu allowed", name,
                       (unsigned long long)stat.size, limit);
    if (stat.size > EXPANSION_FREE && stat.size / MOST_EXPANSION > stat.comp_size)
        return qc_fail(env, QC_FORMAT, "member '%s' of the archive claims %llu bytes in %llu packed ones, which no model does", name,
                       (unsigned long long)stat.size, (unsigned long long)stat.comp_size);
    *size = stat.size;
    return QC_OK;
}

qc_status qc_zip_read(struct qc_zip *zip, struct qc_arena *arena, const char *name, size_t limit, const void **bytes, size_t *size)
{
    zip_uint64_t index = 0;
    QC_TRY(locate(zip, name, limit, &index, size));
    char *data = qc_arena_alloc(arena, *size + 1); /* one more, to see a member that is longer than it claims */
    if (!data) return QC_NOMEM;
    zip_file_t *file = zip_fopen_index(zip->archive, index, 0);
    if (!file)
        return qc_fail(zip->env, QC_FORMAT, "member '%s' of the archive cannot be read: %s", name, zip_strerror(zip->archive));
    size_t got = 0;
    zip_int64_t n;
    while ((n = zip_fread(file, data + got, *size + 1 - got)) > 0 && (got += (size_t)n) <= *size) {}
    qc_status status = QC_OK;
    if (n < 0 || got != *size)
        status = qc_fail(zip->env, QC_FORMAT, "member '%s' of the archive is damaged: %s", name,
                         n < 0 ? zip_file_strerror(file) : "its length is not the one the directory states");
    if (zip_fclose(file) && !status) status = qc_fail(zip->env, QC_FORMAT, "member '%s' of the archive is damaged", name);
    data[*size] = 0;
    *bytes = data;
    return status;
}
