/* c_api.h - where newer releases keep tensorflow/lite/c/c_api.h. */
#include "tensorflow/lite/c/c_api.h"
