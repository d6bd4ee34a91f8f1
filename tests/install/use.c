/*
 * use.c - a program outside the tree, built against an installed quantc. See install_test.
 */
#include <quantc/quantc.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct qc_error error;
    struct qc_model *model = qc_model_open(argc > 1 ? argv[1] : "", NULL, &error);
    puts(qc_version());
    puts(model ? "opened" : qc_status_name(error.status));
    qc_model_free(model);
    return 0;
}
