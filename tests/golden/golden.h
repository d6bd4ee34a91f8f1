/*
 * golden.h - what the drivers of recorded cases share: an archive made by tests/oracle/pack_golden.py, sessions fed from arrays,
 * comparison.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "base/file.h"
#include "wire/archive.h"

enum { GOLDEN_COLUMNS = 8, GOLDEN_SHOWN = 60 };

struct golden {
    struct qc_env env;
    struct qc_arena arena;
    struct qc_file file;
    struct qc_archive archive;
    char *row; /* what is left of cases.tsv */
    const char *name; /* of the case at hand */
    int cases, failures, known;
    char *known_list; /* known.txt beside the archive; NULL: none */
    size_t known_size;
};

/* Ends the program after a message if the archive cannot be read. */
void golden_open(struct golden *golden, const char *path);
/* The columns of the next case; false past the last. column[0] is its name. */
bool golden_next(struct golden *golden, char *column[GOLDEN_COLUMNS]);
/* A member's bytes, to be freed with free(). */
void *golden_bytes(struct golden *golden, const char *name, size_t *size);
/* The same as a file in the working folder, or, if `name` is a folder, as a folder: two at a time, slot 0 and 1, each replaced by the next
 * call. golden_close removes them. */
const char *golden_path(struct golden *golden, int slot, const char *name);
/* Counts the case as failed, and says why. A failure that known.txt lists, with the same words at its beginning, is counted apart and does not
 * fail the test. */
void golden_fail(struct golden *golden, const char *format, ...) QC_PRINTF(2, 3);
/* Prints the result; the program's exit code. */
int golden_close(struct golden *golden);
/* main of a checker: NAME ARCHIVE [BEGINNING]. Calls `one` for each case, or those whose names begin so. */
int golden_main(int argc, char **argv, void (*one)(struct golden *golden, char *const column[]));

/* Fetches array `prefix``index` ("i0"); false if there is none. */
bool golden_array(struct qc_arrays *arrays, const char *prefix, size_t index, struct qc_array *array);
/* Resizes input `at` of a session to the array's shape; copies its values, converted to the input's type if that is of the same kind. */
qc_status golden_resize(struct qc_session *session, size_t at, const struct qc_array *array, struct qc_error *error);
qc_status golden_feed(struct qc_session *session, size_t at, const struct qc_array *array, struct qc_error *error);

/*
 * Is output `at` what `want` holds? Integers and strings must be equal; of floats each may differ by atol of the output's largest
 * finite magnitude (but at least `floor`) and rtol of its own. With any_width, int64 may stand for int32, float32 for float16, and so on.
 * NULL, or what is wrong, in `text`.
 */
struct golden_tolerance {
    double atol, rtol, floor;
    bool any_width;
};
const char *golden_compare(struct qc_session *session, size_t at, const struct qc_array *want, const struct golden_tolerance *tolerance,
                           char text[256]);

#endif
