/*
 * use_structs.c - the functions of common.h on arrays and tensors of the program's own, and the sizes of its structs.
 */
#include "use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void use_sizes(void)
{
    printf("sizes: tensor %zu, node %zu, context %zu, registration %zu, delegate %zu, builder %zu\n", sizeof(TfLiteTensor), sizeof(TfLiteNode),
           sizeof(TfLiteContext), sizeof(TfLiteRegistration), sizeof(TfLiteDelegate), sizeof(TfLiteOpaqueDelegateBuilder));
    for (int type = -1; type < 22; type++) printf("%s ", TfLiteTypeGetName((TfLiteType)type));
    printf("\ninit failed: %lld\n", (long long)(intptr_t)TfLiteKernelInitFailed());
}

static void use_arrays(void)
{
    TfLiteIntArray *a = TfLiteIntArrayCreate(3), *none = TfLiteIntArrayCreate(0);
    for (int i = 0; i < 3; i++) a->data[i] = 10 * i;
    TfLiteIntArray *b = TfLiteIntArrayCopy(a);
    printf("bytes %zu %zu; copy of none %d\n", TfLiteIntArrayGetSizeInBytes(3), TfLiteIntArrayGetSizeInBytes(0), TfLiteIntArrayCopy(NULL) != NULL);
    printf("equal %d %d %d; to an array %d %d %d\n", TfLiteIntArrayEqual(a, b), TfLiteIntArrayEqual(a, none), TfLiteIntArrayEqual(a, a),
           TfLiteIntArrayEqualsArray(a, 3, (int[]){0, 10, 20}), TfLiteIntArrayEqualsArray(a, 3, (int[]){0, 10, 21}),
           TfLiteIntArrayEqualsArray(NULL, 0, NULL));
    TfLiteFloatArray *f = TfLiteFloatArrayCreate(2);
    f->data[0] = 1, f->data[1] = 0.5f;
    TfLiteFloatArray *g = TfLiteFloatArrayCopy(f);
    printf("floats: %d bytes, %g, copy of none %d\n", TfLiteFloatArrayGetSizeInBytes(2), (double)g->data[1], TfLiteFloatArrayCopy(NULL) != NULL);
    TfLiteIntArrayFree(a);
    TfLiteIntArrayFree(b);
    TfLiteIntArrayFree(none);
    TfLiteIntArrayFree(NULL);
    TfLiteFloatArrayFree(f);
    TfLiteFloatArrayFree(g);
}

/* A dynamic tensor of the program's own with n floats and per-channel parameters. */
static TfLiteTensor own_tensor(int n)
{
    TfLiteTensor tensor;
    memset(&tensor, 0, sizeof tensor);
    TfLiteIntArray *dims = TfLiteIntArrayCreate(1);
    dims->data[0] = n;
    float *data = malloc((size_t)n * sizeof *data);
    for (int i = 0; i < n; i++) data[i] = (float)i + 0.5f;
    TfLiteTensorReset(kTfLiteFloat32, "own", dims, (TfLiteQuantizationParams){0.25f, -3}, (char *)data, (size_t)n * sizeof *data, kTfLiteDynamic,
                      NULL, false, &tensor);
    TfLiteAffineQuantization *affine = calloc(1, sizeof *affine);
    affine->scale = TfLiteFloatArrayCreate(2);
    affine->scale->data[0] = 0.25f, affine->scale->data[1] = 2;
    affine->zero_point = TfLiteIntArrayCreate(1);
    affine->zero_point->data[0] = -3;
    tensor.quantization = (TfLiteQuantization){kTfLiteAffineQuantization, affine};
    return tensor;
}

static void use_tensors(void)
{
    TfLiteTensor a = own_tensor(4), b = own_tensor(4), small = own_tensor(2);
    shape("own", &a);
    printf("scale %g, zero point %d, strategy %d, signature of the shape %d\n", (double)TfLiteTensorQuantizationParams(&a).scale,
           (int)TfLiteTensorQuantizationParams(&a).zero_point, (int)TfLiteTensorGetAllocationStrategy(&a), TfLiteTensorGetDimsSignature(&a)->size);
    memset(b.data.raw, 0, b.bytes);
    printf("copy %d, to a smaller %d, to itself %d\n", (int)TfLiteTensorCopy(&a, &b), (int)TfLiteTensorCopy(&a, &small), (int)TfLiteTensorCopy(&a, &a));
    floats("copied", &b);
    TfLiteTensor clone = TfLiteTensorClone(a);
    const TfLiteAffineQuantization *affine = clone.quantization.params;
    printf("clone: own data %d, own shape %d, scales %d, last %g\n", clone.data.raw != a.data.raw, clone.dims != a.dims, affine->scale->size,
           (double)affine->scale->data[1]);
    floats("clone", &clone);
    TfLiteStatus status = TfLiteTensorRealloc(24, &a);
    printf("realloc %d: %zu bytes, %g", (int)status, a.bytes, (double)a.data.f[3]);
    status = TfLiteTensorResizeMaybeCopy(8, &a, true);
    printf("; again %d: %zu bytes, %g", (int)status, a.bytes, (double)a.data.f[1]);
    status = TfLiteTensorResizeMaybeCopy(64, &a, false);
    printf("; afresh %d: %zu bytes\n", (int)status, a.bytes);
    TfLiteTensorDataFree(&a);
    printf("data freed: %d\n", TfLiteTensorData(&a) != NULL);
    TfLiteQuantizationFree(&b.quantization);
    printf("quantization freed: kind %d\n", (int)b.quantization.type);
    TfLiteSparsityFree(NULL);
    TfLiteTensorFree(&a);
    TfLiteTensorFree(&b);
    TfLiteTensorFree(&small);
    TfLiteTensorFree(&clone);
    printf("freed: %d\n", b.dims != NULL);
}

static void use_stability(void)
{
    for (int type = 0; type <= 8; type++) {
        TfLiteTensor t = {.allocation_type = (TfLiteAllocationType)type};
        printf("allocation %d: strategy %d, address %d, data %d, known %d, shape %d\n", type, (int)TfLiteTensorGetAllocationStrategy(&t),
               (int)TfLiteTensorGetBufferAddressStability(&t), (int)TfLiteTensorGetDataStability(&t), (int)TfLiteTensorGetDataKnownStep(&t),
               (int)TfLiteTensorGetShapeKnownStep(&t));
    }
}

void use_structs(void)
{
    use_sizes();
    use_arrays();
    use_tensors();
    use_stability();
}
