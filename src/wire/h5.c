/*
 * h5.c - libhdf5 behind h5.h.
 *
 * The file is opened as a "core" image whose memory is the caller's: the image callbacks hand out the very pointer, so that nothing is
 * copied, and plain float32 arrays are given out as views into it.
 */
#include "wire/h5.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { MOST_TEXT = 1 << 28 };

struct qc_h5 {
    struct qc_env *env;
    const char *bytes;
    size_t size;
    hid_t file;
};

/* ---- opening ---- */

static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *user)
{
    (void)op;
    struct qc_h5 *file = user;
    return size == file->size ? (void *)file->bytes : NULL;
}

static void *image_memcpy(void *to, const void *from, size_t size, H5FD_file_image_op_t op, void *user)
{
    (void)from, (void)size, (void)op, (void)user;
    return to;
}

static herr_t image_free(void *block, H5FD_file_image_op_t op, void *user)
{
    (void)block, (void)op, (void)user;
    return 0;
}

static void *image_user_copy(void *user)
{
    return user;
}

static herr_t image_user_free(void *user)
{
    (void)user;
    return 0;
}

bool qc_h5_probe(const void *bytes, size_t size)
{
    for (size_t at = 0; at <= 1 << 20 && at + 8 <= size; at = at ? at * 2 : 512) /* a user block may stand in front */
        if (!memcmp((const char *)bytes + at, "\211HDF\r\n\032\n", 8)) return true;
    return false;
}

struct qc_h5 *qc_h5_open(struct qc_env *env, const void *bytes, size_t size)
{
    struct qc_h5 *file = qc_env_alloc(env, sizeof *file);
    if (!file) return NULL;
    *file = (struct qc_h5){env, bytes, size, -1};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    H5FD_file_image_callbacks_t callbacks = {image_malloc, image_memcpy, NULL, image_free, image_user_copy, image_user_free, file};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && size && H5Pset_fapl_core(access, 1 << 16, 0) >= 0 && H5Pset_file_image_callbacks(access, &callbacks) >= 0 &&
        H5Pset_file_image(access, (void *)bytes, size) >= 0)
        file->file = H5Fopen("/dev/null/image", H5F_ACC_RDONLY, access); /* a name that cannot exist: HDF5 refuses an image named like a file */
    H5Pclose(access);
    if (file->file >= 0) return file;
    qc_fail(env, QC_FORMAT, "the HDF5 file is damaged or truncated: its superblock or root group cannot be read");
    qc_env_free(env, file);
    return NULL;
}

void qc_h5_close(struct qc_h5 *file)
{
    if (!file) return;
    H5Fclose(file->file);
    qc_env_free(file->env, file);
}

/* ---- objects ---- */

/* Opens the object at an absolute path over hard links; negative if a part is missing or another kind of link. */
static hid_t open_object(struct qc_h5 *file, const char *path)
{
    hid_t at = H5Gopen2(file->file, "/", H5P_DEFAULT);
    while (at >= 0) {
        while (*path == '/') path++;
        size_t length = strcspn(path, "/");
        if (!length) return at;
        char part[1024];
        H5L_info_t link;
        hid_t next = -1;
        if (length < sizeof part && H5Iget_type(at) == H5I_GROUP) {
            memcpy(part, path, length);
            part[length] = 0;
            bool self = !strcmp(part, ".");
            if (self || (H5Lexists(at, part, H5P_DEFAULT) > 0 && H5Lget_info(at, part, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD))
                next = H5Oopen(at, part, H5P_DEFAULT);
        }
        H5Oclose(at);
        at = next;
        path += length;
    }
    return at;
}

static bool has(struct qc_h5 *file, const char *path, H5I_type_t kind)
{
    hid_t object = open_object(file, path);
    bool found = object >= 0 && H5Iget_type(object) == kind;
    if (object >= 0) H5Oclose(object);
    return found;
}

bool qc_h5_has_group(struct qc_h5 *file, const char *path)
{
    return has(file, path, H5I_GROUP);
}

bool qc_h5_has_data(struct qc_h5 *file, const char *path)
{
    return has(file, path, H5I_DATASET);
}

struct name_list {
    struct qc_arena *arena;
    const char **names;
    size_t count, capacity;
};

static herr_t add_group(hid_t group, const char *name, const H5L_info_t *link, void *user)
{
    struct name_list *list = user;
    H5O_info_t info;
    if (link->type != H5L_TYPE_HARD || H5Oget_info_by_name(group, name, &info, H5P_DEFAULT) < 0 || info.type != H5O_TYPE_GROUP) return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        const char **names = qc_arena_array(list->arena, capacity, sizeof *names);
        if (!names) return -1;
        if (list->count) memcpy(names, list->names, list->count * sizeof *names);
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = qc_arena_string(list->arena, name);
    return list->names[list->count++] ? 0 : -1;
}

qc_status qc_h5_groups(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char ***names, size_t *count)
{
    struct name_list list = {.arena = arena};
    hid_t group = open_object(file, path);
    qc_status status = QC_OK;
    if (group >= 0 && H5Iget_type(group) == H5I_GROUP && H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_group, &list) < 0)
        status = qc_fail(file->env, QC_FORMAT, "the HDF5 group '%s' is damaged", path);
    if (group >= 0) H5Oclose(group);
    *names = list.names;
    *count = list.count;
    return status;
}

