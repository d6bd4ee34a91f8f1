/*
 * stats.c - ranges by name: looking up, merging, saving and loading as JSON. See stats.h, and quantc.h section 6.
 */
#include "quant/stats.h"

#include "base/file.h"
#include "wire/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qc_stats *qc_stats_new(void)
{
    struct qc_env env;
    qc_env_init(&env, NULL);
    struct qc_stats *stats = qc_env_alloc(&env, sizeof *stats);
    if (!stats) return NULL;
    stats->env = env;
    qc_arena_init(&stats->arena, &stats->env);
    return stats;
}

void qc_stats_free(struct qc_stats *stats)
{
    if (!stats) return;
    qc_arena_free(&stats->arena);
    struct qc_env env = stats->env;
    qc_env_free(&env, stats);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct qc_stats_row *)a)->name, ((const struct qc_stats_row *)b)->name);
}

void qc_stats_settle(struct qc_stats *stats)
{
    size_t kept = 0;
    qsort(stats->row, stats->count, sizeof *stats->row, by_name);
    for (size_t i = 0; i < stats->count; i++) {
        struct qc_stats_row *row = &stats->row[i], *last = kept ? &stats->row[kept - 1] : NULL;
        if (last && !strcmp(last->name, row->name)) {
            last->min = fminf(last->min, row->min);
            last->max = fmaxf(last->max, row->max);
        } else {
            stats->row[kept++] = *row;
        }
    }
    stats->count = kept;
}

bool qc_stats_range(const struct qc_stats *stats, const struct qc_tensor *tensor, float *min, float *max)
{
    char buffer[600];
    struct qc_stats_row key = {.name = tensor->name};
    if (tensor->graph->index) {
        snprintf(buffer, sizeof buffer, "%s:%s", tensor->graph->name, tensor->name);
        key.name = buffer;
    }
    const struct qc_stats_row *row = stats->count ? bsearch(&key, stats->row, stats->count, sizeof *stats->row, by_name) : NULL;
    if (!row) return false;
    *min = row->min;
    *max = row->max;
    return true;
}

qc_status qc_stats_merge(struct qc_stats *into, const struct qc_stats *from, struct qc_error *error)
{
    if (!QC_GIVEN(into, error) || !QC_GIVEN(from, error)) return QC_INVALID;
    struct qc_stats_row *row = qc_arena_array(&into->arena, into->count + from->count, sizeof *row);
    if (!row) return qc_env_take(&into->env, error);
    memcpy(row, into->row, into->count * sizeof *row);
    for (size_t i = 0; i < from->count; i++) {
        row[into->count + i] = from->row[i];
        if (!(row[into->count + i].name = qc_arena_string(&into->arena, from->row[i].name))) return qc_env_take(&into->env, error);
    }
    into->row = row;
    into->count += from->count;
    qc_stats_settle(into);
    return QC_OK;
}

/* ---- files ---- */

static qc_status put_text(struct qc_writer *writer, const char *text)
{
    return qc_writer_put(writer, text, strlen(text));
}

static qc_status put_name(struct qc_writer *writer, const char *name)
{
    QC_TRY(put_text(writer, "\""));
    for (; *name; name++) {
        char escaped[8];
        if (*name == '"' || *name == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *name);
        else if ((unsigned char)*name < 32)
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*name);
        else
            snprintf(escaped, sizeof escaped, "%c", *name);
        QC_TRY(put_text(writer, escaped));
    }
    return put_text(writer, "\"");
}

static qc_status write_rows(const struct qc_stats *stats, struct qc_writer *writer)
{
    QC_TRY(put_text(writer, "{\"quantc_stats\": 1, \"ranges\": {"));
    for (size_t i = 0; i < stats->count; i++) {
        char range[80];
        snprintf(range, sizeof range, ": [%.9g, %.9g]", (double)stats->row[i].min, (double)stats->row[i].max);
        QC_TRY(put_text(writer, i ? ",\n" : "\n"));
        QC_TRY(put_name(writer, stats->row[i].name));
        QC_TRY(put_text(writer, range));
    }
    return put_text(writer, "\n}}\n");
}

qc_status qc_stats_save(const struct qc_stats *stats, const char *path, struct qc_error *error)
{
    if (!QC_GIVEN(stats, error) || !QC_GIVEN(path, error)) return QC_INVALID;
    struct qc_env env;
    struct qc_writer writer;
    qc_env_init(&env, NULL);
    qc_status status = qc_writer_open(&writer, &env, path);
    if (!status) status = write_rows(stats, &writer);
    if (!status) status = qc_writer_commit(&writer);
    qc_writer_abort(&writer);
    return status ? qc_env_take(&env, error) : QC_OK;
}

static qc_status read_rows(struct qc_stats *stats, const struct qc_json *root, const char *path)
{
    const struct qc_json *ranges = qc_json_get(root, "ranges"), *pair;
    const char *name;
    if (!qc_json_is_object(ranges)) return qc_fail(&stats->env, QC_FORMAT, "%s: is no file of statistics (it has no \"ranges\")", path);
    if (!(stats->row = qc_arena_array(&stats->arena, qc_json_count(ranges), sizeof *stats->row))) return QC_NOMEM;
    for (const void *i = NULL; (i = qc_json_next(ranges, i, &name, &pair));) {
        double min, max;
        if (!qc_json_number(qc_json_at(pair, 0), &min) || !qc_json_number(qc_json_at(pair, 1), &max) || !isfinite(min) || !isfinite(max) || min > max)
            return qc_fail(&stats->env, QC_FORMAT, "%s: the range of '%s' is no pair of numbers [min, max]", path, name);
        struct qc_stats_row *row = &stats->row[stats->count++];
        *row = (struct qc_stats_row){qc_arena_string(&stats->arena, name), (float)min, (float)max};
        if (!row->name) return QC_NOMEM;
    }
    qc_stats_settle(stats);
    return QC_OK;
}

static qc_status load(struct qc_stats *stats, const char *path)
{
    struct qc_file file;
    QC_TRY(qc_file_map(&stats->env, path, &file));
    struct qc_json *root = qc_json_parse(&stats->env, file.bytes, file.size, path);
    qc_status status = root ? read_rows(stats, root, path) : stats->env.error.status;
    qc_json_free(root);
    qc_file_unmap(&file);
    return status;
}

struct qc_stats *qc_stats_open(const char *path, struct qc_error *error)
{
    if (!QC_GIVEN(path, error)) return NULL;
    struct qc_stats *stats = qc_stats_new();
    if (!stats) {
        if (error) *error = (struct qc_error){QC_NOMEM, "memory ran out"};
        return NULL;
    }
    if (!load(stats, path)) return stats;
    qc_env_take(&stats->env, error);
    qc_stats_free(stats);
    return NULL;
}
