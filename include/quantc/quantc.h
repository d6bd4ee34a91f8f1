/*
 * quantc.h - the public API of quantc: convert Keras / TensorFlow models into quantized .tflite files, and run them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * In one minute
 *
 *     struct qc_error error;
 *     struct qc_model *model = qc_model_open("classifier.tflite", NULL, &error);
 *     struct qc_session *session = qc_session_create(model, NULL, &error);
 *     struct qc_tensor_info in, out;
 *     qc_session_input(session, 0, &in);
 *     memcpy(in.data, my_floats, in.bytes);
 *     if (qc_session_invoke(session, &error)) fprintf(stderr, "%s\n", error.text);
 *     qc_session_output(session, 0, &out);            // out.data, out.dims[0 .. out.rank), out.type
 *     qc_session_free(session);
 *     qc_model_free(model);
 *
 * Conventions
 *   - Functions that can fail return qc_status, or a pointer that is NULL on failure; both fill the caller's `error`
 *     (which may be NULL) with one sentence saying what failed, where, why and what to do. An object, path or other argument
 *     that must be there and is NULL is QC_INVALID: "qc_model_open: path is NULL".
 *   - Strings are UTF-8. Sizes are bytes unless a name says otherwise. Tensors are dense, row-major, little-endian.
 *   - Every *_free(NULL) is allowed. What a getter returns belongs to the object asked and lives as long as it.
 *   - Models are immutable once opened: any number of sessions, in any threads, may share one. A session belongs to one
 *     thread at a time.
 *   - Nothing here aborts or prints. No function keeps global state.
 *   - A function that the caller hands in (an allocator, `fill`, `progress`) returns: no longjmp and no C++ exception may leave it.
 */
#ifndef QUANTC_QUANTC_H
#define QUANTC_QUANTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define QC_API
#else
#define QC_API __attribute__((visibility("default")))
#endif

/* ---- 1. Results and errors ------------------------------------------------------------------------------------- */

typedef enum qc_status {
    QC_OK = 0,
    QC_NOMEM = 1,       /* memory ran out, or the ceiling of qc_options.max_memory was met */
    QC_IO = 2,          /* a file could not be read or written */
    QC_FORMAT = 3,      /* the bytes are not a sound file of their kind */
    QC_UNSUPPORTED = 4, /* sound, but holds a layer, operator or type that quantc does not handle */
    QC_INVALID = 5,     /* an argument of the call makes no sense */
    QC_RANGE = 6,       /* a value does not fit: an index, a float16 overflow, a size limit asked for */
    QC_CANCELLED = 7,   /* the caller's progress function asked to stop */
} qc_status;

/* Filled by every failing call. `text` is one sentence without a newline, always terminated. */
struct qc_error {
    qc_status status;
    char text[1536];
};

/* "QC_FORMAT" and so on; never NULL. */
QC_API const char *qc_status_name(qc_status status);

/* "0.1.0". */
QC_API const char *qc_version(void);

/* The instruction sets that kernels use here ("avx2+avx512+avx512vnni"), into `text`, which is returned. The environment variable
 * QUANTC_CPU lowers them, for tests and measurements. */
QC_API const char *qc_cpu_name(char *text, size_t size);

/* ---- 2. Element types ------------------------------------------------------------------------------------------- */

/* The numbers are those of the TensorFlow Lite schema (enum TensorType). */
typedef enum qc_dtype {
    QC_FLOAT32 = 0, QC_FLOAT16 = 1, QC_INT32 = 2, QC_UINT8 = 3, QC_INT64 = 4, QC_STRING = 5, QC_BOOL = 6, QC_INT16 = 7,
    QC_COMPLEX64 = 8, QC_INT8 = 9, QC_FLOAT64 = 10, QC_COMPLEX128 = 11, QC_UINT64 = 12, QC_RESOURCE = 13, QC_VARIANT = 14,
    QC_UINT32 = 15, QC_UINT16 = 16, QC_INT4 = 17, QC_BFLOAT16 = 18, QC_INT2 = 19, QC_UINT4 = 20,
    QC_FLOAT8_E4M3FN = 21, QC_FLOAT8_E5M2 = 22, QC_DTYPE_COUNT = 23
} qc_dtype;

