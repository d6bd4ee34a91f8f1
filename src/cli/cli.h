/*
 * cli.h - the command-line program: one file cmd_<name>.c per command, on the public header only.
 *
 * Exit codes: 0 done, 1 failed, 2 usage, 3 unsupported layer, operator or type. Messages go to stderr as one line
 * "quantc: sentence".
 */
#ifndef QC_CLI_CLI_H
#define QC_CLI_CLI_H

#include <quantc/quantc.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNSUPPORTED = 3 };

struct cli_command {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* usage and options */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

/* One option of a command: "--name VALUE", "--name=VALUE", or a flag, "--name", "--name=true" or "--name=false". */
struct cli_option {
    const char *name;     /* "--mode" or "-o" */
    const char *alias;    /* or NULL */
    const char **value;   /* filled for an option with a value; NULL: a flag */
    bool *flag;
};

/* Takes the options out of argv; what remains (positional arguments) is packed to argv[1 ..] and counted in the result. -1 after
 * printing what is wrong (an unknown option, a missing value). "--" ends the options. */
int cli_parse(int argc, char **argv, const struct cli_option *options, int count);

/* "quantc: sentence" on stderr; returns the exit code that goes with the error. */
int cli_fail(const struct qc_error *error);
int cli_failf(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole number option; false after a message if text is no number in [low, high]. */
bool cli_number(const char *option, const char *text, long low, long high, long *value);
bool cli_real(const char *option, const char *text, double low, double high, double *value);

/* JSON on standard output: a string with what must be escaped; a number, null if it is not finite; an input or output. */
void cli_json_string(const char *text);
void cli_json_number(double value);
void cli_json_info(const struct qc_tensor_info *info);

#endif
