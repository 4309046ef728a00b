"""Command line, `python -m matching`: run, fit, evaluate, evaluate-languages, background and bench, with `--json`."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from matching import commands
from matching.bench import bench
from matching.bundled_model import ModelError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 1 with one line on stderr if not."""
    chosen = parser().parse_args(arguments)
    try:
        with solver_silenced():
            printed = answer(chosen)
        print(printed)
    except (ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def solver_silenced() -> Iterator[None]:
    """HiGHS now and then prints a line past its options, from C to the real stdout: it must not get into JSON."""
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(real, 1)
        os.close(real)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    whole = argparse.ArgumentParser(prog="python -m matching", description="The matching engine on its own.")
    commands_ = whole.add_subparsers(dest="command", required=True)
    running = commands_.add_parser("run", help="shortlists for the profiles of a CSV file")
    running.add_argument("profiles", type=Path)
    running.add_argument("-o", "--output", type=Path, required=True, help="the CSV file of pairs to write")
    running.add_argument("--policy", type=Path, help="TOML: settings of the policy, and [weights]")
    fitting = commands_.add_parser("fit", help="learn weights from known partnerships or from SMEs' answers")
    labels = fitting.add_mutually_exclusive_group(required=True)
    labels.add_argument("--pairs", type=Path, help="CSV with columns query, partner: weights for `evaluate --weights`")
    labels.add_argument("--answers", type=Path, help="CSV with columns sme, partner, answer: for `run --policy`")
    fitting.add_argument("-o", "--output", type=Path, required=True, help="the TOML file of weights to write")
    fitting.add_argument("--policy", type=Path, help="with --answers: TOML to start from, kept in what is written")
    fitting.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date(), help="default: today")
    partners = commands_.add_parser("evaluate", help="rankers side by side on partnerships that came about")
    partners.add_argument("--pairs", type=Path, required=True)
    partners.add_argument("--weights", type=Path, help="TOML written by fit --pairs: shown as the ranker 'fitted'")
    for one in (fitting, partners):
        one.add_argument("--profiles", type=Path, required=True)
        one.add_argument("--other", choices=("country", "city", "sector"), help="candidates must differ in it")
    for one in (running, fitting, partners):
        one.add_argument("--history", type=Path, help="CSV with columns a, b: who already worked with whom")
        one.add_argument("--seed", type=int, default=1, help="decides between equals (default 1)")
    twins = commands_.add_parser("evaluate-languages", help="how often a text's English twin is found")
    twins.add_argument("file", type=Path)
    reference = commands_.add_parser("background", help="measure the bundled model on reference texts")
    reference.add_argument("file", type=Path, metavar="texts", help="CSV with columns lang, text")
    reference.add_argument("-o", "--output", type=Path, required=True, help="the npz file to write")
    for one in (running, fitting, partners, twins, reference):
        one.add_argument("--cache", type=Path, help="keep vectors in this folder between runs")
    timing = commands_.add_parser("bench", help="times of the engine and the encoder beside their floors")
    for one in (running, fitting, partners, twins, reference, timing):
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.add_argument(
            "--home", type=Path, default=Path(os.environ.get("BROKER_HOME", "var")), help="where models are"
        )
    return whole


def answer(chosen: argparse.Namespace) -> str:
    """What the chosen command prints."""
    if chosen.command == "run":
        found = commands.run(chosen.profiles, chosen.output, chosen)
        return (
            found.to_json().decode()
            if chosen.json
            else f"{len(found.matches)} pairs for {len(found.lists)} SMEs, {len(found.short)} left short, "
            f"{len(found.rings)} exchange rings; written to {chosen.output}"
        )
    if chosen.command == "fit":
        fitted = commands.fit(chosen)
        if not chosen.json:
            return f"{fitted.verdict}; written to {chosen.output}"
        commands.say(fitted.verdict)
        return json.dumps({"weights": fitted.weights} | fitted.record())
    if chosen.command == "evaluate":
        found_measures = commands.measure_partners(chosen)
    elif chosen.command == "evaluate-languages":
        found_measures = commands.measure_languages(chosen)
    elif chosen.command == "background":
        found_measures = commands.measure_background(chosen)
    else:
        found_measures = bench(chosen.home, lambda stage: print(f"bench: {stage} …", file=sys.stderr))
    return json.dumps(found_measures) if chosen.json else json.dumps(found_measures, indent=2)


if __name__ == "__main__":
    sys.exit(main())
