#!/usr/bin/env python3
"""Keras models in which faults were found, with Keras's results, as cases for pack_golden.py keras.

  keras_found.py DIR        needs keras 3.14 or later
"""
import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from keras import layers


def masked_encoder(dropout):
    """MultiHeadAttention takes the masks off what it reads, so that the second one sees none; with dropout, rows without a key give zeros."""
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(ids)
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.Dropout(0.1)(layers.MultiHeadAttention(2, 4, dropout=dropout)(x, x)))
    return keras.Model(ids, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def gated(layer):
    """use_gate, without biases."""
    x = keras.Input((6, 8))
    return keras.Model(x, layer(x, x))


def case(folder, model, fmt="keras"):
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.RandomState(3)
    model.set_weights([draw.randn(*w.shape).astype("f") for w in model.get_weights()])
    model.save(folder / f"model.{fmt}")
    for call in range(2):
        given = draw.randn(1, 6, 8).astype("f")
        if model.inputs[0].dtype == "int32":
            given = draw.randint(1, 20, (1, 6)).astype("i4")
            given[:, 2 + call:] = 0
        np.savez(folder / f"inputs_{call}.npz", **{"0": given})
        np.savez(folder / f"outputs_{call}.npz", **{"0": model.predict(given, verbose=0)})
    info = {"formats": [fmt], "calls": 2, "tolerance": 1e-5, "may_refuse": [], "inputs": [model.inputs[0].name], "outputs": [model.output_names[0]]}
    (folder / "info.json").write_text(json.dumps(info))


out = pathlib.Path(sys.argv[1])
case(out / "masked_encoder", masked_encoder(0))
case(out / "masked_encoder_dropout", masked_encoder(0.1))
case(out / "gated_attention", gated(layers.MultiHeadAttention(2, 4, use_gate=True, use_bias=False)), "h5")
case(out / "gated_group_attention", gated(layers.GroupQueryAttention(4, 4, 2, use_gate=True)))
