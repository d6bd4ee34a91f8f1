"""Makes the nets of bench/run as Keras files: nets.py FOLDER NAME ... With random weights: time does not depend on them.

BatchNormalization takes its statistics from random pictures, so that values keep their size from layer to layer; else the last ones are too small to be
quantized.
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
from keras import layers

WORDS, LENGTH, WIDTH = 18000, 100, 100


def text(*recurrent):
    return keras.Sequential([keras.Input((LENGTH,), dtype="int32"), layers.Embedding(WORDS, WIDTH), *recurrent, layers.Dense(1, activation="sigmoid")])


def keyword():
    """A depthwise separable net for keywords, 25 x 5 features, 0.7 M multiplications."""
    net = keras.Sequential([keras.Input((49, 10, 1)), layers.Conv2D(32, (10, 4), strides=(2, 2), padding="same", activation="relu")])
    for _ in range(2):
        net.add(layers.DepthwiseConv2D(3, padding="same", activation="relu"))
        net.add(layers.Conv2D(32, 1, activation="relu"))
    net.add(layers.GlobalAveragePooling2D())
    net.add(layers.Dense(12, activation="softmax"))
    return net


def attention():
    """Two layers of a transformer's encoder on 128 steps of 256 features."""
    x = start = keras.Input((128, 256))
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 64)(x, x))
        x = layers.LayerNormalization()(x + layers.Dense(256)(layers.Dense(1024, activation="gelu")(x)))
    return keras.Model(start, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


NETS = {
    "mobilenet_v1": lambda: keras.applications.MobileNet(weights=None),
    "mobilenet_v2": lambda: keras.applications.MobileNetV2(weights=None),
    "mobilenet_v3small": lambda: keras.applications.MobileNetV3Small(weights=None),
    "efficientnet_b0": lambda: keras.applications.EfficientNetB0(weights=None),
    "resnet50": lambda: keras.applications.ResNet50(weights=None),
    "lstm": lambda: text(layers.LSTM(64)),
    "bilstm": lambda: text(layers.Bidirectional(layers.LSTM(48))),
    "gru": lambda: text(layers.GRU(64)),
    "attention": attention,
    "conv1d": lambda: text(layers.Conv1D(128, 5, activation="relu"), layers.GlobalMaxPooling1D()),
    "digits": lambda: keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
                                        layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)]),
    "dense": lambda: keras.Sequential([keras.Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu"), layers.Dense(8)]),
    "keyword": keyword,
}



def normalized(net):
    norms = [layer for layer in net.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        net(keras.random.uniform([4, *(size or 224 for size in net.inputs[0].shape[1:])]), training=True)
    return net


for name in sys.argv[2:]:
    normalized(NETS[name]()).save(os.path.join(sys.argv[1], name + ".h5"))
