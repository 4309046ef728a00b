"""(stand-in until the fixed background is merged)"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.statements import Array, Statements, Texts

MIDDLE, SLOPE = 3.2, 0.7  # standard deviations above unrelated statements at which a fit is even, and its steepness
UNRELATED_SPREAD = 0.1  # what small cohorts fall back on: spread of centred e5 cosines of unrelated statements
LEXICAL_FLOOR, LEXICAL_FULL = 0.12, 0.5  # TF-IDF cosine that says nothing, and the one that says everything


@dataclass(frozen=True, slots=True)
class Background:
    within: tuple[float, float]
    across: tuple[float, float]
    words: Any


def measure(texts: Texts) -> Background:
    from sklearn.feature_extraction.text import TfidfVectorizer

    cosines = texts.needs.vectors @ texts.offers.vectors.T
    across = texts.needs.languages[:, None] != texts.offers.languages[None, :]
    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, lowercase=True)
    try:
        words.fit([*texts.needs.texts, *texts.offers.texts])
    except ValueError:
        words = None
    return Background(scale(cosines[~across]), scale(cosines[across]), words)


def scale(cosines: Array) -> tuple[float, float]:
    if not cosines.size:
        return 0.0, UNRELATED_SPREAD
    middle, high = np.quantile(cosines, [0.5, 0.84])
    trust = cosines.size / (cosines.size + 200.0)
    spread = trust * (high - middle) + (1 - trust) * UNRELATED_SPREAD
    return float(trust * middle), float(max(spread, 0.02))


def statement_fit(needs: Statements, offers: Statements, background: Background, weight: float) -> Array:
    cosines = needs.vectors @ offers.vectors.T
    across = needs.languages[:, None] != offers.languages[None, :]
    middle = np.where(across, background.across[0], background.within[0])
    spread = np.where(across, background.across[1], background.within[1])
    by_meaning = np.round(1 / (1 + np.exp((MIDDLE - (cosines - middle) / spread) / SLOPE)), 6)
    if background.words is None or not cosines.size:
        return np.asarray(by_meaning)
    lexical = (background.words.transform(needs.texts) @ background.words.transform(offers.texts).T).toarray()
    by_words = np.round(np.clip((lexical - LEXICAL_FLOOR) / (LEXICAL_FULL - LEXICAL_FLOOR), 0, 1), 6)
    return np.asarray(1 - (1 - by_meaning) * (1 - weight * by_words))
