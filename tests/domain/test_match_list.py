"""The match list filters, sorts and turns its pairs, and a file holds what was chosen."""

from datetime import UTC, datetime

import pytest

from broker.domain.match_list import COLUMNS, Detail, Filters, PairRow, Side, choices, counts, fitting, table
from broker.models import Answer

NOON = datetime(2027, 3, 20, 12, tzinfo=UTC)
YES, NEVER = Answer.INTERESTED, Answer.NEVER


def side(sme_id: int, name: str, city: str, answer: Answer | None = None, at: datetime | None = None) -> Side:
    at = at or (NOON if answer else None)
    return Side(sme_id, name, city.lower(), city, "games", "Games", "creative", answer, at)


ADA_BEA = PairRow(1, side(1, "Łada", "Berlin", YES), side(2, "Bea Retail", "Rome", YES), 0.5, NOON)
ADA_CYD = PairRow(2, side(1, "Łada", "Berlin"), side(3, "AI Cyd", "Linz", YES, NOON.replace(hour=13)), 0.8, None)
BEA_CYD = PairRow(3, side(2, "Bea Retail", "Rome", NEVER), side(3, "AI Cyd", "Linz"), 0.6, None)
CYD_DAN = PairRow(4, side(3, "AI Cyd", "Linz"), side(4, "Dan", "Rome"), 0.7, None)
ROWS = [ADA_BEA, ADA_CYD, BEA_CYD, CYD_DAN]


def ids(**asked: object) -> list[int]:
    return [row.match_id for row in fitting(ROWS, Filters(**asked))]  # type: ignore[arg-type]


def test_each_pair_is_in_one_state() -> None:
    assert [row.state for row in ROWS] == ["mutual", "waiting", "declined", "unanswered"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [2, 4, 3, 1]),
        ({"city": "rome"}, [4, 3, 1]),
        ({"sector": "games", "at_least": 60}, [2, 4, 3]),
        ({"sector": "food"}, []),
        ({"state": "mutual"}, [1]),
        ({"words": "lada"}, [2, 1]),
        ({"words": "ai"}, [2, 4, 3]),  # the beginning of a word: not "Retail"
        ({"words": "ai", "city": "rome"}, []),  # one SME must fit all of it
        ({"sort": "newest"}, [2, 3, 1, 4]),
        ({"sort": "name"}, [4, 3, 2, 1]),
        ({"sort": "city"}, [2, 1, 4, 3]),
        ({"sort": "nonsense"}, [2, 4, 3, 1]),
    ],
)
def test_pairs_are_filtered_and_sorted(asked: dict[str, object], found: list[int]) -> None:
    assert ids(**asked) == found


def test_who_is_looked_for_stands_first_in_its_pair() -> None:
    assert [row.one.name for row in fitting(ROWS, Filters(city="rome"))] == ["Dan", "Bea Retail", "Bea Retail"]


def test_counts_are_of_all_pairs() -> None:
    found = counts(ROWS, 2)
    states = {"mutual": 1, "waiting": 1, "declined": 1, "unanswered": 1}
    assert (found.pairs, found.states, found.smes, found.silent) == (4, states, 4, 2)


def test_cities_and_sectors_to_choose_from_are_those_there_are() -> None:
    assert choices(ROWS) == ([("berlin", "Berlin"), ("linz", "Linz"), ("rome", "Rome")], [("games", "Games")])


def test_a_file_has_the_chosen_columns_in_their_order_and_nothing_else() -> None:
    found = table([ADA_CYD], ("strength", "city"), {})
    assert found.columns == ("sme", "partner", "sme_city", "partner_city", "strength")
    assert found.rows == [("Łada", "AI Cyd", "Berlin", "Linz", "0.800")]


def test_a_file_with_every_column_has_both_sides_of_each() -> None:
    detail = Detail(("looks", "seeks"), ("Hub", ""), ("English", "German"), (("Ann", "a@x", "1"), ("Bob", "b@x", "2")))
    found = table([ADA_BEA], tuple(COLUMNS), {1: detail})
    assert dict(zip(found.columns, found.rows[0], strict=True)) == {
        "sme": "Łada",
        "partner": "Bea Retail",
        "sme_city": "Berlin",
        "partner_city": "Rome",
        "sme_sector": "Games",
        "sme_group": "creative",
        "partner_sector": "Games",
        "partner_group": "creative",
        "strength": "0.500",
        "answer_sme": "interested",
        "answer_partner": "interested",
        "answer_sme_at": "2027-03-20 12:00 UTC",
        "answer_partner_at": "2027-03-20 12:00 UTC",
        "introduced_at": "2027-03-20 12:00 UTC",
        "reason_for_sme": "looks",
        "reason_for_partner": "seeks",
        "sme_hub": "Hub",
        "partner_hub": "",
        "sme_languages_in_english": "English",
        "partner_languages_in_english": "German",
        "sme_contact": "Ann",
        "sme_email": "a@x",
        "sme_phone": "1",
        "partner_contact": "Bob",
        "partner_email": "b@x",
        "partner_phone": "2",
    }
