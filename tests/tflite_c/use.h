/*
 * use.h - what the files of use_all share: printing, and a tally of error reports. Only what TensorFlow Lite defines is printed, never the
 * words of an error, so that the same binary prints the same on both libraries.
 */
#ifndef USE_H
#define USE_H

#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/c_api_opaque.h"

/* The path of a model that make_models wrote; valid until the next call. */
const char *path_of(const char *name);
TfLiteModel *open_model(const char *name);
void reporter(void *user_data, const char *format, va_list args); /* counts; user_data is its counter */
extern int reports;                                               /* what `reporter` counts in, if given that */
void status(const char *what, TfLiteStatus status);               /* and whether anything was reported since the last call */
void shape(const char *what, const TfLiteTensor *tensor);
void floats(const char *what, const TfLiteTensor *tensor);

void use_operators(void);     /* use_operators.c: TfLiteOperator and the opaque API */
void use_registrations(void); /* use_registrations.c: TfLiteRegistration, TfLiteContext, the experimental API */
void use_structs(void);       /* use_structs.c: common.h */

#endif
