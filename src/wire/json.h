/*
 * json.h - JSON as Python writes it: a thin shim over jansson that also takes the literals NaN, Infinity and -Infinity.
 *
 * Every getter takes NULL and values of any kind and answers "nothing" (NULL, 0, false), so that untrusted configurations can be
 * walked without a check at each step. Nesting is limited to 2048 levels by the parser; strings holding U+0000 are refused.
 */
#ifndef QC_WIRE_JSON_H
#define QC_WIRE_JSON_H

#include "base/env.h"

struct qc_json;

/* The value of `text`, to be freed with qc_json_free; NULL with QC_FORMAT recorded: "what: line 3, column 7: reason". */
struct qc_json *qc_json_parse(struct qc_env *env, const char *text, size_t size, const char *what);
void qc_json_free(struct qc_json *json);

bool qc_json_is_object(const struct qc_json *json);
bool qc_json_is_array(const struct qc_json *json);
bool qc_json_is_null(const struct qc_json *json); /* JSON null, or NULL: absent */

/* Member of an object, element of an array; the result belongs to the parsed root. */
const struct qc_json *qc_json_get(const struct qc_json *object, const char *key);
const struct qc_json *qc_json_at(const struct qc_json *array, size_t index);
size_t qc_json_count(const struct qc_json *json); /* elements or members */

/* NULL unless it is a string. */
const char *qc_json_string(const struct qc_json *json);
bool qc_json_equal(const struct qc_json *json, const char *string); /* is that very string */
bool qc_json_bool(const struct qc_json *json, bool *value);
/* Integers, and reals without a fraction, within int64. */
bool qc_json_int(const struct qc_json *json, int64_t *value);
/* Integers and reals, NaN and infinities. */
bool qc_json_number(const struct qc_json *json, double *value);

/* Are all members and elements equal, all through, but for members of the name `but`? */
bool qc_json_same(const struct qc_json *a, const struct qc_json *b, const char *but);

/* Members in file order: `for (i = NULL; (i = qc_json_next(object, i, &key, &value));)`. */
const void *qc_json_next(const struct qc_json *object, const void *iterator, const char **key, const struct qc_json **value);

#endif
