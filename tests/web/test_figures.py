"""The map's labels never collide, and the matrix counts what it says."""

import itertools
from collections import Counter

from sqlmodel import Session, select

from broker.domain.queries.shortlists import Figures
from broker.models import City, Sector
from broker.web import figures


def test_no_label_covers_another_or_a_dot_however_large_the_dots_are(session: Session) -> None:
    cities = sorted(session.exec(select(City)).all(), key=lambda city: city.code)
    for most in (1, 5, 40):
        drawn = figures.city_map(_figures(cities, most))
        boxes = {spot.name: _box(spot) for spot in drawn.spots}
        for (one, box), (other, other_box) in itertools.combinations(boxes.items(), 2):
            assert box.overlap(other_box) == 0, (one, other)
        for spot in drawn.spots:
            dot = figures._around(spot.point, spot.radius)
            assert [name for name, box in boxes.items() if box.overlap(dot) > 0] == []
        for box in boxes.values():
            assert 0 <= box.left < box.right <= drawn.width
            assert 0 <= box.top < box.bottom <= drawn.height


def test_arcs_grow_thicker_the_more_pairs_there_are(session: Session) -> None:
    cities = sorted(session.exec(select(City)).all(), key=lambda city: city.code)
    counted = Counter({("berlin", "rome"): 8, ("linz", "rome"): 4, ("rome", "rome"): 9})

    arcs = figures.city_map(_figures(cities, 0, counted)).arcs

    assert [(arc.one, arc.other, arc.pairs, round(arc.width, 2)) for arc in arcs] == [
        ("Linz", "Rome", 4, 2.44),
        ("Berlin", "Rome", 8, 6.0),
    ]


def test_the_matrix_has_ten_steps_of_heat_and_none_is_cold() -> None:
    creative = [Sector(code="games", name="Games", group="creative")]
    growth = [Sector(code=code, name=code.title(), group="growth") for code in ("food", "health", "retail")]
    pairs = Counter({("games", "food"): 40, ("games", "health"): 1})
    counted = Figures([], Counter(), creative, growth, pairs, pairs.total(), 0, pairs.total(), Counter())

    [(row, cells)] = figures.matrix(counted).rows

    assert (row.name, cells) == ("Games", [(40, 9), (1, 1), (0, 0)])


def _figures(cities: list[City], pairs: int, counted: Counter[tuple[str, str]] | None = None) -> Figures:
    codes = [city.code for city in cities]
    by_city = counted or Counter(dict.fromkeys(itertools.combinations(codes, 2), pairs))
    return Figures(cities, by_city, [], [], Counter(), by_city.total(), 0, 0, Counter())


def _box(spot: figures.Spot) -> figures.Box:
    left, base, anchor = spot.label
    wide = len(spot.name) * figures.LETTER
    left -= {"start": 0, "middle": wide / 2, "end": wide}[anchor]
    return figures.Box(left, base - figures.LINE + 3, left + wide, base + 3)
