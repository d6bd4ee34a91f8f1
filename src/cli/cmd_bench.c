/*
 * cmd_bench.c - quantc bench: how fast a model runs here.
 *
 * Inputs are filled with repeatable numbers: floats in [0, 1), ids below 100 (so that embeddings find them), bytes over their range.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct bench {
    const char *path, *threads, *runs, *warmup, *seconds, *most, *warmup_time, *pause, *layer, *shape, *signature;
    bool json, profile, memory, reference, winograd;
    long thread_count, run_count, warmup_count; /* warmup_count: those done, once measured */
    double min_seconds, max_seconds, warmup_seconds, delay;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static unsigned next(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void fill(const struct qc_tensor_info *info, unsigned *state)
{
    size_t width = qc_dtype_bytes(info->type, 1), count = width ? info->bytes / width : 0;
    for (size_t i = 0; i < count; i++) {
        char *at = (char *)info->data + i * width;
        float real = (float)next(state) * 0x1p-24f;
        int32_t id = (int32_t)(next(state) % 100);
        int64_t wide = id;
        switch (info->type) {
        case QC_FLOAT32: memcpy(at, &real, 4); break;
        case QC_INT32: memcpy(at, &id, 4); break;
        case QC_INT64: memcpy(at, &wide, 8); break;
        case QC_BOOL: *at = id & 1; break;
        default: memset(at, (int)(next(state) & 63), width);
        }
    }
}

static int apply_shape(struct qc_session *session, size_t index, char *text)
{
    struct qc_error error;
    int32_t dims[QC_MAX_RANK];
    int rank = 0;
    long number;
    for (char *dim; (dim = strsep(&text, ","));) {
        if (rank == QC_MAX_RANK) return cli_failf(CLI_USAGE, "--input-shape: more than %d dimensions", QC_MAX_RANK);
        if (!cli_number("--input-shape", dim, 0, INT32_MAX, &number)) return CLI_USAGE;
        dims[rank++] = (int32_t)number;
    }
    return qc_session_resize(session, index, rank, dims, &error) ? cli_fail(&error) : CLI_DONE;
}

/* Shapes "1,224,224,3:1,10", of the inputs that --input-layer names, "image,ids", or of the first ones. */
static int apply_shapes(const struct bench *b, struct qc_session *session)
{
    char shapes[1024], layers[1024] = "", *shape_at = shapes, *layer_at = b->layer ? layers : NULL;
    int code = CLI_DONE;
    if (!b->shape) return CLI_DONE;
    snprintf(shapes, sizeof shapes, "%s", b->shape);
    if (b->layer) snprintf(layers, sizeof layers, "%s", b->layer);
    for (int i = 0; shape_at && !code; i++) {
        char *shape = strsep(&shape_at, ":"), *layer = strsep(&layer_at, ",");
        int index = layer ? qc_session_input_index(session, layer) : i;
        if (b->layer && !layer) return cli_failf(CLI_USAGE, "--input-layer names %d inputs, --input-shape has more shapes", i);
        if (index < 0) return cli_failf(CLI_USAGE, "the model has no input '%s'", layer);
        if ((size_t)index >= qc_session_input_count(session))
            return cli_failf(CLI_USAGE, "--input-shape has %d shapes, the model %zu inputs", i + 1, qc_session_input_count(session));
        code = apply_shape(session, (size_t)index, shape);
    }
    return code;
}

static int fill_inputs(struct qc_session *session)
{
    unsigned state = 1;
    for (size_t i = 0; i < qc_session_input_count(session); i++) {
        struct qc_tensor_info info;
        struct qc_error error;
        if (qc_session_input(session, i, &info)) {
            qc_session_invoke(session, &error); /* plans again, and says what is wrong */
            return cli_fail(&error);
        }
        fill(&info, &state);
    }
    return CLI_DONE;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* What was measured, in microseconds. */
struct times {
    double *us; /* [count], sorted */
    size_t count;
    double load, first, warmup, mean, deviation;
    size_t peak_bytes, arena_bytes, arena_least; /* of the process; of the block of values, and what that needs at the least */
};

static double percentile(const struct times *t, int percent)
{
    return t->us[t->count * (size_t)percent / 100];
}

static void evaluate(struct times *t, double warmup_sum, long warmups)
{
    struct rusage usage;
    double sum = 0, squares = 0;
    getrusage(RUSAGE_SELF, &usage);
    for (size_t i = 0; i < t->count; i++) sum += t->us[i];
    t->mean = sum / (double)t->count;
    for (size_t i = 0; i < t->count; i++) squares += (t->us[i] - t->mean) * (t->us[i] - t->mean);
    t->deviation = sqrt(squares / (double)t->count);
    t->warmup = warmups ? warmup_sum / (double)warmups : 0;
    t->peak_bytes = (size_t)usage.ru_maxrss << 10;
    qsort(t->us, t->count, sizeof *t->us, by_value);
}

/* The last lines are those of benchmark_model, word for word, for scripts that read them. */
static void print_summary(const struct bench *b, const struct times *t)
{
    char cpu[80];
    printf("%s: %zu runs, %ld thread%s, %s\n", b->path, t->count, b->thread_count, b->thread_count == 1 ? "" : "s", qc_cpu_name(cpu, sizeof cpu));
    printf("  median %.1f us, min %.1f us, p5 %.1f us, p90 %.1f us, p95 %.1f us, max %.1f us, mean %.1f us, std %.1f us\n", percentile(t, 50), t->us[0],
           percentile(t, 5), percentile(t, 90), percentile(t, 95), t->us[t->count - 1], t->mean, t->deviation);
    printf("  load %.3f ms, first inference %.3f ms\n", t->load / 1e3, t->first / 1e3);
    if (b->memory)
        printf("  values share %.0f KB, of which %.0f are alive at once\nOverall peak memory footprint (MB) via periodic monitoring: %g\n",
               (double)t->arena_bytes / 1024, (double)t->arena_least / 1024, (double)t->peak_bytes / (1 << 20));
    printf("Inference timings in us: Init: %.0f, First inference: %.0f, Warmup (avg): %g, Inference (avg): %g\n", t->load, t->first, t->warmup, t->mean);
}

/* ---- which operators, on which kernels, for how long ---- */

struct group { /* of rows of the profile with the same operator, or the same kernel */
    const char *name;
    uint64_t nodes, nanoseconds;
};

enum { MOST_GROUPS = 300 };

static size_t find_groups(const struct qc_session *session, bool by_kernel, struct group *group)
{
    struct qc_profile_row row;
    size_t count = 0, g;
    for (size_t i = 0; qc_session_profile(session, i, &row); i++) {
        const char *name = by_kernel ? row.kernel : row.op;
        for (g = 0; g < count && strcmp(group[g].name, name);) g++;
        if (g == MOST_GROUPS || !*name) continue;
        if (g == count) group[count++] = (struct group){name, 0, 0};
        group[g].nodes++;
        group[g].nanoseconds += row.nanoseconds;
    }
    return count;
}

static int by_time(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->nanoseconds > y->nanoseconds ? -1 : x->nanoseconds < y->nanoseconds;
}

/* Sessions are profiled from their first invocation on, so that each row has as many calls as there were invocations. */
static void print_profile(const struct qc_session *session, size_t invocations)
{
    struct qc_profile_row row;
    struct group group[MOST_GROUPS];
    uint64_t sum = 0;
    size_t count = find_groups(session, false, group);
    for (size_t g = 0; g < count; g++) sum += group[g].nanoseconds;
    qsort(group, count, sizeof *group, by_time);
    double per_run = 1e-3 / (double)invocations;
    printf("%12s %8s  %-30s %-22s %s\n", "us per run", "share", "operator", "kernel", "layer");
    for (size_t i = 0; qc_session_profile(session, i, &row); i++)
        printf("%12.2f %7.2f%%  %-30s %-22s %.60s\n", (double)row.nanoseconds * per_run, 100.0 * (double)row.nanoseconds / (double)(sum ? sum : 1),
               row.op, row.kernel, row.name);
    printf("%12s %8s  %-30s %s\n", "us per run", "share", "type", "nodes");
    for (size_t g = 0; g < count; g++)
        printf("%12.2f %7.2f%%  %-30s %llu\n", (double)group[g].nanoseconds * per_run, 100.0 * (double)group[g].nanoseconds / (double)(sum ? sum : 1),
               group[g].name, (unsigned long long)group[g].nodes);
}

static void print_json_profile(const struct qc_session *session, size_t invocations)
{
    struct qc_profile_row row;
    printf(", \"operators\": [");
    for (size_t i = 0; qc_session_profile(session, i, &row); i++) {
        printf("%s{\"op\": ", i ? ", " : "");
        cli_json_string(row.op);
        printf(", \"kernel\": ");
        cli_json_string(row.kernel);
        printf(", \"layer\": ");
        cli_json_string(row.name);
        printf(", \"us\": %.3f}", (double)row.nanoseconds / 1e3 / (double)invocations);
    }
    printf("]");
}

/* The kernels that run the model and the number of operators on each, found by a session of its own: one that is timed is not profiled. */
static void print_json_kernels(const struct bench *b, struct qc_model *model, const struct qc_options *timed)
{
    struct group group[MOST_GROUPS];
    struct qc_options options = *timed;
    options.profile = true;
    struct qc_session *session = qc_session_create(model, &options, NULL);
    size_t count = 0;
    if (session && !apply_shapes(b, session) && !fill_inputs(session) && !qc_session_invoke(session, NULL)) count = find_groups(session, true, group);
    printf(", \"kernels\": {");
    for (size_t g = 0; g < count; g++) {
        if (g) printf(", ");
        cli_json_string(group[g].name);
        printf(": %llu", (unsigned long long)group[g].nodes);
    }
    printf("}");
    qc_session_free(session);
}

static void print_json(const struct bench *b, const struct times *t)
{
    char cpu[80];
    printf("{\"median_us\": %.3f, \"min_us\": %.3f, \"p90_us\": %.3f, \"mean_us\": %.3f, \"load_ms\": %.4f, \"first_ms\": %.4f, "
           "\"peak_bytes\": %zu, \"arena_bytes\": %zu, \"arena_least_bytes\": %zu, \"runs\": %zu, \"threads\": %ld, \"cpu\": ",
           percentile(t, 50), t->us[0], percentile(t, 90), t->mean, t->load / 1e3, t->first / 1e3, t->peak_bytes, t->arena_bytes, t->arena_least, t->count, b->thread_count);
    cli_json_string(qc_cpu_name(cpu, sizeof cpu));
}

static int measure(struct bench *b, struct qc_session *session, struct times *t)
{
    struct qc_error error;
    enum { MOST = 1000000 };
    const struct timespec pause = {(time_t)b->delay, (long)((b->delay - floor(b->delay)) * 1e9)};
    double begin = now();
    long warmups = 0;
    if (!(t->us = malloc(MOST * sizeof *t->us))) return cli_failf(CLI_FAILED, "out of memory");
    if (qc_session_invoke(session, &error)) return cli_fail(&error);
    t->first = now() - begin;
    begin = now();
    for (; warmups < b->warmup_count || now() - begin < b->warmup_seconds * 1e6; warmups++)
        if (qc_session_invoke(session, &error)) return cli_fail(&error);
    double warmup_sum = now() - begin;
    b->warmup_count = warmups;
    begin = now();
    while (t->count < MOST && ((long)t->count < b->run_count || now() - begin < b->min_seconds * 1e6)) {
        if (t->count && now() - begin >= b->max_seconds * 1e6) break;
        if (t->count && b->delay > 0) nanosleep(&pause, NULL);
        double start = now();
        if (qc_session_invoke(session, &error)) return cli_fail(&error);
        t->us[t->count++] = now() - start;
    }
    evaluate(t, warmup_sum, warmups);
    t->arena_bytes = qc_session_arena(session, &t->arena_least);
    return CLI_DONE;
}

static void report(const struct bench *b, struct qc_model *model, struct qc_session *session, const struct qc_options *options,
                   const struct times *t)
{
    size_t invocations = 1 + (size_t)b->warmup_count + t->count;
    if (b->json) {
        print_json(b, t);
        print_json_kernels(b, model, options);
        if (b->profile) print_json_profile(session, invocations);
        puts("}");
        return;
    }
    print_summary(b, t);
    if (b->profile) print_profile(session, invocations);
}

/* Options of benchmark_model that have nothing to set here, so that its command lines work. The first few ask for a delegate if they are true. */
static const char *const unused[] = {"--use_gpu", "--use_nnapi", "--use_hexagon", "--use_coreml", "--use_xnnpack", "--allow_fp16", "--verbose",
                                     "--benchmark_name", "--output_prefix", "--require_full_delegation", "--release_dynamic_tensors",
                                     "--optimize_memory_for_large_tensors", "--use_caching", "--enable_builtin_cast_constant_cache",
                                     "--max_profiling_buffer_entries", "--allow_dynamic_profiling_buffer_increase", "--memory_footprint_check_interval_ms",
                                     "--tensor_name_display_length", "--tensor_type_display_length", "--alloc_type_display_length",
                                     "--xnnpack_force_fp16", "--max_delegated_partitions", "--min_nodes_per_partition", "--disable_delegate_clustering"};
enum { DELEGATES = 4, UNUSED = sizeof unused / sizeof *unused };

static int parse(int argc, char **argv, const struct cli_option *option, int count)
{
    struct cli_option all[64];
    const char *value[UNUSED] = {NULL};
    memcpy(all, option, (size_t)count * sizeof *all);
    for (int i = 0; i < UNUSED; i++) all[count + i] = (struct cli_option){unused[i], NULL, &value[i], NULL};
    int left = cli_parse(argc, argv, all, count + UNUSED);
    for (int i = 0; i < DELEGATES && left >= 0; i++)
        if (value[i] && (!strcmp(value[i], "true") || !strcmp(value[i], "1")))
            return cli_failf(-1, "%s: quantc has no delegates; every operator runs on the CPU", unused[i]);
    return left;
}

static bool numbers(struct bench *b)
{
    return (!b->threads || cli_number("--threads", b->threads, -1, 256, &b->thread_count)) &&
           (!b->runs || cli_number("--runs", b->runs, 1, 1000000, &b->run_count)) &&
           (!b->warmup || cli_number("--warmup", b->warmup, 0, 1000000, &b->warmup_count)) &&
           (!b->seconds || cli_real("--min-secs", b->seconds, 0, 3600, &b->min_seconds)) &&
           (!b->most || cli_real("--max-secs", b->most, 0, 1e6, &b->max_seconds)) &&
           (!b->warmup_time || cli_real("--warmup-min-secs", b->warmup_time, 0, 3600, &b->warmup_seconds)) &&
           (!b->pause || cli_real("--run-delay", b->pause, -1, 3600, &b->delay));
}

static int run(int argc, char **argv)
{
    struct bench b = {.thread_count = 1, .run_count = 50, .warmup_count = 5, .min_seconds = 0.5, .max_seconds = 150};
    const struct cli_option option[] = {{"--graph", "-g", &b.path, NULL},
                                        {"--threads", "--num_threads", &b.threads, NULL},
                                        {"--runs", "--num_runs", &b.runs, NULL},
                                        {"--warmup", "--warmup_runs", &b.warmup, NULL},
                                        {"--min-secs", "--min_secs", &b.seconds, NULL},
                                        {"--max-secs", "--max_secs", &b.most, NULL},
                                        {"--warmup-min-secs", "--warmup_min_secs", &b.warmup_time, NULL},
                                        {"--run-delay", "--run_delay", &b.pause, NULL},
                                        {"--input-layer", "--input_layer", &b.layer, NULL},
                                        {"--input-shape", "--input_layer_shape", &b.shape, NULL},
                                        {"--signature", "--signature_to_run_for", &b.signature, NULL},
                                        {"--json", NULL, NULL, &b.json},
                                        {"--profile", "--enable_op_profiling", NULL, &b.profile},
                                        {"--memory", "--report_peak_memory_footprint", NULL, &b.memory},
                                        {"--reference", NULL, NULL, &b.reference},
                                        {"--winograd", NULL, NULL, &b.winograd}};
    int count = parse(argc, argv, option, sizeof option / sizeof *option);
    if (count < 0) return CLI_USAGE;
    if (count == 1 && !b.path) b.path = argv[1];
    if (count > 1 || !b.path) return cli_failf(CLI_USAGE, "usage: quantc bench MODEL [options]");
    if (!numbers(&b)) return CLI_USAGE;
    struct qc_error error;
    struct qc_options options = {.threads = (int)b.thread_count, .profile = b.profile, .reference = b.reference, .winograd = b.winograd,
                                 .signature = b.signature};
    double begin = now();
    struct qc_model *model = qc_model_open(b.path, &options, &error);
    struct qc_session *session = model ? qc_session_create(model, &options, &error) : NULL;
    struct times times = {.load = now() - begin};
    int code = session ? apply_shapes(&b, session) : cli_fail(&error);
    if (!code) code = fill_inputs(session);
    if (!code) code = measure(&b, session, &times);
    if (!code) report(&b, model, session, &options, &times);
    free(times.us);
    qc_session_free(session);
    qc_model_free(model);
    return code;
}

const struct cli_command qc_command_bench = {
    "bench", "time a model",
    "usage: quantc bench MODEL [options]\n\n"
    "Times invocations of the model on generated inputs. Names in parentheses are those of TensorFlow Lite's benchmark_model;\n"
    "those of its other options that have nothing to set here (delegates, its output's layout) are taken and do nothing.\n\n"
    "  --threads N          threads (1) (--num_threads)\n"
    "  --runs N             at least so many runs (50) (--num_runs)\n"
    "  --warmup N           runs before, not counted (5) (--warmup_runs)\n"
    "  --min-secs S         at least so many seconds (0.5) (--min_secs)\n"
    "  --max-secs S         at most so many seconds (150) (--max_secs)\n"
    "  --warmup-min-secs S  at least so many seconds of runs before (0) (--warmup_min_secs)\n"
    "  --run-delay S        seconds between runs (0) (--run_delay)\n"
    "  --input-shape SHAPE  sizes of the inputs, \"1,224,224,3:1,10\" (--input_layer_shape)\n"
    "  --input-layer NAMES  which inputs the shapes are for, \"image,ids\" (--input_layer)\n"
    "  --signature NAME     run this signature (--signature_to_run_for)\n"
    "  --profile            time per operator and per operator type (--enable_op_profiling)\n"
    "  --memory             peak memory (--report_peak_memory_footprint)\n"
    "  --reference          TensorFlow Lite's reference arithmetic\n"
    "  --winograd           float32 3x3 convolutions by Winograd's method: faster, with about twice the rounding error\n"
    "  --json               one JSON object: median_us, min_us, p90_us, mean_us, load_ms, first_ms, peak_bytes, arena_bytes, runs, threads, cpu,\n"
    "                       kernels (of each, the number of operators), with --profile operators\n",
    run};
