/*
 * golden_bad.c - hostile model files: each is opened, converted, planned and run in a process of its own, which must end by itself, within
 * its time, with success or with a status and a sentence; never by a signal. Files marked "reject" must not pass for good models. A loop that
 * never ends is a sound program: while a model runs, not while it is read, the time may run out.
 *
 *   golden_bad bad.zip [BEGINNING]      (made by tests/oracle/pack_golden.py)
 */
#include "golden.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 60, RUN_SECONDS = 5, GOOD = 0, REFUSED = 10, SILENT = 11, ENDLESS = 12 };

static const struct qc_options limits = {.max_memory = (size_t)512 << 20};

static int refused(const struct qc_error *error)
{
    return error->status != QC_OK && error->text[0] ? REFUSED : SILENT;
}

static void run_out(int signal)
{
    (void)signal;
    _exit(ENDLESS);
}

static int run(struct qc_session *session)
{
    struct qc_error error = {0};
    struct qc_tensor_info info;
    for (size_t i = 0; i < qc_session_input_count(session); i++)
        if (!qc_session_input(session, i, &info) && info.data && info.type != QC_STRING) memset(info.data, 1, info.bytes);
    signal(SIGALRM, run_out);
    unsigned left = alarm(RUN_SECONDS);
    qc_status status = qc_session_invoke(session, &error);
    signal(SIGALRM, SIG_DFL);
    alarm(left);
    return status ? refused(&error) : GOOD;
}

static int use(struct qc_model *model)
{
    struct qc_error error = {0};
    struct qc_session *session = qc_session_create(model, &limits, &error);
    int code = session ? run(session) : refused(&error);
    qc_session_free(session);
    return code;
}

/* In the child: the file through everything that a user would do with it. */
static int try_file(const char *path)
{
    struct qc_error error = {0};
    struct qc_model *model = qc_model_open(path, &limits, &error);
    if (!model) return refused(&error);
    int code = use(model);
#ifndef QUANTC_RUNTIME_ONLY
    struct qc_model *converted = qc_model_convert(model, NULL, &error);
    code = converted ? use(converted) : refused(&error);
    qc_model_free(converted);
#endif
    qc_model_free(model);
    return code;
}

static int in_child(const char *path)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) return -1;
    if (!child) {
        alarm(SECONDS);
        exit(try_file(path));
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return status;
}

int main(int argc, char **argv)
{
    struct golden golden;
    char *column[GOLDEN_COLUMNS];
    if (argc < 2) return 2;
    golden_open(&golden, argv[1]);
    while (golden_next(&golden, column)) {
        if (argc >= 3 && strstr(column[0], argv[2]) != column[0]) continue;
        int status = in_child(golden_path(&golden, 0, column[0]));
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
            golden_fail(&golden, "did not end within %d s", SECONDS);
        else if (WIFSIGNALED(status))
            golden_fail(&golden, "ended by signal %d", WTERMSIG(status));
        else if (code == SILENT)
            golden_fail(&golden, "failed without a status or a sentence");
        else if (code != GOOD && code != REFUSED && code != ENDLESS)
            golden_fail(&golden, "exit code %d (a sanitizer's report is above)", code);
        else if (code == GOOD && !strcmp(column[1], "reject"))
            golden_fail(&golden, "passed for a good model");
    }
    return golden_close(&golden);
}
