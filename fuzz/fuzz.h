/*
 * fuzz.h - what the fuzz targets share: an input as a file, and the limits they run under.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <quantc/quantc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A ceiling under libFuzzer's own, so that asking for more is seen to be refused. */
static const struct qc_options fuzz_options = {.max_memory = (size_t)256 << 20};

/* The input as a file in memory; `path` receives its name. Close the descriptor afterwards. */
static inline int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    int descriptor = memfd_create("fuzz", 0);
    if (descriptor < 0 || (size && write(descriptor, data, size) != (ssize_t)size)) abort();
    snprintf(path, 64, "/proc/self/fd/%d", descriptor);
    return descriptor;
}

/* A failure must have a status and a sentence. */
static inline void fuzz_check(const struct qc_error *error)
{
    if (error->status == QC_OK || !error->text[0]) abort();
}

/* Has the file loops? They may be endless, which is a model's right (docs/security.md). */
static inline bool fuzz_loops(const struct qc_model *model)
{
    struct qc_op_detail op;
    for (size_t g = 0; g < qc_model_subgraph_count(model); g++)
        for (size_t i = 0; qc_model_op(model, g, i, &op); i++)
            if (!strcmp(op.op, "WHILE") || !strcmp(op.op, "STABLEHLO_WHILE")) return true;
    return false;
}

/* Plans a model, and runs it if that is cheap and `may_run`. */
static inline void fuzz_model(struct qc_model *model, bool may_run)
{
    struct qc_error error = {0};
    struct qc_session *session = qc_session_create(model, &fuzz_options, &error);
    if (!session) {
        fuzz_check(&error);
        return;
    }
    size_t bytes = 0;
    struct qc_tensor_info info;
    for (size_t i = 0; i < qc_session_input_count(session); i++)
        if (!qc_session_input(session, i, &info) && info.data) {
            bytes += info.bytes;
            if (info.type != QC_STRING) memset(info.data, (int)i + 1, info.bytes);
        }
    if (may_run && bytes < 1 << 16 && qc_session_memory(session) < 1 << 18 && qc_session_invoke(session, &error)) fuzz_check(&error);
    qc_session_free(session);
}

/* A model file of any kind: imported, converted, planned, run if that is cheap. */
static inline void fuzz_import(const uint8_t *data, size_t size)
{
    char path[64];
    struct qc_error error = {0};
    int descriptor = fuzz_file(data, size, path);
    struct qc_model *model = qc_model_open(path, &fuzz_options, &error), *converted = model ? qc_model_convert(model, NULL, &error) : NULL;
    if (converted)
        fuzz_model(converted, true);
    else
        fuzz_check(&error);
    qc_model_free(converted);
    qc_model_free(model);
    close(descriptor);
}

#endif
