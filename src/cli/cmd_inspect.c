/*
 * cmd_inspect.c - quantc inspect: what is in a model file, as text or JSON.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* ---- text ---- */

static void print_shape(const struct qc_tensor_detail *t)
{
    if (!t->shaped) {
        fputs("[of any shape]", stdout);
        return;
    }
    putchar('[');
    for (int i = 0; i < t->rank; i++)
        if (t->signature[i] < 0)
            printf("%s?", i ? ", " : "");
        else
            printf("%s%d", i ? ", " : "", (int)t->dims[i]);
    putchar(']');
}

static void print_tensor(const struct qc_model *model, size_t subgraph, size_t index)
{
    struct qc_tensor_detail t;
    if (!qc_model_tensor(model, subgraph, index, &t)) return;
    printf("t%zu %s ", index, qc_dtype_name(t.type));
    print_shape(&t);
    if (t.scale_count == 1) printf(" scale %.9g zero point %lld", (double)t.scale[0], (long long)t.zero_point[0]);
    if (t.scale_count > 1) printf(" %zu scales along axis %d, %.6g to %.6g ...", t.scale_count, t.axis, (double)t.scale[0], (double)t.scale[t.scale_count - 1]);
    if (t.constant) printf(" constant, %zu bytes", t.bytes);
    if (t.variable) fputs(" variable", stdout);
    printf(" '%s'\n", t.name);
}

static void print_signatures(const struct qc_model *model)
{
    const char *key, *name;
    size_t subgraph, tensor;
    for (size_t s = 0; (key = qc_model_signature_key(model, s)); s++) {
        printf("signature %s\n", key);
        for (size_t i = 0; qc_model_signature_input(model, s, i, &name, &subgraph, &tensor); i++) {
            printf("  input  %s: ", name);
            print_tensor(model, subgraph, tensor);
        }
        for (size_t i = 0; qc_model_signature_output(model, s, i, &name, &subgraph, &tensor); i++) {
            printf("  output %s: ", name);
            print_tensor(model, subgraph, tensor);
        }
    }
}

/* "CONV_2D v3 x35, ..." in order of first use. */
static void print_op_counts(const struct qc_model *model, size_t subgraph)
{
    struct qc_op_detail op, other;
    bool any = false;
    for (size_t i = 0; qc_model_op(model, subgraph, i, &op); i++) {
        size_t count = 0;
        bool first = true;
        for (size_t k = 0; first && k < i && qc_model_op(model, subgraph, k, &other); k++)
            first = strcmp(other.op, op.op) || other.version != op.version;
        if (!first) continue;
        for (size_t k = i; qc_model_op(model, subgraph, k, &other); k++) count += !strcmp(other.op, op.op) && other.version == op.version;
        printf("%s%s v%d x%zu", any ? ", " : "  operators: ", op.op, op.version, count);
        any = true;
    }
    if (any) putchar('\n');
}

static void print_numbers(const struct qc_model *model, size_t subgraph, size_t op, size_t count,
                          long (*get)(const struct qc_model *, size_t, size_t, size_t))
{
    for (size_t i = 0; i < count; i++) {
        long tensor = get(model, subgraph, op, i);
        if (tensor < 0)
            fputs(" -", stdout);
        else
            printf(" t%ld", tensor);
    }
}

static void put(void *user, const char *text)
{
    (void)user;
    fputs(text, stdout);
}

static void print_ops(const struct qc_model *model, size_t subgraph)
{
    struct qc_op_detail op;
    for (size_t i = 0; qc_model_op(model, subgraph, i, &op); i++) {
        printf("  %4zu %s v%d", i, op.op, op.version);
        print_numbers(model, subgraph, i, op.input_count, qc_model_op_input);
        fputs(" ->", stdout);
        print_numbers(model, subgraph, i, op.output_count, qc_model_op_output);
        putchar(' ');
        qc_model_op_options(model, subgraph, i, put, NULL);
        printf(" '%s'\n", op.name);
    }
}