/* ---- text attributes ---- */

/* `count` elements of `width` bytes each, or pointers if width is 0, as C strings in the arena. */
static qc_status copy_texts(struct qc_arena *arena, const char *block, size_t count, size_t width, const char **names)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = width ? block + i * width : ((char *const *)block)[i];
        size_t length = !text ? 0 : width ? strnlen(text, width) : strlen(text);
        char *copy = qc_arena_alloc(arena, length + 1);
        if (!copy) return QC_NOMEM;
        if (length) memcpy(copy, text, length);
        names[i] = copy;
    }
    return QC_OK;
}

/* The elements of an open attribute; *count is 0 for an empty list of whatever type. */
static qc_status read_texts(struct qc_h5 *file, struct qc_arena *arena, hid_t attribute, const char *what, const char ***names,
                            size_t *count)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute), memory = -1;
    hssize_t points = H5Sget_simple_extent_npoints(space);
    bool null_space = H5Sget_simple_extent_type(space) == H5S_NULL, text = H5Tget_class(type) == H5T_STRING;
    bool variable = text && H5Tis_variable_str(type) > 0;
    size_t width = text && !variable ? H5Tget_size(type) : 0;
    qc_status status = QC_OK;
    char *block = NULL;
    *count = 0;
    *names = qc_arena_alloc(arena, sizeof **names); /* not NULL: the list is there */
    if (!*names) status = QC_NOMEM;
    else if (points < 0 || (points > 0 && !null_space && !text))
        status = qc_fail(file->env, QC_FORMAT, "%s is no text but of another type", what);
    else if (points > 0 && !null_space) {
        size_t each = variable ? sizeof(char *) : width;
        if ((size_t)points > MOST_TEXT / each || (size_t)points > file->size / (variable ? 4 : each))
            status = qc_fail(file->env, QC_FORMAT, "%s claims %lld elements, more than the file can hold", what, (long long)points);
        else if (!(block = qc_env_alloc(file->env, (size_t)points * each)) ||
                 !(*names = qc_arena_array(arena, (size_t)points, sizeof **names)))
            status = QC_NOMEM;
        else {
            memory = H5Tcopy(type);
            if (memory < 0 || H5Aread(attribute, memory, block) < 0) status = qc_fail(file->env, QC_FORMAT, "%s cannot be read: damaged file", what);
            else {
                *count = (size_t)points;
                status = copy_texts(arena, block, *count, variable ? 0 : width, *names);
                if (variable) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, block);
            }
        }
    }
    qc_env_free(file->env, block);
    if (memory >= 0) H5Tclose(memory);
    H5Tclose(type);
    H5Sclose(space);
    return status;
}

/* The attribute of an open object; *names is NULL if it has none. */
static qc_status read_attribute(struct qc_h5 *file, struct qc_arena *arena, hid_t object, const char *path, const char *name,
                                const char ***names, size_t *count)
{
    char what[512];
    *names = NULL;
    *count = 0;
    if (H5Aexists(object, name) <= 0) return QC_OK;
    snprintf(what, sizeof what, "attribute '%s' of '%.300s'", name, path);
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) return qc_fail(file->env, QC_FORMAT, "%s cannot be opened: damaged file", what);
    qc_status status = read_texts(file, arena, attribute, what, names, count);
    H5Aclose(attribute);
    return status;
}

qc_status qc_h5_text(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char **text)
{
    const char **names = NULL;
    size_t count = 0;
    *text = NULL;
    hid_t object = open_object(file, path);
    if (object < 0) return QC_OK;
    qc_status status = read_attribute(file, arena, object, path, attribute, &names, &count);
    H5Oclose(object);
    if (!status && names && count != 1)
        status = qc_fail(file->env, QC_FORMAT, "attribute '%s' of '%s' holds %zu texts, not 1", attribute, path, count);
    if (!status && names) *text = names[0];
    return status;
}

