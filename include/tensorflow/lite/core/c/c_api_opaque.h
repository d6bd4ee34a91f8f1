/* c_api_opaque.h - where newer releases keep tensorflow/lite/c/c_api_opaque.h. */
#include "tensorflow/lite/c/c_api_opaque.h"
