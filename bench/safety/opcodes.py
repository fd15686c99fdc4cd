"""Pickles put together opcode by opcode, so that nothing has to be imported or called to write them."""

import json
import struct
from pathlib import Path


class Ops(bytes):
    """Opcodes that push one value, as against bytes that are a value."""


def text(value):
    raw = value.encode()
    return Ops(b"\x8c" + bytes([len(raw)]) + raw if len(raw) < 256 else b"X" + struct.pack("<I", len(raw)) + raw)


def raw_bytes(value):
    return Ops(b"C" + bytes([len(value)]) + value if len(value) < 256 else b"B" + struct.pack("<I", len(value)) + value)


def push(value):
    """Opcodes that push a value of plain Python, or the opcodes themselves."""
    if isinstance(value, Ops):
        return value
    if value is None:
        return Ops(b"N")
    if isinstance(value, bool):
        return Ops(b"\x88" if value else b"\x89")
    if isinstance(value, int):
        if 0 <= value < 256:
            return Ops(b"K" + bytes([value]))
        if -(2**31) <= value < 2**31:
            return Ops(b"J" + struct.pack("<i", value))
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return Ops(b"\x8a" + bytes([len(raw)]) + raw)
    if isinstance(value, float):
        return Ops(b"G" + struct.pack(">d", value))
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return raw_bytes(value)
    if isinstance(value, tuple):
        items = b"".join(push(item) for item in value)
        return Ops(b")" if not value else items + bytes([0x84 + len(value)]) if len(value) < 4 else b"(" + items + b"t")
    if isinstance(value, list):
        return Ops(b"](" + b"".join(push(item) for item in value) + b"e")
    if isinstance(value, dict):
        return Ops(b"}(" + b"".join(push(key) + push(item) for key, item in value.items()) + b"u")
    raise TypeError(value)


def name(module, attribute):
    """STACK_GLOBAL, as protocol 4 and later write it."""
    return Ops(text(module) + text(attribute) + b"\x93")


def old_name(module, attribute):
    """GLOBAL, as protocols up to 3 write it."""
    return Ops(f"c{module}\n{attribute}\n".encode())


def call(function, *arguments):
    return Ops(push(function) + push(arguments) + b"R")


def build(value, state):
    return Ops(push(value) + push(state) + b"b")


def pickled(value, protocol=4):
    return b"\x80" + bytes([protocol]) + push(value) + b"."


class Files:
    """Writes files and the index that says what each is."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lines = []

    def add(self, file, data, **about):
        if any(line["name"] == file for line in self.lines):
            raise ValueError(f"{file} is there twice")
        if data is not None:
            (self.folder / file).write_bytes(data)
        if not (self.folder / file).is_file():
            raise FileNotFoundError(file)
        self.lines.append({"name": file, **about})

    def close(self):
        with open(self.folder / "index.jsonl", "w") as out:
            for line in self.lines:
                print(json.dumps(line, sort_keys=True), file=out)
