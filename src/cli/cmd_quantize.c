/*
 * cmd_quantize.c - quantc quantize: a model of any kind in, a .tflite out, and a summary.
 */
#include "cli.h"
#include "samples.h"
#include "text_options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATTERNS = 64 };

struct arguments {
    const char *model, *output, *mode, *max_size, *min_elements, *recurrent, *route, *batch, *signature, *tag, *io, *target, *target_runtime, *keep,
        *only, *recipe, *observer, *threads, *stats, *save_stats;
    struct cli_samples_arguments samples;
    struct cli_text text;
    const char *labels;
    bool json, saturate, strict, per_tensor, dense_per_tensor, correct_bias;
    /* read from them: */
    size_t largest;
    struct qc_options import;
    struct qc_convert_options convert;
    const char *keep_list[MAX_PATTERNS + 1], *only_list[MAX_PATTERNS + 1];
    char *recipe_text;
};

/* ---- reading the arguments ---- */

static bool read_size(const char *text, size_t *bytes)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1}, {"b", 1}, {"k", 1e3}, {"kb", 1e3}, {"kib", 1024}, {"m", 1e6}, {"mb", 1e6}, {"mib", 1048576}, {"g", 1e9}, {"gb", 1e9}, {"gib", 1073741824}};
    char *end, unit[8] = "";
    double value = strtod(text, &end);
    while (*end == ' ') end++;
    for (size_t i = 0; i + 1 < sizeof unit && end[i]; i++) unit[i] = (char)tolower((unsigned char)end[i]);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end != text && !strcmp(units[i].unit, unit) && value > 0 && value < 1e18) {
            *bytes = (size_t)(value * units[i].factor);
            return true;
        }
    cli_failf(CLI_USAGE, "--max-size takes a size such as 4MB, not '%s'", text);
    return false;
}

static bool read_word(const char *option, const char *text, const char *const *words, int *index)
{
    char list[200] = "";
    for (*index = 0; words[*index]; (*index)++) {
        if (!strcmp(words[*index], text)) return true;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", *index ? ", " : "", words[*index]);
    }
    cli_failf(CLI_USAGE, "%s takes one of %s, not '%s'", option, list, text);
    return false;
}

static void read_patterns(char *text, const char **list)
{
    int count = 0;
    for (char *word = strtok(text, ","); word && count < MAX_PATTERNS; word = strtok(NULL, ",")) list[count++] = word;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? calloc(1, 1 << 20) : NULL;
    size_t size = text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    if (file) fclose(file);
    if (text && size) return text;
    free(text);
    return NULL;
}

/* The form of recurrent layers that suits the mode. */
static int recurrent_of(const char *mode)
{
    struct qc_mode row;
    for (size_t i = 0; qc_mode_list(i, &row); i++) {
        bool found = !strcmp(row.name, mode);
        for (const char *const *alias = row.aliases; alias && *alias; alias++) found |= !strcmp(*alias, mode);
        if (found) return row.recurrent;
    }
    return QC_RECURRENT_AUTO;
}

