/*
 * main.c - finds the command. See cli.h.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_declare.inc"

static const struct cli_command *const commands[] = {
#include "command_rows.inc"
    NULL,
};

int cli_fail(const struct qc_error *error)
{
    fprintf(stderr, "quantc: %s\n", *error->text ? error->text : qc_status_name(error->status));
    return error->status == QC_UNSUPPORTED ? CLI_UNSUPPORTED : CLI_FAILED;
}

int cli_failf(int code, const char *format, ...)
{
    va_list list;
    fputs("quantc: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return code;
}

static const struct cli_option *find_option(const struct cli_option *options, int count, const char *argument, size_t length)
{
    for (int i = 0; i < count; i++)
        for (int alias = 0; alias < 2; alias++) {
            const char *name = alias ? options[i].alias : options[i].name;
            if (name && strlen(name) == length && !strncmp(name, argument, length)) return &options[i];
        }
    return NULL;
}

int cli_parse(int argc, char **argv, const struct cli_option *options, int count)
{
    int kept = 1;
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (ended || argument[0] != '-' || !argument[1]) {
            argv[kept++] = argv[i];
            continue;
        }
        if (!strcmp(argument, "--")) {
            ended = true;
            continue;
        }
        const char *equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
        size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
        const struct cli_option *option = find_option(options, count, argument, length);
        if (!option) {
            cli_failf(CLI_USAGE, "%s: unknown option %.*s; 'quantc help %s' lists them", argv[0], (int)length, argument, argv[0]);
            return -1;
        }
        if (option->flag) {
            bool on = !equals || !strcmp(equals, "=true") || !strcmp(equals, "=1");
            if (!on && strcmp(equals, "=false") && strcmp(equals, "=0")) {
                cli_failf(CLI_USAGE, "%s: option %s is a switch; its value may be true or false, not '%s'", argv[0], option->name, equals + 1);
                return -1;
            }
            *option->flag = on;
        } else if (equals) {
            *option->value = equals + 1;
        } else if (i + 1 < argc) {
            *option->value = argv[++i];
        } else {
            cli_failf(CLI_USAGE, "%s: option %s needs a value", argv[0], option->name);
            return -1;
        }
    }
    return kept - 1;
}

bool cli_number(const char *option, const char *text, long low, long high, long *value)
{
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    if (!errno && *text && !*end && *value >= low && *value <= high) return true;
    cli_failf(CLI_USAGE, "%s takes a whole number from %ld to %ld, not '%s'", option, low, high, text);
    return false;
}

bool cli_real(const char *option, const char *text, double low, double high, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (*text && !*end && isfinite(*value) && *value >= low && *value <= high) return true;
    cli_failf(CLI_USAGE, "%s takes a number from %g to %g, not '%s'", option, low, high, text);
    return false;
}

static void print_overview(FILE *to)
{
    fprintf(to, "quantc %s: quantized .tflite files from Keras and TensorFlow models, and a runtime for them\n\nusage: quantc COMMAND ...\n\n",
            qc_version());
    for (int i = 0; commands[i]; i++) fprintf(to, "  %-15s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "  %-15s %s\n\nexit codes: 0 done, 1 failed, 2 usage, 3 unsupported layer or operator\n", "help COMMAND",
            "what a command does, with its options");
}

static const struct cli_command *find_command(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name)) return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    return cli_failf(CLI_USAGE, "there is no command '%s'; 'quantc help' lists them", name);
}

/* Output that could not be written (a full disk, a closed pipe) is a failure too. */
static int finish(int code)
{
    if (fflush(stdout) || ferror(stdout))
        return code ? code : cli_failf(CLI_FAILED, "standard output cannot be written: %s", strerror(errno));
    return code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(name, "--version")) {
        printf("quantc %s\n", qc_version());
        return finish(CLI_DONE);
    }
    bool help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (help && argc == 2) {
        print_overview(stdout);
        return finish(CLI_DONE);
    }
    const struct cli_command *command = find_command(help ? argv[2] : name);
    if (!command) return unknown_command(help ? argv[2] : name);
    for (int i = 2; i < argc; i++) help |= !strcmp(argv[i], "--help");
    if (help) {
        fputs(command->help, stdout);
        return finish(CLI_DONE);
    }
    return finish(command->run(argc - 1, argv + 1));
}
