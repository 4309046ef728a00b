"""What unrelated texts look like to a model: the fixed scale on which a need and an offer are compared.

Measured once on reference texts (data/background.csv) and shipped for the bundled model, so that the fit of a need to
an offer depends on these two statements alone. For another model it is measured on the cohort's own texts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching import grams
from matching.grams import GRID
from matching.hubness import References, both_sides, references
from matching.sentences import sentences

Array = NDArray[np.float64]
Scale = tuple[float, float]  # middle and spread of cosines

SHIPPED = "background.npz"
FEW, FEW_OF_LANGUAGE = 12.0, 30.0  # texts that count as much as what is assumed without them
FEW_PAIRS, UNRELATED_SPREAD = 200.0, 0.085  # the same for cosines, and the spread assumed without them
ENOUGH = 2500  # texts whose cosines are measured; of more a fixed sample


@dataclass(frozen=True, slots=True)
class Background:
    """Means, scales and weights that every comparison of two texts uses."""

    model: str  # fingerprint.model_identity; '' where measured from a cohort
    languages: tuple[str, ...]  # '' first: all texts, and any language that is not here
    means: NDArray[np.float32]  # (languages, d) of unit vectors
    references: References  # (r, d) texts that tell how near a text is to everything; none of a cohort
    within: Scale  # cosines of unrelated statements in one language, corrected for hubs
    across: Scale  # … and in two
    alike: tuple[float, float]  # middle cosine of unrelated descriptions, within a language and across
    rarity: NDArray[np.float32]  # (grams.BUCKETS,) inverse document frequency of hashed character n-grams


def measure(
    texts: Sequence[str], languages: Sequence[str], vectors: Sequence[NDArray[np.float32]], model: str = ""
) -> Background:
    """The background of texts nearly all of which are unrelated; one of several sentences counts as a description.

    Few texts say little: means shrink to the mean of all and that to zero, scales to a usual middle and spread. Without
    a model's name they are a cohort's own: those that fit are among them, near to each other, and no hubs for that.
    """
    named, means = means_of(vectors, languages)
    chosen = sample(texts)
    spoken = np.array([languages[i] for i in chosen], dtype=np.str_)
    rows = without(means_for(named, means, spoken.tolist()), [vectors[i] for i in chosen])
    long = np.array([len(sentences(texts[i])) > 1 for i in chosen], dtype=bool)
    short = [texts[i] for i, several in zip(chosen, long, strict=True) if not several]
    fixed = references(rows[~long], short if model else [], spoken[~long].tolist())
    as_needs, as_offers = both_sides(rows[~long], fixed)
    assumed = float(2 * as_needs[:, -2].mean()) if len(fixed) else 0.0  # both sides lose; cosines have middle 0
    within, across = cosines_of(as_needs, as_offers, spoken[~long])
    alike_within, alike_across = cosines_of(rows[long], rows[long], spoken[long])
    return Background(
        model=model,
        languages=named,
        means=means,
        references=fixed,
        within=scale(within, assumed),
        across=scale(across, assumed),
        alike=(middle(alike_within), middle(alike_across)),
        rarity=grams.rarity(grams.counts([texts[i] for i in chosen]), spoken),
    )


def means_of(
    vectors: Sequence[NDArray[np.float32]], languages: Sequence[str]
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The languages, '' first, and (languages, d) their means, the same in any order of the texts."""
    if not vectors:
        return ("",), np.zeros((1, 0), np.float32)
    raw = np.rint(np.asarray(vectors, dtype=np.float64) * GRID)
    # The mean of fewer than some dozens of texts is those texts themselves: take out less of it then.
    common = raw.sum(axis=0) / (len(raw) + FEW)
    spoken = np.array(languages, dtype=np.str_)
    named = ("", *sorted(set(languages) - {""}))
    sums = np.array([raw[spoken == language].sum(axis=0) for language in named])
    texts = np.array([[(spoken == language).sum()] for language in named])
    means = (sums + FEW_OF_LANGUAGE * common) / (texts + FEW_OF_LANGUAGE) / GRID
    return named, means.astype(np.float32)


def means_for(named: tuple[str, ...], means: NDArray[np.float32], languages: Sequence[str]) -> Array:
    """(m, d) the mean that each text's vector loses."""
    place = {language: row for row, language in enumerate(named)}
    rows = np.array([place.get(language, 0) for language in languages], dtype=np.int64)
    return means[rows].astype(np.float64)


