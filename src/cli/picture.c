/*
 * picture.c - JPEG by libjpeg, PNG by libpng. See picture.h.
 */
#include "picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

/* Of one picture: bombs are refused. A progressive JPEG goes over all its pixels in each scan; the common ones have 10. */
enum { MOST_PIXELS = 100 << 20, MOST_SCANS = 500 };

struct jpeg_trap {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
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

static void jpeg_goes_on(j_common_ptr jpeg)
{
    if (!jpeg->is_decompressor || ((j_decompress_ptr)jpeg)->input_scan_number <= MOST_SCANS) return;
    snprintf(((struct jpeg_trap *)jpeg->err)->text, JMSG_LENGTH_MAX, "it has more than %d scans", MOST_SCANS);
    longjmp(((struct jpeg_trap *)jpeg->err)->jump, 1);
}

/* Four inks to RGB as Pillow computes it; JPEG stores them inverted, as Adobe does. In place: 4 bytes become 3. */
static void unmix(uint8_t *row, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        unsigned light = row[4 * x + 3];
        for (size_t c = 0; c < 3; c++) {
            unsigned product = (255u - row[4 * x + c]) * light + 128;
            row[3 * x + c] = (uint8_t)(light - (((product >> 8) + product) >> 8));
        }
    }
}

static bool load_jpeg(FILE *file, struct cli_picture *picture, char *why, size_t size)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_trap trap;
    uint8_t *volatile rgb = NULL;
    jpeg.err = jpeg_std_error(&trap.manager);
    trap.manager.error_exit = jpeg_trapped;
    trap.manager.emit_message = jpeg_warned;
    trap.progress.progress_monitor = jpeg_goes_on;
    if (setjmp(trap.jump)) {
        snprintf(why, size, "%s", trap.text);
        jpeg_destroy_decompress(&jpeg);
        free(rgb);
        return false;
    }
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &trap.progress;
    jpeg_stdio_src(&jpeg, file);
    jpeg_read_header(&jpeg, TRUE);
    bool inks = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
    jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    bool fits = (uint64_t)jpeg.image_width * jpeg.image_height <= MOST_PIXELS;
    if (fits) {
        jpeg_start_decompress(&jpeg);
        picture->width = (int)jpeg.output_width;
        picture->height = (int)jpeg.output_height;
        rgb = malloc((size_t)picture->width * (size_t)picture->height * 3 + (size_t)picture->width + 1); /* a row of inks is wider */
        while (rgb && jpeg.output_scanline < jpeg.output_height) {
            JSAMPROW row = rgb + (size_t)jpeg.output_scanline * (size_t)picture->width * 3;
            jpeg_read_scanlines(&jpeg, &row, 1);
            if (inks) unmix(row, (size_t)picture->width);
        }
        if (rgb) jpeg_finish_decompress(&jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
    picture->rgb = rgb;
    if (!rgb) snprintf(why, size, fits ? "memory ran out" : "the picture is too large");
    return rgb != NULL;
}

struct png_trap {
    jmp_buf jump;
    char *why;
    size_t size;
};

static void png_trapped(png_structp png, png_const_charp text)
{
    struct png_trap *trap = png_get_error_ptr(png);
    snprintf(trap->why, trap->size, "%s", text);
    longjmp(trap->jump, 1);
}

static void png_warned(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* 8-bit RGB as Pillow's convert("RGB") gives it: of 16 bits the upper ones, alpha dropped, not blended, and no regard to gamma. */
static bool set_png_form(png_structp png, png_infop info)
{
    int depth = png_get_bit_depth(png, info), color = png_get_color_type(png, info);
    if (depth == 16 && color == PNG_COLOR_TYPE_GRAY) return false;
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (depth == 16) png_set_strip_16(png);
    if (color == PNG_COLOR_TYPE_GRAY || color == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    return true;
}

static bool load_png(FILE *file, struct cli_picture *picture, char *why, size_t size)
{
    struct png_trap trap = {.why = why, .size = size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &trap, png_trapped, png_warned);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t *volatile rgb = NULL;
    snprintf(why, size, "memory ran out");
    if (!info || setjmp(trap.jump)) {
        png_destroy_read_struct(&png, &info, NULL);
        free(rgb);
        return false;
    }
    png_init_io(png, file);
    png_set_user_limits(png, MOST_PIXELS, MOST_PIXELS);
    png_read_info(png, info);
    picture->width = (int)png_get_image_width(png, info);
    picture->height = (int)png_get_image_height(png, info);
    if ((uint64_t)picture->width * (uint64_t)picture->height > MOST_PIXELS) png_error(png, "the picture is too large");
    if (!set_png_form(png, info)) png_error(png, "16 bits of grey, which Keras's load_img does not bring to 0..255; give such data as .npy");
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row = (size_t)picture->width * 3;
    if (png_get_rowbytes(png, info) != row) png_error(png, "its form is not known");
    if (!(rgb = malloc(row * (size_t)picture->height))) png_error(png, "memory ran out");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < picture->height; y++) png_read_row(png, rgb + (size_t)y * row, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    picture->rgb = rgb;
    return true;
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

uint8_t cli_picture_luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* Positions are sums of steps, as Pillow makes them: a product would round otherwise. */
void cli_picture_resize(const struct cli_picture *picture, int width, int height, uint8_t *out)
{
    double step_x = (double)picture->width / width, step_y = (double)picture->height / height, from_y = step_y * 0.5;
    for (int y = 0; y < height; y++, from_y += step_y) {
        const uint8_t *row = picture->rgb + 3 * (size_t)picture->width * (size_t)fmin(from_y, picture->height - 1);
        double from_x = step_x * 0.5;
        for (int x = 0; x < width; x++, out += 3, from_x += step_x) memcpy(out, row + 3 * (size_t)fmin(from_x, picture->width - 1), 3);
    }
}
