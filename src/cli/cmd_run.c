/*
 * cmd_run.c - quantc run: a model on arrays from an .npz, results to an .npz.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct qc_model *model;
    struct qc_session *session;
    struct qc_arrays *arrays;
    struct qc_error error;
    const char *input_path;
};

/* The array of input `index`: by signature or tensor name, else by position as text. */
static int find_array(const struct run *r, size_t index)
{
    char position[24];
    for (size_t a = 0; a < qc_arrays_count(r->arrays); a++) {
        struct qc_array array;
        struct qc_error error;
        if (qc_arrays_get(r->arrays, a, &array, &error)) continue;
        if (*array.name && qc_session_input_index(r->session, array.name) == (int)index) return (int)a;
    }
    snprintf(position, sizeof position, "%zu", index);
    int found = qc_arrays_find(r->arrays, position);
    if (found < 0 && qc_arrays_count(r->arrays) == 1 && qc_session_input_count(r->session) == 1) found = 0;
    return found;
}

static int resize_inputs(struct run *r)
{
    for (size_t i = 0; i < qc_session_input_count(r->session); i++) {
        struct qc_array array;
        int32_t dims[QC_MAX_RANK];
        int a = find_array(r, i);
        if (a < 0) return cli_failf(CLI_FAILED, "%s: there is no array for input %zu of the model", r->input_path, i);
        if (qc_arrays_get(r->arrays, (size_t)a, &array, &r->error)) return cli_fail(&r->error);
        for (int k = 0; k < array.rank; k++) {
            if (array.dims[k] > INT32_MAX)
                return cli_failf(CLI_FAILED, "%s: array '%s' has dimension %lld", r->input_path, array.name, (long long)array.dims[k]);
            dims[k] = (int32_t)array.dims[k];
        }
        if (qc_session_resize(r->session, i, array.rank, dims, &r->error)) return cli_fail(&r->error);
    }
    return CLI_DONE;
}

/* numpy has no separate type for what the model calls float16 constants and the like: types must be equal, bool and 8-bit aside. */
static bool fits(qc_dtype wanted, qc_dtype given)
{
    if (wanted == given) return true;
    return (wanted == QC_INT4 || wanted == QC_BOOL || wanted == QC_INT8) && given == QC_INT8;
}

/* Every half has a float: float16 arrays may be given to float32 inputs, as Keras takes them. */
static float widen(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    float value = exponent == 31 ? (mantissa ? NAN : INFINITY)
                  : exponent     ? ldexpf((float)(mantissa + 1024), exponent - 25)
                                 : ldexpf((float)mantissa, -24);
    return half & 0x8000 ? -value : value;
}

static bool widens(const struct qc_tensor_info *info, const struct qc_array *array)
{
    if (info->type != QC_FLOAT32 || array->type != QC_FLOAT16 || info->bytes != 2 * array->bytes) return false;
    for (size_t i = 0; i < array->count; i++) ((float *)info->data)[i] = widen(((const uint16_t *)array->data)[i]);
    return true;
}

static int fill_inputs(struct run *r)
{
    for (size_t i = 0; i < qc_session_input_count(r->session); i++) {
        struct qc_array array;
        struct qc_tensor_info info;
        int a = find_array(r, i);
        if (a < 0 || qc_arrays_get(r->arrays, (size_t)a, &array, &r->error)) return cli_fail(&r->error);
        if (qc_session_input(r->session, i, &info)) {
            qc_session_invoke(r->session, &r->error); /* plans again, and says what is wrong */
            return cli_fail(&r->error);
        }
        if (array.type == QC_STRING && info.type == QC_STRING) {
            if (qc_session_set_strings(r->session, i, array.count, array.strings, array.lengths, &r->error)) return cli_fail(&r->error);
            continue;
        }
        if (widens(&info, &array)) continue;
        if (!fits(info.type, array.type))
            return cli_failf(CLI_FAILED, "%s: array '%s' is %s, but input %zu ('%s') takes %s", r->input_path, array.name,
                             qc_dtype_name(array.type), i, info.name, qc_dtype_name(info.type));
        if (array.bytes != info.bytes)
            return cli_failf(CLI_FAILED, "%s: array '%s' has %zu bytes, but input %zu ('%s') takes %zu", r->input_path, array.name, array.bytes,
                             i, info.name, info.bytes);
        if (info.bytes) memcpy(info.data, array.data, info.bytes);
    }
    return CLI_DONE;
}

/* A string output as qc_arrays_write wants it. */
static bool string_output(struct run *r, size_t output, struct qc_array *array)
{
    const char **strings = calloc(array->count + 1, sizeof *strings);
    size_t *lengths = calloc(array->count + 1, sizeof *lengths);
    array->strings = strings;
    array->lengths = lengths;
    for (size_t k = 0; strings && lengths && k < array->count; k++)
        if (!qc_session_get_string(r->session, output, k, &strings[k], &lengths[k])) return false;
    return strings && lengths;
}