static int read_arguments(struct arguments *a)
{
    static const char *const recurrent[] = {"auto", "fused", "loop", "unroll", NULL}, *const route[] = {"auto", "graph", "config", NULL},
                      *const io[] = {"float32", "int8", "uint8", "int16", NULL},
                      *const target[] = {"any", "tflm", NULL};
    static const qc_dtype io_type[] = {QC_FLOAT32, QC_INT8, QC_UINT8, QC_INT16};
    long number;
    int index;
    if (a->max_size && !read_size(a->max_size, &a->largest)) return CLI_USAGE;
    if (a->recurrent) {
        if (!read_word("--recurrent", a->recurrent, recurrent, &index)) return CLI_USAGE;
        a->import.recurrent = index;
    }
    if (a->route) {
        if (!read_word("--route", a->route, route, &index)) return CLI_USAGE;
        a->import.route = index;
    }
    if (!a->import.recurrent && a->mode) a->import.recurrent = recurrent_of(a->mode);
    if (a->batch && !cli_number("--batch", a->batch, 1, 1 << 20, &number)) return CLI_USAGE;
    if (a->batch) a->import.batch = (int32_t)number;
    if (a->min_elements && !cli_number("--min-elements", a->min_elements, 1, INT32_MAX, &number)) return CLI_USAGE;
    if (a->min_elements) a->convert.min_elements = number;
    if (a->threads && !cli_number("--threads", a->threads, -1, 1024, &number)) return CLI_USAGE;
    a->convert.threads = a->threads ? (int)number : -1;
    if (a->io) {
        if (!read_word("--io", a->io, io, &index)) return CLI_USAGE;
        a->convert.io = io_type[index];
    }
    if (a->target) {
        if (!read_word("--target", a->target, target, &index)) return CLI_USAGE;
        a->convert.tflm = index == 1;
    }
    if (a->recipe && !(a->recipe_text = read_text(a->recipe))) return cli_failf(CLI_FAILED, "%s: the recipe cannot be read", a->recipe);
    if (a->keep) read_patterns((char *)(size_t)a->keep, a->keep_list);
    if (a->only) read_patterns((char *)(size_t)a->only, a->only_list);
    a->import.signature = a->signature;
    a->import.tag = a->tag;
    a->convert.mode = a->mode;
    a->convert.saturate = a->saturate;
    a->convert.strict = a->strict;
    a->convert.per_tensor = a->per_tensor;
    a->convert.dense_per_tensor = a->dense_per_tensor;
    a->convert.correct_bias = a->correct_bias;
    a->convert.target_runtime = a->target_runtime;
    a->convert.keep_float = a->keep_list;
    a->convert.only = a->only_list;
    a->convert.recipe = a->recipe_text;
    a->convert.observer = a->observer;
    return CLI_DONE;
}

/* ---- the summary ---- */

static size_t size_of(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
}

static void print_info(const char *what, const struct qc_tensor_info *info)
{
    printf("  %-7s %s: %s [", what, info->name, qc_dtype_name(info->type));
    for (int i = 0; i < info->rank; i++)
        if (info->signature[i] < 0)
            printf("%s?", i ? ", " : "");
        else
            printf("%s%d", i ? ", " : "", (int)info->signature[i]);
    putchar(']');
    if (info->scale != 0) printf(", scale %.9g, zero point %d", (double)info->scale, (int)info->zero_point);
    putchar('\n');
}

/* The end of a long name, where TensorFlow's lists of fused layers differ. */
static const char *short_name(const char *name)
{
    enum { MOST = 48 };
    size_t length = strlen(name);
    return length > MOST ? name + length - MOST : name;
}

/* Rows with the same reason together, the first few by name. */
static void print_kept(const struct qc_model *model, bool operators)
{
    enum { SHOWN = 6 };
    struct qc_kept row, other;
    for (size_t i = 0; qc_model_kept(model, i, &row); i++) {
        size_t count = 0, bytes = 0;
        bool first = row.is_operator == operators;
        for (size_t k = 0; first && k < i && qc_model_kept(model, k, &other); k++)
            if (other.is_operator == operators && !strcmp(other.reason, row.reason)) first = false;
        if (!first) continue;
        for (size_t k = i; qc_model_kept(model, k, &other); k++)
            if (other.is_operator == operators && !strcmp(other.reason, row.reason)) {
                count++;
                bytes += other.bytes;
            }
        if (operators)
            printf("  float   %zu operator%s: %s:", count, count == 1 ? "" : "s", row.reason);
        else
            printf("  float   %zu constant%s, %zu bytes: %s:", count, count == 1 ? "" : "s", bytes, row.reason);
        size_t shown = 0;
        for (size_t k = i; shown < SHOWN && qc_model_kept(model, k, &other); k++)
            if (other.is_operator == operators && !strcmp(other.reason, row.reason)) printf("%s %s '%s'", shown++ ? "," : "", other.op, short_name(other.name));
        if (count > shown) printf(" and %zu more (--json lists them)", count - shown);
        putchar('\n');
    }
}

