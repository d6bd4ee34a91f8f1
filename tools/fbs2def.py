#!/usr/bin/env python3
"""Writes src/tfl/schema.def from TensorFlow Lite's schema.fbs, and metadata.def from TFLite Metadata's metadata_schema.fbs.

  fbs2def.py schema.fbs > src/tfl/schema.def
  fbs2def.py metadata_schema.fbs > src/tfl/metadata.def

One row per enum value, union member and table field, as macro calls which src/tfl/tfl.h expands into C enums and
structs and src/tfl/tfl.c into the descriptors that the FlatBuffers codec (src/wire/fb.h) reads, writes and prints by.
"""
import os
import re
import sys

SCALARS = {"bool": "b8", "byte": "i8", "ubyte": "u8", "short": "i16", "ushort": "u16", "int": "i32", "uint": "u32",
           "long": "i64", "ulong": "u64", "float": "f32", "double": "f64", "int8": "i8", "uint8": "u8", "int16": "i16",
           "uint16": "u16", "int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64", "float32": "f32"}


def main():
    text = re.sub(r"//[^\n]*", "", open(sys.argv[1], encoding="utf-8").read())
    blocks = re.findall(r"\b(enum|union|table)\s+(\w+)\s*(?::\s*(\w+))?\s*(?:\([^)]*\))?\s*\{(.*?)\}", text, re.S)
    enums, values, unions, tables = {}, {}, {}, {}
    for kind, name, base, body in blocks:
        if kind == "table":
            tables[name] = re.findall(r"(\w+)\s*:\s*(\[?\w+\]?)\s*(?:=\s*([^;(\s]+))?\s*(?:\(([^)]*)\))?\s*;", body)
        elif kind == "enum":
            enums[name], values[name], following = SCALARS[base], {}, 0
            for member in filter(None, (re.sub(r"\(.*?\)", "", m).strip() for m in body.split(","))):
                key, _, value = (part.strip() for part in member.partition("="))
                following = int(value, 0) if value else following
                values[name][key] = following
                following += 1
        else:
            unions[name] = [re.sub(r"\(.*?\)", "", m).strip() for m in body.split(",") if m.strip()]
    out = [f"/* {os.path.basename(sys.argv[1])} as rows; written by tools/fbs2def.py, not by hand */"]
    for name in enums:
        out.append(f"ENUM_BEGIN({name})")
        out += [f"ENUM_VALUE({name}, {key}, {value})" for key, value in values[name].items()]
        out.append(f"ENUM_END({name})")
    for name, members in unions.items():
        out.append(f"UNION_BEGIN({name})")
        out += [f"UNION_MEMBER({name}, {member}, {i})" for i, member in enumerate(members, 1)]
        out.append(f"UNION_END({name})")
    for name, fields in tables.items():
        out.append(f"TABLE_BEGIN({name})")
        slot = 0
        for field, kind, default, attributes in fields:
            rows = []
            if kind in unions:
                rows, width = [f"UNION_FIELD({name}, {field}, {kind}, {slot})"], 2
            else:
                width, inner = 1, kind.strip("[]")
                scalar = SCALARS.get(inner) or enums.get(inner)
                if kind.startswith("["):
                    align = re.search(r"force_align:\s*(\d+)", attributes or "")
                    if scalar:
                        rows = [f"VECTOR({name}, {field}, {scalar}, {slot}, {align.group(1) if align else 0})"]
                    else:
                        rows = [f"STRINGS({name}, {field}, {slot})" if inner == "string" else f"TABLES({name}, {field}, {inner}, {slot})"]
                elif scalar:
                    value = values.get(inner, {}).get(default, default) if default else 0
                    value = {"true": 1, "false": 0}.get(value, value)
                    rows = [f"SCALAR({name}, {field}, {scalar}, {slot}, {value}, {inner if inner in enums else '-'})".replace(", -)", ", none)")]
                else:
                    rows = [f"STRING({name}, {field}, {slot})" if inner == "string" else f"TABLE({name}, {field}, {inner}, {slot})"]
            slot += width
            if "deprecated" not in (attributes or ""):
                out += rows
        if not fields:
            out.append(f"EMPTY({name})")
        out.append(f"TABLE_END({name})")
    print("\n".join(out))


main()