/* "float32", "int8", ... as numpy spells them; "?" for a value outside the enum. */
QC_API const char *qc_dtype_name(qc_dtype type);

/* Bytes of `count` elements, packed types rounded up; a resource handle takes 4; 0 for types without a fixed width
 * (string, variant). */
QC_API size_t qc_dtype_bytes(qc_dtype type, size_t count);

#define QC_MAX_RANK 8

/* One input or output, as it is now. `data` may be written (inputs) or read (outputs) until the next call that changes
 * the session. `scale` is 0 for a tensor without quantization, else real = (stored - zero_point) * scale. */
struct qc_tensor_info {
    const char *name;           /* the tensor's name; "" if it has none */
    qc_dtype type;
    int rank;
    int32_t dims[QC_MAX_RANK];      /* now */
    int32_t signature[QC_MAX_RANK]; /* as the file declares them: -1 where any size may be given */
    float scale;
    int32_t zero_point;
    void *data;                 /* NULL before the shape is known, and for an empty tensor */
    size_t bytes;
};

/* ---- 3. Options common to opening, converting and running ------------------------------------------------------- */

/* Memory functions for everything an object needs. `resize(user, NULL, n)` allocates, `resize(user, p, 0)` frees. */
struct qc_allocator {
    void *(*resize)(void *user, void *block, size_t bytes);
    void *user;
};

/* Zero-initialise, then set what matters. NULL stands for all zeros. */
struct qc_options {
    const struct qc_allocator *allocator; /* NULL: malloc. Copied */
    size_t max_memory;                    /* bytes this object may hold at once (a session: with its model); 0: no ceiling */
    int threads;                          /* sessions: 0 or 1: the caller's thread alone; n: n threads in all; -1: one per core */
    bool reference;                       /* sessions: TFLite's reference arithmetic in place of the default one (docs/bit-exactness.md) */
    bool winograd;                        /* sessions: float32 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3) where that is faster; not
                                             with `reference`. ResNet50 takes a fifth less time. The rounding error of such a layer is about twice
                                             that of direct sums, at most 2^-20 of the largest |input| x the sum of |weights| of an output; and an
                                             infinite or NaN input spreads to all outputs of its 4x4 tiles. Weights take four times the memory */
    bool profile;                         /* sessions: time every operator, see qc_session_profile */
    const char *signature;                /* import: SavedModel signature; NULL: serving_default, or the only one. Sessions: which
                                             signature of the model to run; NULL: the main subgraph */
    const char *tag;                      /* import: SavedModel tag set, comma separated; NULL: serve */
    int route;                            /* import: enum qc_route, of SavedModels */
    int recurrent;                        /* import: enum qc_recurrent */
    int32_t batch;                        /* import: fixed batch size; 0: dynamic where the model allows it */
};

/* What a SavedModel is built from. */
enum qc_route {
    QC_ROUTE_AUTO = 0,   /* the graph of the signature; the configuration if quantc lacks an operator of the graph */
    QC_ROUTE_GRAPH = 1,  /* the graph alone */
    QC_ROUTE_CONFIG = 2, /* the configuration of its layers alone, which Keras 2 writes */
};

/* The written form of recurrent layers. */
enum qc_recurrent {
    QC_RECURRENT_AUTO = 0,   /* the fastest in LiteRT */
    QC_RECURRENT_FUSED = 1,  /* LSTM: UNIDIRECTIONAL_SEQUENCE_LSTM, its states cleared on every call; a loop where that is not exact (masks) */
    QC_RECURRENT_LOOP = 2,   /* WHILE with a body subgraph */
    QC_RECURRENT_UNROLL = 3, /* basic operators only */
    QC_RECURRENT_INT8 = 4,   /* as FUSED, because mode int8 computes nothing else of recurrent layers in integers */
};

/* ---- 4. Models -------------------------------------------------------------------------------------------------- */

struct qc_model;

