/*
 * file.c - mapping files, atomic writing. See file.h.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

qc_status qc_file_map(struct qc_env *env, const char *path, struct qc_file *file)
{
    struct stat info;
    *file = (struct qc_file){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return qc_fail(env, QC_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(descriptor, &info) || !S_ISREG(info.st_mode)) {
        close(descriptor);
        return qc_fail(env, QC_IO, "%s: is not a regular file", path);
    }
    file->size = (size_t)info.st_size;
    if (file->size) {
        void *bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED) {
            int reason = errno;
            close(descriptor);
            return qc_fail(env, reason == ENOMEM ? QC_NOMEM : QC_IO, "%s: cannot be mapped: %s", path, strerror(reason));
        }
        file->bytes = bytes;
    }
    close(descriptor);
    return QC_OK;
}

void qc_file_unmap(struct qc_file *file)
{
    if (file->bytes) munmap((void *)(uintptr_t)file->bytes, file->size);
    *file = (struct qc_file){0};
}

bool qc_file_is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

qc_status qc_writer_open(struct qc_writer *writer, struct qc_env *env, const char *path)
{
    *writer = (struct qc_writer){.env = env, .path = path, .descriptor = -1};
    size_t length = strlen(path) + 16;
    if (!(writer->temporary = qc_env_alloc(env, length))) return QC_NOMEM;
    if (qc_file_is_folder(path)) return qc_fail(env, QC_IO, "%s: is a folder; name a file to write", path);
    snprintf(writer->temporary, length, "%s.XXXXXX", path);
    writer->descriptor = mkstemp(writer->temporary);
    if (writer->descriptor < 0) return qc_fail(env, QC_IO, "%s: cannot be created: %s", path, strerror(errno));
    mode_t mask = umask(0); /* mkstemp gives 0600; a file made the usual way honours the umask */
    umask(mask);
    if (fchmod(writer->descriptor, 0666 & ~mask)) return qc_fail(env, QC_IO, "%s: cannot be created: %s", path, strerror(errno));
    return QC_OK;
}

qc_status qc_writer_put(struct qc_writer *writer, const void *bytes, size_t size)
{
    for (const char *from = bytes; size;) {
        ssize_t written = write(writer->descriptor, from, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return qc_fail(writer->env, QC_IO, "%s: cannot be written: %s", writer->path, strerror(errno));
        from += written;
        size -= (size_t)written;
        writer->size += (size_t)written;
    }
    return QC_OK;
}

qc_status qc_writer_commit(struct qc_writer *writer)
{
    qc_status status = QC_OK;
    bool sound = !fsync(writer->descriptor) || errno == EINVAL || errno == ENOTSUP; /* not every file system can sync */
    if (close(writer->descriptor) || !sound)
        status = qc_fail(writer->env, QC_IO, "%s: cannot be written: %s", writer->path, strerror(errno));
    writer->descriptor = -1;
    if (!status && rename(writer->temporary, writer->path))
        status = qc_fail(writer->env, QC_IO, "%s: cannot be written: %s", writer->path, strerror(errno));
    if (status) unlink(writer->temporary);
    qc_env_free(writer->env, writer->temporary);
    writer->temporary = NULL;
    return status;
}

void qc_writer_abort(struct qc_writer *writer)
{
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
        unlink(writer->temporary);
        writer->descriptor = -1;
    }
    if (writer->env) qc_env_free(writer->env, writer->temporary);
    writer->temporary = NULL;
}
