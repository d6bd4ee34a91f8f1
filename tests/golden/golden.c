/*
 * golden.c - see golden.h.
 */
#include "golden.h"

#include "base/dtype.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the archive ---- */

static const char *scratch(int slot)
{
    static char path[2][64];
    if (!path[slot][0]) snprintf(path[slot], sizeof path[slot], "golden-%ld-%d.tmp", (long)getpid(), slot);
    return path[slot];
}

static void must(struct golden *g, bool done)
{
    if (done) return;
    fprintf(stderr, "%s\n", g->env.error.text);
    exit(2);
}

static void read_known(struct golden *g, const char *archive);

void golden_open(struct golden *g, const char *path)
{
    size_t size;
    memset(g, 0, sizeof *g);
    read_known(g, path);
    qc_env_init(&g->env, NULL);
    qc_arena_init(&g->arena, &g->env);
    must(g, !qc_file_map(&g->env, path, &g->file));
    must(g, !qc_archive_open(&g->arena, g->file.bytes, g->file.size, &g->archive));
    char *table = golden_bytes(g, "cases.tsv", &size);
    must(g, (g->row = qc_arena_alloc(&g->arena, size + 1)) != NULL);
    memcpy(g->row, table, size);
    free(table);
}

bool golden_next(struct golden *g, char *column[GOLDEN_COLUMNS])
{
    char *end = strchr(g->row, '\n');
    if (!end) return false;
    *end = 0;
    for (int i = 0; i < GOLDEN_COLUMNS; i++) {
        column[i] = g->row;
        g->row += strcspn(g->row, "\t");
        if (*g->row) *g->row++ = 0;
    }
    g->row = end + 1;
    g->name = column[0];
    g->cases++;
    return true;
}

void *golden_bytes(struct golden *g, const char *name, size_t *size)
{
    struct qc_arena arena;
    const struct qc_member *member = qc_archive_find(&g->archive, name);
    if (!member) fprintf(stderr, "the archive has no '%s'\n", name);
    if (!member) exit(2);
    qc_arena_init(&arena, &g->env);
    const void *bytes = qc_member_read(&arena, member);
    must(g, bytes != NULL);
    void *copy = malloc(member->size ? member->size : 1); /* its own block, so that a sanitizer sees a step too far */
    if (!copy) exit(2);
    memcpy(copy, bytes, member->size);
    *size = member->size;
    qc_arena_free(&arena);
    return copy;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

/* A file, or a folder with all in it. What still has a file mapped keeps it. */
static void remove_path(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes one member to `path`; makes the folders that `path` has below the working folder. */
static void extract(struct golden *g, const char *name, char *path)
{
    size_t size;
    void *bytes = golden_bytes(g, name, &size);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) exit(2);
    free(bytes);
}

const char *golden_path(struct golden *g, int slot, const char *name)
{
    size_t length = strlen(name);
    char path[600];
    remove_path(scratch(slot));
    for (size_t i = 0; i < g->archive.count; i++) {
        const char *member = g->archive.member[i].name;
        if (strncmp(member, name, length) || (member[length] && member[length] != '/')) continue;
        snprintf(path, sizeof path, "%s%s", scratch(slot), member + length);
        extract(g, member, path);
    }
    return scratch(slot);
}

/* known.txt: lines "case<TAB>beginning of the message<TAB>why"; # begins a remark. */
static void read_known(struct golden *g, const char *archive)
{
    char path[1024];
    const char *slash = strrchr(archive, '/');
    snprintf(path, sizeof path, "%.*sknown.txt", slash ? (int)(slash - archive) + 1 : 0, archive);
    FILE *file = fopen(path, "rb");
    if (!file) return;
    g->known_list = calloc(1, 1 << 16);
    if (g->known_list) g->known_size = fread(g->known_list, 1, (1 << 16) - 1, file);
    fclose(file);
}

static bool is_known(const struct golden *g, const char *message)
{
    size_t length = strlen(g->name);
    for (const char *line = g->known_list; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, g->name, length) || line[length] != '\t') continue;
        const char *words = line + length + 1;
        if (!strncmp(message, words, strcspn(words, "\t\n"))) return true;
    }
    return false;
}

