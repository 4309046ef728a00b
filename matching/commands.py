"""What the command line does: files in, shortlists or measures out. Progress goes to stderr."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matching import vector_cache
from matching.bundled_model import ensure_bundled_model
from matching.encoder import load_encoder
from matching.engine import build
from matching.evaluation import evaluate, evaluate_languages
from matching.evidence import Evidence
from matching.fingerprint import BUNDLED, model_fingerprint
from matching.policy_file import read_policy
from matching.profile import Cohort, texts
from matching.ranking import statements_of
from matching.result import Result
from matching.rings import exchange_rings
from matching.tables import InputError, read_history, read_pairs, read_profiles, read_twins

HEADER = ["a", "b", "strength", "confidence", "a_needs", "b_offers", "b_needs", "a_offers", "missing"]


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def encoded(every: Iterable[str], home: Path, cache: Path | None) -> dict[str, vector_cache.Rows]:
    """Vectors of the bundled model; what the cache holds is not encoded again."""
    ensure_bundled_model(home)
    return vector_cache.vectors(
        every,
        model_fingerprint(BUNDLED, home) or "",
        lambda: load_encoder(BUNDLED, home),
        cache,
        lambda done, total: say(f"encoding: {done} of {total} texts") if total else None,
    )


def run(profiles: Path, output: Path, options: Any) -> tuple[Result, tuple[tuple[str, ...], ...]]:
    """`run`: shortlists for everyone in the file, written as pairs; and the exchange rings."""
    table = read_profiles(profiles)
    history = read_history(options.history)
    policy, weights = read_policy(options.policy)
    vectors = encoded((t for p in table.profiles for t in texts(p)), options.home, options.cache)
    say(f"matching {len(table.profiles)} profiles")
    cohort = Cohort(table.profiles, history=history)
    found = build(cohort, vectors, policy, weights, options.seed)
    rings = exchange_rings(cohort, vectors, policy, weights)
    try:
        write_matches(found, output)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror or 'cannot be written'}") from error
    return found, rings


def write_matches(found: Result, output: Path) -> None:
    """One row per pair, a < b, strongest first, with the quoted statements of both directions."""
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for match in sorted(found.matches, key=lambda m: (-m.strength, m.a, m.b)):
            quoted = [*quoted_of(match.a_to_b), *quoted_of(match.b_to_a)]
            writer.writerow([match.a, match.b, match.strength, match.confidence, *quoted, " ".join(match.missing)])


def quoted_of(evidence: Evidence | None) -> tuple[str, str]:
    """Need and offer of a direction, empty where nothing can be quoted."""
    return (evidence.need, evidence.offer) if evidence else ("", "")


def measure_partners(options: Any) -> dict[str, object]:
    """`evaluate`: rankers side by side on known partnerships."""
    table = read_profiles(options.profiles)
    pairs = read_pairs(options.pairs, (p.id for p in table.profiles))
    history = read_history(options.history)
    vectors = encoded((t for p in table.profiles for t in statements_of(p)), options.home, options.cache)
    say(f"ranking {len(table.profiles)} profiles for {len(pairs)} queries")
    return evaluate(table, pairs, history, vectors, options.other, options.seed)


def measure_languages(options: Any) -> dict[str, object]:
    """`evaluate-languages`: how often a text's English twin is the nearest English text."""
    rows = read_twins(options.file)
    vectors = encoded((row[column] for row in rows for column in ("text", "english")), options.home, options.cache)
    return evaluate_languages(rows, vectors)
