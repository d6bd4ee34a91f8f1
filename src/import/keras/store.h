/*
 * store.h - where .h5 and .keras files hold the weights of a layer.
 */
#ifndef QC_IMPORT_KERAS_STORE_H
#define QC_IMPORT_KERAS_STORE_H

#include "import/keras/keras.h"
#include "wire/h5.h"

/*
 * A whole-model or weights .h5: one group per layer of the outermost model, with an attribute that lists its data sets in order. `root` is
 * "/model_weights". Values are views into the file or in the arena.
 */
struct qc_keras_h5 {
    struct qc_env *env;
    struct qc_arena *arena;
    struct qc_h5 *file;
    const char *root;
    const struct qc_keras_layer *top; /* whose list `names` is */
    const char **names;
    size_t count;
};
qc_status qc_keras_find_h5(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable, struct qc_weight *value);

/* model.weights.h5 of a .keras file: data sets by the path of objects, "/layers/conv2d_1/vars/0". */
struct qc_keras_paths {
    struct qc_env *env;
    struct qc_arena *arena;
    struct qc_h5 *file;
};
qc_status qc_keras_find_path(void *user, const struct qc_keras_layer *layer, const struct qc_keras_variable *variable,
                             struct qc_weight *value);

#endif
