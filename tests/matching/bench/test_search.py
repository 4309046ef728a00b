import numpy as np
import pytest

from matching.bench import search
from matching.search import nearest, reciprocal


def test_every_task_stands_beside_its_floor_and_its_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, small in {"PROFILES": 150, "LISTED": (150, 300), "TURNS": 1, "LIST_TURNS": 1, "CHANGES": 3}.items():
        monkeypatch.setattr(search, name, small)
    found = search.tasks()
    assert {name: set(one.peers) for name, one in found.items()} == {
        "all_pairs_150": {"sklearn_brute", "numpy_plain"},
        "reciprocal_150": {"numpy_plain"},
        "reciprocal_list_150": {"numpy_plain"},
        "reciprocal_list_300": {"numpy_plain"},
        "changed_profile_150": {"rebuild"},
    }
    assert all(one.seconds > 0 and one.floor_seconds > 0 for one in found.values())


def test_the_peers_find_the_same_partners() -> None:
    sides = search.invented(200)
    both = np.concatenate(search.plain_reciprocal(sides))
    assert np.array_equal(both, reciprocal(sides, search.PARTNERS).places)
    one = np.concatenate(search.plain_nearest(sides))
    assert np.array_equal(one, nearest(sides.needs, sides.offers, search.PARTNERS, sides.labels).places)
    assert search.brute_force(sides) == 1