void golden_fail(struct golden *g, const char *format, ...)
{
    char message[1024];
    const char *shown = getenv("GOLDEN_SHOWN"); /* more of them, for whoever mends many */
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    bool known = is_known(g, message);
    g->known += known;
    if (!known && g->failures++ >= (shown ? atoi(shown) : GOLDEN_SHOWN)) return;
    printf("%s%s: %s\n", known ? "known: " : "", g->name, message);
    fflush(stdout);
}

int golden_close(struct golden *g)
{
    printf("%d cases, %d failures, %d known failures (known.txt)\n", g->cases, g->failures, g->known);
    remove_path(scratch(0));
    remove_path(scratch(1));
    free(g->known_list);
    qc_arena_free(&g->arena);
    qc_file_unmap(&g->file);
    return g->cases && !g->failures ? 0 : 1;
}

/* ---- sessions and arrays ---- */

bool golden_array(struct qc_arrays *arrays, const char *prefix, size_t index, struct qc_array *array)
{
    char name[64];
    snprintf(name, sizeof name, "%s%zu", prefix, index);
    int at = qc_arrays_find(arrays, name);
    return at >= 0 && !qc_arrays_get(arrays, (size_t)at, array, NULL);
}

qc_status golden_resize(struct qc_session *session, size_t at, const struct qc_array *array, struct qc_error *error)
{
    int32_t dims[QC_MAX_RANK];
    for (int i = 0; i < array->rank; i++) dims[i] = (int32_t)array->dims[i];
    return qc_session_resize(session, at, array->rank, dims, error);
}

static double value_at(qc_dtype type, const void *data, size_t i)
{
    switch (type) {
    case QC_FLOAT32: case QC_COMPLEX64: return (double)((const float *)data)[i];
    case QC_FLOAT64: case QC_COMPLEX128: return ((const double *)data)[i];
    case QC_FLOAT16: return (double)qc_half_to_float(((const uint16_t *)data)[i]);
    case QC_BFLOAT16: return (double)qc_bfloat16_to_float(((const uint16_t *)data)[i]);
    case QC_BOOL: case QC_UINT8: return ((const uint8_t *)data)[i];
    case QC_INT8: return ((const int8_t *)data)[i];
    case QC_INT16: return ((const int16_t *)data)[i];
    case QC_UINT16: return ((const uint16_t *)data)[i];
    case QC_INT32: return ((const int32_t *)data)[i];
    case QC_UINT32: return ((const uint32_t *)data)[i];
    case QC_INT64: return (double)((const int64_t *)data)[i];
    default: return (double)((const uint64_t *)data)[i];
    }
}

/* Values into an input of another width. */
static qc_status convert(const struct qc_array *from, const struct qc_tensor_info *to, struct qc_error *error)
{
    for (size_t i = 0; i < from->count; i++) {
        double value = value_at(from->type, from->data, i);
        if (to->type == QC_FLOAT32)
            ((float *)to->data)[i] = (float)value;
        else if (to->type == QC_INT32)
            ((int32_t *)to->data)[i] = (int32_t)value;
        else if (to->type == QC_INT64)
            ((int64_t *)to->data)[i] = (int64_t)value;
        else
            return snprintf(error->text, sizeof error->text, "an input of type %s is given %s", qc_dtype_name(to->type), qc_dtype_name(from->type)),
                   error->status = QC_INVALID;
    }
    return QC_OK;
}

qc_status golden_feed(struct qc_session *session, size_t at, const struct qc_array *array, struct qc_error *error)
{
    struct qc_tensor_info info;
    if (qc_session_input(session, at, &info)) return qc_session_invoke(session, error); /* plans again, and says what is wrong */
    if (info.type == QC_STRING) return qc_session_set_strings(session, at, array->count, array->strings, array->lengths, error);
    if (qc_dtype_bytes(array->type, 1) != qc_dtype_bytes(info.type, 1) && info.bytes == qc_dtype_bytes(info.type, array->count))
        return convert(array, &info, error);
    if (info.bytes != array->bytes) {
        snprintf(error->text, sizeof error->text, "input %zu has %zu bytes where %zu are given", at, info.bytes, array->bytes);
        return error->status = QC_INVALID;
    }
    if (info.bytes) memcpy(info.data, array->data, info.bytes);
    return QC_OK;
}