static void print_text(const struct qc_model *model, const char *path, bool all)
{
    char runtime[32];
    const char *name;
    size_t size;
    qc_model_runtime(model, runtime);
    printf("%s: %zu bytes of constants, runs from TensorFlow Lite %s%s%s\n", path, qc_model_constant_bytes(model), runtime,
           *qc_model_description(model) ? ", " : "", qc_model_description(model));
    print_signatures(model);
    for (size_t g = 0; (name = qc_model_subgraph_name(model, g)); g++) {
        size_t ops = 0, tensors = 0;
        struct qc_op_detail op;
        struct qc_tensor_detail tensor;
        long io;
        while (qc_model_op(model, g, ops, &op)) ops++;
        while (qc_model_tensor(model, g, tensors, &tensor)) tensors++;
        printf("subgraph %zu '%s': %zu operators, %zu tensors\n", g, name, ops, tensors);
        for (size_t i = 0; (io = qc_model_subgraph_input(model, g, i)) >= 0; i++) {
            fputs("  input  ", stdout);
            print_tensor(model, g, (size_t)io);
        }
        for (size_t i = 0; (io = qc_model_subgraph_output(model, g, i)) >= 0; i++) {
            fputs("  output ", stdout);
            print_tensor(model, g, (size_t)io);
        }
        print_op_counts(model, g);
        if (!all) continue;
        print_ops(model, g);
        for (size_t i = 0; i < tensors; i++) {
            fputs("  ", stdout);
            print_tensor(model, g, i);
        }
    }
    for (size_t i = 0; qc_model_metadata_entry(model, i, &name, &size); i++) printf("metadata '%s': %zu bytes\n", name, size);
    for (size_t i = 0; qc_model_file_entry(model, i, &name, &size); i++) printf("associated file '%s': %zu bytes\n", name, size);
    for (size_t i = 0; (name = qc_model_note(model, i)); i++) printf("note: %s\n", name);
}

/* ---- JSON ---- */

static void json_tensors(const struct qc_model *model, size_t subgraph)
{
    struct qc_tensor_detail t;
    for (size_t i = 0; qc_model_tensor(model, subgraph, i, &t); i++) {
        printf("%s\n    {\"name\": ", i ? "," : "");
        cli_json_string(t.name);
        printf(", \"type\": \"%s\", \"shape\": ", qc_dtype_name(t.type));
        if (!t.shaped) fputs("null", stdout);
        for (int d = 0; t.shaped && d < t.rank; d++) printf("%s%d", d ? ", " : "[", (int)t.signature[d]);
        if (t.shaped) fputs(t.rank ? "]" : "[]", stdout);
        printf(", \"constant\": %s, \"variable\": %s, \"bytes\": %zu", t.constant ? "true" : "false", t.variable ? "true" : "false", t.bytes);
        if (t.scale_count) {
            printf(", \"axis\": %d, \"scale\": [", t.axis);
            for (size_t k = 0; k < t.scale_count; k++) {
                if (k) fputs(", ", stdout);
                cli_json_number((double)t.scale[k]);
            }
            fputs("], \"zero_point\": [", stdout);
            for (size_t k = 0; k < t.scale_count; k++) printf("%s%lld", k ? ", " : "", (long long)t.zero_point[k]);
            putchar(']');
        }
        putchar('}');
    }
}

static void json_ops(const struct qc_model *model, size_t subgraph)
{
    struct qc_op_detail op;
    for (size_t i = 0; qc_model_op(model, subgraph, i, &op); i++) {
        printf("%s\n    {\"op\": ", i ? "," : "");
        cli_json_string(op.op);
        printf(", \"version\": %d, \"name\": ", op.version);
        cli_json_string(op.name);
        fputs(", \"inputs\": [", stdout);
        for (size_t k = 0; k < op.input_count; k++) printf("%s%ld", k ? ", " : "", qc_model_op_input(model, subgraph, i, k));
        fputs("], \"outputs\": [", stdout);
        for (size_t k = 0; k < op.output_count; k++) printf("%s%ld", k ? ", " : "", qc_model_op_output(model, subgraph, i, k));
        fputs("], \"options\": ", stdout);
        if (!qc_model_op_options(model, subgraph, i, put, NULL)) fputs("null", stdout);
        putchar('}');
    }
}

