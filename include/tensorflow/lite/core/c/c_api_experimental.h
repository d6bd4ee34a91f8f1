/* c_api_experimental.h - where newer releases keep tensorflow/lite/c/c_api_experimental.h. */
#include "tensorflow/lite/c/c_api_experimental.h"