/*
 * Opens a model of any kind quantc reads: .tflite, Keras .h5 / .hdf5 / .keras, a SavedModel folder, a frozen .pb. The kind is
 * told by content. Keras and TensorFlow models are imported into a float graph. The file is mapped and must not change
 * while the model lives. A build with QUANTC_RUNTIME_ONLY reads .tflite alone.
 */
QC_API struct qc_model *qc_model_open(const char *path, const struct qc_options *options, struct qc_error *error);

/* The same from memory (.tflite only). The bytes stay the caller's and must outlive the model unchanged; any alignment. */
QC_API struct qc_model *qc_model_open_memory(const void *bytes, size_t size, const struct qc_options *options,
                                             struct qc_error *error);

/* Sessions must be freed first. */
QC_API void qc_model_free(struct qc_model *model);

/* Things worth telling a person that did not stop the import (ignored configuration keys, chosen recurrent forms, a fixed
 * batch), one sentence each, in order. NULL past the last. */
QC_API const char *qc_model_note(const struct qc_model *model, size_t index);

/* An associated file packed into the .tflite (vocabulary, labels), or false. The bytes live as long as the model. */
QC_API bool qc_model_associated_file(const struct qc_model *model, const char *name, const void **bytes, size_t *size);

/* A metadata entry by name, or false. The bytes live as long as the model. */
QC_API bool qc_model_metadata(const struct qc_model *model, const char *name, const void **bytes, size_t *size);

/* Signatures: count, and the key of one ("serving_default"). NULL past the last. */
QC_API size_t qc_model_signature_count(const struct qc_model *model);
QC_API const char *qc_model_signature_key(const struct qc_model *model, size_t index);

/* Looking inside. Everything returned lives as long as the model; false (or NULL) past the last. */
struct qc_tensor_detail {
    const char *name;
    qc_dtype type;
    bool shaped;        /* rank and dims are known */
    int rank;
    int32_t dims[QC_MAX_RANK], signature[QC_MAX_RANK];
    bool constant, variable;
    size_t bytes;       /* of a constant */
    const void *data;   /* of a constant */
    size_t scale_count; /* 0: not quantized; 1: per tensor; else one for each slice of `axis` */
    int axis;
    const float *scale;
    const int64_t *zero_point;
};
struct qc_op_detail {
    const char *op;     /* "CONV_2D", or the custom operator's name */
    int version;
    const char *name;   /* the layer, or the first output's name */
    size_t input_count, output_count;
};
QC_API size_t qc_model_subgraph_count(const struct qc_model *model);
QC_API const char *qc_model_subgraph_name(const struct qc_model *model, size_t subgraph);
QC_API bool qc_model_tensor(const struct qc_model *model, size_t subgraph, size_t index, struct qc_tensor_detail *detail);
QC_API bool qc_model_op(const struct qc_model *model, size_t subgraph, size_t index, struct qc_op_detail *detail);
/* Tensor number of an operator's input or output; -1: an optional one left out. */
QC_API long qc_model_op_input(const struct qc_model *model, size_t subgraph, size_t op, size_t input);
QC_API long qc_model_op_output(const struct qc_model *model, size_t subgraph, size_t op, size_t output);
/* An operator's options as a JSON object, in pieces; false if it has none. */
QC_API bool qc_model_op_options(const struct qc_model *model, size_t subgraph, size_t op, void (*put)(void *user, const char *text), void *user);
/* Tensor numbers of a subgraph's inputs and outputs; -1 past the last. */
QC_API long qc_model_subgraph_input(const struct qc_model *model, size_t subgraph, size_t index);
QC_API long qc_model_subgraph_output(const struct qc_model *model, size_t subgraph, size_t index);
/* Entries of signature `signature`: name, and tensor number in its subgraph. */
QC_API bool qc_model_signature_input(const struct qc_model *model, size_t signature, size_t index, const char **name, size_t *subgraph, size_t *tensor);
QC_API bool qc_model_signature_output(const struct qc_model *model, size_t signature, size_t index, const char **name, size_t *subgraph, size_t *tensor);
/* Names and sizes of metadata entries and associated files. */
QC_API bool qc_model_metadata_entry(const struct qc_model *model, size_t index, const char **name, size_t *size);
QC_API bool qc_model_file_entry(const struct qc_model *model, size_t index, const char **name, size_t *size);
QC_API const char *qc_model_description(const struct qc_model *model);
/* The first TensorFlow Lite that has all its operators, "2.3.0", in `text` of at least 32 bytes. */
QC_API void qc_model_runtime(const struct qc_model *model, char *text);

