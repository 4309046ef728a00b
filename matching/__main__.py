"""Command line: `python -m matching run | evaluate | evaluate-languages | background | bench`, all with `--json`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from matching import commands
from matching.bench import bench
from matching.bundled_model import ModelError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 1 with one line on stderr if not."""
    chosen = parser().parse_args(arguments)
    try:
        print(answer(chosen))
    except (ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    whole = argparse.ArgumentParser(prog="python -m matching", description="The matching engine on its own.")
    commands_ = whole.add_subparsers(dest="command", required=True)
    running = commands_.add_parser("run", help="shortlists for the profiles of a CSV file")
    running.add_argument("profiles", type=Path)
    running.add_argument("-o", "--output", type=Path, required=True, help="the CSV file of pairs to write")
    running.add_argument("--policy", type=Path, help="TOML: settings of the policy, and [weights]")
    partners = commands_.add_parser("evaluate", help="rankers side by side on partnerships that came about")
    partners.add_argument("--profiles", type=Path, required=True)
    partners.add_argument("--pairs", type=Path, required=True)
    partners.add_argument("--other", choices=("country", "city", "sector"), help="candidates must differ in it")
    for one in (running, partners):
        one.add_argument("--history", type=Path, help="CSV with columns a, b: who already worked with whom")
        one.add_argument("--seed", type=int, default=1, help="decides between equals (default 1)")
    twins = commands_.add_parser("evaluate-languages", help="how often a text's English twin is found")
    twins.add_argument("file", type=Path)
    reference = commands_.add_parser("background", help="measure the bundled model on reference texts")
    reference.add_argument("file", type=Path, metavar="texts", help="CSV with columns lang, text")
    reference.add_argument("-o", "--output", type=Path, required=True, help="the npz file to write")
    for one in (running, partners, twins, reference):
        one.add_argument("--cache", type=Path, help="keep vectors in this folder between runs")
    timing = commands_.add_parser("bench", help="times of the engine and the encoder beside their floors")
    for one in (running, partners, twins, reference, timing):
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.add_argument(
            "--home", type=Path, default=Path(os.environ.get("BROKER_HOME", "var")), help="where models are"
        )
    return whole


def answer(chosen: argparse.Namespace) -> str:
    """What the chosen command prints."""
    if chosen.command == "run":
        found, rings = commands.run(chosen.profiles, chosen.output, chosen)
        summary = f"{len(found.matches)} pairs for {len(found.lists)} SMEs, {len(found.short)} left short"
        whole = json.loads(found.to_json()) | {"rings": rings}
        return (
            json.dumps(whole, ensure_ascii=False)
            if chosen.json
            else f"{summary}, {len(rings)} exchange rings; written to {chosen.output}"
        )
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
