"""Command line of the engine: `python -m matching bench [--json] [--home DIR]`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from matching.bench import bench
from matching.bundled_model import ModelError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it worked, 1 with one line on stderr if not."""
    parser = argparse.ArgumentParser(prog="python -m matching", description="The matching engine on its own.")
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("bench", help="times of the engine and the encoder beside their floors")
    timing.add_argument("--json", action="store_true", help="print one JSON object")
    timing.add_argument(
        "--home", type=Path, default=Path(os.environ.get("BROKER_HOME", "var")), help="where models are"
    )
    chosen = parser.parse_args(arguments)
    try:
        found = bench(chosen.home, lambda stage: print(f"bench: {stage} …", file=sys.stderr))
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found) if chosen.json else json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
