/*
 * notes.c - configuration keys that nothing has read: a note, for they may come from a version that quantc does not know.
 *
 * qc_keras_member remembers which members of a layer's configuration were asked for; what is left when the model is built, and has no
 * business with inference, is unknown. So no layer lists its keys anywhere but where it reads them.
 */
#include "import/keras/tree.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NOTES = 20 };

/* Keys of Keras 1 to 3 that count for nothing where nobody reads them. */
static bool is_known(const char *key)
{
    static const char *const ending[] = {"_initializer", "_regularizer", "_constraint", "_init", "_momentum", "_rate"};
    static const char *const whole[] = {
        /* of every layer */
        "name", "trainable", "dtype", "batch_input_shape", "input_length", "input_dim",
        /* for training */
        "dropout", "recurrent_dropout", "dropout_W", "dropout_U", "init", "inner_init", "forget_bias_init", "unit_forget_bias", "momentum", "synchronized",
        "power_iterations", "seed",
        /* ways to compute the same */
        "implementation", "consume_less", "unroll", "sorted", "robust_masking", "softmax_robust_masking",
        /* what the shapes of weights and inputs say too */
        "units", "filters", "kernel_size", "output_dim", "output_shape", "shared_axes", "nb_filter", "nb_row", "nb_col", "filter_length", "groups",
        "query_shape", "key_shape", "value_shape", "vocabulary_size", "vocabulary_dtype",
        /* of features that are not in use when they are not read */
        "function", "lora_alpha", "epsilon", "oov_token", "oov_method", "fill_mode", "renorm_clipping",
        "mode_type", "concat_axis", "dot_axes", "output_shape_type", "output_mask_type", "arguments",
    };
    for (size_t i = 0; i < QC_COUNT(ending); i++)
        if (strlen(key) > strlen(ending[i]) && !strcmp(key + strlen(key) - strlen(ending[i]), ending[i])) return true;
    for (size_t i = 0; i < QC_COUNT(whole); i++)
        if (!strcmp(key, whole[i])) return true;
    return false;
}

/* The unread keys of one layer as "'a', 'b'"; false if there are none. */
static bool unread(const struct qc_keras_layer *layer, char *text, size_t size)
{
    const char *key;
    const struct qc_json *value;
    size_t at = 0;
    int index = 0;
    for (const void *i = NULL; index < QC_KERAS_MOST_ASKED && (i = qc_json_next(layer->config, i, &key, &value)); index++) {
        if (*layer->asked >> index & 1 || qc_json_is_null(value) || is_known(key) || at + 80 > size) continue;
        at += (size_t)snprintf(text + at, size - at, "%s'%.60s'", at ? ", " : "", key);
    }
    return at > 0;
}

static void note_layers(struct qc_keras_import *im, const struct qc_keras_layer *layer, int *count)
{
    char keys[400];
    bool reads = layer->loaded && layer->class && !(layer->class->flags & QC_KERAS_IDENTITY);
    if (reads && unread(layer, keys, sizeof keys) && ++*count <= MOST_NOTES)
        qc_model_add_note(im->model, "layer '%s' (%s): its configuration has %s, which quantc does not know and does not heed", layer->path,
                          layer->class_name, keys);
    for (int i = 0; i < layer->child_count; i++) note_layers(im, layer->child[i], count);
}

void qc_keras_note_unread(struct qc_keras_import *im, const struct qc_keras_layer *model)
{
    int count = 0;
    note_layers(im, model, &count);
    if (count > MOST_NOTES) qc_model_add_note(im->model, "%d more layers have unknown configuration keys", count - MOST_NOTES);
}
