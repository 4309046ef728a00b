"""Where the organiser's two pictures put things: the map of cities and the sector matrix. Pure computation."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from broker.domain.queries.shortlists import Figures
from broker.models import City, Sector

WIDTH, HEIGHT, MARGIN = 360.0, 330.0, 28.0
LETTER, LINE = 7.0, 14.0
"""How wide a letter and how high a line of a label is, in the map's units: its type is 12.5 units."""


class Box(NamedTuple):
    """A rectangle: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """The area both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)


@dataclass(frozen=True, slots=True)
class Spot:
    """A city on the map: its dot, and its label with the side it hangs from."""

    name: str
    point: tuple[float, float]
    radius: float
    label: tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Arc:
    """The pairs between two cities."""

    path: str
    width: float
    one: str
    other: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Map:
    """Everything the map's SVG needs."""

    width: float
    height: float
    spots: list[Spot]
    arcs: list[Arc]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Creative sectors by row, growth sectors by column; each cell (pairs, step of heat from 0 to 9)."""

    columns: list[Sector]
    rows: list[tuple[Sector, list[tuple[int, int]]]]


@dataclass(frozen=True, slots=True)
class CityTable:
    """City × city: cells as of Matrix; a pair within a city stands on the diagonal."""

    columns: list[City]
    rows: list[tuple[City, list[tuple[int, int]]]]


def city_map(figures: Figures) -> Map:
    """Dots where the cities are, arcs as thick as the pairs between them, labels that do not collide."""
    points = {city.code: point for city, point in zip(figures.cities, _project(figures.cities), strict=True)}
    met: dict[str, int] = dict.fromkeys(points, 0)
    for (one, other), pairs in figures.by_city.items():
        met[one] += pairs
        met[other] += pairs if one != other else 0
    most = max(met.values(), default=1) or 1
    radius = {code: 3.5 + 5.0 * math.sqrt(pairs / most) for code, pairs in met.items()}
    names = {city.code: city.name for city in figures.cities}
    labels = _place_labels(names, points, radius)
    spots = [
        Spot(names[code], points[code], radius[code], labels[code])
        for code in sorted(points, key=lambda code: met[code])
    ]
    return Map(WIDTH, HEIGHT, spots, _arcs(figures, points, names))


def _project(cities: list[City]) -> list[tuple[float, float]]:
    """Equirectangular around the middle latitude, scaled to fit; good enough for eleven dots of Europe."""
    middle = math.cos(math.radians(50.0))
    flat = [(city.longitude * middle, -city.latitude) for city in cities]
    if not flat:
        return []
    left, top = min(x for x, _ in flat), min(y for _, y in flat)
    wide = max(x for x, _ in flat) - left or 1.0
    high = max(y for _, y in flat) - top or 1.0
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    across, down = (WIDTH - wide * scale) / 2, (HEIGHT - high * scale) / 2
    return [(across + (x - left) * scale, down + (y - top) * scale) for x, y in flat]


def _arcs(figures: Figures, points: dict[str, tuple[float, float]], names: dict[str, str]) -> list[Arc]:
    between = {pair: count for pair, count in figures.by_city.items() if pair[0] != pair[1]}
    most = max(between.values(), default=1)
    return [
        Arc(_bow(points[one], points[other]), 0.5 + 5.5 * (pairs / most) ** 1.5, names[one], names[other], pairs)
        for (one, other), pairs in sorted(between.items(), key=lambda entry: (entry[1], entry[0]))
    ]


def _bow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A curve that bends upwards (to the left for upright ones), so that no two pairs share a line."""
    (x1, y1), (x2, y2) = sorted((start, end))
    bend = 0.18
    middle_x = (x1 + x2) / 2 + (y2 - y1) * bend
    middle_y = (y1 + y2) / 2 - (x2 - x1) * bend
    return f"M{x1:.1f} {y1:.1f}Q{middle_x:.1f} {middle_y:.1f} {x2:.1f} {y2:.1f}"


def _place_labels(
    names: dict[str, str], points: dict[str, tuple[float, float]], radius: dict[str, float]
) -> dict[str, tuple[float, float, str]]:
    """For each city the first of eight places around its dot that collides least with dots and other labels."""
    dots = [_around(points[code], radius[code] + 1) for code in names]
    taken: list[Box] = []
    placed = {}
    # The most crowded choose first: they have the fewest places to go to.
    for code in sorted(names, key=lambda code: (_room(code, points), code)):
        choices = list(_choices(names[code], points[code], radius[code]))
        cost = [sum(box.overlap(other) for other in (*taken, *dots)) + _outside(box) for _, box in choices]
        where, box = choices[cost.index(min(cost))]
        taken.append(box)
        placed[code] = where
    return placed


def _room(code: str, points: dict[str, tuple[float, float]]) -> float:
    return min((math.dist(points[code], point) for other, point in points.items() if other != code), default=0.0)


def _around(point: tuple[float, float], reach: float) -> Box:
    return Box(point[0] - reach, point[1] - reach, point[0] + reach, point[1] + reach)


def _outside(box: Box) -> float:
    beyond = max(0.0, 2 - box.left) + max(0.0, box.right - WIDTH + 2)
    beyond += max(0.0, 2 - box.top) + max(0.0, box.bottom - HEIGHT + 2)
    return beyond * 100


def _choices(name: str, point: tuple[float, float], radius: float) -> list[tuple[tuple[float, float, str], Box]]:
    """Right, left, below, above, then the four corners: where the text begins (its baseline) and what it covers."""
    (x, y), wide, gap = point, len(name) * LETTER, radius + 4
    spots = [
        (x + gap, y + 4, "start"),
        (x - gap, y + 4, "end"),
        (x, y + gap + 9, "middle"),
        (x, y - gap, "middle"),
        (x + gap * 0.7, y + gap + 7, "start"),
        (x + gap * 0.7, y - gap * 0.7, "start"),
        (x - gap * 0.7, y + gap + 7, "end"),
        (x - gap * 0.7, y - gap * 0.7, "end"),
    ]
    shift = {"start": 0.0, "middle": -wide / 2, "end": -wide}
    return [
        (
            (left, base, anchor),
            Box(left + shift[anchor], base - LINE + 3, left + shift[anchor] + wide, base + 3),
        )
        for left, base, anchor in spots
    ]


def matrix(figures: Figures) -> Matrix:
    """The creative × growth pairs as a table with ten steps of heat."""
    most = max(figures.by_sector.values(), default=1)
    rows = [
        (row, [_cell(figures.by_sector[row.code, column.code], most) for column in figures.growth])
        for row in figures.creative
    ]
    return Matrix(figures.growth, rows)


def city_table(figures: Figures) -> CityTable:
    """The pairs of every two cities that have any, by name."""
    met = {code for pair in figures.by_city for code in pair}
    cities = sorted((city for city in figures.cities if city.code in met), key=lambda city: city.name)
    most = max(figures.by_city.values(), default=1)
    rows = [
        (one, [_cell(figures.by_city[min(one.code, two.code), max(one.code, two.code)], most) for two in cities])
        for one in cities
    ]
    return CityTable(cities, rows)


def _cell(pairs: int, most: int) -> tuple[int, int]:
    return pairs, 0 if pairs == 0 else max(1, round(9 * pairs / most))
