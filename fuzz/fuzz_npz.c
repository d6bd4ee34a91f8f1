/*
 * fuzz_npz.c - .npy and .npz: everything that opens is read.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct qc_error error = {0};
    int descriptor = fuzz_file(data, size, path);
    struct qc_arrays *arrays = qc_arrays_open(path, &fuzz_options, &error);
    if (!arrays) fuzz_check(&error);
    for (size_t i = 0; arrays && i < qc_arrays_count(arrays); i++) {
        struct qc_array array;
        if (qc_arrays_get(arrays, i, &array, &error)) fuzz_check(&error);
    }
    qc_arrays_free(arrays);
    close(descriptor);
    return 0;
}
