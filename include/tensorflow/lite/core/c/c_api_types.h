/* c_api_types.h - where newer releases keep tensorflow/lite/c/c_api_types.h. */
#include "tensorflow/lite/c/c_api_types.h"
