/*
 * cmd_predict.c - quantc predict: sentences in, labels out.
 */
#include "text_options.h"

#include <string.h>

static void print(const struct qc_prediction *p, bool json)
{
    if (!json) {
        puts(p->name);
        return;
    }
    printf("{\"label\": %d, \"name\": ", p->label);
    cli_json_string(p->name);
    fputs(", \"probability\": ", stdout);
    cli_json_number((double)p->probability);
    fputs(", \"scores\": [", stdout);
    for (size_t i = 0; i < p->score_count; i++) {
        if (i) fputs(", ", stdout);
        cli_json_number((double)p->scores[i]);
    }
    printf("], \"known\": %zu, \"ids\": [", p->known);
    for (size_t i = 0; i < p->id_count; i++) printf("%s%d", i ? ", " : "", (int)p->ids[i]);
    puts("]}");
}

/* One line out for a line in, each as soon as it is there. */
static int predict_lines(struct qc_classifier *classifier, const char *path, bool json)
{
    struct cli_lines lines;
    struct qc_prediction prediction;
    struct qc_error error;
    int code = cli_lines_open(&lines, path);
    while (!code && cli_lines_next(&lines, &code)) {
        if (qc_classifier_predict(classifier, lines.text, lines.length, &prediction, &error)) {
            code = cli_lines_fail(&lines, &error);
            break;
        }
        print(&prediction, json);
        if (fflush(stdout)) code = cli_failf(CLI_FAILED, "the output cannot be written");
    }
    cli_lines_close(&lines);
    return code;
}

static int run(int argc, char **argv)
{
    struct cli_text text = {0};
    const char *input = NULL, *threads = NULL;
    bool json = false, reference = false;
    const struct cli_option option[] = {CLI_CLASSIFIER_OPTIONS(text),
                                        {"--input", "-i", &input, NULL},
                                        {"--threads", "-t", &threads, NULL},
                                        {"--json", NULL, NULL, &json},
                                        {"--reference", NULL, NULL, &reference}};
    struct cli_classifier_storage storage;
    struct qc_classifier_options options = {0};
    struct qc_error error;
    long thread_count = 1;
    int count = cli_parse(argc, argv, option, sizeof option / sizeof *option);
    if (count < 0 || (threads && !cli_number("--threads", threads, -1, 1024, &thread_count))) return CLI_USAGE;
    if (count < 1 || (count == 1) == !input)
        return cli_failf(CLI_USAGE, "predict takes a model and either sentences or --input FILE; 'quantc help predict' shows more");
    if (!cli_classifier_options(&text, &storage, &options)) return CLI_USAGE;
    options.run.reference = reference;
    options.run.threads = (int)thread_count;
    struct qc_classifier *classifier = qc_classifier_open(argv[1], &options, &error);
    if (!classifier) return cli_fail(&error);
    int code = input ? predict_lines(classifier, input, json) : CLI_DONE;
    for (int i = 2; i <= count && !code; i++) {
        struct qc_prediction prediction;
        if (qc_classifier_predict(classifier, argv[i], strlen(argv[i]), &prediction, &error))
            code = cli_fail(&error);
        else
            print(&prediction, json);
    }
    qc_classifier_free(classifier);
    if (!code && fflush(stdout)) code = cli_failf(CLI_FAILED, "the output cannot be written");
    return code;
}

static const char help[] =
    "usage: quantc predict MODEL [--word-index FILE] \"sentence\"...\n"
    "       quantc predict MODEL [--word-index FILE] --input FILE|-\n"
    "\n"
    "MODEL is a .tflite, or a Keras .h5 or .keras file as it is. Prints one label a sentence. A vocabulary packed into the model\n"
    "(quantc quantize --word-index) needs no --word-index.\n"
    "\n" CLI_CLASSIFIER_HELP
    "  -i, --input FILE       one sentence a line, - is standard input; each label is written at once. A line that is no UTF-8 ends\n"
    "                         the run with its number and byte; text without a known word is all padding\n"
    "  --json                 one object a line: label, name, probability, scores, ids, known (ids before padding and cutting)\n"
    "  --threads N            -1: all cores\n"
    "  --reference            TFLite's reference arithmetic\n";

const struct cli_command qc_command_predict = {"predict", "the label of a sentence", help, run};
