/*
 * cmd_convert_source.c - quantc convert-source: a .tflite file as a C array, for programs without a file system.
 */
#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    const char *input, *output, *header, *name, *guard, *align_text;
    long align;
    char array[128], macro[160]; /* names when none are given */
    unsigned char *bytes;
    size_t size;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_identifier(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalpha((unsigned char)*c) && *c != '_' && (c == text || !isdigit((unsigned char)*c))) return false;
    return *text;
}

/* "my-model.tflite": my_model_tflite; MY_MODEL_TFLITE_H. */
static void make_names(struct source *s)
{
    const char *base = base_name(s->input);
    snprintf(s->array, sizeof s->array, "%s%.100s", isdigit((unsigned char)*base) ? "_" : "", base);
    for (char *c = s->array; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    if (!s->name) s->name = s->array;
    snprintf(s->macro, sizeof s->macro, "%.120s_H", s->name);
    for (char *c = s->macro; *c; c++) *c = (char)toupper((unsigned char)*c);
    if (!s->guard) s->guard = s->macro;
}

static int read_model(struct source *s)
{
    struct qc_error error;
    struct qc_model *model = qc_model_open(s->input, NULL, &error);
    if (!model) return cli_fail(&error);
    qc_model_free(model); /* whoever compiles it in should not be the first to find that it is damaged */
    FILE *file = fopen(s->input, "rb");
    long size = file && !fseek(file, 0, SEEK_END) ? ftell(file) : -1;
    if (size > 0 && !fseek(file, 0, SEEK_SET) && (s->bytes = malloc((size_t)size))) s->size = fread(s->bytes, 1, (size_t)size, file);
    if (file) fclose(file);
    if (size <= 0 || s->size != (size_t)size) return cli_failf(CLI_FAILED, "%s: cannot be read", s->input);
    if (s->size < 8 || memcmp(s->bytes + 4, "TFL3", 4))
        return cli_failf(CLI_FAILED, "%s: is no .tflite file; make one of it first with quantc quantize", s->input);
    return CLI_DONE;
}

static void declare(FILE *to, const struct source *s)
{
    fprintf(to, "#include <stddef.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
                "extern const unsigned char %s[%zu];\nextern const size_t %s_len;\n\n#ifdef __cplusplus\n}\n#endif\n",
            s->name, s->size, s->name);
}

static void write_header(FILE *to, const struct source *s)
{
    fprintf(to, "/* %s as a C array; made by quantc %s. */\n#ifndef %s\n#define %s\n\n", base_name(s->input), qc_version(), s->guard, s->guard);
    declare(to, s);
    fprintf(to, "\n#endif\n");
}

static void write_source(FILE *to, const struct source *s)
{
    fprintf(to, "/* %s as a C array; made by quantc %s. */\n", base_name(s->input), qc_version());
    if (s->header)
        fprintf(to, "#include \"%s\"\n", base_name(s->header));
    else
        declare(to, s);
    fprintf(to, "\n#ifdef __cplusplus\nalignas(%ld)\n#else\n_Alignas(%ld)\n#endif\nconst unsigned char %s[%zu] = {", s->align, s->align, s->name, s->size);
    for (size_t i = 0; i < s->size; i++) fprintf(to, "%s0x%02x,", i % 16 ? " " : "\n    ", s->bytes[i]);
    fprintf(to, "\n};\nconst size_t %s_len = %zu;\n", s->name, s->size);
}

/* Written beside and renamed: the file is there whole or not at all. "-" is standard output. */
static int save(const char *path, const struct source *s, void (*write)(FILE *to, const struct source *s))
{
    char part[4096];
    bool standard = !strcmp(path, "-");
    snprintf(part, sizeof part, "%.4080s.part", path);
    FILE *file = standard ? stdout : fopen(part, "w");
    if (!file) return cli_failf(CLI_FAILED, "%s: cannot be written", part);
    write(file, s);
    bool failed = fflush(file) || ferror(file);
    if (!standard) failed |= fclose(file) || (!failed && rename(part, path));
    if (!failed) return CLI_DONE;
    if (!standard) remove(part);
    return cli_failf(CLI_FAILED, "%s: cannot be written whole", path);
}

static int run(int argc, char **argv)
{
    struct source s = {.output = "-", .align = 16};
    const struct cli_option option[] = {{"--output", "-o", &s.output, NULL},
                                        {"--header", NULL, &s.header, NULL},
                                        {"--name", NULL, &s.name, NULL},
                                        {"--include-guard", NULL, &s.guard, NULL},
                                        {"--align", NULL, &s.align_text, NULL}};
    if (cli_parse(argc, argv, option, sizeof option / sizeof *option) != 1)
        return cli_failf(CLI_USAGE, "usage: quantc convert-source MODEL.tflite [-o FILE.c] [options]");
    s.input = argv[1];
    if (s.align_text && !cli_number("--align", s.align_text, 1, 4096, &s.align)) return CLI_USAGE;
    if (s.align & (s.align - 1)) return cli_failf(CLI_USAGE, "--align: %ld is no power of two", s.align);
    make_names(&s);
    if (!is_identifier(s.name)) return cli_failf(CLI_USAGE, "--name: '%s' is no C identifier", s.name);
    if (!is_identifier(s.guard)) return cli_failf(CLI_USAGE, "--include-guard: '%s' is no C identifier", s.guard);
    int code = read_model(&s);
    if (!code && s.header) code = save(s.header, &s, write_header);
    if (!code) code = save(s.output, &s, write_source);
    free(s.bytes);
    return code;
}

const struct cli_command qc_command_convert_source = {
    "convert-source", "write a .tflite file as a C array",
    "usage: quantc convert-source MODEL.tflite [-o FILE.c] [options]\n\n"
    "Writes the file's bytes as `const unsigned char NAME[]` with their count in `const size_t NAME_len`, for C and C++ programs that link the\n"
    "model in. qc_model_open_memory runs it from there.\n\n"
    "  -o FILE.c              where to (standard output) (--output)\n"
    "  --header FILE.h        also a header that declares both; the source includes it\n"
    "  --name NAME            name of the array (the file's name, model_tflite)\n"
    "  --include-guard MACRO  of the header (the array's name in capitals, MODEL_TFLITE_H)\n"
    "  --align N              alignment of the array in bytes (16)\n",
    run};
