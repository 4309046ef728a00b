"""Made-up profiles and vectors, and the one real model, exported once per session."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from matching import Cohort, Profile, texts
from matching.bundled_model import ensure_bundled_model

DIMENSIONS = 64


def word_vector(word: str) -> NDArray[np.float64]:
    """The same direction for the same word, on every machine and in every process."""
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(DIMENSIONS)


def embed(text: str) -> NDArray[np.float32]:
    """Texts that share words are near each other; a bag of words stands in for a model."""
    total = word_vector("<bias>") + sum((word_vector(w) for w in text.lower().split()), np.zeros(DIMENSIONS))
    return (total / np.linalg.norm(total)).astype(np.float32)


def vectors_of(people: Iterable[Profile]) -> dict[str, NDArray[np.float32]]:
    return {text: embed(text) for profile in people for text in texts(profile)}


def profile(id: str, **given: object) -> Profile:  # noqa: A002 - the field's own name
    """A complete profile of its own; what a test is about it gives itself."""
    fields: dict[str, object] = {
        "id": id,
        "name": f"Firm {id}",
        "city": f"city {id}",
        "country": "DE",
        "sector": f"sector {id}",
        "group": "creative",
        "description": f"Firm {id} makes something that nobody else makes.",
        "offers": (f"offer of {id}",),
        "needs": (f"need of {id}",),
        "languages": frozenset({"en"}),
        "markets": frozenset({"SE"}),
        "readiness": 3,
    }
    return Profile(**(fields | given))  # type: ignore[arg-type]


THEMES = ("solar roof", "museum tour", "linen coat", "tram bell", "seaweed book", "clinic sign")


def cohort_of(n: int, **given: object) -> Cohort:
    """n profiles in 4 cities, 5 sectors and both groups, whose needs and offers meet here and there."""
    people = tuple(
        profile(
            f"{i:03d}",
            city=f"city {i % 4}",
            sector=f"sector {i % 5}",
            group=("creative", "growth")[i % 2],
            offers=(f"{THEMES[i % 6]} by hand", f"{THEMES[(i + 1) % 6]} on demand"),
            needs=(f"somebody with a {THEMES[(i * 5 + 3) % 6]}",),
            **given,
        )
        for i in range(n)
    )
    return Cohort(people)


@pytest.fixture(scope="session")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the bundled model in it, written by the real exporter, and gone afterwards (470 MB)."""
    home = tmp_path_factory.mktemp("home")
    ensure_bundled_model(home)
    yield home
    shutil.rmtree(home)


@pytest.fixture
def ticks() -> tuple[list[tuple[int, int]], Callable[[int, int], None]]:
    """A list, and a progress function that fills it."""
    seen: list[tuple[int, int]] = []
    return seen, lambda done, total: seen.append((done, total))
