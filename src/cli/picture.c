/*
 * picture.c - JPEG by libjpeg, PNG by libpng. See picture.h.
 */
#include "picture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

enum { MOST_PIXELS = 100 << 20 }; /* of one picture: a bomb is refused before it is unpacked */

struct jpeg_trap {
    struct jpeg_error_mgr manager;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
};

static void jpeg_trapped(j_common_ptr jpeg)
{
    struct jpeg_trap *trap = (struct jpeg_trap *)jpeg->err;
    trap->manager.format_message(jpeg, trap->text);
    longjmp(trap->jump, 1);
}

/* Of the warnings one is an error, as it is for Pillow: data that ends early. libjpeg would fill the rest with grey. */
static void jpeg_warned(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) jpeg_trapped(jpeg);
}

static bool load_jpeg(FILE *file, struct cli_picture *picture, char *why, size_t size)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_trap trap;
    uint8_t *volatile rgb = NULL;
    jpeg.err = jpeg_std_error(&trap.manager);
    trap.manager.error_exit = jpeg_trapped;
    trap.manager.emit_message = jpeg_warned;
    if (setjmp(trap.jump)) {
        snprintf(why, size, "%s", trap.text);
        jpeg_destroy_decompress(&jpeg);
        free(rgb);
        return false;
    }
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, file);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    bool fits = (uint64_t)jpeg.image_width * jpeg.image_height <= MOST_PIXELS;
    if (fits) {
        jpeg_start_decompress(&jpeg);
        picture->width = (int)jpeg.output_width;
        picture->height = (int)jpeg.output_height;
        rgb = malloc((size_t)picture->width * (size_t)picture->height * 3 + 1);
        while (rgb && jpeg.output_scanline < jpeg.output_height) {
            JSAMPROW row = rgb + (size_t)jpeg.output_scanline * (size_t)picture->width * 3;
            jpeg_read_scanlines(&jpeg, &row, 1);
        }
        if (rgb) jpeg_finish_decompress(&jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
    picture->rgb = rgb;
    if (!rgb) snprintf(why, size, fits ? "memory ran out" : "the picture is too large");
    return rgb != NULL;
}

static bool load_png(FILE *file, struct cli_picture *picture, char *why, size_t size)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (png_image_begin_read_from_stdio(&image, file) && (uint64_t)image.width * image.height <= MOST_PIXELS) {
        image.format = PNG_FORMAT_RGBA; /* alpha is dropped, not blended, as Pillow's convert("RGB") does */
        uint8_t *rgba = malloc(PNG_IMAGE_SIZE(image) + 1);
        if (rgba && png_image_finish_read(&image, NULL, rgba, 0, NULL)) {
            picture->width = (int)image.width;
            picture->height = (int)image.height;
            for (size_t i = 0; i < (size_t)image.width * image.height; i++) memmove(rgba + 3 * i, rgba + 4 * i, 3);
            picture->rgb = rgba;
            return true;
        }
        free(rgba);
    }
    snprintf(why, size, "%s", *image.message ? image.message : "the picture is too large");
    png_image_free(&image);
    return false;
}

bool cli_picture_load(const char *path, struct cli_picture *picture, char *why, size_t size)
{
    unsigned char head[8] = {0};
    FILE *file = fopen(path, "rb");
    bool loaded = false;
    *picture = (struct cli_picture){0};
    if (!file) {
        snprintf(why, size, "it cannot be opened");
        return false;
    }
    size_t got = fread(head, 1, sizeof head, file);
    rewind(file);
    if (got >= 3 && head[0] == 0xff && head[1] == 0xd8)
        loaded = load_jpeg(file, picture, why, size);
    else if (got == 8 && !png_sig_cmp(head, 0, 8))
        loaded = load_png(file, picture, why, size);
    else
        snprintf(why, size, "it is neither JPEG nor PNG");
    fclose(file);
    return loaded;
}

void cli_picture_resize(const struct cli_picture *picture, int width, int height, uint8_t *out)
{
    double step_x = (double)picture->width / width, step_y = (double)picture->height / height;
    for (int y = 0; y < height; y++) {
        int from_y = (int)((y + 0.5) * step_y);
        if (from_y >= picture->height) from_y = picture->height - 1;
        const uint8_t *row = picture->rgb + (size_t)from_y * (size_t)picture->width * 3;
        for (int x = 0; x < width; x++, out += 3) {
            int from_x = (int)((x + 0.5) * step_x);
            if (from_x >= picture->width) from_x = picture->width - 1;
            memcpy(out, row + 3 * (size_t)from_x, 3);
        }
    }
}
