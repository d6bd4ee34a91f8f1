#!/usr/bin/env python3
"""Keras models in which faults were found, with Keras's results, as cases for pack_golden.py keras.

  keras_found.py DIR        needs keras 3.13 or later
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


def case(folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.RandomState(3)
    model.set_weights([draw.randn(*w.shape).astype("f") for w in model.get_weights()])
    model.save(folder / "model.keras")
    for call in range(2):
        ids = draw.randint(1, 20, (1, 6)).astype("i4")
        ids[:, 2 + call:] = 0
        np.savez(folder / f"inputs_{call}.npz", **{"0": ids})
        np.savez(folder / f"outputs_{call}.npz", **{"0": model.predict(ids, verbose=0)})
    info = {"formats": ["keras"], "calls": 2, "tolerance": 1e-5, "may_refuse": [], "inputs": [model.inputs[0].name], "outputs": [model.output_names[0]]}
    (folder / "info.json").write_text(json.dumps(info))


out = pathlib.Path(sys.argv[1])
case(out / "masked_encoder", masked_encoder(0))
case(out / "masked_encoder_dropout", masked_encoder(0.1))
