/*
 * class.c - finding the row of a class, and why some classes have none.
 */
#include "import/keras/tables.h"
#include "import/keras/tree.h"

#include <string.h>

static const struct qc_keras_class *const family[] = {
    qc_keras_layers_core,      qc_keras_layers_conv,      qc_keras_layers_pool,       qc_keras_layers_norm,       qc_keras_layers_merge,
    qc_keras_layers_shape,     qc_keras_layers_recurrent, qc_keras_layers_attention,  qc_keras_layers_activation, qc_keras_layers_preprocess,
    qc_keras_layers_audio,     qc_keras_layers_wrapper,   qc_keras_operations,
};

const struct qc_keras_class *qc_keras_class_find(const char *name, bool operation)
{
    for (size_t i = 0; i < QC_COUNT(family); i++)
        for (const struct qc_keras_class *class = family[i]; class->name; class++)
            if (operation ? (class->flags & QC_KERAS_OPERATOR) != 0 : !strcmp(class->name, name)) return class;
    return NULL;
}

static const struct {
    const char *class_name, *why;
} refusal[] = {
    {"Lambda", "it holds Python code, which cannot be run without Python; replace it by Keras layers or operations (x * 2, keras.ops), or export the "
               "model as a SavedModel, which holds the computation"},
    {"TFSMLayer", "it refers to a SavedModel outside this file; convert that SavedModel itself"},
    {"JaxLayer", "it holds JAX code"},
    {"FlaxLayer", "it holds Flax code"},
    {"TorchModuleWrapper", "it holds a PyTorch module"},
    {"StringLookup", "text has no operators in TensorFlow Lite; cut the model after it and look words up before the model"},
    {"TextVectorization", "text has no operators in TensorFlow Lite; cut the model after it: quantc's tokenizer does its work before the model"},
    {"Hashing", "its hash function has no operator in TensorFlow Lite; cut the model after it and hash before the model"},
    {"HashedCrossing", "its hash function has no operator in TensorFlow Lite; cut the model after it and hash before the model"},
    {"RandomCrop", "at inference Keras gives its input back unchanged in some versions and a crop in others; replace it by CenterCrop or Resizing"},
    {"Equalization", "this image filter is not supported; apply it before the model"},
    {"ContrastLimitedAdaptiveHistogramEqualization", "this image filter is not supported; apply it before the model"},
    {"MaxNumBoundingBoxes", "bounding boxes are not supported"},
    {"CuDNNLSTM", "its weights are laid out for a GPU; load the model in Keras and save it with LSTM layers"},
    {"CuDNNGRU", "its weights are laid out for a GPU; load the model in Keras and save it with GRU layers"},
};

const char *qc_keras_refusal(const char *class_name)
{
    for (size_t i = 0; i < QC_COUNT(refusal); i++)
        if (!strcmp(refusal[i].class_name, class_name)) return refusal[i].why;
    return NULL;
}