static void print_text(const struct arguments *a, const struct qc_model *source, const struct qc_model *model, size_t size)
{
    struct qc_tensor_info info;
    const char *note;
    size_t before = size_of(a->model), bytes = before ? before : qc_model_constant_bytes(source);
    printf("%s -> %s, %s\n", a->model, a->output, a->mode ? a->mode : "float32");
    for (size_t i = 0; qc_model_input(model, i, &info); i++) print_info("input", &info);
    for (size_t i = 0; qc_model_output(model, i, &info); i++) print_info("output", &info);
    printf("  size    %zu -> %zu bytes (%.1f %%)%s\n", bytes, size, bytes ? 100.0 * (double)size / (double)bytes : 0.0,
           before ? "" : ", before: constants alone");
    print_kept(model, true);
    print_kept(model, false);
    for (size_t i = 0; (note = qc_model_note(source, i)); i++) printf("  note    %s\n", note);
    for (size_t i = 0; (note = qc_model_note(model, i)); i++) printf("  note    %s\n", note);
}

static void print_infos(const char *key, bool (*get)(const struct qc_model *, size_t, struct qc_tensor_info *), const struct qc_model *model)
{
    struct qc_tensor_info info;
    printf(", \"%s\": [", key);
    for (size_t i = 0; get(model, i, &info); i++) {
        if (i) fputs(", ", stdout);
        cli_json_info(&info);
    }
    putchar(']');
}

static void print_json(const struct arguments *a, const struct qc_model *source, const struct qc_model *model, size_t size)
{
    struct qc_kept row;
    const char *note;
    size_t notes = 0;
    fputs("{\"model\": ", stdout);
    cli_json_string(a->model);
    fputs(", \"output\": ", stdout);
    cli_json_string(a->output);
    fputs(", \"mode\": ", stdout);
    cli_json_string(a->mode ? a->mode : "float32");
    printf(", \"bytes_before\": %zu, \"constant_bytes_before\": %zu, \"bytes\": %zu", size_of(a->model), qc_model_constant_bytes(source), size);
    print_infos("inputs", qc_model_input, model);
    print_infos("outputs", qc_model_output, model);
    fputs(", \"kept_float\": [", stdout);
    for (size_t i = 0; qc_model_kept(model, i, &row); i++) {
        printf("%s{\"kind\": \"%s\", \"name\": ", i ? ", " : "", row.is_operator ? "operator" : "constant");
        cli_json_string(row.name);
        printf(", \"op\": \"%s\", \"bytes\": %zu, \"reason\": ", row.op, row.bytes);
        cli_json_string(row.reason);
        putchar('}');
    }
    fputs("], \"notes\": [", stdout);
    for (int which = 0; which < 2; which++)
        for (size_t i = 0; (note = qc_model_note(which ? model : source, i)); i++) {
            if (notes++) fputs(", ", stdout);
            cli_json_string(note);
        }
    puts("]}");
}

/* ---- the command ---- */

static int finish(const struct arguments *a, const struct qc_model *source, struct qc_model *model)
{
    struct qc_error error;
    size_t size;
    int code = cli_pack_text(&a->text, a->labels, model);
    if (code) return code;
    if (qc_model_save(model, a->output, a->largest, &size, &error)) return cli_fail(&error);
    if (a->json)
        print_json(a, source, model, size);
    else
        print_text(a, source, model, size);
    return CLI_DONE;
}

/* A bar on a terminal, nothing in a file. */
static bool show_progress(void *user, const char *stage, size_t done, size_t total)
{
    enum { WIDTH = 30 };
    int filled = total ? (int)(done * WIDTH / total) : 0;
    (void)user;
    fprintf(stderr, "\r%s [%.*s%*s] %zu/%zu", stage, filled, "##############################", WIDTH - filled, "", done, total);
    if (done + 1 >= total) fputs("\r\033[K", stderr);
    return true;
}

