/* common.h - where newer releases keep tensorflow/lite/c/common.h. */
#include "tensorflow/lite/c/common.h"
