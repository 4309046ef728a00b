"""Needs and offers of a cohort as rows of vectors and of words, on a grid on which their products are exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching import grams
from matching.background import Background, centred, measure
from matching.hubness import both_sides
from matching.language import language_of
from matching.profile import Profile, sentences, texts

Array = NDArray[np.float64]
Vectors = Mapping[str, NDArray[np.float32]]

Said = tuple[str, str]  # a text and its language: the same text may stand in profiles of two languages


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of n SMEs, one after the other; those of SME i are rows bounds[i] to bounds[i + 1]."""

    texts: tuple[str, ...]
    languages: NDArray[np.str_]  # (m,) ISO 639-1 or ''
    vectors: Array  # (m, d + 2), see hubness.both_sides: products of needs and offers are corrected cosines
    words: Any  # (m, grams.BUCKETS) csr, unit rows on the grid: TF-IDF of character n-grams
    bounds: NDArray[np.int64]  # (n + 1,)
    stated: NDArray[np.bool_]  # (n,) false where sentences of the description stand in, or nothing does

    def counts(self) -> NDArray[np.int64]:
        """(n,) how many statements each SME has."""
        return np.diff(self.bounds)

    def of(self, places: Sequence[int] | NDArray[np.int64]) -> "Statements":
        """The statements of some SMEs, in the order given; the same one may be named twice."""
        chosen = np.asarray(places, dtype=np.int64)
        counts = self.counts()[chosen]
        bounds = np.concatenate([[0], np.cumsum(counts)])
        rows = np.repeat(self.bounds[chosen] - bounds[:-1], counts) + np.arange(bounds[-1])
        return Statements(
            texts=tuple(self.texts[row] for row in rows),
            languages=self.languages[rows],
            vectors=self.vectors[rows],
            words=self.words[rows],
            bounds=bounds,
            stated=self.stated[chosen],
        )


@dataclass(frozen=True, slots=True)
class Texts:
    """All vectors of a cohort that the criteria use, without their language's mean."""

    needs: Statements
    offers: Statements
    descriptions: Array  # (n, d), a zero row where there is none
    languages: NDArray[np.str_]  # (n,) of the descriptions
    background: Background


def gather(people: Sequence[Profile], vectors: Vectors, background: Background | None = None) -> Texts:
    """Look up, centre and lay out every text; ValueError names an SME whose text has no vector.

    A text's rows depend on it, its own profile and the background; without one, it is measured on all these texts.
    """
    require_vectors(people, vectors)
    languages = [languages_of(p) for p in people]
    background = background or of_cohort(languages, vectors)
    distinct = sorted({said for spoken in languages for said in spoken.items()})
    rows = centred([vectors[text] for text, _ in distinct], [language for _, language in distinct], background)
    row_of = dict(zip(distinct, rows, strict=True))
    as_needs, as_offers = (dict(zip(distinct, side, strict=True)) for side in both_sides(rows, background.references))
    offered = [stated(p.offers) or stated(sentences(p.description)) for p in people]

    def laid_out(groups: list[tuple[str, ...]], own: list[bool], side: Mapping[Said, Array]) -> Statements:
        said = [[(text, spoken[text]) for text in group] for group, spoken in zip(groups, languages, strict=True)]
        return lay_out(said, own, side, background)

    described = [(p.description, spoken.get(p.description, "")) for p, spoken in zip(people, languages, strict=True)]
    width = background.means.shape[1]
    return Texts(
        needs=laid_out([stated(p.needs) for p in people], [True] * len(people), as_needs),
        offers=laid_out(offered, [bool(stated(p.offers)) for p in people], as_offers),
        descriptions=stack([row_of.get(said, np.zeros(width)) for said in described], width),
        languages=np.array([language for _, language in described], dtype=np.str_),
        background=background,
    )


def of_cohort(languages: Sequence[Mapping[str, str]], vectors: Vectors) -> Background:
    """The background of the cohort's own texts, for a model that none is shipped for: it changes with the cohort."""
    distinct = sorted({said for spoken in languages for said in spoken.items()})
    return measure(
        [text for text, _ in distinct], [language for _, language in distinct], [vectors[text] for text, _ in distinct]
    )


def require_vectors(people: Sequence[Profile], vectors: Vectors) -> None:
    """Every text of every profile must have its vector: a gap here is the caller's error, not missing data."""
    for profile in people:
        for text in texts(profile):
            if text not in vectors:
                raise ValueError(f"SME {profile.id}: no vector for the text {text[:60]!r}")


def stated(parts: Sequence[str]) -> tuple[str, ...]:
    """The statements that say something."""
    return tuple(part for part in parts if part.strip())


def lay_out(
    groups: list[list[Said]], own: list[bool], row_of: Mapping[Said, Array], background: Background
) -> Statements:
    """Put the groups' texts one after the other with their vectors and words."""
    flat = [said for group in groups for said in group]
    texts_ = tuple(text for text, _ in flat)
    return Statements(
        texts=texts_,
        languages=np.array([language for _, language in flat], dtype=np.str_),
        vectors=stack([row_of[said] for said in flat], background.means.shape[1] + 2),
        words=grams.weighted(grams.counts(texts_), background.rarity),
        bounds=np.array([0, *accumulate(len(group) for group in groups)], dtype=np.int64),
        stated=np.array([bool(group) and mine for group, mine in zip(groups, own, strict=True)], dtype=bool),
    )


def stack(rows: Sequence[Array], width: int) -> Array:
    """(m, width), also for no rows."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def languages_of(profile: Profile) -> dict[str, str]:
    """The language of every text; one too short to tell takes that of the profile's texts together."""
    every = texts(profile)
    usual = language_of(every)
    return {text: language_of([text]) or usual for text in every}