static bool is_complex(qc_dtype type)
{
    return type == QC_COMPLEX64 || type == QC_COMPLEX128;
}

/* All values; those of integers must be equal. */
static const char *compare_values(const struct qc_tensor_info *got, const struct qc_array *want, const struct golden_tolerance *t, char text[256])
{
    size_t count = want->count * (is_complex(want->type) ? 2 : 1), wrong = 0, first = 0;
    bool floats = qc_dtype_is_float(want->type) || is_complex(want->type);
    double largest = t->floor;
    for (size_t i = 0; i < count; i++) {
        double b = fabs(value_at(want->type, want->data, i));
        if (isfinite(b) && b > largest) largest = b;
    }
    for (size_t i = 0; i < count; i++) {
        double a = value_at(got->type, got->data, i), b = value_at(want->type, want->data, i);
        bool same = a == b || (isnan(a) && isnan(b));
        bool near = floats && isfinite(a) && isfinite(b) && fabs(a - b) <= t->atol * largest + t->rtol * fabs(b);
        if (!same && !near && !wrong++) first = i;
    }
    if (!wrong) return NULL;
    snprintf(text, 256, "%zu of %zu values wrong, first at %zu: %.9g instead of %.9g (largest %.6g)", wrong, count, first,
             value_at(got->type, got->data, first), value_at(want->type, want->data, first), largest);
    return text;
}

static const char *compare_strings(struct qc_session *session, size_t at, const struct qc_array *want, char text[256])
{
    for (size_t i = 0; i < want->count; i++) {
        const char *bytes;
        size_t length;
        bool sound = qc_session_get_string(session, at, i, &bytes, &length);
        while (sound && length && !bytes[length - 1]) length--; /* numpy drops zeros at the end */
        if (sound && length == want->lengths[i] && !memcmp(bytes, want->strings[i], length)) continue;
        snprintf(text, 256, "string %zu is wrong", i);
        return text;
    }
    return NULL;
}

static bool same_shape(const struct qc_tensor_info *info, const struct qc_array *want)
{
    bool same = info->rank == want->rank;
    for (int i = 0; same && i < info->rank; i++) same = info->dims[i] == want->dims[i];
    return same;
}

static bool same_type(qc_dtype got, qc_dtype want, bool any_width)
{
    if (got == want) return true;
    return any_width && ((qc_dtype_is_float(got) && qc_dtype_is_float(want)) || (qc_dtype_is_integer(got) && qc_dtype_is_integer(want)));
}

const char *golden_compare(struct qc_session *session, size_t at, const struct qc_array *want, const struct golden_tolerance *tolerance,
                           char text[256])
{
    struct qc_tensor_info info;
    if (qc_session_output(session, at, &info)) return "the output is missing";
    qc_dtype type = info.type == QC_RESOURCE || info.type == QC_VARIANT ? QC_INT32 : info.type == QC_BFLOAT16 ? QC_FLOAT32 : info.type;
    if (!same_type(type, want->type, tolerance->any_width) || !same_shape(&info, want)) {
        int length = snprintf(text, 200, "%s of rank %d instead of %s of rank %d:", qc_dtype_name(type), info.rank, qc_dtype_name(want->type), want->rank);
        for (int i = 0; i < info.rank && length < 220; i++) length += snprintf(text + length, 256 - (size_t)length, " %d", (int)info.dims[i]);
        return text;
    }
    if (!want->count) return NULL;
    if (type == QC_STRING) return compare_strings(session, at, want, text);
    if (info.type == QC_RESOURCE || info.type == QC_VARIANT) info.type = QC_INT32;
    return compare_values(&info, want, tolerance, text);
}

int golden_main(int argc, char **argv, void (*one)(struct golden *golden, char *const column[]))
{
    struct golden golden;
    char *column[GOLDEN_COLUMNS];
    if (argc < 2) return 2;
    golden_open(&golden, argv[1]);
    while (golden_next(&golden, column))
        if (argc < 3 || strstr(column[0], argv[2]) == column[0]) one(&golden, column);
    return golden_close(&golden);
}