/* Ranges from files, joined. */
static int load_stats(struct arguments *a, struct qc_stats **stats)
{
    struct qc_error error = {0};
    char *list = a->stats ? strdup(a->stats) : NULL;
    int code = CLI_DONE;
    for (char *path = list ? strtok(list, ",") : NULL; path && !code; path = strtok(NULL, ",")) {
        struct qc_stats *next = qc_stats_open(path, &error);
        if (!next) {
            code = cli_fail(&error);
        } else if (!*stats) {
            *stats = next;
        } else {
            if (qc_stats_merge(*stats, next, &error)) code = cli_fail(&error);
            qc_stats_free(next);
        }
    }
    free(list);
    return code;
}

static int collect_stats(struct arguments *a, struct qc_model *source, struct qc_stats **stats)
{
    struct qc_error error = {0};
    if (!a->save_stats) return CLI_DONE;
    if (!*stats && !a->convert.samples) return cli_failf(CLI_USAGE, "--save-stats needs --data");
    if (!*stats && !(*stats = qc_stats_collect(source, &a->convert, &error))) return cli_fail(&error);
    return qc_stats_save(*stats, a->save_stats, &error) ? cli_fail(&error) : CLI_DONE;
}

static int quantize(struct arguments *a)
{
    struct qc_error error = {0};
    int code = read_arguments(a);
    if (code) return code;
    a->samples.text = &a->text;
    if (isatty(2)) a->convert.progress = show_progress;
    struct qc_model *model = NULL, *source = qc_model_open(a->model, &a->import, &error);
    struct cli_samples *samples = NULL;
    struct qc_stats *stats = NULL;
    if (!source) return cli_fail(&error);
    code = cli_samples_open(&a->samples, source, &samples);
    if (samples) a->convert.samples = cli_samples_get(samples);
    if (!code) code = load_stats(a, &stats);
    if (!code) code = collect_stats(a, source, &stats);
    a->convert.stats = stats;
    if (!code) {
        model = qc_model_convert(source, &a->convert, &error);
        code = model ? finish(a, source, model) : cli_fail(&error);
    }
    qc_model_free(model);
    qc_stats_free(stats);
    cli_samples_free(samples);
    qc_model_free(source);
    return code;
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    const struct cli_option options[] = {
        {"-o", "--output", &a.output, NULL},
        {"--mode", "-m", &a.mode, NULL},
        {"--max-size", NULL, &a.max_size, NULL},
        {"--min-elements", NULL, &a.min_elements, NULL},
        {"--recurrent", NULL, &a.recurrent, NULL},
        {"--batch", NULL, &a.batch, NULL},
        {"--signature", NULL, &a.signature, NULL},
        {"--tag", NULL, &a.tag, NULL},
        {"--route", NULL, &a.route, NULL},
        {"--io", NULL, &a.io, NULL},
        {"--target", NULL, &a.target, NULL},
        {"--target-runtime", NULL, &a.target_runtime, NULL},
        {"--keep-float", NULL, &a.keep, NULL},
        {"--only", NULL, &a.only, NULL},
        {"--recipe", NULL, &a.recipe, NULL},
        {"--observer", NULL, &a.observer, NULL},
        {"--threads", NULL, &a.threads, NULL},
        {"--stats", NULL, &a.stats, NULL},
        {"--save-stats", NULL, &a.save_stats, NULL},
        {"--correct-bias", NULL, NULL, &a.correct_bias},
        {"--data", NULL, &a.samples.data, NULL},
        {"--samples", NULL, &a.samples.limit, NULL},
        {"--preprocess", NULL, &a.samples.preprocess, NULL},
        {"--skip-bad", NULL, NULL, &a.samples.skip_bad},
        CLI_CLASSIFIER_OPTIONS(a.text),
        {"--labels", NULL, &a.labels, NULL},
        {"--json", NULL, NULL, &a.json},
        {"--saturate", NULL, NULL, &a.saturate},
        {"--strict", NULL, NULL, &a.strict},
        {"--per-tensor", NULL, NULL, &a.per_tensor},
        {"--dense-per-tensor", NULL, NULL, &a.dense_per_tensor},
    };
    int count = cli_parse(argc, argv, options, (int)(sizeof options / sizeof *options));
    if (count < 0) return CLI_USAGE;
    if (count != 1 || !a.output) return cli_failf(CLI_USAGE, "quantize takes one model and -o OUT.tflite; 'quantc help quantize' shows more");
    a.model = argv[1];
    int code = quantize(&a);
    free(a.recipe_text);
    return code;
}

