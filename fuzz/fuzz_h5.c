/*
 * fuzz_h5.c - a Keras .h5: imported, cleaned up and planned.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(data, size);
    return 0;
}