static int write_outputs(struct run *r, const char *path, bool names)
{
    size_t count = qc_session_output_count(r->session);
    struct qc_array *array = calloc(count + 1, sizeof *array);
    char(*position)[24] = calloc(count + 1, sizeof *position);
    int code = array && position ? CLI_DONE : cli_failf(CLI_FAILED, "out of memory");
    for (size_t i = 0; i < count && !code; i++) {
        struct qc_tensor_info info;
        if (qc_session_output(r->session, i, &info)) {
            code = cli_failf(CLI_FAILED, "output %zu is not to be had", i);
            break;
        }
        snprintf(position[i], sizeof *position, "%zu", i);
        array[i] = (struct qc_array){.name = names ? info.name : position[i], .type = info.type, .rank = info.rank, .data = info.data, .bytes = info.bytes};
        array[i].count = 1;
        for (int k = 0; k < info.rank; k++) {
            array[i].dims[k] = info.dims[k];
            array[i].count *= (size_t)info.dims[k];
        }
        if (info.type == QC_RESOURCE || info.type == QC_VARIANT) array[i].type = QC_INT32;
        if (info.type == QC_STRING && !string_output(r, i, &array[i])) code = cli_failf(CLI_FAILED, "output %zu holds no sound strings", i);
    }
    if (!code && qc_arrays_write(path, array, count, &r->error)) code = cli_fail(&r->error);
    for (size_t i = 0; array && i < count; i++) {
        free((void *)(uintptr_t)array[i].strings);
        free((void *)(uintptr_t)array[i].lengths);
    }
    free(array);
    free(position);
    return code;
}

static void print_profile(struct qc_session *session)
{
    struct qc_profile_row row;
    fprintf(stderr, "%10s  %-32s %-24s %s\n", "us", "operator", "kernel", "layer");
    for (size_t i = 0; qc_session_profile(session, i, &row); i++)
        fprintf(stderr, "%10.1f  %-32s %-24s %.80s\n", (double)row.nanoseconds / 1000, row.op, row.kernel, row.name);
}

static int run(int argc, char **argv)
{
    const char *inputs = NULL, *outputs = NULL, *signature = NULL, *threads = NULL, *memory = NULL;
    bool reference = false, winograd = false, names = false, profile = false;
    const struct cli_option option[] = {{"--inputs", "-i", &inputs, NULL},        {"--outputs", "-o", &outputs, NULL},
                                        {"--signature", NULL, &signature, NULL},  {"--threads", "-t", &threads, NULL},
                                        {"--max-memory", NULL, &memory, NULL},    {"--reference", NULL, NULL, &reference},
                                        {"--winograd", NULL, NULL, &winograd},
                                        {"--names", NULL, NULL, &names},          {"--profile", NULL, NULL, &profile}};
    long thread_count = 1, megabytes = 0;
    int count = cli_parse(argc, argv, option, sizeof option / sizeof *option);
    if (count < 0) return CLI_USAGE;
    if (count != 1 || !inputs) return cli_failf(CLI_USAGE, "usage: quantc run MODEL --inputs IN.npz [--outputs OUT.npz]");
    if (threads && !cli_number("--threads", threads, -1, 256, &thread_count)) return CLI_USAGE;
    if (memory && !cli_number("--max-memory", memory, 1, 1 << 24, &megabytes)) return CLI_USAGE;
    struct qc_options options = {.reference = reference, .winograd = winograd, .profile = profile, .signature = signature, .threads = (int)thread_count,
                                 .max_memory = (size_t)megabytes << 20};
    struct run r = {.input_path = inputs};
    int code = CLI_DONE;
    if (!(r.model = qc_model_open(argv[1], &options, &r.error)) || !(r.session = qc_session_create(r.model, &options, &r.error)) ||
        !(r.arrays = qc_arrays_open(inputs, &options, &r.error)))
        code = cli_fail(&r.error);
    if (!code) code = resize_inputs(&r);
    if (!code) code = fill_inputs(&r);
    if (!code && qc_session_invoke(r.session, &r.error)) code = cli_fail(&r.error);
    if (!code && profile) print_profile(r.session);
    if (!code && outputs) code = write_outputs(&r, outputs, names);
    qc_arrays_free(r.arrays);
    qc_session_free(r.session);
    qc_model_free(r.model);
    return code;
}

const struct cli_command qc_command_run = {
    "run", "run a model on arrays",
    "usage: quantc run MODEL --inputs IN.npz [--outputs OUT.npz] [options]\n\n"
    "Arrays are matched to inputs by name (signature or tensor name) or by position as text (\"0\", \"1\", ...). Inputs are\n"
    "resized to the shapes given. Outputs are written by position.\n\n"
    "  --signature NAME   run this signature; inputs and outputs are then numbered in the order of their names\n"
    "  --reference        TensorFlow Lite's reference arithmetic\n"
    "  --winograd         float32 3x3 convolutions by Winograd's method: faster, with about twice the rounding error\n"
    "  --names            write outputs under their tensor names\n"
    "  --threads N        threads (1; -1: one per core); results do not depend on it\n"
    "  --max-memory MB    ceiling for model and session\n"
    "  --profile          time per operator, on stderr\n",
    run};