/* ---- 5. Sessions: running a model ------------------------------------------------------------------------------- */

struct qc_session;

/* Plans and prepares the main subgraph (or that of `options->signature`): packs weights, reserves the arena. After this,
 * invoke allocates nothing for static shapes. The model must outlive the session. `options` NULL: those the model was opened with. */
QC_API struct qc_session *qc_session_create(struct qc_model *model, const struct qc_options *options, struct qc_error *error);
QC_API void qc_session_free(struct qc_session *session);

QC_API size_t qc_session_input_count(const struct qc_session *session);
QC_API size_t qc_session_output_count(const struct qc_session *session);

/* QC_INVALID past the last. With options.signature set, order and names are those of the signature's entries sorted by name;
 * else the subgraph's own. */
QC_API qc_status qc_session_input(struct qc_session *session, size_t index, struct qc_tensor_info *info);
QC_API qc_status qc_session_output(struct qc_session *session, size_t index, struct qc_tensor_info *info);

/* Position of an input or output by the name of the signature entry or of the tensor; -1 if there is none. */
QC_API int qc_session_input_index(const struct qc_session *session, const char *name);
QC_API int qc_session_output_index(const struct qc_session *session, const char *name);

/* Gives input `index` another shape. Contents of all inputs are undefined until written again. Takes effect (plans anew) at
 * the next qc_session_input, qc_session_output or qc_session_invoke, which reports shapes that do not fit. */
QC_API qc_status qc_session_resize(struct qc_session *session, size_t index, int rank, const int32_t *dims,
                                   struct qc_error *error);

/* Computes all outputs from the inputs. */
QC_API qc_status qc_session_invoke(struct qc_session *session, struct qc_error *error);

/* String inputs and outputs: the tensor's bytes are TFLite's packed form. These set and get them as arrays. Setting takes as many strings as
 * the input has elements (see qc_session_resize); `lengths` NULL: they are terminated. Getting is false past the last element, and for tensors
 * of another type; the bytes live until the next call that changes the session. */
QC_API qc_status qc_session_set_strings(struct qc_session *session, size_t index, size_t count, const char *const *strings,
                                        const size_t *lengths, struct qc_error *error);
QC_API bool qc_session_get_string(struct qc_session *session, size_t output, size_t element, const char **bytes, size_t *length);

/* Puts variable tensors (the memory of stateful models) back to their initial zeros. */
QC_API qc_status qc_session_reset(struct qc_session *session, struct qc_error *error);

/* Bytes: arena and other memory the session holds, now. Packed weights are the model's, whose sessions share them. */
QC_API size_t qc_session_memory(const struct qc_session *session);
/* Bytes of the one block that the values of the main graph share, as planned now; *lower_bound (may be NULL): the least that could hold those alive
 * at one step. */
QC_API size_t qc_session_arena(const struct qc_session *session, size_t *lower_bound);

/* One row of the profile (options.profile): accumulated over invocations. */
struct qc_profile_row {
    const char *op;     /* "CONV_2D" */
    const char *name;   /* name of the first output tensor */
    const char *kernel; /* which kernel ran it; "" if the operator has only one */
    uint64_t calls;
    uint64_t nanoseconds;
};
/* false past the last row. */
QC_API bool qc_session_profile(const struct qc_session *session, size_t index, struct qc_profile_row *row);

/* ---- 6. Converting ---------------------------------------------------------------------------------------------- */

