"""Makes tests/data/pictures: JPEG and PNG of every kind, and expected.npz with what keras.utils.load_img and img_to_array give of them.

    pictures_golden.py tests/data/pictures         (needs keras, numpy and pillow)

Arrays are named FILE@COLOR@HEIGHTxWIDTH, uint8; the nearest neighbour, load_img's default.
"""
import os
import struct
import sys
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy
from PIL import Image

folder = sys.argv[1]
random = numpy.random.default_rng(0)
y, x = numpy.mgrid[:37, :53]
photo = numpy.stack([(127 + 100 * numpy.sin(x / (5 + k) + k) + 27 * numpy.cos(y / (3 + k))).clip(0, 255) for k in range(3)], -1).astype("u1")
grey, alpha = photo[..., 0], random.integers(0, 256, (37, 53, 1), dtype="u1")


def path(name):
    return os.path.join(folder, name)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, color, rows, extra=b""):
    """A PNG of a kind that Pillow does not write. color: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    with open(path(name), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) + extra +
                chunk(b"IDAT", data) + chunk(b"IEND", b""))


def noise(channels, kind):
    return random.integers(0, 1 << 8 * numpy.dtype(kind).itemsize, (11, 13, channels)).astype(kind)


image = Image.fromarray(photo)
image.save(path("rgb.jpg"), quality=85)
image.save(path("full.jpg"), quality=95, subsampling=0)
image.save(path("progressive.jpg"), quality=70, progressive=True)
Image.fromarray(grey).save(path("grey.jpg"))
image.convert("CMYK").save(path("inks.jpg"))
image.save(path("rgb.png"))
Image.fromarray(numpy.concatenate([photo, alpha], -1)).save(path("rgba.png"))
Image.fromarray(grey).save(path("grey.png"))
Image.fromarray(numpy.concatenate([grey[..., None], alpha], -1), "LA").save(path("grey_alpha.png"))
image.quantize(40).save(path("palette.png"))
image.quantize(16).save(path("palette_transparent.png"), transparency=3)
Image.fromarray(grey > 127).save(path("bit.png"))
png("grey2.png", 12, 5, 2, 0, random.integers(0, 256, (5, 3), dtype="u1"))
png("grey4.png", 12, 5, 4, 0, random.integers(0, 256, (5, 6), dtype="u1"))
png("rgb16.png", 13, 11, 16, 2, noise(3, ">u2"))
png("rgba16.png", 13, 11, 16, 6, noise(4, ">u2"))
png("grey_alpha16.png", 13, 11, 16, 4, noise(2, ">u2"))
png("gamma.png", 13, 11, 8, 2, noise(3, "u1"), chunk(b"gAMA", struct.pack(">I", 100000)))
png("transparent.png", 13, 11, 8, 2, noise(3, "u1"), chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))

expected = {}
for name in sorted(os.listdir(folder)):
    if not name.endswith((".jpg", ".png")):
        continue
    for color in ("rgb", "grayscale"):
        for size in (None, (24, 24), (7, 61), (41, 60), (1, 1)):
            if color == "grayscale" and size != (24, 24):
                continue
            array = keras.utils.img_to_array(keras.utils.load_img(path(name), color_mode=color, target_size=size))
            expected[f"{name}@{color}@{array.shape[0]}x{array.shape[1]}"] = array.astype("u1")
            assert (expected[f"{name}@{color}@{array.shape[0]}x{array.shape[1]}"] == array).all()
numpy.savez_compressed(path("expected.npz"), **expected)
png("grey16.png", 13, 11, 16, 0, noise(1, ">u2"))  # load_img gives values up to 65535, or saturates: refused
