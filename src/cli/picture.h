/*
 * picture.h - JPEG and PNG pictures as Keras's load_img gives them.
 */
#ifndef QC_CLI_PICTURE_H
#define QC_CLI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_picture {
    int width, height;
    uint8_t *rgb; /* [height][width][3]; freed with free() */
};

/* Decodes a file, told by content: the RGB of Pillow's convert("RGB"). false with `why` filled. */
bool cli_picture_load(const char *path, struct cli_picture *picture, char *why, size_t size);
/* Nearest neighbour as Pillow resizes: the source pixel under the middle of the target pixel. out is [height][width][3]. */
void cli_picture_resize(const struct cli_picture *picture, int width, int height, uint8_t *out);
/* ITU-R 601 luma of one pixel, rounded as Pillow's convert("L") does. */
uint8_t cli_picture_luma(const uint8_t *rgb);

#endif