qc_status qc_h5_texts(struct qc_h5 *file, struct qc_arena *arena, const char *path, const char *attribute, const char ***names,
                      size_t *count)
{
    *names = NULL;
    *count = 0;
    hid_t object = open_object(file, path);
    if (object < 0) return QC_OK;
    qc_status status = read_attribute(file, arena, object, path, attribute, names, count);
    for (int chunk = 0; !status && (chunk || !*names); chunk++) {
        char name[64];
        const char **more, **all;
        size_t more_count;
        snprintf(name, sizeof name, "%s%d", attribute, chunk);
        status = read_attribute(file, arena, object, path, name, &more, &more_count);
        if (status || !more) break;
        all = qc_arena_array(arena, *count + more_count + 1, sizeof *all);
        if (!all) status = QC_NOMEM;
        else {
            if (*count) memcpy(all, *names, *count * sizeof *all);
            if (more_count) memcpy(all + *count, more, more_count * sizeof *all);
            *names = all;
            *count += more_count;
        }
    }
    H5Oclose(object);
    return status;
}

/* ---- data sets ---- */

/* bfloat16 is stored as two opaque bytes with an attribute that says so. */
static bool is_bfloat16(struct qc_h5 *file, hid_t data, hid_t type)
{
    const char **names = NULL;
    size_t count = 0;
    if (H5Tget_size(type) != 2 || H5Tget_class(type) == H5T_FLOAT) return false;
    struct qc_arena arena;
    qc_arena_init(&arena, file->env);
    bool found = !read_attribute(file, &arena, data, "", "dtype", &names, &count) && count == 1 && !strcmp(names[0], "bfloat16");
    qc_arena_free(&arena);
    return found;
}

static hid_t open_data(struct qc_h5 *file, const char *path)
{
    hid_t data = open_object(file, path);
    if (data >= 0 && H5Iget_type(data) == H5I_DATASET) return data;
    if (data >= 0) H5Oclose(data);
    qc_fail(file->env, QC_FORMAT, "the file has no data set '%s'", path);
    return -1;
}