static void json_signatures(const struct qc_model *model)
{
    const char *key, *name;
    size_t subgraph, tensor;
    for (size_t s = 0; (key = qc_model_signature_key(model, s)); s++) {
        printf("%s{\"key\": ", s ? ", " : "");
        cli_json_string(key);
        for (int outputs = 0; outputs < 2; outputs++) {
            printf(", \"%s\": {", outputs ? "outputs" : "inputs");
            for (size_t i = 0; (outputs ? qc_model_signature_output : qc_model_signature_input)(model, s, i, &name, &subgraph, &tensor); i++) {
                if (i) fputs(", ", stdout);
                cli_json_string(name);
                printf(": %zu", tensor);
            }
            putchar('}');
        }
        putchar('}');
    }
}

static void json_blobs(const struct qc_model *model, bool (*get)(const struct qc_model *, size_t, const char **, size_t *))
{
    const char *name;
    size_t size;
    for (size_t i = 0; get(model, i, &name, &size); i++) {
        if (i) fputs(", ", stdout);
        cli_json_string(name);
        printf(": %zu", size);
    }
}

static void print_json(const struct qc_model *model, const char *path)
{
    char runtime[32];
    const char *name;
    qc_model_runtime(model, runtime);
    fputs("{\"model\": ", stdout);
    cli_json_string(path);
    fputs(", \"description\": ", stdout);
    cli_json_string(qc_model_description(model));
    printf(", \"min_runtime_version\": \"%s\", \"constant_bytes\": %zu, \"signatures\": [", runtime, qc_model_constant_bytes(model));
    json_signatures(model);
    fputs("], \"metadata\": {", stdout);
    json_blobs(model, qc_model_metadata_entry);
    fputs("}, \"files\": {", stdout);
    json_blobs(model, qc_model_file_entry);
    fputs("}, \"subgraphs\": [", stdout);
    for (size_t g = 0; (name = qc_model_subgraph_name(model, g)); g++) {
        long io;
        printf("%s\n  {\"name\": ", g ? "," : "");
        cli_json_string(name);
        fputs(", \"inputs\": [", stdout);
        for (size_t i = 0; (io = qc_model_subgraph_input(model, g, i)) >= 0; i++) printf("%s%ld", i ? ", " : "", io);
        fputs("], \"outputs\": [", stdout);
        for (size_t i = 0; (io = qc_model_subgraph_output(model, g, i)) >= 0; i++) printf("%s%ld", i ? ", " : "", io);
        fputs("],\n   \"operators\": [", stdout);
        json_ops(model, g);
        fputs("],\n   \"tensors\": [", stdout);
        json_tensors(model, g);
        fputs("]}", stdout);
    }
    puts("]}");
}

/* ---- the command ---- */

static int run(int argc, char **argv)
{
    struct qc_error error = {0};
    struct qc_options options = {0};
    bool json = false, all = false;
    const struct cli_option list[] = {{"--json", NULL, NULL, &json}, {"--all", "-a", NULL, &all}, {"--signature", NULL, &options.signature, NULL},
                                      {"--tag", NULL, &options.tag, NULL}};
    int count = cli_parse(argc, argv, list, (int)(sizeof list / sizeof *list));
    if (count < 0) return CLI_USAGE;
    if (count != 1) return cli_failf(CLI_USAGE, "inspect takes one model; 'quantc help inspect' shows more");
    struct qc_model *model = qc_model_open(argv[1], &options, &error);
    if (!model) return cli_fail(&error);
    if (json)
        print_json(model, argv[1]);
    else
        print_text(model, argv[1], all);
    qc_model_free(model);
    return CLI_DONE;
}

static const char help[] =
    "usage: quantc inspect MODEL [--all | --json] [--signature NAME] [--tag LIST]\n"
    "\n"
    "Shows signatures, inputs, outputs, operators with their versions, metadata and associated files of any model that quantc reads.\n"
    "\n"
    "  -a, --all   every operator with its operands and options, and every tensor with its quantization\n"
    "  --json      everything, as JSON\n";

const struct cli_command qc_command_inspect = {"inspect", "what is in a model file", help, run};
