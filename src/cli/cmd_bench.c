/*
 * cmd_bench.c - quantc bench: how fast a model runs here.
 *
 * Inputs are filled with repeatable numbers: floats in [0, 1), ids below 100 (so that embeddings find them), bytes over their range.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct bench {
    const char *path, *threads, *runs, *warmup, *seconds, *layer, *shape, *signature;
    bool json, profile, memory, reference;
    long thread_count, run_count, warmup_count;
    double min_seconds;
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

/* "name:1,224,224,3" or, with --input_layer naming them, "1,224,224,3:1,10". */
static int apply_shapes(const struct bench *b, struct qc_session *session)
{
    struct qc_error error;
    char text[1024], *rest = text;
    if (!b->shape) return CLI_DONE;
    snprintf(text, sizeof text, "%s", b->shape);
    for (size_t i = 0; rest && i < qc_session_input_count(session); i++) {
        char *one = strsep(&rest, ":");
        int32_t dims[QC_MAX_RANK];
        int rank = 0, index = (int)i;
        for (char *dim; (dim = strsep(&one, ",")) && rank < QC_MAX_RANK;) dims[rank++] = (int32_t)strtol(dim, NULL, 10);
        if (b->layer && !i && !strchr(b->layer, ',')) index = qc_session_input_index(session, b->layer);
        if (index < 0) return cli_failf(CLI_USAGE, "the model has no input '%s'", b->layer);
        if (qc_session_resize(session, (size_t)index, rank, dims, &error)) return cli_fail(&error);
    }
    return CLI_DONE;
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

static void print_profile(struct qc_session *session)
{
    struct qc_profile_row row;
    printf("%12s %8s  %-30s %-22s %s\n", "us per call", "calls", "operator", "kernel", "layer");
    for (size_t i = 0; qc_session_profile(session, i, &row); i++)
        printf("%12.2f %8llu  %-30s %-22s %.60s\n", (double)row.nanoseconds / 1e3 / (double)row.calls, (unsigned long long)row.calls, row.op,
               row.kernel, row.name);
}

static void print_summary(const struct bench *b, double *us, size_t count, double load_us, double first_us)
{
    struct rusage usage;
    char cpu[80];
    double sum = 0;
    getrusage(RUSAGE_SELF, &usage);
    for (size_t i = 0; i < count; i++) sum += us[i];
    qsort(us, count, sizeof *us, by_value);
    double median = us[count / 2], p90 = us[(count * 9) / 10];
    if (b->json) {
        printf("{\"median_us\": %.3f, \"min_us\": %.3f, \"p90_us\": %.3f, \"mean_us\": %.3f, \"load_ms\": %.4f, \"first_ms\": %.4f, "
               "\"peak_bytes\": %lld, \"runs\": %zu, \"threads\": %ld, \"cpu\": \"%s\"}\n",
               median, us[0], p90, sum / (double)count, load_us / 1e3, first_us / 1e3, (long long)usage.ru_maxrss << 10, count, b->thread_count,
               qc_cpu_name(cpu, sizeof cpu));
        return;
    }
    printf("%s: %zu runs, %ld thread%s, %s\n", b->path, count, b->thread_count, b->thread_count == 1 ? "" : "s", qc_cpu_name(cpu, sizeof cpu));
    printf("  median %.1f us, min %.1f us, p90 %.1f us, mean %.1f us\n", median, us[0], p90, sum / (double)count);
    printf("  load %.3f ms, first inference %.3f ms\n", load_us / 1e3, first_us / 1e3);
    if (b->memory) printf("  peak memory %.1f MB\n", (double)usage.ru_maxrss / 1024);
}

static int measure(const struct bench *b, struct qc_session *session, double load_us)
{
    struct qc_error error;
    size_t most = 1000000, count = 0;
    double *us = malloc(most * sizeof *us), begin = now();
    if (!us) return cli_failf(CLI_FAILED, "out of memory");
    int code = qc_session_invoke(session, &error) ? cli_fail(&error) : CLI_DONE;
    double first_us = now() - begin;
    for (long i = 0; i < b->warmup_count && !code; i++)
        if (qc_session_invoke(session, &error)) code = cli_fail(&error);
    begin = now();
    while (!code && count < most && ((long)count < b->run_count || now() - begin < b->min_seconds * 1e6)) {
        double start = now();
        if (qc_session_invoke(session, &error)) code = cli_fail(&error);
        us[count++] = now() - start;
    }
    if (!code) print_summary(b, us, count, load_us, first_us);
    if (!code && b->profile) print_profile(session);
    free(us);
    return code;
}

static int run(int argc, char **argv)
{
    struct bench b = {.thread_count = 1, .run_count = 50, .warmup_count = 5, .min_seconds = 0.5};
    const struct cli_option option[] = {{"--graph", "-g", &b.path, NULL},
                                        {"--threads", "--num_threads", &b.threads, NULL},
                                        {"--runs", "--num_runs", &b.runs, NULL},
                                        {"--warmup", "--warmup_runs", &b.warmup, NULL},
                                        {"--min-secs", "--min_secs", &b.seconds, NULL},
                                        {"--input-layer", "--input_layer", &b.layer, NULL},
                                        {"--input-shape", "--input_layer_shape", &b.shape, NULL},
                                        {"--signature", "--signature_to_run_for", &b.signature, NULL},
                                        {"--json", NULL, NULL, &b.json},
                                        {"--profile", "--enable_op_profiling", NULL, &b.profile},
                                        {"--memory", "--report_peak_memory_footprint", NULL, &b.memory},
                                        {"--reference", NULL, NULL, &b.reference}};
    int count = cli_parse(argc, argv, option, sizeof option / sizeof *option);
    if (count < 0) return CLI_USAGE;
    if (count == 1 && !b.path) b.path = argv[1];
    if (count > 1 || !b.path) return cli_failf(CLI_USAGE, "usage: quantc bench MODEL [options]");
    if (b.threads && !cli_number("--threads", b.threads, -1, 256, &b.thread_count)) return CLI_USAGE;
    if (b.runs && !cli_number("--runs", b.runs, 1, 1000000, &b.run_count)) return CLI_USAGE;
    if (b.warmup && !cli_number("--warmup", b.warmup, 0, 1000000, &b.warmup_count)) return CLI_USAGE;
    if (b.seconds && !cli_real("--min-secs", b.seconds, 0, 3600, &b.min_seconds)) return CLI_USAGE;
    struct qc_error error;
    struct qc_options options = {.threads = (int)b.thread_count, .profile = b.profile, .reference = b.reference, .signature = b.signature};
    double begin = now();
    struct qc_model *model = qc_model_open(b.path, &options, &error);
    struct qc_session *session = model ? qc_session_create(model, &options, &error) : NULL;
    double load_us = now() - begin;
    int code = session ? apply_shapes(&b, session) : cli_fail(&error);
    if (!code) code = fill_inputs(session);
    if (!code) code = measure(&b, session, load_us);
    qc_session_free(session);
    qc_model_free(model);
    return code;
}

const struct cli_command qc_command_bench = {
    "bench", "time a model",
    "usage: quantc bench MODEL [options]\n\n"
    "Times invocations of the model on generated inputs. Names in parentheses are those of TensorFlow Lite's benchmark_model.\n\n"
    "  --threads N          threads (1) (--num_threads)\n"
    "  --runs N             at least so many runs (50) (--num_runs)\n"
    "  --warmup N           runs before, not counted (5) (--warmup_runs)\n"
    "  --min-secs S         at least so many seconds (0.5) (--min_secs)\n"
    "  --input-shape SHAPE  sizes of the inputs, \"1,224,224,3:1,10\" (--input_layer_shape)\n"
    "  --input-layer NAME   which input the shape is for (--input_layer)\n"
    "  --signature NAME     run this signature (--signature_to_run_for)\n"
    "  --profile            time per operator (--enable_op_profiling)\n"
    "  --memory             peak memory (--report_peak_memory_footprint)\n"
    "  --reference          TensorFlow Lite's reference arithmetic\n"
    "  --json               one JSON object: median_us, min_us, p90_us, load_ms, first_ms, peak_bytes, cpu\n",
    run};
