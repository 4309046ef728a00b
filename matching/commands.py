"""What the command line does: files in, shortlists or measures out. Progress goes to stderr."""

import csv
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from matching import background, vector_cache
from matching.background import Background
from matching.bundled_model import ensure_bundled_model
from matching.combination import Weights
from matching.encoder import load_encoder
from matching.engine import build
from matching.evaluation import evaluate, evaluate_languages
from matching.evidence import Evidence
from matching.fingerprint import BUNDLED, model_fingerprint, model_identity
from matching.profile import Cohort, Policy, texts
from matching.ranking import statements_of
from matching.result import Result
from matching.rings import exchange_rings
from matching.tables import InputError, read_history, read_pairs, read_profiles, read_texts, read_twins

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


def shipped(home: Path) -> Background | None:
    """The background of the bundled model."""
    return background.load(model_identity(BUNDLED, home) or "")


def run(profiles: Path, output: Path, options: Any) -> tuple[Result, tuple[tuple[str, ...], ...]]:
    """`run`: shortlists for everyone in the file, written as pairs; and the exchange rings."""
    table = read_profiles(profiles)
    history = read_history(options.history)
    policy, weights = read_policy(options.policy)
    vectors = encoded((t for p in table.profiles for t in texts(p)), options.home, options.cache)
    say(f"matching {len(table.profiles)} profiles")
    cohort = Cohort(table.profiles, history=history)
    scales = shipped(options.home)
    found = build(cohort, vectors, policy, weights, options.seed, background=scales)
    rings = exchange_rings(cohort, vectors, policy, weights, scales)
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


def read_policy(path: Path | None) -> tuple[Policy, Weights]:
    """Policy and, in the table [weights], what each criterion counts; defaults for whatever is not named."""
    if path is None:
        return Policy(), Weights()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no TOML ({error})") from error
    weights = content.pop("weights", {})
    return settings(path, Policy, content), settings(path, Weights, weights)


def settings(path: Path, kind: Any, content: Any) -> Any:
    """A dataclass from a TOML table; InputError for a name or a type that does not fit."""
    if not isinstance(content, dict):
        raise InputError(f"{path}: weights must be a table")
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    for name, value in content.items():
        if name not in types:
            raise InputError(f"{path}: unknown setting '{name}'; expected one of {', '.join(types)}")
        if type(value) is not types[name] and not (types[name] is float and type(value) is int):
            raise InputError(f"{path}: {name} must be of type {types[name].__name__}, not {value!r}")
    try:
        chosen = kind(**content)
        if isinstance(chosen, Weights):
            chosen.shares()
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    return chosen


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
    return evaluate_languages(rows, vectors, shipped(options.home))


def measure_background(options: Any) -> dict[str, object]:
    """`background`: measure the bundled model's on reference texts and write it; what was found, without the arrays."""
    rows = read_texts(options.file)
    vectors = encoded((row["text"] for row in rows), options.home, options.cache)
    found = background.measure(
        [row["text"] for row in rows],
        [row["lang"] for row in rows],
        [vectors[row["text"]] for row in rows],
        model_identity(BUNDLED, options.home) or "",
    )
    try:
        background.write(found, options.output)
    except OSError as error:
        raise InputError(f"{options.output}: {error.strerror or 'cannot be written'}") from error
    measured = {name: getattr(found, name) for name in ("model", "within", "across", "alike")}
    return measured | {"texts": len(rows), "digest": background.digest(found)}
