"""Command line, `python -m broker.bench`: what each page costs over a city of 2,000 SMEs, beside an empty page."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fastapi import FastAPI

from broker.bench.browser import Answer, Browser
from broker.bench.rows import BROKER, ORGANISER, PASSWORD, Made, Size, make
from broker.bench.weight import Weight, weigh
from broker.config import Settings
from broker.db import Database
from broker.domain import places
from broker.web.app import create_app

EMPTY = "empty page"
SECRET = "bench: signs nothing that lasts"  # noqa: S105 - of a home that is deleted at the end


@dataclass(frozen=True, slots=True)
class Cost:
    """What one page took; times in milliseconds. CPU is that of this process, so that other load hardly shows."""

    page: str
    statements: int
    cpu_p50: float
    cpu_p95: float
    wall_p50: float
    wall_p95: float
    ratio: float
    """CPU of half the rounds beside that of the empty page."""
    weight: Weight


def addresses(made: Made) -> dict[str, dict[str, str]]:
    """{who asks: {page: address}}."""
    sme, event = f"/smes/{made.sme_id}", f"/events/{made.event_id}"
    return {
        "stranger": {EMPTY: "/no-such-page", "front page": "/"},
        "broker": {
            "SME list": "/smes",
            "SME list, words": "/smes?q=holz+sensor",
            "SME list, filters": "/smes?sector=games&status=published&language=en&readiness=3&sort=changed",
            "SME list, to do": "/smes?todo=expires&page=2",
            "today": "/city",
            "introductions": "/introductions",
            "SME": sme,
            "SME, a section": f"{sme}/edit/offers",
            "reviews": "/reviews",
            "review": f"/reviews/{made.review_id}",
            "import": "/import",
        },
        "organiser": {
            "events": "/events",
            "event": event,
            "event, picture": f"{event}/picture",
            "registrations": f"{event}/registrations",
            "invitations": f"{event}/invitations",
            "shortlists": f"{event}/shortlists",
            "shortlists, approved": f"{event}/shortlists?status=approved",
            "shortlist": f"{event}/shortlists/{made.sme_id}",
            "match list": f"{event}/matches",
            "match list, filters": f"{event}/matches?q=a&city=berlin&min=50&sort=city",
            "diff": f"{event}/diff",
            "pairs": f"{event}/pairs",
            "unanswered": f"{event}/unanswered",
            "mailings": f"{event}/mailings",
            "mail": f"{event}/mail",
        },
        "SME": {"SME's shortlist": made.link, "SME's profile": f"{made.link}/profile"},
        "program": {"API, 50 SMEs": "/api/v1/smes?limit=50"},
    }


async def measure(settings: Settings, made: Made, rounds: int) -> AsyncIterator[Cost]:
    """The cost of every page, the empty one first. Each is asked for once before it is measured."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):  # as the server does it
        async for cost in _measure(app, made, rounds):
            yield cost
    app.state.database.dispose()


async def _measure(app: FastAPI, made: Made, rounds: int) -> AsyncIterator[Cost]:
    browsers = {name: Browser(app) for name in ("stranger", "broker", "organiser", "SME")}
    browsers["program"] = Browser(app, made.token)
    await browsers["broker"].sign_in(BROKER, PASSWORD)
    await browsers["organiser"].sign_in(ORGANISER, PASSWORD)
    floor = 0.0
    for who, pages in addresses(made).items():
        for name, address in pages.items():
            answers = [await browsers[who].ask(address) for _ in range(rounds + 1)]
            wanted = 404 if name == EMPTY else 200
            if answers[0].status != wanted:
                raise RuntimeError(f"{name}: {address} answered {answers[0].status}")
            cost = _cost(name, answers[1:], floor)
            floor = floor or cost.cpu_p50
            yield cost


def _cost(name: str, answers: Sequence[Answer], floor: float) -> Cost:
    cpu, wall = sorted(answer.cpu * 1000 for answer in answers), sorted(answer.wall * 1000 for answer in answers)
    half, most = len(answers) // 2, max(0, -(-len(answers) * 95 // 100) - 1)
    return Cost(
        page=name,
        statements=max(answer.statements for answer in answers),
        cpu_p50=round(cpu[half], 1),
        cpu_p95=round(cpu[most], 1),
        wall_p50=round(wall[half], 1),
        wall_p95=round(wall[most], 1),
        ratio=round(cpu[half] / (floor or cpu[half]), 1),
        weight=weigh(answers[-1].body),
    )


async def bench(home: Path, size: Size, rounds: int) -> list[Cost]:
    """Make the rows in `home` and measure all pages over them."""
    settings = Settings(home=home, database_url="", queue_url="", secret_key=SECRET, demo=False)
    database = Database(settings)
    database.migrate()
    with database.write() as session:
        places.load_reference(session)
        made = make(session, settings, size)
    database.dispose()
    return [cost async for cost in measure(settings, made, rounds)]


def table(costs: Sequence[Cost]) -> str:
    """The figures for a person."""
    head = ("page", "statements", "CPU p50", "p95 ms", "wall p50", "p95 ms", "x empty", "HTML KB", "all KB", "fonts KB")
    lines = [head, *map(_line, costs)]
    return "\n".join(f"{line[0]:22}" + "".join(f"{cell:>11}" for cell in line[1:]) for line in lines)


def _line(cost: Cost) -> tuple[str, ...]:
    times = (cost.cpu_p50, cost.cpu_p95, cost.wall_p50, cost.wall_p95, cost.ratio)
    sizes = (cost.weight.page, cost.weight.total, cost.weight.fonts)
    return (
        cost.page,
        str(cost.statements),
        *(f"{time:.1f}" for time in times),
        *(f"{size / 1000:.1f}" for size in sizes),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m broker.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=30, help="how often each page is asked for")
    parser.add_argument("--smes", type=int, default=Size().city, help="SMEs of the city; a quarter more are elsewhere")
    parser.add_argument("--registered", type=int, default=Size().registered, help="SMEs at the event")
    chosen = parser.parse_args(arguments)
    size = Size(chosen.smes, chosen.smes // 4, chosen.registered)
    with tempfile.TemporaryDirectory() as home:
        print("bench: pages …", file=sys.stderr)
        costs = asyncio.run(bench(Path(home), size, chosen.rounds))
    print(json.dumps([asdict(cost) for cost in costs], indent=1) if chosen.json else table(costs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