/*
 *     struct qc_model *keras = qc_model_open("model.h5", NULL, &error);
 *     struct qc_convert_options options = {.mode = "float16"};
 *     struct qc_model *small = qc_model_convert(keras, &options, &error);
 *     qc_model_save(small, "model.tflite", 0, NULL, &error);
 *
 * The result is a model like any other: it can be run, compared and asked before it is saved.
 */

/* Modes of quantization, by index; false past the last. `aliases` is NULL-terminated. */
struct qc_mode {
    const char *name;
    const char *const *aliases;
    const char *summary;    /* one line */
    bool needs_samples;     /* activations are quantized, so their ranges must be known */
    int recurrent;          /* enum qc_recurrent: the form to import recurrent layers in */
};
QC_API bool qc_mode_list(size_t index, struct qc_mode *mode);

/*
 * Representative data. `fill` writes sample `index` into the inputs of `session` (a session of the float model: see
 * qc_session_input, and qc_session_resize for inputs of free size). It may be asked for the same sample more than once, and from
 * several threads, but never by two at a time; calibration asks in order of index, and clears the session's states before each.
 */
struct qc_samples {
    size_t count;
    qc_status (*fill)(void *user, size_t index, struct qc_session *session, struct qc_error *error);
    void *user;
};

/* Ranges of a model's values: what calibration finds. They can be kept, and joined from several runs. */
struct qc_stats;
struct qc_convert_options;

/* Calibrates: runs options->samples through the cleaned-up float model. */
QC_API struct qc_stats *qc_stats_collect(struct qc_model *source, const struct qc_convert_options *options, struct qc_error *error);
QC_API qc_status qc_stats_save(const struct qc_stats *stats, const char *path, struct qc_error *error);
QC_API struct qc_stats *qc_stats_open(const char *path, struct qc_error *error);
/* Takes the ranges of `from` into `into`. */
QC_API qc_status qc_stats_merge(struct qc_stats *into, const struct qc_stats *from, struct qc_error *error);
QC_API void qc_stats_free(struct qc_stats *stats);

/* Zero-initialise, then set what matters. */
struct qc_convert_options {
    const char *mode;             /* name or alias of a mode; NULL: "float32" */
    int64_t min_elements;         /* modes dynamic and weights: constants with fewer elements stay float; 0: 1024 */
    bool saturate;                /* float16: values out of range become the largest, instead of an error */
    bool per_tensor;              /* one scale for all weights of a layer */
    bool dense_per_tensor;        /* likewise, of FULLY_CONNECTED only */
    bool strict;                  /* int8, int16x8: an operator that would stay float is an error */
    qc_dtype io;                  /* int8: QC_INT8 or QC_UINT8, int16x8: QC_INT16 for inputs and outputs; QC_FLOAT32: as in the source */
    const char *target_runtime;   /* "2.5": operator versions beyond it are an error; NULL: any */
    bool tflm;                    /* for TensorFlow Lite Micro: no hybrid operators, no float16, fixed shapes, one scale for dense weights */
    const char *const *keep_float; /* patterns (with * and ?) of layer names or operator types; NULL-terminated; NULL: none */
    const char *const *only;       /* likewise: everything else stays float; NULL: all */
    const char *recipe;            /* JSON text: [{"match": pattern, "mode": name}, ...], the last match holds; NULL: none */
    const struct qc_samples *samples; /* int8, int16x8: needed unless `stats` is given. Any mode: used to check the result */
    const struct qc_stats *stats;     /* ranges collected before */
    const char *observer;             /* how ranges are found: "minmax" (NULL), "percentile", "mse", "entropy" */
    bool correct_bias;                /* biases take up what quantization shifts each channel's mean by, on `samples`; kept if the values come nearer */
    int threads;                      /* as qc_options.threads: calibration runs that many samples at a time, with the same result for any number */
    bool (*progress)(void *user, const char *stage, size_t done, size_t total); /* false stops; may be NULL; like `fill` from any thread */
    void *progress_user;
};

/*
 * A new model: cleaned up (constants folded, BatchNormalization, padding and activations fused) and quantized. The source is not
 * changed, may be converted again, and must outlive the result. Float .tflite files come out of mode "float32" as they are.
 */