static const char help[] =
    "usage: quantc quantize MODEL -o OUT.tflite [options]\n"
    "\n"
    "MODEL is a Keras .h5 or .keras file, a SavedModel folder, a frozen .pb or a float .tflite.\n"
    "\n"
    "  -o, --output FILE      the .tflite to write; it appears whole or not at all\n"
    "  -m, --mode MODE        float32 (default), float16, dynamic, weights, int8, int16x8\n"
    "  --max-size SIZE        fail instead of writing a larger file: 4MB, 500KiB\n"
    "  --min-elements N       dynamic, weights: smaller constants stay float (1024)\n"
    "  --saturate             float16: values beyond 65504 become 65504 instead of an error\n"
    "  --per-tensor           one scale for all weights of a layer\n"
    "  --dense-per-tensor     likewise, of fully connected layers only (runtimes before 2.17)\n"
    "  --keep-float LIST      layers or operator types that stay float, with * and ?, separated by commas\n"
    "  --only LIST            likewise: everything else stays float\n"
    "  --recipe FILE          JSON [{\"match\": pattern, \"mode\": mode}, ...]\n"
    "  --target-runtime V     fail if an operator needs a newer TensorFlow Lite, e.g. 2.5\n"
    "  --target tflm          for TensorFlow Lite Micro: no hybrid operators, no float16, fixed shapes, one scale for dense weights\n"
    "  --json                 the summary as JSON\n"
    "\n"
    "int8 and int16x8:\n"
    "  --data DATA            representative data: .npy, .npz, a folder of JPEG and PNG pictures, a text file of sentences (with\n"
    "                         --word-index), or random:100[:seed]\n"
    "  --samples N            use the first N samples\n"
    "  --preprocess HOW       pictures: mobilenet, caffe, torch, none, or mean=R:G:B,std=R:G:B\n"
    "  --skip-bad             leave out pictures that cannot be read, and say how many\n"
    "  --observer NAME        minmax (default), percentile, mse, entropy\n"
    "  --correct-bias         measure by how much the mean of each channel is off, and put that into the biases; kept if the values\n"
    "                         come nearer to the float model's (with --data, in any mode with int8 weights; takes longer)\n"
    "  --io TYPE              inputs and outputs as int8, uint8 (int8) or int16 (int16x8); float32 by default\n"
    "  --strict               an operator that would stay float is an error\n"
    "  --save-stats FILE      keep the ranges that calibration finds, as JSON\n"
    "  --stats FILES          use ranges kept before, in place of --data; several files, separated by commas, are joined\n"
    "  --threads N            samples that calibrate at a time; the result is the same (default: one per core)\n"
    "\n"
    "text classifiers:\n"
    "  --labels FILE          names of the labels, one a line, packed into the file\n"
    "                         with --word-index, the vocabulary and the settings below are packed, and predict needs the file alone\n"
    CLI_CLASSIFIER_HELP
    "\n"
    "import:\n"
    "  --recurrent FORM       auto (default): the fastest in LiteRT; in int8 fused, in int16x8 loop. fused: one operator, for LSTMs without a mask;\n"
    "                         loop: WHILE; unroll: basic operators only, a copy of the cell for each step\n"
    "  --batch N              a fixed batch size\n"
    "  --signature NAME       of a SavedModel; --tag LIST its tag set; --route graph|config: from its graph (default) or, as Keras 2\n"
    "                         writes it, from the configuration of its layers\n";

const struct cli_command qc_command_quantize = {"quantize", "turn a model into a quantized .tflite", help, run};
