/*
 * operations.c - operations on tensors as Keras records them.
 */
#include "import/keras/tables.h"

const struct qc_keras_class qc_keras_operations[] = {
    {0},
};