QC_API struct qc_model *qc_model_convert(struct qc_model *source, const struct qc_convert_options *options, struct qc_error *error);

/* What stayed float in a converted model, and why. */
struct qc_kept {
    bool is_operator;   /* an operator between QUANTIZE and DEQUANTIZE; else a constant */
    const char *name;   /* of the constant, or the operator's layer */
    const char *op;     /* operator type; of a constant: of its first user */
    size_t bytes;       /* of a constant */
    const char *reason;
};
/* false past the last. */
QC_API bool qc_model_kept(const struct qc_model *model, size_t index, struct qc_kept *kept);

/* The quantization that a converted model's input or output has, for summaries without a session. false past the last. */
QC_API bool qc_model_input(const struct qc_model *model, size_t index, struct qc_tensor_info *info);
QC_API bool qc_model_output(const struct qc_model *model, size_t index, struct qc_tensor_info *info);

/* Bytes of all constants, shared ones once. */
QC_API size_t qc_model_constant_bytes(const struct qc_model *model);

/*
 * Writes a .tflite. The file is loaded and planned by quantc's own runtime before it gets its name; it appears whole or not at all.
 * `max_size` (0: none): a larger file is QC_RANGE and names the largest tensors. *size (may be NULL) becomes its bytes.
 */
QC_API qc_status qc_model_save(struct qc_model *model, const char *path, size_t max_size, size_t *size, struct qc_error *error);

/* How far the values of one layer, or one output, are from the reference's, over all samples. */
struct qc_difference {
    const char *name;   /* of the tensor */
    const char *op;     /* operator that computes it */
    size_t elements;    /* compared, over all samples */
    double max_error, mean_error; /* absolute */
    double step;        /* of the output's quantization; 0: none */
    double sqnr;        /* signal to quantization noise in dB; infinite if equal */
    double cosine;      /* of the angle between both, 1 if equal */
    double agreement;   /* outputs: part of the rows with the same largest element, or, with one element, the same side of 0.5; else NaN */
    bool constant;      /* outputs: every sample gave the same values, though the reference's differ by many quantization steps */
    bool not_finite;    /* holds NaN or infinities where the reference does not */
};

/* Runs both models on the same samples, states cleared before each. Layers are matched by name; inputs by name or else by order; outputs by order. */
struct qc_comparison;
QC_API struct qc_comparison *qc_compare(struct qc_model *reference, struct qc_model *model, const struct qc_samples *samples, int threads,
                                        struct qc_error *error);
QC_API void qc_comparison_free(struct qc_comparison *comparison);
/* Outputs in order, and layers with the lowest SQNR first; false past the last. */
QC_API bool qc_comparison_output(const struct qc_comparison *comparison, size_t index, struct qc_difference *difference);
QC_API bool qc_comparison_layer(const struct qc_comparison *comparison, size_t index, struct qc_difference *difference);

/* ---- 7. Arrays: .npy and .npz ----------------------------------------------------------------------------------- */

/* Named arrays in order: the members of an .npz, or the one array of a .npy under the name "". */
struct qc_arrays;

struct qc_array {
    const char *name;           /* key of the .npz */
    qc_dtype type;              /* QC_STRING for numpy's fixed-width bytes (S) and text (U) */
    int rank;
    int64_t dims[QC_MAX_RANK];
    size_t count;               /* elements */
    const void *data;           /* dense, row-major, in this machine's byte order; NULL for strings */
    size_t bytes;               /* of data */
    const char *const *strings; /* [count], terminated; text as UTF-8. NULL unless type is QC_STRING */
    const size_t *lengths;      /* [count], trailing zero bytes not counted, as numpy does */
};

/*
 * Opens a .npy or .npz (told by content) and checks its directory and headers; values are read by qc_arrays_get. All formats
 * that numpy writes are taken: versions 1 to 3, C and Fortran order, either byte order, stored and deflated members. Object
 * arrays and structured types are QC_UNSUPPORTED. An array costs the memory that its header declares and its bytes back.
 */
