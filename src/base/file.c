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

static qc_status io_failed(struct qc_env *env, const char *path, const char *what)
{
    int reason = errno;
    return qc_fail(env, reason == ENOMEM ? QC_NOMEM : QC_IO, "%s: cannot be %s: %s", path, what, strerror(reason));
}

/* Everything that a pipe or device gives, into anonymous memory that grows. */
static qc_status read_all(struct qc_env *env, const char *path, int descriptor, struct qc_file *file)
{
    size_t room = 1 << 20, size = 0;
    char *bytes = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) return io_failed(env, path, "read");
    for (ssize_t got; (got = read(descriptor, bytes + size, room - size)) != 0;) {
        if (got < 0 && errno == EINTR) continue;
        if (got > 0 && (size += (size_t)got) < room) continue;
        char *more = got < 0 ? MAP_FAILED : mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED) {
            io_failed(env, path, "read");
            munmap(bytes, room);
            return env->error.status;
        }
        memcpy(more, bytes, size);
        munmap(bytes, room);
        bytes = more;
        room *= 2;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), kept = (size + page - 1) / page * page;
    munmap(bytes + kept, room - kept); /* what unmap will not cover */
    if (size) *file = (struct qc_file){.bytes = bytes, .size = size};
    return QC_OK;
}

qc_status qc_file_map(struct qc_env *env, const char *path, struct qc_file *file)
{
    struct stat info;
    qc_status status = QC_OK;
    *file = (struct qc_file){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return io_failed(env, path, "opened");
    if (fstat(descriptor, &info)) {
        status = io_failed(env, path, "read");
    } else if (S_ISDIR(info.st_mode)) {
        status = qc_fail(env, QC_IO, "%s: is a folder, not a file", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = read_all(env, path, descriptor, file);
    } else if (info.st_size) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED)
            status = io_failed(env, path, "mapped");
        else
            *file = (struct qc_file){bytes, (size_t)info.st_size, true};
    }
    close(descriptor);
    return status;
}

void qc_file_unmap(struct qc_file *file)
{
    if (file->bytes) munmap((void *)(uintptr_t)file->bytes, file->size);
    *file = (struct qc_file){0};
}

void qc_file_release(const struct qc_file *file)
{
    if (file->on_disk) (void)madvise((void *)(uintptr_t)file->bytes, file->size, MADV_DONTNEED);
}

bool qc_file_exists(const char *path)
{
    return !access(path, F_OK);
}

bool qc_file_is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* ---- writing ---- */

/* A new file beside the target, with the mode that the umask gives (mkstemp would give 0600). */
static int open_beside(struct qc_writer *writer)
{
    size_t length = strlen(writer->target) + 48;
    writer->temporary = qc_env_alloc(writer->env, length);
    for (int attempt = 0; writer->temporary && attempt < 100; attempt++) {
        snprintf(writer->temporary, length, "%s.%ld-%d.part", writer->target, (long)getpid(), attempt);
        int descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST) return descriptor;
    }
    return -1;
}

qc_status qc_writer_open(struct qc_writer *writer, struct qc_env *env, const char *path)
{
    struct stat info;
    *writer = (struct qc_writer){.env = env, .path = path, .descriptor = -1};
    bool exists = !stat(path, &info);
    if (exists && S_ISDIR(info.st_mode)) return qc_fail(env, QC_IO, "%s: is a folder; name a file to write", path);
    if (exists && !S_ISREG(info.st_mode)) {
        writer->descriptor = open(path, O_WRONLY | O_CLOEXEC);
        return writer->descriptor < 0 ? io_failed(env, path, "written") : QC_OK;
    }
    char *real = exists ? realpath(path, NULL) : NULL;
    const char *target = real ? real : path;
    writer->target = qc_env_alloc(env, strlen(target) + 1);
    if (writer->target) memcpy(writer->target, target, strlen(target));
    free(real);
    if (!writer->target) return env->error.status;
    writer->descriptor = open_beside(writer);
    if (writer->descriptor < 0) return io_failed(env, path, "created");
    if (exists && fchmod(writer->descriptor, info.st_mode & 07777)) return io_failed(env, path, "created");
    return QC_OK;
}

qc_status qc_writer_put(struct qc_writer *writer, const void *bytes, size_t size)
{
    for (const char *from = bytes; size;) {
        ssize_t written = write(writer->descriptor, from, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return io_failed(writer->env, writer->path, "written");
        from += written;
        size -= (size_t)written;
        writer->size += (size_t)written;
    }
    return QC_OK;
}

qc_status qc_writer_commit(struct qc_writer *writer)
{
    bool sound = !writer->target || !fsync(writer->descriptor) || errno == EINVAL || errno == ENOTSUP; /* not every file system can */
    if (!sound) io_failed(writer->env, writer->path, "written");
    int failed = close(writer->descriptor);
    writer->descriptor = -1;
    if (sound && !failed && writer->target) failed = rename(writer->temporary, writer->target);
    if (failed) io_failed(writer->env, writer->path, "written");
    if (writer->target && (failed || !sound)) unlink(writer->temporary);
    qc_writer_abort(writer);
    return failed || !sound ? writer->env->error.status : QC_OK;
}

void qc_writer_abort(struct qc_writer *writer)
{
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
        if (writer->target) unlink(writer->temporary);
        writer->descriptor = -1;
    }
    if (!writer->env) return;
    qc_env_free(writer->env, writer->temporary);
    qc_env_free(writer->env, writer->target);
    writer->temporary = writer->target = NULL;
}
