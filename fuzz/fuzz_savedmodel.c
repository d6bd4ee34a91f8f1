/*
 * fuzz_savedmodel.c - a frozen GraphDef or SavedModel message (.pb): imported, cleaned up and planned.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(data, size);
    return 0;
}