QC_API struct qc_arrays *qc_arrays_open(const char *path, const struct qc_options *options, struct qc_error *error);
QC_API void qc_arrays_free(struct qc_arrays *arrays);

QC_API size_t qc_arrays_count(const struct qc_arrays *arrays);

/* Position of a name; -1 if there is none. */
QC_API int qc_arrays_find(const struct qc_arrays *arrays, const char *name);

/* Fills `array`, reading its values at the first call. They live as long as `arrays`. QC_INVALID past the last. */
QC_API qc_status qc_arrays_get(struct qc_arrays *arrays, size_t index, struct qc_array *array, struct qc_error *error);

/* The same without values: `data` and `strings` are NULL. */
QC_API qc_status qc_arrays_describe(struct qc_arrays *arrays, size_t index, struct qc_array *array, struct qc_error *error);

/*
 * Elements [first, first + count) of a numeric array, into `out`. Reading on from where the last call ended is cheap, going back starts
 * over; memory does not grow with the array (except for a deflated one in Fortran order). Pointers of qc_arrays_get stay valid.
 */
QC_API qc_status qc_arrays_read(struct qc_arrays *arrays, size_t index, size_t first, size_t count, void *out, struct qc_error *error);

/*
 * Writes an .npz with stored members, or a .npy where `path` ends in ".npy" (then count must be 1). Of each array, name, type,
 * rank, dims and data (strings and lengths for QC_STRING, which becomes fixed-width bytes) are read. bfloat16 and packed 4 or
 * 2 bit types, which numpy lacks, are written as float32 and int8 or uint8. The file appears whole or not at all.
 */
QC_API qc_status qc_arrays_write(const char *path, const struct qc_array *arrays, size_t count, struct qc_error *error);

/* ---- 8. Text: Keras Tokenizer, padding, labels ------------------------------------------------------------------ */

/*
 * tf.keras.preprocessing.text.Tokenizer: the same ids for the same text, and the same word_index for the same texts. Text is
 * UTF-8; a byte that is none is QC_FORMAT with its offset. Once made or fitted, any number of threads may share a tokenizer.
 */
struct qc_tokenizer;

/* Zero-initialise, then set what differs from Keras's defaults. */
struct qc_tokenizer_options {
    const char *filters;   /* characters that are blotted out; NULL: Keras's list, !"#$%&()*+,-./:;<=>?@[\]^_`{|}~ tab and newline */
    const char *split;     /* what separates words; NULL: one space */
    const char *oov_token; /* stands for unknown words; NULL: none, they are dropped */
    int64_t num_words;     /* keeps the ids 1 .. num_words - 1; 0: all */
    bool keep_case;        /* lower=False */
    bool char_level;       /* every character is a word */
};

/* An empty tokenizer, to be fitted. */
QC_API struct qc_tokenizer *qc_tokenizer_create(const struct qc_tokenizer_options *options, struct qc_error *error);

/*
 * Reads a vocabulary: JSON {"word": id, ...} as people dump tokenizer.word_index, or what Tokenizer.to_json() gives, told by
 * content. The file's own settings hold where `options` (NULL: none) leaves a field zero. Duplicate words, duplicate ids and
 * ids below 0 are QC_FORMAT.
 */
QC_API struct qc_tokenizer *qc_tokenizer_open(const char *path, const struct qc_tokenizer_options *options, struct qc_error *error);
QC_API struct qc_tokenizer *qc_tokenizer_open_memory(const void *json, size_t size, const struct qc_tokenizer_options *options,
                                                     struct qc_error *error);
QC_API void qc_tokenizer_free(struct qc_tokenizer *tokenizer);

/* fit_on_texts: the first counts the words of one text, call it for each; the second then gives out the ids, the most frequent word
 * first. Not while another thread uses the tokenizer. */
QC_API qc_status qc_tokenizer_fit(struct qc_tokenizer *tokenizer, const char *text, size_t length, struct qc_error *error);
QC_API qc_status qc_tokenizer_rank(struct qc_tokenizer *tokenizer, struct qc_error *error);

/* Writes word_index as json.dump(word_index, file, ensure_ascii=False) does. */
QC_API qc_status qc_tokenizer_save(struct qc_tokenizer *tokenizer, const char *path, struct qc_error *error);

