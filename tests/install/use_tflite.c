/*
 * use_tflite.c - a program outside the tree, built against the installed TensorFlow Lite C API. See install_test.
 */
#include <stdio.h>
#include <tensorflow/lite/c/c_api.h>
#include <tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h>

int main(int argc, char **argv)
{
    TfLiteModel *model = TfLiteModelCreateFromFile(argc > 1 ? argv[1] : "");
    TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
    TfLiteDelegate *delegate = TfLiteXNNPackDelegateCreate(&options);
    puts(TfLiteVersion());
    puts(model || !delegate ? "opened" : "QC_IO");
    TfLiteXNNPackDelegateDelete(delegate);
    return 0;
}
