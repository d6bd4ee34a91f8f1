/*
 * cmd_compare.c - quantc compare: how far a quantized model is from its float original, layer by layer.
 */
#include "cli.h"
#include "samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_row(const struct qc_difference *d)
{
    printf("  %8.2f  %11.4g  %11.4g  %9.6f  %-24s %s%s\n", d->sqnr, d->max_error, d->mean_error, d->cosine, d->op, d->name,
           d->not_finite ? "  (holds NaN or infinities)" : d->constant ? "  (the same for all samples)" : "");
}

static void print_text(const struct qc_comparison *comparison, long top)
{
    struct qc_difference d;
    puts("outputs\n   SQNR dB    max error   mean error     cosine  operator                 name");
    for (size_t i = 0; qc_comparison_output(comparison, i, &d); i++) print_row(&d);
    for (size_t i = 0; qc_comparison_output(comparison, i, &d); i++)
        if (!isnan(d.agreement)) printf("  same label in '%s': %.2f %%\n", d.name, 100 * d.agreement);
    size_t layers = 0;
    while (qc_comparison_layer(comparison, layers, &d)) layers++;
    printf("layers, worst first%s\n", layers > (size_t)top ? " (--top N shows more)" : "");
    for (size_t i = 0; i < (size_t)top && qc_comparison_layer(comparison, i, &d); i++) print_row(&d);
}

static void json_rows(const struct qc_comparison *comparison, bool (*get)(const struct qc_comparison *, size_t, struct qc_difference *))
{
    struct qc_difference d;
    for (size_t i = 0; get(comparison, i, &d); i++) {
        printf("%s\n  {\"name\": ", i ? "," : "");
        cli_json_string(d.name);
        printf(", \"op\": \"%s\", \"elements\": %zu, \"max_error\": ", d.op, d.elements);
        cli_json_number(d.max_error);
        fputs(", \"mean_error\": ", stdout);
        cli_json_number(d.mean_error);
        fputs(", \"sqnr_db\": ", stdout);
        cli_json_number(d.sqnr);
        fputs(", \"cosine\": ", stdout);
        cli_json_number(d.cosine);
        fputs(", \"agreement\": ", stdout);
        cli_json_number(d.agreement);
        printf(", \"constant\": %s, \"not_finite\": %s}", d.constant ? "true" : "false", d.not_finite ? "true" : "false");
    }
}

static int compare(const char *reference_path, const char *model_path, const struct cli_samples_arguments *arguments, long top, long threads, bool json)
{
    struct qc_error error = {0};
    struct cli_samples *samples = NULL;
    struct qc_comparison *comparison = NULL;
    struct qc_model *reference = qc_model_open(reference_path, NULL, &error), *model = reference ? qc_model_open(model_path, NULL, &error) : NULL;
    int code = model ? cli_samples_open(arguments, reference, &samples) : cli_fail(&error);
    if (!code && !(comparison = qc_compare(reference, model, cli_samples_get(samples), (int)threads, &error))) code = cli_fail(&error);
    if (comparison && json) {
        fputs("{\"outputs\": [", stdout);
        json_rows(comparison, qc_comparison_output);
        fputs("],\n\"layers\": [", stdout);
        json_rows(comparison, qc_comparison_layer);
        puts("]}");
    } else if (comparison) {
        print_text(comparison, top);
    }
    qc_comparison_free(comparison);
    cli_samples_free(samples);
    qc_model_free(model);
    qc_model_free(reference);
    return code;
}

static int run(int argc, char **argv)
{
    struct cli_samples_arguments arguments = {0};
    struct cli_text text = {0};
    const char *top_text = NULL, *thread_text = NULL;
    bool json = false;
    long top = 20, threads = 1;
    const struct cli_option options[] = {
        {"--data", NULL, &arguments.data, NULL},
        {"--samples", NULL, &arguments.limit, NULL},
        {"--preprocess", NULL, &arguments.preprocess, NULL},
        {"--skip-bad", NULL, NULL, &arguments.skip_bad},
        {"--top", NULL, &top_text, NULL},
        {"--threads", NULL, &thread_text, NULL},
        {"--json", NULL, NULL, &json},
        CLI_CLASSIFIER_OPTIONS(text),
    };
    int count = cli_parse(argc, argv, options, (int)(sizeof options / sizeof *options));
    if (count < 0) return CLI_USAGE;
    if (count != 2 || !arguments.data) return cli_failf(CLI_USAGE, "compare takes two models and --data; 'quantc help compare' shows more");
    if (top_text && !cli_number("--top", top_text, 0, 1000000, &top)) return CLI_USAGE;
    if (thread_text && !cli_number("--threads", thread_text, -1, 1024, &threads)) return CLI_USAGE;
    arguments.text = &text;
    return compare(argv[1], argv[2], &arguments, top, threads, json);
}

static const char help[] =
    "usage: quantc compare FLOAT QUANTIZED --data DATA [options]\n"
    "\n"
    "Runs both on the same samples and shows how far outputs and layers are apart: signal to quantization noise (SQNR), largest and\n"
    "mean error, cosine of the angle, and the part of samples with the same label.\n"
    "\n"
    "  --data DATA        .npy, .npz, a folder of pictures, a text file with --word-index, or random:100[:seed]\n"
    "  --samples N        use the first N samples\n"
    "  --preprocess HOW   pictures: mobilenet, caffe, torch, none, or mean=..,std=..\n"
    "  --top N            layers to show (20)\n"
    "  --threads N        -1: all cores\n"
    "  --json             everything, as JSON\n";

const struct cli_command qc_command_compare = {"compare", "how far a quantized model is from the float one", help, run};