/* The id of a word, 0 if it has none; and how many words there are. */
QC_API int32_t qc_tokenizer_id(const struct qc_tokenizer *tokenizer, const char *word, size_t length);
QC_API size_t qc_tokenizer_words(const struct qc_tokenizer *tokenizer);

/* texts_to_sequences of one text. *count becomes the number of ids; the first `capacity` of them are written to `ids`. */
QC_API qc_status qc_tokenizer_encode(const struct qc_tokenizer *tokenizer, const char *text, size_t length, int32_t *ids,
                                     size_t capacity, size_t *count, struct qc_error *error);

/* Where padding goes, and where long sequences are cut. Keras's default is the front for both. */
enum qc_side { QC_PRE = 0, QC_POST = 1 };

struct qc_padding {
    size_t maxlen;
    enum qc_side padding, truncating;
    int32_t value;
};

/* texts_to_sequences and pad_sequences of one text in one go: fills ids[0 .. pad->maxlen). *known (may be NULL): ids before
 * padding and cutting. Memory does not depend on the text's length. */
QC_API qc_status qc_tokenizer_sequence(const struct qc_tokenizer *tokenizer, const char *text, size_t length,
                                       const struct qc_padding *pad, int32_t *ids, size_t *known, struct qc_error *error);

/* pad_sequences of one sequence: fills out[0 .. pad->maxlen). */
QC_API void qc_pad_sequence(const int32_t *ids, size_t count, const struct qc_padding *pad, int32_t *out);

/*
 * Packs a tokenizer, with how its ids are to be padded and what the scores mean, into a model that is then saved (see
 * qc_model_convert): as associated files with TFLite Metadata, which other tools read, and an entry of quantc's own. After that
 * qc_classifier_open needs the model alone. Words cut off by num_words are left out. The model needs one input.
 */
struct qc_text_settings {
    const struct qc_tokenizer *tokenizer;
    struct qc_padding padding;
    float threshold;           /* of a single score; mostly 0.5 */
    const char *const *labels; /* names by label, or NULL */
    size_t label_count;
};
QC_API qc_status qc_model_pack_text(struct qc_model *model, const struct qc_text_settings *settings, struct qc_error *error);

/* A text classifier: a model, its tokenizer and how they are joined. Belongs to one thread at a time. */
struct qc_classifier;

/* Zero-initialise, then set what differs from what the model file says or else from the defaults. */
struct qc_classifier_options {
    const char *word_index;                /* path; NULL: the vocabulary packed into the model */
    struct qc_tokenizer_options tokenizer;
    size_t maxlen;                         /* 0: as packed, else the model's own fixed length, else 100 */
    const enum qc_side *padding;           /* NULL: as packed, else QC_PRE */
    const enum qc_side *truncating;
    const float *threshold;                /* NULL: as packed, else 0.5 */
    struct qc_options run;                 /* of the session: threads, reference, max_memory */
};

struct qc_prediction {
    int label;           /* one score: 1 if it is above the threshold, else 0; several: the place of the largest */
    const char *name;    /* of the label, if the model file carries names, else its number as text */
    float probability;   /* the one score, or the largest */
    const float *scores; /* all, dequantized */
    size_t score_count;
    const int32_t *ids;  /* what the model was given */
    size_t id_count;
    size_t known;        /* ids before padding and cutting */
};

/* The model needs one input [batch, maxlen] of float32, int32 or int64 ids and one output [batch, scores]. */
QC_API struct qc_classifier *qc_classifier_open(const char *model_path, const struct qc_classifier_options *options,
                                                struct qc_error *error);
QC_API void qc_classifier_free(struct qc_classifier *classifier);

/* What `prediction` points to lives until the next call. Text without a known word is all padding, and gets its label. */
QC_API qc_status qc_classifier_predict(struct qc_classifier *classifier, const char *text, size_t length,
                                       struct qc_prediction *prediction, struct qc_error *error);

#ifdef __cplusplus
}
#endif
#endif