qc_status qc_h5_describe(struct qc_h5 *file, const char *path, struct qc_h5_data *data)
{
    memset(data, 0, sizeof *data);
    hid_t set = open_data(file, path);
    if (set < 0) return QC_FORMAT;
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    H5T_class_t kind = H5Tget_class(type);
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_ndims(space);
    data->numeric = (((kind == H5T_FLOAT || kind == H5T_INTEGER) && H5Tget_size(type) <= 8) || is_bfloat16(file, set, type)) &&
                    H5Sget_simple_extent_type(space) != H5S_NULL && rank >= 0 && rank <= QC_MAX_RANK;
    qc_status status = QC_OK;
    if (data->numeric) {
        H5Sget_simple_extent_dims(space, dims, NULL);
        data->rank = rank;
        data->elements = 1;
        for (int i = 0; i < rank; i++) {
            data->dims[i] = dims[i] > INT64_MAX ? INT64_MAX : (int64_t)dims[i];
            if (__builtin_mul_overflow(data->elements, dims[i], &data->elements) || data->elements > SIZE_MAX / 8)
                status = qc_fail(file->env, QC_FORMAT, "data set '%s' claims more elements than memory can hold", path);
        }
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(set);
    return status;
}

/* Does every chunk inflate to exactly its size? The library's filter takes less without complaint, and more without bound. */
static bool chunks_inflate(struct qc_h5 *file, hid_t set, size_t chunk_bytes)
{
    hsize_t count = 0, at[H5S_MAX_RANK];
    char *plain = qc_env_alloc(file->env, chunk_bytes + 5);
    hid_t space = H5Dget_space(set);
    bool sound = plain && H5Dget_num_chunks(set, space, &count) >= 0;
    for (hsize_t i = 0; sound && i < count; i++) {
        unsigned skipped = 0;
        haddr_t place;
        hsize_t size;
        sound = H5Dget_chunk_info(set, space, i, at, &skipped, &place, &size) >= 0 && place <= file->size && size <= file->size - place;
        if (!sound || skipped) continue;
        z_stream stream = {.next_in = (Bytef *)(file->bytes + place), .avail_in = (uInt)QC_MIN(size, UINT32_MAX), .next_out = (Bytef *)plain,
                           .avail_out = (uInt)(chunk_bytes + 5)};
        sound = inflateInit(&stream) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
        sound = sound && (stream.total_out == chunk_bytes || stream.total_out == chunk_bytes + 4); /* 4: a checksum inside */
        inflateEnd(&stream);
    }
    H5Sclose(space);
    qc_env_free(file->env, plain);
    return sound;
}

static qc_status check_chunks(struct qc_h5 *file, const char *path, hid_t set, hid_t type, hid_t plan, size_t bytes)
{
    enum { EXPANSION_FREE = 1 << 20, MOST_EXPANSION = 64 };
    hsize_t dims[H5S_MAX_RANK];
    bool deflated = false, sound = true;
    double chunk = (double)H5Tget_size(type);
    for (int i = 0, count = H5Pget_nfilters(plan); i < count; i++) {
        unsigned flags, settings[1];
        size_t setting_count = 0;
        char name[64] = "";
        H5Z_filter_t filter = H5Pget_filter2(plan, (unsigned)i, &flags, &setting_count, settings, sizeof name, name, NULL);
        deflated |= filter == H5Z_FILTER_DEFLATE;
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return qc_fail(file->env, QC_UNSUPPORTED, "data set '%s' is packed by HDF5 filter %d '%s', which is not supported; save the model again "
                           "without compression", path, (int)filter, name);
    }
    for (int i = 0, rank = H5Pget_chunk(plan, H5S_MAX_RANK, dims); i < rank; i++) chunk *= (double)dims[i];
    if (chunk < 1 || chunk > (double)bytes * MOST_EXPANSION + EXPANSION_FREE)
        return qc_fail(file->env, QC_FORMAT, "data set '%s' has chunks out of proportion to its %zu bytes", path, bytes);
    if (deflated) sound = chunks_inflate(file, set, (size_t)chunk);
    return sound ? QC_OK : qc_fail(file->env, QC_FORMAT, "data set '%s': its compressed data is damaged", path);
}

/* What would read outside the file, run foreign code, or take memory out of proportion. */
static qc_status check_storage(struct qc_h5 *file, const char *path, hid_t set, hid_t type, hid_t plan, size_t bytes)
{
    enum { MOST_EXPANSION = 64, EXPANSION_FREE = 1 << 20 };
    H5D_layout_t layout = H5Pget_layout(plan);
    if (H5Pget_external_count(plan) > 0 || layout == H5D_VIRTUAL)
        return qc_fail(file->env, QC_UNSUPPORTED, "data set '%s' lies in other files, which is refused; save the model again into one file", path);
    if (bytes > EXPANSION_FREE && bytes / MOST_EXPANSION > file->size)
        return qc_fail(file->env, QC_FORMAT, "data set '%s' claims %zu bytes in a file of %zu", path, bytes, file->size);
    return layout == H5D_CHUNKED ? check_chunks(file, path, set, type, plan, bytes) : QC_OK;
}

/* The elements where they lie in the file, or NULL. */
static const float *view(struct qc_h5 *file, hid_t set, hid_t type, hid_t plan, size_t bytes)
{
    const uint16_t one = 1;
    haddr_t at = H5Dget_offset(set);
    if (H5Pget_layout(plan) != H5D_CONTIGUOUS || at == HADDR_UNDEF || H5Tequal(type, H5T_IEEE_F32LE) <= 0 || !*(const char *)&one) return NULL;
    if (at > file->size || bytes > file->size - at || ((uintptr_t)file->bytes + at) % _Alignof(float)) return NULL;
    return (const float *)(const void *)(file->bytes + at);
}

static qc_status read_floats(struct qc_h5 *file, const char *path, hid_t set, hid_t type, size_t elements, float *values)
{
    if (!is_bfloat16(file, set, type)) {
        if (H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0) return QC_OK;
        return qc_fail(file->env, QC_FORMAT, "data set '%s' cannot be read: the file is damaged or truncated", path);
    }
    uint16_t *half = (uint16_t *)values + elements; /* the upper half: each is read before it is overwritten */
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, half) < 0)
        return qc_fail(file->env, QC_FORMAT, "data set '%s' cannot be read: the file is damaged or truncated", path);
    for (size_t i = 0; i < elements; i++) {
        uint32_t word = (uint32_t)half[i] << 16;
        memcpy((char *)values + 4 * i, &word, sizeof word);
    }
    return QC_OK;
}

qc_status qc_h5_floats(struct qc_h5 *file, struct qc_arena *arena, const char *path, const float **values)
{
    struct qc_h5_data data;
    *values = NULL;
    QC_TRY(qc_h5_describe(file, path, &data));
    if (!data.numeric) return qc_fail(file->env, QC_FORMAT, "data set '%s' holds no numbers", path);
    hid_t set = open_data(file, path);
    if (set < 0) return QC_FORMAT;
    hid_t plan = H5Dget_create_plist(set), type = H5Dget_type(set);
    size_t bytes = data.elements * sizeof(float);
    qc_status status = check_storage(file, path, set, type, plan, bytes);
    if (!status && data.elements) *values = view(file, set, type, plan, bytes);
    if (!status && !*values) {
        float *copy = qc_arena_alloc(arena, bytes);
        status = copy ? QC_OK : QC_NOMEM;
        if (copy && data.elements) status = read_floats(file, path, set, type, data.elements, copy);
        *values = copy;
    }
    H5Tclose(type);
    H5Pclose(plan);
    H5Dclose(set);
    return status;
}
