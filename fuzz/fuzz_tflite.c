/*
 * fuzz_tflite.c - a .tflite from memory: loaded, planned, and run if it is small.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_open_memory(data, size, &fuzz_options, &error);
    if (model)
        fuzz_model(model, !fuzz_loops(model));
    else
        fuzz_check(&error);
    qc_model_free(model);
    return 0;
}
