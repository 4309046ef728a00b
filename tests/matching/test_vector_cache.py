from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from matching.encoder import Encoder, Progress, Vectors
from matching.vector_cache import place, vectors

from .conftest import embed


class Counting:
    """A bag of words that notes what it is asked."""

    fingerprint = "bag/1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.asked += texts
        return np.stack([embed(text) for text in texts])


def silent(done: int, total: int) -> None:
    assert done <= total


def test_a_text_is_encoded_once(tmp_path: Path) -> None:
    encoder = Counting()
    first = vectors(["a b", "c", "c"], "bag/1", lambda: encoder, tmp_path, silent)
    again = vectors(["c", "d"], "bag/1", lambda: encoder, tmp_path, silent)
    assert encoder.asked == ["c", "a b", "d"]
    assert np.array_equal(first["c"], again["c"])
    assert np.array_equal(first["a b"], embed("a b"))


def test_the_model_is_not_loaded_when_nothing_is_missing(tmp_path: Path) -> None:
    def forbidden() -> Encoder:
        raise AssertionError

    vectors(["a"], "bag/1", Counting, tmp_path, silent)
    assert list(vectors(["a"], "bag/1", forbidden, tmp_path, silent)) == ["a"]


def test_another_model_keeps_its_own_file_and_nothing_is_left_behind(tmp_path: Path) -> None:
    for fingerprint in ("bag/1", "bag/2"):
        vectors(["a"], fingerprint, Counting, tmp_path, silent)
    assert sorted(tmp_path.iterdir()) == sorted([place(tmp_path, "bag/1"), place(tmp_path, "bag/2")])


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    place(tmp_path, "bag/1").write_bytes(b"no vectors")
    with pytest.raises(ValueError, match="not a file of vectors"):
        vectors(["a"], "bag/1", Counting, tmp_path, silent)
