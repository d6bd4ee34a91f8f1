#!/usr/bin/env python3
"""Writes tests/data/text/golden.txt: hashes of what Python and the Keras Tokenizer make of text that t_text.c makes again.

  tokenizer_golden.py > tests/data/text/golden.txt        (Python 3.11 with keras-preprocessing's Tokenizer, e.g. in tf_keras)
"""
import json
from tf_keras.preprocessing.text import Tokenizer

MASK = (1 << 64) - 1
POOLS = [(0x61, 0x7a), (0x41, 0x7a), (0x20, 0x7e), (0xc0, 0x24f), (0x391, 0x3c9), (0x300, 0x36f), (0x400, 0x52f), (0x4e00, 0x4e80),
         (0x1f600, 0x1f64f), (0x10400, 0x1044f), (0x1e00, 0x1fff), (0x0, 0xff), (0x2000, 0x2fff), (0x0, 0xffff), (0x10000, 0x10ffff),
         (0x1c80, 0x1cbf), (0xa640, 0xa7ff), (0x130, 0x131)]
BETWEEN = [" ", " ", " ", " ", ", ", "\t", "\r", "\u00a0", "\u3000", ".", "'", "", "\u0301", "\u03a3", "\u2028", "  ", "\u00ad", "!?"]


class Random:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 33) % n


def character(r, pool):
    lo, hi = POOLS[pool]
    c = lo + r.below(hi - lo + 1)
    return "s" if 0xd800 <= c < 0xe000 else "n" if c == 10 else chr(c)


def make_lines(count):
    r = Random(20240229)
    words = []
    for _ in range(3000):
        pool = r.below(len(POOLS))
        words.append("".join(character(r, pool if r.below(8) else r.below(len(POOLS))) for _ in range(1 + r.below(6))))
    lines = []
    for _ in range(count):
        line = ""
        for _ in range(r.below(16)):
            line += words[r.below(1 + r.below(len(words)))] + BETWEEN[r.below(len(BETWEEN))]
        lines.append(line)
    return lines


def fnv(data, h=0xcbf29ce484222325):
    for b in data:
        h = ((h ^ b) * 0x100000001b3) & MASK
    return h


def ids_hash(sequences):
    h = 0xcbf29ce484222325
    for s in sequences:
        h = fnv(len(s).to_bytes(4, "little") + b"".join(i.to_bytes(4, "little") for i in s), h)
    return h


def lower_hash():
    """Every character alone and around a sigma."""
    h = 0xcbf29ce484222325
    for c in range(0x110000):
        if not 0xd800 <= c < 0xe000:
            c = chr(c)
            h = fnv("|".join(x.lower() for x in (c, "A" + c + "\u03a3", "\u03a3" + c + "A", "A\u03a3" + c + "B", c + "\u03a3")).encode(), h)
    return h


if __name__ == "__main__":
    print("lower", f"{lower_hash():016x}")
    lines = make_lines(40000)
    print("lines", f"{fnv(chr(10).join(lines).encode()):016x}")
    for name, options in (("default", {}), ("characters", {"char_level": True}), ("limited", {"num_words": 700, "oov_token": "<oov>"}),
                          ("case", {"lower": False}), ("split", {"split": "aa", "filters": "b\u00e9!"}), ("oov", {"oov_token": "a"})):
        t = Tokenizer(**options)
        t.fit_on_texts(lines[:20000])
        print(name, f"{fnv(json.dumps(t.word_index, ensure_ascii=False).encode()):016x}", f"{ids_hash(t.texts_to_sequences(lines)):016x}")