def centred(
    vectors: Sequence[NDArray[np.float32]], languages: Sequence[str], background: Background | None = None
) -> Array:
    """(m, d) unit rows on the grid, each without the mean of its language; without a background of their own.

    Sentence encoders put all texts in a narrow cone (raw e5 cosines of unrelated texts are about .79), and texts of one
    language in a narrower one within it. Without the means what is left tells texts apart, and statements of one
    language no longer look related for that alone (Mu & Viswanath 2018, "All-but-the-Top").
    """
    if not vectors:
        return np.zeros((0, background.means.shape[1] if background else 0))
    named, means = (background.languages, background.means) if background else means_of(vectors, languages)
    return without(means_for(named, means, languages), vectors)


def without(means: Array, vectors: Sequence[NDArray[np.float32]]) -> Array:
    """(m, d) unit rows on the grid."""
    raw = np.rint(np.asarray(vectors, dtype=np.float64).reshape(means.shape) * GRID)
    return on_grid(raw - means * GRID)


def on_grid(rows: Array) -> Array:
    """Unit rows, coordinates rounded to multiples of 1/GRID; zero rows stay zero."""
    norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.rint(rows / np.where(norms > 0, norms, 1) * GRID) / GRID


def sample(texts: Sequence[str]) -> list[int]:
    """Places of at most ENOUGH texts, the same ones in any order of the texts."""
    if len(texts) <= ENOUGH:
        return list(range(len(texts)))
    return sorted(range(len(texts)), key=lambda i: hashlib.blake2b(texts[i].encode(), digest_size=8).digest())[:ENOUGH]


def cosines_of(rows: Array, columns: Array, languages: NDArray[np.str_]) -> tuple[Array, Array]:
    """Products of all pairs of texts, rows with columns: of one language, and of two."""
    above = np.triu(np.ones((len(rows), len(rows)), dtype=bool), 1)
    same = languages[:, None] == languages[None, :]
    cosines = rows @ columns.T
    return cosines[above & same], cosines[above & ~same]


def scale(cosines: Array, assumed: float = 0.0) -> Scale:
    """Their median, and how far below it one standard deviation of a normal distribution lies; rounded.

    Below, as the pairs that are related after all (of one firm, or translations of each other) stand above. The median
    of few is drawn to what is `assumed`.
    """
    if not cosines.size:
        return round(assumed, 4), UNRELATED_SPREAD
    low, centre = np.quantile(cosines, [0.16, 0.5])
    trust = cosines.size / (cosines.size + FEW_PAIRS)
    spread = trust * (centre - low) + (1 - trust) * UNRELATED_SPREAD
    return round(float(trust * centre + (1 - trust) * assumed), 4), round(max(float(spread), 0.02), 4)


def middle(cosines: Array) -> float:
    """Their median, rounded; 0 for none."""
    return round(float(np.median(cosines)), 4) if cosines.size else 0.0


@lru_cache(maxsize=2)
def load(identity: str) -> Background | None:
    """The background shipped for this model (fingerprint.model_identity); None for any other."""
    with as_file(files("matching") / SHIPPED) as path:
        found = read(path)
    return found if found.model == identity else None


def read(path: Path) -> Background:
    """A background as `write` left it."""
    with np.load(path, allow_pickle=False) as kept:
        return Background(
            model=str(kept["model"]),
            languages=tuple(kept["languages"].tolist()),
            means=kept["means"],
            references=kept["references"],
            within=two(kept["within"]),
            across=two(kept["across"]),
            alike=two(kept["alike"]),
            rarity=kept["rarity"],
        )


def two(numbers: Array) -> tuple[float, float]:
    """An array of two as plain floats."""
    return float(numbers[0]), float(numbers[1])


def write(background: Background, path: Path) -> None:
    """One compressed npz file, about 250 kB."""
    parts: dict[str, Any] = {field.name: getattr(background, field.name) for field in fields(background)}
    parts["languages"] = np.array(background.languages, dtype=np.str_)
    with path.open("wb") as file:
        np.savez_compressed(file, **parts)


def digest(background: Background) -> str:
    """12 hexadecimal digits over all of it, to tell which background a run used."""
    parts = [getattr(background, field.name) for field in fields(background)]
    seen = b"\0".join(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in parts)
    return hashlib.sha256(seen).hexdigest()[:12]
