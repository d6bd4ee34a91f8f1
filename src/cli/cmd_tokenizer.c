/*
 * cmd_tokenizer.c - quantc tokenizer: a vocabulary from texts, and ids of texts.
 */
#include "text_options.h"

#include <stdlib.h>
#include <string.h>

static int fit_file(struct qc_tokenizer *tokenizer, const char *path)
{
    struct cli_lines lines;
    struct qc_error error;
    int code = cli_lines_open(&lines, path);
    while (!code && cli_lines_next(&lines, &code))
        if (qc_tokenizer_fit(tokenizer, lines.text, lines.length, &error)) code = cli_lines_fail(&lines, &error);
    cli_lines_close(&lines);
    return code;
}

static int fit(const struct qc_tokenizer_options *options, int count, char **texts, const char *output)
{
    struct qc_error error;
    struct qc_tokenizer *tokenizer = qc_tokenizer_create(options, &error);
    if (!tokenizer) return cli_fail(&error);
    int code = CLI_DONE;
    for (int i = 0; i < count && !code; i++) code = fit_file(tokenizer, texts[i]);
    if (!code && (qc_tokenizer_rank(tokenizer, &error) || qc_tokenizer_save(tokenizer, output, &error))) code = cli_fail(&error);
    if (!code) fprintf(stderr, "%s: %zu words\n", output, qc_tokenizer_words(tokenizer));
    qc_tokenizer_free(tokenizer);
    return code;
}

/* The ids of one text as a JSON list. */
static qc_status print_ids(const struct qc_tokenizer *tokenizer, const char *text, size_t length, struct qc_error *error)
{
    int32_t *ids = malloc(sizeof *ids * (length + 1)); /* never more ids than bytes: U+0130, which becomes two characters, has two */
    size_t count = 0;
    if (!ids) return *error = (struct qc_error){QC_NOMEM, "out of memory"}, QC_NOMEM;
    qc_status status = qc_tokenizer_encode(tokenizer, text, length, ids, length, &count, error);
    if (!status) putchar('[');
    for (size_t i = 0; i < count && !status; i++) printf("%s%d", i ? ", " : "", (int)ids[i]);
    if (!status) puts("]");
    free(ids);
    return status;
}

static int encode(const struct qc_tokenizer_options *options, const char *word_index, int count, char **texts, const char *input)
{
    struct qc_error error;
    struct cli_lines lines = {0};
    struct qc_tokenizer *tokenizer = qc_tokenizer_open(word_index, options, &error);
    if (!tokenizer) return cli_fail(&error);
    int code = input ? cli_lines_open(&lines, input) : CLI_DONE;
    while (input && !code && cli_lines_next(&lines, &code)) {
        if (print_ids(tokenizer, lines.text, lines.length, &error)) code = cli_lines_fail(&lines, &error);
        if (!code && fflush(stdout)) code = cli_failf(CLI_FAILED, "the output cannot be written");
    }
    for (int i = 0; i < count && !code; i++)
        if (print_ids(tokenizer, texts[i], strlen(texts[i]), &error)) code = cli_fail(&error);
    cli_lines_close(&lines);
    qc_tokenizer_free(tokenizer);
    return code;
}

static int run(int argc, char **argv)
{
    struct cli_text text = {0};
    const char *output = NULL, *input = NULL;
    const struct cli_option option[] = {CLI_TOKENIZER_OPTIONS(text),
                                        {"--word-index", NULL, &text.word_index, NULL},
                                        {"--output", "-o", &output, NULL},
                                        {"--input", "-i", &input, NULL}};
    struct qc_tokenizer_options options;
    int count = cli_parse(argc, argv, option, sizeof option / sizeof *option);
    if (count < 0 || !cli_tokenizer_options(&text, &options)) return CLI_USAGE;
    if (count >= 2 && output && !strcmp(argv[1], "fit")) return fit(&options, count - 1, argv + 2, output);
    if (count >= 1 && text.word_index && !strcmp(argv[1], "encode") && (count > 1) == !input)
        return encode(&options, text.word_index, count - 1, argv + 2, input);
    return cli_failf(CLI_USAGE, "usage: quantc tokenizer fit TEXTS -o word_index.json, or quantc tokenizer encode --word-index FILE TEXT; "
                                "'quantc help tokenizer' shows more");
}

static const char help[] =
    "usage: quantc tokenizer fit TEXTS... -o word_index.json [options]\n"
    "       quantc tokenizer encode --word-index FILE (TEXT... | --input FILE|-) [options]\n"
    "\n"
    "fit reads texts, one a line (- is standard input), and writes what json.dump(tokenizer.word_index, file, ensure_ascii=False)\n"
    "writes after fit_on_texts. encode prints what texts_to_sequences gives, one JSON list a text.\n"
    "\n"
    "  -o, --output FILE      the vocabulary to write\n"
    "  -i, --input FILE       encode: one text a line\n" CLI_TOKENIZER_HELP;

const struct cli_command qc_command_tokenizer = {"tokenizer", "make a vocabulary from texts, or ids from texts", help, run};
