/*
 * golden_ops.c - operators against LiteRT: by default every output equals one of its two oracles, in reference mode the reference one.
 *
 *   golden_ops ops.zip      (made by tests/oracle/pack_golden.py)
 */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct op_case {
    struct golden *golden;
    struct qc_model *model;
    struct qc_arrays *arrays;
    const char *signature; /* NULL: none */
    struct golden_tolerance tolerance;
    bool has_reference;
};

static qc_status run(struct qc_session *session, struct qc_arrays *arrays, struct qc_error *error)
{
    struct qc_array array;
    for (size_t i = 0; golden_array(arrays, "i", i, &array); i++)
        if (golden_resize(session, i, &array, error)) return error->status;
    for (size_t i = 0; golden_array(arrays, "i", i, &array); i++)
        if (golden_feed(session, i, &array, error)) return error->status;
    return qc_session_invoke(session, error);
}

/* All outputs against one oracle; NULL if they agree. */
static const char *against(const struct op_case *c, struct qc_session *session, const char *oracle, char text[256])
{
    struct qc_array want;
    for (size_t i = 0; i < qc_session_output_count(session); i++) {
        if (!golden_array(c->arrays, oracle, i, &want)) return "there are more outputs than recorded";
        const char *wrong = golden_compare(session, i, &want, &c->tolerance, text);
        if (wrong) return wrong;
    }
    return golden_array(c->arrays, oracle, qc_session_output_count(session), &want) ? "there are fewer outputs than recorded" : NULL;
}

static void judge(const struct op_case *c, bool reference)
{
    const struct qc_options options = {.reference = reference, .signature = c->signature};
    struct qc_error error = {0};
    char by_default[256], by_reference[256];
    struct qc_session *session = qc_session_create(c->model, &options, &error);
    if (!session || run(session, c->arrays, &error)) {
        golden_fail(c->golden, "%s", error.text);
    } else {
        const char *wrong = !reference || !c->has_reference ? against(c, session, "d", by_default) : "reference mode";
        if (wrong && c->has_reference) wrong = against(c, session, "r", by_reference);
        if (wrong) golden_fail(c->golden, "%s: %s", reference ? "reference mode" : "default mode", wrong);
    }
    qc_session_free(session);
}

static void one(struct golden *golden, char *const column[])
{
    struct op_case c = {.golden = golden,
                        .tolerance = {.atol = atof(column[2]), .rtol = atof(column[3]), .floor = 1e-6},
                        .signature = strcmp(column[4], "-") ? column[4] : NULL,
                        .has_reference = !atoi(column[5])};
    char arrays[256];
    struct qc_error error = {0};
    size_t size;
    void *bytes = golden_bytes(golden, column[6], &size);
    snprintf(arrays, sizeof arrays, "%s.npz", column[0]);
    c.model = qc_model_open_memory(bytes, size, NULL, &error);
    c.arrays = c.model ? qc_arrays_open(golden_path(golden, 0, arrays), NULL, &error) : NULL;
    if (!c.arrays) {
        golden_fail(golden, "%s", error.text);
    } else {
        judge(&c, false);
        judge(&c, true);
    }
    qc_arrays_free(c.arrays);
    qc_model_free(c.model);
    free(bytes);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, one);
}
