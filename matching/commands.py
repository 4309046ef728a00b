"""What the command line does: files in, shortlists or measures out. Progress goes to stderr."""

import csv
import hashlib
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matching import background, vector_cache, weights_file
from matching.background import Background
from matching.bundled_model import ensure_bundled_model
from matching.combination import Weights
from matching.encoder import load_encoder
from matching.engine import build
from matching.evaluation import evaluate, evaluate_languages, task_of
from matching.evidence import Evidence
from matching.fingerprint import BUNDLED, model_fingerprint, model_identity
from matching.fitting import Fitted, fit_answers, fit_partners, require_answers, require_enough
from matching.policy_file import read_policy, settings, toml_of
from matching.profile import Cohort, Pair, Policy, texts
from matching.ranking import RankingWeights, statements_of
from matching.result import Result
from matching.tables import (
    InputError,
    Table,
    read_answers,
    read_history,
    read_pairs,
    read_profiles,
    read_texts,
    read_twins,
)

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


def run(profiles: Path, output: Path, options: Any) -> Result:
    """`run`: shortlists for everyone in the file, written as pairs."""
    table = read_profiles(profiles)
    history = read_history(options.history)
    policy, weights = read_policy(options.policy)
    vectors = encoded((t for p in table.profiles for t in texts(p)), options.home, options.cache)
    say(f"matching {len(table.profiles)} profiles")
    cohort = Cohort(table.profiles, history=history)
    found = build(cohort, vectors, policy, weights, options.seed, background=shipped(options.home))
    try:
        write_matches(found, output)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror or 'cannot be written'}") from error
    return found


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


def read_ranking(path: Path) -> RankingWeights:
    """The table [ranking] of a file that `fit --pairs` wrote."""
    content = toml_of(path)
    if "ranking" not in content:
        raise InputError(f"{path}: no table [ranking]; expected a file written by fit --pairs")
    chosen: RankingWeights = settings(path, RankingWeights, content["ranking"])
    if min(asdict(chosen).values()) < 0 or sum(asdict(chosen).values()) <= 0:
        raise InputError(f"{path}: weights must not be negative, and not all of them zero")
    return chosen


def measure_partners(options: Any) -> dict[str, object]:
    """`evaluate`: rankers side by side on known partnerships."""
    table = read_profiles(options.profiles)
    pairs = read_pairs(options.pairs, (p.id for p in table.profiles))
    history = read_history(options.history)
    vectors = encoded((t for p in table.profiles for t in statements_of(p)), options.home, options.cache)
    say(f"ranking {len(table.profiles)} profiles for {len(pairs)} queries")
    fitted = read_ranking(options.weights) if options.weights else None
    return evaluate(table, pairs, history, vectors, options.other, options.seed, fitted)


def fit(options: Any) -> Fitted:
    """`fit`: weights from known partnerships or from answers, written with the record of how they were learned."""
    if (options.pairs and options.policy) or (options.answers and options.other):
        raise InputError("--policy goes with --answers, --other with --pairs")
    table = read_profiles(options.profiles)
    history = read_history(options.history)
    if options.pairs:
        found = fit_to_pairs(table, history, options)
        content, use = {"ranking": found.weights}, "evaluate --weights"
    else:
        policy, weights = read_policy(options.policy)
        found = fit_to_answers(table, history, policy, weights, options)
        changed = {name: value for name, value in asdict(policy).items() if value != getattr(Policy(), name)}
        content, use = {**changed, "weights": asdict(weights) | found.weights}, "run --policy"
    record = {"date": options.date, "data": data_of(options), **found.record()}
    weights_file.write(options.output, use, {**content, "learned": record})
    return found


def fit_to_pairs(table: Table, history: frozenset[Pair], options: Any) -> Fitted:
    """RankingWeights from the pairs file."""
    pairs = read_pairs(options.pairs, (p.id for p in table.profiles))
    require_enough(sum(map(len, pairs.values())), len(pairs))  # before anything is encoded
    vectors = encoded((t for p in table.profiles for t in statements_of(p)), options.home, options.cache)
    say(f"learning from the partners of {len(pairs)} queries")
    return fit_partners(task_of(table, pairs, history, vectors, options.other, options.seed), RankingWeights())


def fit_to_answers(table: Table, history: frozenset[Pair], policy: Policy, weights: Weights, options: Any) -> Fitted:
    """The symmetric criteria's weights from the answers file."""
    answers = read_answers(options.answers, (p.id for p in table.profiles))
    require_answers(answers)
    vectors = encoded((t for p in table.profiles for t in texts(p)), options.home, options.cache)
    say(f"learning from {len(answers)} answers")
    scales = shipped(options.home)
    return fit_answers(table.profiles, answers, vectors, policy, weights, history, options.seed, scales)


def data_of(options: Any) -> dict[str, str]:
    """What weights were learned from: the files' names by role, one hash of all their bytes, and --other."""
    digest = hashlib.blake2b(digest_size=16)
    data = {}
    for role in ("profiles", "pairs", "answers", "history", "policy"):
        path: Path | None = getattr(options, role)
        if path:
            content = path.read_bytes()
            digest.update(f"{role}\0{len(content)}\0".encode() + content)
            data[role] = path.name
    return data | {"hash": digest.hexdigest()} | ({"other": options.other} if options.other else {})


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
