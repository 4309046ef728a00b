"""Vectors kept between runs: one file per model fingerprint, one row per text hash. Encoding is nearly all the time."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.encoder import Encoder

Rows = NDArray[np.float32]
Progress = Callable[[int, int], None]
CHUNK = 500  # texts encoded between two writes: a run that is cut off loses no more than these


def vectors(
    texts: Iterable[str], fingerprint: str, load: Callable[[], Encoder], folder: Path | None, tell: Progress
) -> dict[str, Rows]:
    """A unit row for every text, from `folder` as far as it holds them; the model is loaded only if one is missing.

    Progress counts the missing texts.
    """
    every = sorted(set(texts))
    kept = read(folder, fingerprint) if folder else {}
    missing = sorted((text for text in every if key(text) not in kept), key=lambda text: (len(text), text))
    encoder = load() if missing else None
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        assert encoder is not None  # noqa: S101 - for the type checker
        tell(start, len(missing))
        kept |= {key(text): row for text, row in zip(chunk, encoder.encode(chunk), strict=True)}
        if folder:
            write(folder, fingerprint, kept)
    tell(len(missing), len(missing))
    return {text: kept[key(text)] for text in every}


def key(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def place(folder: Path, fingerprint: str) -> Path:
    """The file for a fingerprint, which may itself hold slashes."""
    return folder / f"vectors-{hashlib.blake2b(fingerprint.encode(), digest_size=8).hexdigest()}.npz"


def read(folder: Path, fingerprint: str) -> dict[bytes, Rows]:
    """Rows by key; nothing where there is no file yet. ValueError if the file is another's or damaged."""
    path = place(folder, fingerprint)
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as found:
            named, keys, rows = str(found["fingerprint"]), found["keys"], found["rows"]
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not a file of vectors ({type(error).__name__}); remove it") from error
    if named != fingerprint:
        raise ValueError(f"{path}: vectors of {named}, not of {fingerprint}; remove it")
    return {bytes(one): row for one, row in zip(keys, rows, strict=True)}


def write(folder: Path, fingerprint: str, kept: dict[bytes, Rows]) -> None:
    """Write beside the old file and rename, so that a reader sees the old or the new, never half of one."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(kept), dtype=np.uint8).reshape(len(kept), 16)
    handle, scratch = tempfile.mkstemp(prefix=".vectors-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, fingerprint=np.array(fingerprint), keys=keys, rows=np.stack(list(kept.values())))
        Path(scratch).chmod(0o644)
        Path(scratch).replace(place(folder, fingerprint))
    finally:
        Path(scratch).unlink(missing_ok=True)
